"""Results of a model for clips and their segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import SerError
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle
from training.corpora import Clip, title
from training.measure.metrics import NO_ANSWER


@dataclass(frozen=True, slots=True, eq=False)
class SegmentResult:
    """Result of a segment.

    Attributes
    ----------
    probabilities
        Over all of the model's labels, shape ``(labels,)``.
    voiced
        Number of voiced gate frames (20 ms) in the segment.
    usable
        Whether the sound is a voice that the model can judge; others count in no result.
    """

    probabilities: NDArray[np.float32]
    voiced: int
    usable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """Results of a clip's segments.

    Attributes
    ----------
    clip
        The clip.
    segments
        Results of the clip's speech segments; empty if the gate found no speech. An offline model
        gives a single one.
    early_segments
        Results as of so many seconds after the first voiced frame, by seconds; empty for an
        offline model.
    """

    clip: Clip
    segments: tuple[SegmentResult, ...]
    early_segments: Mapping[float, tuple[SegmentResult, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Results of a model for clips.

    Attributes
    ----------
    labels
        The model's labels, in the order of its outputs.
    results
        Results of each clip.
    model
        Identity of the model, fit for JSON.
    temperature
        Divisor of the model's logits.
    certainty_threshold
        Confidence from which a prediction counts as certain; ``None`` for a model without one.
    """

    labels: tuple[str, ...]
    results: tuple[ClipResult, ...]
    model: Mapping[str, Any]
    temperature: float = 1.0
    certainty_threshold: float | None = None

    @classmethod
    def of_bundle(cls, bundle: Bundle, results: Sequence[ClipResult]) -> Evaluation:
        """Evaluation of a bundle, with its identity, temperature and threshold."""
        manifest = bundle.manifest
        model = {
            "name": manifest.name,
            "version": manifest.version,
            "step_model_sha256": manifest.files[STEP_MODEL],
            "temperature": manifest.temperature,
            "certainty_threshold": manifest.certainty_threshold,
        }
        return cls(
            bundle.labels,
            tuple(results),
            model,
            manifest.temperature,
            manifest.certainty_threshold,
        )

    @classmethod
    def pooled(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Evaluation of the models of a recipe's folds together.

        Temperature and threshold are the medians of the parts'. A single part is returned as is.
        """
        if len(parts) == 1:
            return parts[0]
        thresholds = [p.certainty_threshold for p in parts if p.certainty_threshold is not None]
        return cls(
            parts[0].labels,
            tuple(result for part in parts for result in part.results),
            {"folds": [dict(part.model) for part in parts]},
            float(np.median([part.temperature for part in parts])),
            float(np.median(thresholds)) if len(thresholds) == len(parts) else None,
        )

    @property
    def clips(self) -> list[Clip]:
        """Clips of the results, in order."""
        return [result.clip for result in self.results]


def check_classes(labels: Sequence[str], clips: Sequence[Clip]) -> None:
    """Ensure that a model has every class of the clips' corpora.

    Raises
    ------
    SerError
        The model lacks a class.
    """
    for corpus, classes in {(clip.corpus, clip.classes) for clip in clips}:
        lacking = [label for label in classes if label not in labels]
        if lacking:
            raise SerError(
                f"The model knows no class {', '.join(lacking)}, so it cannot be measured on "
                f"{title(corpus)}; leave that corpus out."
            )


def posterior(
    segments: Sequence[SegmentResult], classes: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Probabilities of a clip over some classes.

    Each segment's are restricted to the classes and renormalised, then averaged by voiced
    duration, which is what ``realtime-ser analyze --classes`` does.

    Parameters
    ----------
    segments
        Results of the clip's segments.
    classes
        Indices of the classes among the model's labels.

    Returns
    -------
    ndarray, shape (len(classes),), or None without usable speech
    """
    segments = [segment for segment in segments if segment.usable]
    if not segments:
        return None
    chosen = np.stack([s.probabilities[classes] for s in segments]).astype(np.float64)
    chosen /= chosen.sum(axis=1, keepdims=True)
    mean: NDArray[np.float64] = np.average(chosen, axis=0, weights=[s.voiced for s in segments])
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class ClassPredictions:
    """Predictions for clips among some of the model's classes.

    Attributes
    ----------
    predictions
        Indices into these classes, shape ``(clips,)``; :data:`NO_ANSWER` without speech.
    posteriors
        Probabilities, shape ``(clips, classes)``; not a number without speech.
    """

    predictions: NDArray[np.intp]
    posteriors: NDArray[np.float64]

    @classmethod
    def from_segments(
        cls, clip_segments: Sequence[Sequence[SegmentResult]], classes: NDArray[np.intp]
    ) -> ClassPredictions:
        """Predictions from each clip's segments; ``classes`` are indices of labels."""
        posteriors = np.full((len(clip_segments), len(classes)), np.nan)
        predictions = np.full(len(clip_segments), NO_ANSWER)
        for k, segments in enumerate(clip_segments):
            probabilities = posterior(segments, classes)
            if probabilities is not None:
                posteriors[k] = probabilities
                predictions[k] = np.argmax(probabilities)
        return cls(predictions, posteriors)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Mask of the clips with a prediction, shape ``(clips,)``."""
        answered: NDArray[np.bool_] = self.predictions != NO_ANSWER
        return answered
