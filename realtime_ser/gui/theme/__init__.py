"""How windows look.

- ``theme``: fonts, sizes and palette in the colours of a theme. ``style.qss``: the style sheet.
- ``icons/``: SVG files, loaded by ``gui.widgets.icons``.
- ``style_watcher``: brings theme and scale to every widget of a window.
- ``rasterise``: an SVG document as PNG.
"""
