"""Recipes of offline models: settings, selection of clips, soft labels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from training.corpora import CORPORA, Clip
from training.folds import partition
from training.offline.architectures import build_network
from training.offline.batches import BatchLayout, ClipBatches, make_validation_batches, training_set
from training.offline.clip_selection import oversampled, select_clips
from training.offline.recipe import OfflineFit, OfflineRecipe
from training.recipe import load_recipe, recipe_names

SYSTEMS = [name for name in recipe_names() if name[0] in "abcde" and name[1:2] in ("", "_")]


def recipe(**settings: object) -> OfflineRecipe:
    base = {"kind": "offline", "name": "x", "corpora": ["ravdess"], "architecture": "e-lstm"}
    return OfflineRecipe.model_validate(base | settings)


def clip(label: str, number: int = 0, corpus: str = "ravdess", **more: object) -> Clip:
    name = f"{label}-{number}"
    speaker = f"{number % 4 + 1:02}"
    return Clip(
        corpus, Path(f"{name}.wav"), name, speaker, label, "en", CORPORA[corpus].labels, **more
    )


# ------------------------------------------------------------------------------------ shipped ones


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_shipped_system_can_be_built_and_split_by_speaker(name):
    shipped = load_recipe(name, ["split.scheme=joint"]).recipe
    assert isinstance(shipped, OfflineRecipe)
    assert shipped.split.scheme == "joint"
    shape = shipped.features.frames, 40
    network = build_network(shipped.architecture, shape, len(shipped.labels), shipped.network)
    assert network.output_shape == (None, len(shipped.labels))


def test_the_systems_that_publish_numbers_have_them():
    published = {name: load_recipe(name).recipe.published for name in SYSTEMS}
    told = {name: (p.accuracy, p.macro_f1) for name, p in published.items() if p is not None}
    assert told["c_cnn"] == (0.48, 0.45)
    assert told["c_cnn_lstm"] == (0.79, 0.79)
    assert [told[f"e_leak_{k}"][0] for k in ("cnn", "lstm", "improved")] == [0.654, 0.6663, 0.6888]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("labels=[happy]", "two labels"),
        ("labels=[happy, merry]", "merry"),
        ("oversampling=always", "oversampling"),
        ("fit.spec_augment=1", "needs 'mel'"),
        ("fit.dropout=0.5", "fit.dropout"),
        ("features.kinds=[wavelets]", r"features\.kinds"),
        ("augmentation={copies: 1, gain_db: 6}", "16 kHz"),
        ("augmentation={streams: {}}", "streams"),
    ],
)
def test_a_wrong_setting_is_named(change, said):
    with pytest.raises(UsageError, match=said):
        load_recipe("c_cnn", [change])


def test_labels_stand_in_the_order_of_all():
    assert recipe(labels=["sad", "neutral"]).labels == ("neutral", "sad")


# --------------------------------------------------------------------------------------- selection


def test_classes_that_are_dropped_leave_the_clips_and_their_corpus():
    clips = [clip("neutral", corpus="crema_d"), clip("sad", corpus="crema_d"), clip("calm")]
    kept = select_clips(
        recipe(labels=LABELS[:1] + LABELS[2:], dropped={"crema_d": ["neutral"]}), clips
    )
    assert [c.label for c in kept] == ["sad"]
    assert kept[0].classes == ("happy", "sad", "angry", "fearful", "disgust")


def test_nothing_left_is_one_sentence():
    with pytest.raises(UsageError, match="No clip has one of the labels happy, sad"):
        select_clips(recipe(labels=["happy", "sad"]), [clip("calm")])


def uneven() -> list[Clip]:
    counts = {"happy": 40, "sad": 10, "calm": 20}
    return [clip(label, k) for label, count in counts.items() for k in range(count)]


def test_copies_are_drawn_like_any_clip_so_that_most_test_clips_have_a_twin():
    twice = recipe(copies=2, split={"scheme": "clips"})
    clips = select_clips(twice, uneven())
    assert len(clips) == 140
    parts = partition(clips, twice.split, 1, 0)
    assert len(parts["test"]) == 28, "a test clip that occurs twice is tested twice"
    assert len(set(parts["test"]) & set(parts["train"])) > 0.6 * len(set(parts["test"]))


def test_oversampling_fills_up_every_label_and_keeps_every_clip():
    more = oversampled(uneven(), seed=0)
    assert Counter(c.label for c in more) == {"happy": 40, "sad": 40, "calm": 40}
    assert set(more) == set(uneven())
    assert more[:70] == uneven()
    assert oversampled(uneven(), seed=0) == more
    assert oversampled(uneven(), seed=1) != more


def test_oversampling_before_the_split_puts_test_clips_into_training():
    leak = recipe(oversampling="before-split", split={"scheme": "clips"})
    parts = partition(select_clips(leak, uneven()), leak.split, 1, 0)
    assert set(parts["test"]) & set(parts["train"])


@pytest.mark.parametrize("oversampling", ["none", "training"])
def test_otherwise_nothing_is_copied_before_the_split(oversampling):
    honest = recipe(oversampling=oversampling, split={"scheme": "clips"})
    assert select_clips(honest, uneven()) == uneven()


# ------------------------------------------------------------------------------------------ labels

THREE = ("neutral", "happy", "sad")


def one(shown: Clip, **stage: object) -> np.ndarray:
    inputs = [np.zeros((1, 2), np.float32)]
    return training_set([shown], inputs, THREE, OfflineFit(**stage)).targets[0]


def votes(**shares: float) -> tuple[float, ...]:
    return tuple(shares.get(label, 0.0) for label in LABELS)


def test_labels_are_certain_unless_told_otherwise():
    heard = clip("sad", votes=votes(neutral=1.0))
    np.testing.assert_array_equal(one(heard), [0, 0, 1])


def test_votes_make_up_their_share_of_a_label():
    heard = clip("sad", votes=votes(neutral=0.5, happy=0.25, angry=0.25))
    np.testing.assert_allclose(one(heard, soft_labels=0.3), [0.2, 0.1, 0.7], rtol=1e-6)


def test_smoothing_spreads_over_the_classes_of_the_corpus():
    lacking = Clip("x", Path("a.wav"), "a", "1", "sad", "en", ("neutral", "sad"))
    np.testing.assert_allclose(one(lacking, label_smoothing=0.2), [0.1, 0, 0.9], rtol=1e-6)


def test_rare_labels_weigh_more_only_when_told():
    clips = [clip("happy", 0), clip("happy", 1), clip("sad", 0)]
    inputs = [np.zeros((1, 2), np.float32)] * 3
    np.testing.assert_array_equal(training_set(clips, inputs, THREE, OfflineFit()).weights, 1)
    weighed = training_set(clips, inputs, THREE, OfflineFit(class_weights=True)).weights
    np.testing.assert_allclose(weighed, [0.75, 0.75, 1.5])


# ----------------------------------------------------------------------------------------- batches


def batches(stage: OfflineFit, frames: int | None = None, mel: slice = slice(0)) -> ClipBatches:
    lengths = (3, 8, 11, 20)
    clips = [clip("happy" if k % 2 else "sad", k) for k in range(len(lengths))]
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(length, 24)).astype(np.float32) for length in lengths]
    return ClipBatches(
        training_set(clips, inputs, THREE, stage), BatchLayout(frames, mel), stage, seed=0
    )


def test_clips_are_padded_with_zeros_to_the_longest_of_their_batch():
    inputs, _, _ = batches(OfflineFit(batch_size=4))[0]
    assert inputs.shape == (4, 24, 24)
    lengths = sorted(int(np.any(rows, axis=1).sum()) for rows in inputs)
    assert lengths == [3, 8, 11, 20]


def test_clips_are_padded_to_the_frames_of_the_recipe():
    assert batches(OfflineFit(batch_size=4), frames=20)[0][0].shape == (4, 20, 24)


def test_noise_is_drawn_anew_in_every_epoch_and_again_after_an_interruption():
    plain, noisy = batches(OfflineFit(batch_size=4)), batches(OfflineFit(batch_size=4, noise=0.1))
    difference = noisy[0][0] - plain[0][0]
    assert difference.std() == pytest.approx(0.1, rel=0.1)
    noisy.start_epoch(1)
    first = noisy[0][0]
    again = batches(OfflineFit(batch_size=4, noise=0.1))
    again.start_epoch(1)
    np.testing.assert_array_equal(again[0][0], first)
    assert not np.array_equal(first, difference + plain[0][0])


def test_masks_lie_on_mel_bands_alone():
    stage = {"batch_size": 4}
    mel = slice(4, 20)
    plain = batches(OfflineFit(**stage), mel=mel)[0][0]
    masked = batches(OfflineFit(**stage, spec_augment=3), mel=mel)[0][0]
    changed = np.any(plain != masked, axis=(0, 1))
    assert changed[mel].any()
    assert not changed[:4].any()
    assert not changed[20:].any()


def test_mixup_mixes_inputs_and_labels_alike():
    plain = batches(OfflineFit(batch_size=4), frames=20)[0]
    inputs, targets, _ = batches(OfflineFit(batch_size=4, mixup=1.0), frames=20)[0]
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert ((targets > 0) & (targets < 1)).any()
    for mixed, target in zip(inputs, targets, strict=True):
        shares, *_ = np.linalg.lstsq(plain[0].reshape(4, -1).T, mixed.ravel(), rcond=None)
        np.testing.assert_allclose(shares @ plain[1], target, atol=1e-5)


def test_validation_clips_stay_as_they_are():
    stage = OfflineFit(batch_size=2, noise=1.0, mixup=1.0)
    shown = batches(stage)._training_set
    judged = make_validation_batches(shown, BatchLayout(20, slice(0)), 2)
    assert [len(inputs) for inputs, _, _ in judged] == [2, 2]
    np.testing.assert_array_equal(judged[0][0][0, :3], shown.inputs[0])
