"""A causal CNN in front of stateful heads, as a graph for training and a step for streaming.

Both run the same layers. Every layer that looks back has its context as explicit state, zero at
a segment's start; the training graph is the step over many frames with that zero state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from realtime_ser.base.records import STEP_FRAMES
from training.streaming.architecture import Architecture, States, StepEncoder, Tensor, sequence_spec
from training.streaming.encoder import Encoder
from training.streaming.heads import Heads
from training.streaming.residual import ResidualEncoder
from training.streaming.transformer import TransformerEncoder


@keras.saving.register_keras_serializable("realtime_ser")
class StreamingSer(keras.Model):
    """Encoder and heads: MFCC frames to logits at every step."""

    def __init__(self, architecture: Architecture | dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.architecture = Architecture.model_validate(architecture)
        self.encoder = _encoder_type(self.architecture)(self.architecture, name="encoder")
        self.head = Heads(self.architecture, name="head")

    def build(self, input_shape: Any) -> None:
        """Create the weights."""
        self.encoder.build(input_shape)
        self.head.build((None, None, self.architecture.vector_width))
        self.built = True

    def call(self, frames: Tensor, training: bool = False) -> Tensor:
        """Logits at every step, shape ``(batch, steps, labels)``.

        ``frames`` has shape ``(batch, 8 steps, coefficients)``.
        """
        return self.head(self.encoder(frames), training=training)

    def compute_output_spec(self, frames: Tensor, **_options: bool) -> keras.KerasTensor:
        """Output of :meth:`call`."""
        return sequence_spec(frames, STEP_FRAMES, self.architecture.labels, self.compute_dtype)

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

    def block(self, frames: Tensor, states: States) -> tuple[Tensor, States]:
        """Logits of some steps, shape ``(steps, labels)``, and states after the last one.

        ``frames`` has shape ``(1, 8 steps, coefficients)``.
        """
        vectors, encoder_states = self.encoder.run(frames, states)
        logits: list[Tensor] = []
        head_states: States = {}
        for step in range(frames.shape[1] // STEP_FRAMES):
            one, head_states = self.head.step(vectors[:, step], {**states, **head_states})
            logits.append(one)
        return ops.concatenate(logits, axis=0), {**encoder_states, **head_states}

    def get_config(self) -> dict[str, Any]:
        """Config of the model, with its architecture."""
        return {**super().get_config(), "architecture": self.architecture.model_dump()}


def _encoder_type(
    architecture: Architecture,
) -> type[StepEncoder]:
    if architecture.transformer is not None:
        return TransformerEncoder
    return Encoder if architecture.residual is None else ResidualEncoder


def with_outputs(model: StreamingSer, outputs: Sequence[int]) -> StreamingSer:
    """Model with some of the outputs, which are the last axis of the last layers' weights."""
    cut = new_model(model.architecture.model_copy(update={"labels": len(outputs)}))
    for new, own in zip(cut.weights, model.weights, strict=True):
        values = ops.convert_to_numpy(own)
        new.assign(values if own.shape == new.shape else values[..., list(outputs)])
    return cut


def new_model(architecture: Architecture) -> StreamingSer:
    """Build a model with fresh weights."""
    model = StreamingSer(architecture)
    model.build((None, None, architecture.coefficients))
    return model
