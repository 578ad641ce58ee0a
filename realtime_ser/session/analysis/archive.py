"""Analysis of an archive, which goes on where it was stopped, on any number of machines."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.base.text import count_text, length_text
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.done_list import (
    DoneLists,
    ListedFile,
    ListedRun,
    OwnList,
    write_manifest,
)
from realtime_ser.session.analysis.files import FileModel
from realtime_ser.session.analysis.inputs import InputFile, InputList, size_and_time
from realtime_ser.session.analysis.outcome_json import outcome_fields, read_outcome
from realtime_ser.session.analysis.processes import Work

_AT_ONCE = 32
"""Files that are claimed before it is looked once what others have done meanwhile."""

_SYNC_S = 1.0
_UNSYNCED = 256  # files at most that are done and wait for that
_LOOK_S = 1.0  # between two looks at files that others are at

_OPEN, _HELD, _UNDER_WAY, _DONE = range(4)
"""States of a file, a byte each: to be claimed, claimed by another run, given out, done."""

Engine: TypeAlias = Callable[[Work], Iterator[tuple[int, Outcome]]]
"""Number and outcome of each file that is given, as they come."""


@dataclass(frozen=True, slots=True)
class ResultsKey:
    """What results depend on beside their file.

    Attributes
    ----------
    model, settings
        SHA-256 of the model, and a hash of all settings.
    labels
        Labels of the probabilities, in order.
    """

    model: str
    settings: str
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: FileModel, **further: object) -> Self:
        """Key of a model with its settings, and of further ones in JSON's types."""
        fields = model.provenance
        config = model.config.model_dump(
            mode="json",
            include={"audio": {"channels", "channel_names"}, "gate": True, "voice": True},
        )
        kept = {name: fields[name] for name in ("realtime_ser", "labels", "profile")}
        text = json.dumps({**kept, "config": config, **further}, sort_keys=True)
        settings = hashlib.sha256(text.encode()).hexdigest()
        return cls(model.bundle.identity.sha256, settings[:32], model.decoder.labels)


@dataclass(slots=True)
class Progress:
    """What is done of an archive: files, bytes, and seconds of sound; and what there is."""

    total_files: int = 0
    total_bytes: int = 0
    files: int = 0
    bytes: int = 0
    found_bytes: int = 0  # of those done before
    sound_s: float = 0.0  # of those done now

    @property
    def words(self) -> str:
        """Files and seconds of sound, in words."""
        files = f"{self.files:,} of {count_text(self.total_files, 'file')}"
        return f"{files}, {length_text(self.sound_s)} of sound"


