"""A bundle is judged by what it says live, and every way to be wrong is counted."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.errors import SerError
from realtime_ser.labels import LABELS
from realtime_ser.model import bundle_folder, load_bundle
from realtime_ser.pipeline import Pipeline
from realtime_ser.records import STEP, STEP_S, STEP_SPAN, Segment, Update
from realtime_ser.resources import shipped
from realtime_ser.session.summary import Tally
from training.corpora import CORPORA, Clip
from training.measure.evaluate import (
    SECONDS,
    ClipResult,
    Evaluation,
    SegmentResult,
    evaluate_bundle,
    posterior,
    result_logits,
    scores,
)
from training.sound.recordings import samples_16k

ALL = np.arange(len(LABELS))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(bundle_folder("default"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    """A long clip of several segments, a short one, and one of silence."""
    folder = tmp_path_factory.mktemp("clips")
    speech, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    sounds = {
        "long": speech[: 20 * rate, 0],
        "short": np.concatenate([speech[rate : 2 * rate, 0], np.zeros(2 * rate, np.float32)]),
        "silent": np.zeros(rate, np.float32),
    }
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, rate, subtype="FLOAT")
    return [
        Clip(
            "emodb",
            folder / f"{name}.wav",
            name,
            "03",
            "happy",
            "de",
            CORPORA["emodb"].labels,
            "male",
        )
        for name in sounds
    ]


@pytest.fixture(scope="module")
def results(bundle, clips) -> dict[str, ClipResult]:
    evaluation = evaluate_bundle(bundle, clips, jobs=1)
    return {result.clip.name: result for result in evaluation.results}


def live(bundle, samples, classes=()):
    """What the live path says of samples: its records, and its posterior."""
    pipeline = Pipeline(bundle, bundle.manifest.gate, classes=classes)
    records = pipeline.push(samples) + pipeline.finish()
    tally = Tally()
    for record in records:
        tally.add(record)
    return records, tally.summary()[1].probabilities


@pytest.mark.parametrize("classes", [LABELS, CORPORA["emodb"].labels], ids=["all", "six"])
@pytest.mark.parametrize("name", ["long", "short"])
def test_a_clip_gets_what_the_live_path_says_of_its_classes(bundle, results, name, classes):
    result = results[name]
    _, expected = live(bundle, samples_16k(result.clip.path), classes)
    found = posterior(result.segments, np.array([LABELS.index(label) for label in classes]))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_program_gives_the_labels_that_are_scored(bundle, clips, results, tmp_path):
    classes = CORPORA["emodb"].labels
    command = [sys.executable, "-m", "realtime_ser", "analyze", "--classes", ",".join(classes)]
    command += ["--jobs", "1", "--out", str(tmp_path), *(str(clip.path) for clip in clips)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(file)}
    among = np.array([LABELS.index(label) for label in classes])
    for name, result in results.items():
        scored = posterior(result.segments, among)
        assert rows[name]["label"] == ("" if scored is None else classes[int(np.argmax(scored))])
        if scored is not None:
            shown = [float(rows[name][label]) for label in classes]
            assert shown == pytest.approx(scored, abs=1e-4)


def test_a_clip_without_speech_gets_no_answer(results):
    assert results["silent"].segments == ()
    assert posterior(results["silent"].segments, ALL) is None


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("name", ["long", "short"])
def test_early_decisions_are_those_of_a_sound_that_ends_there(bundle, results, name, seconds):
    result = results[name]
    samples = samples_16k(result.clip.path)
    records, _ = live(bundle, samples)
    start = next(record for record in records if isinstance(record, Segment)).start_s
    voiced = next(
        r.step
        for r in records
        if isinstance(r, Update) and r.voiced and r.step >= round(start / STEP_S)
    )
    steps = voiced + int(seconds / STEP_S)
    _, expected = live(bundle, samples[: (steps - 1) * STEP + STEP_SPAN])
    assert posterior(result.after[seconds], ALL) == pytest.approx(expected, abs=1e-6)


def test_a_shorter_clip_uses_its_result(results):
    short = results["short"]
    assert posterior(short.after[2.0], ALL) == pytest.approx(posterior(short.segments, ALL))
    long = results["long"]
    assert posterior(long.after[3.0], ALL) != pytest.approx(posterior(long.segments, ALL))


def test_many_processes_say_what_one_says(bundle, clips, results):
    found = evaluate_bundle(bundle, clips, jobs=2).results
    assert [result.clip for result in found] == clips
    for result in found:
        mine = [(s.voiced, s.probabilities.tobytes()) for s in result.segments]
        theirs = results[result.clip.name].segments
        assert mine == [(s.voiced, s.probabilities.tobytes()) for s in theirs]


def test_logits_give_the_probabilities_at_the_temperature_of_the_bundle(bundle, results):
    logits, clips = result_logits(Evaluation.of_bundle(bundle, (results["short"], results["long"])))
    segments = [*results["short"].segments, *results["long"].segments]
    assert [clip.name for clip in clips] == ["short"] + ["long"] * len(results["long"].segments)
    odds = np.exp(logits / bundle.manifest.temperature)
    expected = [segment.probabilities for segment in segments]
    assert odds / odds.sum(axis=1, keepdims=True) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_model_without_a_class_of_the_corpus_is_not_measured_on_it(bundle, clips):
    fewer = bundle.manifest.model_copy(update={"labels": ("neutral", "happy", "sad", "angry")})
    with pytest.raises(SerError, match="no class fearful, disgust"):
        evaluate_bundle(replace(bundle, manifest=fewer), clips, jobs=1)


# ---------------------------------------------------------------------------------------- scores


def say(**shares: float) -> SegmentResult:
    """Make a segment's result of 50 voiced frames, the rest spread over the other labels."""
    rest = (1 - sum(shares.values())) / (len(LABELS) - len(shares))
    probabilities = np.array([shares.get(label, rest) for label in LABELS], np.float32)
    return SegmentResult(probabilities, 50)


