"""Where samples lie in files that hold them as they are: WAV, RF64, Wave64, AIFF, AU and CAF.

Programs that stream leave the length open or wrong (0, 36, all bits set, a byte too many), and a
file may have lost its end. What follows the announced end tells which: chunks, or sound.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile

from realtime_ser.audio.file_bytes import FileBytes
from realtime_ser.audio.samples import Piece

_TOLERANCE = 64
"""Bytes that an announced length may be too long: some programs count the header too."""

_BETWEEN = 1 << 16  # bytes of chunks that may lie between the samples and a file that was joined
_SOME_SAMPLES = 4096  # bytes of samples behind a header by which libsndfile tells their format
_WIDTHS = dict.fromkeys(("PCM_S8", "PCM_U8", "ALAW", "ULAW"), 1) | {"PCM_16": 2, "PCM_24": 3}
_WIDTHS |= {"PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
"""Bytes of a sample by its subtype."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """How samples are stored."""

    rate: int  # in Hz
    channels: int
    subtype: str  # this and the endian in libsndfile's words
    endian: str

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels; 0: the sound is compressed."""
        return self.channels * _WIDTHS.get(self.subtype, 0)


@dataclass(frozen=True, slots=True)
class PcmPart:
    """Samples of one of the files that were joined: places, and bytes."""

    start: int
    end: int  # behind the last byte
    size_at: int  # where the header has their size
    announced: int | None  # ``None``: the header leaves the length open

    @property
    def whole(self) -> bool:
        """Whether as many bytes are there as announced."""
        return self.announced == self.end - self.start


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """Where the samples of a file lie whose header does not tell it."""

    format: PcmFormat
    parts: tuple[PcmPart, ...]  # one for each file that was joined
    in_wave: bool = True  # and not in another container

    @property
    def bytes_there(self) -> int:
        """Bytes of samples."""
        return sum(one.end - one.start for one in self.parts)

    @property
    def bytes_missing(self) -> int:
        """Bytes that are announced, and are not there."""
        lacks = [one.start + one.announced - one.end for one in self.parts if one.announced]
        missing = sum(lacks) if len(lacks) == len(self.parts) else 0
        return missing if missing > _TOLERANCE else 0


def pcm_layout(data: FileBytes) -> PcmLayout | None:
    """Where the samples of a file lie; ``None``: in no such container, or as its header tells."""
    container = next((one for one in _CONTAINERS if one.begins(data, 0)), None)
    first = None if container is None else container.part(data, 0)
    if container is None or first is None:
        return None
    following = container.following(data, first.end)
    if first.whole and following is None:
        return None
    form, parts = container.format(data, 0, first), [first]
    while form is not None and form.frame and following is not None:
        behind = container.part(data, following)
        if behind is None or container.format(data, following, behind) != form:
            break
        parts.append(behind)
        following = container.following(data, behind.end)
    if form is None or (first.whole and len(parts) == 1):
        return None
    layout = PcmLayout(form, tuple(parts), in_wave=container.kind == b"WAVE")
    if not form.frame and not layout.in_wave and not layout.bytes_missing:
        return None  # libsndfile reads these
    return layout


