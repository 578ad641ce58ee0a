"""Makes the demo recording anew: ``realtime_ser/demo.flac``, spoken by espeak-ng.

The sentences say what they are; pitch, speed and liveliness change from one to the next, so that
there is something to see. A faint steady noise lies under all of it, as in a room.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
TARGET = Path(__file__).resolve().parent.parent / "realtime_ser" / "demo.flac"
NOISE_DBFS = -80.0
LONGEST_EDGE_S = 0.01


@dataclass(frozen=True)
class Sentence:
    """How a sentence is spoken, and the pause after it.

    ``pitch`` is espeak-ng's 0 to 99, ``liveliness`` the range of its intonation in per cent,
    ``speed`` words a minute, ``level_db`` the loudness of its RMS in dBFS.
    """

    text: str
    voice: str
    pitch: int
    liveliness: int
    speed: int
    level_db: float
    pause_s: float


SENTENCES = (
    Sentence(
        "This is a demo recording. A computer speaks, and the monitor listens.",
        *("en-gb+m3", 45, 80, 155, -22.0, 1.3),
    ),
    Sentence(
        "My train leaves at nine, and I will be there at noon.",
        *("en-gb+m3", 38, 25, 140, -25.0, 1.1),
    ),
    Sentence(
        "You are here! I had no idea! What a wonderful surprise!",
        *("en-us+f2", 82, 190, 185, -19.0, 1.2),
    ),
    Sentence(
        "It has been raining for days. I do not feel like going out any more.",
        *("en-gb+m7", 20, 20, 105, -29.0, 1.6),
    ),
    Sentence(
        "I have told you three times! Do not touch that! Leave it alone!",
        *("en-us+m1", 65, 160, 205, -18.5, 1.2),
    ),
    Sentence(
        "Close your eyes, breathe in slowly, and breathe out again.",
        *("en-gb+f4", 40, 40, 110, -27.0, 1.4),
    ),
    Sentence(
        "Is somebody there? Did you hear that noise? Please, do not open the door!",
        *("en-us+f3", 90, 150, 200, -20.0, 1.2),
    ),
    Sentence(
        "That is all. The next voice could be yours.",
        *("en-gb+m3", 45, 90, 150, -22.0, 1.5),
    ),
)


def speak(sentence: Sentence, folder: Path) -> NDArray[np.float64]:
    """Speak one sentence; shape ``(n,)`` at :data:`RATE`."""
    wav = folder / "sentence.wav"
    said = f'<prosody range="{sentence.liveliness}%">{sentence.text}</prosody>'
    settings = ["-v", sentence.voice, "-p", str(sentence.pitch), "-s", str(sentence.speed)]
    subprocess.run(["espeak-ng", "-m", *settings, "-w", str(wav), said], check=True)
    spoken, rate = soundfile.read(wav)
    voice = soxr.resample(np.trim_zeros(spoken), rate, RATE, quality="VHQ")
    voice *= 10.0 ** (sentence.level_db / 20.0) / np.sqrt(np.mean(voice**2))
    edge = np.linspace(0.0, 1.0, round(LONGEST_EDGE_S * RATE))
    voice[: len(edge)] *= edge
    voice[-len(edge) :] *= edge[::-1]
    return np.asarray(voice)


def demo() -> NDArray[np.float64]:
    """Speak everything, with its pauses; shape ``(n,)`` at :data:`RATE`."""
    parts = [np.zeros(RATE)]
    with tempfile.TemporaryDirectory() as folder:
        for sentence in SENTENCES:
            parts += [speak(sentence, Path(folder)), np.zeros(round(sentence.pause_s * RATE))]
    sound = np.concatenate(parts)
    noise = np.random.default_rng(1).normal(size=len(sound))
    return np.clip(sound + 10.0 ** (NOISE_DBFS / 20.0) * noise, -0.99, 0.99)


def main() -> int:
    """Write the recording."""
    if shutil.which("espeak-ng") is None:
        print("espeak-ng is missing: install it, as 'make test' does.", file=sys.stderr)
        return 1
    soundfile.write(TARGET, demo(), RATE, subtype="PCM_16")
    info = soundfile.info(str(TARGET))
    print(f"{TARGET}: {info.duration:.1f} s, {TARGET.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
