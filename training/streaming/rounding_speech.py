"""Speech by which weights are rounded to eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.corpora import Clip
from training.streaming.batches import mfcc
from training.streaming.gated_segments import gated_segments
from training.streaming.recipe import StreamingRecipe

CLIPS = 20
"""Number of clips of each corpus."""


def speech_to_round_by(
    training_clips: Sequence[Clip], recipe: StreamingRecipe, cache: Path, jobs: int
) -> list[NDArray[np.floating]]:
    """MFCC of the segments of some training clips, as recorded, as many of each corpus.

    Parameters
    ----------
    training_clips
        Clips that the model learned from.
    recipe
        Its recipe.
    cache, jobs
        As of :func:`training.streaming.gated_segments.gated_segments`.
    """
    by_corpus: dict[str, list[Clip]] = {}
    for clip in training_clips:
        by_corpus.setdefault(clip.corpus, []).append(clip)
    chosen = [clip for clips in by_corpus.values() for clip in clips[:: -(-len(clips) // CLIPS)]]
    segments = gated_segments(chosen, recipe.features, recipe.gate, cache, jobs)
    return [mfcc(segment.log_mel, recipe.architecture.coefficients) for segment in segments]
