"""Offline networks, which take a whole clip at once: published systems and the user's own.

Each takes clips of shape ``(frames, features)`` and ends in a softmax over the classes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import keras
from keras import layers

from realtime_ser.base.errors import UsageError
from training.offline.recipe import NetworkOptions

Tensor: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, int]
"""Frames of a clip, ``None`` where they differ, and features of a frame."""

BuildFunction: TypeAlias = Callable[[Shape, int, NetworkOptions], keras.Model]


def build_network(
    architecture: str, shape: Shape, classes: int, settings: NetworkOptions
) -> keras.Model:
    """Build a network by the name of its architecture.

    Parameters
    ----------
    architecture
        A name of :data:`ARCHITECTURES`, or one's own function as ``FILE.py:FUNCTION``; it is called
        with the other parameters.
    shape
        Frames of a clip and features of a frame.
    classes
        Number of outputs.
    settings
        Options.

    Raises
    ------
    UsageError
        There is no such architecture, it does not suit such clips, or it gives something else than
        one probability for each class.
    """
    build = ARCHITECTURES.get(architecture) or _load_custom(architecture)
    try:
        model = build(shape, classes, settings)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"The architecture '{architecture}' cannot be built for {shape[0] or 'any number of'} "
            f"frames of {shape[1]} features ({_first_line(error)}); change 'features', or set "
            "network.pooling=attention where the number of frames is open."
        ) from error
    found = model.output_shape if isinstance(model, keras.Model) else type(model).__name__
    if found != (None, classes):
        raise UsageError(
            f"The architecture '{architecture}' gives {found}; it must be a keras.Model that gives "
            f"{(None, classes)}: one probability for each class."
        )
    return model


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")


def _load_custom(architecture: str) -> BuildFunction:
    name, colon, function = architecture.rpartition(":")
    if not colon:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(
            f"There is no architecture '{architecture}'; known are {known}, and one's own is "
            "named like my_file.py:build."
        )
    path = Path(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"There is no Python file {path} with an architecture; mend the name.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError) as error:
        raise UsageError(f"{path} cannot be imported ({_first_line(error)}); mend it.") from error
    build = getattr(module, function, None)
    if not callable(build):
        raise UsageError(f"{path} has no function '{function}'; name one that it has.")
    custom: BuildFunction = build
    return custom


# --------------------------------------------------------------------------------- building blocks


def _penalty(settings: NetworkOptions) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(settings.l2) if settings.l2 else None


def _attention(x: Tensor) -> Tensor:
    """Mean over time with learned weights, ``(batch, time, units)`` to ``(batch, units)``."""
    weights = layers.Softmax(axis=1, name="attention")(layers.Dense(1, name="score")(x))
    return layers.Flatten()(layers.Dot(axes=1)([weights, x]))


def _last_lstm(x: Tensor, units: int, settings: NetworkOptions) -> Tensor:
    """LSTM and its last state, or attention over all of its states."""
    attends = settings.pooling == "attention"
    x = layers.LSTM(units, return_sequences=attends, kernel_regularizer=_penalty(settings))(x)
    return _attention(x) if attends else x


def _convolution(
    x: Tensor, filters: int, width: int, settings: NetworkOptions, padding: str = "valid"
) -> Tensor:
    return layers.Conv1D(
        filters, width, padding=padding, activation="relu", kernel_regularizer=_penalty(settings)
    )(x)


def _normalised_block(
    x: Tensor, filters: int, width: int, settings: NetworkOptions, padding: str = "valid"
) -> Tensor:
    """Convolution, batch normalisation, pooling by two, dropout of 0.3."""
    x = layers.BatchNormalization()(_convolution(x, filters, width, settings, padding))
    return layers.Dropout(0.3)(layers.MaxPooling1D(2)(x))


def _dense(x: Tensor, units: int, settings: NetworkOptions) -> Tensor:
    return layers.Dense(units, activation="relu", kernel_regularizer=_penalty(settings))(x)


def _softmax(inputs: Tensor, x: Tensor, classes: int, name: str) -> keras.Model:
    # Probabilities stay in single precision, whatever the layers before them compute in.
    outputs = layers.Dense(classes, activation="softmax", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name.replace("-", "_"))


# ------------------------------------------------------------------------------------ architectures


def cnn_lstm(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """Two convolutions, an LSTM and a dense layer, as A and D describe their networks.

    They name the layers but no sizes; these are ours.
    """
    x = inputs = keras.Input(shape)
    for filters in (64, 128):
        x = _normalised_block(x, filters, 5, settings, "same")
    x = _last_lstm(x, 128, settings)
    x = layers.Dropout(0.3)(x)
    x = _dense(x, 64, settings)
    x = layers.Dropout(0.3)(x)
    return _softmax(inputs, x, classes, "cnn-lstm")


def b_cnn_lstm(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """B: two convolutions and an LSTM on seven features. The rates of dropout are ours."""
    x = inputs = keras.Input(shape)
    for filters, width in ((128, 5), (64, 3)):
        x = _convolution(x, filters, width, settings)
        x = layers.MaxPooling1D(2)(x)
        x = layers.Dropout(0.3)(x)
    x = layers.BatchNormalization()(x)
    x = _last_lstm(x, 64, settings)
    x = layers.Dropout(0.3)(x)
    x = layers.BatchNormalization()(x)
    x = _dense(x, 32, settings)
    x = layers.Dropout(0.3)(x)
    return _softmax(inputs, x, classes, "b-cnn-lstm")


def c_cnn(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """C: two 3 x 3 convolutions over the picture of 40 MFCC by 174 frames."""
    inputs = keras.Input(shape)
    x = layers.Permute((2, 1))(inputs)
    x = layers.Reshape((shape[1], -1 if shape[0] is None else shape[0], 1))(x)
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, activation="relu", kernel_regularizer=_penalty(settings))(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.25)(x)
    if settings.pooling == "attention":
        x = layers.Permute((2, 1, 3))(x)
        x = _attention(layers.TimeDistributed(layers.Flatten())(x))
    else:
        x = layers.Flatten()(x)
    x = _dense(x, 128, settings)
    x = layers.Dropout(0.3)(x)
    return _softmax(inputs, x, classes, "c-cnn")


def c_cnn_lstm(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """C: two convolutions with batch normalisation and an LSTM over 174 frames of 40 MFCC."""
    x = inputs = keras.Input(shape)
    for filters in (64, 128):
        x = _normalised_block(x, filters, 3, settings)
    x = _last_lstm(x, 128, settings)
    x = layers.Dropout(0.4)(x)
    x = _dense(x, 128, settings)
    x = layers.Dropout(0.4)(x)
    return _softmax(inputs, x, classes, "c-cnn-lstm")


def e_cnn(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """E: two convolutions along the time-mean of the coefficients, as if that were time.

    Of clips with several frames, the features of a frame are the channels.
    """
    x = inputs = keras.Input(shape)
    if shape[0] == 1:
        x = layers.Reshape((shape[1], 1))(x)
    for filters in (128, 256):
        x = _normalised_block(x, filters, 5, settings, "same")
    x = _attention(x) if settings.pooling == "attention" else layers.Flatten()(x)
    x = _dense(x, 128, settings)
    x = layers.Dropout(0.3)(x)
    return _softmax(inputs, x, classes, "e-cnn")


def e_lstm(shape: Shape, classes: int, settings: NetworkOptions) -> keras.Model:
    """E: two LSTMs over a single frame, the time-mean of the coefficients."""
    x = inputs = keras.Input(shape)
    x = layers.LSTM(128, return_sequences=True, kernel_regularizer=_penalty(settings))(x)
    x = layers.Dropout(0.3)(x)
    x = _last_lstm(x, 64, settings)
    x = layers.Dropout(0.3)(x)
    x = _dense(x, 32, settings)
    return _softmax(inputs, x, classes, "e-lstm")


ARCHITECTURES: Mapping[str, BuildFunction] = {
    "cnn-lstm": cnn_lstm,
    "b-cnn-lstm": b_cnn_lstm,
    "c-cnn": c_cnn,
    "c-cnn-lstm": c_cnn_lstm,
    "e-cnn": e_cnn,
    "e-lstm": e_lstm,
}
"""Architectures by name."""
