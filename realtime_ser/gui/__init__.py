"""The windows: PyQt6 and pyqtgraph are used here and nowhere else.

``live`` is the window that listens, ``review`` the one that looks at a kept session, ``library``
those of all sessions, studies and files; ``shell`` is the application around them. What several of
them need lies beside them: colours and sizes (``theme``), scrolling drawings (``paper``,
``drawings``), what they draw (``timeline``, ``results``), small shapes (``glyphs``, ``faces``),
work beside a window (``task``).
"""

from realtime_ser.gui.app import render_screenshot, run

__all__ = ["render_screenshot", "run"]
