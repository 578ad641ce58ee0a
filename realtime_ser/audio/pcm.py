"""Where samples lie in files that hold them as they are: WAV, RF64, Wave64, AIFF, AU and CAF.

Programs that stream leave the length open or wrong (0, 36, all bits set, a byte too many), and a
file may have lost its end. What follows the announced end tells which: chunks, or sound.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from realtime_ser.audio.mpeg import Bytes

_TOLERANCE = 64
"""Bytes that an announced length may be too long: some programs count the header too."""

_BETWEEN = 1 << 16
"""Bytes of chunks that may lie between the samples and a file that was joined."""

_W64 = {
    "riff": bytes.fromhex("726966662e91cf11a5d628db04c10000"),
    "wave": bytes.fromhex("77617665f3acd3118cd100c04f8edb8a"),
    "fmt ": bytes.fromhex("666d7420f3acd3118cd100c04f8edb8a"),
    "data": bytes.fromhex("64617461f3acd3118cd100c04f8edb8a"),
}
_WAVE_SUBTYPES = {
    (1, 1): "PCM_U8",
    (1, 2): "PCM_16",
    (1, 3): "PCM_24",
    (1, 4): "PCM_32",
    (3, 4): "FLOAT",
    (3, 8): "DOUBLE",
    (6, 1): "ALAW",
    (7, 1): "ULAW",
}
_INTEGERS = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
_AIFF_CODES = {
    b"fl32": "FLOAT",
    b"FL32": "FLOAT",
    b"fl64": "DOUBLE",
    b"FL64": "DOUBLE",
    b"alaw": "ALAW",
    b"ALAW": "ALAW",
    b"ulaw": "ULAW",
    b"ULAW": "ULAW",
}
_AU_CODES = {
    1: ("ULAW", 1),
    2: ("PCM_S8", 1),
    3: ("PCM_16", 2),
    4: ("PCM_24", 3),
    5: ("PCM_32", 4),
    6: ("FLOAT", 4),
    7: ("DOUBLE", 8),
    27: ("ALAW", 1),
}
_EXTENSIBLE = 0xFFFE
_RIFF_MARKS = (b"RIFF", b"RIFX", b"RF64", b"BW64")


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """How samples are stored.

    Attributes
    ----------
    rate, channels
        Rate in Hz, and number of channels.
    subtype, endian
        In libsndfile's words; the subtype of compressed sound is empty.
    frame
        Bytes of one sample of all channels, or of one block of compressed sound.
    byte_rate
        Bytes a second.
    """

    rate: int
    channels: int
    subtype: str
    endian: str
    frame: int
    byte_rate: int


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """Where the samples of a file lie.

    Attributes
    ----------
    format
        How they are stored.
    parts
        First and last byte of each stretch, the last one excluded.
    announced
        Bytes that the header announces; ``None``: it leaves the length open.
    regular
        Whether the header tells all this as it is.
    """

    format: PcmFormat
    parts: tuple[tuple[int, int], ...]
    announced: int | None
    regular: bool

    @property
    def frames(self) -> int:
        """Samples a channel that are there."""
        return sum((end - start) // self.format.frame for start, end in self.parts)

    @property
    def there_s(self) -> float:
        """Seconds that are there."""
        return sum(end - start for start, end in self.parts) / self.format.byte_rate

    @property
    def missing_s(self) -> float:
        """Seconds that are announced, and are not there."""
        there = sum(end - start for start, end in self.parts)
        lack = 0 if self.announced is None else self.announced - there
        return lack / self.format.byte_rate if lack > _TOLERANCE else 0.0


def pcm_layout(data: Bytes) -> PcmLayout | None:
    """Where the samples of a file lie; ``None``: it is in none of these containers."""
    container = next((one for one in _CONTAINERS if one.begins(data, 0)), None)
    first = None if container is None else _read(container, data, 0)
    if first is None or container is None:
        return None
    layout, end = first, first.parts[-1][1]
    while (place := container.following(data, end)) is not None:
        behind = _read(container, data, place)
        if behind is None or behind.format != layout.format or not layout.format.subtype:
            break
        known = layout.announced is not None and behind.announced is not None
        layout = PcmLayout(
            layout.format,
            (*layout.parts, *behind.parts),
            (layout.announced or 0) + (behind.announced or 0) if known else None,
            regular=False,
        )
        end = behind.parts[-1][1]
    return layout


def _read(container: _Container, data: Bytes, place: int) -> PcmLayout | None:
    try:
        layout = container.read(data, place)
    except (struct.error, KeyError, OverflowError):
        return None
    sound = layout is not None and layout.format.channels > 0 and layout.format.frame > 0
    return layout if sound else None


@dataclass(frozen=True, slots=True)
class _Container:
    """A container: how it begins, and how it is read from a place on."""

    marks: tuple[bytes, ...]
    kinds: tuple[bytes, ...]
    kind_at: int
    read: Callable[[Bytes, int], PcmLayout | None]

    def begins(self, data: Bytes, place: int) -> bool:
        """Whether a file of this kind begins at a place."""
        head = data[place : place + 40]
        return head.startswith(self.marks) and head[self.kind_at :].startswith(self.kinds)

    def following(self, data: Bytes, end: int) -> int | None:
        """Place of a file that was joined to the one whose samples end at ``end``."""
        for mark in self.marks:
            place = data.find(mark, end, end + _BETWEEN)
            if place >= 0 and self.begins(data, place):
                return place
        return None


def _layout(
    data: Bytes, form: PcmFormat, start: int, announced: int | None, behind: Callable[[int], bool]
) -> PcmLayout:
    """Compare what is announced with what is there.

    ``behind`` tells whether a chunk begins at a place, or the file ends there.
    """
    size = len(data)
    open_ended = announced is None or _is_placeholder(announced)
    end = size if announced is None else start + announced
    if open_ended or (end < size and not (behind(end) or behind(end + (end - start) % 2))):
        return PcmLayout(form, ((start, size),), None, regular=False)
    assert announced is not None
    there = min(end, size)
    return PcmLayout(form, ((start, there),), announced, regular=there == end)


def _plain(rate: int, channels: int, subtype: str, width: int, *, little: bool) -> PcmFormat:
    frame = width * channels
    endian = "LITTLE" if little else "BIG"
    return PcmFormat(rate, channels, subtype, endian, frame, max(1, rate * frame))


def _is_placeholder(size: int) -> bool:
    """Whether a length is what programs write that do not know it."""
    return size >= 2**62 or 0x7FFFE000 <= size <= 0x80001000 or 0xFFFFE000 <= size <= 0xFFFFFFFF


# ------------------------------------------------------------------------------------------- RIFF


def _riff(data: Bytes, place: int) -> PcmLayout | None:
    order = ">" if data[place : place + 4] == b"RIFX" else "<"
    form: PcmFormat | None = None
    long_size: int | None = None
    for name, size, start in _chunks(data, place + 12, order):
        if name == b"ds64":
            long_size = int.from_bytes(data[start + 8 : start + 16], "little")
        elif name == b"fmt ":
            form = _wave_format(data[start : start + size], order)
            if form is None:
                return None
        elif name == b"data":
            if form is None:
                return None
            told = long_size if size == 0xFFFFFFFF and long_size else size
            told = _unwrapped(data, start, told, order)
            return _layout(data, form, start, told, lambda at: _is_chunk(data, at, order))
    return None


def _unwrapped(data: Bytes, start: int, size: int, order: str) -> int:
    """A length of more than 32 bit, of which some programs write the lower 32."""
    if start + size + 2**32 > len(data) or _is_chunk(data, start + size, order):
        return size
    longer = range(size + 2**32, len(data) - start + 1, 2**32)
    return next((s for s in longer if _is_chunk(data, start + s, order)), size)


def _chunks(data: Bytes, place: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Names, sizes and contents' places of chunks."""
    while place + 8 <= len(data):
        (size,) = struct.unpack(f"{order}I", data[place + 4 : place + 8])
        yield data[place : place + 4], size, place + 8
        place += 8 + size + size % 2


