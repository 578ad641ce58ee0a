"""Windows around the kept sessions and files: found, studied, exported, compared over time.

- ``sessions``: the window of all sessions; ``session_table``, ``filters`` and ``details`` are its
  parts, ``session_dialogs`` its dialogs.
- ``exporting``: sessions for other tools.
- ``study``: what is said of a session before it starts.
- ``files``: many recordings at once, ``file_rows`` their table; ``analysis_queue`` analyses them.
- ``trend``, ``trend_plot``: a participant's sessions over weeks.
"""
