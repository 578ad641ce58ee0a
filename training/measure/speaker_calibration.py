"""Gain by speaker calibration: fitted on validation speakers, simulated on test speakers.

In the simulation each speaker's neutral clips, some 20 s of voice, stand for the speech that
``realtime-ser calibrate`` records, and all clips are scored with the correction and without. A
neutral clip that is scored is left out of its own correction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ttest_1samp  # type: ignore[import-untyped]

from realtime_ser.base.records import SAMPLE_RATE
from realtime_ser.recogniser.gate import GATE_FRAME
from realtime_ser.recogniser.speaker_calibration import (
    SPEECH_S,
    SpeakerCalibration,
    mean_log_probabilities,
    shifted,
)
from training.corpora import Clip
from training.measure.clip_results import ClassPredictions, ClipResult, Evaluation, SegmentResult
from training.measure.metrics import bootstrap, interval, nll, uar
from training.measure.scoring import averaged_corpora, by_corpus, corpus_classes

NEUTRAL = "neutral"
STRENGTHS = (0.25, 0.5, 0.75, 1.0)

MeanLogProbabilities: TypeAlias = NDArray[np.float64]
"""Mean log-probabilities, shape ``(labels,)``."""

_Speaker: TypeAlias = tuple[str, str]


def fit_speaker_calibration(
    labels: Sequence[str], clip_segments: Mapping[Clip, Sequence[SegmentResult]]
) -> SpeakerCalibration | None:
    """Fit reference and strength to the results of validation speakers.

    The reference is the mean over the corpora of the mean over their speakers. The strength is that
    of :data:`STRENGTHS` under which the labels are most likely. The calibration is enabled if the
    mean UAR over corpora gains: the paired interval over speakers lies above 0. Each speaker is
    scored with the reference of the others.

    Parameters
    ----------
    labels
        The model's labels, in the order of its outputs.
    clip_segments
        Results of each clip's segments.

    Returns
    -------
    SpeakerCalibration or None
        ``None`` for fewer than two speakers with neutral clips.
    """
    results = tuple(
        ClipResult(clip, tuple(segments), {}) for clip, segments in clip_segments.items()
    )
    validation = Evaluation(tuple(labels), results, {})
    neutral = _neutral_results(results)
    neutral_means = {
        who: _segment_means(_calibration_segments(clips)) for who, clips in neutral.items()
    }
    if len(neutral_means) < 2:
        return None

    references = {
        speaker: _mean_over_corpora(
            {who: means for who, means in neutral_means.items() if who != speaker}
        )
        for speaker in neutral_means
    }
    gains_by_strength = {}
    for strength in STRENGTHS:
        candidates = {
            who: _disabled_calibration(reference, strength) for who, reference in references.items()
        }
        gains_by_strength[strength] = _calibration_gains(validation, candidates)
    strength = min(STRENGTHS, key=lambda own: _mean_nll(gains_by_strength[own]))
    gains = gains_by_strength[strength]
    gain_interval = gains["mean"]["gain_interval"]
    fitted = _disabled_calibration(_mean_over_corpora(neutral_means), strength)
    is_enabled = gain_interval is not None and gain_interval[0] > 0
    return fitted.model_copy(update={"enabled": is_enabled, "validation": gains})


def _disabled_calibration(reference: MeanLogProbabilities, strength: float) -> SpeakerCalibration:
    return SpeakerCalibration(reference=tuple(reference.tolist()), strength=strength, enabled=False)


def pooled_calibration(fitted: Sequence[SpeakerCalibration]) -> SpeakerCalibration:
    """Calibration of a recipe's folds together: mean reference, median strength.

    Enabled if the validation speakers' mean gain over the folds lies above 0 with confidence: the
    speakers of a single fold are too few. Each fold's gain counts as a draw, under Student's t.
    """
    references = np.mean([fold_calibration.reference for fold_calibration in fitted], axis=0)
    strength = float(np.median([fold_calibration.strength for fold_calibration in fitted]))
    gains = [
        fold_calibration.validation["mean"]["gain"]
        for fold_calibration in fitted
        if fold_calibration.validation
    ]
    if len(gains) == len(fitted) > 1:
        is_enabled = bool(ttest_1samp(gains, 0.0).confidence_interval().low > 0.0)
    else:
        is_enabled = all(fold_calibration.enabled for fold_calibration in fitted)
    return _disabled_calibration(references, strength).model_copy(update={"enabled": is_enabled})


def speaker_calibration_scores(
    evaluations: Sequence[Evaluation], calibrations: Sequence[SpeakerCalibration]
) -> dict[str, Any]:
    """Gain by calibration of speakers that nothing was fitted to, fit for JSON.

    Parameters
    ----------
    evaluations
        Evaluation of a bundle, or of the bundles of a recipe's folds, each on its test speakers.
    calibrations
        Calibration of each bundle.

    Returns
    -------
    dict
        ``strength``; ``enabled`` and ``enabled_in``: whether calibration is offered, and in how
        many of the folds; ``validation``: the gain of the validation speakers, of a single fold;
        ``seconds``: median of the voiced speech that calibrates a speaker; ``corpora``: for each
        ``clips`` and ``speakers``, ``uar`` and ``nll`` without correction and with it, and the
        ``gain`` in UAR with its paired interval; ``mean``: the gain over corpora, without TESS.
    """
    pairs = list(zip(evaluations, calibrations, strict=True))
    own = {
        _speaker(result): calibration
        for evaluation, calibration in pairs
        for result in evaluation.results
    }
    whole = calibrations[0] if len(calibrations) == 1 else pooled_calibration(calibrations)
    return {
        "strength": whole.strength,
        "enabled": whole.enabled,
        "enabled_in": sum(fold_calibration.enabled for fold_calibration in calibrations),
        "validation": whole.validation.get("mean"),
        **_calibration_gains(Evaluation.pooled(evaluations), own),
    }


# ---------------------------------------------------------------------------------- neutral speech


def _speaker(result: ClipResult) -> _Speaker:
    return result.clip.corpus, result.clip.speaker


def _neutral_results(results: Iterable[ClipResult]) -> dict[_Speaker, list[ClipResult]]:
    """Neutral clips of each speaker in which the gate found speech, in a random order."""
    found: defaultdict[_Speaker, list[ClipResult]] = defaultdict(list)
    for result in results:
        if result.clip.label == NEUTRAL and result.segments:
            found[_speaker(result)].append(result)
    random = np.random.default_rng(0)
    return {
        who: [found[who][k] for k in random.permutation(len(found[who]))] for who in sorted(found)
    }


def _voiced_s(segments: Sequence[SegmentResult]) -> float:
    return sum(segment.voiced for segment in segments) * GATE_FRAME / SAMPLE_RATE


def _calibration_segments(
    neutral: Sequence[ClipResult], without: ClipResult | None = None
) -> list[SegmentResult]:
    """Segments of neutral clips, up to 20 s of voice, that calibrate a speaker."""
    chosen: list[SegmentResult] = []
    for result in neutral:
        if result is not without and _voiced_s(chosen) < SPEECH_S:
            chosen += result.segments
    return chosen


def _segment_means(segments: Sequence[SegmentResult]) -> MeanLogProbabilities:
    probabilities = np.stack([segment.probabilities for segment in segments])
    return mean_log_probabilities(probabilities, np.array([s.voiced for s in segments]))


def _mean_over_corpora(
    neutral_means: Mapping[_Speaker, MeanLogProbabilities],
) -> MeanLogProbabilities:
    """Mean over corpora of the means over their speakers."""
    of_corpus: defaultdict[str, list[MeanLogProbabilities]] = defaultdict(list)
    for (corpus, _), means in neutral_means.items():
        of_corpus[corpus].append(means)
    names = averaged_corpora(of_corpus) or list(of_corpus)
    mean: MeanLogProbabilities = np.mean(
        [np.mean(of_corpus[name], axis=0) for name in names], axis=0
    )
    return mean


# ------------------------------------------------------------------------------------------- gains


def _calibration_gains(
    evaluation: Evaluation, calibrations: Mapping[_Speaker, SpeakerCalibration]
) -> dict[str, Any]:
    """Figures with and without calibration, of all speakers with neutral clips."""
    neutral = _neutral_results(evaluation.results)
    pairs: list[tuple[ClipResult, list[SegmentResult]]] = []
    for result in evaluation.results:
        own_neutral = _calibration_segments(neutral.get(_speaker(result), []), without=result)
        if own_neutral:
            shift = calibrations[_speaker(result)].shift(_segment_means(own_neutral))
            pairs.append((result, [_corrected(segment, shift) for segment in result.segments]))
    corpora, draws = {}, {}
    for name, results in by_corpus([result for result, _ in pairs]).items():
        corrected = [segments for result, segments in pairs if result.clip.corpus == name]
        corpora[name], draws[name] = _corpus_gains(evaluation, results, corrected)
    averaged = averaged_corpora(corpora)
    gains = [corpora[name]["gain"] for name in averaged]
    together = (
        np.mean([draws[name] for name in averaged], axis=0) if averaged else np.array([np.nan])
    )
    seconds = [_voiced_s(_calibration_segments(clips)) for clips in neutral.values()]
    return {
        "seconds": float(np.median(seconds)) if seconds else None,
        "mean": {
            "over": averaged,
            "gain": float(np.mean(gains)) if gains else None,
            "gain_interval": interval(together),
        },
        "corpora": corpora,
    }


def _corrected(segment: SegmentResult, shift: MeanLogProbabilities) -> SegmentResult:
    return replace(segment, probabilities=shifted(segment.probabilities, shift).astype(np.float32))


def _corpus_gains(
    evaluation: Evaluation,
    results: Sequence[ClipResult],
    corrected: Sequence[Sequence[SegmentResult]],
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Figures of a corpus, and bootstrap draws of the gain in UAR."""
    clips = [result.clip for result in results]
    class_indices, labels = corpus_classes(evaluation, clips)
    speakers = [clip.speaker for clip in clips]
    before = ClassPredictions.from_segments([result.segments for result in results], class_indices)
    after = ClassPredictions.from_segments(corrected, class_indices)
    scores = [uar(labels, answers.predictions) for answers in (before, after)]
    draws = [bootstrap(labels, answers.predictions, speakers).uar for answers in (before, after)]
    kept = before.answered
    nlls = [nll(a.posteriors[kept], labels[kept]) for a in (before, after)] if any(kept) else []
    figures = {
        "clips": len(clips),
        "speakers": len(set(speakers)),
        "uar": scores[0],
        "uar_corrected": scores[1],
        "gain": scores[1] - scores[0],
        "gain_interval": interval(draws[1] - draws[0]),
        "nll": nlls[0] if nlls else None,
        "nll_corrected": nlls[1] if nlls else None,
    }
    return figures, draws[1] - draws[0]


def _mean_nll(gains: Mapping[str, Any]) -> float:
    corpora = gains["corpora"]
    nlls = [corpora[name]["nll_corrected"] for name in averaged_corpora(corpora) or corpora]
    return float(np.mean([value for value in nlls if value is not None] or [np.inf]))
