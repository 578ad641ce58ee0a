"""Icons and faces are files, and have the colours of theme and label."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QRectF, QSize
from PyQt6.QtGui import QColor, QIcon, QImage, QPainter, QPalette
from PyQt6.QtWidgets import QApplication

from realtime_ser.base.labels import COLORS, LABELS
from realtime_ser.gui.live.status_model import UiState
from realtime_ser.gui.theme.theme import palette
from realtime_ser.gui.widgets.icons import draw_face, draw_glyph, face_icon, glyph_icon
from realtime_ser.timeline.style import DARK, LIGHT


@pytest.fixture(autouse=True)
def before(qapp):
    was = QApplication.palette()
    yield
    QApplication.setPalette(was)


def painted(draw, *arguments):
    image = QImage(64, 64, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    draw(painter, *arguments)
    painter.end()
    return image


def colors_of(image):
    """Names of the colours of all opaque pixels."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return [pixel.name() for pixel in pixels if pixel.alpha() == 255]


@pytest.mark.parametrize("name", sorted({state.glyph for state in UiState}))
def test_every_state_has_an_icon_in_one_colour(name):
    image = painted(draw_glyph, name, QRectF(0, 0, 64, 64), "#123456")
    assert set(colors_of(image)) == {"#123456"}


@pytest.mark.parametrize("label", LABELS)
def test_the_face_of_a_label_has_the_label_s_colour(label):
    image = painted(draw_face, QRectF(0, 0, 64, 64), label)
    colors = colors_of(image)
    assert max(set(colors), key=colors.count) == QColor(COLORS[label]).lighter(112).name()


def test_no_two_faces_are_alike_and_a_strange_label_has_a_neutral_one():
    faces = [painted(draw_face, QRectF(0, 0, 64, 64), label) for label in LABELS]
    shapes = {tuple(color == "#1b1d22" for color in colors_of(face)) for face in faces}
    assert len(shapes) == len(LABELS)
    assert painted(draw_face, QRectF(0, 0, 64, 64), "bored").pixelColor(32, 42).alpha() == 255


def test_an_icon_follows_the_theme_without_being_made_anew():
    icon, primary = glyph_icon("square"), glyph_icon("square", QPalette.ColorRole.HighlightedText)
    for theme in (DARK, LIGHT):
        QApplication.setPalette(palette(theme))
        for shown, mode, color in (
            (icon, QIcon.Mode.Normal, theme.text),
            (icon, QIcon.Mode.Disabled, theme.muted),
            (QIcon(primary), QIcon.Mode.Normal, theme.on_accent),
            (primary, QIcon.Mode.Disabled, theme.muted),
        ):
            image = shown.pixmap(QSize(32, 32), 1.0, mode).toImage()
            middle = image.pixelColor(image.rect().center())
            assert middle.name().upper() == color


def test_a_window_s_icon_comes_in_all_usual_sizes():
    assert {size.width() for size in face_icon("happy").availableSizes()} == {16, 32, 64, 128}
