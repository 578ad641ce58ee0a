"""Lossy codecs, there and back in memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from realtime_ser.base.records import SAMPLE_RATE

Codec: TypeAlias = Literal["opus", "mp3", "gsm", "g711"]


@dataclass(frozen=True, slots=True)
class _Format:
    """Format, subtype and compression levels of a codec in libsndfile."""

    container: str
    subtype: str
    rate: int = SAMPLE_RATE
    levels: tuple[float, float] | None = None


_HEADROOM = 0.9
"""Louder peaks could wrap around, since a resampler may overshoot."""

_FORMATS: Mapping[Codec, _Format] = {
    "opus": _Format("OGG", "OPUS", levels=(0.9, 0.97)),
    "mp3": _Format("MP3", "MPEG_LAYER_III", levels=(0.5, 0.9)),
    "gsm": _Format("WAV", "GSM610", rate=8_000),
    "g711": _Format("WAV", "ULAW", rate=8_000),
}


def coded(
    samples: NDArray[np.float32], codec: Codec, random: np.random.Generator
) -> NDArray[np.float32]:
    """Sound after encoding and decoding, of the same length and without delay.

    Parameters
    ----------
    samples
        Shape ``(n,)``, 16 kHz.
    codec
        ``opus``: 14 to 30 kbit/s, as in calls over the internet; ``mp3``: 27 to 44 kbit/s;
        ``gsm``: full rate (GSM 06.10), 13 kbit/s at 8 kHz; ``g711``: mu-law at 8 kHz, as on
        landlines.
    random
        Source of the bit rate.
    """
    form = _FORMATS[codec]
    attenuation = max(1.0, float(np.abs(samples).max(initial=0.0)) / _HEADROOM)
    sound = soxr.resample(samples / np.float32(attenuation), SAMPLE_RATE, form.rate)
    level = {} if form.levels is None else {"compression_level": random.uniform(*form.levels)}
    file = io.BytesIO()
    soundfile.write(file, sound, form.rate, form.subtype, format=form.container, **level)
    file.seek(0)
    decoded, rate = soundfile.read(file, dtype="float32")
    resampled = attenuation * soxr.resample(decoded, rate, SAMPLE_RATE)[: len(samples)]
    return np.pad(resampled, (0, len(samples) - len(resampled))).astype(np.float32)
