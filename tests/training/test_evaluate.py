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

from realtime_ser.base.errors import SerError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import STEP, STEP_S, STEP_SPAN, Segment, Update
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.pipeline import Pipeline
from realtime_ser.session.statistics import SummaryAccumulator
from training.corpora import CORPORA, Clip
from training.measure.clip_results import (
    ClipResult,
    Evaluation,
    SegmentResult,
    posterior,
)
from training.measure.levels import GainChange, level_scores
from training.measure.live_path import EARLY_SECONDS, evaluate_bundle
from training.measure.noise import NoiseTest, noise_scores
from training.measure.scoring import scores
from training.measure.streams import (
    StreamTest,
    SwitchTest,
    delay,
    evaluate_stream,
    stream_scores,
    switch_scores,
)
from training.sound.examples import Example
from training.sound.noise_mixer import NoiseMixer
from training.sound.noises import TRAINING_NOISES
from training.sound.recordings import samples_16k
from training.streaming.graph import compare_with_graph, evaluate_graph

ALL = np.arange(len(LABELS))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bundle():
    return load_bundle("default")


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
    """Records of the live path for samples, and their posterior."""
    pipeline = Pipeline(bundle, bundle.manifest.gate, decoder=bundle.decoder(classes))
    records = pipeline.push(samples) + pipeline.finish()
    tally = SummaryAccumulator()
    for record in records:
        tally.feed(record)
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
    command += [
        "--model",
        "default",
        "--jobs",
        "1",
        "--out",
        str(tmp_path),
        *(str(clip.path) for clip in clips),
    ]
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


@pytest.mark.parametrize("seconds", EARLY_SECONDS)
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
    assert posterior(result.early_segments[seconds], ALL) == pytest.approx(expected, abs=1e-6)


def test_a_shorter_clip_uses_its_result(results):
    short = results["short"]
    assert posterior(short.early_segments[2.0], ALL) == pytest.approx(
        posterior(short.segments, ALL)
    )
    long = results["long"]
    assert posterior(long.early_segments[3.0], ALL) != pytest.approx(posterior(long.segments, ALL))


def test_many_processes_say_what_one_says(bundle, clips, results):
    found = evaluate_bundle(bundle, clips, jobs=2).results
    assert [result.clip for result in found] == clips
    for result in found:
        mine = [(s.voiced, s.probabilities.tobytes()) for s in result.segments]
        theirs = results[result.clip.name].segments
        assert mine == [(s.voiced, s.probabilities.tobytes()) for s in theirs]


def test_a_model_without_a_class_of_the_corpus_is_not_measured_on_it(bundle, clips):
    fewer = bundle.manifest.model_copy(update={"labels": ("neutral", "happy", "sad", "angry")})
    with pytest.raises(SerError, match="no class fearful, disgust"):
        evaluate_bundle(replace(bundle, manifest=fewer), clips, jobs=1)


def test_a_change_is_heard(bundle, clips, results):
    louder = evaluate_bundle(bundle, clips, jobs=1, change=NoiseMixer(("fan",), -30.0))
    assert louder.results[0].segments != ()
    heard = {result.clip.name: posterior(result.segments, ALL) for result in louder.results}
    clean = posterior(results["long"].segments, ALL)
    assert heard["long"] is None or heard["long"] != pytest.approx(clean, abs=0.01)


# ------------------------------------------------------------------------- graph, noise and streams


@pytest.fixture(scope="module")
def evaluation(bundle, results) -> Evaluation:
    return Evaluation.of_bundle(bundle, list(results.values()))


def test_the_training_graph_says_what_the_stream_says(bundle, clips, evaluation, tmp_path):
    graph = evaluate_graph(bundle, clips, cache=tmp_path, jobs=1)
    for result, streamed in zip(graph.results, evaluation.results, strict=True):
        pairs = list(zip(result.segments, streamed.segments, strict=True))
        assert [a.voiced for a, _ in pairs] == [b.voiced for _, b in pairs]
        for whole, step in pairs:
            assert whole.probabilities == pytest.approx(step.probabilities, abs=1e-4)
    found = compare_with_graph(evaluation, graph)["corpora"]["emodb"]
    assert found["uar"] == scores(evaluation)["corpora"]["emodb"]["uar"]
    assert 0 < found["largest_difference"] < 1e-4
    assert found["equal_labels"] == 1.0


