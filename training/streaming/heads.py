"""Heads from the steps' vectors to logits: trained separately, averaged in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from realtime_ser.base.records import STEP_S
from training.streaming.architecture import (
    Architecture,
    ArchitectureLayer,
    States,
    Tensor,
    sequence_spec,
)

_SCORE_LIMIT = 5.0
_VARIANCE_FLOOR = 1e-2
_STATISTICS = 3
_PEAK_MEMORY = 2.0
_DOUBLINGS = 9  # together 511 steps; a segment has 375 at most


@keras.saving.register_keras_serializable("realtime_ser")
class Head(ArchitectureLayer):
    """Vectors of steps to logits at every step: dense, LSTM, attentive statistics that forget.

    The pooling is attentive statistics pooling (Okabe et al., Interspeech 2018) with weights that
    decay over ``memory_s``. Scores are bounded, so that running sums need no running maximum.
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        shape = self.architecture
        self.input_dropout = layers.Dropout(shape.input_dropout)
        self.dense = layers.Dense(shape.dense, activation="relu", name="dense")
        self.dense_dropout = layers.Dropout(shape.dense_dropout)
        self.lstm = layers.LSTM(shape.lstm, return_sequences=True, use_cudnn=False, name="lstm")
        self.score = layers.Dense(1, name="score")
        self.pooled_dropout = layers.Dropout(shape.pooled_dropout)
        self.logits = layers.Dense(shape.labels, name="logits")
        self.decay = STEP_S / shape.memory_s

    def build(self, _input_shape: Any) -> None:
        """Create the weights."""
        shape, units = self.architecture, self.architecture.lstm_head_width
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
            "pool_mean": (1, self._pooled),
            "pool_spread": (1, self._pooled),
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
        x = self.input_dropout(self._standardised(vectors), training=training)
        x = self.dense_dropout(self.dense(x), training=training)
        values = ops.concatenate([self.lstm(x, training=training), x], axis=-1)
        if not self._attentive:
            return self.logits(self.pooled_dropout(values, training=training))
        steps = ops.cast(ops.arange(ops.shape(values)[1]), values.dtype)[None, :, None]
        # A common factor cancels out: later steps weigh more instead of earlier ones less.
        grown = ops.exp(self._bounded_score(values) + self.decay * (steps - steps[:, -1:]))
        mean, variance = _moments(grown, values, training=training)
        pooled = self.pooled_dropout(_statistics(mean, variance), training=training)
        return self.logits(pooled)

    def compute_output_spec(self, vectors: Tensor, **_options: bool) -> keras.KerasTensor:
        """Output of :meth:`call`."""
        return sequence_spec(vectors, 1, self.architecture.labels, self.compute_dtype)

    def step(self, vector: Tensor, states: States) -> tuple[Tensor, States]:
        """Logits, shape ``(1, labels)``, after one more vector, shape ``(1, units)``."""
        x = self.dense(self._standardised(vector))
        _, (lstm_h, lstm_c) = self.lstm.cell(x, [states["lstm_h"], states["lstm_c"]])
        values = ops.concatenate([lstm_h, x], axis=-1)
        lstm = {"lstm_h": lstm_h, "lstm_c": lstm_c}
        if not self._attentive:
            return self.logits(values), lstm
        old = (states["pool_weight"], states["pool_mean"], states["pool_spread"])
        new = _running_moments(
            old, float(np.exp(-self.decay)), ops.exp(self._bounded_score(values)), values
        )
        pool_weight, pool_mean, pool_spread = new
        pool = {"pool_weight": pool_weight, "pool_mean": pool_mean, "pool_spread": pool_spread}
        return self.logits(_statistics(pool_mean, pool_spread / pool_weight)), lstm | pool

    def _standardised(self, vectors: Tensor) -> Tensor:
        """The last units of the vectors, standardised."""
        return (vectors[..., -self.architecture.lstm_head_width :] - self.mean) / self.deviation

    def _bounded_score(self, values: Tensor) -> Tensor:
        return _SCORE_LIMIT * ops.tanh(self.score(values) / _SCORE_LIMIT)


