"""Small pieces that several windows are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from PyQt6.QtCore import QEvent, QObject, QPointF, QRectF, QSignalBlocker, QSize, Qt, QUrl
from PyQt6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_S
from realtime_ser.gui.theme.style_watcher import pad, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import draw_glyph, glyph_icon


class MessageLabel(QLabel):
    """Message below controls: what was done, or why not."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Message")
        self.hide()

    def say(self, words: str) -> None:
        """Show a success; without words, hide."""
        self._show(words, "small")

    def warn(self, words: str) -> None:
        """Show a failure; without words, hide."""
        self._show(f"\u26a0 {words}" if words else "", "small danger")

    @contextlib.contextmanager
    def reporting_errors(self) -> Iterator[None]:
        """Say what the body cannot do, in place of raising."""
        try:
            yield
        except SerError as error:
            self.warn(str(error))

    def _show(self, words: str, role: str) -> None:
        self.setText(words)
        set_role(self, role)
        self.setVisible(bool(words))


class ElidedLabel(QLabel):
    """Words of one line, cut where there is no more room; a tooltip then tells all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        """As narrow as need be."""
        return QSize(1, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw the words as far as there is room."""
        words = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.width()
        )
        self.setToolTip("" if words == self.text() else self.text())
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(self.rect(), self.alignment(), words)
        painter.end()


W = TypeVar("W", bound=QWidget)


def described(widget: W, name: str, tip: str = "") -> W:
    """A widget with its name for a screen reader and its tooltip."""
    widget.setAccessibleName(name)
    widget.setToolTip(tip)
    return widget


class VerticalScrollArea(QScrollArea):
    """Scrolls a widget of its own width up and down."""

    def __init__(self, widget: QWidget | None = None) -> None:
        super().__init__()
        if widget is not None:
            self.setWidget(widget)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)


class KeysForWindow(QObject):
    """Keeps keys that would write or search something from a widget: they are the window's."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass such a key on to the widget's parent."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            words = event.text()
            if words and words.isprintable():
                event.ignore()
                return True
        return super().eventFilter(watched, event)


class PopupMenu(QMenu):
    """A context menu; it is deleted when it closes."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def add(self, text: str, act: Callable[[], object], *, enabled: bool = True) -> None:
        """Add an action."""
        action = QAction(text, self)
        action.setEnabled(enabled)
        action.triggered.connect(lambda _: act())
        self.addAction(action)


