"""Measures a bundle as it runs live: every clip goes through gate, stream and reset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.errors import SerError
from realtime_ser.model import STEP_MODEL, Bundle
from realtime_ser.pipeline import Pipeline
from realtime_ser.records import STEP_S, Segment, Update
from training.corpora import CORPORA, Clip, title
from training.measure.metrics import (
    NO_ANSWER,
    bootstrap_uar,
    classification,
    ece,
    ece_of_perfect,
    interval,
    nll,
    reliability,
    uar,
)
from training.streaming.clips import samples_16k
from training.workers import spread

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds from the first voiced frame after which early decisions are judged."""

TWO_SPEAKERS = "tess"
"""Corpus of two speakers, which no mean over corpora includes."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentResult:
    """What was said of one segment.

    Attributes
    ----------
    probabilities
        Over all the bundle's labels, shape ``(labels,)``.
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
        Results of its speech segments; none where the gate found no speech.
    after
        The same as far as it stood some seconds after the first voiced frame, by seconds.
    """

    clip: Clip
    segments: tuple[SegmentResult, ...]
    after: Mapping[float, tuple[SegmentResult, ...]]


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


def evaluate_bundle(bundle: Bundle, clips: Sequence[Clip], *, jobs: int) -> Evaluation:
    """Run clips through the live pipeline, a fresh one for each, in ``jobs`` processes.

    Raises
    ------
    SerError
        A clip cannot be read, or its corpus has a class that the bundle lacks.
    """
    _check_classes(bundle, clips)
    results = spread(partial(_listen, bundle), clips, jobs, "Listening to clips")
    return Evaluation.of_bundle(bundle, results)


def _check_classes(bundle: Bundle, clips: Sequence[Clip]) -> None:
    for corpus, classes in {(clip.corpus, clip.classes) for clip in clips}:
        lacking = [label for label in classes if label not in bundle.labels]
        if lacking:
            raise SerError(
                f"The model knows no class {', '.join(lacking)}, so it cannot be measured on "
                f"{title(corpus)}; leave that corpus out."
            )


def _listen(bundle: Bundle, clip: Clip) -> ClipResult:
    pipeline = Pipeline(bundle, bundle.manifest.gate)
    records = pipeline.push(samples_16k(clip.path)) + pipeline.finish()
    updates = [record for record in records if isinstance(record, Update)]
    starts = [round(r.start_s / STEP_S) for r in records if isinstance(r, Segment)]
    first = next((u.step for u in updates if starts and u.step >= starts[0] and u.voiced), 0)
    # Counted from the start of the step that holds it, and whole steps only: never more is heard.
    after = {
        seconds: _results([u for u in updates if u.step < first + int(seconds / STEP_S)])
        for seconds in SECONDS
    }
    return ClipResult(clip, _results(updates), after)


def _results(updates: Sequence[Update]) -> tuple[SegmentResult, ...]:
    """Result of each segment so far: the estimate of its last voiced step."""
    results: dict[int, SegmentResult] = {}
    for update in updates:
        if update.segment is not None and update.estimate is not None and update.voiced:
            before = results.get(update.segment)
            voiced = update.voiced + (before.voiced if before else 0)
            results[update.segment] = SegmentResult(update.estimate.probabilities, voiced)
    return tuple(results.values())


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
        Numbers of the classes among the bundle's labels.

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


# ------------------------------------------------------------------------------------------ scores


def scores(evaluation: Evaluation) -> dict[str, Any]:
    """All figures of an evaluation, fit for JSON, by corpus.

    A clip in which the gate found no speech counts as an error in every recall and accuracy, and is
    left out of calibration.
    """
    of_corpus: defaultdict[str, list[ClipResult]] = defaultdict(list)
    for result in evaluation.results:
        of_corpus[result.clip.corpus].append(result)
    order = [*CORPORA, *sorted(of_corpus.keys() - CORPORA.keys())]
    corpora = {
        name: _corpus_scores(evaluation, name, results)
        for name, results in sorted(of_corpus.items(), key=lambda item: order.index(item[0]))
    }
    counted = [name for name in corpora if name != TWO_SPEAKERS]
    return {
        "model": dict(evaluation.model),
        "mean_uar": float(np.mean([corpora[name]["uar"] for name in counted])) if counted else None,
        "mean_over": counted,
        "corpora": corpora,
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What was said of clips over certain classes, as numbers of these classes."""

    predictions: NDArray[np.intp]
    posteriors: NDArray[np.float64]

    @classmethod
    def over(cls, said: Sequence[Sequence[SegmentResult]], classes: NDArray[np.intp]) -> _Answers:
        """Posteriors of clips without speech are not a number."""
        posteriors = np.full((len(said), len(classes)), np.nan)
        predictions = np.full(len(said), NO_ANSWER)
        for k, segments in enumerate(said):
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


