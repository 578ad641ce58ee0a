"""Sizes of the network, and the base of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, Literal, Self, TypeAlias

import keras
from keras import ops
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from realtime_ser.base.records import STEP_FRAMES, STEP_S

Tensor: TypeAlias = Any
States: TypeAlias = dict[str, Tensor]

POOLS = 3
"""Number of convolutions, each followed by a pooling by two."""


@dataclass(frozen=True, slots=True)
class ImitatedLayers:
    """Layers of Whisper's encoder whose vectors an encoder gives.

    Attributes
    ----------
    numbers
        Numbers of the layers, from 0.
    delays
        Delay of each one's vectors in steps.
    width
        Width of each one's vectors.
    used_bands
        Number of mel bands that the published encoder hears.
    """

    numbers: tuple[int, ...]
    delays: tuple[int, ...]
    width: int
    used_bands: int


IMITATED = 2
"""Number of a transformer's upper layers whose vectors are imitated."""

USED_BANDS = 69
"""Number of Whisper's mel bands up to 5.4 kHz; some corpora are limited to 5.5 kHz."""


class Transformer(BaseModel):
    """Sizes of a transformer encoder with Whisper's front end.

    Attributes
    ----------
    layers, width, attention_heads, feed_forward
        Number of layers; widths of their vectors and of their inner dense layer; attention heads.
    window_s
        Attention window in seconds, the current step included.
    look_ahead
        Look-ahead of each layer in steps, which delays the layer's output; empty: none.
    used_bands
        Number of mel bands in use; those above are held at the floor.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(default=4, ge=1)
    width: int = Field(default=512, ge=2, multiple_of=2)
    attention_heads: int = Field(default=8, ge=1)
    feed_forward: int = Field(default=2048, ge=1)
    window_s: float = Field(default=4.0, ge=STEP_S)
    look_ahead: tuple[Annotated[int, Field(ge=0)], ...] = ()
    used_bands: int = Field(default=USED_BANDS, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width % self.attention_heads:
            raise ValueError("'width' must be a multiple of 'attention_heads'")
        if self.look_ahead and len(self.look_ahead) != self.layers:
            raise ValueError("'look_ahead' must name as many steps as there are layers, or none")
        return self

    @property
    def window(self) -> int:
        """Attention window in steps."""
        return round(self.window_s / STEP_S)

    @property
    def layer_delays(self) -> tuple[int, ...]:
        """Delay of each layer's output behind its input, in steps."""
        return self.look_ahead or (0,) * self.layers

    @property
    def delays(self) -> tuple[int, ...]:
        """Delay of each layer's output behind the frames, in steps."""
        return tuple(accumulate(self.layer_delays))

    @property
    def imitated(self) -> ImitatedLayers:
        """The upper layers, which give what they give where they attend both ways."""
        numbers = tuple(range(self.layers)[-IMITATED:])
        return ImitatedLayers(
            numbers, tuple(self.delays[k] for k in numbers), self.width, self.used_bands
        )


