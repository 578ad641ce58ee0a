"""Analysis of an archive, which goes on where it was stopped, on any number of machines."""

from __future__ import annotations

import hashlib
import json
import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.base.text import count_text, length_text
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.done_list import DoneLists, ListedRun, OwnList
from realtime_ser.session.analysis.files import FileModel
from realtime_ser.session.analysis.inputs import InputFile, size_and_time
from realtime_ser.session.analysis.outcome_json import outcome_fields, read_outcome
from realtime_ser.session.analysis.processes import Work
from realtime_ser.session.analysis.shards import Shard
from realtime_ser.session.metadata import provenance

_AT_ONCE = 32
"""Files that are claimed before it is looked once what others have done meanwhile."""

_SYNC_S = 1.0
_LOOK_S = 1.0  # between two looks at files that others are at

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
        fields = provenance(model.config, model.bundle, model.decoder)
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
        The files, in order.
    key
        What results depend on beside their file.
    say
        Told in a sentence what a person should know.
    again
        Whether all files are done again.
    shard
        Part of the archive that the files are; ``None``: all of it.

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
        items: Sequence[InputFile],
        key: ResultsKey,
        say: Callable[[str], None],
        *,
        again: bool = False,
        shard: Shard | None = None,
    ) -> None:
        self._out = out
        self._items = items
        self._key = key
        self._say = say
        self._lists = DoneLists(out)
        self._done = bytearray(len(items))
        self._sizes = array("q", bytes(8 * len(items)))
        self._open: deque[int] = deque()
        self._under_way: dict[int, dict[str, Any]] = {}
        self._synced_s = time.monotonic()
        self._cursor = 0
        self.progress = Progress(total_files=len(items))
        self.met_others = False
        self._shard = "" if shard is None else str(shard)
        self._own = OwnList(self._lists, ListedRun.here(len(items), key.labels, self._shard))
        with ExitStack() as undo:
            undo.callback(self._own.close)
            self._begin(again=again)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._own.close()

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
        changed = sum([self._look(index) for index in range(len(self._items))])
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

    def _look(self, index: int) -> bool:
        """Find out whether a file is done; return whether it was, but is so no more."""
        stamp = self._stamp(index)
        self._sizes[index] = max(1, stamp["size"])
        self.progress.total_bytes += self._sizes[index]
        if self._is_done(index, stamp):
            self._count(index)
            self.progress.found_bytes += self._sizes[index]
            return False
        self._open.append(index)
        found = self._lists.find(stamp["path"])
        return found is not None and found[1]["outcome"]["error"] is None

    def done_outcomes(self) -> Iterator[Outcome]:
        """Outcomes of all files in order, once all are done."""
        self._cursor = 0
        return self._ready()

    def under_way_bytes(self, shares: Mapping[int, float]) -> float:
        """Bytes that are done of files that are under way, by the share of each."""
        return sum(share * self._sizes[index] for index, share in shares.items())

    def outcomes(self, engine: Engine) -> Iterator[Outcome]:
        """Outcomes of all files in order, those that were done before among them.

        Raises
        ------
        OutputError
            The disk refuses.
        """
        yield from self._ready()
        while self._open:
            for index, outcome in engine(self._work()):
                self._add(index, outcome)
                yield from self._ready()
            self._own.sync()
            if self._open:
                self._wait()
                yield from self._ready()
        yield from self._ready()

    def _work(self) -> Work:
        """Files that nobody has done and nobody is at."""
        held: list[int] = []
        while self._open:
            claimed: list[tuple[int, dict[str, Any]]] = []
            while self._open and len(claimed) < _AT_ONCE:
                index = self._open.popleft()
                stamp = self._stamp(index)
                if self._own.claim(stamp["path"]):
                    claimed.append((index, stamp))
                else:
                    held.append(index)
            self._lists.refresh()  # what others have done before it was claimed here
            for index, stamp in claimed:
                if self._is_done(index, stamp):
                    self._own.release(stamp["path"])
                    self._count(index)
                else:
                    self._under_way[index] = stamp
                    yield index, self._items[index]
        self._open.extend(held)

    def _wait(self) -> None:
        """Wait until others have done, or given up, the files that they are at."""
        self.met_others = True
        if self._own.others():
            self._say(f"Waiting for {count_text(len(self._open), 'file')} that others are at.")
        while self._open:
            self._own.take_away()
            self._lists.refresh()
            left: deque[int] = deque()
            free = False
            for index in self._open:
                stamp = self._stamp(index)
                if self._is_done(index, stamp):
                    self._count(index)
                else:
                    left.append(index)
                    free |= not self._own.is_claimed(stamp["path"])
            self._open = left
            if free:
                return
            time.sleep(_LOOK_S)

    def _add(self, index: int, outcome: Outcome) -> None:
        if outcome.unwritten:
            raise OutputError(f"{outcome.error} What was done is kept: the same command goes on.")
        outputs = self._items[index].outputs
        tables = [] if outputs is None else outputs.sizes()
        fields = {**self._under_way.pop(index), "tables": tables}
        self._own.add({**fields, "outcome": outcome_fields(outcome)})
        self._count(index)
        self.progress.sound_s += outcome.duration_s or 0.0
        if time.monotonic() - self._synced_s >= _SYNC_S:
            self._own.sync()
            self._synced_s = time.monotonic()

    def _ready(self) -> Iterator[Outcome]:
        """Outcomes of the next files in order, as far as they are done."""
        while self._cursor < len(self._items) and self._done[self._cursor]:
            item = self._items[self._cursor]
            found = self._lists.find(_listed_path(item))
            assert found is not None
            yield replace(read_outcome(found[1]["outcome"]), file=item.title)
            self._cursor += 1

    def _count(self, index: int) -> None:
        self._done[index] = 1
        self.progress.files += 1
        self.progress.bytes += self._sizes[index]

    def _stamp(self, index: int) -> dict[str, Any]:
        """What a line of a file must say to tell of the file as it is now."""
        item = self._items[index]
        size, mtime_ns = size_and_time(item.path)
        name = None if item.outputs is None else item.outputs.name.relative_to(self._out).as_posix()
        return {
            "path": _listed_path(item),
            "size": size,
            "mtime_ns": mtime_ns,
            "model": self._key.model,
            "settings": self._key.settings,
            "name": name,
            "intervals": None if item.intervals is None else [*size_and_time(item.intervals)],
        }

    def _is_done(self, index: int, stamp: Mapping[str, Any]) -> bool:
        """Whether a line tells of the file as it is, and its tables are there.

        What failed in an earlier run is tried again.
        """
        found = self._lists.find(stamp["path"])
        if found is None or any(found[1].get(name) != value for name, value in stamp.items()):
            return False
        place, fields = found
        if fields["outcome"]["error"] is not None:
            return place.number >= len(self._old) or place.offset >= self._old[place.number]
        outputs = self._items[index].outputs
        return outputs is None or bool(fields["tables"] == outputs.sizes())


def _listed_path(item: InputFile) -> str:
    return os.path.normpath(item.path.absolute())
