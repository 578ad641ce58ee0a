"""Turns a trained model into the streaming step that LiteRT runs. Only this needs TensorFlow.

``python -m training.streaming.convert model.keras STEPS`` writes it to standard output, for models
that were trained on another backend.
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.step_model import FRAMES, LOGITS
from training.streaming.network import StreamingSer
from training.streaming.quantisation import exact_int8

HALF_PRECISION_SIZE = 4096
"""Number of values from which a bundle in half precision stores a constant so."""

_FLOAT16_VERSION = 3  # of the operator DEQUANTIZE
_STEP_FOR_EACH_UNIT_VERSION = 12  # of the operator FULLY_CONNECTED
_SINGLE_BYTES = 4
_ALIGNMENT = 16
_ANYWHERE = 1 << 20  # a place in a file that is yet to be counted


def convert(model: StreamingSer, steps: int = 1) -> bytes:
    """The streaming step as a LiteRT model with builtin operations only.

    Parameters
    ----------
    model
        On the TensorFlow backend.
    steps
        Number of steps that one run hears.
    """
    import tensorflow as tf

    shapes = model.state_shapes()
    frames_shape = (1, STEP_FRAMES * steps, model.architecture.coefficients)
    run = model.step if steps == 1 else model.block
    signature = {FRAMES: tf.TensorSpec(frames_shape, tf.float32, name=FRAMES)} | {
        name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()
    }

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        logits, states = run(inputs[FRAMES], inputs)
        return {LOGITS: logits, **states}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("step", step, input_signature=[signature])
    with tempfile.TemporaryDirectory() as folder, silence_stderr():
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["step"])
        step_model = bytes(converter.convert())
    return with_small_constants(step_model) if model.architecture.half_precision else step_model


def with_small_constants(model: bytes) -> bytes:
    """LiteRT model whose large constants take less room, where that is exact.

    Weights of dense layers that are whole multiples of a step are kept as those numbers, by which
    LiteRT multiplies inputs that it rounds as well, token by token. Others are kept in half
    precision and dequantised when the model is loaded. TensorFlow's own conversions round all
    constants, decay rates among them, and cost parity.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    network = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    dequantise = schema.OperatorCodeT()
    dequantise.builtinCode = dequantise.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    dequantise.version = _FLOAT16_VERSION
    network.operatorCodes.append(dequantise)
    for graph in network.subgraphs:
        _keep_whole_numbers(network, graph)
        dequantised, stored = [], dict[int, int]()  # number of the tensor by that of its buffer
        for number, tensor in enumerate(list(graph.tensors)):
            if tensor.type != schema.TensorType.FLOAT32:
                continue
            if tensor.buffer not in stored:
                values = _exact_half(network.buffers[tensor.buffer].data)
                if values is None:
                    continue
                network.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
                half = schema.TensorT()
                half.name, half.shape = tensor.name + b"/half", tensor.shape
                half.type, half.buffer = schema.TensorType.FLOAT16, tensor.buffer
                stored[tensor.buffer] = len(graph.tensors)
                graph.tensors.append(half)
            operator = schema.OperatorT()
            operator.opcodeIndex = len(network.operatorCodes) - 1
            operator.inputs = np.array([stored[tensor.buffer]], np.int32)
            operator.outputs = np.array([number], np.int32)
            dequantised.append(operator)
            tensor.buffer = 0  # the empty one: its values are computed now
        graph.operators = [*dequantised, *graph.operators]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(network))


def with_weights_of(step: bytes, block: bytes) -> bytes:
    """A block whose large constants lie in the step model that is to follow it, without names.

    Parameters
    ----------
    step, block
        LiteRT models with the same constants.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    network = flatbuffer_utils.read_model_from_bytearray(bytearray(block))
    for graph in network.subgraphs:
        for tensor in graph.tensors:
            tensor.name = b""  # the signature has those that count
    places = []
    for buffer in network.buffers:
        constant = b"" if buffer.data is None else bytes(buffer.data)
        place = step.find(constant) if len(constant) >= HALF_PRECISION_SIZE else -1
        if place >= 0:
            buffer.data, buffer.offset, buffer.size = None, _ANYWHERE, len(constant)
            places.append((buffer, place))
    # A number takes the same room whatever it is.
    length = len(flatbuffer_utils.convert_object_to_bytearray(network))
    length += -length % _ALIGNMENT
    for buffer, place in places:
        buffer.offset = length + place
    return bytes(flatbuffer_utils.convert_object_to_bytearray(network)).ljust(length, b"\0")


def _keep_whole_numbers(network: Any, graph: Any) -> None:
    """Store weights of a graph's dense layers in eight bits where that is exact."""
    from tensorflow.lite.python import schema_py_generated as schema

    for operator in graph.operators:
        code = network.operatorCodes[operator.opcodeIndex]
        if code.builtinCode != schema.BuiltinOperator.FULLY_CONNECTED:
            continue
        tensor = graph.tensors[operator.inputs[1]]
        data = network.buffers[tensor.buffer].data
        if data is None or len(data) < _SINGLE_BYTES * HALF_PRECISION_SIZE:
            continue
        exact = exact_int8(np.frombuffer(bytes(data), np.float32).reshape(tensor.shape))
        if exact is None:
            continue
        numbers, steps = exact
        network.buffers[tensor.buffer].data = np.frombuffer(numbers.tobytes(), np.uint8)
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = steps
        tensor.quantization.zeroPoint = np.zeros(len(steps), np.int64)
        operator.builtinOptions.asymmetricQuantizeInputs = True
        code.version = _STEP_FOR_EACH_UNIT_VERSION


def _exact_half(data: NDArray[np.uint8] | None) -> NDArray[np.float16] | None:
    """Values of a large constant in half precision; ``None`` if small or inexact."""
    if data is None or len(data) < _SINGLE_BYTES * HALF_PRECISION_SIZE:
        return None
    values = np.frombuffer(bytes(data), np.float32)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.allclose(half, values, rtol=1e-6, atol=1e-7) else None


if __name__ == "__main__":
    sys.stdout.buffer.write(convert(keras.models.load_model(sys.argv[1]), int(sys.argv[2])))