class Residual(BaseModel):
    """Sizes of a residual CNN that imitates layers of Whisper's encoder.

    Attributes
    ----------
    width, feed_forward
        Widths of the blocks' vectors and of their inner dense layer.
    kernel, dilations
        Size of the depthwise convolutions, and their dilation in each block, in tokens of 40 ms.
    layers, layer_width
        Numbers, from 0, of the layers imitated, and width of their vectors.
    delay
        Delay of the output behind the frames in steps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=384, ge=1)
    feed_forward: int = Field(default=768, ge=1)
    kernel: int = Field(default=5, ge=2)
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = (1, 1, 2, 2, 4, 4, 8)
    layers: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(2, 3), min_length=1)
    layer_width: int = Field(default=512, ge=1)
    delay: int = Field(default=2, ge=0)

    @property
    def imitated(self) -> ImitatedLayers:
        """The layers imitated, all with one delay."""
        delays = (self.delay,) * len(self.layers)
        return ImitatedLayers(self.layers, delays, self.layer_width, USED_BANDS)


class Architecture(BaseModel):
    """Sizes of the network.

    Attributes
    ----------
    coefficients, labels
        Number of MFCC of a frame, and of outputs.
    map_frames, bands
        Frames that the linear map takes, and mel bands that it gives; 0 frames: no map, and the
        input is a mel spectrum of so many bands.
    channels, units
        Channels of the three convolutions, and units of the two dense layers behind them.
    transformer, residual
        Sizes of a transformer encoder, or of a residual CNN, in the place of the CNN of three
        convolutions; at most one of the two.
    dense, lstm
        Units of the layer ahead of the LSTM, and of the LSTM.
    pooling
        ``attention``: attentive mean and deviation over the segment so far; ``last``: none, the
        LSTM's output at a step decides.
    memory_s
        Time constant in seconds with which attentive pooling and running statistics forget.
    heads
        Number of heads with an LSTM; all heads are trained separately, and their logits averaged.
    statistics_heads, statistics
        Number of heads on running statistics of the encoder's last three layers, and their units.
    input_dropout, dense_dropout, pooled_dropout, statistics_dropout
        Rates at the CNN's output, behind the dense layer, behind the pooling (or a head's dense
        layer), and at the statistics.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coefficients: int = Field(default=40, ge=1)
    labels: int = Field(default=8, ge=2)
    map_frames: int = Field(default=6, ge=0)
    bands: int = Field(default=64, ge=8, multiple_of=8)
    channels: int = Field(default=64, ge=1)
    units: tuple[int, int] = (512, 512)
    transformer: Transformer | None = None
    residual: Residual | None = None
    dense: int = Field(default=128, ge=1)
    lstm: int = Field(default=128, ge=1)
    pooling: Literal["attention", "last"] = "attention"
    memory_s: float = Field(default=3.0, gt=0)
    heads: int = Field(default=1, ge=0)
    statistics_heads: int = Field(default=0, ge=0)
    statistics: int = Field(default=128, ge=1)
    input_dropout: float = Field(default=0.4, ge=0, lt=1)
    dense_dropout: float = Field(default=0.2, ge=0, lt=1)
    pooled_dropout: float = Field(default=0.3, ge=0, lt=1)
    statistics_dropout: float = Field(default=0.6, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.heads + self.statistics_heads < 1:
            raise ValueError("'heads' or 'statistics_heads' must be at least 1")
        if self.transformer is not None and self.residual is not None:
            raise ValueError("'transformer' and 'residual' exclude each other")
        return self

    @property
    def encoder_alone(self) -> Architecture:
        """Sizes with the same encoder, its last layer's output only, and a single head."""
        return self.model_copy(update={"heads": 1, "statistics_heads": 0})

    @model_serializer(mode="wrap")
    def _without_absent(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Recipes without these encoders keep their hashes, which bundles hold."""
        settings: dict[str, Any] = dump(self)
        for name in ("transformer", "residual"):
            if getattr(self, name) is None:
                settings.pop(name, None)
        return settings

    @property
    def imitating(self) -> Transformer | Residual | None:
        """Sizes of an encoder that learns from Whisper's; ``None`` for other ones."""
        return self.transformer or self.residual

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the layers whose outputs make a step's vector, the last layer's last."""
        if self.transformer is not None:
            return (self.transformer.width,) * self.transformer.layers
        if self.residual is not None:
            return (self.residual.layer_width,) * len(self.residual.layers)
        return self.bands // 2**POOLS * self.channels, *self.units

    @property
    def lstm_head_width(self) -> int:
        """Input width of heads with an LSTM: the last units of a step's vector."""
        return sum(self.widths) if self.imitating is not None else self.units[-1]

    @property
    def vector_width(self) -> int:
        """Width of a step's vector, from the encoder to the heads."""
        return sum(self.widths) if self.statistics_heads else self.lstm_head_width

    @property
    def half_precision(self) -> bool:
        """Whether a bundle keeps the large weights in half precision."""
        return self.imitating is not None


class ArchitectureLayer(keras.layers.Layer):
    """Base of layers whose config is the network's sizes.

    Parameters
    ----------
    architecture
        An :class:`Architecture`, or its fields.
    """

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.architecture = Architecture.model_validate(architecture)

    def get_config(self) -> dict[str, Any]:
        """Config of the layer, with its architecture."""
        return {**super().get_config(), "architecture": self.architecture.model_dump()}


def sequence_spec(
    sequence: Tensor, frames_per_step: int, width: int, dtype: str
) -> keras.KerasTensor:
    """Output of a layer of this width with a vector each ``frames_per_step`` frames."""
    batch, frames, _ = sequence.shape
    steps = None if frames is None else frames // frames_per_step
    return keras.KerasTensor((batch, steps, width), dtype)


class StepEncoder(ArchitectureLayer):
    """Base of the encoders: a vector for each step of eight frames."""

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each state of one stream."""
        raise NotImplementedError

    def run(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Vectors of whole steps, and the states after the last frame.

        Parameters
        ----------
        frames
            Shape ``(batch, 8 steps, coefficients)``.
        states
            By name, from :meth:`state_shapes`, with the batch as first axis.
        """
        raise NotImplementedError

    def call(self, frames: Tensor) -> Tensor:
        """Encode sequences from their start: :meth:`run` with zero states."""
        batch = ops.shape(frames)[0]
        zeros = {
            name: ops.zeros((batch, *shape[1:]), frames.dtype)
            for name, shape in self.state_shapes().items()
        }
        return self.run(frames, zeros)[0]

    def compute_output_spec(self, frames: Tensor) -> keras.KerasTensor:
        """Output of :meth:`call`; unknown lengths cannot be traced on all backends."""
        return sequence_spec(
            frames, STEP_FRAMES, self.architecture.vector_width, self.compute_dtype
        )


def prepend_context(context: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """``x`` behind its context, and the context for what follows ``x``."""
    joined = ops.concatenate([context, x], axis=1)
    return joined, joined[:, -context.shape[1] :]