def judged(label: str, *segments: SegmentResult, early=None, **facts) -> ClipResult:
    facts = {"corpus": "crema_d", "speaker": "1037", "suffix": ".ogg"} | facts
    path = Path(f"{label}{facts.pop('suffix')}")
    facts["classes"] = CORPORA[facts["corpus"]].labels
    clip = Clip(path=path, name=label, label=label, language="en", **facts)
    return ClipResult(clip, segments, dict.fromkeys(SECONDS, segments) | (early or {}))


def figures(bundle, *results: ClipResult) -> dict:
    found = scores(Evaluation.of_bundle(bundle, results))
    json.dumps(found)
    return found["corpora"]["crema_d"]


def test_the_headline_is_restricted_to_the_classes_of_the_corpus(bundle):
    found = figures(
        bundle,
        judged("angry", say(surprised=0.6, angry=0.3)),
        judged("happy", say(happy=0.9)),
    )
    assert found["uar"] == 1.0
    assert found["accuracy"] == 1.0
    assert found["all_classes"]["uar"] == 0.5
    assert found["all_classes"]["absent"] == 0.5


def test_segments_count_by_what_was_voiced(bundle):
    long = replace(say(happy=0.8), voiced=100)
    found = figures(bundle, judged("happy", long, say(sad=0.9)))
    assert found["uar"] == 1.0
    found = figures(bundle, judged("happy", replace(long, voiced=40), say(sad=0.9)))
    assert found["uar"] == 0.0


def test_each_segment_is_restricted_before_the_mean_is_taken(bundle):
    # 0.02 : 0.01 among what is left says more of happy than 0.3 : 0.35 says of sad.
    found = figures(
        bundle,
        judged("happy", say(surprised=0.95, happy=0.03, sad=0.001), say(happy=0.3, sad=0.35)),
    )
    assert found["uar"] == 1.0


