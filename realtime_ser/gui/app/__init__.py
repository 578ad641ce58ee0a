"""The application around the live window: what belongs to no single window.

- ``hub``: opens all other windows and dialogs from the menus.
- ``keeper``: remembers what was chosen; ``preferences``: the dialog for it.
- ``welcome``: purpose, limits and consent, shown at the first start.
- ``about``, ``diagnostics``, ``logfile``, ``crash``: what a person needs when asking for help.
"""
