"""Heads that learn some languages and are tested on others, whose speakers they have not heard.

A head is a logistic regression behind the frozen encoder. It answers among the classes that both
what it learned from and what it is tested on have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from training.languages.encoding import EncodedClips
from training.measure.metrics import NO_ANSWER, Interval, bootstrap, interval, uar

CLASSES = ("neutral", "happy", "sad", "angry", "fearful")
"""Classes that most corpora have."""

_STRENGTH = 0.001
"""Inverse strength of the penalty, the same for all heads."""

_ITERATIONS = 300
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class TransferScore:
    """Result of a head on the speakers of a language.

    Attributes
    ----------
    classes
        Classes among which the head answered.
    uar, interval
        UAR, and its 95 % interval by a bootstrap over speakers.
    clips, speakers
        Number of clips and speakers tested.
    """

    classes: tuple[str, ...]
    uar: float
    interval: Interval
    clips: int
    speakers: int


@dataclass(frozen=True, slots=True)
class RecipeComparison:
    """Two heads on the same speakers, and how much the second gains, in points of UAR."""

    first: TransferScore
    second: TransferScore
    gain: float
    gain_interval: Interval


@dataclass(frozen=True, slots=True, eq=False)
class LanguageHead:
    """A fitted head: probabilities of some classes from a clip's statistics."""

    classes: tuple[str, ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    regression: LogisticRegression

    def probabilities(self, statistics: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of :attr:`classes`, shape ``(clips, classes)``."""
        found: NDArray[np.float64] = self.regression.predict_proba(
            (statistics - self.mean) / self.deviation
        )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Probabilities of clips over :data:`CLASSES`.

    Attributes
    ----------
    encoded
        The clips.
    probabilities
        Shape ``(clips, classes)``; NaN for a class that is not known, and throughout where the gate
        found no speech.
    """

    encoded: EncodedClips
    probabilities: NDArray[np.float64]

    @classmethod
    def of_rows(
        cls,
        encoded: EncodedClips,
        classes: Sequence[str],
        rows: Sequence[NDArray[np.floating] | None],
    ) -> Answers:
        """Answers of one row of probabilities of ``classes`` for each clip; ``None``: no speech."""
        found = np.full((len(encoded.clips), len(CLASSES)), np.nan)
        columns = [CLASSES.index(name) for name in classes]
        for place, row in enumerate(rows):
            if row is not None:
                found[place, columns] = row
        return cls(encoded, found)

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """Answers of one head for several languages together."""
        return cls(
            EncodedClips.joined([part.encoded for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
        )

    @property
    def known(self) -> tuple[str, ...]:
        """Classes that the head knows."""
        return tuple(
            name
            for name, column in zip(CLASSES, self.probabilities.T, strict=True)
            if not np.isnan(column).all()
        )


def fit_head(encoded: EncodedClips) -> LanguageHead:
    """Fit a head to clips as recorded and at another level.

    Languages weigh by the root of what they have, so that a large one does not drown the others,
    and classes alike.
    """
    encoded = encoded.subset(encoded.heard)
    rows = np.concatenate([encoded.recorded, encoded.levelled])
    labels = np.array([clip.label for clip in encoded.clips])
    languages = np.array([clip.language for clip in encoded.clips])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-6)
    regression = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS, tol=1e-3)
    regression.fit(
        (rows - mean) / deviation,
        np.tile(labels, 2),
        sample_weight=np.tile(_weights(labels, languages), 2),
    )
    return LanguageHead(tuple(regression.classes_.tolist()), mean, deviation, regression)


def _weights(labels: NDArray[np.str_], languages: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weight of each clip, with a mean of 1: languages by root, then classes alike.

    A language without a class so says nothing against it, as the masks of a recipe's fit see to.
    """
    weights = np.empty(len(labels))
    for language in np.unique(languages):
        own = languages == language
        names, counts = np.unique(labels[own], return_counts=True)
        for name, count in zip(names, counts, strict=True):
            weights[own & (labels == name)] = np.sqrt(own.sum()) / (len(names) * count)
    for name in np.unique(labels):
        weights[labels == name] /= weights[labels == name].sum()
    weights /= weights.mean()
    return weights


def answers(head: LanguageHead, encoded: EncodedClips) -> Answers:
    """Answers of a head for clips."""
    rows = head.probabilities(np.nan_to_num(encoded.recorded))
    heard = encoded.heard.tolist()
    kept = [row if known else None for row, known in zip(rows, heard, strict=True)]
    return Answers.of_rows(encoded, head.classes, kept)


def speakers_of(encoded: EncodedClips) -> NDArray[np.str_]:
    """Speaker of each clip, by corpus."""
    return np.array([f"{clip.corpus}/{clip.speaker}" for clip in encoded.clips])


def answers_within(encoded: EncodedClips) -> Answers:
    """Answers for each speaker of a language by a head that learned its other speakers."""
    speakers = speakers_of(encoded)
    found = np.full((len(encoded.clips), len(CLASSES)), np.nan)
    folds = GroupKFold(min(_FOLDS, len(np.unique(speakers))))
    for train, test in folds.split(speakers, groups=speakers):
        own = np.isin(np.arange(len(speakers)), test)
        head = fit_head(encoded.subset(np.isin(np.arange(len(speakers)), train)))
        found[own] = answers(head, encoded.subset(own)).probabilities
    return Answers(encoded, found)


def score(given: Answers, classes: Sequence[str]) -> TransferScore:
    """Score of answers among some classes; clips of other classes are left out."""
    labels, predictions, speakers = _predictions(given, classes)
    return TransferScore(
        tuple(classes),
        uar(labels, predictions),
        interval(bootstrap(labels, predictions, speakers.tolist()).uar),
        len(labels),
        len(np.unique(speakers)),
    )


def compare(first: Answers, second: Answers, classes: Sequence[str]) -> RecipeComparison:
    """Two heads' answers for the same clips, with a paired bootstrap over speakers."""
    labels, before, speakers = _predictions(first, classes)
    _, after, _ = _predictions(second, classes)
    names = speakers.tolist()
    draws = [bootstrap(labels, one, names).uar for one in (before, after)]
    return RecipeComparison(
        score(first, classes),
        score(second, classes),
        100 * (uar(labels, after) - uar(labels, before)),
        interval(100 * (draws[1] - draws[0])),
    )


def shared_classes(*known: Collection[str]) -> tuple[str, ...]:
    """Classes that all of these have, in the order of :data:`CLASSES`."""
    return tuple(name for name in CLASSES if all(name in own for own in known))


def classes_of(encoded: EncodedClips) -> tuple[str, ...]:
    """Classes that clips have."""
    return shared_classes({clip.label for clip in encoded.clips})


def _predictions(
    given: Answers, classes: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.str_]]:
    """Labels and predictions as numbers of ``classes``, and speakers, of the clips of these."""
    chosen = np.array([clip.label in classes for clip in given.encoded.clips])
    labels = np.array([classes.index(c.label) for c in given.encoded.clips if c.label in classes])
    columns = [CLASSES.index(name) for name in classes]
    own = given.probabilities[chosen][:, columns]
    silent = np.isnan(own).all(axis=1)
    predictions = np.where(silent, NO_ANSWER, np.argmax(np.nan_to_num(own), axis=1))
    return labels, predictions, speakers_of(given.encoded)[chosen]


def by_language(encoded: EncodedClips) -> Mapping[str, EncodedClips]:
    """Clips of each language, in the order in which they come."""
    languages = np.array([clip.language for clip in encoded.clips])
    names = dict.fromkeys(clip.language for clip in encoded.clips)
    return {name: encoded.subset(languages == name) for name in names}
