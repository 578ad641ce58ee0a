"""List of the files that are done in a folder of results, and who is at work there.

The folder :data:`FOLDER` within that of the results has a list for each run, ``RUN.jsonl``: a line
of JSON about the run, then one for each file. Lines are only ever appended, each when the tables of
its file are in their places; a line without its end, which a killed run leaves, counts as none.

Any number of runs, on any number of machines, may work on one folder. A file is claimed before it
is heard, by ``KEY.claim``, which only one run can create, and the claim is given back when the line
is on the disk. A run holds a lock on ``RUN.lock`` and touches it; where it does neither any more,
its claims are taken away.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import platform
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import cannot_write, whole_file, writing
from realtime_ser.base.scratch import scratch_database
from realtime_ser.session.store.database import is_locked, store_lock

FOLDER = "done-list"

ADVICE = "make room there; what was done is kept, and the same command goes on"

_GUARD = "claims.guard"
"""File that is locked while claims are taken away."""

_HEARTBEAT_S = 10.0
_SILENT_S = 120.0
"""Time without a heartbeat after which a run on another machine counts as dead, in seconds."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run: its machine and process, and what it was to do.

    Attributes
    ----------
    host, process
        Name of the machine, and number of the process.
    files
        Number of files.
    labels
        Labels of the probabilities, in order.
    shard
        Part of the archive, as ``2/8``; empty: all of it.
    manifest
        Name of the list of all files of the archive, whatever part of it; empty: there is none.
    at
        When it began, in seconds since 1970.
    """

    host: str
    process: int
    files: int
    labels: tuple[str, ...] = ()
    shard: str = ""
    manifest: str = ""
    at: float = 0.0

    @classmethod
    def here(
        cls, files: int, labels: Sequence[str] = (), shard: str = "", manifest: str = ""
    ) -> ListedRun:
        """The run of this process, which begins now."""
        at = round(time.time(), 3)
        return cls(platform.node(), os.getpid(), files, tuple(labels), shard, manifest, at)

    @property
    def place(self) -> str:
        """Where it runs, in words."""
        return f"{self.host} (process {self.process})"


class Place(NamedTuple):
    """Place of a line: the number of its list, and its first byte."""

    number: int
    offset: int


class DoneLists:
    """Lists of all runs in a folder of results, as far as they were read.

    Of each file an index on the disk has the place of its latest line.

    Attributes
    ----------
    runs
        The runs by their names.
    unreadable
        Number of lines that are none.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / FOLDER
        self.runs: dict[str, ListedRun] = {}
        self.unreadable = 0
        self._paths: list[Path] = []
        self._known: set[Path] = set()
        self._read_to: list[int] = []
        self._index = scratch_database(
            "CREATE TABLE places (key INTEGER PRIMARY KEY, number INTEGER, offset INTEGER, at REAL)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    @property
    def ends(self) -> tuple[int, ...]:
        """How far each list was read, in bytes."""
        return tuple(self._read_to)

    def refresh(self) -> None:
        """Read what was appended since."""
        for path in sorted(self.folder.glob("*.jsonl")):
            if path not in self._known:
                self.begin(path)
        for number, path in enumerate(self._paths):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(self._read_to[number])
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # torn, or still being written
                    self.take(number, line)

    def begin(self, path: Path) -> int:
        """Number of a list that is new."""
        self._paths.append(path)
        self._known.add(path)
        self._read_to.append(0)
        return len(self._paths) - 1

    def take(self, number: int, line: bytes, fields: Mapping[str, Any] | None = None) -> None:
        """Take the next line of a list, and what it says where that is known."""
        place = Place(number, self._read_to[number])
        self._read_to[number] += len(line)
        try:
            fields = json.loads(line) if fields is None else fields
            if "run" in fields:
                run = ListedRun(**fields["run"])
                self.runs[self._paths[number].stem] = replace(run, labels=tuple(run.labels))
            else:
                values = _key(fields["path"]), *place, float(fields["at"])
                self._index.execute(
                    "INSERT INTO places VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                    "number = excluded.number, offset = excluded.offset, at = excluded.at "
                    "WHERE at <= excluded.at",
                    values,
                )
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1

    def manifest(self, name: str) -> Iterator[ListedFile]:
        """All files of the archive that a run was at; none where their list is lost."""
        try:
            with gzip.open(_manifest_path(self.folder, name)) as file:
                for line in file:
                    yield ListedFile(**json.loads(line))
        except (OSError, EOFError, zlib.error, ValueError, TypeError):
            return

    def forget(self) -> None:
        """Forget all lines so far."""
        self._index.execute("DELETE FROM places")

    def find(self, path: str) -> tuple[Place, dict[str, Any]] | None:
        """Latest line of a file, and its place; ``None``: there is none."""
        select = "SELECT number, offset FROM places WHERE key = ?"
        row = self._index.execute(select, (_key(path),)).fetchone()
        if row is None:
            return None
        place = Place(*row)
        fields = self._line(place)
        return (place, fields) if fields.get("path") == path else None

    def lines(self) -> Iterator[dict[str, Any]]:
        """Latest line of each file."""
        for row in self._index.execute("SELECT number, offset FROM places ORDER BY 1, 2"):
            yield self._line(Place(*row))

    def _line(self, place: Place) -> dict[str, Any]:
        with self._paths[place.number].open("rb") as file:
            file.seek(place.offset)
            fields: dict[str, Any] = json.loads(file.readline())
            return fields


def _key(path: str) -> int:
    return _hash(path) - (1 << 63)


def _hash(path: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(path.encode(errors="surrogatepass"), digest_size=8).digest()
    )


@contextlib.contextmanager
def written_lists(out: Path, wanted: str) -> Iterator[DoneLists]:
    """Lists of a folder with results; ``wanted`` says what a person is to name instead.

    Raises
    ------
    UsageError
        The folder holds none.
    """
    with DoneLists(out) as lists:
        lists.refresh()
        if not lists.runs:
            raise UsageError(
                f"{out} holds no list of what is done: name {wanted} that 'realtime-ser analyze' "
                "has written."
            )
        yield lists


class ListedFile(NamedTuple):
    """A file of an archive: its path, and the name of its results seen from their folder."""

    path: str
    name: str


def write_manifest(out: Path, files: Callable[[], Iterable[ListedFile]]) -> str:
    """Write the list of all files of an archive, unless it is there; return its name.

    Raises
    ------
    OutputError
        The disk refuses.
    """
    digest = hashlib.blake2b(digest_size=8)
    for file in files():
        digest.update(_manifest_line(file))
    name = f"manifest-{digest.hexdigest()}"
    path = _manifest_path(out / FOLDER, name)
    if not path.exists():
        _make_folder(out)
        with (
            writing(path, ADVICE),
            whole_file(path, shared=True) as draft,
            gzip.open(draft, "wb") as packed,
        ):
            packed.writelines(map(_manifest_line, files()))
    return name


def _make_folder(out: Path) -> None:
    """Make the folder of the lists; where it cannot be made, another one is to be chosen."""
    with writing(out / FOLDER):
        (out / FOLDER).mkdir(parents=True, exist_ok=True)


def _manifest_line(file: ListedFile) -> bytes:
    return json.dumps(file._asdict(), separators=(",", ":")).encode() + b"\n"


def _manifest_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl.gz"


class OwnList:
    """List that a run writes, its claims, and its lock.

    Parameters
    ----------
    lists
        All lists of the folder, to which this one is added.
    run
        The run.

    Raises
    ------
    OutputError
        The disk refuses.
    """

    def __init__(self, lists: DoneLists, run: ListedRun) -> None:
        self._lists = lists
        self._run = run
        self._folder = lists.folder
        self._name = f"{run.host}-{run.process}-{int(time.time())}-{secrets.token_hex(2)}"
        self._path = self._folder / f"{self._name}.jsonl"
        self._token = self._folder / f"{self._name}.name"
        self._claims: set[str] = set()
        self._written: list[str] = []
        self._files = 0
        self._ended = threading.Event()
        self._alive = _Alive(self._folder)
        _make_folder(self._folder.parent)
        with writing(self._path, ADVICE):
            self._lock = store_lock(self._folder / f"{self._name}.lock")
            self._lock.acquire(blocking=False)
            self._token.write_text(self._name, encoding="utf-8")
            self._number = lists.begin(self._path)
            self._file = self._path.open("xb", buffering=0)
            self._append({"run": asdict(run)})
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def claim(self, path: str) -> bool:
        """Claim a file; false: another run has it."""
        claim = self._claim_path(path)
        try:
            claim.hardlink_to(self._token)  # which costs no new file
            self._claims.add(path)
        except OSError:  # another run has it, or the disk knows no links
            return self._create(claim, path)
        return True

    def _create(self, claim: Path, path: str) -> bool:
        try:
            file = claim.open("x", encoding="utf-8")
        except FileExistsError:
            return False
        except OSError as error:
            raise cannot_write(claim, error, ADVICE) from error
        self._claims.add(path)
        with writing(claim, ADVICE), file:
            file.write(self._name)
        return True

    def add(self, fields: Mapping[str, Any]) -> None:
        """Append the line of a file whose tables are in their places."""
        with writing(self._path, ADVICE):
            self._append({"at": round(time.time(), 3), **fields})
        self._files += 1
        self._written.append(fields["path"])

    def release(self, path: str) -> None:
        """Give a claim back."""
        self._claims.discard(path)
        self._claim_path(path).unlink(missing_ok=True)

    @property
    def unsynced(self) -> int:
        """Number of files whose lines may not be on the disk yet, and whose claims are held."""
        return len(self._written)

    def sync(self) -> None:
        """Bring the lines to the disk, and give back the claims of their files."""
        with writing(self._path, ADVICE):
            os.fsync(self._file.fileno())
        for path in self._written:
            self.release(path)
        self._written.clear()

    def others(self) -> list[str]:
        """Names of the other runs that are at work in the folder."""
        names = (path.stem for path in self._folder.glob("*.lock"))
        return [name for name in names if name != self._name and self._alive.is_alive(name)]

    def is_claimed(self, path: str) -> bool:
        """Whether any run has claimed a file."""
        return self._claim_path(path).exists()

    def forget_others(self, shard: str) -> None:
        """Remove the lists of all other runs on the same files, none of which may be at work."""
        runs = self._lists.runs
        gone = [name for name, run in runs.items() if name != self._name and run.shard == shard]
        for name in gone:
            (self._folder / f"{name}.jsonl").unlink(missing_ok=True)
        manifests = {runs.pop(name).manifest for name in gone}
        for name in manifests - {run.manifest for run in runs.values()}:
            _manifest_path(self._folder, name).unlink(missing_ok=True)
        self._lists.forget()

    def take_away(self) -> dict[str, int]:
        """Take away the claims of runs that are no more; their number by the run."""
        found: dict[str, int] = {}
        with store_lock(self._folder / _GUARD).acquire():
            for claim in self._folder.glob("*.claim"):
                with contextlib.suppress(FileNotFoundError):
                    name = claim.read_text(encoding="utf-8")
                    if name != self._name and not self._alive.is_alive(name):
                        claim.unlink()
                        found[name] = found.get(name, 0) + 1
            for lock in self._folder.glob("*.lock"):
                if not self._alive.is_alive(lock.stem):
                    lock.with_suffix(".name").unlink(missing_ok=True)
                    lock.unlink(missing_ok=True)
        return found

    def close(self) -> None:
        """End the run; a list that tells nothing new goes."""
        self._ended.set()
        try:
            self.sync()
        finally:
            for path in list(self._claims):
                self.release(path)
            self._file.close()
            if not self._files and not self._found_other_files():
                self._path.unlink(missing_ok=True)
            self._token.unlink(missing_ok=True)
            self._lock.release()
            (self._folder / f"{self._name}.lock").unlink(missing_ok=True)

    def _found_other_files(self) -> bool:
        """Whether the archive has other files than the last run on the same part found."""
        others = [
            run
            for name, run in self._lists.runs.items()
            if name != self._name and run.shard == self._run.shard
        ]
        last = max(others, key=lambda run: run.at, default=self._run)
        return last.manifest != self._run.manifest

    def _append(self, fields: Mapping[str, Any]) -> None:
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        written = self._file.write(line)
        if written != len(line):  # the disk takes a part only; the next write says why
            self._file.write(line[written:])
        self._lists.take(self._number, line, fields)

    def _claim_path(self, path: str) -> Path:
        return self._folder / f"{_hash(path):016x}.claim"

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT_S):
            with contextlib.suppress(OSError):
                os.utime(self._folder / f"{self._name}.lock")


class _Alive:
    """Judge of whether other runs live."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._beats: dict[str, tuple[float, float]] = {}

    def is_alive(self, name: str) -> bool:
        path = self._folder / f"{name}.lock"
        if not name:  # a claim that was just created
            return self._has_changed("", 0.0)
        try:
            beat = path.stat().st_mtime
        except FileNotFoundError:
            return False
        if is_locked(path):
            return True
        here = name.startswith(f"{platform.node()}-")
        # A lock on another machine may not be seen from here.
        return not here and self._has_changed(name, beat)

    def _has_changed(self, name: str, beat: float) -> bool:
        """Whether a heartbeat is new, or was so not long ago by this machine's clock."""
        now_s = time.monotonic()
        known, since_s = self._beats.setdefault(name, (beat, now_s))
        if known != beat:
            self._beats[name] = (beat, now_s)
            return True
        return now_s - since_s < _SILENT_S
