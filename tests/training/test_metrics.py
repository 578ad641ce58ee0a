"""Figures agree with what can be worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.measure.metrics import (
    NO_ANSWER,
    bootstrap,
    certainty_threshold,
    classification,
    ece,
    ece_of_perfect,
    fit_temperature,
    interval,
    nll,
    reliability,
    uar,
)

LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 0, 0, 1, 1, NO_ANSWER, 0])


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------ recall


def test_uar_is_the_mean_recall_of_the_classes():
    assert uar(LABELS, PREDICTIONS) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)


def test_a_class_that_does_not_occur_has_no_recall():
    assert uar(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2])) == pytest.approx(3 / 4)


def test_a_clip_without_an_answer_is_wrong():
    assert uar(np.array([0, 0]), np.array([0, NO_ANSWER])) == 0.5


def test_the_figures_of_each_class_and_the_confusions_add_up():
    found = classification(LABELS, PREDICTIONS, ["a", "b", "c"])
    assert found["accuracy"] == pytest.approx(4 / 7)
    assert found["per_class"]["a"] == pytest.approx(
        {"precision": 3 / 4, "recall": 3 / 4, "f1": 3 / 4, "clips": 4}
    )
    assert found["per_class"]["b"] == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "clips": 2}
    )
    assert found["per_class"]["c"]["recall"] == 0
    assert found["macro_f1"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert found["confusion"] == {
        "classes": ["a", "b", "c"],
        "counts": [[3, 1, 0], [0, 1, 0], [1, 0, 0]],
        "no_answer": [0, 1, 0],
    }
    json.dumps(found)


def test_classes_that_the_test_lacks_are_in_no_figure():
    labels = np.array([0, 0, 0, 1, 1])
    found = classification(labels, np.zeros(5, int), ["angry", "sad", "happy"])
    assert found["uar"] == pytest.approx(1 / len(found["tested"]))
    assert found["tested"] == ["angry", "sad"]
    assert found["never_predicted"] == ["sad"]
    assert classification(labels, labels, ["angry", "sad", "happy"])["never_predicted"] == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=40))
def test_uar_is_what_the_confusion_matrix_says(pairs):
    labels, predictions = (np.array(column) for column in zip(*pairs, strict=True))
    found = classification(labels, predictions, "abcd")
    table = np.column_stack([found["confusion"]["counts"], found["confusion"]["no_answer"]])
    assert table.sum() == len(pairs)
    recalls = [row[k] / row.sum() for k, row in enumerate(table) if row.sum()]
    assert found["uar"] == pytest.approx(np.mean(recalls))


# ------------------------------------------------------------------------------------- calibration


def test_ece_is_the_mean_gap_between_confidence_and_accuracy():
    confidences = np.array([0.95, 0.97, 0.41, 0.42, 0.43, 0.44])
    right = np.array([True, False, True, False, False, False])
    assert ece(confidences, right) == pytest.approx(
        (2 * abs(0.96 - 0.5) + 4 * abs(0.425 - 0.25)) / 6
    )
    assert [part.clips for part in reliability(confidences, right)] == [4, 2]


def test_the_extremes_have_a_bin():
    assert ece(np.array([0.0, 1.0]), np.array([False, True])) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_every_prediction_is_in_one_bin(pairs):
    confidences, right = (np.array(column) for column in zip(*pairs, strict=True))
    assert sum(part.clips for part in reliability(confidences, right)) == len(pairs)
    assert 0 <= ece(confidences, right) <= 1


@pytest.mark.parametrize("clips", [100, 2000])
def test_a_calibrated_model_shows_about_the_ece_of_a_perfect_one(clips):
    random = np.random.default_rng(1)
    confidences = random.uniform(0.2, 1.0, clips)
    found = [ece(confidences, random.random(clips) < confidences) for _ in range(50)]
    assert np.mean(found) == pytest.approx(ece_of_perfect(confidences), rel=0.1)


def test_an_overconfident_model_shows_more():
    random = np.random.default_rng(1)
    confidences = random.uniform(0.2, 1.0, 2000)
    assert ece(confidences, random.random(2000) < confidences - 0.1) == pytest.approx(0.1, abs=0.03)
    assert ece_of_perfect(confidences) < 0.04


def test_nll_is_the_mean_surprise():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert nll(probabilities, np.array([0, 1])) == pytest.approx(-np.log([0.5, 0.8]).mean())


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(temperature):
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (6000, 5))
    chances = softmax(logits / temperature)
    labels = np.array([random.choice(5, p=row) for row in chances])
    found = fit_temperature(logits, labels, np.ones_like(logits, bool))
    assert found == pytest.approx(temperature, rel=0.06)


def test_classes_that_a_corpus_lacks_do_not_count():
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (3000, 5))
    labels = np.array([random.choice(3, p=row) for row in softmax(logits[:, :3])])
    masks = np.arange(5) < np.full((3000, 1), 3)
    loud = np.where(masks, logits, 50.0)
    assert fit_temperature(loud, labels, masks) == pytest.approx(1.0, rel=0.08)


# --------------------------------------------------------------------------------------- certainty


def test_the_threshold_is_reached_by_the_share_that_was_asked_for():
    confidences = np.random.default_rng(0).random(1000)
    assert np.mean(confidences >= certainty_threshold(confidences, 0.7)) == pytest.approx(0.7)


# --------------------------------------------------------------------------------------- intervals


def made(recalls, clips=40):
    """Speakers of given recall, two classes."""
    labels = np.tile([0, 1], len(recalls) * clips)
    speakers = np.repeat([f"s{k}" for k in range(len(recalls))], 2 * clips)
    right = np.concatenate(
        [np.arange(2 * clips) // 2 < round(recall * clips) for recall in recalls]
    )
    return labels, np.where(right, labels, 1 - labels), speakers


def test_speakers_alike_leave_no_doubt():
    assert interval(bootstrap(*made([0.6] * 8)).uar) == pytest.approx((0.6, 0.6))


def test_speakers_that_differ_leave_the_doubt_of_their_mean():
    recalls = np.tile([0.4, 0.8], 10)
    draws = bootstrap(*made(recalls)).uar
    assert draws.mean() == pytest.approx(0.6, abs=0.01)
    assert draws.std() == pytest.approx(recalls.std() / np.sqrt(len(recalls)), rel=0.1)
    low, high = interval(draws)
    assert low < 0.6 < high


def test_two_systems_are_compared_on_the_same_draws():
    recalls = np.tile([0.3, 0.8], 10)
    labels, worse, speakers = made(recalls)
    _, better, _ = made(recalls + 0.1)
    gains = bootstrap(labels, better, speakers).uar - bootstrap(labels, worse, speakers).uar
    assert interval(gains) == pytest.approx((0.1, 0.1))


def test_a_draw_without_a_class_counts_the_others():
    labels, predictions = np.array([0, 0, 1]), np.array([0, 1, 1])
    draws = bootstrap(labels, predictions, ["a", "a", "b"]).uar
    assert set(np.round(draws, 3)) == {0.5, 0.75, 1.0}


def test_every_figure_is_drawn_as_it_is_measured():
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 300)
    predictions = np.where(random.random(300) < 0.6, labels, random.integers(-1, 3, 300))
    # Whoever is drawn, the same clips are.
    twins = ["one", "other"] * 300
    labels, predictions = np.repeat(labels, 2), np.repeat(predictions, 2)
    draws = bootstrap(labels, predictions, twins)
    found = classification(labels, predictions, "abc")
    assert set(draws.uar.round(6)) == {round(found["uar"], 6)}
    assert set(draws.accuracy.round(6)) == {round(found["accuracy"], 6)}
    assert set(draws.macro_f1.round(6)) == {round(found["macro_f1"], 6)}


def test_one_speaker_tells_nothing_of_others():
    assert interval(bootstrap(LABELS, PREDICTIONS, ["alone"] * len(LABELS)).uar) is None


def test_a_class_that_does_not_occur_is_in_no_mean():
    found = classification(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]), "abc")
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
