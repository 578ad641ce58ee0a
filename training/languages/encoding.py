"""Clips of any language as statistics of one encoder's vectors that no label has taught.

The encoder is Whisper's first layers as the recipe ``large`` makes them causal, with the published
weights: every language is heard alike, and none of the corpora has a part in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from training.cache import Arrays, combined_hash, compute_cached, content_hash
from training.corpora import Clip, title
from training.sound.seeding import generator
from training.streaming.architecture import Transformer
from training.streaming.batches import mfcc
from training.streaming.gated_segments import GatedSegment, gated_segments, with_level_copies
from training.streaming.inference import run_causal
from training.streaming.recipe import StreamingRecipe
from training.streaming.whisper_start import published_start
from training.streaming.whisper_weights import BANDS

_VERSION = b"1"
"""To be raised whenever the same clips give other statistics."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedClips:
    """Clips with mean and deviation of their vectors over the voiced steps.

    Attributes
    ----------
    clips
        The clips.
    recorded
        Statistics of each as recorded, shape ``(clips, 2 units)``; NaN where the gate found no
        speech.
    levelled
        The same at another level, drawn within the recipe's range.
    """

    clips: tuple[Clip, ...]
    recorded: NDArray[np.float32]
    levelled: NDArray[np.float32]

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Whether the gate found speech in each clip, shape ``(clips,)``."""
        found: NDArray[np.bool_] = ~np.isnan(self.recorded[:, 0])
        return found

    def subset(self, chosen: NDArray[np.bool_]) -> EncodedClips:
        """The chosen clips."""
        clips = tuple(clip for clip, kept in zip(self.clips, chosen, strict=True) if kept)
        return EncodedClips(clips, self.recorded[chosen], self.levelled[chosen])

    @classmethod
    def joined(cls, parts: Sequence[EncodedClips]) -> EncodedClips:
        """Clips of several corpora together."""
        return cls(
            tuple(clip for part in parts for clip in part.clips),
            np.concatenate([part.recorded for part in parts]),
            np.concatenate([part.levelled for part in parts]),
        )


def encode_corpora(
    clips: Sequence[Clip], recipe: StreamingRecipe, weights: Path, cache: Path, jobs: int
) -> EncodedClips:
    """Encode clips as the live gate cuts them, a corpus at a time; what is cached is kept.

    Parameters
    ----------
    clips
        Clips of any corpora.
    recipe
        Recipe of the features, the gate, the transformer and the range of levels.
    weights
        Weights of Whisper's encoder.
    cache
        Folder of the cache.
    jobs
        Number of processes that cut speech out of clips.

    Raises
    ------
    SerError
        The weights or a recording cannot be read.
    """
    by_corpus: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_corpus[clip.corpus].append(clip)
    encoder = published_start(recipe.architecture, weights)
    model = keras.Sequential([keras.Input((None, BANDS)), encoder])

    def compute(own: Sequence[Clip]) -> Arrays:
        segments = gated_segments(own, recipe.features, recipe.gate, cache, jobs)
        both = with_level_copies(segments, 1, recipe.head.gain_db, seed=0)
        sums, half = _segment_sums(model, encoder.transformer, both), len(segments)
        return {
            "recorded": _clip_statistics(own, segments, sums[:half]),
            "levelled": _clip_statistics(own, segments, sums[half:]),
        }

    parameters = _digest(recipe, weights)
    digests = [
        combined_hash(parameters, *(content_hash(clip.path) for clip in own))
        for own in by_corpus.values()
    ]
    names = ", ".join(title(name) for name in by_corpus)
    entries = compute_cached(
        compute, list(by_corpus.values()), digests, cache, 1, f"Encoding {names}"
    )
    return EncodedClips.joined(
        [
            EncodedClips(tuple(own), arrays["recorded"], arrays["levelled"])
            for own, arrays in zip(by_corpus.values(), entries, strict=True)
        ]
    )


def _digest(recipe: StreamingRecipe, weights: Path) -> bytes:
    settings = (recipe.features, recipe.gate, recipe.architecture.transformer, recipe.head.gain_db)
    dumps = [TypeAdapter(type(one)).dump_json(one) for one in settings]
    return combined_hash(_VERSION, content_hash(weights), *dumps)


def _segment_sums(
    model: keras.Sequential, shape: Transformer, segments: Sequence[GatedSegment]
) -> list[NDArray[np.float32]]:
    """Number, sum and sum of squares of each unit's defined voiced steps, shape ``(3, units)``.

    A layer behind a look-ahead says nothing of its first steps.
    """
    delays = np.repeat(shape.delays, shape.width)

    def select(k: int, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        voiced = vectors[: segments[k].last_voiced + 1]
        defined = np.arange(len(voiced))[:, None] >= np.minimum(delays, len(voiced) - 1)
        kept = np.where(defined, voiced, 0.0)
        sums = [defined.sum(axis=0), kept.sum(axis=0), np.square(kept).sum(axis=0)]
        return np.stack(sums).astype(np.float32)

    return run_causal(
        model,
        [len(segment.log_mel) for segment in segments],
        lambda k: mfcc(segments[k].log_mel, BANDS),
        select,
    )


def _clip_statistics(
    clips: Sequence[Clip],
    segments: Sequence[GatedSegment],
    sums: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Mean and deviation of each clip over all of its segments, shape ``(clips, 2 units)``."""
    places = {clip: k for k, clip in enumerate(clips)}
    totals = np.zeros((len(clips), *sums[0].shape))
    for segment, own in zip(segments, sums, strict=True):
        totals[places[segment.clip]] += own
    count, first, second = np.moveaxis(totals, 1, 0)
    count[count == 0] = np.nan
    mean = first / count
    deviation = np.sqrt(np.maximum(second / count - np.square(mean), 0.0))
    return np.concatenate([mean, deviation], axis=1).astype(np.float32)


def drawn(clips: Sequence[Clip], classes: Sequence[str], most: int) -> tuple[Clip, ...]:
    """A corpus's clips of some classes, at most so many by lot, in their order."""
    own = [clip for clip in clips if clip.label in classes]
    order = generator(0, "languages").permutation(len(own))[:most]
    return tuple(own[place] for place in sorted(order))
