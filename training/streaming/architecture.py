"""A causal CNN in front of a stateful LSTM, as one graph for training and one step for streaming.

Both run the same layers. Every layer that looks back takes what it needs as explicit state, zero at
a segment's start; the training graph is the step over many frames with that zero state.

The CNN has the shape of AudioNTT2020 (Niizumi et al., BYOL for Audio, IJCNN 2021), so that it can
start from BYOL-S (Scheidwasser-Clow et al., SERAB, ICASSP 2022); its convolutions look back only. A
linear map over six frames turns MFCC back into a smoothed mel spectrum ahead of it.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import layers, ops
from pydantic import BaseModel, ConfigDict, Field

from realtime_ser.records import STEP_FRAMES, STEP_S

Tensor: TypeAlias = Any
States: TypeAlias = dict[str, Tensor]

_SCORE_LIMIT = 5.0
_VARIANCE_FLOOR = 1e-2
_POOLS = 3


class Architecture(BaseModel):
    """Sizes of the network.

    Attributes
    ----------
    coefficients, labels
        MFCC a frame, and outputs.
    map_frames, bands
        Frames that the linear map sees, and mel bands it makes; 0 frames: no map, and the input is
        a mel spectrum of so many bands already.
    channels, units
        Channels of the three convolutions, and units of the two dense layers behind them.
    dense, lstm
        Units of the layer ahead of the LSTM, and of the LSTM.
    pooling
        ``attention``: attentive mean and deviation over the segment so far; ``last``: none, the
        LSTM's output at a step decides.
    memory_s
        Time constant in seconds with which the attentive pooling forgets.
    input_dropout, dense_dropout, pooled_dropout
        Rates at the CNN's output, behind the dense layer and behind the pooling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coefficients: int = Field(default=40, ge=1)
    labels: int = Field(default=8, ge=2)
    map_frames: int = Field(default=6, ge=0)
    bands: int = Field(default=64, ge=8, multiple_of=8)
    channels: int = Field(default=64, ge=1)
    units: tuple[int, int] = (512, 512)
    dense: int = Field(default=128, ge=1)
    lstm: int = Field(default=128, ge=1)
    pooling: Literal["attention", "last"] = "attention"
    memory_s: float = Field(default=3.0, gt=0)
    input_dropout: float = Field(default=0.4, ge=0, lt=1)
    dense_dropout: float = Field(default=0.2, ge=0, lt=1)
    pooled_dropout: float = Field(default=0.3, ge=0, lt=1)


