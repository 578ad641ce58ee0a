"""Architecture, export and a whole run on a made-up corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.config import GateConfig
from realtime_ser.errors import UsageError
from realtime_ser.features import FeatureParams
from realtime_ser.labels import LABELS
from realtime_ser.model import Manifest, load_bundle
from realtime_ser.resources import shipped
from training.cli import main
from training.corpora import CORPORA, Clip
from training.recipe import HeadStage, load_recipe
from training.streaming.architecture import Architecture, StreamingSer, new_model
from training.streaming.batches import ABSENT, LabelBatches, Labelled, class_mask
from training.streaming.export import ParityError, export_bundle

SMALL = Architecture(channels=4, units=(16, 16), dense=8, lstm=8)


def manifest() -> Manifest:
    return Manifest(
        name="test",
        version="0",
        labels=LABELS,
        features=FeatureParams(),
        gate=GateConfig(),
        states={},
        temperature=1.0,
        certainty_threshold=0.5,
        recipe={},
        corpora=(),
        metrics={},
        files={},
    )


@pytest.fixture(scope="module")
def model() -> StreamingSer:
    """Random weights, batch statistics included, so that no term is zero."""
    made = new_model(SMALL)
    random = np.random.default_rng(0)
    made.set_weights([w + random.uniform(0.0, 0.05, w.shape) for w in made.get_weights()])
    return made


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
    assert export_bundle(model, manifest(), tmp_path / "bundle") < 1e-4
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.states == model.state_shapes()


def test_a_step_that_differs_is_not_written(
    model: StreamingSer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = model.head.step
    monkeypatch.setattr(model.head, "step", lambda x, s: (step(x, s)[0] + 0.01, step(x, s)[1]))
    with pytest.raises(ParityError, match="no bundle was written"):
        export_bundle(model, manifest(), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def clip(corpus: str, label: str) -> Clip:
    return Clip(corpus, Path("a.wav"), "a", "01", label, "en", CORPORA[corpus].labels)


def test_classes_that_a_corpus_lacks_are_neither_taught_nor_punished() -> None:
    segment = Labelled(np.ones((5, 3), np.float16), clip("crema_d", "angry"), 4)
    inputs, labels, weights = LabelBatches([segment], HeadStage(batch_size=1), seed=0)[0]
    absent = [LABELS.index("calm"), LABELS.index("surprised")]
    assert set(np.flatnonzero(inputs["mask"][0] == ABSENT)) == set(absent)
    assert (labels[0, :, absent] == 0).all()
    np.testing.assert_allclose(labels[0, :5].sum(axis=-1), 1.0, rtol=1e-6)
    assert labels[0, 0].argmax() == LABELS.index("angry")
    assert (weights[0, 5:] == 0).all()
    assert weights[0].argmax() == 4
    np.testing.assert_array_equal(class_mask(CORPORA["ravdess"].labels), 0)


def test_batches_depend_on_seed_and_epoch_only() -> None:
    segments = [
        Labelled(np.full((k % 9 + 1, 3), k, np.float16), clip("ravdess", "sad"), 0)
        for k in range(40)
    ]

    def drawn(epochs: tuple[int, ...], seed: int = 3) -> np.ndarray:
        batches = LabelBatches(segments, HeadStage(batch_size=40), seed)
        for epoch in epochs:
            batches.begin(epoch)
        return batches[0][0]["vectors"]

    np.testing.assert_array_equal(drawn((2,)), drawn((0, 1, 2)))
    assert not np.array_equal(drawn((1,)), drawn((2,)))


def test_the_shipped_recipe_is_sound() -> None:
    recipe = load_recipe("default").recipe
    assert recipe.name == "default"
    assert new_model(recipe.architecture).count_params() <= 1_500_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nversion: '1'\ncorpora: [ravdess]\nepochs: 3\n", "epochs"),
        ("name: x\nversion: '1'\ncorpora: [ravdess]\nhead: {epochs: many}\n", "head.epochs"),
        ("name: [", "YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_recipe(str(path))


def test_an_unknown_recipe_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nonesuch", "--corpora", ".", "--teacher", "x.npz"]) == 2
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
name: tiny
version: "0.1"
corpora: [ravdess]
architecture: {dense: 8, lstm: 8}
encoder: {epochs: 1, batch_size: 4}
head: {epochs: 2, batch_size: 4, teachers: 1}
"""


def test_one_command_trains_exports_and_measures_and_goes_on_after_an_interruption(
    corpora: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    runs = tmp_path / "runs"
    command = ["run", str(recipe), "--corpora", str(corpora), "--teacher", str(teacher)]
    command += ["--runs", str(runs), "--jobs", "1"]
    assert main(command) == 0
    run = runs / "tiny-fold1-seed0"
    bundle = load_bundle(run / "bundle")
    assert bundle.manifest.recipe["fold"] == 1
    result = json.loads((run / "bundle" / "evaluation.json").read_text(encoding="utf-8"))
    assert result["corpora"]["ravdess"]["clips"] == 2  # actor 01 is the test speaker
    assert (run / "bundle" / "CARD.md").is_file()
    assert f"{result['corpora']['ravdess']['uar']:.3f}" in capsys.readouterr().out

    # As if it had been stopped before the last stage: what is done is not done again.
    before = (run / "encoder.npz").stat().st_mtime_ns
    (run / "refit.npz").unlink()
    (run / "bundle" / "model.tflite").unlink()
    assert main(command) == 0
    assert (run / "encoder.npz").stat().st_mtime_ns == before
    assert load_bundle(run / "bundle").manifest.temperature == pytest.approx(
        bundle.manifest.temperature
    )


def test_a_file_that_is_not_the_teacher_is_refused(
    corpora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, nothing=np.zeros(3))
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    command = ["run", str(recipe), "--corpora", str(corpora), "--teacher", str(wrong)]
    assert main([*command, "--runs", str(tmp_path / "runs"), "--jobs", "1"]) == 1
    assert "BYOL-S" in capsys.readouterr().err
