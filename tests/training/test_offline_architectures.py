"""The published networks have the layers that are told of them, and one's own are admitted."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from realtime_ser.base.errors import UsageError
from training.offline.architectures import ARCHITECTURES, build_network
from training.offline.recipe import NetworkOptions

PLAIN = NetworkOptions()
GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "training.md"
NOT_TOLD = ("InputLayer", "Permute", "Reshape")  # how the input lies, not what is done with it


def told(model: keras.Model) -> list[str]:
    """The layers with their sizes, in the words of the descriptions."""
    words = []
    for layer in model.layers:
        name = type(layer).__name__
        if name in NOT_TOLD:
            continue
        match layer:
            case keras.layers.Conv1D() | keras.layers.Conv2D():
                sizes = "x".join(map(str, layer.kernel_size))
                words.append(f"{name} {layer.filters} {sizes} {layer.padding} {activation(layer)}")
            case keras.layers.MaxPooling1D() | keras.layers.MaxPooling2D():
                words.append(f"MaxPooling {layer.pool_size[0]}")
            case keras.layers.Dropout():
                words.append(f"Dropout {layer.rate}")
            case keras.layers.LSTM():
                words.append(f"LSTM {layer.units}")
            case keras.layers.Dense():
                words.append(f"Dense {layer.units} {activation(layer)}")
            case _:
                words.append(name)
    return words


def activation(layer: keras.layers.Layer) -> str:
    return layer.activation.__name__


C_CNN = """Conv2D 32 3x3 valid relu, MaxPooling 2, Dropout 0.25, Conv2D 64 3x3 valid relu,
MaxPooling 2, Dropout 0.25, Flatten, Dense 128 relu, Dropout 0.3, Dense 8 softmax"""
C_CNN_LSTM = """Conv1D 64 3 valid relu, BatchNormalization, MaxPooling 2, Dropout 0.3,
Conv1D 128 3 valid relu, BatchNormalization, MaxPooling 2, Dropout 0.3, LSTM 128, Dropout 0.4,
Dense 128 relu, Dropout 0.4, Dense 8 softmax"""
B = """Conv1D 128 5 valid relu, MaxPooling 2, Dropout 0.3, Conv1D 64 3 valid relu, MaxPooling 2,
Dropout 0.3, BatchNormalization, LSTM 64, Dropout 0.3, BatchNormalization, Dense 32 relu,
Dropout 0.3, Dense 8 softmax"""
E_CNN = """Conv1D 128 5 same relu, BatchNormalization, MaxPooling 2, Dropout 0.3,
Conv1D 256 5 same relu, BatchNormalization, MaxPooling 2, Dropout 0.3, Flatten, Dense 128 relu,
Dropout 0.3, Dense 7 softmax"""
E_LSTM = """LSTM 128, Dropout 0.3, LSTM 64, Dropout 0.3, Dense 32 relu, Dense 7 softmax"""
A_AND_D = """Conv1D 64 5 same relu, BatchNormalization, MaxPooling 2, Dropout 0.3,
Conv1D 128 5 same relu, BatchNormalization, MaxPooling 2, Dropout 0.3, LSTM 128, Dropout 0.3,
Dense 64 relu, Dropout 0.3, Dense 8 softmax"""


@pytest.mark.parametrize(
    ("name", "shape", "classes", "layers"),
    [
        ("cnn-lstm", (94, 104), 8, A_AND_D),
        ("b-cnn-lstm", (128, 195), 8, B),
        ("c-cnn", (174, 40), 8, C_CNN),
        ("c-cnn-lstm", (174, 40), 8, C_CNN_LSTM),
        ("e-cnn", (1, 40), 7, E_CNN),
        ("e-lstm", (1, 40), 7, E_LSTM),
    ],
)
def test_layers_are_those_of_the_description(name, shape, classes, layers):
    model = build_network(name, shape, classes, PLAIN)
    assert told(model) == [word.strip() for word in " ".join(layers.split()).split(",")]
    said = np.asarray(model(np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)))
    assert said.shape == (3, classes)
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)


def test_the_picture_of_c_is_coefficients_by_frames_and_e_goes_along_the_coefficients():
    c = build_network("c-cnn", (174, 40), 8, PLAIN)
    assert next(x for x in c.layers if isinstance(x, keras.layers.Conv2D)).input.shape[1:] == (
        40,
        174,
        1,
    )
    assert c.count_params() == 2_772_488
    e = build_network("e-cnn", (1, 40), 7, PLAIN)
    assert next(x for x in e.layers if isinstance(x, keras.layers.Conv1D)).input.shape[1:] == (
        40,
        1,
    )


def test_the_picture_of_c_is_not_turned():
    """A convolution along time must meet what follows in time."""
    c = build_network("c-cnn", (20, 10), 8, PLAIN)
    reshape = next(layer for layer in c.layers if isinstance(layer, keras.layers.Reshape))
    frames = np.arange(200, dtype=np.float32).reshape(1, 20, 10)
    picture = np.asarray(keras.Model(c.input, reshape.output)(frames))
    np.testing.assert_array_equal(picture[0, :, :, 0], frames[0].T)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_attention_takes_clips_of_any_length_in_every_architecture(name):
    model = build_network(name, (None, 24), 8, NetworkOptions(pooling="attention"))
    flat = [layer for layer in model.layers if layer.name == "attention"]
    assert len(flat) == 1
    for frames in (16, 40):
        sound = np.random.default_rng(0).normal(size=(2, frames, 24)).astype(np.float32)
        np.testing.assert_allclose(np.asarray(model(sound)).sum(axis=1), 1, rtol=1e-5)


def test_attention_weighs_frames():
    model = build_network("e-lstm", (6, 4), 3, NetworkOptions(pooling="attention"))
    weights = keras.Model(model.input, model.get_layer("attention").output)
    said = np.asarray(weights(np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)))
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)


def test_a_penalty_adds_to_the_loss():
    assert not build_network("e-cnn", (1, 40), 7, PLAIN).losses
    assert len(build_network("e-cnn", (1, 40), 7, NetworkOptions(l2=1e-3)).losses) == 3


def test_a_clip_too_short_for_the_network_is_one_sentence():
    with pytest.raises(UsageError, match=r"'c-cnn' cannot be built for 4 frames of 40 features"):
        build_network("c-cnn", (4, 40), 8, PLAIN)


def test_flattening_clips_of_any_length_is_one_sentence():
    with pytest.raises(UsageError, match=r"network\.pooling=attention"):
        build_network("c-cnn", (None, 40), 8, PLAIN)


# ------------------------------------------------------------------------------------ one's own

OWN = """
import keras