def test_a_clip_without_speech_is_an_error_but_no_miscalibration(bundle):
    right = judged("angry", say(angry=0.999))
    found = figures(bundle, right, judged("angry"), judged("angry"))
    assert found["without_speech"] == 2
    assert found["uar"] == pytest.approx(1 / 3)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["all_classes"]["uar"] == pytest.approx(1 / 3)
    assert list(found["uar_after"].values()) == pytest.approx([1 / 3] * len(SECONDS))
    assert found["confusion"]["no_answer"][4 - 1] == 2
    assert found["calibration"]["ece"] == pytest.approx(0, abs=0.002)
    assert sum(part["clips"] for part in found["calibration"]["bins"]) == 1


def test_clips_without_any_speech_at_all_have_no_calibration(bundle):
    found = figures(bundle, judged("angry"))
    assert found["uar"] == 0
    assert found["calibration"]["ece"] is None
    assert found["all_classes"]["uar_certain"] is None


def test_early_decisions_are_scored_at_their_time(bundle):
    found = figures(bundle, judged("happy", say(happy=0.9), early={0.5: (say(sad=0.9),)}))
    assert found["uar_after"] == {"0.5": 0.0, "1.0": 1.0, "1.5": 1.0, "2.0": 1.0, "3.0": 1.0}


def test_certainty_is_judged_at_the_threshold_of_the_bundle(bundle):
    certain = bundle.manifest.model_copy(update={"certainty_threshold": 0.7})
    found = figures(
        replace(bundle, manifest=certain),
        judged("happy", say(happy=0.8)),
        judged("sad", say(happy=0.6)),
        judged("angry"),
    )
    assert found["all_classes"]["certain"] == pytest.approx(1 / 3)
    assert found["all_classes"]["uar_certain"] == 1.0


def votes(**shares: float) -> tuple[float, ...]:
    return tuple(shares.get(label, 0.0) for label in LABELS)


def test_listeners_are_heard_beside_the_intention(bundle):
    found = figures(
        bundle,
        judged("sad", say(neutral=0.9), votes=votes(neutral=0.8, sad=0.2)),
        judged("happy", say(happy=0.9), votes=votes(happy=1.0)),
        judged("angry", say(angry=0.9), votes=votes(angry=0.5, happy=0.5)),
    )
    assert found["listeners"] == {
        "clips": 2,
        "uar_model_heard": 1.0,
        "uar_model_intended": 0.5,
        "uar_listeners_intended": 0.5,
    }


def test_nobody_was_asked_elsewhere(bundle):
    assert "listeners" not in figures(bundle, judged("happy", say(happy=0.9)))


def test_groups_are_told_apart(bundle):
    found = figures(
        bundle,
        judged("happy", say(happy=0.9), speaker="1037", sex="female", intensity="high"),
        judged("happy", say(sad=0.9), speaker="1038", sex="male"),
    )
    assert found["by_sex"] == {
        "female": {"clips": 1, "uar": 1.0},
        "male": {"clips": 1, "uar": 0.0},
    }
    assert found["by_intensity"] == {"high": {"clips": 1, "uar": 1.0}}
    assert found["by_speaker"]["1038"] == {"clips": 1, "uar": 0.0}
    assert found["speakers"] == ["1037", "1038"]
    low, high = found["uar_interval"]
    assert (low, high) == (0.0, 1.0)


def test_opus_copies_are_counted(bundle):
    found = figures(
        bundle,
        judged("happy", say(happy=0.9)),
        judged("sad", say(sad=0.9), suffix=".opus"),
        judged("angry", say(angry=0.9), suffix=".wav"),
    )
    assert found["opus_copies"] == 2


def test_two_speakers_are_in_no_mean(bundle):
    found = scores(
        Evaluation.of_bundle(
            bundle,
            (
                judged("happy", say(happy=0.9)),
                judged("happy", say(sad=0.9), corpus="ravdess"),
                judged("happy", say(sad=0.9), corpus="tess"),
            ),
        )
    )
    assert list(found["corpora"]) == ["ravdess", "crema_d", "tess"]
    assert found["mean_over"] == ["ravdess", "crema_d"]
    assert found["mean_uar"] == 0.5
