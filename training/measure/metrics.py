"""Metrics: recall, calibration, and their bootstrap intervals.

Labels and predictions are numbers of classes, shape ``(clips,)``; :data:`NO_ANSWER` stands for the
prediction of a clip in which the gate found no speech, which is always wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from scipy.special import logsumexp  # type: ignore[import-untyped]
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    recall_score,
)

NO_ANSWER = -1
BINS = 15
"""Bins of the calibration error and of the reliability diagram."""

_DRAWS = 2000
_TEMPERATURES = (0.05, 20.0)


def uar(labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> float:
    """Unweighted average recall: the mean recall of the classes that occur."""
    occurring = np.unique(labels)
    return float(
        recall_score(labels, predictions, labels=occurring, average="macro", zero_division=0.0)
    )


def classification(
    labels: NDArray[np.integer], predictions: NDArray[np.integer], classes: Sequence[str]
) -> dict[str, Any]:
    """UAR, accuracy, macro-F1, figures of each class, and the confusion matrix.

    As UAR does, macro-F1 takes the mean over the classes that occur.

    Returns
    -------
    dict
        Rows of ``confusion`` are the intended classes, columns the predicted ones; ``no_answer``
        counts the clips of each row that got no prediction. ``tested`` are the classes that occur,
        over which UAR is a mean, and ``never_predicted`` those of them that no clip was given.
    """
    numbers = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predictions, labels=numbers, zero_division=0.0
    )
    counts = confusion_matrix(labels, predictions, labels=[*numbers, NO_ANSWER])
    tested = [name for k, name in enumerate(classes) if k in labels]
    return {
        "uar": uar(labels, predictions),
        "tested": tested,
        "never_predicted": [
            n for k, n in enumerate(classes) if n in tested and k not in predictions
        ],
        "accuracy": float(np.mean(labels == predictions)),
        "macro_f1": float(
            f1_score(
                labels, predictions, labels=np.unique(labels), average="macro", zero_division=0.0
            )
        ),
        "per_class": {
            name: {
                "precision": float(precision[k]),
                "recall": float(recall[k]),
                "f1": float(f1[k]),
                "clips": int(support[k]),
            }
            for k, name in enumerate(classes)
        },
        "confusion": {
            "classes": list(classes),
            "counts": counts[:-1, :-1].tolist(),
            "no_answer": counts[:-1, -1].tolist(),
        },
    }


# ------------------------------------------------------------------------------------ calibration


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions of like confidence: number, mean confidence and accuracy."""

    clips: int
    confidence: float
    accuracy: float


def reliability(
    confidences: NDArray[np.floating], right: NDArray[np.bool_]
) -> list[ReliabilityBin]:
    """Bins of equal width over 0 .. 1, from :data:`BINS`, that hold predictions."""
    numbers = _bin_numbers(confidences)
    return [
        ReliabilityBin(
            int(inside.sum()), float(confidences[inside].mean()), float(right[inside].mean())
        )
        for inside in (numbers == number for number in np.unique(numbers))
    ]


def ece(confidences: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al., ICML 2017)."""
    gaps = [abs(b.confidence - b.accuracy) * b.clips for b in reliability(confidences, right)]
    return float(sum(gaps) / len(confidences))


def ece_of_perfect(confidences: NDArray[np.floating], seed: int = 0) -> float:
    """ECE that these confidences would show, on average, if they were perfectly calibrated.

    With few clips in a bin, accuracy strays from confidence by chance; an ECE near this value
    cannot be distinguished from perfect calibration.
    """
    random = np.random.default_rng(seed)
    draws = 300
    return float(
        np.mean(
            [ece(confidences, random.random(len(confidences)) < confidences) for _ in range(draws)]
        )
    )


def _bin_numbers(confidences: NDArray[np.floating]) -> NDArray[np.intp]:
    edges = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    numbers: NDArray[np.intp] = np.digitize(confidences, edges, right=True)
    return numbers


def nll(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    return float(log_loss(labels, probabilities, labels=np.arange(probabilities.shape[1])))


def fit_temperature(
    logits: NDArray[np.floating], labels: NDArray[np.integer], masks: NDArray[np.bool_]
) -> float:
    """Temperature that makes the labels most likely (Guo et al., ICML 2017).

    Parameters
    ----------
    logits
        Shape ``(results, classes)``.
    labels
        Shape ``(results,)``.
    masks
        True for the classes of a result's corpus, shape ``(results, classes)``.
    """
    masked = np.where(masks, logits.astype(np.float64), -np.inf)
    own = masked[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float(np.mean(logsumexp(masked * scale, axis=1) - own * scale))

    found = minimize_scalar(loss, bounds=np.log(_TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


# -------------------------------------------------------------------------------------- certainty


def certainty_threshold(confidences: NDArray[np.floating], share: float) -> float:
    """Confidence that ``share`` of the predictions reach."""
    return float(np.quantile(confidences, 1.0 - share))


# -------------------------------------------------------------------------------------- intervals


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapDraws:
    """Figures of 2000 resampled test sets, each of shape ``(2000,)``."""

    uar: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    macro_f1: NDArray[np.float64]


def bootstrap(
    labels: NDArray[np.integer],
    predictions: NDArray[np.integer],
    speakers: Sequence[str],
    seed: int = 0,
) -> BootstrapDraws:
    """Figures of 2000 test sets whose speakers are drawn with replacement from these.

    Two systems get the same draws for the same clips, so that their difference is paired. With a
    single speaker, all figures are NaN.
    """
    classes = np.unique(labels)
    names, of_clip = np.unique(np.array(speakers), return_inverse=True)
    if len(names) < 2:
        return BootstrapDraws(*np.full((3, _DRAWS), np.nan))
    random = np.random.default_rng(seed)
    times = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    is_intended, is_predicted = labels[:, None] == classes, predictions[:, None] == classes

    def drawn(marks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Marked clips of each draw and class, shape ``(2000, classes)``."""
        of_speaker = [marks[of_clip == k].sum(axis=0) for k in range(len(names))]
        counts: NDArray[np.float64] = (times @ np.stack(of_speaker)).astype(np.float64)
        return counts

    intended, predicted_counts, hits = (
        drawn(is_intended),
        drawn(is_predicted),
        drawn(is_intended & is_predicted),
    )
    # A class without clips in a draw counts in no mean.
    f1 = _ratio(2 * hits, intended + predicted_counts, where=intended > 0)
    return BootstrapDraws(
        uar=np.nanmean(_ratio(hits, intended, where=intended > 0), axis=1),
        accuracy=hits.sum(axis=1) / intended.sum(axis=1),
        macro_f1=np.nanmean(f1, axis=1),
    )


def _ratio(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64], where: NDArray[np.bool_]
) -> NDArray[np.float64]:
    ratio = np.full(denominator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=where)
    return ratio


Interval: TypeAlias = tuple[float, float] | None
"""Lower and upper end; ``None`` if unknown."""


def interval(draws: NDArray[np.floating]) -> Interval:
    """Middle 95 % of bootstrap draws; ``None`` if any is NaN."""
    if np.isnan(draws).any():
        return None
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
