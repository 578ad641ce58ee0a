"""The live window: PyQt6 and pyqtgraph are used here and nowhere else.

Plain Python says what to show: ``timeline``, ``readout``, ``scroll``, ``results``, ``states``,
``pace``, ``words`` and ``export``. ``window`` and its widgets show it and know no engine.
``conductor`` joins a window to a session; ``driver`` opens and closes sessions in a thread of its
own.
"""

from realtime_ser.gui.app import render_screenshot, run

__all__ = ["render_screenshot", "run"]
