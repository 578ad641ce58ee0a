"""What a personal baseline gives: fitted on validation speakers, simulated on test speakers.

In the simulation each speaker's neutral clips, some 20 s of voice, stand for the speech that
``realtime-ser calibrate`` listens to, and all clips are scored with the correction and without. A
neutral clip that is scored itself is left out of what corrects it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
from training.measure.answers import Answers, ClipResult, Evaluation, SegmentResult
from training.measure.metrics import bootstrap, interval, nll, uar
from training.measure.scoring import by_corpus, in_mean, own_classes

NEUTRAL = "neutral"
STRENGTHS = (0.25, 0.5, 0.75, 1.0)

Means: TypeAlias = NDArray[np.float64]
"""Mean log-probabilities, shape ``(labels,)``."""

_Speaker: TypeAlias = tuple[str, str]


def fit_baseline(
    labels: Sequence[str], said: Mapping[Clip, Sequence[SegmentResult]]
) -> SpeakerCalibration | None:
    """Reference and strength from what a model said of validation speakers.

    The reference is the mean over the corpora of the mean over their speakers. The strength is the
    one, of :data:`STRENGTHS`, that makes the labels most likely. It is enabled where the UAR, as
    the mean over corpora, gains: the paired interval over speakers lies above 0. Each speaker is
    judged by the reference of the others.

    Parameters
    ----------
    labels
        The model's labels, in the order of its outputs.
    said
        Results of each clip's segments.

    Returns
    -------
    Baseline or None
        ``None`` where the model has no neutral class, or fewer than two speakers spoke neutrally.
    """
    results = tuple(ClipResult(clip, tuple(segments), {}) for clip, segments in said.items())
    validation = Evaluation(tuple(labels), results, {})
    neutral = _neutral(results)
    spoken = {who: _means(_calibration(clips)) for who, clips in neutral.items()}
    if len(spoken) < 2:
        return None

    others = {
        speaker: _reference({who: means for who, means in spoken.items() if who != speaker})
        for speaker in spoken
    }
    tried = {}
    for strength in STRENGTHS:
        made = {who: _baseline(reference, strength) for who, reference in others.items()}
        tried[strength] = _gains(validation, made)
    strength = min(STRENGTHS, key=lambda own: _mean_nll(tried[own]))
    gains = tried[strength]
    sure = gains["mean"]["gain_interval"]
    fitted = _baseline(_reference(spoken), strength)
    offered = sure is not None and sure[0] > 0
    return fitted.model_copy(update={"enabled": offered, "validation": gains})


def _baseline(reference: Means, strength: float) -> SpeakerCalibration:
    return SpeakerCalibration(reference=tuple(reference.tolist()), strength=strength, enabled=False)


def middle(fitted: Sequence[SpeakerCalibration]) -> SpeakerCalibration:
    """What the folds of a recipe fitted, as one.

    It is offered where validation speakers surely gained in the mean of the folds: the few of one
    fold are too few to tell. Their gains count as one draw each, under Student's t.
    """
    references = np.mean([one.reference for one in fitted], axis=0)
    strength = float(np.median([one.strength for one in fitted]))
    gains = [one.validation["mean"]["gain"] for one in fitted if one.validation]
    if len(gains) == len(fitted) > 1:
        offered = bool(ttest_1samp(gains, 0.0).confidence_interval().low > 0.0)
    else:
        offered = all(one.enabled for one in fitted)
    return _baseline(references, strength).model_copy(update={"enabled": offered})


def baseline_scores(
    evaluations: Sequence[Evaluation], baselines: Sequence[SpeakerCalibration]
) -> dict[str, Any]:
    """What baselines give speakers on whom nothing was fitted, fit for JSON.

    Parameters
    ----------
    evaluations
        What a bundle said, or the bundles of a recipe's folds, each of speakers of its own.
    baselines
        The baseline of each.

    Returns
    -------
    dict
        ``strength``; ``enabled`` and ``enabled_in``: whether it is offered, and in how many of the
        folds; ``validation``: the gain of those who decided it, where it was one fold;
        ``seconds``: voiced speech that corrects a speaker, the median; ``corpora``: for each the
        ``clips`` and ``speakers``, ``uar`` and ``nll`` without correction and with it, and the
        ``gain`` in UAR with its paired interval; ``mean``: the gain over corpora, without TESS.
    """
    pairs = list(zip(evaluations, baselines, strict=True))
    own = {_speaker(result): baseline for said, baseline in pairs for result in said.results}
    whole = baselines[0] if len(baselines) == 1 else middle(baselines)
    return {
        "strength": whole.strength,
        "enabled": whole.enabled,
        "enabled_in": sum(one.enabled for one in baselines),
        "validation": whole.validation.get("mean"),
        **_gains(Evaluation.pooled(evaluations), own),
    }


# ---------------------------------------------------------------------------------- neutral speech


def _speaker(result: ClipResult) -> _Speaker:
    return result.clip.corpus, result.clip.speaker


def _neutral(results: Iterable[ClipResult]) -> dict[_Speaker, list[ClipResult]]:
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


def _calibration(
    neutral: Sequence[ClipResult], without: ClipResult | None = None
) -> list[SegmentResult]:
    """Segments of the clips that correct a speaker: so many that they hold 20 s of voice."""
    heard: list[SegmentResult] = []
    for result in neutral:
        if result is not without and _voiced_s(heard) < SPEECH_S:
            heard += result.segments
    return heard


def _means(segments: Sequence[SegmentResult]) -> Means:
    probabilities = np.stack([segment.probabilities for segment in segments])
    return mean_log_probabilities(probabilities, np.array([s.voiced for s in segments]))


def _reference(spoken: Mapping[_Speaker, Means]) -> Means:
    """Mean over corpora of the means over their speakers."""
    of_corpus: defaultdict[str, list[Means]] = defaultdict(list)
    for (corpus, _), means in spoken.items():
        of_corpus[corpus].append(means)
    names = in_mean(of_corpus) or list(of_corpus)
    mean: Means = np.mean([np.mean(of_corpus[name], axis=0) for name in names], axis=0)
    return mean


# ------------------------------------------------------------------------------------------- gains


def _gains(
    evaluation: Evaluation, baselines: Mapping[_Speaker, SpeakerCalibration]
) -> dict[str, Any]:
    """Figures without a correction and with it, of the clips of all who spoke neutrally."""
    neutral = _neutral(evaluation.results)
    pairs: list[tuple[ClipResult, list[SegmentResult]]] = []
    for result in evaluation.results:
        heard = _calibration(neutral.get(_speaker(result), []), without=result)
        if heard:
            shift = baselines[_speaker(result)].shift(_means(heard))
            pairs.append((result, [_corrected(segment, shift) for segment in result.segments]))
    corpora, draws = {}, {}
    for name, results in by_corpus([result for result, _ in pairs]).items():
        corrected = [said for result, said in pairs if result.clip.corpus == name]
        corpora[name], draws[name] = _corpus_gains(evaluation, results, corrected)
    counted = in_mean(corpora)
    gains = [corpora[name]["gain"] for name in counted]
    together = np.mean([draws[name] for name in counted], axis=0) if counted else np.array([np.nan])
    seconds = [_voiced_s(_calibration(clips)) for clips in neutral.values()]
    return {
        "seconds": float(np.median(seconds)) if seconds else None,
        "mean": {
            "over": counted,
            "gain": float(np.mean(gains)) if gains else None,
            "gain_interval": interval(together),
        },
        "corpora": corpora,
    }


def _corrected(segment: SegmentResult, shift: Means) -> SegmentResult:
    return SegmentResult(shifted(segment.probabilities, shift).astype(np.float32), segment.voiced)


def _corpus_gains(
    evaluation: Evaluation,
    results: Sequence[ClipResult],
    corrected: Sequence[Sequence[SegmentResult]],
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Figures of one corpus, and bootstrap draws of its gain."""
    clips = [result.clip for result in results]
    among, labels = own_classes(evaluation, clips)
    speakers = [clip.speaker for clip in clips]
    before = Answers.over([result.segments for result in results], among)
    after = Answers.over(corrected, among)
    scores = [uar(labels, answers.predictions) for answers in (before, after)]
    draws = [bootstrap(labels, answers.predictions, speakers).uar for answers in (before, after)]
    heard = before.answered
    told = [nll(a.posteriors[heard], labels[heard]) for a in (before, after)] if any(heard) else []
    figures = {
        "clips": len(clips),
        "speakers": len(set(speakers)),
        "uar": scores[0],
        "uar_corrected": scores[1],
        "gain": scores[1] - scores[0],
        "gain_interval": interval(draws[1] - draws[0]),
        "nll": told[0] if told else None,
        "nll_corrected": told[1] if told else None,
    }
    return figures, draws[1] - draws[0]


def _mean_nll(gains: Mapping[str, Any]) -> float:
    corpora = gains["corpora"]
    told = [corpora[name]["nll_corrected"] for name in in_mean(corpora) or corpora]
    return float(np.mean([value for value in told if value is not None] or [np.inf]))