@dataclass(frozen=True, slots=True)
class _Container:
    """How a container begins, and how its chunks are named and measured."""

    mark: bytes  # its first bytes
    kind: bytes
    kind_at: int  # place of more bytes by which it is known
    first: int  # place of the first chunk
    samples: bytes  # name of the chunk with the samples
    before: int  # bytes in it before them
    size: str  # format of a chunk's size, which follows its name
    counted: int  # bytes of name and size that the size counts too
    grid: int  # chunks begin at multiples of so many bytes

    def begins(self, data: FileBytes, place: int) -> bool:
        """Whether a file of this kind begins at a place."""
        head = data[place : place + 40]
        return head.startswith(self.mark) and head.startswith(self.kind, self.kind_at)

    def following(self, data: FileBytes, end: int) -> int | None:
        """Place of a file that was joined to the one whose samples end at ``end``."""
        place = data.find(self.mark, end, end + _BETWEEN)
        return place if place >= 0 and self.begins(data, place) else None

    def part(self, data: FileBytes, origin: int) -> PcmPart | None:
        """Samples of the file that begins at a place; ``None``: it has none."""
        place, long_size = origin + self.first, 0
        while (chunk := self._chunk(data, place)) is not None:
            name, size, start = chunk
            if name == b"ds64":
                long_size = int.from_bytes(data[start + 8 : start + 16], "little")
            if name == self.samples:
                size = long_size if size == 0xFFFFFFFF and long_size else size
                size = self._unwrapped(data, start, size)
                return self._measured(data, origin, start + self.before, size - self.before)
            if size < 0:
                return None
            place = self._aligned(start + size, origin)
        return None

    def format(self, data: FileBytes, origin: int, part: PcmPart) -> PcmFormat | None:
        """How samples are stored; ``None``: their header makes no sense."""
        samples = data[part.start : part.start + _SOME_SAMPLES]
        size = struct.pack(self.size, len(samples) + self.before + self.counted)
        behind = data[part.size_at + len(size) : part.start]
        file = io.BytesIO(data[origin : part.size_at] + size + behind + samples)
        try:
            info = soundfile.info(file)
        except soundfile.SoundFileError:
            return None
        own_endian = "LITTLE" if self.size[0] == "<" else "BIG"
        endian = own_endian if info.endian == "FILE" else info.endian
        return PcmFormat(info.samplerate, info.channels, info.subtype, endian)

    def _chunk(self, data: FileBytes, place: int) -> tuple[bytes, int, int] | None:
        """Name, size and contents' place of a chunk; ``None``: the file ends within its head."""
        width = len(self.samples)
        head = data[place : place + width + struct.calcsize(self.size)]
        if len(head) < width + struct.calcsize(self.size):
            return None
        (size,) = struct.unpack(self.size, head[width:])
        return head[:width], size - self.counted, place + len(head)

    def _aligned(self, place: int, origin: int) -> int:
        return place + -(place - origin) % self.grid

    def _measured(self, data: FileBytes, origin: int, start: int, size: int) -> PcmPart:
        """Compare what is announced with what is there."""
        size_at = start - self.before - struct.calcsize(self.size)
        start, there, size = min(start, len(data)), len(data), max(0, size)
        end = start + size
        ends = (end, self._aligned(end, origin))
        if _is_placeholder(size) or (
            end < there and not any(self._is_chunk(data, at) for at in ends)
        ):
            return PcmPart(start, there, size_at, None)
        return PcmPart(start, min(end, there), size_at, size)

    def _is_chunk(self, data: FileBytes, place: int) -> bool:
        """Whether a chunk or a file begins here, or so little is left that it does not matter."""
        chunk = self._chunk(data, place)
        if chunk is None or self.begins(data, place):
            return True
        name, size, _ = chunk
        if name[:3] == b"TAG" and len(data) - place == 128:
            return True
        named = all(32 <= byte < 127 for byte in name[:4]) and name[:1] != b" "
        return named and 0 <= size <= len(data) - place

    def _unwrapped(self, data: FileBytes, start: int, size: int) -> int:
        """A length of more than 32 bit, of which some programs write the lower 32."""
        if start + size + 2**32 > len(data) or self._is_chunk(data, start + size):
            return size
        longer = range(size + 2**32, len(data) - start + 1, 2**32)
        return next((one for one in longer if self._is_chunk(data, start + one)), size)


class _Au(_Container):
    """AU, whose header has no chunks."""

    def part(self, data: FileBytes, origin: int) -> PcmPart | None:
        head = data[origin + 4 : origin + 12]
        if len(head) < 8:
            return None
        start, size = struct.unpack(f"{self.size}I", head)
        found = self._measured(data, origin, origin + start, size or _OPEN)
        return replace(found, size_at=origin + 8)


def _is_placeholder(size: int) -> bool:
    """Whether a length is what programs write that do not know it."""
    return size >= 2**62 or 0x7FFFE000 <= size <= 0x80001000 or 0xFFFFE000 <= size <= 0xFFFFFFFF


_OPEN = 0xFFFFFFFF
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_REST = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_CONTAINERS = (
    _Container(b"RIFF", b"WAVE", 8, 12, b"data", 0, "<I", 0, 2),
    _Container(b"RF64", b"WAVE", 8, 12, b"data", 0, "<I", 0, 2),
    _Container(b"BW64", b"WAVE", 8, 12, b"data", 0, "<I", 0, 2),
    _Container(b"RIFX", b"WAVE", 8, 12, b"data", 0, ">I", 0, 2),
    _Container(_W64_RIFF, b"wave" + _W64_REST, 24, 40, b"data" + _W64_REST, 0, "<Q", 24, 8),
    _Container(b"FORM", b"AIF", 8, 12, b"SSND", 8, ">I", 0, 2),
    _Container(b"caff", b"", 4, 8, b"data", 4, ">Q", 0, 1),
    _Au(b".snd", b"", 4, 0, b".snd", 0, ">I", 0, 1),
    _Au(b"dns.", b"", 4, 0, b"dns.", 0, "<I", 0, 1),
)


class PcmReader:
    """Reads samples that lie in a file as they are."""

    cut = False

    def __init__(self, path: Path, layout: PcmLayout) -> None:
        self._path = path
        self._layout = layout
        self.rate = layout.format.rate
        self.channels = layout.format.channels
        self.frames = layout.bytes_there // layout.format.frame

    def pieces(self, count: int) -> Iterator[Piece]:
        """All samples, ``count`` at a time."""
        form = self._layout.format
        with self._path.open("rb") as file:
            for part in self._layout.parts:
                file.seek(part.start)
                left = (part.end - part.start) // form.frame
                while left > 0:
                    raw = file.read(min(left, count) * form.frame)
                    raw = raw[: len(raw) // form.frame * form.frame]
                    if not raw:
                        return
                    left -= len(raw) // form.frame
                    samples, _ = soundfile.read(
                        io.BytesIO(raw),
                        dtype="float32",
                        always_2d=True,
                        samplerate=form.rate,
                        channels=form.channels,
                        format="RAW",
                        subtype=form.subtype,
                        endian=form.endian,
                    )
                    yield Piece(samples)
