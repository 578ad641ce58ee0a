"""Recall of the speech gate on clips, and its false alarms on noise."""

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
from training.workers import map_in_processes

GATE_CORPORA = ("crema_d", "ravdess")
GAINS_DB = (0, -20)
LEVELS_DBFS = (-20, -40, -60)
NOISE_S = 600.0
MIN_DETECTED_SHARE = 0.98
"""Least share of the clips with a segment, at every gain."""

MAX_FALSE_ALARM_SHARE = 0.05
"""Greatest share of a noise that counts as speech, at every level."""

NOISE_KINDS = ("white", "pink", "brown", "hum")
"""Steady noises, which the gate should reject."""

_BABBLE_COUNT = 64


@dataclass(frozen=True, slots=True)
class ClipShare:
    """Share of a corpus's clips with a segment, at a gain."""

    corpus: str
    gain_db: int
    clips: int
    detected: int

    @property
    def share(self) -> float:
        """Share of the clips with a segment, 0 to 1."""
        return self.detected / self.clips

    @property
    def passed(self) -> bool:
        """Whether the share is high enough."""
        return self.share >= MIN_DETECTED_SHARE


@dataclass(frozen=True, slots=True)
class NoiseShare:
    """Share of a noise's gate frames that count as speech.

    Babble is speech of many at once: its share is reported without a limit.
    """

    kind: str
    level_dbfs: int
    share: float

    @property
    def passed(self) -> bool:
        """Whether the share is low enough."""
        return self.kind == BABBLE or self.share <= MAX_FALSE_ALARM_SHARE


@dataclass(frozen=True, slots=True)
class GateReport:
    """Figures of a gate."""

    clips: tuple[ClipShare, ...]
    noises: tuple[NoiseShare, ...]

    @property
    def passed(self) -> bool:
        """Whether every share is within its limit."""
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
                    f"{MIN_DETECTED_SHARE:.0%}",
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
                    "-" if row.kind == BABBLE else f"{MAX_FALSE_ALARM_SHARE:.0%}",
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
    contents = read_corpora(root, GATE_CORPORA)
    clips = [clip for corpus in contents for clip in corpus.clips]
    detected = np.array(map_in_processes(partial(_has_segment, gate), clips, jobs, "Gating clips"))
    shares = []
    for corpus in contents:
        own = np.array([clip.corpus == corpus.name for clip in clips])
        shares += [
            ClipShare(title(corpus.name), gain, int(own.sum()), int(detected[own, k].sum()))
            for k, gain in enumerate(GAINS_DB)
        ]
    babble_paths = _babble_recordings(contents[0].clips)
    kinds = [*NOISE_KINDS, *([BABBLE] if babble_paths else [])]
    noises = [(kind, level) for kind in kinds for level in LEVELS_DBFS]
    speech_shares = map_in_processes(
        partial(_speech_share, gate, babble_paths, noise_s), noises, jobs, "Gating noise"
    )
    return GateReport(
        tuple(shares),
        tuple(
            NoiseShare(*noise, share) for noise, share in zip(noises, speech_shares, strict=True)
        ),
    )


def _verdict(passed: bool) -> str:
    return "ok" if passed else "FAILED"


def _has_segment(gate: GateConfig, clip: Clip) -> list[bool]:
    samples = samples_16k(clip.path)
    return [
        any(
            step.segment_start is not None
            for step in Segmenter(FeatureParams(), gate).push(
                samples * np.float32(_amplitude(gain))
            )
        )
        for gain in GAINS_DB
    ]


def _amplitude(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _speech_share(
    gate: GateConfig, babble_paths: Sequence[Path], seconds: float, noise: tuple[str, int]
) -> float:
    kind, level_dbfs = noise
    speech = [samples_16k(path) for path in babble_paths] if kind == BABBLE else []
    samples = make_noise(kind, seconds, np.random.default_rng(0), speech)
    samples *= np.float32(_amplitude(level_dbfs))
    return float(np.mean([s.speech for s in Segmenter(FeatureParams(), gate).push(samples)]))


def _babble_recordings(clips: Sequence[Clip]) -> list[Path]:
    """Recordings of training speakers of joint fold 1, of as many speakers as possible."""
    fold = joint_fold(1)
    paths = [clip.path for clip in clips if part_of(clip, fold) == "train"]
    return paths[:: max(1, len(paths) // _BABBLE_COUNT)]
