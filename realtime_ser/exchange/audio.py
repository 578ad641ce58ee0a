"""The sound of a session, or of a part of it, as WAV or FLAC."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile

from realtime_ser.audio.opening import open_sound
from realtime_ser.audio.seekable import seekable_file
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.files import AtomicFiles
from realtime_ser.session.store import SessionInfo, Store

_BLOCK = 1 << 16  # samples
_LARGEST_WAV = (1 << 32) - (1 << 10)  # its header counts bytes with 32 bits


@dataclass(frozen=True, slots=True)
class AudioRange:
    """Part of a session's sound.

    Attributes
    ----------
    start_s, end_s
        Start and end in seconds from the start of the session; ``None``: to its end.
    channel
        Number of a channel from 1; ``None``: all channels of the device.
    """

    start_s: float = 0.0
    end_s: float | None = None
    channel: int | None = None


WHOLE = AudioRange()


def segment_range(store: Store, info: SessionInfo, number: int, channel: int | None) -> AudioRange:
    """Part of the sound that a segment covers, in the segment's channel alone.

    Raises
    ------
    UsageError
        There is no such segment, or several channels have a segment of that number.
    """
    found = [
        segment
        for segment in store.segments(info.id)
        if segment.number == number and channel in (None, segment.channel)
    ]
    if not found:
        last = max((segment.number for segment in store.segments(info.id)), default=0)
        hint = f"they go up to {last}" if last else "it has none"
        raise UsageError(f"The session {info.id} has no segment {number}; {hint}.")
    if len(found) > 1:
        raise UsageError(f"Several channels have a segment {number}: say which with --channel.")
    return AudioRange(found[0].start_s, found[0].end_s, found[0].channel)


def has_sound(info: SessionInfo) -> bool:
    """Whether sound was kept; a session that ended at once has an empty file."""
    return info.audio is not None and info.audio.stat().st_size > 0


def require_sound(info: SessionInfo) -> Path:
    """The kept sound, whole even if the session was interrupted.

    Raises
    ------
    SerError
        No sound was kept, or the file cannot be read.
    UsageError
        The session runs still.
    """
    info.require_ended()
    if info.audio is None or not has_sound(info):
        raise SerError(
            f"The session {info.id} has no sound to export: record with "
            "'realtime-ser monitor --record-audio'."
        )
    return info.audio


def fits_wav(path: Path) -> bool:
    """Whether a sound of so many samples fits a WAV file."""
    reader = open_sound(path).reader
    return reader.frames * reader.channels * 2 < _LARGEST_WAV


def write_sound(
    audio: Path,
    to: Path,
    atomic_files: AtomicFiles,
    kind: Literal["wav", "flac"],
    audio_range: AudioRange = WHOLE,
) -> None:
    """Write sound at its native rate, 16 bit; sample 0 of a whole session is its second 0.

    Raises
    ------
    UsageError
        The part lies outside of the sound, or the sound has no such channel.
    SerError
        The sound is too long for WAV.
    """
    with seekable_file(audio) as path, soundfile.SoundFile(path) as source:
        first, last = _range(source, audio_range)
        channels = source.channels if audio_range.channel is None else 1
        if kind == "wav" and (last - first) * channels * 2 >= _LARGEST_WAV:
            raise SerError("The sound is too long for WAV, which ends at 4 GB: export FLAC.")
        source.seek(first)
        with soundfile.SoundFile(
            atomic_files.begin(to), "w", source.samplerate, channels, "PCM_16", format=kind.upper()
        ) as target:
            left = last - first
            while left > 0:
                block = source.read(min(left, _BLOCK), dtype="int16", always_2d=True)
                if not len(block):
                    break
                target.write(
                    block if audio_range.channel is None else block[:, audio_range.channel - 1]
                )
                left -= len(block)


def _range(source: soundfile.SoundFile, audio_range: AudioRange) -> tuple[int, int]:
    """First sample of a part, and the sample after its last."""
    if audio_range.channel is not None and not 1 <= audio_range.channel <= source.channels:
        raise UsageError(
            f"The sound has no channel {audio_range.channel}: it has {source.channels}."
        )
    length_s = source.frames / source.samplerate
    end_s = length_s if audio_range.end_s is None else audio_range.end_s
    if not 0.0 <= audio_range.start_s < min(end_s, length_s):
        raise UsageError(
            f"There is no sound from {audio_range.start_s:.3f} s to {end_s:.3f} s: the session's "
            f"sound lasts {length_s:.3f} s."
        )
    first = round(audio_range.start_s * source.samplerate)
    return first, min(round(end_s * source.samplerate), source.frames)
