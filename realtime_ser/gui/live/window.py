"""The window itself: it shows what it is given and tells what a person does. It knows no engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PyQt6.QtCore import QEvent, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPixmap,
    QResizeEvent,
    QShortcut,
)
from PyQt6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from realtime_ser.config import WindowConfig
from realtime_ser.errors import OutputError
from realtime_ser.gui.faces import draw_face
from realtime_ser.gui.live.channelview import ChannelView
from realtime_ser.gui.live.notices import Card, FileProgress, Ribbon, demo_words, ribbon_words
from realtime_ser.gui.live.panel import NOTICE
from realtime_ser.gui.live.scroll import ScrollClock
from realtime_ser.gui.live.states import Panorama, Situation
from realtime_ser.gui.live.statusline import StatusLine
from realtime_ser.gui.live.topbar import TopBar
from realtime_ser.gui.theme import ThemeChoice, choose, make_look, palette, style_sheet
from realtime_ser.gui.timeline import Timeline
from realtime_ser.labels import LABELS
from realtime_ser.records import Record, Update
from realtime_ser.session.summary import ChannelSummary

#: Below this width in logical pixels (at scale 1) the left column folds away.
FOLD_WIDTH = 900

#: What is kept beyond the visible time axis: dashes go on from the start of a segment.
_SPARE_S = 40.0

_KEYS = (
    ("Space", "start, pause, go on"),
    ("M", "set a marker now, with the text that was typed"),
    ("Ctrl+E", "export the session so far"),
    ("F1", "this list"),
    ("Tab", "next control"),
    ("Ctrl+Q", "close; the session is complete on disk"),
)

_STOPPED = {
    Situation.IDLE: "not listening",
    Situation.OPENING: "opening",
    Situation.PAUSED: "paused",
    Situation.RECONNECTING: "reconnecting",
    Situation.ENDED: "ended",
    Situation.NO_MICROPHONE: "no microphone",
    Situation.FAILED: "stopped",
}


class MainWindow(QMainWindow):
    """Shows a session.

    Parameters
    ----------
    config
        Its settings.
    """

    space_pressed = pyqtSignal()
    closing = pyqtSignal()

    def __init__(self, config: WindowConfig) -> None:
        super().__init__()
        self._config = config
        self._choice: ThemeChoice = config.theme
        self._view = Panorama()
        self._scroll = ScrollClock()
        self._last_s: float | None = None
        self.timeline = Timeline(LABELS, (1,), config.timeline_s + _SPARE_S)
        self.topbar = TopBar(config.theme)
        self.demo = Ribbon()
        self.notice = Ribbon()
        self.progress = FileProgress()
        self.statusline = StatusLine()
        self.channels: dict[int, ChannelView] = {}
        hints = QGuiApplication.styleHints()
        self._system = hints.colorScheme() if hints is not None else Qt.ColorScheme.Unknown
        self._look = make_look(choose(self._choice, self._system), 1280, 720)
        self._lay_out()
        self.card = Card(self._scroller)
        self._keys()
        self.setWindowTitle("Realtime SER")
        self.setWindowIcon(_icon())
        self.setMinimumSize(QSize(640, 480))
        self.topbar.theme_chosen.connect(self.set_theme)
        self.topbar.help_pressed.connect(self.show_help)
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow_system)
        self.begin(LABELS, (1,), rate=1.0)
        self.resize(1280, 720)
        self._restyle()

    def begin(
        self,
        labels: Sequence[str],
        channels: Sequence[int],
        *,
        rate: float,
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Empty the window for a new session.

        Parameters
        ----------
        labels
            The model's labels, in its order.
        channels
            Channels to show, from 1.
        rate
            Session seconds a second; 0 as fast as it can.
        names
            Names of some or all channels.
        """
        config = self._config
        self.timeline = Timeline(labels, channels, config.timeline_s + _SPARE_S)
        self._scroll = ScrollClock(rate)
        for view in self.channels.values():
            self._rows.removeWidget(view)
            view.deleteLater()
        self.channels = {
            channel: ChannelView(
                self.timeline,
                channel,
                self._look,
                span_s=config.timeline_s,
                smoothing_s=config.smoothing_s,
                title=(names or {}).get(channel),
                compact=len(channels) > 1,
                axis=channel == channels[-1],
            )
            for channel in channels
        }
        for view in self.channels.values():
            view.fold(folded=self._folded)
            self._rows.addWidget(view, 1)
        self.card.raise_()

    def feed(self, records: Iterable[Record], now_s: float) -> None:
        """Take in records that arrived at ``now_s`` on the monotonic clock."""
        records = list(records)
        self.timeline.feed(records)
        for channel, view in self.channels.items():
            view.feed(r for r in records if isinstance(r, Update) and r.channel == channel)
        self._scroll.observe(self.timeline.end_s, now_s)

    def conclude(self, summaries: Mapping[int, ChannelSummary]) -> None:
        """Show how the session went, from now on."""
        for channel, summary in summaries.items():
            self.channels[channel].summary = summary

    def show_view(self, view: Panorama, now_s: float) -> None:
        """Show a state."""
        self._scroll.observe(view.position_s, now_s)
        before, self._view = self._view, view
        self.topbar.show_view(view)
        self.statusline.show_view(view)
        self.progress.show_view(view)
        self.card.show_view(view)
        for ribbon, words in ((self.demo, demo_words), (self.notice, ribbon_words)):
            if words(view) != words(before):
                ribbon.say(words(view))
        self._centre_card()

    def tick(self, now_s: float) -> None:
        """Show this moment; ``now_s`` is on the monotonic clock."""
        elapsed_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        right_s = self._scroll.read(now_s)
        stopped = _STOPPED.get(self._view.situation, "")
        for view in self.channels.values():
            view.tick(right_s, elapsed_s, stopped=stopped)

    def set_theme(self, choice: ThemeChoice) -> None:
        """Change the theme at once."""
        self._choice = choice
        self.topbar.themes[choice].setChecked(True)
        self._restyle()

    def picture(self, path: Path) -> None:
        """Write what the window shows as a PNG.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        QApplication.processEvents()
        if not self.grab().save(str(path), "PNG"):
            raise OutputError(f"Cannot write the screenshot {path}; choose another place.")

    def warn(self, title: str, text: str) -> None:
        """Show a message with its next step; the session goes on."""
        box = QMessageBox(QMessageBox.Icon.Warning, title, text, parent=self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def show_help(self) -> None:
        """List the keys, and say what the labels mean."""
        rows = "".join(
            f"<tr><td style='padding-right: 16px'><b>{key}</b></td><td>{text}</td></tr>"
            for key, text in _KEYS
        )
        text = f"<table>{rows}</table><p>{NOTICE}</p><p>Nothing leaves this computer.</p>"
        box = QMessageBox(QMessageBox.Icon.NoIcon, "Keys and meaning", text, parent=self)
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Space, where no control wants it for itself."""
        if event is not None and event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space_pressed.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Sizes follow the window's."""
        super().resizeEvent(event)
        look = make_look(self._look.theme, self.width(), self.height())
        if look != self._look:
            self._restyle()
        self.topbar.set_look(self._look, self.width())
        for view in self.channels.values():
            view.fold(folded=self._folded)
        self._centre_card()

    def changeEvent(self, event: QEvent | None) -> None:
        """The system's font may change while the window is open."""
        super().changeEvent(event)
        if event is not None and event.type() is QEvent.Type.ApplicationFontChange:
            self._restyle()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing asks nothing and loses nothing."""
        self.closing.emit()
        super().closeEvent(event)

    @property
    def _folded(self) -> bool:
        return self.width() < FOLD_WIDTH * self._look.scale

    def _follow_system(self, scheme: Qt.ColorScheme) -> None:
        self._system = scheme
        self._restyle()

    def _restyle(self) -> None:
        theme = choose(self._choice, self._system)
        self._look = look = make_look(theme, self.width(), self.height())
        QApplication.setPalette(palette(theme))
        self.setFont(look.body)
        self.setStyleSheet(style_sheet(look))
        self.topbar.set_look(look, self.width())
        for widget in (self.demo, self.notice, self.card, self.statusline):
            widget.set_look(look)
        for view in self.channels.values():
            view.set_look(look)
        self._centre_card()

    def _lay_out(self) -> None:
        body = QWidget()
        body.setObjectName("body")
        self._rows = QVBoxLayout(body)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._scroller = QScrollArea()
        self._scroller.setWidget(body)
        self._scroller.setWidgetResizable(True)
        self._scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        whole = QWidget()
        whole.setObjectName("body")
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.topbar, self.demo, self.notice, self.progress):
            column.addWidget(widget)
        column.addWidget(self._scroller, 1)
        column.addWidget(self.statusline)
        self.setCentralWidget(whole)
        whole.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        whole.setFocus()

    def _keys(self) -> None:
        for keys, action in (
            ("M", self.topbar.mark.click),
            ("Ctrl+E", self.topbar.export.click),
            ("F1", self.show_help),
            ("Ctrl+Q", self.close),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(action)

    def _centre_card(self) -> None:
        if self.card.isVisible():
            room = self._scroller.size()
            self.card.move(
                max(0, (room.width() - self.card.width()) // 2),
                max(0, (room.height() - self.card.height()) // 3),
            )


def _icon() -> QIcon:
    icon = QIcon()
    for pixels in (16, 32, 64, 128):
        image = QPixmap(pixels, pixels)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_face(painter, image.rect().toRectF(), "happy")
        painter.end()
        icon.addPixmap(image)
    return icon
