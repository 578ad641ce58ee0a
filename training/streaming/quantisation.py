"""Rounds a transformer's weights to whole numbers of eight bits, with little change of its output.

LiteRT multiplies such weights by inputs that it rounds too, each token's over its own range. So the
channels of the inputs are first moved and scaled, exactly, to have ranges alike (Xiao et al.,
SmoothQuant, ICML 2023; Wei et al., Outlier Suppression+, EMNLP 2023). The weights are then rounded
channel by channel, and those still to come make up for the error so far, as far as inputs of real
speech go together (Frantar et al., GPTQ, ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.streaming.network import StreamingSer
from training.streaming.transformer import TransformerEncoder, TransformerLayer

Floats: TypeAlias = NDArray[np.float64]

_LARGEST = 127
_STEP_FACTORS = 8  # a step is 8 to 15 times a power of two: a weight fits into half precision
_RANGE_SHARE = 0.8  # of the inputs' ranges in the scale of a channel; the rest is the weights'
_DAMPING = 0.01
_BLOCK = 64
_FINEST = 2.0**30  # weights are multiples of its inverse
_TINY = 1e-5


def quantise(model: StreamingSer, speech: Sequence[NDArray[np.floating]]) -> None:
    """Round weights of a transformer's dense layers to whole multiples of a step for each unit.

    The first layer's keys, values and outputs stay as they are: their rounding reaches all that
    follows, and makes two thirds of the whole error.

    Parameters
    ----------
    model
        Model with a transformer; what it gives in full precision changes by the rounding alone.
    speech
        MFCC that the model may have learned from, each of shape ``(8 steps, coefficients)``.
    """
    encoder = model.encoder
    assert isinstance(encoder, TransformerEncoder)
    inputs = _measured_inputs(encoder, speech)
    for number, layer in enumerate(encoder.stack):
        rounded = [layer.query, layer.feed_in]
        if number:
            rounded += [layer.key_value, layer.out, layer.feed_out]
        _even_out_layer(layer, inputs, rounded)
        for dense in rounded:
            _round(dense, inputs[dense])


def is_quantised(model: StreamingSer) -> bool:
    """Whether weights of a model were rounded by :func:`quantise`."""
    encoder = model.encoder
    if not isinstance(encoder, TransformerEncoder):
        return False
    return exact_int8(_values(encoder.stack[0].feed_in.kernel).T) is not None


def exact_int8(
    weights: NDArray[np.floating],
) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Weights as whole numbers and each row's step; ``None`` where that is not exact.

    Parameters
    ----------
    weights
        Shape ``(units, channels)``.
    """
    fine = weights.astype(np.float64) * _FINEST
    whole = np.rint(fine).astype(np.int64)
    if not np.array_equal(whole, fine):
        return None
    steps = np.maximum(np.gcd.reduce(whole, axis=1), 1)
    numbers = whole // steps[:, None]
    if np.abs(numbers).max() > _LARGEST:
        return None
    return numbers.astype(np.int8), (steps / _FINEST).astype(np.float32)


@dataclass
class _Inputs:
    """What reaches a dense layer.

    Attributes
    ----------
    moment, mean
        Mean products of all pairs of channels, and mean of each.
    low, high
        Range of each channel.
    count
        Number of tokens.
    """

    moment: Floats
    mean: Floats
    low: Floats
    high: Floats
    count: int = 0

    @classmethod
    def none(cls, channels: int) -> _Inputs:
        zeros = np.zeros(channels)
        return cls(np.zeros((channels, channels)), zeros, zeros + np.inf, zeros - np.inf)

    def add(self, tokens: NDArray[np.floating]) -> None:
        """Count tokens of shape ``(tokens, channels)``."""
        before, self.count = self.count, self.count + len(tokens)
        self.moment = (before * self.moment + tokens.T @ tokens) / self.count
        self.mean = (before * self.mean + tokens.sum(axis=0)) / self.count
        self.low = np.minimum(self.low, tokens.min(axis=0))
        self.high = np.maximum(self.high, tokens.max(axis=0))

    def changed(self, shift: Floats, scale: Floats) -> _Inputs:
        """The same inputs less ``shift``, divided by ``scale``."""
        cross = np.outer(self.mean, shift)
        moment = (self.moment - cross - cross.T + np.outer(shift, shift)) / np.outer(scale, scale)
        mean, low, high = ((x - shift) / scale for x in (self.mean, self.low, self.high))
        return _Inputs(moment, mean, low, high, self.count)


def _measured_inputs(
    encoder: TransformerEncoder, speech: Sequence[NDArray[np.floating]]
) -> dict[keras.layers.Dense, _Inputs]:
    """Inputs of the transformer's dense layers."""
    inputs: dict[keras.layers.Dense, _Inputs] = {}
    with _listening(encoder.stack, inputs):
        for mfcc in speech:
            encoder(mfcc[None].astype(np.float32))
    return inputs


