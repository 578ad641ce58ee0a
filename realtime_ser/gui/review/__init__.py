"""Looks at a kept session, listens to it and corrects it.

- ``window``: the window of a session; ``view``: everything in it. ``comparison``: two takes of a
  passage side by side. ``file_dialog``: a recording is analysed, then looked at.
- ``segments``, ``annotation_list``, ``summary``: the tables at the side.
- ``session_player``: the kept sound, heard.
"""
