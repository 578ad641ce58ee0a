"""Causal residual CNN: MFCC frames to one vector for each step of eight.

The bands of the log-mel spectrum in use go through two strided convolutions and residual blocks of
a dilated depthwise convolution and two dense layers (Liu et al., A ConvNet for the 2020s, CVPR
2022), all of which look back only. A linear map gives the vectors of an encoder that the CNN learns
to imitate, some steps late.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from realtime_ser.recogniser.features import dct_matrix
from training.streaming.architecture import (
    Architecture,
    ImitatedLayers,
    Residual,
    States,
    StepEncoder,
    Tensor,
    prepend_context,
)

TOKENS = 2
"""Vectors of a step inside the CNN, one for four frames each."""

_STRIDE = 2
_STEM_KERNELS = (5, 3)
_EPSILON = 1e-5
_SCALE_DB = 20.0  # a typical deviation of a band


@keras.saving.register_keras_serializable("realtime_ser")
class ResidualBlock(layers.Layer):
    """One block, with its receptive field before the new tokens as explicit context."""

    def __init__(
        self, width: int, feed_forward: int, kernel: int, dilation: int, **options: Any
    ) -> None:
        super().__init__(**options)
        self.sizes = {
            "width": width,
            "feed_forward": feed_forward,
            "kernel": kernel,
            "dilation": dilation,
        }
        self.width, self.kernel_size, self.dilation = width, kernel, dilation
        self.norm = layers.LayerNormalization(epsilon=_EPSILON, name="norm")
        self.feed_in = layers.Dense(feed_forward, name="feed_in")
        self.feed_out = layers.Dense(width, name="feed_out")

    @property
    def context(self) -> int:
        """Number of earlier tokens that the convolution takes."""
        return (self.kernel_size - 1) * self.dilation

    def build(self, _input_shape: Any = None) -> None:
        """Create the weights."""
        self.kernel = self.add_weight(
            (self.kernel_size, self.width), "glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight((self.width,), "zeros", name="bias")
        self.norm.build((None, None, self.width))
        self.feed_in.build((None, None, self.width))
        self.feed_out.build((None, None, self.feed_in.units))
        self.built = True

    def run(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Output for ``x``, shape ``(batch, tokens, width)``, and the context after it.

        ``context`` has shape ``(batch, self.context, width)``.
        """
        joined, after = prepend_context(context, x)
        count = ops.shape(x)[1]
        mixed = self.bias + sum(
            self.kernel[k] * joined[:, k * self.dilation :][:, :count]
            for k in range(self.kernel_size)
        )
        hidden = ops.gelu(self.feed_in(self.norm(mixed)), approximate=False)
        return x + self.feed_out(hidden), after

    def call(self, x: Tensor) -> Tensor:
        """Output for sequences from their start."""
        zeros = ops.zeros((ops.shape(x)[0], self.context, self.width), x.dtype)
        return self.run(x, zeros)[0]

    def get_config(self) -> dict[str, Any]:
        """Arguments of the layer."""
        return {**super().get_config(), **self.sizes}


@keras.saving.register_keras_serializable("realtime_ser")
class ResidualEncoder(StepEncoder):
    """MFCC frames to a step's vector: estimates of the imitated layers, standardised."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(architecture, **options)
        shape = self.residual
        self.stem = [
            layers.Conv1D(shape.width, kernel, strides=_STRIDE, name=f"stem{k}")
            for k, kernel in enumerate(_STEM_KERNELS)
        ]
        self.blocks = [
            ResidualBlock(shape.width, shape.feed_forward, shape.kernel, dilation, name=f"block{k}")
            for k, dilation in enumerate(shape.dilations)
        ]
        self.norm = layers.LayerNormalization(epsilon=_EPSILON, name="norm")
        self.out = layers.Dense(sum(self.architecture.widths), name="out")
        coefficients = self.architecture.coefficients
        bands = dct_matrix(coefficients, coefficients).astype(np.float32)
        self._bands = bands[:, : self.imitated.used_bands] / _SCALE_DB

    @property
    def residual(self) -> Residual:
        """Sizes of the CNN."""
        assert self.architecture.residual is not None
        return self.architecture.residual

    @property
    def imitated(self) -> ImitatedLayers:
        """Layers of Whisper's encoder whose vectors the output gives."""
        return self.residual.imitated

    def build(self, _input_shape: Any = None) -> None:
        """Create the weights."""
        width, coefficients = self.residual.width, self.architecture.coefficients
        self.mean = self.add_weight((coefficients,), "zeros", trainable=False, name="mean")
        # Of typical input, for the parity test; the encoder itself does not use it.
        self.deviation = self.add_weight((coefficients,), "ones", trainable=False, name="deviation")
        units = (self.out.units,)
        self.vector_mean = self.add_weight(units, "zeros", trainable=False, name="vector_mean")
        self.vector_deviation = self.add_weight(
            units, "ones", trainable=False, name="vector_deviation"
        )
        for convolution, channels in zip(self.stem, self._stem_channels, strict=True):
            convolution.build((None, None, channels))
        for block in self.blocks:
            block.build()
        self.norm.build((None, None, width))
        self.out.build((None, None, width))
        self.built = True

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        stem: dict[str, tuple[int, ...]] = {
            f"stem{k}_context": (1, _STEM_KERNELS[k] - _STRIDE, channels)
            for k, channels in enumerate(self._stem_channels)
        }
        width = self.residual.width
        return stem | {f"{block.name}_context": (1, block.context, width) for block in self.blocks}

    @property
    def _stem_channels(self) -> tuple[int, int]:
        """Input channels of the strided convolutions."""
        return self.imitated.used_bands, self.residual.width

    def run(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Encode whole steps: :meth:`StepEncoder.run`.

        Returns
        -------
        vectors : shape (batch, steps, units)
        states : after the last frame
        """
        new: States = {}
        x = ops.matmul(frames - self.mean, self._bands)
        for convolution in self.stem:
            name = f"{convolution.name}_context"
            x, new[name] = prepend_context(states[name], x)
            x = ops.gelu(convolution(x), approximate=False)
        for block in self.blocks:
            name = f"{block.name}_context"
            x, new[name] = block.run(x, states[name])
        batch, steps = ops.shape(x)[0], ops.shape(x)[1] // TOKENS
        x = ops.mean(ops.reshape(x, (batch, steps, TOKENS, self.residual.width)), axis=2)
        return (self.out(self.norm(x)) - self.vector_mean) / self.vector_deviation, new
