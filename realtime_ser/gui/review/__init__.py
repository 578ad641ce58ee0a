"""Looks at a kept session, listens to it and corrects it.

- ``window``: the window of a session. ``takes``: two takes of a passage side by side. ``files``:
  a recording is analysed, then looked at.
- ``canvas``, ``strips``, ``plots``, ``overview``: the timeline; ``gestures``: the pointer on it.
- ``axis``, ``sight``: what is visible, and where times lie on the screen.
- ``content``, ``pyramid``, ``raster``: what is drawn, fast enough for a day. No Qt.
- ``annotations``, ``marks``: what a person marks and corrects.
- ``segments``, ``summary``: the table, and how the session went.
- ``sound``, ``playing``: the kept sound, seen and heard.
"""

from realtime_ser.gui.review.comparison import TakesWindow
from realtime_ser.gui.review.file_dialog import FileReview, review_file
from realtime_ser.gui.review.window import ReviewWindow

__all__ = ["FileReview", "ReviewWindow", "TakesWindow", "review_file"]
