"""Looks at a kept session, listens to it and corrects it.

- ``window``: the window of a session; ``view``: everything in it. ``comparison``: two takes of a
  passage side by side. ``file_dialog``: a recording is analysed, then looked at.
- ``segments``, ``annotation_list``, ``summary``: the tables at the side.
- ``session_player``: the kept sound, heard.
"""

from realtime_ser.gui.review.comparison import TakesWindow
from realtime_ser.gui.review.file_dialog import FileReview, review_file
from realtime_ser.gui.review.window import ReviewWindow

__all__ = ["FileReview", "ReviewWindow", "TakesWindow", "review_file"]