class ChevronComboBox(QComboBox):
    """Combo box with an arrow of its own: the style sheet takes the usual one away."""

    def __init__(self, name: str = "", tip: str = "") -> None:
        super().__init__()
        described(self, name, tip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def fill(self, choices: Iterable[tuple[str, Any]], chosen: Any) -> None:
        """Offer texts with their values, one of which is chosen, or else the first; no signal."""
        with QSignalBlocker(self):
            self.clear()
            for text, value in choices:
                self.addItem(text, value)
            self.setCurrentIndex(max(0, self.findData(chosen)))

    def sizeHint(self) -> QSize:
        """Room for the longest words and the sign."""
        return super().sizeHint() + QSize(style_of(self).grid(1), 0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the sign over Qt's own drawing."""
        super().paintEvent(event)
        painter = QPainter(self)
        draw_chevron(self, painter, 1.25, 1.75)
        painter.end()


def draw_chevron(box: QComboBox, painter: QPainter, side: float, middle: float) -> None:
    """Draw the sign that a box has more to choose from; side and place from the right in units."""
    style = style_of(box)
    place = QRectF(0, 0, style.grid(side), style.grid(side))
    place.moveCenter(QPointF(box.width() - style.grid(middle), box.height() / 2))
    color = style.theme.text if box.isEnabled() else style.theme.muted
    draw_glyph(painter, "chevron", place, color)


def seconds_box(name: str, tip: str, most_s: float = 0.0, *, decimals: int = 2) -> QDoubleSpinBox:
    """A field for seconds, which arrow keys change by a step of the model."""
    made = described(QDoubleSpinBox(), name, tip)
    made.setRange(0.0, most_s)
    made.setDecimals(decimals)
    made.setSingleStep(STEP_S)
    made.setSuffix(" s")
    made.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    return made


def line_edit(name: str, tip: str = "", hint: str = "", *, clearable: bool = False) -> QLineEdit:
    """A field for a line of words, with a hint that it shows while it is empty."""
    made = described(QLineEdit(), name, tip)
    made.setPlaceholderText(hint)
    made.setClearButtonEnabled(clearable)
    return made


def slider(name: str, tip: str, most: int, page_step: int) -> QSlider:
    """A lying slider from 0."""
    made = described(QSlider(Qt.Orientation.Horizontal), name, tip)
    made.setRange(0, most)
    made.setPageStep(page_step)
    return made


def button(
    text: str,
    tip: str,
    role: str = "",
    *,
    icon: str = "",
    click_focus: bool = True,
    clicked: Callable[[], object] | None = None,
) -> QPushButton:
    """A button with a tooltip.

    Parameters
    ----------
    icon
        Name of a glyph; empty: none.
    click_focus
        Whether a click focuses it; else keys such as Space keep their meaning for the window.
    clicked
        What it does.
    """
    made = described(QPushButton(text), text.replace("&", "").rstrip("…") or tip, tip)
    made.setAutoDefault(False)
    if icon:
        made.setIcon(glyph_icon(icon))
    if not click_focus:
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        set_role(made, role)
    if clicked is not None:
        made.clicked.connect(clicked)
    return made


def label(
    text: str = "", role: str = "", *, wrap: bool = False, buddy: QWidget | None = None
) -> QLabel:
    """Plain words; those before a control name it as their buddy."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        set_role(made, role)
    if buddy is not None:
        made.setBuddy(buddy)
    return made


def progress_bar(name: str = "Progress") -> QProgressBar:
    """A bar in thousandths of the work, without words in it."""
    made = described(QProgressBar(), name)
    made.setRange(0, 1000)
    made.setTextVisible(False)
    return made


def separator() -> QFrame:
    """A thin line between two parts."""
    made = QFrame()
    made.setObjectName("rule")
    made.setFixedHeight(1)
    return made


Part = QWidget | QLayout | None | tuple[QWidget | QLayout | None, int]
"""Of a row or column: a widget, a layout or free room (``None``), with its stretch if need be."""


L = TypeVar("L", bound=QBoxLayout)
Margins = float | tuple[float, float, float, float]


def row(*parts: Part, margins: Margins = 0.0, spacing: float = 1.0) -> QHBoxLayout:
    """Parts beside each other; margins and spacing in units of the grid."""
    return _filled(QHBoxLayout(), parts, margins, spacing)


def column(*parts: Part, margins: Margins = 0.0, spacing: float = 0.0) -> QVBoxLayout:
    """Parts below each other; margins and spacing in units of the grid."""
    return _filled(QVBoxLayout(), parts, margins, spacing)


def _filled(layout: L, parts: Iterable[Part], margins: Margins, spacing: float) -> L:
    pad(layout, margins, spacing)
    for part in parts:
        item, stretch = part if isinstance(part, tuple) else (part, 1 if part is None else 0)
        if item is None:
            layout.addStretch(stretch)
        elif isinstance(item, QLayout):
            layout.addLayout(item, stretch)
        else:
            layout.addWidget(item, stretch)
    return layout


def bar(
    *parts: Part, name: str = "bar", margins: Margins = (2, 1, 2, 1), spacing: float = 1.0
) -> QWidget:
    """A strip of controls along an edge of a window; the style sheet knows it by its name."""
    made = QWidget()
    made.setObjectName(name)
    made.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    made.setLayout(row(*parts, margins=margins, spacing=spacing))
    return made


def text_view(name: str, tip: str = "", text: str = "") -> QPlainTextEdit:
    """Lines to read and copy, which Tab leaves."""
    made = described(QPlainTextEdit(text), name, tip)
    made.setReadOnly(True)
    made.setTabChangesFocus(True)
    return made


def copy_text(text: str) -> None:
    """Put a text into the clipboard."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)


def reveal(path: Path) -> None:
    """Open a file's folder, or a folder, in the platform's file manager."""
    folder = path if path.is_dir() else path.parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder.resolve())))
