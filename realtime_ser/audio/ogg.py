"""The pages of an Ogg file (RFC 3533): whether it is one stream that ends as it should."""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.audio.mpeg import Bytes

_HEAD = 27
_FIRST, _LAST = 0x02, 0x04


@dataclass(frozen=True, slots=True)
class OggPages:
    """What the pages of a file amount to.

    Attributes
    ----------
    plain
        Whether there is one stream, and its last page says that it ends.
    cut
        Whether the last page is not whole.
    damaged
        Whether something between the pages is none.
    """

    plain: bool
    cut: bool
    damaged: bool


def scan_ogg(data: Bytes) -> OggPages:
    """Walk along the pages of a file."""
    place, end = 0, len(data)
    streams, flags, cut, damaged = 0, 0, False, False
    while place < end:
        head = data[place : place + _HEAD]
        if head[:4] != b"OggS":
            found = data.find(b"OggS", place)
            cut |= found < 0 and len(head) < 4 and b"OggS".startswith(head)
            damaged |= not cut and (found >= 0 or any(data[place : place + 4096]))
            place = end if found < 0 else found
            continue
        segments = data[place + _HEAD : place + _HEAD + head[-1]] if len(head) == _HEAD else b""
        place += _HEAD + len(segments) + sum(segments)
        if len(head) < _HEAD or len(segments) < head[-1] or place > end:
            cut = True
            break
        flags = head[5]
        streams += bool(flags & _FIRST)
    return OggPages(streams == 1 and bool(flags & _LAST) and not cut and not damaged, cut, damaged)
