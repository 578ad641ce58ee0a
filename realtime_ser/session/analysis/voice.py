"""Which channels of a file carry a voice, for a file whose chosen channels carry none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import NoteKind, ReadNote
from realtime_ser.audio.resample import Resampler
from realtime_ser.audio.samples import silenced
from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.gate import GATE_FRAME, SpeechGate

_BLOCK_S = 1.0
_ENOUGH = 100
"""Voiced gate frames, 2 s of them, after which a channel need not be heard further."""

_MOST_CHANNELS = 8


def voice_elsewhere(path: Path, chosen: Sequence[int], gate: GateConfig) -> tuple[ReadNote, ...]:
    """A note that names the channels with a voice other than ``chosen``, if there are any.

    Raises
    ------
    AudioFileError
        The file cannot be read any more.
    """
    source = FileSource(path)
    others = [n for n in range(1, source.info.channels + 1) if n not in chosen][:_MOST_CHANNELS]
    listeners = [_Listener(number, source.info.native_rate, gate) for number in others]
    for block in source.blocks(_BLOCK_S):
        waiting = [listener for listener in listeners if listener.voiced < _ENOUGH]
        if not waiting:
            break
        for listener in waiting:
            listener.push(block)
    found = [listener.channel for listener in listeners if listener.has_voice]
    if not found:
        return ()
    numbers = ",".join(map(str, found))
    text = (
        f"has no speech on {_named(chosen)}, but a voice on {_named(found)}: add --channels "
        f"{numbers}"
    )
    return (ReadNote(NoteKind.CHANNEL, text),)


def _named(numbers: Sequence[int]) -> str:
    return f"channel{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


class _Listener:
    """The speech gate on one channel."""

    def __init__(self, channel: int, rate: int, gate: GateConfig) -> None:
        self.channel = channel
        self.voiced = 0
        self.has_voice = False
        self._resampler = Resampler(rate)
        self._gate = SpeechGate(gate)
        self._rest = np.empty(0, np.float32)

    def push(self, block: NDArray[np.float32]) -> None:
        """Take the next samples of all channels."""
        samples = self._resampler.push(silenced(block[:, self.channel - 1]))
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // GATE_FRAME * GATE_FRAME
        for start in range(0, whole, GATE_FRAME):
            self.voiced += self._gate.push(sound[start : start + GATE_FRAME]).voiced
            self.has_voice |= self._gate.open
        self._rest = sound[whole:]
