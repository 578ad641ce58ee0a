"""Speech segments of examples, as the live gate cuts them, cached on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE, STEP, STEP_FRAMES
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.gate import GATE_FRAME
from realtime_ser.recogniser.segmenter import Segmenter
from training.cache import Arrays, compute_cached
from training.corpora import Clip
from training.sound.examples import AnyExample, as_examples
from training.sound.seeding import generator
from training.streaming.noise_spectra import SpectralNoise, with_noise

_VERSION = 1
"""To be raised whenever gate or features give other results for the same parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class GatedSegment:
    """A speech segment of an example, as the gate cut it.

    Attributes
    ----------
    example
        Example that the segment is a part of.
    clips
        Clip of each step: the same one throughout, unless the example joins several.
    log_mel
        Log-mel frames in dB, shape ``(steps, 8, n_mels)``.
    last_voiced
        Index within the segment of the last voiced step, whose estimate is the result.
    voiced_s
        Duration of the voiced gate frames in seconds.
    first_step
        Index of the first step within the example.
    """

    example: AnyExample
    clips: tuple[Clip, ...]
    log_mel: NDArray[np.float32]
    last_voiced: int
    voiced_s: float
    first_step: int

    @property
    def clip(self) -> Clip:
        """Clip of the result."""
        return self.clips[self.last_voiced]

    @property
    def recorded(self) -> bool:
        """Whether the example is as recorded, rather than a changed copy."""
        return self.example.change is None


def with_level_copies(
    segments: Sequence[GatedSegment],
    levels: int,
    gain_db: float,
    seed: int,
    noise: SpectralNoise | None = None,
) -> list[GatedSegment]:
    """Segments with copies at further levels.

    A microphone's level carries no emotion, and each corpus has a level of its own.

    Parameters
    ----------
    segments
        Segments as the gate cut them.
    levels
        Number of further copies of each segment of a clip as recorded; a changed copy gets a drawn
        level instead of its own. 0: the segments stay as they are.
    gain_db
        Range of the gain in dB, either way.
    seed
        Seed of all random draws; those of a segment do not depend on the others.
    noise
        Noise under a share of the further copies; ``None``: none.

    Returns
    -------
    list of GatedSegment
        The segments first, in their order, then the further ones.
    """
    if not levels:
        return list(segments)

    examples = {id(segment.example): segment.example for segment in segments}
    digests = {number: example.digest().hex() for number, example in examples.items()}

    def louder(segment: GatedSegment, copy: int) -> GatedSegment:
        names = digests[id(segment.example)], str(segment.first_step), str(copy)
        gain = generator(seed, "level", *names).uniform(-gain_db, gain_db)
        log_mel = segment.log_mel
        if noise is not None and copy:
            log_mel = with_noise(log_mel, noise, generator(seed, "noise", *names))
        return replace(segment, log_mel=log_mel + np.float32(gain))

    first = [segment if segment.recorded else louder(segment, 0) for segment in segments]
    recorded = [segment for segment in segments if segment.recorded]
    return [*first, *(louder(s, copy) for copy in range(1, levels + 1) for s in recorded)]


def gated_segments(
    sounds: Sequence[Clip | AnyExample],
    features: FeatureParams,
    gate: GateConfig,
    cache: Path,
    jobs: int,
) -> list[GatedSegment]:
    """Speech segments of examples, in order; an example without speech gives none.

    The segments are kept in ``cache`` under a hash of the recordings, of their changes and of all
    parameters: an interrupted run resumes.

    Parameters
    ----------
    sounds
        Examples to cut; a clip counts as one as recorded.
    features, gate
        Parameters of the log-mel spectrum and of the gate.
    cache
        Folder of the cache; may be shared by any runs.
    jobs
        Number of processes.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read; all others are in the cache by then.
    """
    examples = as_examples(sounds)
    parameters = _digest_of_parameters(features, gate)
    digests = [hashlib.sha256(parameters + example.digest()).digest() for example in examples]
    cut = partial(_gate_example, features, gate)
    entries = compute_cached(cut, examples, digests, cache, jobs, "Cutting speech out of clips")
    return [
        segment
        for example, arrays in zip(examples, entries, strict=True)
        for segment in _segments(example, arrays)
    ]


def _digest_of_parameters(features: FeatureParams, gate: GateConfig) -> bytes:
    digest = hashlib.sha256(str(_VERSION).encode())
    digest.update(TypeAdapter(FeatureParams).dump_json(features))
    digest.update(gate.model_dump_json().encode())
    return digest.digest()


@dataclass(slots=True)
class _SegmentDraft:
    """A segment whose end is not reached yet."""

    first: int
    log_mels: list[NDArray[np.float64]]
    voiced: int = 0
    last_voiced: int = 0


def _gate_example(features: FeatureParams, gate: GateConfig, example: AnyExample) -> Arrays:
    """Segments of an example, concatenated in each array."""
    stream = example.stream()
    cuts: list[_SegmentDraft] = []
    for step in Segmenter(features, gate).push(stream.samples):
        if step.segment_start is not None:
            cuts.append(_SegmentDraft(step.segment_start, []))
        if step.speech:
            cut = cuts[-1]
            cut.log_mels.append(step.log_mels)
            cut.voiced += step.voiced
            cut.last_voiced = step.index - cut.first if step.voiced else cut.last_voiced
    none = np.empty((0, STEP_FRAMES, features.n_mels), np.float32)
    lengths = [sum(map(len, cut.log_mels)) for cut in cuts]
    arrays: Arrays = {
        "log_mel": np.concatenate(
            [none, *(log_mels for cut in cuts for log_mels in cut.log_mels)], dtype=np.float32
        ),
        "steps": np.array(lengths, np.int64),
        "last_voiced": np.array([cut.last_voiced for cut in cuts], np.int64),
        "voiced_s": np.array([cut.voiced * GATE_FRAME / SAMPLE_RATE for cut in cuts], np.float64),
        "first_step": np.array([cut.first for cut in cuts], np.int64),
    }
    if len(stream.spans) > 1:
        starts = zip((cut.first for cut in cuts), lengths, strict=True)
        steps = np.concatenate([np.arange(0), *(first + np.arange(n) for first, n in starts)])
        arrays["clip"] = stream.owners(STEP * steps + STEP // 2)
    return arrays


def _segments(example: AnyExample, arrays: Arrays) -> list[GatedSegment]:
    log_mel = arrays["log_mel"]
    owners = arrays.get("clip", np.zeros(len(log_mel), np.intp))
    rows = zip(
        arrays["steps"],
        np.cumsum(arrays["steps"]),
        arrays["last_voiced"],
        arrays["voiced_s"],
        arrays["first_step"],
        strict=True,
    )
    return [
        GatedSegment(
            example,
            tuple(example.clips[owner] for owner in owners[end - steps : end]),
            log_mel[end - steps : end],
            int(last),
            float(voiced),
            int(first),
        )
        for steps, end, last, voiced, first in rows
    ]