def _is_chunk(data: Bytes, at: int, order: str) -> bool:
    """Whether a chunk begins here, or so little is left that it does not matter."""
    head = data[at : at + 8]
    if len(head) < 8:
        return True
    (size,) = struct.unpack(f"{order}I", head[4:])
    if head[:4] in _RIFF_MARKS and data[at + 8 : at + 12] == b"WAVE":
        return True
    named = all(32 <= byte < 127 for byte in head[:4]) and head[:1] != b" "
    return (named and size <= len(data) - at) or (head[:3] == b"TAG" and len(data) - at == 128)


def _wave_format(chunk: bytes, order: str) -> PcmFormat | None:
    """How samples are stored, by a ``fmt`` chunk; ``None``: it makes no sense."""
    code, channels, rate, byte_rate, frame, _ = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if code == _EXTENSIBLE and len(chunk) >= 26:
        (code,) = struct.unpack(f"{order}H", chunk[24:26])
    if not channels or not frame:
        return None
    subtype = "" if frame % channels else _WAVE_SUBTYPES.get((code, frame // channels), "")
    if subtype:
        byte_rate = rate * frame
    return PcmFormat(
        rate, channels, subtype, "BIG" if order == ">" else "LITTLE", frame, max(1, byte_rate)
    )


def _wave64(data: Bytes, place: int) -> PcmLayout | None:
    base, form = place, None
    place += 40
    while place + 24 <= len(data):
        name, start = data[place : place + 16], place + 24
        size = int.from_bytes(data[place + 16 : place + 24], "little") - 24
        if name == _W64["fmt "]:
            form = _wave_format(data[start : start + size], "<")
        elif name == _W64["data"] and form is not None:
            return _layout(data, form, start, max(0, size), lambda at: _is_w64(data, at, base))
        if size < 0:
            return None
        place = start + size + -size % 8
    return None


def _is_w64(data: Bytes, at: int, base: int) -> bool:
    """Whether a chunk begins at the next multiple of eight, or so little is left."""
    at += -(at - base) % 8
    name = data[at : at + 16]
    return len(data) - at < 24 or name[4:] == _W64["data"][4:] or name == _W64["riff"]


# -------------------------------------------------------------------------------------------- AIFF


def _aiff(data: Bytes, place: int) -> PcmLayout | None:
    form, frames = None, 0
    for name, size, start in _chunks(data, place + 12, ">"):
        if name == b"COMM":
            form = _aiff_format(data[start : start + size])
            frames = int.from_bytes(data[start + 2 : start + 6], "big")
            if form is None:
                return None
        elif name == b"SSND" and form is not None:
            offset = int.from_bytes(data[start : start + 4], "big")
            announced = max(0, size - 8 - offset)
            if not _is_placeholder(size):
                announced = max(announced, 0 if _is_placeholder(frames) else frames * form.frame)
            else:
                announced = size
            return _layout(
                data, form, start + 8 + offset, announced, lambda at: _is_chunk(data, at, ">")
            )
    return None


def _aiff_format(chunk: bytes) -> PcmFormat | None:
    channels, _, bits, exponent, mantissa = struct.unpack(">hIhHQ", chunk[:18])
    rate = round(mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63))
    width = (bits + 7) // 8
    code = chunk[18:22] or b"NONE"
    subtype = _AIFF_CODES.get(code) or (
        _INTEGERS.get(width) if code in (b"NONE", b"twos", b"sowt") else None
    )
    if subtype in ("ALAW", "ULAW"):
        width = 1
    if subtype is None or channels <= 0:
        return None
    return _plain(rate, channels, subtype, width, little=code == b"sowt")


# -------------------------------------------------------------------------------------- AU and CAF


def _au(data: Bytes, place: int) -> PcmLayout | None:
    order = ">" if data[place : place + 4] == b".snd" else "<"
    header = data[place + 4 : place + 24]
    start, size, code, rate, channels = struct.unpack(f"{order}IIIII", header)
    start += place
    if code not in _AU_CODES:
        return None
    subtype, width = _AU_CODES[code]
    form = _plain(rate, channels, subtype, width, little=order == "<")
    return _layout(data, form, start, size or None, lambda at: data[at : at + 4] in (b"", data[:4]))


def _caf(data: Bytes, place: int) -> PcmLayout | None:
    form = None
    place += 8
    while place + 12 <= len(data):
        name, start = data[place : place + 4], place + 12
        (size,) = struct.unpack(">q", data[place + 4 : place + 12])
        if name == b"desc":
            form = _caf_format(data[start : start + 32])
            if form is None:
                return None
        elif name == b"data":
            if form is None:
                return None
            announced = None if size < 0 else size - 4  # an edit count goes before
            return _layout(data, form, start + 4, announced, lambda at: _is_caf(data, at))
        if size < 0:
            return None
        place = start + size
    return None


def _is_caf(data: Bytes, at: int) -> bool:
    head = data[at : at + 12]
    size = int.from_bytes(head[4:], "big")
    return (
        len(head) < 12
        or head[:4] == b"caff"
        or (all(32 <= byte < 127 for byte in head[:4]) and size <= len(data) - at)
    )


def _caf_format(chunk: bytes) -> PcmFormat | None:
    rate, code, flags, frame, _, channels, bits = struct.unpack(">d4sIIIII", chunk[:32])
    if code != b"lpcm" or not channels or frame != channels * bits // 8:
        return None
    floats = {32: "FLOAT", 64: "DOUBLE"}
    subtype = floats.get(bits) if flags & 1 else _INTEGERS.get(bits // 8)
    if subtype is None:
        return None
    return _plain(round(rate), channels, subtype, bits // 8, little=bool(flags & 2))


_CONTAINERS = (
    _Container(_RIFF_MARKS, (b"WAVE",), 8, _riff),
    _Container((_W64["riff"],), (_W64["wave"],), 24, _wave64),
    _Container((b"FORM",), (b"AIFF", b"AIFC"), 8, _aiff),
    _Container((b".snd", b"dns."), (b"",), 4, _au),
    _Container((b"caff",), (b"",), 4, _caf),
)
