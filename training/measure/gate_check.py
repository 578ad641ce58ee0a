"""Whether the speech gate lets speech through and keeps noise out, in figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.config import GateConfig
from realtime_ser.features import FeatureParams
from realtime_ser.records import SAMPLE_RATE
from realtime_ser.segmenter import Segmenter
from training.corpora import Clip, read_corpora, title
from training.folds import joint_fold, part_of
from training.report.tables import table
from training.streaming.clips import samples_16k
from training.workers import spread

CORPORA = ("crema_d", "ravdess")
GAINS_DB = (0, -20)
LEVELS_DBFS = (-20, -40, -60)
NOISE_S = 600.0
LEAST_HEARD = 0.98
"""Share of the clips that are to get a segment, at every gain."""

MOST_NOISE = 0.05
"""Share of the noise that may be called speech, at every level."""

BABBLE = "babble"
_COLOURS = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""Exponent with which each noise's amplitude falls with frequency."""

_TALKERS = 8
_LOWEST_HZ = 20.0
_MAINS_HZ = 50.0
_HARMONICS = 20


@dataclass(frozen=True, slots=True)
class ClipShare:
    """How many clips of a corpus got a segment, their level changed by a gain."""

    corpus: str
    gain_db: int
    clips: int
    heard: int

    @property
    def share(self) -> float:
        """Share of the clips that got a segment."""
        return self.heard / self.clips

    @property
    def passed(self) -> bool:
        """Whether it is enough."""
        return self.share >= LEAST_HEARD


@dataclass(frozen=True, slots=True)
class NoiseShare:
    """How much of a noise was called speech.

    Babble is speech, of many at once: its figure is told, and not judged.
    """

    kind: str
    level_dbfs: int
    share: float

    @property
    def passed(self) -> bool:
        """Whether it is little enough."""
        return self.kind == BABBLE or self.share <= MOST_NOISE


@dataclass(frozen=True, slots=True)
class GateReport:
    """Figures of a gate."""

    clips: tuple[ClipShare, ...]
    noises: tuple[NoiseShare, ...]

    @property
    def passed(self) -> bool:
        """Whether every figure is good enough."""
        return all(row.passed for row in self.clips) and all(row.passed for row in self.noises)

    def __str__(self) -> str:
        clips = table(
            ["corpus", "gain", "clips", "with a segment", "at least", ""],
            [
                [
                    row.corpus,
                    f"{row.gain_db} dB",
                    str(row.clips),
                    f"{row.share:.2%}",
                    f"{LEAST_HEARD:.0%}",
                    _verdict(row.passed),
                ]
                for row in self.clips
            ],
        )
        noises = table(
            ["noise", "level", "called speech", "at most", ""],
            [
                [
                    row.kind,
                    f"{row.level_dbfs} dBFS",
                    f"{row.share:.2%}",
                    "-" if row.kind == BABBLE else f"{MOST_NOISE:.0%}",
                    _verdict(row.passed) if row.kind != BABBLE else "",
                ]
                for row in self.noises
            ],
        )
        return f"{clips}\n\n{noises}"


def check_gate(
    root: Path, *, jobs: int, gate: GateConfig | None = None, noise_s: float = NOISE_S
) -> GateReport:
    """Gate all clips of CREMA-D and RAVDESS at two levels, and minutes of noise at three.

    Parameters
    ----------
    root
        Folder of the corpora.
    jobs
        Number of processes.
    gate
        Settings of the gate; the defaults where left out.
    noise_s
        Seconds of each noise at each level.

    Raises
    ------
    SerError
        A corpus is not there, or a clip cannot be read.
    """
    gate = gate or GateConfig()
    contents = read_corpora(root, CORPORA)
    clips = [clip for corpus in contents for clip in corpus.clips]
    heard = np.array(spread(partial(_heard, gate), clips, jobs, "Gating clips"))
    shares = []
    for corpus in contents:
        own = np.array([clip.corpus == corpus.name for clip in clips])
        shares += [
            ClipShare(title(corpus.name), gain, int(own.sum()), int(heard[own, k].sum()))
            for k, gain in enumerate(GAINS_DB)
        ]
    talkers = _talkers(contents[0].clips)
    kinds = [*_COLOURS, "hum", *([BABBLE] if talkers else [])]
    noises = [(kind, level) for kind in kinds for level in LEVELS_DBFS]
    called = spread(partial(_called_speech, gate, talkers, noise_s), noises, jobs, "Gating noise")
    return GateReport(
        tuple(shares),
        tuple(NoiseShare(*noise, share) for noise, share in zip(noises, called, strict=True)),
    )


