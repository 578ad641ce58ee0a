"""Clips of a recipe: selection, copies and oversampling, before the split and in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from realtime_ser.base.errors import UsageError
from training.corpora import Clip
from training.offline.recipe import OfflineRecipe


def select_clips(recipe: OfflineRecipe, clips: Sequence[Clip]) -> list[Clip]:
    """Clips that a recipe splits: those of the recipe's classes, with the recipe's copies.

    Returns
    -------
    list of Clip
        Their ``classes`` are those that are left of their corpus's.

    Raises
    ------
    UsageError
        Nothing is left.
    """
    kept = []
    for clip in clips:
        dropped = recipe.dropped.get(clip.corpus, ())
        classes = tuple(c for c in clip.classes if c in recipe.labels and c not in dropped)
        if clip.label in classes:
            kept.append(replace(clip, classes=classes))
    if not kept:
        raise UsageError(
            f"No clip has one of the labels {', '.join(recipe.labels)}; mend 'labels' and "
            "'dropped' of the recipe."
        )
    copies = [clip for clip in kept for _ in range(recipe.copies)]
    if recipe.oversampling == "before-split":
        return oversampled(copies, recipe.split.seed or 0)
    return copies


def oversampled(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """Clips and, at random, as many more of them as make every label equally frequent."""
    from sklearn.utils import resample

    counts = Counter(clip.label for clip in clips)
    most = max(counts.values())
    more: list[Clip] = []
    for k, (label, count) in enumerate(sorted(counts.items())):
        if count < most:
            own = [clip for clip in clips if clip.label == label]
            more += resample(own, n_samples=most - count, random_state=seed + k)
    return [*clips, *more]
