"""A picture of a whole file's timeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import Segment, Update
from realtime_ser.gui.app.application import application
from realtime_ser.gui.live.channel_view import ChannelView
from realtime_ser.gui.theme.theme import LIGHT, make_style, palette, set_role, style_sheet
from realtime_ser.timeline.live import LiveTimeline

_PX_PER_S = 20.0
_MIN_WIDTH, _MAX_WIDTH = 1280, 8000
_CHANNEL_HEIGHT = 480


class FilePicture:
    """Grows with a file's records, and is saved at its end.

    Parameters
    ----------
    info
        The file.
    channels
        Channels to show, one below the other.
    labels
        Labels of the probabilities, in order.
    """

    def __init__(self, info: SourceInfo, channels: Sequence[int], labels: Sequence[str]) -> None:
        application()
        self._name = info.name
        self._span_s = info.duration_s or 0.0
        self._timeline = LiveTimeline(labels, channels, self._span_s)

    def feed(self, records: Sequence[Update | Segment]) -> None:
        """Take in what was heard."""
        self._timeline.feed(records)

    def save(self, path: Path) -> None:
        """Write it as a PNG.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        channels = list(self._timeline.channels)
        width = round(min(max(self._span_s * _PX_PER_S, _MIN_WIDTH), _MAX_WIDTH))
        style = make_style(LIGHT, 1280, 720)
        QApplication.setPalette(palette(LIGHT))
        sheet = QWidget()
        sheet.setObjectName("body")
        sheet.setFont(style.body)
        sheet.setStyleSheet(style_sheet(style))
        layout = QVBoxLayout(sheet)
        title = QLabel(self._name)
        set_role(title, "bold")
        layout.addWidget(title)
        for channel in channels:
            view = ChannelView(
                self._timeline,
                channel,
                style,
                span_s=self._span_s,
                smoothing_s=0.0,
                compact=len(channels) > 1,
                axis=channel == channels[-1],
            )
            view.panel.hide()
            view.one_line_panel.hide()
            layout.addWidget(view, 1)
        sheet.resize(width, style.grid(6) + _CHANNEL_HEIGHT * len(channels))
        sheet.ensurePolished()
        QApplication.processEvents()
        for view in sheet.findChildren(ChannelView):
            view.tick(self._span_s, 0.0, stopped="")
        saved = sheet.grab().save(str(path), "PNG")
        sheet.deleteLater()
        if not saved:
            raise OutputError(f"Cannot write the picture {path}; choose another folder with --out.")