def _verdict(passed: bool) -> str:
    return "ok" if passed else "FAILED"


def _heard(gate: GateConfig, clip: Clip) -> list[bool]:
    samples = samples_16k(clip.path)
    return [
        any(
            step.begins is not None
            for step in Segmenter(FeatureParams(), gate).push(samples * np.float32(_factor(gain)))
        )
        for gain in GAINS_DB
    ]


def _factor(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


Talkers = tuple[tuple[Path, ...], ...]
"""Recordings of each of some speakers."""


def _called_speech(
    gate: GateConfig, talkers: Talkers, seconds: float, noise: tuple[str, int]
) -> float:
    kind, level_dbfs = noise
    samples = babble(talkers, seconds) if kind == BABBLE else steady_noise(kind, seconds)
    samples *= np.float32(_factor(level_dbfs))
    return float(np.mean([s.speech for s in Segmenter(FeatureParams(), gate).push(samples)]))


# ------------------------------------------------------------------------------------------ noises


def steady_noise(kind: str, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """White, pink or brown noise from 20 Hz up, or mains hum with harmonics and some hiss.

    Returns
    -------
    ndarray, shape (n,)
        16 kHz, RMS 1.
    """
    count = round(seconds * SAMPLE_RATE)
    random = np.random.default_rng(seed)
    if kind == "hum":
        time = np.arange(count) / SAMPLE_RATE
        sound = 0.01 * random.standard_normal(count)
        for harmonic in range(1, _HARMONICS + 1):
            phase = random.uniform(0.0, 2.0 * np.pi)
            sound += np.sin(2.0 * np.pi * _MAINS_HZ * harmonic * time + phase) / harmonic
        return _unit(sound)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1.0 / SAMPLE_RATE)
    audible = frequencies >= _LOWEST_HZ
    spectrum[~audible] = 0.0
    spectrum[audible] *= frequencies[audible] ** -_COLOURS[kind]
    return _unit(np.fft.irfft(spectrum, count))


def babble(talkers: Talkers, seconds: float) -> NDArray[np.float32]:
    """Speakers who all talk at once, without a pause and at one level; 16 kHz, RMS 1."""
    count = round(seconds * SAMPLE_RATE)
    return _unit(np.sum([_monologue(recordings, count) for recordings in talkers], axis=0))


def _monologue(recordings: Sequence[Path], count: int) -> NDArray[np.float32]:
    parts: list[NDArray[np.float32]] = []
    length = 0
    sounds = [samples_16k(path) for path in recordings]
    for sound in cycle(sounds):
        parts.append(sound)
        length += len(sound)
        if length >= count:
            break
    return _unit(np.concatenate(parts)[:count])


def _unit(sound: NDArray[np.floating]) -> NDArray[np.float32]:
    rms = np.sqrt(np.mean(np.square(sound)))
    return (sound / rms if rms > 0 else sound).astype(np.float32)


def _talkers(clips: Sequence[Clip]) -> Talkers:
    """Recordings of the first speakers who train in joint fold 1."""
    fold = joint_fold(1)
    recordings: defaultdict[str, list[Path]] = defaultdict(list)
    for clip in clips:
        if part_of(clip, fold) == "train":
            recordings[clip.speaker].append(clip.path)
    return tuple(tuple(paths) for paths in list(recordings.values())[:_TALKERS])