@keras.saving.register_keras_serializable("realtime_ser")
class Encoder(layers.Layer):
    """MFCC frames to one vector for each step of eight.

    Parameters
    ----------
    architecture
        An :class:`Architecture`, or its fields.
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.architecture = shape = Architecture.model_validate(architecture)
        self.map = layers.Conv1D(shape.bands, max(1, shape.map_frames), name="map")
        self.convolutions = [
            layers.Conv2D(shape.channels, 3, padding="valid", name=f"conv{k}")
            for k in range(_POOLS)
        ]
        # Always in inference mode: the statistics are the pretrained ones, or those of the start.
        self.norms = [
            layers.BatchNormalization(epsilon=1e-5, trainable=False, name=f"norm{k}")
            for k in range(_POOLS)
        ]
        self.pool = layers.MaxPooling2D(2)
        self.dense = [layers.Dense(n, activation="relu") for n in shape.units]

    def build(self, input_shape: Any) -> None:
        """Create the weights, whatever ``input_shape`` is."""
        shape = self.architecture
        self.mean = self.add_weight((input_shape[-1],), "zeros", trainable=False, name="mean")
        self.deviation = self.add_weight(
            (input_shape[-1],), "ones", trainable=False, name="deviation"
        )
        if shape.map_frames:
            self.map.build((None, None, shape.coefficients))
        channels = 1
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            convolution.build((None, None, None, channels))
            channels = shape.channels
            norm.build((None, None, None, channels))
        width = shape.bands // 2**_POOLS * channels
        for dense in self.dense:
            dense.build((None, None, width))
            width = dense.units
        self.built = True

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        shape = self.architecture
        states: dict[str, tuple[int, ...]] = {}
        if shape.map_frames > 1:
            states["map_context"] = (1, shape.map_frames - 1, shape.coefficients)
        for k in range(_POOLS):
            channels = shape.channels if k else 1
            states[f"conv{k}_context"] = (1, 2, shape.bands // 2**k, channels)
        return states

    def run(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Encode whole steps.

        Parameters
        ----------
        frames
            Shape ``(batch, 8 steps, coefficients)``.
        states
            By name, from :meth:`state_shapes`, with the batch as first axis.

        Returns
        -------
        vectors : shape (batch, steps, units)
        states : after the last frame
        """
        new: States = {}
        x = (frames - self.mean) / self.deviation
        if self.architecture.map_frames > 1:
            x, new["map_context"] = _after(states["map_context"], x)
        if self.architecture.map_frames:
            x = self.map(x)
        x = ops.expand_dims(x, -1)
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x, new[f"conv{k}_context"] = _after(states[f"conv{k}_context"], x)
            x = ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
            x = self.pool(ops.relu(norm(convolution(x), training=False)))
        batch, steps = ops.shape(x)[0], ops.shape(x)[1]
        x = ops.reshape(x, (batch, steps, self.dense[0].kernel.shape[0]))
        for dense in self.dense:
            x = dense(x)
        return x, new

    def settle(self, frames: Tensor) -> None:
        """Set the statistics of each convolution's output to those that ``frames`` give."""
        shape = self.architecture
        x = (frames - self.mean) / self.deviation
        if shape.map_frames:
            x = self.map(ops.pad(x, ((0, 0), (shape.map_frames - 1, 0), (0, 0))))
        x = ops.expand_dims(x, -1)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = convolution(ops.pad(x, ((0, 0), (2, 0), (1, 1), (0, 0))))
            norm.moving_mean.assign(ops.mean(x, axis=(0, 1, 2)))
            norm.moving_variance.assign(ops.var(x, axis=(0, 1, 2)))
            x = self.pool(ops.relu(norm(x, training=False)))

    def call(self, frames: Tensor) -> Tensor:
        """Encode sequences from their start: :meth:`run` with zero states."""
        batch = ops.shape(frames)[0]
        zeros = {
            name: ops.zeros((batch, *shape[1:]), frames.dtype)
            for name, shape in self.state_shapes().items()
        }
        return self.run(frames, zeros)[0]

    def compute_output_spec(self, frames: Tensor) -> keras.KerasTensor:
        """What :meth:`call` gives; lengths that are not known yet cannot be traced everywhere."""
        return _spec(frames, STEP_FRAMES, self.architecture.units[-1], self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Fields of the layer."""
        return {**super().get_config(), "architecture": self.architecture.model_dump()}


def _spec(sequence: Tensor, frames_per_step: int, width: int, dtype: str) -> keras.KerasTensor:
    batch, frames, _ = sequence.shape
    steps = None if frames is None else frames // frames_per_step
    return keras.KerasTensor((batch, steps, width), dtype)


def _after(context: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """``x`` behind its context, and the context for what follows ``x``."""
    joined = ops.concatenate([context, x], axis=1)
    return joined, joined[:, -context.shape[1] :]


@keras.saving.register_keras_serializable("realtime_ser")
class Head(layers.Layer):
    """Vectors of steps to logits at every step: dense, LSTM, attentive statistics that forget.

    The pooling is attentive statistics pooling (Okabe et al., Interspeech 2018) with weights that
    decay over ``memory_s``. Scores are bounded, so that running sums need no running maximum.
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.architecture = shape = Architecture.model_validate(architecture)
        self.input_dropout = layers.Dropout(shape.input_dropout)
        self.dense = layers.Dense(shape.dense, activation="relu", name="dense")
        self.dense_dropout = layers.Dropout(shape.dense_dropout)
        self.lstm = layers.LSTM(shape.lstm, return_sequences=True, use_cudnn=False, name="lstm")
        self.score = layers.Dense(1, name="score")
        self.pooled_dropout = layers.Dropout(shape.pooled_dropout)
        self.logits = layers.Dense(shape.labels, name="logits")
        self.decay = STEP_S / shape.memory_s

    def build(self, input_shape: Any) -> None:
        """Create the weights for vectors of ``input_shape[-1]`` units."""
        shape, units = self.architecture, input_shape[-1]
        self.mean = self.add_weight((units,), "zeros", trainable=False, name="mean")
        self.deviation = self.add_weight((units,), "ones", trainable=False, name="deviation")
        self.dense.build((None, None, units))
        self.lstm.build((None, None, shape.dense))
        if self._attentive:
            self.score.build((None, None, self._pooled))
        self.logits.build((None, None, (1 + self._attentive) * self._pooled))
        self.built = True

    @property
    def _attentive(self) -> bool:
        return self.architecture.pooling == "attention"

    @property
    def _pooled(self) -> int:
        return self.architecture.dense + self.architecture.lstm

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        lstm: dict[str, tuple[int, ...]] = {
            "lstm_h": (1, self.architecture.lstm),
            "lstm_c": (1, self.architecture.lstm),
        }
        if not self._attentive:
            return lstm
        return lstm | {
            "pool_weight": (1, 1),
            "pool_sum": (1, self._pooled),
            "pool_square": (1, self._pooled),
        }

    def call(self, vectors: Tensor, training: bool = False) -> Tensor:
        """Logits at every step of sequences from their start.

        Parameters
        ----------
        vectors
            Shape ``(batch, steps, units)``.

        Returns
        -------
        shape (batch, steps, labels)
        """
        x = self.input_dropout((vectors - self.mean) / self.deviation, training=training)
        x = self.dense_dropout(self.dense(x), training=training)
        values = ops.concatenate([self.lstm(x, training=training), x], axis=-1)
        if not self._attentive:
            return self.logits(self.pooled_dropout(values, training=training))
        steps = ops.cast(ops.arange(ops.shape(values)[1]), values.dtype)[None, :, None]
        # A common factor cancels out: later steps weigh more instead of earlier ones less.
        grown = ops.exp(self._bounded_score(values) + self.decay * (steps - steps[:, -1:]))
        sums = [ops.cumsum(grown * x, axis=1) for x in (1.0, values, ops.square(values))]
        pooled = self.pooled_dropout(_statistics(*sums), training=training)
        return self.logits(pooled)

    def compute_output_spec(self, vectors: Tensor, **_options: bool) -> keras.KerasTensor:
        """What :meth:`call` gives."""
        return _spec(vectors, 1, self.architecture.labels, self.compute_dtype)

    def step(self, vector: Tensor, states: States) -> tuple[Tensor, States]:
        """Logits, shape ``(1, labels)``, after one more vector, shape ``(1, units)``."""
        x = self.dense((vector - self.mean) / self.deviation)
        _, (lstm_h, lstm_c) = self.lstm.cell(x, [states["lstm_h"], states["lstm_c"]])
        values = ops.concatenate([lstm_h, x], axis=-1)
        lstm = {"lstm_h": lstm_h, "lstm_c": lstm_c}
        if not self._attentive:
            return self.logits(values), lstm
        weight = ops.exp(self._bounded_score(values))
        kept = float(np.exp(-self.decay))
        sums = {
            "pool_weight": kept * states["pool_weight"] + weight,
            "pool_sum": kept * states["pool_sum"] + weight * values,
            "pool_square": kept * states["pool_square"] + weight * ops.square(values),
        }
        return self.logits(_statistics(*sums.values())), lstm | sums

    def _bounded_score(self, values: Tensor) -> Tensor:
        return _SCORE_LIMIT * ops.tanh(self.score(values) / _SCORE_LIMIT)

    def get_config(self) -> dict[str, Any]:
        """Fields of the layer."""
        return {**super().get_config(), "architecture": self.architecture.model_dump()}


def _statistics(weight: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Mean and deviation from weighted sums."""
    mean = first / weight
    variance = ops.maximum(second / weight - ops.square(mean), 0.0)
    return ops.concatenate([mean, ops.sqrt(variance + _VARIANCE_FLOOR)], axis=-1)


@keras.saving.register_keras_serializable("realtime_ser")
class StreamingSer(keras.Model):
    """Encoder and head: MFCC frames to logits at every step."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.architecture = Architecture.model_validate(architecture)
        self.encoder = Encoder(self.architecture, name="encoder")
        self.head = Head(self.architecture, name="head")

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        self.encoder.build(input_shape)
        self.head.build((None, None, self.architecture.units[-1]))
        self.built = True

    def call(self, frames: Tensor, training: bool = False) -> Tensor:
        """Logits at every step, shape ``(batch, steps, labels)``.

        ``frames`` has shape ``(batch, 8 steps, coefficients)``.
        """
        return self.head(self.encoder(frames), training=training)

    def compute_output_spec(self, frames: Tensor, **_options: bool) -> keras.KerasTensor:
        """What :meth:`call` gives."""
        return _spec(frames, STEP_FRAMES, self.architecture.labels, self.compute_dtype)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        return {**self.encoder.state_shapes(), **self.head.state_shapes()}

    def step(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Logits, shape ``(1, labels)``, and states after eight more frames.

        ``frames`` has shape ``(1, 8, coefficients)``.
        """
        vectors, encoder_states = self.encoder.run(frames, states)
        logits, head_states = self.head.step(vectors[:, 0], states)
        return logits, {**encoder_states, **head_states}

    def get_config(self) -> dict[str, Any]:
        """Fields of the model."""
        return {**super().get_config(), "architecture": self.architecture.model_dump()}


def new_model(architecture: Architecture) -> StreamingSer:
    """Build a model with fresh weights."""
    model = StreamingSer(architecture)
    model.build((None, None, architecture.coefficients))
    return model