def _corpus_scores(
    evaluation: Evaluation, corpus: str, results: Sequence[ClipResult]
) -> dict[str, Any]:
    clips = [result.clip for result in results]
    said = [result.segments for result in results]
    classes = clips[0].classes
    among = np.array([evaluation.labels.index(label) for label in classes])
    labels = np.array([classes.index(clip.label) for clip in clips])
    own = _Answers.over(said, among)
    figures = {
        "title": title(corpus),
        "clips": len(clips),
        "without_speech": int(np.sum(~own.answered)),
        "speakers": sorted({clip.speaker for clip in clips}),
        "opus_copies": sum(clip.path.suffix.lower() in (".ogg", ".opus") for clip in clips),
        **classification(labels, own.predictions, classes),
        "uar_interval": interval(
            bootstrap_uar(labels, own.predictions, [clip.speaker for clip in clips])
        ),
        "all_classes": _all_classes(evaluation, said, among[labels], among),
        "calibration": _calibration(labels, own),
        "uar_after": {
            str(seconds): uar(
                labels, _Answers.over([r.after[seconds] for r in results], among).predictions
            )
            for seconds in SECONDS
        },
        "by_sex": _groups(clips, labels, own.predictions, lambda clip: clip.sex),
        "by_intensity": _groups(clips, labels, own.predictions, lambda clip: clip.intensity),
        "by_speaker": _groups(clips, labels, own.predictions, lambda clip: clip.speaker),
    }
    if any(clip.heard for clip in clips):
        figures["listeners"] = _listeners(clips, labels, own.predictions)
    return figures


def _all_classes(
    evaluation: Evaluation,
    said: Sequence[Sequence[SegmentResult]],
    labels: NDArray[np.intp],
    present: NDArray[np.intp],
) -> dict[str, Any]:
    """Figures of the unrestricted answer, which the program shows unless told otherwise."""
    answers = _Answers.over(said, np.arange(len(evaluation.labels)))
    predictions, answered = answers.predictions, answers.answered
    certain = np.zeros(len(labels), bool)
    if evaluation.certainty_threshold is not None:
        confidences = answers.posteriors[answered].max(axis=1)
        certain[answered] = confidences >= evaluation.certainty_threshold
    return {
        "uar": uar(labels, predictions),
        "accuracy": float(np.mean(labels == predictions)),
        "absent": float(np.mean(answered & ~np.isin(predictions, present))),
        "ece": _calibration(labels, answers)["ece"],
        "certain": float(certain.mean()),
        "uar_certain": uar(labels[certain], predictions[certain]) if certain.any() else None,
    }


def _calibration(labels: NDArray[np.intp], answers: _Answers) -> dict[str, Any]:
    """Calibration over the clips that got an answer."""
    kept = answers.answered
    if not kept.any():
        return {"ece": None, "ece_of_perfect": None, "nll": None, "bins": []}
    posteriors = answers.posteriors[kept]
    confidences, right = posteriors.max(axis=1), answers.predictions[kept] == labels[kept]
    return {
        "ece": ece(confidences, right),
        "ece_of_perfect": ece_of_perfect(confidences),
        "nll": nll(posteriors, labels[kept]),
        "bins": [asdict(part) for part in reliability(confidences, right)],
    }


def _groups(
    clips: Sequence[Clip],
    labels: NDArray[np.intp],
    predictions: NDArray[np.intp],
    group: Callable[[Clip], str | None],
) -> dict[str, dict[str, float]]:
    """UAR of each group of clips; those that belong to none are left out."""
    groups = np.array([group(clip) or "" for clip in clips])
    return {
        name: {
            "clips": int(np.sum(groups == name)),
            "uar": uar(labels[groups == name], predictions[groups == name]),
        }
        for name in sorted(set(groups.tolist()) - {""})
    }


def _listeners(
    clips: Sequence[Clip],
    labels: NDArray[np.intp],
    predictions: NDArray[np.intp],
) -> dict[str, float]:
    """Model and listeners, on the clips where most listeners heard one emotion in the voice."""
    agreed = np.array([clip.heard is not None for clip in clips])
    heard = np.array([clip.classes.index(clip.heard) for clip in clips if clip.heard])
    return {
        "clips": int(agreed.sum()),
        "uar_model_heard": uar(heard, predictions[agreed]),
        "uar_model_intended": uar(labels[agreed], predictions[agreed]),
        "uar_listeners_intended": uar(labels[agreed], heard),
    }
