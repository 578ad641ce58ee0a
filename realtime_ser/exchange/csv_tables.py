"""CSV tables: those of a session, and the tidy table of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from realtime_ser.base.errors import FileTakenError, UsageError
from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.records import STEP_S, Estimate, Segment, State, Update
from realtime_ser.recogniser.bundle import Decoder
from realtime_ser.recogniser.speaker_calibration import shifted
from realtime_ser.session import csv_rows
from realtime_ser.session.metadata import SessionMetadata, json_text, sidecar_fields
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.statistics import labels_by_hand
from realtime_ser.session.store import Columns, Interval, SessionInfo, Store
from realtime_ser.session.store.values import CORRECTED

_Estimated = TypeVar("_Estimated", Update, Segment)


def export_session(
    store: Store, info: SessionInfo, to: Path, *, overwrite: bool = False
) -> TableFiles:
    """Write a session's tables and sidecar as ``monitor --export`` writes them.

    A running session is written as far as it is stored. ``to`` is the frames CSV, the other tables
    lie beside. ``overwrite`` replaces files that are there: a person has agreed to it.

    Raises
    ------
    UsageError
        ``to`` does not end in ``.csv``.
    OutputError
        A file exists already, is a table of the session itself, or cannot be written.
    """
    with AtomicFiles(to, overwrite=overwrite) as drafts:
        return write_session(store, info, to, drafts)


def write_session(
    store: Store,
    info: SessionInfo,
    to: Path,
    drafts: AtomicFiles,
    *,
    without_profile: bool = False,
    spreadsheet: bool = False,
) -> TableFiles:
    """Write the drafts of a session's tables and sidecar; errors as of :func:`export_session`.

    ``without_profile`` writes the probabilities before the correction by a profile, ``spreadsheet``
    tables as of :func:`csv_rows.write_table`.
    """
    files = TableFiles.named(to)
    if info.files is not None and to.resolve() in [
        path.resolve() for path in info.files.existing()
    ]:
        raise FileTakenError(f"{to} is the session itself; choose another name.")
    tables = SessionTables(store, info, without_profile=without_profile, spreadsheet=spreadsheet)
    tables.write_steps(drafts.begin(files.steps))
    tables.write_segments(drafts.begin(files.segments))
    tables.write_markers(drafts.begin(files.markers))
    if info.metadata.measures_voice:
        tables.write_voice(drafts.begin(files.voice))
    if by_hand := store.intervals(info.id):
        tables.write_intervals(drafts.begin(files.intervals), by_hand)
    drafts.write(files.sidecar, json_text(tables.sidecar()))
    return files


class SessionTables:
    """Tables of a stored session, perhaps without the correction by a profile or for spreadsheets.

    Raises
    ------
    UsageError
        No profile corrected the session.
    """

    def __init__(
        self,
        store: Store,
        info: SessionInfo,
        *,
        without_profile: bool = False,
        spreadsheet: bool = False,
    ) -> None:
        self._write = partial(csv_rows.write_table, spreadsheet=spreadsheet)
        self._store = store
        self._info = info
        self._metadata = info.metadata
        self._labels_by_hand = labels_by_hand(store, info.id)
        self._uncorrect: Callable[[Estimate], Estimate] | None = None
        if without_profile:
            self._metadata, self._uncorrect = without_correction(info.metadata)

    @cached_property
    def _segments(self) -> Sequence[Segment]:
        return self._store.segments(self._info.id)

    def write_steps(self, path: Path) -> None:
        """Write a row for each update."""
        labels, names = self._metadata.labels, self._metadata.names
        updates = self._uncorrected(self._store.updates(self._info.id))
        by_hand = self._labels_by_hand
        rows = (
            csv_rows.steps_row(
                update, labels, names, by_hand.get((update.channel, update.segment or 0), "")
            )
            for update in updates
        )
        self._write(path, chain([csv_rows.steps_header(labels)], rows))

    def write_segments(self, path: Path) -> None:
        """Write a row for each segment."""
        labels, names = self._metadata.labels, self._metadata.names
        segments = self._uncorrected(self._segments)
        by_hand = self._labels_by_hand
        rows = (
            csv_rows.segments_row(
                segment, labels, names, by_hand.get((segment.channel, segment.number), "")
            )
            for segment in segments
        )
        self._write(path, chain([csv_rows.segments_header(labels)], rows))

    def write_voice(self, path: Path) -> None:
        """Write a row of what the voice did for each segment."""
        names = self._metadata.names
        rows = (csv_rows.voice_row(segment, names) for segment in self._segments)
        self._write(path, chain([csv_rows.VOICE_HEADER], rows))

    def write_intervals(self, path: Path, intervals: Sequence[Interval]) -> None:
        """Write a row for each interval that a person labelled, corrections among them."""
        rows = (_intervals_row(one, self._metadata.names) for one in intervals)
        self._write(path, chain([INTERVALS_HEADER], rows))

    def write_markers(self, path: Path) -> None:
        """Write a row for each marker."""
        markers = self._store.markers(self._info.id)
        self._write(path, [csv_rows.MARKERS_HEADER, *map(csv_rows.markers_row, markers)])

    def _uncorrected(self, records: Iterable[_Estimated]) -> Iterable[_Estimated]:
        uncorrect = self._uncorrect
        if uncorrect is None:
            return records
        return (
            one if one.estimate is None else replace(one, estimate=uncorrect(one.estimate))
            for one in records
        )

    def sidecar(self) -> dict[str, Any]:
        """Fields of the sidecar: how the numbers came about."""
        anchors = self._store.anchors(self._info.id)
        return sidecar_fields(self._metadata, self._info.health, anchors)


def without_correction(
    metadata: SessionMetadata,
) -> tuple[SessionMetadata, Callable[[Estimate], Estimate]]:
    """Metadata of a session without its profile, and a function that undoes the correction.

    Raises
    ------
    UsageError
        No profile corrected the session.
    """
    profile = metadata.provenance.get("profile")
    if profile is None:
        raise UsageError("No profile corrected this session: leave out --without-profile.")
    labels = metadata.labels
    shift = np.array([profile["shift"][label] for label in labels])
    nothing = np.zeros(len(labels))
    decoder = Decoder(labels, np.arange(len(labels)), 1.0, profile["certainty_threshold"], nothing)

    def without_shift(estimate: Estimate) -> Estimate:
        undone = decoder.estimate(shifted(estimate.probabilities, -shift))
        return undone.judged(estimate.quality)

    provenance = dict(metadata.provenance)
    config = {**provenance.get("config", {}), "profile": None}
    provenance |= {"profile": None, "config": config}
    return replace(metadata, provenance=provenance), without_shift


INTERVALS_HEADER = ["tier", "channel", "start_s", "end_s", "label", "text", "source"]
"""Columns of the table of what a person labelled."""


def _intervals_row(interval: Interval, names: csv_rows.Names) -> list[str]:
    """Row of an interval; that of all channels names none."""
    return [
        csv_rows.plain_text(interval.tier),
        "" if interval.channel is None else csv_rows.channel_cell(interval.channel, names),
        f"{interval.start_s:.3f}",
        f"{interval.end_s:.3f}",
        *(csv_rows.plain_text(text) for text in (interval.label, interval.text, interval.source)),
    ]


# ------------------------------------------------------------------------------------------- tidy

TIDY_HEADER = [
    *("study", "participant", "condition", "session", "channel"),
    *("interval", "start_s", "end_s", "label"),
    *("mean_probability", "speech_s", "lost_s", "certain_share"),
    *("corrected_s", "left_out_s"),
]
"""Columns of the tidy table."""

WHOLE = "session"
"""Name of the interval that is a session without marked intervals."""


@dataclass(frozen=True, slots=True)
class TidyInterval:
    """A named stretch of a session or of a channel, in seconds from the session's start."""

    name: str
    start_s: float
    end_s: float
    channel: int | None = None


