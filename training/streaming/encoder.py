"""The causal CNN: MFCC frames to a vector for each step of eight.

The CNN has the shape of AudioNTT2020 (Niizumi et al., BYOL for Audio, IJCNN 2021), to start from
BYOL-S (Scheidwasser-Clow et al., SERAB, ICASSP 2022); its convolutions look back only. A linear map
over six frames first turns MFCC back into a smoothed mel spectrum.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from training.streaming.architecture import (
    POOLS,
    Architecture,
    States,
    StepEncoder,
    Tensor,
    prepend_context,
)


@keras.saving.register_keras_serializable("realtime_ser")
class Encoder(StepEncoder):
    """Causal CNN from MFCC frames to a vector for each step of eight frames."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        shape = self.architecture
        self.map = layers.Conv1D(shape.bands, max(1, shape.map_frames), name="map")
        self.convolutions = [
            layers.Conv2D(shape.channels, 3, padding="valid", name=f"conv{k}") for k in range(POOLS)
        ]
        # Always in inference mode: the statistics are the pretrained ones, or those of the start.
        self.norms = [
            layers.BatchNormalization(epsilon=1e-5, trainable=False, name=f"norm{k}")
            for k in range(POOLS)
        ]
        self.pool = layers.MaxPooling2D(2)
        self.dense = [layers.Dense(n, activation="relu") for n in shape.units]

    def build(self, input_shape: Any) -> None:
        """Create the weights for frames of ``input_shape[-1]`` coefficients."""
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
        width = shape.widths[0]
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
        for k in range(POOLS):
            channels = shape.channels if k else 1
            states[f"conv{k}_context"] = (1, 2, shape.bands // 2**k, channels)
        return states

    def run(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Encode whole steps: :meth:`StepEncoder.run`.

        Returns
        -------
        vectors : shape (batch, steps, units)
            Output of the last layer or, for heads of statistics, of all layers behind the
            convolutions, that of the last layer last.
        states : after the last frame
        """
        new: States = {}
        x = (frames - self.mean) / self.deviation
        if self.architecture.map_frames > 1:
            x, new["map_context"] = prepend_context(states["map_context"], x)
        if self.architecture.map_frames:
            x = self.map(x)
        x = ops.expand_dims(x, -1)
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x, new[f"conv{k}_context"] = prepend_context(states[f"conv{k}_context"], x)
            x = ops.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
            x = self.pool(ops.relu(norm(convolution(x), training=False)))
        batch, steps = ops.shape(x)[0], ops.shape(x)[1]
        x = ops.reshape(x, (batch, steps, self.dense[0].kernel.shape[0]))
        outputs = [x]
        for dense in self.dense:
            outputs.append(dense(outputs[-1]))
        whole = self.architecture.statistics_heads > 0
        return ops.concatenate(outputs, axis=-1) if whole else outputs[-1], new

    def initialise_batch_norm(self, frames: Tensor) -> None:
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
