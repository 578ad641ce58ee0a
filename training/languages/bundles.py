"""Bundles as they are, through the live path, on languages; a clip is heard once and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle
from realtime_ser.recogniser.voice_judge import NUMBERS
from training.cache import Arrays, combined_hash, compute_cached, content_hash
from training.corpora import CORPORA, Clip
from training.evaluate import recipe_and_parts
from training.languages.encoding import EncodedClips
from training.languages.transfer import (
    Answers,
    RecipeComparison,
    TransferScore,
    classes_of,
    compare,
    score,
    shared_classes,
)
from training.measure.clip_results import SegmentResult, posterior
from training.measure.live_path import analyse, segment_results
from training.report.leaks import leaks
from training.sound.examples import Example

_VERSION = b"1"
"""To be raised whenever the live path makes something else of the same clips and bundle."""


@dataclass(frozen=True, slots=True)
class BundleLanguages:
    """What a bundle makes of languages, which are ISO 639-1 codes.

    Attributes
    ----------
    step_model_sha256
        Hash of the streaming step that was measured.
    learned, heard
        Languages whose labels taught it, and those in which its encoder heard voices alone.
    scores
        Scores by language. A language that was learned is scored on the speakers whom the bundle's
        recipe withheld, and has no score where there are none.
    """

    step_model_sha256: str
    learned: tuple[str, ...]
    heard: tuple[str, ...]
    scores: Mapping[str, TransferScore]


@dataclass(frozen=True, slots=True, eq=False)
class BundleAnswers:
    """A bundle's answers by language, on clips of speakers whom it has not heard."""

    bundle: Bundle
    answers: Mapping[str, Answers]

    @property
    def learned(self) -> tuple[str, ...]:
        """Languages whose labels taught the bundle."""
        return _languages_of(self.bundle.manifest.corpora)

    def classes(self, tested: str) -> tuple[str, ...]:
        """Classes that a language and the bundle share."""
        return shared_classes(self.bundle.labels, classes_of(self.answers[tested].encoded))

    def scores(self) -> BundleLanguages:
        """Scores of each language."""
        parent = self.bundle.manifest.recipe.get("start") or {}
        heard = _languages_of(parent.get("corpora", ()))
        return BundleLanguages(
            self.bundle.manifest.files[STEP_MODEL],
            self.learned,
            tuple(name for name in heard if name not in self.learned),
            {name: score(own, self.classes(name)) for name, own in self.answers.items()},
        )

    def gains_over(self, first: BundleAnswers) -> dict[str, RecipeComparison]:
        """What it gains over another bundle in the languages that neither has learned."""
        return {
            name: compare(
                first.answers[name],
                own,
                shared_classes(first.classes(name), self.classes(name)),
            )
            for name, own in self.answers.items()
            if name not in {*self.learned, *first.learned}
        }


def _languages_of(corpora: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(CORPORA[name].language for name in corpora if name in CORPORA))


def bundle_answers(
    bundle: Bundle,
    languages: Mapping[str, EncodedClips],
    clips: Sequence[Clip],
    cache: Path,
    jobs: int,
) -> BundleAnswers:
    """Let a bundle hear each language; what is cached is kept, so that a stopped run goes on.

    Parameters
    ----------
    bundle
        The model.
    languages
        Clips to hear, by language.
    clips
        All clips of the corpora, of which the bundle's recipe withheld some.
    cache
        Folder of the cache.
    jobs
        Number of processes.

    Raises
    ------
    SerError
        A recording cannot be read.
    """
    learned, withheld = _languages_of(bundle.manifest.corpora), _withheld(bundle, clips)
    found = {}
    for tested, encoded in languages.items():
        fair = np.array([tested not in learned or clip.path in withheld for clip in encoded.clips])
        if fair.any():
            found[tested] = _answers(bundle, encoded.subset(fair), cache, jobs)
    return BundleAnswers(bundle, found)


def _withheld(bundle: Bundle, clips: Sequence[Clip]) -> frozenset[Path]:
    """Clips of the speakers whom a bundle's recipe tests; none where it does not tell them."""
    settings, corpora = bundle.manifest.recipe.get("settings"), set(bundle.manifest.corpora)
    if settings is None or leaks(settings) or not corpora.issubset(clip.corpus for clip in clips):
        return frozenset()
    _, parts = recipe_and_parts(
        bundle, lambda _: [clip for clip in clips if clip.corpus in corpora]
    )
    return frozenset(clip.path for clip in parts["test"])


def _answers(bundle: Bundle, encoded: EncodedClips, cache: Path, jobs: int) -> Answers:
    judge = content_hash(shipped("models") / NUMBERS)
    parameters = combined_hash(_VERSION, bundle.digest.encode(), judge)
    digests = [combined_hash(parameters, content_hash(clip.path)) for clip in encoded.clips]
    entries = compute_cached(
        partial(_hear, bundle),
        encoded.clips,
        digests,
        cache,
        jobs,
        f"{bundle.manifest.name}: hearing clips",
    )
    classes = shared_classes(bundle.labels, classes_of(encoded))
    columns = np.array([bundle.labels.index(name) for name in classes])
    rows = [posterior(_segments(arrays), columns) for arrays in entries]
    return Answers.of_rows(encoded, classes, rows)


def _hear(bundle: Bundle, clip: Clip) -> Arrays:
    found = segment_results(analyse(bundle, Example(clip).samples()))
    none = np.empty((0, len(bundle.labels)), np.float32)
    return {
        "probabilities": np.stack([one.probabilities for one in found]) if found else none,
        "voiced": np.array([one.voiced for one in found], np.int64),
        "usable": np.array([one.usable for one in found], np.bool_),
    }


def _segments(arrays: Arrays) -> list[SegmentResult]:
    rows = zip(arrays["probabilities"], arrays["voiced"], arrays["usable"], strict=True)
    return [SegmentResult(row, int(voiced), bool(usable)) for row, voiced, usable in rows]
