"""Containers by their pages and boxes: Ogg (RFC 3533), MP4, Matroska and WebM, ASF (WMA).

Whether an Ogg file is one stream that ends as it should, and the size that the others must have.
"""

from __future__ import annotations

from dataclasses import dataclass

from realtime_ser.audio.file_bytes import FileBytes

_HEAD = 27
_FIRST, _LAST = 0x02, 0x04
_SEGMENT = b"\x18\x53\x80\x67"
_EBML = b"\x1a\x45\xdf\xa3"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True, slots=True)
class OggPages:
    """What the pages of a file amount to."""

    plain: bool  # there is one stream, and its last page says that it ends
    cut: bool  # the last page is not whole
    damaged: bool  # something between the pages is none


def scan_ogg(data: FileBytes) -> OggPages:
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


def announced_size(data: FileBytes) -> int | None:
    """Bytes that the file must have; ``None``: it does not tell."""
    if data[4:8] == b"ftyp":
        return max((end for _, end in _boxes(data)), default=None)
    if data[:4] == _EBML:
        return _segment_end(data)
    if data[:16] == _ASF:
        at = data.find(_ASF_PROPERTIES, 0, 1 << 16)
        size = int.from_bytes(data[at + 40 : at + 48], "little") if at >= 0 else 0
        return size or None
    return None


def lacks_index(data: FileBytes) -> bool:
    """Whether it is an MP4 file without the index that its end would hold."""
    return data[4:8] == b"ftyp" and all(name != b"moov" for name, _ in _boxes(data))


def joined_files(data: FileBytes) -> int:
    """How many MP4 files follow each other."""
    return sum(name == b"ftyp" for name, _ in _boxes(data)) if data[4:8] == b"ftyp" else 0


def _boxes(data: FileBytes) -> list[tuple[bytes, int]]:
    """Names of the outermost boxes, and the places where they end."""
    boxes, place = [], 0
    while place + 8 <= len(data):
        size, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        if size == 0:
            size = len(data) - place
        if size < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in name):
            break
        place += size
        boxes.append((name, place))
    return boxes


def _segment_end(data: FileBytes) -> int | None:
    """End of a Matroska file's segment; ``None`` where its length is open, as in a stream."""
    at = data.find(_SEGMENT, 0, 1 << 12)
    if at < 0:
        return None
    start = at + 4
    head = data[start : start + 8]
    length = 9 - head[0].bit_length() if head and head[0] else 0  # as the leading zeros tell
    number = int.from_bytes(head[:length], "big") & (1 << 7 * length) - 1
    is_open = not length or number == (1 << 7 * length) - 1
    return None if is_open else start + length + number
