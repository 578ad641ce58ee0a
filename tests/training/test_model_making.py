"""Architecture, export and a whole run on a made-up corpus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import TRAINING_MODEL, load_bundle
from realtime_ser.recogniser.features import FeatureParams
from tests.training.synthetic import untrained_manifest
from training.batching import spec_augment
from training.cli import main
from training.corpora import CORPORA, Clip
from training.folds import joint_fold
from training.recipe import load_recipe
from training.run_folder import Run
from training.sound.examples import Example
from training.sound.noise_mixer import NoiseMixer
from training.streaming import imitation, inference
from training.streaming.architecture import Architecture
from training.streaming.batches import (
    ABSENT_LOGIT,
    FrameBatches,
    ImitationBatches,
    LabelBatches,
    LabelledSegment,
    class_mask,
    mfcc,
)
from training.streaming.export import ParityError, export_bundle
from training.streaming.gated_segments import GatedSegment
from training.streaming.heads import StatisticsAnswer
from training.streaming.label_training import standardise_units
from training.streaming.network import StreamingSer, new_model, with_outputs
from training.streaming.noise_spectra import SpectralNoise
from training.streaming.recipe import EncoderStage, HeadStage, WholeStage

SMALL = Architecture(
    channels=4, units=(16, 16), dense=8, lstm=8, heads=2, statistics_heads=1, statistics=8
)


@pytest.fixture(scope="module")
def model() -> StreamingSer:
    """Random weights, batch statistics included, so that no term is zero."""
    made = new_model(SMALL)
    random = np.random.default_rng(0)
    made.set_weights([w + random.uniform(0.0, 0.05, w.shape) for w in made.get_weights()])
    return made


def test_heads_of_either_kind_answer_together(model: StreamingSer) -> None:
    vectors = np.random.default_rng(1).uniform(0, 2, (2, 30, SMALL.vector_width)).astype(np.float32)
    statistics = model.head.statistics(vectors)
    apart = [
        *(np.asarray(head(vectors)) for head in model.head.heads),
        *(np.asarray(answer(statistics)) for answer in model.head.answers),
    ]
    assert len(apart) == 3
    assert np.abs(apart[0] - apart[2]).max() > 1e-3
    np.testing.assert_allclose(model.head(vectors), np.mean(apart, axis=0), atol=1e-5)


def test_units_that_never_moved_in_training_are_not_scaled_up() -> None:
    answer = StatisticsAnswer(SMALL)
    answer.build(None)
    width = answer.mean.shape[0]
    sample = np.random.default_rng(0).normal(size=(100, width)).astype(np.float32)
    sample[:, 1] = 0.0
    sample[:, 2] *= 1e-3
    standardise_units(answer, sample)
    spread = np.asarray(answer.deviation)
    assert spread[1] == 1.0
    np.testing.assert_allclose(spread[::2], sample[:, ::2].std(axis=0) + 1e-2, rtol=1e-5)
    np.testing.assert_allclose(answer.mean, sample.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_statistics_forget(model: StreamingSer) -> None:
    statistics = model.head.statistics
    quiet = np.random.default_rng(2).uniform(0, 1, (1, 400, SMALL.vector_width)).astype(np.float32)
    loud = quiet.copy()
    loud[:, :10] *= 100.0
    after = np.asarray(statistics(loud))[0], np.asarray(statistics(quiet))[0]
    gap = np.abs(after[0] - after[1]).max(axis=1)
    assert gap[12] > 10.0
    assert gap[-1] < 0.1  # half a minute later


def frames(steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, 8 * steps, 40)).astype(np.float32)


def test_no_step_hears_the_future(model: StreamingSer) -> None:
    sound = frames(12)
    changed = sound.copy()
    changed[:, 8 * 7 :] += 1.0
    one, other = np.asarray(model(sound)), np.asarray(model(changed))
    np.testing.assert_allclose(one[:, :7], other[:, :7], atol=1e-6)
    assert np.abs(one[:, 7] - other[:, 7]).max() > 1e-4


def test_the_exported_step_gives_what_the_graph_gives(model: StreamingSer, tmp_path: Path) -> None:
    assert (
        export_bundle(model, untrained_manifest(FeatureParams()), tmp_path / "bundle").graph < 1e-4
    )
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.states == model.state_shapes()


def test_a_step_that_differs_is_not_written(
    model: StreamingSer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = model.head.step
    monkeypatch.setattr(model.head, "step", lambda x, s: (step(x, s)[0] + 0.01, step(x, s)[1]))
    with pytest.raises(ParityError, match="no bundle was written"):
        export_bundle(model, untrained_manifest(FeatureParams()), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def clip(corpus: str, label: str) -> Clip:
    return Clip(corpus, Path("a.wav"), "a", "01", label, "en", CORPORA[corpus].labels)


def test_classes_that_a_corpus_lacks_are_neither_taught_nor_punished() -> None:
    segment = LabelledSegment(np.ones((5, 3), np.float16), 5 * [clip("crema_d", "angry")], 4)
    inputs, labels, weights = LabelBatches([segment], HeadStage(batch_size=1), seed=0)[0]
    absent = [LABELS.index("calm"), LABELS.index("surprised")]
    assert set(np.flatnonzero(inputs["mask"][0] == ABSENT_LOGIT)) == set(absent)
    assert (labels[0, :, absent] == 0).all()
    np.testing.assert_allclose(labels[0, :5].sum(axis=-1), 1.0, rtol=1e-6)
    assert labels[0, 0].argmax() == LABELS.index("angry")
    assert (weights[0, 5:] == 0).all()
    assert weights[0].argmax() == 4
    np.testing.assert_array_equal(class_mask(CORPORA["ravdess"].labels), 0)


def test_each_step_of_joined_clips_bears_its_own_clips_label() -> None:
    joined = [clip("ravdess", "sad")] * 3 + [clip("ravdess", "happy")] * 2
    stage = HeadStage(batch_size=1, label_smoothing=0.0)
    _, labels, _ = LabelBatches([LabelledSegment(np.ones((5, 3)), joined, 4)], stage, seed=0)[0]
    said = [LABELS[k] for k in labels[0, :5].argmax(axis=-1)]
    assert said == ["sad", "sad", "sad", "happy", "happy"]


def test_a_segment_may_follow_another_one_of_its_speaker() -> None:
    segments = [
        LabelledSegment(np.full((3, 2), k), 3 * [clip("ravdess", k_label)], 1)
        for k, k_label in enumerate(("sad", "happy"))
    ]
    stage = HeadStage(batch_size=2, label_smoothing=0.0, joined=1.0)
    inputs, labels, weights = LabelBatches(segments, stage, seed=0)[0]
    for row in range(2):
        heard, said = inputs["inputs"][row, :5, 0], labels[row, :5].argmax(axis=-1)
        assert heard[0] == heard[1]  # the first one up to its result ...
        assert (heard[2:] == heard[4]).all()  # ... then the other one, whole
        names = [("sad", "happy")[int(value)] for value in heard]
        assert [LABELS[k] for k in said] == names
        assert weights[row, 1] == weights[row, :5].max() or weights[row, 3] == weights[row].max()
    unchanged = LabelBatches(segments, stage, seed=None)[0][0]["inputs"]
    assert (unchanged[:, 3:] == 0).all()  # validation hears each as it is


def test_votes_make_up_their_share_of_a_label() -> None:
    votes = tuple(0.5 if label in ("angry", "calm") else 0.0 for label in LABELS)
    heard = replace(clip("crema_d", "sad"), votes=votes)
    stage = HeadStage(batch_size=1, label_smoothing=0.0, soft_labels=0.4)
    _, labels, _ = LabelBatches([LabelledSegment(np.ones((2, 3)), [heard] * 2, 1)], stage, seed=0)[
        0
    ]
    found = dict(zip(LABELS, labels[0, 0], strict=True))
    assert found["sad"] == pytest.approx(0.6)
    assert found["angry"] == pytest.approx(0.4)  # CREMA-D has no calm: its votes do not count
    assert found["calm"] == 0


def test_rare_classes_weigh_more_where_asked_for() -> None:
    segments = [LabelledSegment(np.ones((2, 3)), [clip("ravdess", label)] * 2, 1) for label in RARE]
    stage = HeadStage(batch_size=4, class_weights=True)
    _, labels, weights = LabelBatches(segments, stage, seed=None)[0]
    sad = labels[:, 0].argmax(axis=-1) == LABELS.index("sad")
    assert weights[sad].sum() == pytest.approx(weights[~sad].sum())
    assert weights[sad].max() == pytest.approx(3 * weights[~sad].max())


RARE = ("sad", "happy", "happy", "happy")


def test_changed_copies_are_drawn_as_often_as_asked_for() -> None:
    segments = [
        LabelledSegment(np.full((2, 1), changed), [clip("ravdess", "sad")] * 2, 1, changed=changed)
        for changed in (False, True)
        for _ in range(500)
    ]
    batches = LabelBatches(segments, HeadStage(batch_size=100, changed=0.25), seed=0)
    drawn = np.concatenate([batches[k][0]["inputs"][:, 0, 0] for k in range(len(batches))])
    assert drawn.mean() == pytest.approx(0.2, abs=0.05)


def test_masks_hide_no_more_than_they_may() -> None:
    spectrum = np.random.default_rng(0).normal(-40, 9, (5, 8, 64)).astype(np.float32)
    assert spec_augment(spectrum, 0, np.random.default_rng(0)) is spectrum
    for seed in range(20):
        masked = spec_augment(spectrum, 2, np.random.default_rng(seed))
        changed = (masked != spectrum).reshape(-1, 64)
        assert changed.all(axis=0).sum() <= 2 * 64 // 8
        assert changed.all(axis=1).sum() <= 2 * 12
        assert np.unique(masked[masked != spectrum]).size <= 1


def test_segments_of_any_length_are_encoded_in_their_order(
    model: StreamingSer, monkeypatch: pytest.MonkeyPatch
) -> None:
    example, random = Example(clip("ravdess", "sad")), np.random.default_rng(3)
    segments = [
        GatedSegment(example, example.clips * steps, made.astype(np.float32), steps - 1, 0.3, 0)
        for steps in (5, 2, 9, 2, 7)
        for made in [random.uniform(-60.0, -20.0, (steps, 8, 64))]
    ]
    monkeypatch.setattr(inference, "_BATCH", 2)
    for segment, vectors in zip(segments, imitation.encode(model.encoder, segments), strict=True):
        alone = model.encoder(mfcc(segment.log_mel, 40)[None])[0]
        np.testing.assert_allclose(vectors, alone, rtol=1e-3, atol=1e-3)
    assert imitation.encode(model.encoder, []) == []


def test_the_encoder_hears_recordings_in_noise_and_is_to_give_what_it_gave_without() -> None:
    sound = np.full((4, 8, 64), -40.0, np.float32)
    examples = [
        Example(clip("ravdess", "sad")),
        Example(clip("ravdess", "sad"), NoiseMixer(("white",), 10.0)),
    ]
    segments = [GatedSegment(example, example.clips * 4, sound, 3, 0.3, 0) for example in examples]
    targets = [np.full((4, 2), k, np.float16) for k in range(2)]
    stage = EncoderStage(gain_db=0.0, noise=SpectralNoise(chance=1.0))
    frames, aims, _ = ImitationBatches(segments, targets, 40, stage, seed=0)[0]
    assert isinstance(frames, np.ndarray)
    as_it_was = mfcc(sound, 40)
    for own, aim in zip(frames, aims, strict=True):
        recorded = aim[0, 0] == 0.0
        assert recorded == (np.abs(own[: len(as_it_was)] - as_it_was).max() > 0.1)
        assert np.ptp(aim[:4]) == 0.0


def test_mixup_mixes_inputs_and_labels_alike() -> None:
    loud = [np.full((3, 8, 64), level, np.float32) for level in (-20.0, -60.0)]
    segments = [
        LabelledSegment(sound, [clip("ravdess", label)] * 3, 2)
        for sound, label in zip(loud, ("angry", "sad"), strict=True)
    ]
    stage = WholeStage(batch_size=2, mixup=5.0, gain_db=0.0, label_smoothing=0.0, balance=0.0)
    batches = FrameBatches(segments, stage, 40, seed=1)
    shares = set()
    for epoch in range(12):
        batches.start_epoch(epoch)
        inputs, labels, _ = batches[0]
        for frames, label in zip(inputs["inputs"], labels, strict=True):
            level = frames[0, 0] / 8.0  # the first of 64 orthonormal coefficients
            angry = label[0, LABELS.index("angry")]
            assert level == pytest.approx(-60.0 + 40.0 * angry, abs=0.01)
            shares.add(round(float(angry), 3))
    assert any(0.0 < share < 1.0 for share in shares)


def test_batches_depend_on_seed_and_epoch_only() -> None:
    segments = [
        LabelledSegment(
            np.full((k % 9 + 1, 3), k, np.float16), (k % 9 + 1) * [clip("ravdess", "sad")], 0
        )
        for k in range(40)
    ]

    def drawn(epochs: tuple[int, ...], seed: int = 3) -> np.ndarray:
        batches = LabelBatches(segments, HeadStage(batch_size=40), seed)
        for epoch in epochs:
            batches.start_epoch(epoch)
        return batches[0][0]["inputs"]

    np.testing.assert_array_equal(drawn((2,)), drawn((0, 1, 2)))
    assert not np.array_equal(drawn((1,)), drawn((2,)))


@pytest.mark.parametrize("name", ["default", "open", "cross"])
def test_a_shipped_recipe_is_sound(name: str) -> None:
    recipe = load_recipe(name).recipe
    assert recipe.name == name
    assert new_model(recipe.architecture).count_params() <= 1_500_000


def test_the_common_encoder_hears_nobody_whom_a_joint_fold_tests() -> None:
    split = load_recipe("encoder").recipe.split
    kept = {name: {*who, *split.validation[name]} for name, who in split.test.items()}
    for number in range(1, 7):
        for corpus, speakers in joint_fold(number).test.items():
            if corpus in load_recipe("encoder").recipe.corpora:
                assert speakers <= kept[corpus]


def test_outputs_can_be_left_out(model: StreamingSer) -> None:
    frames = np.random.default_rng(0).normal(size=(1, 24, 40)).astype(np.float32)
    cut = with_outputs(model, [0, 2, 7])
    whole, part = (keras.ops.convert_to_numpy(own(frames)) for own in (model, cut))
    np.testing.assert_allclose(part, whole[..., [0, 2, 7]], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: streaming\nname: x\ncorpora: [ravdess]\nepochs: 3\n", "'epochs'"),
        ("kind: streaming\nname: x\ncorpora: [ravdess]\nhead: {epochs: many}\n", "head.epochs"),
        ("kind: magic\nname: x\ncorpora: [ravdess]\n", "kind"),
        ("name: [", "YAML"),
        ("just words", "no settings"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_recipe(str(path))


def test_settings_can_be_changed_from_outside() -> None:
    file = load_recipe("default", ["head.epochs=3", "split.scheme=speaker-out"])
    assert file.recipe.head.epochs == 3
    assert file.recipe.split.scheme == "speaker-out"
    assert file.title == "default-head.epochs=3-split.scheme=speaker_out"
    assert file.digest != load_recipe("default").digest


@pytest.mark.parametrize("change", ["head.epochs", "=3", "name.first=x", "head.epochs=[", "a.b=1"])
def test_a_wrong_change_is_refused_in_one_sentence(change: str) -> None:
    with pytest.raises(UsageError):
        load_recipe("default", [change])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "head.levels=0",
            r"'head': .*'noise' comes with further levels: set 'levels' to 1 or more",
        ),
        ("encoder.mixed_precision=true", r"'encoder\.mixed_precision': .* under 'whole' alone"),
        ("head.mixed_precision=true", r"'head\.mixed_precision': .* under 'whole' alone"),
    ],
)
def test_a_setting_without_effect_is_refused(change: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recipe("default", [change])
    assert load_recipe("default", ["whole.mixed_precision=true"]).recipe.whole.mixed_precision


def test_an_unknown_recipe_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nonesuch", "--corpora", "."]) == 2
    assert "default" in capsys.readouterr().err


# ----------------------------------------------------------------------------------- a whole run


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Pieces of the demo recording under official names: two clips for each of eight actors."""
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    folder = tmp_path / "corpora" / "ravdess"
    folder.mkdir(parents=True)
    piece = 2 * rate
    places = iter(range(0, len(sound) - piece, piece))
    for actor in (1, 4, 8, 3, 9, 5, 7, 24):
        for emotion in (3, 5):
            start = next(places)
            name = f"03-01-{emotion:02}-01-01-01-{actor:02}.wav"
            soundfile.write(folder / name, sound[start : start + piece], rate)
    return folder.parent


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Random weights in the layout of BYOL-S."""
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    for layer, inputs in ((0, 1), (4, 64), (8, 64)):
        weights[f"features.{layer}.weight"] = random.normal(0, 0.1, (64, inputs, 3, 3))
        weights[f"features.{layer}.bias"] = random.normal(0, 0.1, 64)
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"features.{layer + 1}.{name}"] = random.uniform(0.5, 1.0, 64)
    for layer in (0, 3):
        weights[f"fc.{layer}.weight"] = random.normal(0, 0.05, (512, 512))
        weights[f"fc.{layer}.bias"] = random.normal(0, 0.05, 512)
    path = tmp_path / "teacher.npz"
    np.savez(path, **{name: value.astype(np.float32) for name, value in weights.items()})
    return path


RECIPE = """
kind: streaming
name: tiny
version: "0.1"
corpora: [ravdess]
architecture: {dense: 8, lstm: 8, statistics_heads: 1, statistics: 8}
encoder: {epochs: 1, batch_size: 4}
head: {epochs: 2, statistics_epochs: 3, batch_size: 4, teachers: 1, levels: 1}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.mark.timeout(600)
def test_one_command_trains_exports_and_measures_and_goes_on_after_an_interruption(
    recipe: Path, corpora: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    command = ["run", str(recipe), "--corpora", str(corpora), "--teacher", str(teacher)]
    command += ["--runs", str(runs), "--jobs", "1"]
    assert main(command) == 0
    run = Run(runs / "tiny-fold1-seed0")
    bundle = load_bundle(run.bundle)
    assert bundle.manifest.recipe["fold"] == 1
    result = run.results()
    assert result["corpora"]["ravdess"]["clips"] == 2  # actor 01 is the test speaker
    assert (run.bundle / "CARD.md").is_file()
    assert (run.folder / "report.html").is_file()
    assert f"{result['corpora']['ravdess']['uar']:.3f}" in capsys.readouterr().out
    assert [len(epochs) for epochs in run.history().values()] == [1, 2, 2, 3, 2, 2, 3]

    # As if it had been stopped before the last stage: what is done is not done again.
    before = (run.folder / "encoder.npz").stat().st_mtime_ns
    (run.folder / "refit-head0.npz").unlink()
    (run.bundle / "model.tflite").unlink()
    assert main(command) == 0
    assert (run.folder / "encoder.npz").stat().st_mtime_ns == before
    assert load_bundle(run.bundle).manifest.temperature == pytest.approx(
        bundle.manifest.temperature
    )

    # A recipe that was changed meanwhile is another one.
    recipe.write_text(RECIPE.replace("epochs: 2", "epochs: 3"), encoding="utf-8")
    assert main(command) == 2
    assert "as it was before" in capsys.readouterr().err


@pytest.mark.timeout(600)
def test_a_run_starts_from_another_one(
    recipe: Path, corpora: Path, teacher: Path, tmp_path: Path
) -> None:
    runs = ["--corpora", str(corpora), "--runs", str(tmp_path / "runs"), "--jobs", "1"]
    assert main(["run", str(recipe), "--teacher", str(teacher), *runs]) == 0
    parent = Run(tmp_path / "runs" / "tiny-fold1-seed0")
    later = ["--set", "encoder.pretrained=false", "--set", "head.epochs=0", "--set", "refit=false"]
    later += ["--set", "whole.epochs=1", "--set", "whole.learning_rate=1.0e-12"]
    assert main(["run", str(recipe), "--from", str(parent.folder), *later, *runs]) == 0
    (made,) = (tmp_path / "runs").glob("tiny-encoder*")
    assert Run(made).record.parent == str(parent.folder)
    # It learned at no rate to speak of.
    before, after = (
        keras.models.load_model(run.bundle / TRAINING_MODEL).get_weights()
        for run in (parent, Run(made))
    )
    for own, inherited in zip(after, before, strict=True):
        np.testing.assert_allclose(own, inherited, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "option"), [((), "--teacher"), (("--set", "encoder.pretrained=false"), "--from")]
)
def test_a_recipe_without_an_encoder_to_start_from_says_so(
    changes: tuple[str, ...],
    option: str,
    recipe: Path,
    corpora: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["run", str(recipe), "--corpora", str(corpora), "--runs", str(tmp_path / "runs")]
    assert main([*command, *changes, "--jobs", "1"]) == 2
    assert option in capsys.readouterr().err


def test_a_file_that_is_not_the_teacher_is_refused(
    recipe: Path, corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, nothing=np.zeros(3))
    command = ["run", str(recipe), "--corpora", str(corpora), "--teacher", str(wrong)]
    assert main([*command, "--runs", str(tmp_path / "runs"), "--jobs", "1"]) == 1
    assert "BYOL-S" in capsys.readouterr().err
