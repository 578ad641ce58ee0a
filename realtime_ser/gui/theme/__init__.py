"""How windows look.

- ``theme``: colours, line styles, fonts and sizes. ``style.qss``: the style sheet.
- ``icons/``, ``faces/``: SVG files, loaded by ``gui.widgets.icons``.
- ``style_watcher``: brings theme and scale to every widget of a window.
- ``rasterise``: an SVG document as PNG.
"""
