"""Writes sessions for other tools: which format, what of it, and where to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import platformdirs
from PyQt6.QtCore import QLocale, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import numbered_path, writing
from realtime_ser.base.records import STEP_S
from realtime_ser.base.text import channel_title, count_text
from realtime_ser.exchange.audio import AudioRange, segment_range
from realtime_ser.exchange.corpus import CorpusRequest, export_corpus
from realtime_ser.exchange.csv_tables import export_study
from realtime_ser.exchange.registry import (
    CORPUS,
    FORMATS,
    TIDY,
    ExportFormat,
    ExportRequest,
    SessionFormat,
    export,
)
from realtime_ser.gui.theme.rasterise import png_of_svg
from realtime_ser.gui.theme.style_watcher import pad, set_size
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.widgets.dialogs import TaskDialog, ask_target
from realtime_ser.gui.widgets.localised import local_numbers, moment_text
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    button,
    column,
    described,
    label,
    line_edit,
    reveal,
    row,
    seconds_box,
    separator,
)
from realtime_ser.gui.widgets.task import ReportProgress
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.style import CurveStyle

EXPORT_FORMATS: tuple[ExportFormat, ...] = (*FORMATS, TIDY, CORPUS)
"""All formats, in the order in which they are offered."""

_CURVE_STYLES: tuple[tuple[str, CurveStyle], ...] = (("Stacked areas", "areas"), ("Lines", "lines"))

_PARTS = ("Whole session", "Stretch", "Segment")


class ExportDialog(TaskDialog):
    """Chooses a format, its options and a place, and writes sessions of the store in a folder.

    Several sessions go into a tidy table or a training corpus.
    """

    #: The files that were written, the one that was asked for first.
    exported = pyqtSignal(list)

    def __init__(
        self, folder: Path, sessions: Sequence[SessionInfo], parent: QWidget | None = None
    ) -> None:
        super().__init__("Export", parent, heading=_heading(sessions))
        self._folder = folder
        self._sessions = tuple(sessions)
        self._written = Path()
        self._touched = False
        self.kinds = described(QListWidget(), "Format")
        self.purpose = label("", "muted", wrap=True)
        self.channel = ChevronComboBox("Channel")
        self.part = ChevronComboBox("What of it")
        longest = max(0.01, *(info.duration_s for info in sessions))
        self.start = seconds_box("From, in seconds", "Where the stretch begins", longest)
        self.end = seconds_box("Until, in seconds", "Where the stretch ends", longest)
        self.end.setValue(longest)
        self.segment = described(QSpinBox(), "Segment")
        self.curve_style_box = ChevronComboBox("Drawn as")
        self.frames = QCheckBox(local_numbers(f"The updates too, {1 / STEP_S:g} a second"))
        self.uncorrected = QCheckBox("Uncorrected segments too")
        self.spreadsheet = QCheckBox("For spreadsheets: semicolons and decimal commas")
        self.path = line_edit("Where to")
        self.browse = button("Browse…", "Choose where to write it", clicked=self._browse)
        self.reveal = button(
            "Show the folder",
            "Open the folder of what was written",
            clicked=lambda: reveal(self._written),
        )
        self.close_button = button("Close", "Close (Esc)", clicked=self.reject)
        self.write = button("Export", "Write it", "primary", clicked=self._write)
        self._fill()
        self._lay_out()
        self.kinds.currentRowChanged.connect(lambda _: self._show_format())
        self.part.currentIndexChanged.connect(lambda _: self._show_format())
        self.path.textEdited.connect(lambda _: setattr(self, "_touched", True))
        self.path.textChanged.connect(lambda _: self._reset())
        self._show_format()
        self.kinds.setFocus()

    @property
    def kind(self) -> ExportFormat:
        """The format that is chosen."""
        item = self.kinds.currentItem()
        found = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        assert isinstance(found, ExportFormat)
        return found

    def choose(self, name: str) -> None:
        """Choose a format by its name."""
        for place in range(self.kinds.count()):
            item = self.kinds.item(place)
            if item is not None and item.data(Qt.ItemDataRole.UserRole).name == name:
                self.kinds.setCurrentRow(place)

    # ------------------------------------------------------------------------------------ choices

    def _fill(self) -> None:
        one = self._sessions[0] if len(self._sessions) == 1 else None
        for kind in EXPORT_FORMATS:
            if one is None and isinstance(kind, SessionFormat):
                continue
            item = QListWidgetItem(f"{kind.title}\n{kind.purpose}")
            item.setData(Qt.ItemDataRole.UserRole, kind)
            item.setToolTip(kind.purpose)
            if kind.needs_sound and not any(info.audio is not None for info in self._sessions):
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setText(f"{kind.title}\nNo audio was kept of this session")
            self.kinds.addItem(item)
        self.kinds.setCurrentRow(0)
        self.channel.addItem("All channels", None)
        if one is not None:
            for channel in one.channels:
                title = channel_title(channel.number, one.metadata.names)
                self.channel.addItem(title, channel.number)
        self.part.addItems(_PARTS)
        self.segment.setRange(1, 999_999)
        self.segment.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.curve_style_box.fill(_CURVE_STYLES, "areas")
        self.uncorrected.setToolTip("Segments that nobody corrected, with the model's own label")
        self.spreadsheet.setToolTip(
            "As a spreadsheet in your language opens it; R and pandas want it unchecked"
        )
        self.progress.setRange(0, 0)
        self.reveal.hide()
        self.write.setDefault(True)

    def _option_rows(self) -> list[tuple[str, QWidget, bool]]:
        """Titles of the options, their widgets, and which of them the format has."""
        options, part = self.kind.options, self._part
        several = len(self._sessions) == 1 and len(self._sessions[0].channels) > 1
        return [
            ("Channel", self.channel, several and "channel" in options),
            ("What of it", self.part, "audio_range" in options),
            ("From", self.start, part == "Stretch"),
            ("Until", self.end, part == "Stretch"),
            ("Number", self.segment, part == "Segment"),
            ("Drawn as", self.curve_style_box, "style" in options),
            ("", self.frames, "frames" in options),
            ("", self.uncorrected, "uncorrected" in options),
            ("", self.spreadsheet, "spreadsheet" in options and QLocale().decimalPoint() == ","),
        ]

    def _show_format(self) -> None:
        kind = self.kind
        for _, widget, visible in self._option_rows():
            self.options.setRowVisible(widget, visible)
        self.purpose.setText(kind.hint)
        path = Path(self.path.text())
        if not self._touched:
            path = self._proposed_path(kind)
        elif kind.ending:
            path = path.with_suffix(kind.ending)
        self.path.setText(str(path))
        self._reset()

    def _proposed_path(self, kind: ExportFormat) -> Path:
        """Free path in the documents folder."""
        metadata = self._sessions[0].metadata
        if len(self._sessions) > 1:
            name = metadata.study.name or "sessions"
        else:
            words = metadata.title or metadata.source.name.rpartition("/")[2].partition(".")[0]
            name = f"{metadata.started:%Y-%m-%d} {words}"
        # What some system takes for something else in a name.
        name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")
        if not isinstance(kind, SessionFormat):
            name = f"{name} {kind.name}"
        path = Path(platformdirs.user_documents_dir()) / f"{name}{kind.ending}"
        return numbered_path(path, Path.exists)

    def _browse(self) -> None:
        kind, given = self.kind, Path(self.path.text())
        ask_target(self, "Export to", kind.title, kind.ending, given, self._set_path)

    def _set_path(self, path: Path) -> None:
        self._touched = True
        self.path.setText(str(path))

    def _reset(self) -> None:
        """Forget the last export."""
        self.reveal.hide()
        self.message.say("")
        self.write.setEnabled(bool(self.path.text().strip()))

    # ------------------------------------------------------------------------------------ writing

    def _write(self) -> None:
        folder, names = self._folder, [info.id for info in self._sessions]
        with self.message.reporting_errors():
            write_to = self._writer()

            def work(advance: ReportProgress) -> list[Path]:
                with Store(folder) as store:
                    return write_to(store, [store.session(name) for name in names], advance)

            self.run_task(work)

    def _writer(self) -> Callable[[Store, list[SessionInfo], ReportProgress], list[Path]]:
        """What writes the format with the options that are chosen now."""
        kind, to = self.kind, Path(self.path.text().strip()).expanduser()
        channel = None if self.channel.isHidden() else self.channel.currentData()
        if kind is CORPUS:
            name = None if channel is None else str(channel)
            corpus = CorpusRequest(to, name, self.uncorrected.isChecked())
            return lambda store, found, advance: [
                export_corpus(store, found, corpus, advance).folder
            ]
        if kind is TIDY:
            spreadsheet = self.spreadsheet.isChecked()
            return lambda store, found, _: _export_tidy(store, found, to, spreadsheet)
        request = ExportRequest(
            to,
            kind.name,
            self._stretch(channel),
            self.curve_style_box.currentData() if "style" in kind.options else "areas",
            self.frames.isChecked() and "frames" in kind.options,
            spreadsheet=self.spreadsheet.isChecked() and "spreadsheet" in kind.options,
        )
        segment = self.segment.value() if self._part == "Segment" else None
        return lambda store, found, _: _export_session(store, found[0], request, segment)

    @property
    def _part(self) -> str:
        """Which part of the sound is wanted; other formats hold the whole session."""
        return self.part.currentText() if "audio_range" in self.kind.options else _PARTS[0]

    def _stretch(self, channel: int | None) -> AudioRange:
        if self._part != "Stretch":
            return AudioRange(channel=channel)
        if self.end.value() <= self.start.value():
            raise UsageError("The stretch must end after it starts.")
        return AudioRange(self.start.value(), self.end.value(), channel)

    def show_busy(self, *, busy: bool) -> None:
        """Keep format and place while it writes."""
        super().show_busy(busy=busy)
        for widget in (self.kinds, self.write, self.path, self.browse):
            widget.setEnabled(not busy)
        self.close_button.setText("Cancel" if busy else "Close")

    def succeeded(self, result: list[Path]) -> None:
        """Tell of the files."""
        self.show_busy(busy=False)
        self._written = result[0]
        more = f" and {count_text(len(result) - 1, 'file')} beside it" if len(result) > 1 else ""
        self.message.say(f"Written: {result[0]}{more}.")
        self.reveal.show()
        self.reveal.setFocus()
        self.exported.emit(result)

    # -------------------------------------------------------------------------------------- looks

    def _fit(self, style: Style) -> None:
        for place in range(self.kinds.count()):
            item = self.kinds.item(place)
            if item is not None:
                item.setSizeHint(QSize(0, style.grid(4.75)))
        if self.kinds.count() > 2:
            screen = self.screen()
            room = style.grid(88) if screen is None else screen.availableGeometry().height()
            self.resize(style.grid(104), min(style.grid(88), room - style.grid(4)))

    def _lay_out(self) -> None:
        self.options = QFormLayout()
        for name, widget, _ in self._option_rows():
            self.options.addRow(QLabel(name), widget)
        pad(self.options, 0, (1.5, 1))
        right = column(self.purpose, self.options, None, spacing=1.5)
        several = self.kinds.count() > 2
        set_size(self.kinds, min_width=48, min_height=30 if several else 12)
        self.show_parts(
            (row(self.kinds, (right, 1), spacing=3), 1),
            separator(),
            row(label("Where to"), self.path, self.browse),
            self.progress,
            self.message,
            row(self.reveal, None, self.close_button, self.write),
            min_width=100,
            restyled=self._fit,
        )


def _heading(sessions: Sequence[SessionInfo]) -> str:
    if len(sessions) != 1:
        return f"Export {count_text(len(sessions), 'session')}"
    metadata = sessions[0].metadata
    return f"Export “{metadata.name}”, {moment_text(metadata.started)}"


def _export_tidy(
    store: Store, sessions: Sequence[SessionInfo], to: Path, spreadsheet: bool
) -> list[Path]:
    with writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
    export_study(store, sessions, to, spreadsheet=spreadsheet)
    return [to]


def _export_session(
    store: Store, info: SessionInfo, request: ExportRequest, segment: int | None
) -> list[Path]:
    if segment is not None:
        part = segment_range(store, info, segment, request.audio_range.channel)
        request = replace(request, audio_range=part)
    return export(store, info, request, png_of_svg)
