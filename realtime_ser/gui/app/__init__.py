"""The application around the live window: what belongs to no single window.

- ``run``: starts Qt and the live window. ``window_manager``: opens all other windows and dialogs.
- ``actions``: the actions and keys of all windows, and menus and shortcuts made of them.
- ``preferences``: what was chosen, and its file; ``preferences_dialog``: the dialog for it.
- ``help``: keys, purpose and limits, diagnostics, versions and licences.
- ``log``: the program's own notes, and its faults.
"""
