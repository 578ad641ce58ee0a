"""Noise under speech at a signal-to-noise ratio that is defined where the voice is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.gate import GATE_FRAME, SpeechGate


def voiced_mask(samples: NDArray[np.float32], gate: GateConfig | None = None) -> NDArray[np.bool_]:
    """Mask of the samples in frames that the live gate counts as voiced, shape ``(n,)``.

    Parameters
    ----------
    samples
        Clean sound at 16 kHz.
    gate
        Settings of the gate; the defaults where left out.
    """
    speech_gate = SpeechGate(gate or GateConfig())
    whole = len(samples) // GATE_FRAME * GATE_FRAME
    voiced = np.zeros(len(samples), bool)
    is_voiced = np.array([frame.voiced for frame in speech_gate.push(samples[:whole])], bool)
    voiced[:whole] = np.repeat(is_voiced, GATE_FRAME)
    return voiced


def mix_at_snr(
    speech: NDArray[np.float32],
    noise: NDArray[np.float32],
    snr_db: float,
    voiced: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Sum of speech and noise at a signal-to-noise ratio in dB.

    The ratio is that of the speech's power over its voiced samples to the noise's power over its
    whole length: pauses and the silence around a clip do not count. Without a voiced sample the
    whole sound counts as speech.

    The mix keeps the speech's level unless it would exceed full scale where the speech did not;
    then speech and noise are made softer together, which leaves the ratio as it is.

    Parameters
    ----------
    speech, noise
        Shape ``(n,)`` each.
    snr_db
        The ratio in dB.
    voiced
        Mask of the voiced samples, shape ``(n,)``.
    """
    signal = speech[voiced] if voiced.any() else speech
    ratio = _power(signal) / max(_power(noise), 1e-30)
    factor = np.float32(np.sqrt(ratio * 10.0 ** (-snr_db / 10.0)))
    return limit_to_full_scale(speech + factor * noise, speech)


def limit_to_full_scale(
    changed: NDArray[np.float32], original: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Changed samples, attenuated as a whole if they alone exceed full scale."""
    limit = max(1.0, _peak(original))
    peak = _peak(changed)
    return changed if peak <= limit else changed * np.float32(limit / peak)


def _power(sound: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64))) if len(sound) else 0.0


def _peak(sound: NDArray[np.float32]) -> float:
    return float(np.abs(sound).max(initial=0.0))
