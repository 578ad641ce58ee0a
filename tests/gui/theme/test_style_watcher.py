"""Theme and scale reach every widget of a window, whenever it comes into it."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication, QDialog, QGridLayout, QLabel, QTableWidget, QWidget

from realtime_ser.gui.theme.style_watcher import (
    StyledWidget,
    StyleWatcher,
    apply_measures,
    choose_theme,
    current_theme,
    pad,
    reserve,
    set_columns,
    set_size,
    style_of,
)
from realtime_ser.gui.theme.theme import make_style, style_sheet
from realtime_ser.timeline.style import DARK, LIGHT

HD, UHD = (1280, 720), (3840, 2160)


@pytest.fixture(autouse=True)
def palette(qapp):
    before = QApplication.palette()
    yield
    QApplication.setPalette(before)


class Painted(StyledWidget):
    def __init__(self):
        super().__init__()
        self.styles = []

    def restyle(self, style):
        self.styles.append(style)


@pytest.fixture
def window(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(*HD)
    made.layout_ = QGridLayout(made)
    made.show()
    return made


def test_measures_follow_the_scale_of_the_window(window):
    label, table = QLabel(), QTableWidget(2, 2)
    window.layout_.addWidget(label, 0, 0)
    window.layout_.addWidget(table, 1, 0)
    pad(window.layout_, (1, 2, 3, 4), (0.5, 1.5))
    set_size(label, height=3, max_width=40)
    set_size(label, min_width=5)
    set_size(table, rows=4)
    set_columns(table.horizontalHeader(), {1: 20})
    StyleWatcher(window)
    for size, scale in ((HD, 1), (UHD, 2), (HD, 1)):
        window.resize(*size)
        margins = window.layout_.contentsMargins()
        sides = margins.left(), margins.top(), margins.right(), margins.bottom()
        assert sides == tuple(8 * scale * units for units in (1, 2, 3, 4))
        assert window.layout_.horizontalSpacing() == 4 * scale
        assert window.layout_.verticalSpacing() == 12 * scale
        assert label.height() == label.maximumHeight() == 24 * scale
        assert (label.minimumWidth(), label.maximumWidth()) == (40 * scale, 320 * scale)
        assert table.rowHeight(1) == 32 * scale
        assert table.columnWidth(1) == 160 * scale


def test_room_for_words_is_that_of_the_longest_one(window):
    label = QLabel()
    window.layout_.addWidget(label)
    reserve(label, ["short", "a good deal longer"], font="bold", extra=0)
    StyleWatcher(window)
    label.setStyleSheet("font-weight: 600;")
    label.setText("a good deal longer")
    assert label.minimumWidth() == pytest.approx(label.sizeHint().width(), abs=3)


def test_a_widget_is_told_of_each_style_once_and_when_it_comes_into_a_window(window):
    choose_theme("dark")
    first, later = Painted(), Painted()
    window.layout_.addWidget(first)
    StyleWatcher(window)
    window.resize(*UHD)
    window.layout_.addWidget(later)
    choose_theme("light")
    expected = [make_style(DARK, *UHD), make_style(LIGHT, *UHD)]
    assert first.styles == later.styles == expected


def test_what_is_added_to_a_large_window_takes_its_measures(window):
    StyleWatcher(window)
    window.resize(*UHD)
    label = QLabel()
    set_size(label, height=3)
    window.layout_.addWidget(label)
    apply_measures(label)
    assert label.height() == 48


def test_a_dialog_has_the_scale_of_its_window(window):
    window.resize(*UHD)
    dialog = QDialog(window)
    StyleWatcher(dialog)
    assert style_of(dialog).scale == 2
    assert style_sheet(make_style(current_theme(), *UHD)) == dialog.styleSheet()


def test_the_first_window_chooses_a_theme_and_the_others_keep_it(qtbot, window):
    QApplication.setPalette(QPalette(Qt.GlobalColor.red))
    StyleWatcher(window, "light")
    assert current_theme() is LIGHT
    other = QWidget()
    qtbot.addWidget(other)
    StyleWatcher(other, "dark")
    assert current_theme() is LIGHT
    assert LIGHT.background in other.styleSheet()


def test_a_desktop_that_turns_dark_is_followed_in_every_window(qtbot, window):
    other = QWidget()
    qtbot.addWidget(other)
    choose_theme("system")
    StyleWatcher(window)
    StyleWatcher(other)
    hints = QGuiApplication.styleHints()
    for scheme, theme in ((Qt.ColorScheme.Light, LIGHT), (Qt.ColorScheme.Dark, DARK)):
        hints.colorSchemeChanged.emit(scheme)
        assert all(theme.background in one.styleSheet() for one in (window, other))
    choose_theme("dark")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert current_theme() is DARK


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_style_sheet_is_filled_in_and_understood(qtbot, qtlog, window, theme):
    sheet = style_sheet(make_style(theme, *HD))
    rules = sheet.partition("*/")[2]
    assert "@" not in rules
    assert theme.accent in rules
    window.setStyleSheet(sheet)
    assert not [record for record in qtlog.records if "parse" in record.message.lower()]
