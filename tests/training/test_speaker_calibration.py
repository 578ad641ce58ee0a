"""The gain by speaker calibration is fitted on some speakers, and simulated on others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from realtime_ser.base.labels import LABELS
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.speaker_calibration import SpeakerCalibration
from tests.training.html_page import check_alone
from tests.training.synthetic import synthetic_clips, synthetic_run
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.measure.speaker_calibration import (
    STRENGTHS,
    fit_speaker_calibration,
    pooled_calibration,
    speaker_calibration_scores,
)
from training.report.card import card_text
from training.report.run_report import write_report

VOICED = 100  # gate frames of 20 ms: 2 s


def spoken(speakers: int, *, bias: float, takes: int = 12, seed: int = 0) -> Evaluation:
    """Answers to speakers of two corpora who differ by what is added to their logits."""
    random = np.random.default_rng(seed)
    first = {clip.corpus: clip for clip in synthetic_clips()}
    results = []
    for clip in first.values():
        for speaker in range(speakers):
            own = random.normal(0, bias, len(LABELS))
            for label in clip.classes:
                for take in range(takes):
                    logits = random.normal(0, 0.3, len(LABELS)) + own
                    logits[LABELS.index(label)] += 2.0
                    said = SegmentResult(softmax(logits).astype(np.float32), VOICED)
                    name = f"{speaker}-{label}-{take}"
                    made = replace(clip, speaker=f"{speaker:02}", label=label, name=name)
                    results.append(ClipResult(made, (said,), {}))
    return Evaluation(LABELS, tuple(results), {})


def said(evaluation: Evaluation) -> dict:
    return {result.clip: result.segments for result in evaluation.results}


def test_speakers_who_shift_the_answers_gain_whoever_was_fitted():
    baseline = fit_speaker_calibration(LABELS, said(spoken(6, bias=2.0)))
    assert baseline.enabled
    assert baseline.strength == max(STRENGTHS)  # the shift is all that sets them apart
    found = speaker_calibration_scores([spoken(5, bias=2.0, seed=1)], [baseline])
    assert found["mean"]["over"] == ["ravdess", "crema_d"]
    assert found["validation"] == baseline.validation["mean"]
    for own in found["corpora"].values():
        assert own["speakers"] == 5
        assert own["gain"] > 0.1
        assert own["gain_interval"][0] > 0
        assert own["uar_corrected"] == pytest.approx(own["uar"] + own["gain"])
        assert own["nll_corrected"] < own["nll"]
    assert found["mean"]["gain"] == pytest.approx(
        np.mean([own["gain"] for own in found["corpora"].values()])
    )


def test_where_nobody_gains_nothing_is_offered():
    baseline = fit_speaker_calibration(LABELS, said(spoken(6, bias=0.0)))
    assert not baseline.enabled
    assert abs(baseline.validation["mean"]["gain"]) < 0.02


@pytest.mark.parametrize(
    ("gains", "offered"),
    [
        ([0.01, 0.02, 0.03, 0.02], True),  # none sure alone, all of them together
        ([0.2, -0.1, 0.1, -0.1], False),
        ([-0.02, -0.03, -0.02, -0.01], False),
    ],
)
def test_the_folds_decide_together(gains, offered):
    folds = [
        SpeakerCalibration(
            reference=(-1.0, -2.0),
            strength=strength,
            enabled=False,
            validation={"mean": {"gain": gain}},
        )
        for gain, strength in zip(gains, (0.25, 0.5, 0.5, 1.0), strict=True)
    ]
    found = pooled_calibration(folds)
    assert found.enabled == offered
    assert (found.strength, found.reference) == (0.5, (-1.0, -2.0))


def test_one_fold_decides_for_itself():
    fold = SpeakerCalibration(
        reference=(-1.0, -2.0), strength=0.5, enabled=True, validation={"mean": {"gain": 0.1}}
    )
    assert pooled_calibration([fold]).enabled


def test_twenty_seconds_of_each_speaker_are_heard():
    baseline = fit_speaker_calibration(LABELS, said(spoken(3, bias=1.0, takes=30)))
    assert baseline.validation["seconds"] == 20.0


def test_the_reference_counts_corpora_alike_and_their_speakers_too():
    evaluation = spoken(3, bias=1.0, takes=10)
    results = [r for r in evaluation.results if r.clip.corpus == "ravdess" or r.clip.speaker > "00"]
    of_corpus = {
        name: [
            np.log(r.segments[0].probabilities)
            for r in results
            if (r.clip.corpus, r.clip.label) == (name, "neutral")
        ]
        for name in ("ravdess", "crema_d")
    }
    assert [len(logs) for logs in of_corpus.values()] == [30, 20]
    expected = np.mean([np.mean(logs, axis=0) for logs in of_corpus.values()], axis=0)
    fitted = fit_speaker_calibration(LABELS, {r.clip: r.segments for r in results})
    np.testing.assert_allclose(fitted.reference, expected, rtol=1e-5)


def test_a_neutral_clip_does_not_correct_itself():
    """Its own answer, however odd, tells nothing of how it is corrected."""
    baseline = fit_speaker_calibration(LABELS, said(spoken(4, bias=1.0)))
    evaluation = spoken(2, bias=1.0, takes=1, seed=2)
    found = speaker_calibration_scores([evaluation], [baseline])
    for name, own in found["corpora"].items():
        neutral = [r for r in evaluation.results if r.clip.corpus == name]
        assert own["clips"] == len(neutral) - 2  # the only neutral clip of each speaker


@pytest.mark.parametrize("speakers", [0, 1])
def test_without_several_neutral_speakers_there_is_no_baseline(speakers):
    results = [
        result
        for result in spoken(2, bias=1.0).results
        if result.clip.corpus == "ravdess"
        and (result.clip.label != "neutral" or int(result.clip.speaker) < speakers)
    ]
    assert fit_speaker_calibration(LABELS, {r.clip: r.segments for r in results}) is None


def test_silent_clips_are_errors_with_and_without_a_correction():
    baseline = fit_speaker_calibration(LABELS, said(spoken(4, bias=1.0)))
    evaluation = spoken(3, bias=1.0, seed=3)
    silent = replace(
        evaluation,
        results=tuple(
            replace(r, segments=()) if r.clip.label == "angry" else r for r in evaluation.results
        ),
    )
    for own in speaker_calibration_scores([silent], [baseline])["corpora"].values():
        assert own["uar"] < 1
        assert np.isfinite(own["nll_corrected"])


def test_card_and_report_say_what_it_gives(tmp_path):
    baseline = fit_speaker_calibration(LABELS, said(spoken(6, bias=2.0)))
    evaluation = spoken(4, bias=2.0, seed=1)
    found = speaker_calibration_scores([evaluation], [baseline])
    run = synthetic_run(tmp_path / "run", evaluation=evaluation, more={"baseline": found})
    page = check_alone(write_report(run).read_text("utf-8"))
    (table,) = [rows for rows in page.tables if rows[0].count("corrected") == 2]
    row = next(row for row in table if row[0] == "RAVDESS")
    own = found["corpora"]["ravdess"]
    assert row[1:3] == [str(own["clips"]), str(own["speakers"])]
    assert row[4] == f"{own['uar_corrected']:.3f}"
    assert row[5] == f"{100 * own['gain']:+.1f}"

    bundle = load_bundle("default")
    result = run.results()
    result["corpora"] = {
        name: scores | {"uar_after": {"1.0": 0.5}} for name, scores in result["corpora"].items()
    }
    text = " ".join(card_text(bundle, result).split())
    assert "## A personal baseline" in text
    assert f"{own['uar']:.3f} | {own['uar_corrected']:.3f} | {100 * own['gain']:+.1f}" in text
    assert "so it is offered" in text
    del result["baseline"]
    assert "A personal baseline" not in card_text(bundle, result)
