"""Turns a trained model into the streaming step that LiteRT runs. Only this needs TensorFlow.

``python -m training.streaming.convert model.keras`` writes the step to standard output, for models
that were trained on another backend.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import keras

from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.step_model import FRAMES, LOGITS
from training.streaming.network import StreamingSer


def convert(model: StreamingSer) -> bytes:
    """The streaming step as a LiteRT model with builtin operations only.

    Parameters
    ----------
    model
        On the TensorFlow backend.
    """
    import tensorflow as tf

    shapes = model.state_shapes()
    frames_shape = (1, STEP_FRAMES, model.architecture.coefficients)
    signature = {FRAMES: tf.TensorSpec(frames_shape, tf.float32, name=FRAMES)} | {
        name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()
    }

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        logits, states = model.step(inputs[FRAMES], inputs)
        return {LOGITS: logits, **states}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("step", step, input_signature=[signature])
    with tempfile.TemporaryDirectory() as folder, silence_stderr():
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["step"])
        return bytes(converter.convert())


if __name__ == "__main__":
    sys.stdout.buffer.write(convert(keras.models.load_model(sys.argv[1])))
