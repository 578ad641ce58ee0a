"""The frames of an MPEG audio stream (MP3), counted: its headers may announce another length.

ISO/IEC 11172-3 and 13818-3 have the frame header; the Xing, Info and VBRI headers are those of the
encoders of that name, which lie where the first frame's sound would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime_ser.audio.file_bytes import FileBytes

_BITRATES = {  # kbit/s by version 1 or not, and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ID3V1, _APE_HEADER = 128, 32
_SEARCH = 1 << 16  # bytes within which a stream begins, or goes on behind what is no frame


@dataclass(frozen=True, slots=True)
class _Frame:
    """Header of a frame: the bytes and samples it takes, and what must stay from frame to frame."""

    size: int
    samples: int
    kind: tuple[int, int, int]  # version, layer, rate
    side: int  # bytes of side information


@dataclass(slots=True)
class MpegStream:
    """What the frames of a stream amount to."""

    rate: int = 0  # samples a second of its first frame
    frame_samples: int = 0  # in its first frame
    samples: int = 0  # of all frames, without headers and what encoders add
    announced: int | None = None  # samples, by the first header
    headers: list[int] = field(default_factory=list)  # places of those that are no sound
    junk: int = 0  # bytes between frames that are none
    cut: bool = False  # the last frame, or what the header announces, is not whole


def starts_frame(data: FileBytes, place: int) -> bool:
    """Whether two frames of one kind follow each other from a place on."""
    frame = _frame(data, place)
    return frame is not None and _is_followed(data, place, frame)


def scan_mpeg(data: FileBytes) -> MpegStream | None:
    """Count the frames of a stream; ``None``: it is none, or its frames tell no length."""
    start = _first_frame(data, after_tags(data, 0))
    if start is None:
        return None
    first = _frame(data, start)
    assert first is not None
    stream = MpegStream(first.kind[2], first.samples)
    encoder = size = 0
    for place, frame in _frames(data, start, stream):
        announced = _announced(data, place, frame)
        if announced is None:
            stream.samples += frame.samples
            continue
        stream.headers.append(place)
        encoder += announced.padding
        if place == start and announced.frames is not None:
            stream.announced = announced.frames * frame.samples - announced.padding
            size = announced.size
    stream.samples = max(0, stream.samples - encoder)
    # A header that counts bytes as well is believed when it counts more of both than there are.
    stream.cut |= start + size > len(data) and (stream.announced or 0) > stream.samples
    return stream


def _frames(data: FileBytes, start: int, stream: MpegStream) -> Iterator[tuple[int, _Frame]]:
    """Places and headers of all whole frames; what lies between is counted in ``stream``."""
    place, end = start, len(data)
    while place < end:
        frame = _frame(data, place)
        if frame is not None:
            if place + frame.size > end:
                stream.cut = True
                return
            yield place, frame
            place += frame.size
            continue
        behind = after_tags(data, place)
        if behind == place:
            found = _first_frame(data, place + 1)
            if found is None:
                stream.cut |= end - place >= 4 and data[place : place + 1] == b"\xff"
                return
            stream.junk += found - place
            behind = found
        place = behind


def _frame(data: FileBytes, place: int) -> _Frame | None:
    head = data[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate_index, bitrate_index = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or not 0 < bitrate_index < 15:
        return None
    rate = _RATES[version][rate_index]
    bitrate = 1000 * _BITRATES[version == 3, layer][bitrate_index - 1]
    padding = head[2] >> 1 & 1
    mono = head[3] >> 6 == 3
    if layer == 1:
        return _Frame((12 * bitrate // rate + padding) * 4, 384, (version, layer, rate), 0)
    samples = 576 if layer == 3 and version != 3 else 1152
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    size = samples // 8 * bitrate // rate + padding
    return _Frame(size, samples, (version, layer, rate), side)


def _first_frame(data: FileBytes, start: int) -> int | None:
    """Place of the first of two frames of one kind that follow each other."""
    searched = data[start : start + _SEARCH]  # read once, however many bytes begin like a frame
    place = -1
    while (place := searched.find(b"\xff", place + 1)) >= 0:
        if starts_frame(data, start + place):
            return start + place
    return None


def _is_followed(data: FileBytes, place: int, frame: _Frame) -> bool:
    behind = place + frame.size
    following = _frame(data, behind)
    return behind == len(data) or (following is not None and following.kind == frame.kind)


def after_tags(data: FileBytes, place: int) -> int:
    """Place behind the tags (ID3, APE) that begin at ``place``."""
    while True:
        head = data[place : place + 10]
        if head[:3] == b"ID3" and len(head) == 10:
            size = 0
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
            place += 10 + size + (10 if head[5] & 0x10 else 0)
        elif head[:3] == b"TAG":
            place += _ID3V1
        elif head[:8] == b"APETAGEX":
            size = int.from_bytes(data[place + 12 : place + 16], "little")
            place += size + _APE_HEADER
        else:
            return min(place, len(data))


@dataclass(frozen=True, slots=True)
class _Announced:
    """What a header tells: frames, bytes from its own place, and samples that encoders add."""

    frames: int | None
    size: int
    padding: int


def _announced(data: FileBytes, place: int, frame: _Frame) -> _Announced | None:
    """The header in a frame's place; ``None``: the frame is sound."""
    at = place + 4 + frame.side
    tag = data[at : at + 4]
    if tag in (b"Xing", b"Info"):
        return _xing(data[at : place + frame.size])
    if data[place + 36 : place + 40] == b"VBRI":
        head = data[place + 36 : place + 54]
        return _Announced(int.from_bytes(head[14:18], "big"), int.from_bytes(head[10:14], "big"), 0)
    return None


def _xing(head: bytes) -> _Announced:
    flags, place = int.from_bytes(head[4:8], "big"), 8
    frames, size, padding = None, 0, 0
    if flags & 1:
        frames = int.from_bytes(head[place : place + 4], "big")
        place += 4
    if flags & 2:
        size = int.from_bytes(head[place : place + 4], "big")
        place += 4
    place += 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    if head[place : place + 4] in (b"LAME", b"Lavf", b"Lavc", b"GOGO"):
        packed = int.from_bytes(head[place + 21 : place + 24], "big")
        padding = (packed >> 12) + (packed & 0xFFF)
    return _Announced(frames, size, padding)