def export_study(
    store: Store, sessions: Sequence[SessionInfo], to: Path, *, spreadsheet: bool = False
) -> None:
    """Write a row for each session, channel, interval and label.

    The means are over the speech steps of an interval, and so is the share of certain ones; without
    speech those cells are empty. In segments that a person corrected, ``corrected_s`` of the
    speech, that label has the probability 1 and is certain; other steps whose sound is not usable,
    ``left_out_s``, are in no mean. A step belongs to the interval that holds its middle. Intervals
    are the markers that have a duration, by their code or else their text, and those that were
    labelled by hand, as ``tier: label``, but not corrected segments; a session that has none is one
    interval.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    rows = (row for info in sessions for row in _tidy_rows(store, info))
    with AtomicFiles(to) as drafts:
        draft = drafts.begin(to)
        csv_rows.write_table(draft, chain([TIDY_HEADER], rows), spreadsheet=spreadsheet)


def intervals(store: Store, info: SessionInfo) -> list[TidyInterval]:
    """Marked intervals of a session in order of time; without any, the whole session."""
    marked = store.markers(info.id)
    found = [
        TidyInterval(marker.code or marker.text, marker.time_s, marker.time_s + marker.duration_s)
        for marker in marked
        if marker.duration_s > 0
    ]
    found += [
        TidyInterval(
            f"{interval.tier}: {interval.label or interval.text}",
            interval.start_s,
            interval.end_s,
            interval.channel,
        )
        for interval in store.intervals(info.id)
        if interval.tier != CORRECTED
    ]
    found.sort(key=lambda stretch: stretch.start_s)
    return found or [TidyInterval(WHOLE, 0.0, info.duration_s)]


def _tidy_rows(store: Store, info: SessionInfo) -> Iterator[list[str]]:
    study = info.metadata.study
    belongs = [*map(csv_rows.plain_text, (study.name, study.participant, study.condition)), info.id]
    stretches, by_hand = intervals(store, info), labels_by_hand(store, info.id)
    for channel in info.channels:
        columns = store.columns(info.id, channel.number)
        name = csv_rows.channel_cell(channel.number, info.metadata.names)
        own = {number: label for (at, number), label in by_hand.items() if at == channel.number}
        for stretch in stretches:
            if stretch.channel not in (None, channel.number):
                continue
            where = [
                *(name, csv_rows.plain_text(stretch.name)),
                *(f"{stretch.start_s:.3f}", f"{stretch.end_s:.3f}"),
            ]
            for cells in _label_rows(columns, stretch, own):
                yield [*belongs, *where, *cells]


def _label_rows(
    columns: Columns, interval: TidyInterval, by_hand: Mapping[int, str]
) -> Iterator[list[str]]:
    """Cells of each label; ``by_hand`` has the labels that a person gave to segments."""
    middle_s = columns.time_s - STEP_S / 2
    inside = (middle_s >= interval.start_s) & (middle_s < interval.end_s)
    spoken = inside & columns.speech
    corrected = {
        number: label
        for number in np.unique(columns.segment[spoken]).tolist()
        if (label := by_hand.get(number)) is not None
    }
    told = spoken & np.isin(columns.segment, list(corrected))
    counted = spoken & (columns.usable | told)
    labels = list(dict.fromkeys([*columns.labels, *corrected.values()]))
    certain, means = "", [""] * len(labels)
    if counted.any():
        values = np.zeros((len(columns), len(labels)))
        values[:, : len(columns.labels)] = columns.probabilities
        for number, label in corrected.items():
            values[columns.segment == number] = [label == name for name in labels]
        certain = f"{(columns.certain | told)[counted].mean():.6f}"
        means = [f"{value:.6f}" for value in values[counted].mean(axis=0)]
    steps = (spoken, inside & columns.within(State.LOST), told, spoken & ~counted)
    speech_s, lost_s, corrected_s, left_out_s = (
        f"{np.count_nonzero(which) * STEP_S:.2f}" for which in steps
    )
    for label, value in zip(labels, means, strict=True):
        name = csv_rows.plain_text(label)
        yield [name, value, speech_s, lost_s, certain, corrected_s, left_out_s]