def test_a_graph_that_says_something_else_is_found_out(bundle, clips, results):
    mine = judged("happy", say(happy=0.9)), judged("sad", say(sad=0.9)), judged("angry")
    theirs = judged("happy", say(happy=0.8)), judged("sad", say(angry=0.9)), judged("angry")
    sides = [Evaluation.of_bundle(bundle, side) for side in (mine, theirs)]
    found = compare_with_graph(*sides)["corpora"]["crema_d"]
    assert found["equal_labels"] == pytest.approx(2 / 3)
    assert found["uar"] == pytest.approx(1 / 3)
    assert found["largest_difference"] == pytest.approx(0.9 - 0.1 / 7, abs=1e-6)
    silent = Evaluation.of_bundle(bundle, (judged("happy"), *theirs[1:]))
    assert compare_with_graph(sides[0], silent)["corpora"]["crema_d"]["largest_difference"] == 1.0


def test_noise_costs_what_it_takes_from_the_clean_clips(bundle, evaluation):
    test = NoiseTest(kinds=("brown", "fan"), snr_db=(60.0, -20.0))
    found = noise_scores([(bundle, evaluation)], jobs=1, test=test)
    clean = scores(evaluation)["corpora"]["emodb"]["uar"]
    by_snr = found["corpora"]["emodb"]["by_snr"]
    assert list(by_snr) == ["60", "-20"]
    for at in by_snr.values():
        assert at["points_lost"] == pytest.approx(100 * (clean - at["uar"]))
        assert at["clips"] == sum(own["clips"] for own in at["by_kind"].values()) == 3
        assert at["without_speech"] >= 1  # silence has no voice to put noise under
        assert at["points_lost_interval"] is None  # of one speaker
    assert by_snr["60"]["points_lost"] == pytest.approx(0)
    assert found["points_lost"] == {
        ratio: pytest.approx(at["points_lost"]) for ratio, at in by_snr.items()
    }
    json.dumps(found)


def test_a_level_costs_what_it_takes_from_the_clips_as_recorded(bundle, evaluation):
    found = level_scores([(bundle, evaluation)], jobs=1)
    own = scores(evaluation)["corpora"]["emodb"]["uar"]
    by_gain = found["corpora"]["emodb"]["by_gain"]
    assert list(by_gain) == ["-12", "-6", "+6", "+12"]
    for gain, at in by_gain.items():
        assert at["points_lost"] == pytest.approx(100 * (own - at["uar"]))
        assert at["clips"] == 3
        assert found["points_lost"][gain] == pytest.approx(at["points_lost"])
    json.dumps(found)


def test_models_of_folds_are_measured_together_each_by_its_own_clips(bundle, evaluation):
    first, others = evaluation.results[:1], evaluation.results[1:]
    folds = [(bundle, Evaluation.of_bundle(bundle, part)) for part in (first, others)]
    whole, test = [(bundle, evaluation)], NoiseTest(snr_db=(20.0,))
    assert level_scores(folds, jobs=1) == level_scores(whole, jobs=1)
    assert noise_scores(folds, jobs=1, test=test) == noise_scores(whole, jobs=1, test=test)
    apart = stream_scores(folds, jobs=1)["corpora"]["emodb"]
    assert apart["clips"] == len(evaluation.results)


def test_a_gain_makes_a_clip_louder_and_nothing_else(evaluation):
    clip = evaluation.clips[0]
    plain, louder = Example(clip), Example(clip, GainChange(6.0206))
    np.testing.assert_allclose(louder.samples(), 2 * plain.samples(), rtol=1e-4)
    np.testing.assert_array_equal(louder.voice(), louder.samples())
    assert (
        len({example.digest() for example in (plain, louder, Example(clip, GainChange(6.0)))}) == 3
    )


