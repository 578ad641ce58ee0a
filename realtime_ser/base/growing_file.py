"""A file that grows while a session runs, whatever the disk does meanwhile."""

from __future__ import annotations

import io
import os
from pathlib import Path

_BLOCK = 1 << 20  # bytes that are copied at once


class GrowingFile:
    """New file whose bytes wait in memory until :meth:`flush` has brought them to the disk.

    What the disk refuses is tried again with the next flush, so that a full disk costs nothing once
    there is room. On the disk the file always ends where a flush ended. A file that was removed
    meanwhile is written anew.

    libsndfile can write into it: nothing but :meth:`flush` touches the disk.

    Parameters
    ----------
    path
        The file; its folder is made.

    Attributes
    ----------
    path
        The file.

    Raises
    ------
    OSError
        The file exists already, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _create(path)
        self._on_disk = 0
        self._position = 0
        self._waiting = bytearray()  # from ``_on_disk`` on
        self._changes: dict[int, bytes] = {}  # before it
        self._is_shorter = False

    @property
    def waiting(self) -> int:
        """Bytes that are not on the disk yet."""
        return len(self._waiting)

    def write(self, data: bytes) -> int:
        """Put bytes at the position, and return their number."""
        data = bytes(data)
        before = max(0, min(len(data), self._on_disk - self._position))
        if before:
            self._changes[self._position] = data[:before]
        start = self._position + before - self._on_disk
        if start >= 0:
            self._waiting[start : start + len(data) - before] = data[before:]
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, and return it."""
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._on_disk + len(self._waiting),
        }
        self._position = start[whence] + offset
        return self._position

    def truncate(self) -> None:
        """Let the file end at the position with the next flush."""
        del self._waiting[max(0, self._position - self._on_disk) :]
        self._is_shorter = self._position < self._on_disk

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def read(self, _count: int = -1) -> bytes:
        """Nothing: the file is written only."""
        return b""

    def flush(self) -> None:
        """Bring all bytes to the disk.

        Raises
        ------
        OSError
            The disk refuses, and the bytes wait on; or another file lies in the place of this one.
        """
        if not self._in_place():
            self._write_anew()
        if not self._waiting and not self._changes and not self._is_shorter:
            return
        try:
            self._put(self._on_disk, self._waiting)
            for offset, data in self._changes.items():
                self._put(offset, data)
            if self._is_shorter:
                self._file.truncate(self._position)
            os.fsync(self._file.fileno())
        except OSError:
            self._cut()
            raise
        self._on_disk = self._position if self._is_shorter else self._on_disk + len(self._waiting)
        self._is_shorter = False
        self._waiting.clear()
        self._changes.clear()

    def close(self) -> None:
        """Let go of the file, which ends with the last flush; safe to call twice."""
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file, and remove it."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _in_place(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False

    def _write_anew(self) -> None:
        new = _create(self.path)
        try:
            self._file.seek(0)
            left = self._on_disk
            while left and (block := self._file.read(min(left, _BLOCK))):
                _write_all(new, block)
                left -= len(block)
        except OSError:
            new.close()
            self.path.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = new

    def _put(self, offset: int, data: bytes | bytearray) -> None:
        self._file.seek(offset)
        _write_all(self._file, data)

    def _cut(self) -> None:
        """Take away what a failed flush has written, as far as the disk lets one."""
        try:
            self._file.truncate(self._on_disk)
        except OSError:
            return  # the next flush writes over it


def _create(path: Path) -> io.FileIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return io.FileIO(path, "x+")


def _write_all(file: io.FileIO, data: bytes | bytearray) -> None:
    with memoryview(data) as view:
        start = 0
        while start < len(view):
            start += file.write(view[start:])
