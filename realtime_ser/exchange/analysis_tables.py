"""What an analysis of files leaves in a folder: a summary, and the tables of each file."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeAlias

from realtime_ser.audio.notes import note_fields
from realtime_ser.base.errors import OutputError
from realtime_ser.base.files import AtomicFiles, whole_file, writing
from realtime_ser.exchange.csv_tables import SessionTables
from realtime_ser.exchange.interval_tables import intervals_header, intervals_rows
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
from realtime_ser.session.analysis.files import Advance
from realtime_ser.session.analysis.inputs import InputFile, OutputPaths, find_inputs
from realtime_ser.session.analysis.shards import Shard
from realtime_ser.session.metadata import json_text
from realtime_ser.session.store import SessionInfo, Store

_HEAD = 1 << 16

DrawSession: TypeAlias = Callable[[Store, SessionInfo, Path], None]
"""Draws the timeline of a session as a PNG; processes are given it by name."""


def export_analysis(
    store: Store,
    info: SessionInfo,
    item: InputFile,
    outcome: Outcome,
    draw: DrawSession | None = None,
) -> None:
    """Write the tables of an analysed file where ``item`` says, and its picture.

    Raises
    ------
    OutputError
        A file cannot be written, or would replace what is not the result of an analysis.
    """
    outputs = item.outputs
    if outputs is None:
        return
    require_free(outputs)
    tables = SessionTables(store, info)
    with AtomicFiles(outputs.steps, overwrite=True) as drafts:
        tables.write_steps(drafts.begin(outputs.steps))
        tables.write_segments(drafts.begin(outputs.segments))
        if info.metadata.measures_voice:
            tables.write_voice(drafts.begin(outputs.voice))
        else:  # of an analysis with other settings
            outputs.voice.unlink(missing_ok=True)
        if draw is not None:
            draw(store, info, drafts.begin(outputs.plot))
        first = {"file": outcome.file, "duration_s": outcome.duration_s}
        last = {"notes": [note_fields(note) for note in outcome.notes]}
        drafts.write(outputs.sidecar, json_text(first | tables.sidecar() | last))


def require_free(outputs: OutputPaths) -> None:
    """Refuse to replace a session's segments, voice or sidecar.

    Raises
    ------
    OutputError
        There is one, which is not the result of an analysis.
    """
    for path in (outputs.segments, outputs.voice, outputs.sidecar):
        if path.exists() and not outputs.steps.exists():
            raise OutputError(
                f"{path} exists already and is not the result of an analysis: choose another "
                "folder."
            )


def refuse_taken(item: InputFile) -> InputFile:
    """A file of an analysis, with an error where its results would replace something else."""
    try:
        if item.outputs is not None:
            require_free(item.outputs)
    except OutputError as error:
        return replace(item, error=item.error or str(error))
    return item


def save_analysis(
    store: Store,
    outcomes: Mapping[Path, Outcome],
    labels: Sequence[str],
    out: Path,
    advance: Advance = lambda _: None,
) -> Path:
    """Write the summary and the tables of each file, as ``analyze --out`` does; return the summary.

    In the folder ``out`` results of an earlier analysis are replaced, nothing else is.

    Raises
    ------
    OutputError
        A file cannot be written, or would replace what is not the result of an analysis.
    """
    path = SUMMARY.require_own(out)
    analysed = {path: one for path, one in outcomes.items() if one.session is not None}
    items = find_inputs(list(analysed), out)
    for item in items:
        assert item.outputs is not None
        require_free(item.outputs)
    for number, item in enumerate(items):
        advance(number / len(items))
        outcome = analysed[item.path]
        assert outcome.session is not None
        export_analysis(store, store.session(outcome.session), item, outcome)
    with AtomicFiles(path, overwrite=True) as drafts:
        table = [
            summary_header(labels),
            *(row for one in outcomes.values() for row in summary_rows(one, labels)),
        ]
        csv_rows.write_table(drafts.begin(path), table)
    return path


# ---------------------------------------------------------------------------------------- summary


def summary_header(labels: Sequence[str]) -> list[str]:
    """Columns of the summary."""
    estimate = csv_rows.estimate_header(labels)
    shares = (f"share_{label}" for label in labels)
    return [
        *("file", "duration_s", "speech_s", *estimate, "channel", "note", "error"),
        *("segments", "certain_share", *shares, "left_out_s", "quality"),
    ]


def summary_rows(outcome: Outcome, labels: Sequence[str]) -> list[list[str]]:
    """Rows of the summary: a file, or each of its channels where several were analysed."""
    results: list[tuple[str, SpeechSummary | None]] = [
        (str(number), speech) for number, speech in outcome.channels.items()
    ]
    return [
        [
            csv_rows.plain_text(outcome.file),
            "" if outcome.duration_s is None else f"{outcome.duration_s:.3f}",
            "" if speech is None else f"{speech.speech_s:.2f}",
            *csv_rows.estimate_cells(None if speech is None else speech.estimate, labels),
            channel,
            csv_rows.plain_text("; ".join(note.text for note in outcome.notes)),
            csv_rows.plain_text(outcome.error or ""),
            *_share_cells(speech, labels),
        ]
        for channel, speech in results or [("", outcome.speech)]
    ]


def _share_cells(speech: SpeechSummary | None, labels: Sequence[str]) -> list[str]:
    if speech is None:
        return [""] * (4 + len(labels))
    counted = speech.certain_share
    return [
        str(speech.segments),
        "" if counted is None else f"{counted:.6f}",
        *("" if counted is None else f"{speech.shares.get(name, 0.0):.6f}" for name in labels),
        f"{sum(speech.left_out_s.values()):.2f}",
        speech.quality.value,
    ]


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Table of all files of an analysis: the name of its file, its columns, and a file's rows."""

    name: str
    header: Callable[[Sequence[str]], list[str]]
    rows: Callable[[Outcome, Sequence[str]], list[list[str]]]

    def writer(
        self, file: IO[str], labels: Sequence[str], line_end: str = "\r\n"
    ) -> Callable[[Outcome], None]:
        """Writer of the table as CSV; rows are on their way to the disk when they are written."""
        writer = csv.writer(file, lineterminator=line_end)
        writer.writerow(self.header(labels))

        def feed(outcome: Outcome) -> None:
            writer.writerows(self.rows(outcome, labels))
            file.flush()

        return feed

    def of_shard(self, shard: Shard | None) -> OutcomeTable:
        """Table of a part of an archive, under a name of its own: ``summary.2-of-8.csv``."""
        if shard is None:
            return self
        path = Path(self.name)
        return replace(self, name=f"{path.stem}.{shard.number}-of-{shard.count}{path.suffix}")

    def require_own(self, folder: Path) -> Path:
        """Path of the table in a folder, where it replaces nothing but such a table.

        An empty file is one that another run has just begun.

        Raises
        ------
        OutputError
            There is another file.
        """
        path = folder / self.name
        require_table(path, self.header([])[:4])
        return path


