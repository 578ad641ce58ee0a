"""Whether the speech gate lets speech through and keeps noise out, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from training.corpora import Clip, read_corpora, title
from training.folds import joint_fold, part_of
from training.sound.noises import BABBLE, make_noise
from training.sound.recordings import samples_16k
from training.tables import table
from training.workers import spread

CORPORA = ("crema_d", "ravdess")
GAINS_DB = (0, -20)
LEVELS_DBFS = (-20, -40, -60)
NOISE_S = 600.0
LEAST_HEARD = 0.98
"""Share of the clips that are to get a segment, at every gain."""

MOST_NOISE = 0.05
"""Share of the noise that may be called speech, at every level."""

KINDS = ("white", "pink", "brown", "hum")
"""Steady noises, which the gate is to keep out."""

_TALKERS = 64


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
    kinds = [*KINDS, *([BABBLE] if talkers else [])]
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
            step.segment_start is not None
            for step in Segmenter(FeatureParams(), gate).push(samples * np.float32(_factor(gain)))
        )
        for gain in GAINS_DB
    ]


def _factor(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _called_speech(
    gate: GateConfig, talkers: Sequence[Path], seconds: float, noise: tuple[str, int]
) -> float:
    kind, level_dbfs = noise
    speech = [samples_16k(path) for path in talkers] if kind == BABBLE else []
    samples = make_noise(kind, seconds, np.random.default_rng(0), speech)
    samples *= np.float32(_factor(level_dbfs))
    return float(np.mean([s.speech for s in Segmenter(FeatureParams(), gate).push(samples)]))


def _talkers(clips: Sequence[Clip]) -> list[Path]:
    """Some recordings of speakers who train in joint fold 1, of as many of them as there are."""
    fold = joint_fold(1)
    paths = [clip.path for clip in clips if part_of(clip, fold) == "train"]
    return paths[:: max(1, len(paths) // _TALKERS)]
