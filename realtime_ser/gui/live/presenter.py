"""Faces and words that are read across a room."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.live.panel import NOTICE
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Face


class _Poster(QWidget):
    """One channel: a face, a few words, a number."""

    def __init__(self) -> None:
        super().__init__()
        self.face = Face()
        self.caption, self.title, self.value = QLabel(), QLabel(), QLabel()
        layout = QGridLayout(self)
        center = Qt.AlignmentFlag.AlignCenter
        layout.setRowStretch(0, 1)
        for row, widget in enumerate((self.caption, self.face, self.title, self.value), 1):
            layout.addWidget(widget, row, 0, center)
            if isinstance(widget, QLabel):
                widget.setAlignment(center)
                widget.setTextFormat(Qt.TextFormat.PlainText)
                widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
                widget.setMinimumWidth(1)
                layout.setAlignment(widget, Qt.AlignmentFlag(0))
        layout.setRowStretch(5, 1)
        set_role(self.caption, "muted")

    def fit(self, unit: float) -> None:
        """Fit into the room; ``unit`` is a twelfth of its smaller side."""
        side = round(5 * unit)
        self.face.setFixedSize(side, side)
        for label, pixels, bold in (
            (self.caption, 0.5 * unit, False),
            (self.title, 1.1 * unit, True),
            (self.value, unit, False),
        ):
            # The style sheet's sizes are for controls; these words fill the screen.
            weight = 600 if bold else 400
            label.setStyleSheet(f"font-size: {max(12, round(pixels))}px; font-weight: {weight};")

    def follow(self, view: ChannelView, *, caption: bool) -> None:
        """Show what a channel shows."""
        reading = view.reading
        self.face.show_label(reading.label, certain=reading.certain)
        self.caption.setVisible(caption)
        for label, text in (
            (self.caption, view.title),
            (self.title, reading.title),
            (self.value, reading.value),
        ):
            if label.text() != text:
                label.setText(text)
        for label in (self.title, self.value):
            set_role(label, "muted" if reading.label is None or not reading.certain else "")


class Presenter(QWidget):
    """All channels beside each other; nothing to click on."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("body")
        self.setAccessibleName("Presenter")
        self.posters: list[_Poster] = []
        self.foot = QLabel(NOTICE)
        self.foot.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.foot.setWordWrap(True)
        set_role(self.foot, "muted")
        self._grid = QGridLayout(self)
        self._grid.addWidget(self.foot, 1, 0)
        self._grid.setRowStretch(0, 1)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the room."""
        super().resizeEvent(event)
        self._fit()

    def follow(self, views: Sequence[ChannelView]) -> None:
        """Show what the channels show."""
        if len(views) != len(self.posters):
            for poster in self.posters:
                self._grid.removeWidget(poster)
                poster.deleteLater()
            self.posters = [_Poster() for _ in views]
            for column, poster in enumerate(self.posters):
                self._grid.addWidget(poster, 0, column)
            self._grid.removeWidget(self.foot)
            self._grid.addWidget(self.foot, 1, 0, 1, max(1, len(views)))
            self._fit()
        for poster, view in zip(self.posters, views, strict=True):
            poster.follow(view, caption=len(views) > 1)

    def _fit(self) -> None:
        unit = min(self.width() / max(1, len(self.posters)) / 13, self.height() / 11)
        for poster in self.posters:
            poster.fit(unit)