@contextmanager
def _listening(
    stack: Sequence[TransformerLayer], inputs: dict[keras.layers.Dense, _Inputs]
) -> Iterator[None]:
    """Add what reaches the dense layers to ``inputs`` within the block."""
    layers = [dense for layer in stack for dense in layer.dense_layers]

    def listener(dense: Any, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        channels = dense.kernel.shape[0]
        heard = inputs.setdefault(dense, _Inputs.none(channels))

        def listen(x: Any) -> Any:
            heard.add(ops.convert_to_numpy(x).reshape(-1, channels))
            return call(x)

        return listen

    for dense in layers:
        dense.call = listener(dense, dense.call)
    try:
        yield
    finally:
        for dense in layers:
            del dense.call


def _even_out_layer(
    layer: TransformerLayer,
    inputs: dict[keras.layers.Dense, _Inputs],
    rounded: Sequence[keras.layers.Dense],
) -> None:
    """Give the channels ahead of the layers that are rounded ranges alike; no output changes."""
    for norm, after in (
        (layer.norm, [layer.query, layer.key_value]),
        (layer.feed_norm, [layer.feed_in]),
    ):
        shift, scale = _even_out(after, inputs)
        norm.gamma.assign(_values(norm.gamma) / scale)
        norm.beta.assign((_values(norm.beta) - shift) / scale)
    if layer.out in rounded:  # whose inputs are means of values, weights of the sum 1
        shift, scale = _even_out([layer.out], inputs)
        keys = np.zeros(layer.width)
        whole = np.concatenate([keys + 1.0, scale])
        kernel, bias = _values(layer.key_value.kernel), _values(layer.key_value.bias)
        layer.key_value.kernel.assign(kernel / whole)
        layer.key_value.bias.assign((bias - np.concatenate([keys, shift])) / whole)


def _even_out(
    after: Sequence[keras.layers.Dense], inputs: dict[keras.layers.Dense, _Inputs]
) -> tuple[Floats, Floats]:
    """Prepare dense layers with a common input for it to be shifted and scaled, as is returned.

    A scale is a power of two, so that weights stay exact.
    """
    heard = inputs[after[-1]]
    shift = (heard.low + heard.high) / 2
    reach = np.maximum((heard.high - heard.low) / 2, _TINY)
    largest = np.max([np.abs(_values(dense.kernel)).max(axis=1) for dense in after], axis=0)
    exponents = _RANGE_SHARE * np.log2(reach) - (1 - _RANGE_SHARE) * np.log2(
        np.maximum(largest, _TINY)
    )
    scale = np.exp2(np.rint(exponents - exponents.mean()))
    for dense in after:
        kernel = _values(dense.kernel)
        dense.bias.assign(_values(dense.bias) + shift @ kernel)
        dense.kernel.assign(kernel * scale[:, None])
        inputs[dense] = inputs[dense].changed(shift, scale)
    return shift, scale


def _round(dense: keras.layers.Dense, inputs: _Inputs) -> None:
    """Round the weights of a dense layer; its mean output stays."""
    kernel = _values(dense.kernel)
    rounded = _rounded(kernel, inputs.moment)
    dense.bias.assign(_values(dense.bias) - inputs.mean @ (rounded - kernel))
    dense.kernel.assign(rounded)


def _rounded(kernel: Floats, moment: Floats) -> Floats:
    """Multiples of each unit's step near ``kernel``, by GPTQ; shape ``(channels, units)``."""
    channels = len(kernel)
    steps = _steps(kernel)
    order = np.argsort(-np.diag(moment), kind="stable")
    damped = moment + np.eye(channels) * (_DAMPING * np.trace(moment) / channels)
    inverse = np.linalg.inv(damped[np.ix_(order, order)])
    factor = np.linalg.cholesky(inverse).T
    target, found = kernel[order], np.empty_like(kernel)
    for start in range(0, channels, _BLOCK):
        end = min(start + _BLOCK, channels)
        errors = np.empty((end - start, kernel.shape[1]))
        for channel in range(start, end):
            numbers = np.clip(np.rint(target[channel] / steps), -_LARGEST, _LARGEST)
            found[order[channel]] = numbers * steps
            error = (target[channel] - numbers * steps) / factor[channel, channel]
            target[channel + 1 : end] -= np.outer(factor[channel, channel + 1 : end], error)
            errors[channel - start] = error
        target[end:] -= factor[start:end, end:].T @ errors
    return found


def _steps(kernel: Floats) -> Floats:
    """Step of each unit's weights: the largest weight is at most 127 steps."""
    needed = np.maximum(np.abs(kernel).max(axis=0), _TINY) / _LARGEST
    unit = np.exp2(np.floor(np.log2(needed))) / _STEP_FACTORS
    steps: Floats = np.ceil(needed / unit) * unit
    return steps


def _values(weight: Any) -> Floats:
    values: Floats = ops.convert_to_numpy(weight).astype(np.float64)
    return values
