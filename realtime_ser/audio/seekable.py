"""Files that can be read from any place, whatever the sound came in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.opening import open_sound
from realtime_ser.audio.readers import SndfileReader, sndfile_name
from realtime_ser.audio.samples import silenced

_BLOCK_S = 1.0
_FLAC_CHANNELS, _FLAC_RATE = 8, 192_000


@contextmanager
def seekable_file(path: Path) -> Iterator[Path]:
    """A file with the sound of ``path`` that libsndfile reads whole from any place.

    It is the file itself, or a copy of 16 bit in the folder for temporary files, which goes at the
    end. Lost samples are silent there.
    """
    if _is_seekable(path):
        yield path
        return
    source = FileSource(path)
    rate, channels = source.info.native_rate, source.info.channels
    kind = "FLAC" if channels <= _FLAC_CHANNELS and rate <= _FLAC_RATE else "W64"
    handle, name = tempfile.mkstemp(suffix=f".{kind.lower()}")
    os.close(handle)
    copy = Path(name)
    try:
        with soundfile.SoundFile(name, "w", rate, channels, "PCM_16", format=kind) as file:
            for block in source.blocks(_BLOCK_S):
                file.write(np.clip(silenced(block), -1.0, 1.0))
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _is_seekable(path: Path) -> bool:
    opened = open_sound(path)
    if not isinstance(opened.reader, SndfileReader) or opened.notes:
        return False
    try:
        with soundfile.SoundFile(sndfile_name(path)) as file:
            if not file.seekable() or file.frames != opened.reader.frames:
                return False
            for place in (file.frames - 1, file.frames // 2, 0):  # a damaged FLAC only says so
                file.seek(place)
                file.read(1)
    except soundfile.SoundFileError:
        return False
    return True
