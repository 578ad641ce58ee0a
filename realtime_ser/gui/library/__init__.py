"""Windows around the kept sessions and files: found, studied, exported, compared over time.

- ``sessions``: the window of all sessions; ``session_table``, ``filters`` and ``details`` are its
  parts, ``session_dialogs`` its dialogs.
- ``exporting``: sessions for other tools.
- ``study``: what is said of a session before it starts.
- ``files``: many recordings at once, ``file_rows`` their table; ``analysis_queue`` analyses them.
- ``trend``, ``trend_plot``: a participant's sessions over weeks.
"""

from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.library.files import FilesWindow
from realtime_ser.gui.library.session_dialogs import offer_interrupted
from realtime_ser.gui.library.sessions import SessionsWindow
from realtime_ser.gui.library.study import StudyDialog
from realtime_ser.gui.library.trend import TrendWindow

__all__ = [
    "ExportDialog",
    "FilesWindow",
    "SessionsWindow",
    "StudyDialog",
    "TrendWindow",
    "offer_interrupted",
]
