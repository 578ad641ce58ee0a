"""Pictures of drawings, painted by Qt."""

from __future__ import annotations

from PyQt6.QtCore import QBuffer, QByteArray, QIODevice, QSize
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtSvg import QSvgRenderer

from realtime_ser.base.errors import OutputError
from realtime_ser.gui.app.application import application

_MAX_SIDE_PX = 32_000
"""Pixels of a side that Qt and most viewers cope with."""


def png_of_svg(svg: str, scale: float) -> bytes:
    """Paint an SVG document on white.

    Parameters
    ----------
    svg
        The document.
    scale
        Pixels for a unit; fewer where the picture would be too large.

    Raises
    ------
    OutputError
        It cannot be painted.
    """
    application()
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    size = renderer.defaultSize()
    scale = min(scale, _MAX_SIDE_PX / max(1, size.width(), size.height()))
    image = QImage(
        QSize(round(size.width() * scale), round(size.height() * scale)), QImage.Format.Format_RGB32
    )
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not renderer.isValid() or not image.save(buffer, "PNG"):
        raise OutputError("The picture cannot be painted: export .svg.")
    return bytes(data.data())
