"""The application around the live window: what belongs to no single window.

- ``run``: starts Qt and the live window. ``window_manager``: opens all other windows and dialogs.
- ``action_table``: the actions and keys of all windows; ``actions`` makes menus and shortcuts of
  them, ``key_sheet`` their list.
- ``preferences_file``, ``preference_store``: what was chosen; ``preferences``: the dialog for it.
- ``welcome``: purpose, limits and consent, shown at the first start.
- ``about``, ``diagnostics``, ``log_file``, ``crash``: what a person needs when asking for help.
"""
