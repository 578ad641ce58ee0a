"""The length of a FLAC stream by its last frame (RFC 9639, 9.1): its header may tell another."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.audio.file_bytes import FileBytes

_MAGIC = b"fLaC"
_STREAMINFO = 42  # bytes up to its end
_SEARCH = 1 << 20
_BLOCKS = {1: 192, **{code: 576 << code - 2 for code in range(2, 6)}} | {
    code: 256 << code - 8 for code in range(8, 16)
}


@dataclass(frozen=True, slots=True)
class FlacLength:
    """Lengths of a stream in samples.

    Attributes
    ----------
    rate
        Rate in Hz.
    announced
        Of its header; ``None``: it leaves the length open.
    found
        By its last frame; ``None``: none was found.
    joined
        Whether another stream follows.
    """

    rate: int
    announced: int | None
    found: int | None
    joined: bool


def flac_length(data: FileBytes, start: int = 0) -> FlacLength | None:
    """Lengths of the stream that begins at ``start``; ``None``: none does."""
    head = data[start : start + _STREAMINFO]
    if head[:4] != _MAGIC or len(head) < _STREAMINFO:
        return None
    blocks = int.from_bytes(head[8:10], "big")
    packed = int.from_bytes(head[18:26], "big")
    rate, announced = packed >> 44, packed & (1 << 36) - 1
    joined = data.find(_MAGIC + head[4:8], start + _STREAMINFO) >= 0
    found = None if joined else _last_sample(data, blocks)
    return FlacLength(rate, announced or None, found, joined)


def _last_sample(data: FileBytes, blocks: int) -> int | None:
    """Samples up to the end of the last frame whose header can be found."""
    end = len(data)
    tail = data[max(0, end - _SEARCH) : end]
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        if tail[place + 1 : place + 2] in (b"\xf8", b"\xf9"):
            found = _frame_end(tail[place : place + 16], blocks)
            if found is not None:
                return found
    return None


def _frame_end(head: bytes, blocks: int) -> int | None:
    """Number of the sample behind a frame, by its header; ``None``: it is none."""
    if len(head) < 6 or head[3] & 1:
        return None
    number, place = _coded_number(head)
    if number is None:
        return None
    code, rate_code = head[2] >> 4, head[2] & 15
    size = _BLOCKS.get(code)
    if code in (6, 7):
        size = int.from_bytes(head[place : place + code - 5], "big") + 1
        place += code - 5
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if size is None or rate_code == 15 or head[place : place + 1] != _crc8(head[:place]):
        return None
    return number + size if head[1] & 1 else number * blocks + size


def _coded_number(head: bytes) -> tuple[int | None, int]:
    """The number of a frame or sample, coded like UTF-8, and the place behind it."""
    first = head[4]
    if first < 0x80:
        return first, 5
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7:
        return None, 5
    number = first & (1 << 7 - length) - 1
    for byte in head[5 : 4 + length]:
        if byte & 0xC0 != 0x80:
            return None, 5
        number = number << 6 | byte & 0x3F
    return number, 4 + length


def _crc8(data: bytes) -> bytes:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (0x07 if value & 0x80 else 0)) & 0xFF
    return bytes([value])