def require_table(path: Path, columns: Sequence[str]) -> None:
    """Refuse to replace what is not a table that begins with some columns.

    Raises
    ------
    OutputError
        There is another file.
    """
    first = ""
    with contextlib.suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline(_HEAD)
    taken = path.exists() and path.stat().st_size
    if taken and not first.startswith(",".join(columns)):
        raise OutputError(
            f"{path} exists already and is not the {path.stem} of an analysis: choose another "
            "folder."
        )


def write_tables(
    out: Path, tables: Sequence[OutcomeTable], labels: Sequence[str], outcomes: Iterable[Outcome]
) -> None:
    """Write tables of all files whole; other runs may write them at the same time.

    Raises
    ------
    OutputError
        The disk refuses.
    """
    with ExitStack() as opened:
        feeds = []
        for table in tables:
            path = out / table.name
            opened.enter_context(writing(path))
            draft = opened.enter_context(whole_file(path, shared=True))
            file = opened.enter_context(draft.open("w", encoding="utf-8", newline=""))
            feeds.append(table.writer(file, labels))
        for outcome in outcomes:
            for feed in feeds:
                feed(outcome)


SUMMARY = OutcomeTable("summary.csv", summary_header, summary_rows)
INTERVALS = OutcomeTable("intervals.csv", intervals_header, intervals_rows)
