"""Joins the results of the parts of an archive, and says what is missing."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import whole_file, writing
from realtime_ser.base.scratch import packed, scratch_database, unpacked
from realtime_ser.base.text import count_text
from realtime_ser.exchange.analysis_tables import INTERVALS, SUMMARY, require_table, write_tables
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.done_list import (
    DoneLists,
    ListedFile,
    ListedRun,
    OwnList,
    write_manifest,
    written_lists,
)
from realtime_ser.session.analysis.inputs import OutputPaths, order_key
from realtime_ser.session.analysis.outcome_json import read_outcome
from realtime_ser.session.analysis.shards import Shard

MISSING = "missing.csv"
"""Table of the recordings that a merge lacks, in the folder of all."""

_HEADER = ("file", "part", "reason")
_NAMED = 5
"""Missing recordings that are named in a sentence."""

_GONE, _NOT_DONE = "results gone or cut", "not done"

_TABLES = (
    """CREATE TABLE best (           -- line of each file: without an error, the latest
        path BLOB PRIMARY KEY,
        key BLOB,                    -- sorts as paths do
        name BLOB,                   -- of its results
        folded BLOB,                 -- the same without case
        folder INTEGER,
        sound INTEGER,
        at REAL
    )""",
    "CREATE INDEX best_by_name ON best (folded)",
    "CREATE TABLE gone (path BLOB PRIMARY KEY, key BLOB, name BLOB)",
    "CREATE TABLE wanted (path BLOB PRIMARY KEY, key BLOB, name BLOB)",
)


@dataclass(frozen=True, slots=True)
class MergedArchive:
    """Result of a merge.

    Attributes
    ----------
    tables
        The tables of all files that were written.
    files, failed
        Number of files, and of those that could not be analysed.
    missing
        What is missing, in sentences.
    """

    tables: tuple[Path, ...]
    files: int
    failed: int
    missing: tuple[str, ...]


class _MissingFile(NamedTuple):
    """A recording without results: its path, the part that lacks it, and why."""

    path: str
    part: str
    reason: str


def merge_archives(
    folders: Sequence[Path], out: Path, advance: Callable[[float], None] = lambda _: None
) -> MergedArchive:
    """Join folders of results into one, which a later run can go on in.

    Results are linked where the disk can do that, and copied elsewhere. What ``out`` has already is
    left as it is; where it is one of ``folders``, nothing but the tables of all files is written.

    Raises
    ------
    UsageError
        A folder holds no list of what is done, the folders were made by different models or
        settings, or two files have their results in the same place.
    OutputError
        The disk refuses.
    """
    with ExitStack() as opened:
        merge = _Merge(folders, out, opened)
        tables = [SUMMARY, INTERVALS] if merge.intervals else [SUMMARY]
        paths = tuple(table.require_own(out) for table in tables)
        require_table(out / MISSING, _HEADER)
        merge.take_over(advance)
        write_tables(out, tables, merge.labels, merge.outcomes())
        return MergedArchive(paths, merge.count(), merge.count("NOT sound"), merge.missing())


class _Merge:
    """Lists of folders, and the best line of each file."""

    def __init__(self, folders: Sequence[Path], out: Path, opened: ExitStack) -> None:
        self._folders = folders
        self._out = out
        self._lists = [opened.enter_context(written_lists(folder, "folders")) for folder in folders]
        self._database = opened.enter_context(closing(scratch_database(*_TABLES)))
        self.labels = self._labels()
        self.intervals = False
        self._keys: set[tuple[str, str]] = set()

        for number in range(len(folders)):
            self._read(number)
        if len(self._keys) > 1:
            raise UsageError(
                "These results are not of one model with the same settings: merge those apart that "
                "belong together, or let 'realtime-ser analyze' do the others again."
            )
        self._refuse_one_place()
        self._runs = [_latest_runs(lists) for lists in self._lists]
        unlisted = [number for number in range(len(folders)) if not self._want(number)]
        self._all_listed = not unlisted

    def _labels(self) -> tuple[str, ...]:
        found = {run.labels for lists in self._lists for run in lists.runs.values()}
        if len(found) > 1:
            raise UsageError("These results have different labels: merge those apart.")
        return found.pop()

    def _read(self, number: int) -> None:
        for line in self._lists[number].lines():
            path, name, outcome = line["path"], line["name"], line["outcome"]
            sound = outcome["error"] is None
            of_file = packed(path), order_key(path), packed(name)
            if sound and OutputPaths(self._folders[number] / name).sizes() != line["tables"]:
                self._database.execute("INSERT OR IGNORE INTO gone VALUES (?, ?, ?)", of_file)
                continue
            self._keys.add((line["model"], line["settings"]))
            self.intervals |= bool(outcome["intervals"])
            self._database.execute(
                "INSERT INTO best VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
                "name = excluded.name, folded = excluded.folded, folder = excluded.folder, "
                "sound = excluded.sound, at = excluded.at WHERE "
                "(excluded.sound, excluded.at, excluded.folder) > (sound, at, folder)",
                (*of_file, packed(name.casefold()), number, sound, line["at"]),
            )

    def _refuse_one_place(self) -> None:
        found = self._database.execute(
            "SELECT one.path, other.path FROM best AS one JOIN best AS other "
            "ON one.folded = other.folded AND one.key < other.key LIMIT 1"
        ).fetchone()
        if found is not None:
            one, other = map(unpacked, found)
            raise UsageError(
                f"{one} and {other} have their results in the same place: merge them into "
                "different folders."
            )

    def _want(self, number: int) -> bool:
        """Note what the runs of a folder were at; false: not all have left a list of that."""
        manifests = {run.manifest for run in self._runs[number].values()}
        for manifest in manifests - {""}:
            listed = False
            for path, name in self._lists[number].manifest(manifest):
                listed = True
                values = packed(path), order_key(path), packed(name)
                self._database.execute("INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)", values)
            if not listed:
                return False
        return "" not in manifests

    def count(self, condition: str = "TRUE") -> int:
        """Number of the files."""
        select = f"SELECT count(*) FROM best WHERE {condition}"
        return int(self._database.execute(select).fetchone()[0])

    def _best(self) -> Iterator[tuple[str, int]]:
        """Path of each file, in order, and the number of the folder that has its results."""
        for path, folder in self._database.execute("SELECT path, folder FROM best ORDER BY key"):
            yield unpacked(path), folder

    def _line(self, path: str, folder: int) -> dict[str, Any]:
        found = self._lists[folder].find(path)
        assert found is not None
        return found[1]

    def take_over(self, advance: Callable[[float], None]) -> None:
        """Bring the results of all files into the folder of the merge, and list them there."""
        here = [folder.resolve() == self._out.resolve() for folder in self._folders]
        total = self.count()
        manifest = write_manifest(self._out, self._wanted) if self._all_listed else ""
        wanted = sum(1 for _ in self._wanted()) if manifest else total
        run = ListedRun.here(wanted, self.labels, manifest=manifest)
        with DoneLists(self._out) as kept:
            kept.refresh()
            with closing(OwnList(kept, run)) as own:
                for count, (path, folder) in enumerate(self._best()):
                    line = self._line(path, folder)
                    if not here[folder] and not _is_kept(kept, line, self._out):
                        source = OutputPaths(self._folders[folder] / line["name"])
                        _link_results(source, OutputPaths(self._out / line["name"]))
                        own.add(line)
                    advance(count / total)

    def _wanted(self) -> Iterator[ListedFile]:
        """All files that the runs were at, those done among them."""
        select = (
            "SELECT path, name, key FROM best UNION ALL SELECT path, name, key FROM wanted "
            "WHERE path NOT IN (SELECT path FROM best) ORDER BY key"
        )
        for path, name, _ in self._database.execute(select):
            yield ListedFile(unpacked(path), unpacked(name))

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all files, in order of their paths."""
        for path, folder in self._best():
            yield read_outcome(self._line(path, folder)["outcome"])

    def missing(self) -> tuple[str, ...]:
        """What is missing, in sentences; a table in the folder of all has each file of it."""
        first = list(islice(self._missing_files(), _NAMED))
        path = self._out / MISSING
        if not first:
            path.unlink(missing_ok=True)
            return () if self._all_listed else tuple(self._counted())
        with writing(path), whole_file(path) as draft:
            rows = ([csv_rows.plain_text(one.path), *one[1:]] for one in self._missing_files())
            csv_rows.write_table(draft, chain([_HEADER], rows))
        count = sum(1 for _ in self._missing_files())
        names = ", ".join(one.path for one in first)
        more = f" and {count - len(first):,} more" if count > len(first) else ""
        return (*self._counted(), f"Missing: {names}{more}; {path} lists all of them.")

    def _missing_files(self) -> Iterator[_MissingFile]:
        counts = {shard.count for shard in self._shards()}
        only = counts.pop() if len(counts) == 1 else None
        for path, name, gone in self._database.execute(
            "SELECT path, name, max(gone) FROM (SELECT path, key, name, 0 AS gone FROM wanted "
            "UNION ALL SELECT path, key, name, 1 FROM gone) WHERE path NOT IN "
            "(SELECT path FROM best) GROUP BY path ORDER BY key"
        ):
            part = "" if only is None else str(Shard.of(unpacked(name), only))
            yield _MissingFile(unpacked(path), part, _GONE if gone else _NOT_DONE)

    def _shards(self) -> list[Shard]:
        """Parts that were begun."""
        texts = {text for runs in self._runs for text in runs if text}
        return sorted(
            (Shard(*map(int, text.split("/"))) for text in texts),
            key=lambda one: (one.number, one.count),
        )

    def _counted(self) -> Iterator[str]:
        """What is missing, by the numbers of files."""
        gone = sum(one.reason == _GONE for one in self._missing_files())
        if gone:
            yield f"The results of {count_text(gone, 'file')} are gone or cut."
        shards = self._shards()
        for count in sorted({shard.count for shard in shards}):
            begun = {shard.number for shard in shards if shard.count == count}
            absent = [number for number in range(1, count + 1) if number not in begun]
            if absent:
                numbers = ", ".join(map(str, absent))
                yield f"Of {count} parts {numbers} {'is' if len(absent) == 1 else 'are'} missing."
        done: Counter[Shard] = Counter()
        for (name,) in self._database.execute("SELECT name FROM best"):
            done.update(shard for shard in shards if shard.holds(unpacked(name)))
        for shard in shards:
            wanted = max(runs[str(shard)].files for runs in self._runs if str(shard) in runs)
            if done[shard] < wanted:
                left = count_text(wanted - done[shard], "file")
                yield f"Part {shard.number} of {shard.count} lacks {left} of {wanted:,}."
        wanted = max((runs[""].files for runs in self._runs if "" in runs), default=0)
        if not shards and self.count() < wanted:
            left = count_text(wanted - self.count(), "file")
            yield f"{left} of {wanted:,} are not done."


def _latest_runs(lists: DoneLists) -> dict[str, ListedRun]:
    """The latest run on each part, by the part; an archive may have had other files before."""
    runs = sorted(lists.runs.values(), key=lambda run: (run.at, run.files))
    return {run.shard: run for run in runs}


def _is_kept(kept: DoneLists, line: Mapping[str, Any], out: Path) -> bool:
    """Whether a folder has a file's results already."""
    found = kept.find(line["path"])
    same = found is not None and all(
        found[1][name] == line[name] for name in line if name not in ("at", "outcome")
    )
    return same and OutputPaths(out / line["name"]).sizes() == line["tables"]


def _link_results(source: OutputPaths, target: OutputPaths) -> None:
    """Link a file's results into another folder, each whole, or copy them."""
    for old, new in zip(source.paths, target.paths, strict=True):
        if not old.exists():
            continue
        with writing(new), whole_file(new) as draft:
            draft.unlink()
            try:
                os.link(old, draft)
            except OSError:  # another disk, or one without links
                shutil.copyfile(old, draft)