def test_each_clip_has_one_kind_of_noise_that_no_model_learns_from():
    test = NoiseTest()
    assert not set(test.kinds) & set(TRAINING_NOISES)
    clips = [judged("happy", speaker=str(k)).clip for k in range(200)]
    clips = [replace(clip, name=f"{k}") for k, clip in enumerate(clips)]
    kinds = [test.kind_of(clip) for clip in clips]
    assert kinds == [test.kind_of(clip) for clip in clips]
    assert {kind: kinds.count(kind) > 25 for kind in test.kinds} == dict.fromkeys(test.kinds, True)
    assert test.example(clips[0], 10.0).change.kinds == (kinds[0],)


def test_clips_of_a_stream_are_told_apart(bundle, clips, results):
    test = StreamTest(gap_s=(2.0, 3.0), seed=3)
    found = evaluate_stream(bundle, clips, jobs=1, test=test)
    assert found.clips == clips
    heard = {result.clip.name: result for result in found.results}
    assert heard["silent"].segments == ()
    for name in ("long", "short"):
        alone = sum(segment.voiced for segment in results[name].segments)
        assert sum(segment.voiced for segment in heard[name].segments) == pytest.approx(
            alone, rel=0.2
        )
    again = evaluate_stream(bundle, clips, jobs=2, test=test)
    for first, second in zip(found.results, again.results, strict=True):
        assert [s.probabilities.tobytes() for s in first.segments] == [
            s.probabilities.tobytes() for s in second.segments
        ]


def test_a_stream_loses_what_it_answers_worse(bundle, evaluation):
    found = stream_scores([(bundle, evaluation)], jobs=1, test=StreamTest(gap_s=(2.0, 3.0)))
    own = found["corpora"]["emodb"]
    clean = scores(evaluation)["corpora"]["emodb"]["uar"]
    assert own["points_lost"] == pytest.approx(100 * (clean - own["uar"]))
    assert own["without_speech"] == 1
    assert found["gap_s"] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("labels", "seconds"),
    [
        ("hhhhhaaaaaaaa", 0.45),
        ("haahhaaaaaaa", 0.45),
        ("hhhhhhhh", np.inf),
        ("hhhhhaaa", 0.45),
        ("aaaaaaaa", 0.05),
        ("", np.inf),
    ],
    ids=["follows", "flickers", "never", "until the end", "at once", "nothing"],
)
def test_a_label_follows_from_where_it_stays(labels, seconds):
    ends = 0.05 + STEP_S * np.arange(len(labels))
    assert delay(labels, ends, "a") == pytest.approx(seconds)


def unheard(bundle, clips):
    return Evaluation.of_bundle(bundle, [ClipResult(clip, (), {}) for clip in clips])


def test_switches_are_measured_within_one_stretch_of_speech(bundle, tmp_path):
    speech, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    clips = []
    for k, label in enumerate(["happy", "sad"] * 6):
        path = tmp_path / f"{k}.wav"
        soundfile.write(path, speech[k * rate : (k + 1) * rate, 0], rate)
        clip = judged(label, speaker="1037").clip
        clips.append(replace(clip, path=path, name=str(k)))
    test = SwitchTest(count=3, side_s=0.5)
    said = [(bundle, unheard(bundle, clips))]
    found = switch_scores(said, jobs=1, test=test)["corpora"]["crema_d"]
    assert 1 <= found["switches"] <= 3
    assert 0 <= found["led"] <= 1
    assert found == switch_scores(said, jobs=1, test=test)["corpora"]["crema_d"]
    (twice,) = switch_scores(said * 2, jobs=1, test=test)["corpora"].values()
    assert twice == found | {"switches": 2 * found["switches"]}


