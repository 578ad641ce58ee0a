"""A file as a row of bytes that are read when they are asked for."""

from __future__ import annotations

import os
from typing import BinaryIO

_PIECE = 1 << 20


class FileBytes:
    """Bytes of a file, which may change meanwhile: a mapped file that shrinks ends the program."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice, /) -> bytes:
        start, stop, _ = key.indices(self._size)
        self._file.seek(start)
        return self._file.read(max(0, stop - start))

    def find(self, sub: bytes, start: int = 0, end: int | None = None, /) -> int:
        """Place of some bytes, searched piece by piece; -1: they are not there."""
        end = self._size if end is None else min(end, self._size)
        while start < end:
            piece = self[start : min(start + _PIECE, end)]
            place = piece.find(sub)
            if place >= 0:
                return start + place
            if len(piece) < _PIECE:
                return -1
            start += _PIECE - len(sub) + 1
        return -1
