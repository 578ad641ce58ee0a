"""Which files are analysed, and where their results go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Self

from realtime_ser.audio.opening import AUDIO_FILES
from realtime_ser.base.errors import reason_text
from realtime_ser.base.files import walk_links
from realtime_ser.base.scratch import packed, scratch_database, unpacked
from realtime_ser.base.text import printable
from realtime_ser.session.analysis.shards import Shard


@dataclass(frozen=True)
class OutputPaths:
    """Paths of a file's results beside each other: three tables, sidecar, picture of the timeline.

    ``name`` is what they have in common.
    """

    name: Path

    @cached_property
    def steps(self) -> Path:
        """Table of the steps."""
        return self._with(".frames.csv")

    @cached_property
    def segments(self) -> Path:
        """Table of the segments."""
        return self._with(".segments.csv")

    @cached_property
    def voice(self) -> Path:
        """Table of what the voice did."""
        return self._with(".voice.csv")

    @cached_property
    def sidecar(self) -> Path:
        """Sidecar."""
        return self._with(".json")

    @cached_property
    def plot(self) -> Path:
        """Picture of the timeline."""
        return self._with(".png")

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return self.steps, self.segments, self.voice, self.sidecar, self.plot

    def sizes(self) -> list[int]:
        """Sizes of all of them in bytes; -1 where there is none."""
        return [size_and_time(path)[0] for path in self.paths]

    def _with(self, ending: str) -> Path:
        return self.name.with_name(f"{self.name.name}{ending}")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to analyse, where its results go, and why it cannot be analysed, if known already.

    ``name`` is what it is called in results and messages, where that is not its path;
    ``intervals`` is a file with intervals of it that a person brings.
    """

    path: Path
    outputs: OutputPaths | None = None
    error: str | None = None
    name: str | None = None
    intervals: Path | None = None

    @property
    def title(self) -> str:
        """Its name, or else its path."""
        return printable(self.name or str(self.path))

    def told(self, words: str) -> str:
        """What is said of it by its path, by its name."""
        return printable(words if self.name is None else words.replace(str(self.path), self.name))

    @property
    def size(self) -> int:
        """Size in bytes, by which the work is measured."""
        try:
            return max(1, self.path.stat().st_size)
        except OSError:
            return 1


def size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns; -1: there is no file."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


_TABLES = (
    """CREATE TABLE files (
        number INTEGER PRIMARY KEY,  -- from 1, in order
        place BLOB UNIQUE,           -- path from the root
        path BLOB,
        title BLOB,
        error BLOB,
        below BLOB,                  -- path seen from the folder that holds all
        stem BLOB,                   -- the same without ending and case
        name BLOB,                   -- of its results
        taken BLOB UNIQUE,           -- the same without case
        intervals BLOB
    )""",
    "CREATE INDEX files_by_stem ON files (stem)",
    "CREATE TABLE part (number INTEGER PRIMARY KEY, file INTEGER)",
    "CREATE TABLE search (key BLOB, path BLOB, error BLOB)",
)

_SELECT = "SELECT path, title, error, name, intervals FROM"
_WHOLE = "files"
_PART = "part JOIN files ON files.number = part.file"