def build(shape, classes, settings):
    x = inputs = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

def wrong(shape, classes, settings):
    x = inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))

def nothing(shape, classes, settings):
    return None

def no_parameters():
    return None
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my_file.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_a_function_of_ones_own_builds_the_network(own):
    model = build_network(f"{own}:build", (10, 5), 4, PLAIN)
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize("frames", [10, None])
def test_the_function_that_the_guide_shows_builds_a_network(tmp_path, frames):
    (shown,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "my_file.py"
    path.write_text(shown, encoding="utf-8")
    model = build_network(f"{path}:build", (frames, 5), 4, NetworkOptions(l2=0.1))
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("absent", "has no function 'absent'"),
        ("wrong", r"gives \(None, 10, 4\); it must be a keras.Model that gives \(None, 4\)"),
        ("nothing", "gives NoneType"),
        ("no_parameters", "cannot be built"),
    ],
)
def test_a_function_that_does_not_suit_is_refused(own, function, said):
    with pytest.raises(UsageError, match=said):
        build_network(f"{own}:{function}", (10, 5), 4, PLAIN)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no Python file .*absent\.py"):
        build_network(f"{tmp_path}/absent.py:build", (10, 5), 4, PLAIN)


def test_a_file_that_is_no_python_is_named(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def build(:", encoding="utf-8")
    with pytest.raises(UsageError, match=r"broken\.py cannot be imported"):
        build_network(f"{path}:build", (10, 5), 4, PLAIN)


def test_a_name_that_is_not_known_is_told_the_known_ones():
    with pytest.raises(UsageError, match="known are cnn-lstm, b-cnn-lstm"):
        build_network("transformer", (10, 5), 4, PLAIN)
