"""Joins the results of the parts of an archive, and says what is missing."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import whole_file, writing
from realtime_ser.base.text import count_text
from realtime_ser.exchange.analysis_tables import INTERVALS, SUMMARY, write_tables
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.done_list import DoneLists, ListedRun, OwnList
from realtime_ser.session.analysis.inputs import OutputPaths
from realtime_ser.session.analysis.outcome_json import read_outcome
from realtime_ser.session.analysis.shards import Shard


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


class _Best(NamedTuple):
    """The best line of a file: one without an error, the latest; and the number of its folder."""

    sound: bool
    at: float
    folder: int


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
    merge = _Merge(folders, out)
    merge.take_over(advance)
    tables = [SUMMARY, INTERVALS] if merge.intervals else [SUMMARY]
    paths = tuple(table.require_own(out) for table in tables)
    write_tables(out, tables, merge.labels, merge.outcomes())
    failed = sum(not best.sound for best in merge.best.values())
    return MergedArchive(paths, len(merge.best), failed, tuple(merge.missing()))


class _Merge:
    """Lists of folders, and the best line of each file."""

    def __init__(self, folders: Sequence[Path], out: Path) -> None:
        self._folders = folders
        self._out = out
        self._lists = [_lists_of(folder) for folder in folders]
        self.labels = self._labels()
        self.best: dict[str, _Best] = {}
        self.intervals = False
        self._gone = 0
        self._keys: set[tuple[str, str]] = set()

        for number in range(len(folders)):
            self._read(number)
        if len(self._keys) > 1:
            raise UsageError(
                "These results are not of one model with the same settings: merge those apart that "
                "belong together, or let 'realtime-ser analyze' do the others again."
            )

    def _labels(self) -> tuple[str, ...]:
        found = {run.labels for lists in self._lists for run in lists.runs.values()}
        if len(found) > 1:
            raise UsageError("These results have different labels: merge those apart.")
        return found.pop()

    def _read(self, number: int) -> None:
        for line in self._lists[number].lines():
            path, outcome = line["path"], line["outcome"]
            best = _Best(outcome["error"] is None, line["at"], number)
            if (
                best.sound
                and OutputPaths(self._folders[number] / line["name"]).sizes() != line["tables"]
            ):
                self._gone += 1
                continue
            self._keys.add((line["model"], line["settings"]))
            self.intervals |= bool(outcome["intervals"])
            self.best[path] = max(best, self.best.get(path, best))

    def _line(self, path: str) -> dict[str, Any]:
        found = self._lists[self.best[path].folder].find(path)
        assert found is not None
        return found[1]

    def take_over(self, advance: Callable[[float], None]) -> None:
        """Bring the results of all files into the folder of the merge, and list them there."""
        kept = DoneLists(self._out)
        kept.refresh()
        here = [folder.resolve() == self._out.resolve() for folder in self._folders]
        names: dict[str, str] = {}
        with closing(OwnList(kept, ListedRun.here(len(self.best), self.labels))) as own:
            for count, path in enumerate(self.best):
                line = self._line(path)
                other = names.setdefault(line["name"].casefold(), path)
                if other != path:
                    raise UsageError(
                        f"{path} and {other} have their results in the same place: merge them into "
                        "different folders."
                    )
                folder = self.best[path].folder
                source = OutputPaths(self._folders[folder] / line["name"])
                if not here[folder] and not _is_kept(kept, line, self._out):
                    _link_results(source, OutputPaths(self._out / line["name"]))
                    own.add(line)
                advance(count / len(self.best))

    def outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all files, in order of their paths."""
        for path in sorted(self.best, key=Path):
            yield read_outcome(self._line(path)["outcome"])

    def missing(self) -> Iterator[str]:
        """What is missing, in sentences."""
        if self._gone:
            yield f"The results of {count_text(self._gone, 'file')} are gone or cut."
        wanted: defaultdict[str, int] = defaultdict(int)
        for lists in self._lists:
            for run in lists.runs.values():
                wanted[run.shard] = max(wanted[run.shard], run.files)
        done: Counter[str] = Counter()
        shards = {text: Shard(*map(int, text.split("/"))) for text in wanted if text}
        for path in self.best:
            name = self._line(path)["name"]
            done.update(text for text, shard in shards.items() if shard.holds(name))
        for count in sorted({shard.count for shard in shards.values()}):
            absent = [k for k in range(1, count + 1) if f"{k}/{count}" not in shards]
            if absent:
                numbers = ", ".join(map(str, absent))
                yield f"Of {count} parts {numbers} {'is' if len(absent) == 1 else 'are'} missing."
        for text, shard in sorted(shards.items(), key=lambda one: one[1].number):
            if done[text] < wanted[text]:
                left = count_text(wanted[text] - done[text], "file")
                yield f"Part {shard.number} of {shard.count} lacks {left} of {wanted[text]:,}."
        if not shards and len(self.best) < wanted[""]:
            left = count_text(wanted[""] - len(self.best), "file")
            yield f"{left} of {wanted['']:,} are not done."


def _lists_of(folder: Path) -> DoneLists:
    lists = DoneLists(folder)
    lists.refresh()
    if not lists.runs:
        raise UsageError(
            f"{folder} holds no list of what is done: name folders that 'realtime-ser analyze' has "
            "written."
        )
    return lists


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
