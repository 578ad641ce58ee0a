"""Whisper's front end and bidirectional encoder as published."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from realtime_ser.base.records import FRAME, HOP
from realtime_ser.recogniser.features import mel_filterbank
from training.streaming.architecture import Tensor, sequence_spec
from training.streaming.recipe import WHISPER_FEATURES
from training.streaming.transformer import RANGE, TransformerLayer, gelu, positional_encoding
from training.streaming.whisper_weights import BANDS, WhisperWeights


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel spectrum of a clip, shape ``(frames, 80)``; frame ``t`` is centred at sample 160 t.

    Parameters
    ----------
    samples
        Shape ``(n,)``, 16 kHz, -1 .. 1.
    """
    padded = np.pad(samples.astype(np.float64), FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: len(samples) // HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    spectrum = np.log10(np.maximum(power @ mel_filterbank(WHISPER_FEATURES).T, 1e-10))
    return scale(spectrum)


def scale(spectrum: NDArray[np.floating]) -> NDArray[np.float32]:
    """Log10 mel spectrum of a clip in the encoder's scale, floored below its loudest band."""
    kept = np.maximum(spectrum, spectrum.max() - RANGE)
    scaled: NDArray[np.float32] = ((kept + 4.0) / 4.0).astype(np.float32)
    return scaled


class PublishedEncoder(layers.Layer):
    """Whisper's encoder, or its first layers.

    Parameters
    ----------
    weights
        From :func:`training.streaming.whisper_weights.read_weights`.
    count
        Number of layers; ``None``: all.
    """

    def __init__(self, weights: WhisperWeights, count: int | None = None) -> None:
        super().__init__(trainable=False)
        self.width = weights.width
        self.convolutions = [
            layers.Conv1D(self.width, 3, strides=stride, name=f"conv{stride}") for stride in (1, 2)
        ]
        self.stack = [
            TransformerLayer(self.width, weights.heads, weights.feed_forward, name=f"layer{k}")
            for k in range(weights.layers if count is None else count)
        ]
        for convolution, channels in zip(self.convolutions, (BANDS, self.width), strict=True):
            convolution.build((None, None, channels))
        for layer in self.stack:
            layer.build()
        self.built = True
        load_weights(weights, self.convolutions, self.stack)

    def call(self, frames: Tensor, mask: Tensor) -> list[Tensor]:
        """Output of each layer, shape ``(batch, frames / 2, width)``.

        Parameters
        ----------
        frames
            From :func:`log_mel`, shape ``(batch, frames, 80)``, with an even number of frames.
        mask
            0 behind the end of a clip, else 1, shape ``(batch, frames / 2)``.
        """
        x = frames
        for convolution in self.convolutions:
            x = gelu(convolution(ops.pad(x, ((0, 0), (1, 1), (0, 0)))))
        position = ops.cast(ops.arange(ops.shape(x)[1]), x.dtype)[None, :, None]
        x = x + positional_encoding(position, self.width)
        bias = (mask[:, None, None, :] - 1.0) * 1e9
        outputs = []
        for layer in self.stack:
            x = layer.attend(x, layer.keys_values(x), bias)
            outputs.append(x)
        return outputs

    def compute_output_spec(self, frames: Tensor, _mask: Tensor) -> list[keras.KerasTensor]:
        """What :meth:`call` gives; lengths that are not known yet cannot be traced everywhere."""
        spec = sequence_spec(frames, 2, self.width, self.compute_dtype)
        return [spec for _ in self.stack]


def load_weights(
    weights: WhisperWeights,
    convolutions: list[layers.Conv1D],
    stack: list[TransformerLayer],
) -> None:
    """Set the weights of convolutions and layers; further layers of ``weights`` stay unused."""
    arrays = weights.arrays
    for k, convolution in enumerate(convolutions, start=1):
        kernel = arrays[f"conv{k}/weight"].transpose(2, 1, 0)
        convolution.set_weights([kernel, arrays[f"conv{k}/bias"]])
    for k, layer in enumerate(stack):
        attention, inner = f"layer_{k}/self_attention", f"layer_{k}/ffn"
        kernel, bias = (arrays[f"{attention}/linear_0/{part}"] for part in ("weight", "bias"))
        width = layer.width
        layer.query.set_weights([kernel[:width].T, bias[:width]])
        layer.key_value.set_weights([kernel[width:].T, bias[width:]])
        for own, name in (
            (layer.out, f"{attention}/linear_1"),
            (layer.feed_in, f"{inner}/linear_0"),
            (layer.feed_out, f"{inner}/linear_1"),
        ):
            own.set_weights([arrays[f"{name}/weight"].T, arrays[f"{name}/bias"]])
        for own, name in ((layer.norm, attention), (layer.feed_norm, inner)):
            own.set_weights([arrays[f"{name}/layer_norm/{part}"] for part in ("gamma", "beta")])