class ArchiveRun:
    """A run through the files of an archive.

    Parameters
    ----------
    out
        Folder of the results, which has the lists of what is done.
    items
        The files of the archive, or of a part of it.
    key
        What results depend on beside their file.
    say
        Told in a sentence what a person should know.
    again
        Whether all files are done again.

    Raises
    ------
    UsageError
        All is to be done again while another run is at work.
    OutputError
        The disk refuses.
    """

    def __init__(
        self,
        out: Path,
        items: InputList,
        key: ResultsKey,
        say: Callable[[str], None],
        *,
        again: bool = False,
    ) -> None:
        self._out = out
        self._items = items
        self._key = key
        self._say = say
        self._states = bytearray(len(items))
        self._next_open = 0
        self._under_way: dict[int, tuple[InputFile, dict[str, Any]]] = {}
        self._synced_s = time.monotonic()
        self._cursor = 0
        self.progress = Progress(total_files=len(items))
        self.met_others = False
        self._shard = "" if items.shard is None else str(items.shard)
        with ExitStack() as opened:
            self._lists = opened.enter_context(DoneLists(out))
            manifest = write_manifest(out, lambda: map(self._listed, items.whole()))
            run = ListedRun.here(len(items), key.labels, self._shard, manifest)
            self._own = opened.enter_context(closing(OwnList(self._lists, run)))
            self._begin(again=again)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _begin(self, *, again: bool) -> None:
        others = self._own.others()
        self._lists.refresh()
        if again:
            if others:
                raise UsageError(
                    f"Another run is at work in {self._out}: stop it, or wait for its end, before "
                    "all is done again with --again."
                )
            self._own.forget_others(self._shard)
        for name, count in self._own.take_away().items():
            run = self._lists.runs.get(name)
            where = "" if run is None else f" on {run.place}"
            self._say(f"A run{where} was stopped: {count_text(count, 'file')} it was at go on.")
        self._old = self._lists.ends
        changed = sum(self._look(index, item) for index, item in enumerate(self._items))
        if self._lists.unreadable:
            lines = count_text(self._lists.unreadable, "line")
            self._say(f"{lines} of {self._lists.folder} cannot be read and count as none.")
        if self.progress.files:
            total = count_text(len(self._items), "file")
            self._say(
                f"{self.progress.files:,} of {total} are done already; --again would start over."
            )
        if changed:
            self._say(
                f"{count_text(changed, 'file')} done earlier must be done again: the file, the "
                "model, the settings or the results have changed."
            )
        if others:
            self.met_others = True
            self._say(f"{count_text(len(others), 'other run')} at work on the same folder.")

    def _look(self, index: int, item: InputFile) -> bool:
        """Find out whether a file is done; return whether it was, but is so no more."""
        stamp = self._stamp(item)
        self.progress.total_bytes += _work_of(stamp)
        if self._is_done(item, stamp):
            self._count(index, stamp)
            self.progress.found_bytes += _work_of(stamp)
            return False
        found = self._lists.find(stamp["path"])
        return found is not None and found[1]["outcome"]["error"] is None

    def done_outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all files in order, once all are done."""
        self._cursor = 0
        return self._ready()

    def under_way_bytes(self, shares: Mapping[int, float]) -> float:
        """Bytes that are done of files that are under way, by the share of each."""
        return sum(share * _work_of(self._under_way[index][1]) for index, share in shares.items())

    def outcomes(self, engine: Engine) -> Iterator[Outcome]:
        """Outcomes of all files in order, those that were done before among them.

        Raises
        ------
        OutputError
            The disk refuses.
        """
        yield from self._ready()
        while _OPEN in self._states:
            for index, outcome in engine(self._work()):
                self._add(index, outcome)
                yield from self._ready()
            self._own.sync()
            if _HELD in self._states:
                self._wait()
                yield from self._ready()
        yield from self._ready()

    def _work(self) -> Work:
        """Files that nobody has done and nobody is at."""
        while claimed := self._claimed():
            self._lists.refresh()  # what others have done before it was claimed here
            for index, item, stamp in claimed:
                if self._is_done(item, stamp):
                    self._own.release(stamp["path"])
                    self._count(index, stamp)
                else:
                    self._states[index] = _UNDER_WAY
                    self._under_way[index] = item, stamp
                    yield index, item

    def _claimed(self) -> list[tuple[int, InputFile, dict[str, Any]]]:
        """Claim the next open files."""
        claimed: list[tuple[int, InputFile, dict[str, Any]]] = []
        while len(claimed) < _AT_ONCE:
            index = self._states.find(_OPEN, self._next_open)
            if index < 0:
                break
            self._next_open = index + 1
            item = self._items[index]
            stamp = self._stamp(item)
            if self._own.claim(stamp["path"]):
                claimed.append((index, item, stamp))
            else:
                self._states[index] = _HELD
        return claimed

    def _wait(self) -> None:
        """Wait until others have done, or given up, the files that they are at."""
        self.met_others = True
        if self._own.others():
            held = self._states.count(_HELD)
            self._say(f"Waiting for {count_text(held, 'file')} that others are at.")
        while _HELD in self._states:
            self._own.take_away()
            self._lists.refresh()
            index = -1
            while (index := self._states.find(_HELD, index + 1)) >= 0:
                item = self._items[index]
                stamp = self._stamp(item)
                if self._is_done(item, stamp):
                    self._count(index, stamp)
                elif not self._own.is_claimed(stamp["path"]):
                    self._states[index] = _OPEN
            if _OPEN in self._states:
                self._next_open = 0
                self._states = self._states.replace(bytes([_HELD]), bytes([_OPEN]))
                return
            time.sleep(_LOOK_S)

    def _add(self, index: int, outcome: Outcome) -> None:
        if outcome.unwritten:
            raise OutputError(f"{outcome.error} What was done is kept: the same command goes on.")
        item, stamp = self._under_way.pop(index)
        tables = [] if item.outputs is None else item.outputs.sizes()
        self._own.add({**stamp, "tables": tables, "outcome": outcome_fields(outcome)})
        self._count(index, stamp)
        self.progress.sound_s += outcome.duration_s or 0.0
        waited_s = time.monotonic() - self._synced_s
        if waited_s >= _SYNC_S or self._own.unsynced >= _UNSYNCED:
            self._own.sync()
            self._synced_s = time.monotonic()

    def _ready(self) -> Iterator[Outcome]:
        """Outcomes of the next files in order, as far as they are done."""
        while self._cursor < len(self._states) and self._states[self._cursor] == _DONE:
            item = self._items[self._cursor]
            found = self._lists.find(_listed_path(item))
            assert found is not None
            yield replace(read_outcome(found[1]["outcome"]), file=item.title)
            self._cursor += 1

    def _count(self, index: int, stamp: Mapping[str, Any]) -> None:
        self._states[index] = _DONE
        self.progress.files += 1
        self.progress.bytes += _work_of(stamp)

    def _listed(self, item: InputFile) -> ListedFile:
        return ListedFile(_listed_path(item), self._results_name(item))

    def _results_name(self, item: InputFile) -> str:
        """Name of a file's results, seen from the folder of all."""
        outputs = item.outputs
        return "" if outputs is None else outputs.name.relative_to(self._out).as_posix()

    def _stamp(self, item: InputFile) -> dict[str, Any]:
        """What a line of a file must say to tell of the file as it is now."""
        size, mtime_ns = size_and_time(item.path)
        return {
            "path": _listed_path(item),
            "size": size,
            "mtime_ns": mtime_ns,
            "model": self._key.model,
            "settings": self._key.settings,
            "name": self._results_name(item) or None,
            "intervals": None if item.intervals is None else [*size_and_time(item.intervals)],
        }

    def _is_done(self, item: InputFile, stamp: Mapping[str, Any]) -> bool:
        """Whether a line tells of the file as it is, and its tables are there.

        What failed in an earlier run is tried again.
        """
        found = self._lists.find(stamp["path"])
        if found is None or any(found[1].get(name) != value for name, value in stamp.items()):
            return False
        place, fields = found
        if fields["outcome"]["error"] is not None:
            return place.number >= len(self._old) or place.offset >= self._old[place.number]
        outputs = item.outputs
        return outputs is None or bool(fields["tables"] == outputs.sizes())


def _listed_path(item: InputFile) -> str:
    return os.path.normpath(item.path.absolute())


def _work_of(stamp: Mapping[str, Any]) -> int:
    """Bytes of a file, by which the work is measured."""
    return max(1, int(stamp["size"]))