def test_a_corpus_without_switches_is_left_out(bundle, clips):
    assert switch_scores([(bundle, unheard(bundle, clips))], jobs=1)["corpora"] == {}


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
    return ClipResult(clip, segments, dict.fromkeys(EARLY_SECONDS, segments) | (early or {}))


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
    assert list(found["uar_after"].values()) == pytest.approx([1 / 3] * len(EARLY_SECONDS))
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
    alone = {"clips": 1, "uar_interval": None}
    assert found["by_sex"] == {"female": alone | {"uar": 1.0}, "male": alone | {"uar": 0.0}}
    assert found["by_intensity"] == {"high": alone | {"uar": 1.0}}
    assert found["by_speaker"]["1038"] == alone | {"uar": 0.0}
    assert found["speakers"] == ["1037", "1038"]
    low, high = found["uar_interval"]
    assert (low, high) == (0.0, 1.0)


def test_sentences_that_nobody_learned_from_are_a_group(bundle):
    found = figures(
        bundle,
        judged("happy", say(happy=0.9), sentence="IEO", sentence_heard=False),
        judged("happy", say(sad=0.9), sentence="DFA", sentence_heard=True),
    )
    assert found["by_sentence"]["sentences never heard"]["uar"] == 1.0
    assert found["by_sentence"]["sentences heard"]["uar"] == 0.0
    assert figures(bundle, judged("happy", say(happy=0.9)))["by_sentence"] == {}


def test_opus_copies_are_counted(bundle):
    found = figures(
        bundle,
        judged("happy", say(happy=0.9)),
        judged("sad", say(sad=0.9), suffix=".opus"),
        judged("angry", say(angry=0.9), suffix=".wav"),
    )
    assert found["opus_copies"] == 2


def test_a_model_that_answers_at_the_end_has_no_early_figures(bundle):
    result = judged("happy", say(happy=0.9))
    assert "uar_after" not in figures(bundle, replace(result, early_segments={}))


def test_all_corpora_are_pooled_without_restriction(bundle):
    found = scores(
        Evaluation.of_bundle(
            bundle,
            (
                judged("happy", say(calm=0.5, happy=0.4)),
                judged("sad", say(sad=0.9), corpus="ravdess"),
                judged("sad", say(sad=0.9), corpus="tess"),
                judged("angry"),
            ),
        )
    )
    pooled = found["pooled"]
    assert pooled["clips"] == 4
    assert pooled["accuracy"] == 0.5
    assert pooled["uar"] == pytest.approx(1 / 3)
    assert pooled["macro_f1"] == pytest.approx(1 / 3)
    assert pooled["confusion"]["classes"] == list(LABELS)
    low, high = pooled["accuracy_interval"]
    assert low < 0.5 < high


def test_a_language_is_the_mean_of_its_corpora(bundle):
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
    english = {"corpora": ["ravdess", "crema_d"], "clips": 2, "uar": 0.5}
    assert found["by_language"] == {"en": english}


def test_groups_of_several_speakers_have_an_interval(bundle):
    found = figures(
        bundle,
        judged("happy", say(happy=0.9), speaker="1", sex="female"),
        judged("happy", say(sad=0.9), speaker="2", sex="female"),
        judged("happy", say(sad=0.9), speaker="3", sex="male"),
    )
    assert found["by_sex"]["female"]["uar_interval"] == (0.0, 1.0)
    assert found["by_sex"]["male"]["uar_interval"] is None


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


def test_votes_for_a_class_that_was_left_out_are_no_answer(bundle):
    votes = tuple(float(label == "neutral") for label in LABELS)
    clear = tuple(float(label == "sad") for label in LABELS)
    classes = tuple(label for label in CORPORA["crema_d"].labels if label != "neutral")
    results = [
        judged("happy", say(happy=0.9), votes=votes),
        judged("sad", say(sad=0.9), votes=clear),
    ]
    fewer = [replace(r, clip=replace(r.clip, classes=classes)) for r in results]
    assert figures(bundle, *fewer)["listeners"]["clips"] == 1