def _moments(weights: Tensor, values: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance so far, at every step.

    Sums of squares are quick to compute and enough to learn from, but in single precision the
    square of a large mean, taken off them, leaves little of a small variance. To answer, stretches
    are merged instead (Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, The
    American Statistician 37, 1983), twice as long from one pass to the next.
    """
    if training:
        weight, first, second = (
            ops.cumsum(weights * x, axis=1) for x in (1.0, values, ops.square(values))
        )
        mean = first / weight
        return mean, ops.maximum(second / weight - ops.square(mean), 0.0)
    weight, mean, spread = weights, values, ops.zeros_like(values)
    for passed in range(_DOUBLINGS):
        older_weight, older_mean, older_spread = (
            _delayed(x, 2**passed) for x in (weight, mean, spread)
        )
        total = weight + older_weight
        delta = older_mean - mean
        spread = spread + older_spread + ops.square(delta) * (weight * older_weight / total)
        mean = mean + older_weight / total * delta
        weight = total
    return mean, spread / weight


def _delayed(values: Tensor, steps: int) -> Tensor:
    """Values shifted to later steps, with zeros first."""
    return ops.pad(values, ((0, 0), (steps, 0), (0, 0)))[:, : ops.shape(values)[1]]


def _running_moments(
    state: tuple[Tensor, Tensor, Tensor], retention: float, weight: Tensor, value: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, mean and weighted sum of squared deviations after one more value.

    The update of West (Updating Mean and Variance Estimates: An Improved Method, Communications of
    the ACM 22, 1979), with weights that fade to ``retention`` of themselves from step to step.
    """
    before, mean, spread = state
    total = retention * before + weight
    delta = value - mean
    mean = mean + weight / total * delta
    return total, mean, retention * spread + weight * delta * (value - mean)


def _statistics(mean: Tensor, variance: Tensor) -> Tensor:
    return ops.concatenate([mean, ops.sqrt(variance + _VARIANCE_FLOOR)], axis=-1)


@keras.saving.register_keras_serializable("realtime_ser")
class RunningStatistics(ArchitectureLayer):
    """Mean, deviation and maximum so far of each unit of the encoder's last three layers.

    Several layers carry more than the last one (Niizumi et al., BYOL for Audio:
    Exploring Pre-trained General-purpose Audio Representations, 2022). Mean and deviation forget
    over ``memory_s``, as the attentive pooling does, the maximum over twice that.
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        self.decay = STEP_S / self.architecture.memory_s

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        width = sum(self.architecture.widths)
        wide: tuple[int, ...] = (1, width)
        return {"weight": (1, 1), "mean": wide, "spread": wide, "peak": wide}

    def call(self, vectors: Tensor) -> Tensor:
        """Statistics at every step of sequences from their start.

        Parameters
        ----------
        vectors
            Shape ``(batch, steps, units)``, none below zero.

        Returns
        -------
        shape (batch, steps, 3 units)
        """
        steps = ops.cast(ops.arange(ops.shape(vectors)[1]), vectors.dtype)[None, :, None]
        grown = ops.exp(self.decay * (steps - steps[:, -1:]))
        peaks = _peaks(vectors, self.decay / _PEAK_MEMORY)
        return ops.concatenate(
            [_statistics(*_moments(grown, vectors, training=False)), peaks], axis=-1
        )

    def compute_output_spec(self, vectors: Tensor) -> keras.KerasTensor:
        """Output of :meth:`call`."""
        width = _STATISTICS * sum(self.architecture.widths)
        return sequence_spec(vectors, 1, width, self.compute_dtype)

    def step(self, vector: Tensor, states: States) -> tuple[Tensor, States]:
        """Statistics, shape ``(1, 3 units)``, after one more vector, shape ``(1, units)``."""
        retention = float(np.exp(-self.decay))
        old = (states["weight"], states["mean"], states["spread"])
        weight, mean, spread = _running_moments(
            old, retention, ops.ones_like(states["weight"]), vector
        )
        peak = ops.maximum(retention ** (1 / _PEAK_MEMORY) * states["peak"], vector)
        statistics = ops.concatenate([_statistics(mean, spread / weight), peak], axis=-1)
        return statistics, {"weight": weight, "mean": mean, "spread": spread, "peak": peak}


@keras.saving.register_keras_serializable("realtime_ser")
class StatisticsAnswer(ArchitectureLayer):
    """Head from running statistics to logits: two dense layers."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        shape = self.architecture
        # A segment has the same mask at all steps: fewer draws, the same effect.
        whole = (None, 1, None)
        self.dropout = layers.Dropout(shape.statistics_dropout, noise_shape=whole)
        self.dense = layers.Dense(shape.statistics, activation="relu", name="dense")
        self.dense_dropout = layers.Dropout(shape.pooled_dropout)
        self.logits = layers.Dense(shape.labels, name="logits")

    def build(self, _input_shape: Any) -> None:
        """Create the weights."""
        width = _STATISTICS * sum(self.architecture.widths)
        self.mean = self.add_weight((width,), "zeros", trainable=False, name="mean")
        self.deviation = self.add_weight((width,), "ones", trainable=False, name="deviation")
        self.dense.build((None, None, width))
        self.logits.build((None, None, self.architecture.statistics))
        self.built = True

    def call(self, statistics: Tensor, training: bool = False) -> Tensor:
        """Logits, shape ``(..., labels)``, from statistics of shape ``(..., 3 units)``."""
        x = self.dropout((statistics - self.mean) / self.deviation, training=training)
        return self.logits(self.dense_dropout(self.dense(x), training=training))


def _peaks(vectors: Tensor, decay: float) -> Tensor:
    """Largest value so far, where values decay with their age."""
    for passed in range(_DOUBLINGS):
        span = 2**passed
        vectors = ops.maximum(vectors, float(np.exp(-decay * span)) * _delayed(vectors, span))
    return vectors


@keras.saving.register_keras_serializable("realtime_ser")
class Heads(ArchitectureLayer):
    """Heads that are trained separately; their output is the mean of their logits.

    An ensemble of networks that differ in initial weights and in the order of their training data
    has a higher accuracy and a better calibration (Lakshminarayanan et al., Simple and
    Scalable Predictive Uncertainty Estimation using Deep Ensembles, NeurIPS 2017).
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        shape = self.architecture
        self.heads = [Head(shape, name=f"head{k}") for k in range(shape.heads)]
        self.statistics = RunningStatistics(shape, name="statistics")
        self.answers = [
            StatisticsAnswer(shape, name=f"statistics{k}") for k in range(shape.statistics_heads)
        ]

    def build(self, input_shape: Any) -> None:
        """Create the weights, whatever ``input_shape`` is."""
        for member in [*self.heads, *self.answers]:
            member.build(input_shape)
        self.built = True

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        return {
            f"{layer.name}_{name}": shape
            for layer in self._stateful_layers
            for name, shape in layer.state_shapes().items()
        }

    def call(self, vectors: Tensor, training: bool = False) -> Tensor:
        """Logits at every step of sequences from their start; see :meth:`Head.call`."""
        head_logits = [head(vectors, training=training) for head in self.heads]
        if self.answers:
            statistics = self.statistics(vectors)
            head_logits += [answer(statistics, training=training) for answer in self.answers]
        return _mean(head_logits)

    def compute_output_spec(self, vectors: Tensor, **_options: bool) -> keras.KerasTensor:
        """Output of :meth:`call`."""
        return sequence_spec(vectors, 1, self.architecture.labels, self.compute_dtype)

    def step(self, vector: Tensor, states: States) -> tuple[Tensor, States]:
        """Logits, shape ``(1, labels)``, after one more vector, shape ``(1, units)``."""
        outputs: list[Tensor] = []
        new: States = {}
        for layer in self._stateful_layers:
            own = {name: states[f"{layer.name}_{name}"] for name in layer.state_shapes()}
            output, after = layer.step(vector, own)
            outputs.append(output)
            new |= {f"{layer.name}_{name}": state for name, state in after.items()}
        head_logits = outputs[: len(self.heads)]
        return _mean([*head_logits, *(answer(outputs[-1]) for answer in self.answers)]), new

    @property
    def _stateful_layers(self) -> list[Head | RunningStatistics]:
        """Layers with states; all heads of statistics share one."""
        return [*self.heads, *([self.statistics] if self.answers else [])]


def _mean(logits: Sequence[Tensor]) -> Tensor:
    return sum(logits[1:], logits[0]) / len(logits)
