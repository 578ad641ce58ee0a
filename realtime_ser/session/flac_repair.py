"""Makes the sound of an interrupted session whole."""

from __future__ import annotations

from pathlib import Path

import soundfile

_ENDLESS = 2**40
"""Samples that no recording has: the header of a FLAC file does not tell its length."""

_LENGTH_AT = 21
"""Offset of the field of 36 bits with the length in samples (RFC 9639, 8.2)."""

_BLOCK = 4096


def repair_flac(path: Path) -> None:
    """Write the length into the header of a FLAC file that was cut off, where it lacks.

    Raises
    ------
    OSError
        The file cannot be written.
    soundfile.SoundFileError
        The file is no FLAC file.
    """
    with soundfile.SoundFile(path) as file:
        if file.frames < _ENDLESS:
            return
        length = _readable(file)
    with path.open("r+b") as header:
        header.seek(_LENGTH_AT)
        first = header.read(1)[0] & 0xF0
        header.seek(_LENGTH_AT)
        header.write((first << 32 | length).to_bytes(5, "big"))


def _readable(file: soundfile.SoundFile) -> int:
    """Samples that can be decoded."""
    length = 0
    try:
        while block := len(file.read(_BLOCK, dtype="int16")):
            length += block
    except soundfile.SoundFileError:
        pass  # the last block is cut off
    return length
