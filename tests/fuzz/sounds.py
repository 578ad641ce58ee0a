"""Sound files, changed in their headers or anywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import soundfile
import soxr

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.playback import file_blocks
from realtime_ser.base.paths import shipped
from tests.audio.sounds import RATE, by_ffmpeg, encoded, trouble, wav
from tests.fuzz.kind import FindingError, Kind, Place
from tests.fuzz.mutation import changed_bytes

_HEADER = 160
_LONGEST_S = 7200.0
"""Seconds that no file of a few kB can hold."""

_MADE = ("a1_recorder_killed.wav", "a2_telegram_android.ogg", "a3_no_xing.mp3", "a8_gsm.wav")


def speech(seconds: float = 1.2) -> np.ndarray:
    """Speech of the demo recording, 16 bit, mono."""
    demo, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    words = soxr.resample(demo[: round(seconds * rate)], rate, RATE)
    return np.round(32767 * np.clip(words, -1, 1)).astype(np.int16)


def prepare(folder: Path) -> None:
    """Write a file of each kind."""
    sound = speech()
    both = np.stack([sound, sound[::-1]], 1)
    for kind in ("WAV", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC"):
        (folder / f"a.{kind.lower()}").write_bytes(encoded(sound, kind))
    for name, kind, subtype in (
        ("float.wav", "WAV", "FLOAT"),
        ("24.wav", "WAV", "PCM_24"),
        ("law.wav", "WAV", "ULAW"),
        ("adpcm.wav", "WAV", "IMA_ADPCM"),
        ("law.au", "AU", "ALAW"),
        ("double.aiff", "AIFF", "DOUBLE"),
        ("24.flac", "FLAC", "PCM_24"),
        ("vorbis.ogg", "OGG", "VORBIS"),
        ("opus.ogg", "OGG", "OPUS"),
    ):
        (folder / name).write_bytes(encoded(sound, kind, subtype))
    (folder / "both.wav").write_bytes(encoded(both, "WAV"))
    (folder / "open.wav").write_bytes(wav(sound, 0, 0))
    (folder / "a.raw").write_bytes(sound.tobytes())
    for name, codec in (
        ("a.mp3", "libmp3lame"),
        ("a.m4a", "aac"),
        ("a.mka", "aac"),
        ("a.webm", "libopus"),
        ("a.wma", "wmav2"),
        ("a.avi", "pcm_s16le"),
    ):
        by_ffmpeg(folder / name, sound, codec, rate=48_000 if codec == "libopus" else RATE)
    by_ffmpeg(folder / "a.aac", sound, "aac", "adts")
    for name in _MADE:
        (folder / name).write_bytes(trouble(name).read_bytes())


def make(reach: int | None, place: Place, chance: Random) -> None:
    """Change bytes of one of them, and sometimes call it something else."""
    files = sorted(place.whole.iterdir())
    chosen = chance.choice(files)
    data = changed_bytes(chosen.read_bytes(), chance, reach)
    if chance.random() < 0.03:
        data += chance.choice(files).read_bytes()
    ending = (chance.choice(files) if chance.random() < 0.05 else chosen).suffix
    (place.input / f"sound{ending}").write_bytes(data)


def take(place: Place, chance: Random) -> None:
    """Read it to its end; at times analyse it, monitor it, or copy it for a review."""
    (path,) = place.input.iterdir()
    heard_s = place.call(heard, path)
    if heard_s is None:
        return
    how = chance.random()
    if how < 0.08:
        place.command("analyze", path, "--jobs", "1", "--out", place.output)
    elif how < 0.1:
        export = place.output / "session.csv"
        words = ("--headless", "--input", path, "--speed", "0", "--no-keep", "--export", export)
        place.command("monitor", *words)
    elif how < 0.2:
        place.call(copied, path)
    elif how < 0.202:
        place.process("analyze", path, "--jobs", "1")


def heard(path: Path) -> float:
    """Seconds of sound in a file."""
    source, seconds = FileSource(path), 0.0
    for block in source.blocks(1.0):
        seconds += len(block) / source.info.native_rate
        if seconds > _LONGEST_S:
            raise FindingError("a small file is heard without end")
    for note in source.notes:
        if "\n" in note.sentence(path):
            raise FindingError(f"a note is no sentence: {note}")
    return seconds


def copied(path: Path) -> None:
    """Read a file as a review plays it."""
    for _ in file_blocks(path, 0.2, 0.7):
        pass


HEADERS = Kind("sound-headers", prepare, partial(make, _HEADER), take)
BODIES = Kind("sound-bodies", prepare, partial(make, None), take)