class InputList:
    """Files to analyse, in order, on the disk: memory does not grow with their number.

    ``shard`` is the part of them that is to be done; ``None``: all.

    Folders are searched with all that lies in them, through links too. Below ``out`` is the same
    tree of folders as below the deepest folder that holds all of ``paths``. A file that is named
    twice counts once.

    ``names`` has what those of ``paths`` are called whose path says nothing; their results lie in
    ``out`` itself.

    Raises
    ------
    OutputError
        The folder of temporary files takes no more.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        out: Path | None,
        names: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        placed = [path for path in paths if path not in names]
        self._top = _common_folder([path if path.is_dir() else path.parent for path in placed])
        self._out = out
        self._files, self._number = _WHOLE, "files.number"
        self.shard: Shard | None = None
        self._database = scratch_database(*_TABLES)
        with ExitStack() as undo:
            undo.callback(self.close)
            for path in paths:
                if path.is_dir():
                    self._search(path)
                else:
                    self._add(InputFile(path, name=names.get(path)))
            if out is not None:
                self._name_results()
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the disk."""
        self._database.close()

    def __len__(self) -> int:
        (count,) = self._database.execute(f"SELECT count(*) FROM {self._files}").fetchone()
        return int(count)

    def __getitem__(self, index: int) -> InputFile:
        select = f"{_SELECT} {self._files} WHERE {self._number} = ?"
        row = self._database.execute(select, (index + 1,)).fetchone()
        if row is None:
            raise IndexError(index)
        return self._item(row)

    def __iter__(self) -> Iterator[InputFile]:
        select = f"{_SELECT} {self._files} ORDER BY {self._number}"
        return map(self._item, self._database.execute(select))

    def whole(self) -> Iterator[InputFile]:
        """All files, whichever part of them is to be done."""
        return map(self._item, self._database.execute(f"{_SELECT} {_WHOLE} ORDER BY files.number"))

    def keep_part(self, shard: Shard) -> None:
        """Keep the files of a part, to which :meth:`whole` does not keep."""
        for number in range(1, len(self) + 1):
            select = "SELECT name FROM files WHERE number = ?"
            (name,) = self._database.execute(select, (number,)).fetchone()
            if shard.holds(Path(unpacked(name)).as_posix()):
                self._database.execute("INSERT INTO part (file) VALUES (?)", (number,))
        self._files, self._number = _PART, "part.number"
        self.shard = shard

    def add_intervals(self, find: Callable[[InputFile], Path | None]) -> None:
        """Note the file of intervals of each file."""
        for index in range(len(self)):
            path = find(self[index])
            if path is not None:
                values = packed(str(path)), index + 1
                self._database.execute("UPDATE files SET intervals = ? WHERE number = ?", values)

    def _item(self, row: Sequence[bytes | None]) -> InputFile:
        path, title, error, name, intervals = (
            None if value is None else unpacked(value) for value in row
        )
        outputs = None if self._out is None or name is None else OutputPaths(self._out / name)
        given = None if intervals is None else Path(intervals)
        return InputFile(Path(path or ""), outputs, error, title, given)

    def _search(self, folder: Path) -> None:
        def note(path: Path, error: str | None = None) -> None:
            values = order_key(path), packed(str(path)), None if error is None else packed(error)
            self._database.execute("INSERT INTO search VALUES (?, ?, ?)", values)

        def refuse(error: OSError) -> None:
            words = f"{error.filename} cannot be opened ({reason_text(error)}); "
            note(Path(error.filename), f"{words}change its permissions.")

        for place, _, names in walk_links(folder, refuse):
            for name in names:
                path = place / name
                if _is_audio(name):
                    note(path)
                elif not path.suffix and path.is_symlink() and not path.exists():
                    note(path, f"{path} is a link that leads nowhere; mend it, or delete it.")
        found = False
        for path, error in self._database.execute(
            "SELECT path, error FROM search ORDER BY key, rowid"
        ):
            found = True
            words = None if error is None else unpacked(error)
            self._add(InputFile(Path(unpacked(path)), error=words))
        self._database.execute("DELETE FROM search")
        if not found:
            words = f"{folder} holds no audio file, such as .wav, .mp3 or .m4a; check the path."
            self._add(InputFile(folder, error=words))

    def _add(self, item: InputFile) -> None:
        place = _absolute(item.path)
        texts = [place, str(item.path), item.name, item.error]
        if self._out is not None:
            below = Path(item.name) if item.name else _below(Path(place), self._top)
            texts += [str(below), _without_case(below.with_suffix(""))]
        columns = ("place", "path", "title", "error", "below", "stem")[: len(texts)]
        self._database.execute(
            f"INSERT OR IGNORE INTO files ({', '.join(columns)}) "
            f"VALUES ({', '.join('?' * len(texts))})",
            [None if text is None else packed(text) for text in texts],
        )

    def _name_results(self) -> None:
        """Name each file's results: the stem, or the whole name where stems are equal."""
        select = (
            "SELECT below, EXISTS (SELECT 1 FROM files AS other WHERE other.stem = files.stem "
            "AND other.number <> files.number) FROM files WHERE number = ?"
        )
        for number in range(1, len(self) + 1):
            below, shared = self._database.execute(select, (number,)).fetchone()
            path = Path(unpacked(below))
            wanted = path if shared else path.with_suffix("")
            name, count = wanted, 1
            while not self._take(number, name):
                count += 1
                name = wanted.with_name(f"{wanted.name}_{count}")

    def _take(self, number: int, name: Path) -> bool:
        """Name the results of a file, unless those of another have that name."""
        values = packed(str(name)), packed(_without_case(name)), number
        update = "UPDATE OR IGNORE files SET name = ?, taken = ? WHERE number = ?"
        return self._database.execute(update, values).rowcount > 0


def find_inputs(paths: Sequence[Path], out: Path | None) -> list[InputFile]:
    """Few files to analyse, in order, as :class:`InputList` finds them."""
    with InputList(paths, out) as found:
        return list(found)


def order_key(path: str | Path) -> bytes:
    """Value by which files are in the order of their paths, folder by folder."""
    return packed("\0".join(Path(os.path.normcase(path)).parts))


def _without_case(path: Path) -> str:
    return str(path).casefold()


def _is_audio(name: str) -> bool:
    return Path(name).suffix.lower() in AUDIO_FILES and not name.startswith(".")


def _absolute(path: Path) -> str:
    """Path from the root, with links unresolved: results lie where the link does."""
    return os.path.normpath(path.absolute())


def _common_folder(folders: Sequence[Path]) -> str | None:
    """Deepest folder that holds all; ``None``: there is none."""
    try:
        return os.path.commonpath([_absolute(folder) for folder in folders])
    except ValueError:  # none at all, or on different drives
        return None


def _below(path: Path, top: str | None) -> Path:
    """Path seen from the deepest folder; of that folder itself, in which no file is, its name."""
    below = path.relative_to(top or path.anchor)
    return below if below.name else Path(path.name or "folder")
