"""Causal transformer encoder: MFCC frames to one vector for each step of eight.

The layers are those of Whisper's encoder (Radford et al., Robust Speech Recognition via Large-Scale
Weak Supervision, ICML 2023), whose weights can be loaded: two convolutions, sinusoidal positions,
pre-norm layers. Attention is block-causal over a window of the last seconds, a step being a block;
a layer with look-ahead delays its output instead. Keys and values of past steps are explicit state.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.features import dct_matrix
from training.streaming.architecture import (
    Architecture,
    ImitatedLayers,
    States,
    StepEncoder,
    Tensor,
    Transformer,
)

TOKENS = 4
"""Vectors of a step inside the transformer, one for two frames each."""

CONTEXT_FRAMES = 3
"""Frames before a step in the receptive field of its convolutions."""

FLOOR = -10.0
"""Lower limit of log10 mel power."""

RANGE = 8.0
"""Dynamic range below the loudest band, in powers of ten."""

_NEVER = -1e9
_EPSILON = 1e-5
_PASSES = 9  # together 511 steps; a segment has 375 at most


def positional_encoding(position: NDArray[np.floating] | Tensor, width: int) -> Tensor:
    """Sinusoidal encodings, shape ``(..., width)``, of positions, shape ``(..., 1)``."""
    half = width // 2
    rates = np.exp(-math.log(10_000.0) / (half - 1) * np.arange(half)).astype(np.float32)
    angles = position * rates
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


@keras.saving.register_keras_serializable("realtime_ser")
class TransformerLayer(layers.Layer):
    """One pre-norm layer; the caller gives keys, values and the attention mask."""

    def __init__(self, width: int, attention_heads: int, feed_forward: int, **options: Any) -> None:
        super().__init__(**options)
        self.sizes = {
            "width": width,
            "attention_heads": attention_heads,
            "feed_forward": feed_forward,
        }
        self.width, self.attention_heads = width, attention_heads
        self.norm = layers.LayerNormalization(epsilon=_EPSILON, name="norm")
        self.query = layers.Dense(width, name="query")
        self.key_value = layers.Dense(2 * width, name="key_value")
        self.out = layers.Dense(width, name="out")
        self.feed_norm = layers.LayerNormalization(epsilon=_EPSILON, name="feed_norm")
        self.feed_in = layers.Dense(feed_forward, name="feed_in")
        self.feed_out = layers.Dense(width, name="feed_out")

    def build(self, _input_shape: Any = None) -> None:
        """Create the weights."""
        for layer in (
            self.norm,
            self.query,
            self.key_value,
            self.out,
            self.feed_norm,
            self.feed_in,
        ):
            layer.build((None, None, self.width))
        self.feed_out.build((None, None, self.feed_in.units))
        self.built = True

    @property
    def dense_layers(self) -> tuple[layers.Dense, ...]:
        """The layers that hold nearly all weights."""
        return self.query, self.key_value, self.out, self.feed_in, self.feed_out

    def keys_values(self, x: Tensor) -> Tensor:
        """Keys and values of ``x``, concatenated, shape ``(batch, tokens, 2 width)``."""
        return self.key_value(self.norm(x))

    def attend(self, x: Tensor, keys_values: Tensor, bias: Tensor) -> Tensor:
        """Output of the layer for ``x``.

        Parameters
        ----------
        x
            Shape ``(batch, tokens, width)``.
        keys_values
            From :meth:`keys_values`, shape ``(batch, keys, 2 width)``.
        bias
            Additive attention mask, shape ``(batch or 1, 1, tokens, keys)``.
        """
        keys, values = keys_values[..., : self.width], keys_values[..., self.width :]
        query = self.query(self.norm(x)) * ((self.width // self.attention_heads) ** -0.5)
        scores = ops.matmul(
            self._split_heads(query), ops.transpose(self._split_heads(keys), (0, 1, 3, 2))
        )
        mixed = ops.transpose(
            _weighted_mean(scores + bias, self._split_heads(values)), (0, 2, 1, 3)
        )
        x = x + self.out(ops.reshape(mixed, ops.shape(x)))
        return x + self.feed_out(gelu(self.feed_in(self.feed_norm(x))))

    def call(self, x: Tensor) -> Tensor:
        """Output with attention of all tokens to all."""
        return self.attend(x, self.keys_values(x), ops.zeros((1, 1, 1, 1), x.dtype))

    def _split_heads(self, x: Tensor) -> Tensor:
        """``x`` by heads, shape ``(batch, heads, tokens, head width)``."""
        batch, tokens = ops.shape(x)[0], ops.shape(x)[1]
        heads = self.attention_heads
        split = ops.reshape(x, (batch, tokens, heads, self.width // heads))
        return ops.transpose(split, (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        """Arguments of the layer."""
        return {**super().get_config(), **self.sizes}


def _weighted_mean(scores: Tensor, values: Tensor) -> Tensor:
    """Mean of the values over the keys, weighted by the softmax of the scores.

    The sum of the weights is a product as well: that adds in the order of the keys, so that keys
    without weight, of which a block of steps has others than a step, leave each bit as it is.
    """
    weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    total = ops.matmul(weights, ops.ones_like(values[..., :1]))
    return ops.matmul(weights, values) / total


def gelu(x: Tensor) -> Tensor:
    """The exact GELU."""
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable("realtime_ser")
class TransformerEncoder(StepEncoder):
    """MFCC frames to a step's vector: the outputs of all layers, standardised."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        # An input in dB is too coarse in half precision: the cast comes behind the front end.
        super().__init__(architecture, autocast=False, **options)
        shape = self.transformer
        self.convolutions = [
            layers.Conv1D(shape.width, 3, strides=stride, name=f"conv{k}")
            for k, stride in enumerate((1, 2))
        ]
        self.stack = [
            TransformerLayer(
                shape.width, shape.attention_heads, shape.feed_forward, name=f"layer{k}"
            )
            for k in range(shape.layers)
        ]
        coefficients = self.architecture.coefficients
        self._bands = dct_matrix(coefficients, coefficients).astype(np.float32)

    @property
    def transformer(self) -> Transformer:
        """Sizes of the transformer."""
        assert self.architecture.transformer is not None
        return self.architecture.transformer

    @property
    def imitated(self) -> ImitatedLayers:
        """Layers of Whisper's encoder whose vectors the last units give."""
        return self.transformer.imitated

    def build(self, _input_shape: Any = None) -> None:
        """Create the weights."""
        shape, coefficients = self.transformer, self.architecture.coefficients
        # Of typical input, for the parity test; the encoder itself does not use them.
        self.mean = self.add_weight((coefficients,), "zeros", trainable=False, name="mean")
        self.deviation = self.add_weight((coefficients,), "ones", trainable=False, name="deviation")
        width = shape.width * shape.layers
        self.vector_mean = self.add_weight((width,), "zeros", trainable=False, name="vector_mean")
        self.vector_deviation = self.add_weight(
            (width,), "ones", trainable=False, name="vector_deviation"
        )
        for convolution, channels in zip(
            self.convolutions, (coefficients, shape.width), strict=True
        ):
            convolution.build((None, None, channels))
        for layer in self.stack:
            layer.build()
        self.built = True

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        shape = self.transformer
        states: dict[str, tuple[int, ...]] = {
            "steps": (1, 1),
            "loudest": (1, 1, 1),
            "frames_context": (1, CONTEXT_FRAMES, self.architecture.coefficients),
        }
        past = TOKENS * (shape.window - 1)
        for k, delay in enumerate(shape.layer_delays):
            if past:
                states[f"layer{k}_past"] = (1, past, 2 * shape.width)
            if delay:
                states[f"layer{k}_waiting"] = (1, TOKENS * delay, shape.width)
        return states

    def run(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Encode whole steps: :meth:`StepEncoder.run`.

        The states are empty at a segment's start, where no past is kept.

        Returns
        -------
        vectors : shape (batch, steps, units)
            Outputs of all layers, each averaged over a step and standardised; zeros before the
            end of a layer's delay.
        states : after the last frame
        """
        x, done, new = self._tokens(frames, states)
        shape = self.transformer
        count = ops.shape(x)[1] // TOKENS
        past = shape.window - 1 if states else 0
        outputs, delay = [], 0
        for k, (layer, layer_delay) in enumerate(zip(self.stack, shape.layer_delays, strict=True)):
            keys_values = layer.keys_values(x)
            if past:
                keys_values = ops.concatenate([states[f"layer{k}_past"], keys_values], axis=1)
                new[f"layer{k}_past"] = keys_values[:, -TOKENS * past :]
            if layer_delay:
                x, new[f"layer{k}_waiting"] = self._delayed(x, states.get(f"layer{k}_waiting"), k)
            x = layer.attend(x, keys_values, self._bias(count, past, done, delay))
            delay += layer_delay
            outputs.append(self._step_means(x))
        vectors = ops.cast(ops.concatenate(outputs, axis=-1), frames.dtype)
        vectors = (vectors - self.vector_mean) / self.vector_deviation
        return vectors * self._defined(vectors, done) if delay else vectors, new

    def _delayed(self, x: Tensor, waiting: Tensor | None, layer: int) -> tuple[Tensor, Tensor]:
        """``x`` delayed by a layer's look-ahead, and the tokens still waiting."""
        length = TOKENS * self.transformer.layer_delays[layer]
        if waiting is None:
            waiting = ops.zeros((ops.shape(x)[0], length, self.transformer.width), x.dtype)
        queue = ops.concatenate([waiting, x], axis=1)
        return queue[:, :-length], queue[:, -length:]

    def call(self, frames: Tensor) -> Tensor:
        """Encode sequences from their start: :meth:`run` at a segment's start."""
        return self.run(frames, {})[0]

    def spectrum(self, mfcc: Tensor, states: States) -> tuple[Tensor, States]:
        """Log-mel spectrum in Whisper's scale, and states.

        The floor follows the loudest band so far, where Whisper takes that of the whole clip.
        """
        spectrum = ops.matmul(mfcc, self._bands) / 10.0
        batch, steps = ops.shape(spectrum)[0], ops.shape(spectrum)[1] // STEP_FRAMES
        used = spectrum[..., : self.transformer.used_bands]
        blocks = ops.reshape(used, (batch, steps, STEP_FRAMES * used.shape[-1]))
        # Counted from the lower limit, so that a zero state is silence.
        loudest = ops.max(blocks, axis=-1, keepdims=True) - FLOOR
        if mfcc.shape[1] != STEP_FRAMES:
            for passed in range(_PASSES):
                earlier = ops.pad(loudest, ((0, 0), (2**passed, 0), (0, 0)))[:, :steps]
                loudest = ops.maximum(loudest, earlier)
        if states:
            loudest = ops.maximum(loudest, states["loudest"])
        floor = ops.repeat(loudest + (FLOOR - RANGE), STEP_FRAMES, axis=1)
        kept = ops.maximum(used, floor)
        held = ops.broadcast_to(
            floor, (batch, STEP_FRAMES * steps, spectrum.shape[-1] - used.shape[-1])
        )
        joined = ops.concatenate([kept, held], axis=-1)
        return (joined + 4.0) / 4.0, {"loudest": loudest[:, -1:]}

    def _tokens(self, frames: Tensor, states: States) -> tuple[Tensor, Tensor, States]:
        """Input of the first layer, number of steps before, and states."""
        spectrum, new = self.spectrum(frames, states)
        batch = ops.shape(spectrum)[0]
        if states:
            before, done = states["frames_context"], states["steps"]
        else:
            before = ops.zeros((batch, CONTEXT_FRAMES, spectrum.shape[-1]), spectrum.dtype)
            done = ops.zeros((1, 1), spectrum.dtype)
        x = ops.concatenate([before, spectrum], axis=1)
        new["frames_context"] = x[:, -CONTEXT_FRAMES:]
        new["steps"] = done + ops.cast(ops.shape(spectrum)[1] // STEP_FRAMES, spectrum.dtype)
        x = ops.cast(x, self.compute_dtype)
        for convolution in self.convolutions:
            x = gelu(convolution(x))
        position = ops.cast(ops.arange(ops.shape(x)[1]), done.dtype)[None, :, None]
        position = position + TOKENS * done[:, :, None]
        encoding = positional_encoding(position, self.transformer.width)
        return x + ops.cast(encoding, x.dtype), done, new

    def _bias(self, count: int, past: int, done: Tensor, delay: int) -> Tensor:
        """Additive attention mask: 0 for allowed keys, far below elsewhere.

        Parameters
        ----------
        count, past
            Number of new steps, and of past steps kept.
        done
            Number of steps before the new ones, shape ``(batch or 1, 1)``.
        delay
            Delay of the layer's input in steps; keys before are undefined.
        """
        query = ops.arange(count * TOKENS)[:, None] // TOKENS
        key = ops.arange((past + count) * TOKENS)[None, :] // TOKENS - past
        in_window = ops.logical_and(key <= query, key > query - self.transformer.window)
        step = ops.cast(key, done.dtype)[None, None] + done[:, :, None, None]
        allowed = ops.logical_and(in_window[None, None], step >= delay)
        return ops.cast(ops.where(allowed, 0.0, _NEVER), self.compute_dtype)

    def _step_means(self, x: Tensor) -> Tensor:
        batch, count = ops.shape(x)[0], ops.shape(x)[1] // TOKENS
        return ops.mean(ops.reshape(x, (batch, count, TOKENS, self.transformer.width)), axis=2)

    def _defined(self, vectors: Tensor, done: Tensor) -> Tensor:
        """Mask of the vectors: 0 before the end of a layer's delay, else 1."""
        delays = np.repeat(self.transformer.delays, self.transformer.width).astype(np.float32)
        step = ops.cast(ops.arange(ops.shape(vectors)[1]), vectors.dtype)[None, :, None]
        return ops.cast(step + done[:, :, None] >= delays, vectors.dtype)
