"""What a model said of clips."""

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
    """What was said of one segment.

    Attributes
    ----------
    probabilities
        Over all the model's labels, shape ``(labels,)``.
    voiced
        Number of its voiced gate frames.
    """

    probabilities: NDArray[np.float32]
    voiced: int


@dataclass(frozen=True, slots=True, eq=False)
class ClipResult:
    """What was said of one clip.

    Attributes
    ----------
    clip
        The clip.
    segments
        Results of its speech segments; none where the gate found no speech. A model that hears a
        whole clip at once gives one.
    early_segments
        The same as far as it stood some seconds after the first voiced frame, by seconds; empty
        for a model that answers at the end alone.
    """

    clip: Clip
    segments: tuple[SegmentResult, ...]
    early_segments: Mapping[float, tuple[SegmentResult, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model said of clips.

    Attributes
    ----------
    labels
        The model's labels, in the order of its outputs.
    results
        One for each clip.
    model
        Says which model it was, fit for JSON.
    temperature
        What its logits were divided by.
    certainty_threshold
        Confidence from which it calls an answer certain; ``None`` where it never says so.
    """

    labels: tuple[str, ...]
    results: tuple[ClipResult, ...]
    model: Mapping[str, Any]
    temperature: float = 1.0
    certainty_threshold: float | None = None

    @classmethod
    def of_bundle(cls, bundle: Bundle, results: Sequence[ClipResult]) -> Evaluation:
        """What a bundle said of clips."""
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
        """What models of one recipe said, each of the clips of its own fold.

        Temperature and threshold are the medians of the parts'. One part alone stays as it is.
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
        """The clips, in order."""
        return [result.clip for result in self.results]


def check_classes(labels: Sequence[str], clips: Sequence[Clip]) -> None:
    """Make sure that a model has every class of the clips' corpora.

    Raises
    ------
    SerError
        It lacks one.
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
        Numbers of the classes among the model's labels.

    Returns
    -------
    ndarray, shape (len(classes),), or None without speech
    """
    if not segments:
        return None
    chosen = np.stack([s.probabilities[classes] for s in segments]).astype(np.float64)
    chosen /= chosen.sum(axis=1, keepdims=True)
    mean: NDArray[np.float64] = np.average(chosen, axis=0, weights=[s.voiced for s in segments])
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class ClassPredictions:
    """What was said of clips over certain classes.

    Attributes
    ----------
    predictions
        Numbers of these classes, shape ``(clips,)``; :data:`NO_ANSWER` without speech.
    posteriors
        Their probabilities, shape ``(clips, classes)``; not a number without speech.
    """

    predictions: NDArray[np.intp]
    posteriors: NDArray[np.float64]

    @classmethod
    def from_segments(
        cls, clip_segments: Sequence[Sequence[SegmentResult]], classes: NDArray[np.intp]
    ) -> ClassPredictions:
        """Answers from the segments of each clip, over classes that are numbered as labels."""
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
        """Clips that got an answer."""
        answered: NDArray[np.bool_] = self.predictions != NO_ANSWER
        return answered


def result_logits(evaluation: Evaluation) -> tuple[NDArray[np.float64], list[Clip]]:
    """Logits of each segment's result, up to a constant, and the clip it belongs to.

    Returns
    -------
    logits : ndarray, shape (segments, labels)
    clips : list of Clip
    """
    pairs = [(s.probabilities, r.clip) for r in evaluation.results for s in r.segments]
    probabilities = np.array([p for p, _ in pairs], np.float64)
    floor = float(np.finfo(np.float32).tiny)
    logits = np.log(np.maximum(probabilities, floor)) * evaluation.temperature
    return logits, [clip for _, clip in pairs]
