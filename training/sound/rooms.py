"""Reverberation of rooms.

An impulse response is synthesised as Polack's model has it (J.-D. Polack, La transmission de
l'énergie sonore dans les salles, thesis, Le Mans 1988): the direct sound, then normal noise whose
power falls by 60 dB within the reverberation time. The
model covers length and strength of the reverberation, which change a spectrum over time; walls,
places and single early echoes, which need a geometry, are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve  # type: ignore[import-untyped]

from realtime_ser.base.records import SAMPLE_RATE

_FIRST_ECHO_S = (0.002, 0.008)


def impulse_response(
    rt60_s: float, drr_db: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Impulse response of a room at 16 kHz.

    Parameters
    ----------
    rt60_s
        Reverberation time: seconds in which the sound falls by 60 dB.
    drr_db
        Power of the direct sound over that of all that is reflected, in dB; it falls with the
        distance between mouth and microphone.
    random
        Source of the reflections.

    Returns
    -------
    ndarray, shape (n,)
        The direct sound is 1 at sample 0.
    """
    time = np.arange(round(rt60_s * SAMPLE_RATE)) / SAMPLE_RATE
    reflected = random.standard_normal(len(time)) * 10.0 ** (-3.0 * time / rt60_s)
    first_echo = round(random.uniform(*_FIRST_ECHO_S) * SAMPLE_RATE)
    response = np.concatenate([np.zeros(first_echo), reflected])
    power = np.vdot(response, response)
    response *= np.sqrt(10.0 ** (-drr_db / 10.0) / max(float(power), 1e-30))
    response[0] = 1.0
    return response.astype(np.float32)


def reverberate(samples: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples convolved with an impulse response, of the same length, start and RMS."""
    reverberated: NDArray[np.float64] = oaconvolve(samples.astype(np.float64), response)[
        : len(samples)
    ]
    before, after = np.vdot(samples, samples), np.vdot(reverberated, reverberated)
    gain = float(np.sqrt(before / after)) if after > 0 else 1.0
    return (gain * reverberated).astype(np.float32)
