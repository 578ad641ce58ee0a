"""Readers of the weights of Whisper's encoder.

They take an ``.npz`` of plain arrays, ``model.bin`` of CTranslate2 (or the folder that holds it),
and ``model.safetensors`` of Hugging Face (or its folder). Nothing is unpickled: OpenAI's ``.pt`` is
refused.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import SerError

Arrays: TypeAlias = dict[str, NDArray[np.float32]]

BANDS = 80
"""Mel bands of the encoder's input."""

_HEAD_WIDTH = 64
_CTRANSLATE2, _SAFETENSORS = "model.bin", "model.safetensors"
_PREFIX = "encoder/"


@dataclass(frozen=True, slots=True)
class WhisperWeights:
    """Weights of an encoder.

    Attributes
    ----------
    arrays
        By CTranslate2's names without ``encoder/``, each ``(out, in)`` or ``(out, in, 3)``:
        ``conv1/weight``, ``layer_0/self_attention/linear_0/weight`` (query, key and value, one
        below the other), ``layer_0/ffn/linear_0/weight``, ``layer_norm/gamma``.
    """

    arrays: Mapping[str, NDArray[np.float32]]

    @property
    def width(self) -> int:
        """Width of the transformer."""
        return len(self.arrays["conv2/weight"])

    @property
    def feed_forward(self) -> int:
        """Width of a layer's inner dense layer."""
        return len(self.arrays["layer_0/ffn/linear_0/weight"])

    @property
    def layers(self) -> int:
        """Number of layers."""
        return sum(name.endswith("/ffn/linear_0/weight") for name in self.arrays)

    @property
    def heads(self) -> int:
        """Number of attention heads of a layer; a head is 64 wide in all Whisper models."""
        return self.width // _HEAD_WIDTH


def read_weights(path: Path) -> WhisperWeights:
    """Read an encoder's weights.

    Parameters
    ----------
    path
        An ``.npz``, ``model.bin`` or ``model.safetensors``, or a folder with one of the latter two.

    Raises
    ------
    SerError
        The file is missing, is of another kind or holds other weights.
    """
    file = _file(path)
    try:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as entries:
                arrays = {name: _single(entries[name]) for name in entries.files}
        elif file.suffix == ".bin":
            arrays = _of_ctranslate2(file.read_bytes())
        else:
            arrays = _of_hugging_face(_safetensors(file.read_bytes()))
        weights = WhisperWeights(arrays)
        _check(weights)
    except OSError as error:
        raise SerError(
            f"{file} cannot be read ({error.strerror}); name the file of Whisper's encoder."
        ) from error
    except (KeyError, ValueError, struct.error) as error:
        raise SerError(
            f"{file} does not hold the encoder of a Whisper model with {BANDS} mel bands; give the "
            f".npz, a CTranslate2 folder ({_CTRANSLATE2}) or {_SAFETENSORS} with --teacher."
        ) from error
    return weights


def _file(path: Path) -> Path:
    if path.is_dir():
        for name in (_CTRANSLATE2, _SAFETENSORS):
            if (path / name).exists():
                return path / name
        raise SerError(
            f"The folder {path} holds neither {_CTRANSLATE2} nor {_SAFETENSORS}; name one that "
            "does, or an .npz file."
        )
    if path.suffix in {".pt", ".pth"}:
        raise SerError(
            f"{path} is a pickle, which is not opened since it may run anything: convert it with "
            "'ct2-transformers-converter --model openai/whisper-base --output_dir DIR' and give "
            "DIR with --teacher."
        )
    if path.suffix not in {".npz", ".bin", ".safetensors"}:
        raise SerError(
            f"{path} is no file of weights that can be read; give an .npz, a CTranslate2 folder or "
            f"{_SAFETENSORS} with --teacher."
        )
    return path


def _check(weights: WhisperWeights) -> None:
    arrays, width = weights.arrays, weights.width
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (width, BANDS, 3),
        "conv2/weight": (width, width, 3),
    }
    for k in range(weights.layers):
        attention, inner = f"layer_{k}/self_attention", f"layer_{k}/ffn"
        shapes[f"{attention}/layer_norm/gamma"] = (width,)
        shapes[f"{attention}/linear_0/weight"] = (3 * width, width)
        shapes[f"{attention}/linear_0/bias"] = (3 * width,)
        shapes[f"{attention}/linear_1/weight"] = (width, width)
        shapes[f"{inner}/linear_0/weight"] = (weights.feed_forward, width)
        shapes[f"{inner}/linear_1/weight"] = (width, weights.feed_forward)
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has the shape {arrays[name].shape}")


def _single(values: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def _of_bfloat16(raw: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (raw.astype(np.uint32) << 16).view(np.float32)


# ---------------------------------------------------------------------------------- CTranslate2

_CT2_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}
_CT2_BFLOAT16 = 5
_CT2_FIRST_VERSION = 4  # those before give the size of an item instead of its type


def _of_ctranslate2(data: bytes) -> Arrays:
    """Variables of the encoder in a ``model.bin``, integers dequantised."""
    variables = dict(_ct2_variables(data))
    found: Arrays = {}
    for name, values in variables.items():
        if not name.startswith(_PREFIX) or name.endswith("_scale"):
            continue
        scale = variables.get(f"{name}_scale")
        whole = values if scale is None else values / scale.reshape(-1, *[1] * (values.ndim - 1))
        found[name.removeprefix(_PREFIX)] = _single(whole)
    return found


def _ct2_variables(data: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    place = 0

    def number(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(form, data, place)
        place += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = number("<H")
        raw = data[place : place + length]
        place += length
        return raw.rstrip(b"\0").decode()

    if number("<I") < _CT2_FIRST_VERSION:
        raise ValueError("an old file")
    text()
    number("<I")
    for _ in range(number("<I")):
        name = text()
        shape = [number("<I") for _ in range(number("<B"))]
        kind, size = number("<B"), number("<I")
        raw = np.frombuffer(data, _CT2_TYPES[kind], offset=place, count=_count(kind, size))
        place += size
        values = _of_bfloat16(raw) if kind == _CT2_BFLOAT16 else _single(raw)
        yield name, values.reshape(shape)


def _count(kind: int, size: int) -> int:
    return size // np.dtype(_CT2_TYPES[kind]).itemsize


# --------------------------------------------------------------------------------- Hugging Face

_ST_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def _safetensors(data: bytes) -> Arrays:
    """Arrays of a safetensors file: a length, a JSON header, the data."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    found: Arrays = {}
    for name, entry in header.items():
        if name == "__metadata__" or "encoder." not in name:
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        raw = np.frombuffer(data[begin:end], _ST_TYPES[entry["dtype"]])
        values = _of_bfloat16(raw) if entry["dtype"] == "BF16" else _single(raw)
        found[name[name.index("encoder.") + len("encoder.") :]] = values.reshape(entry["shape"])
    return found


_HF_LAYER = {
    "self_attn_layer_norm.weight": "self_attention/layer_norm/gamma",
    "self_attn_layer_norm.bias": "self_attention/layer_norm/beta",
    "self_attn.out_proj.weight": "self_attention/linear_1/weight",
    "self_attn.out_proj.bias": "self_attention/linear_1/bias",
    "final_layer_norm.weight": "ffn/layer_norm/gamma",
    "final_layer_norm.bias": "ffn/layer_norm/beta",
    "fc1.weight": "ffn/linear_0/weight",
    "fc1.bias": "ffn/linear_0/bias",
    "fc2.weight": "ffn/linear_1/weight",
    "fc2.bias": "ffn/linear_1/bias",
}

_HF_ONCE = {
    "conv1.weight": "conv1/weight",
    "conv1.bias": "conv1/bias",
    "conv2.weight": "conv2/weight",
    "conv2.bias": "conv2/bias",
    "embed_positions.weight": "position_encodings/encodings",
    "layer_norm.weight": "layer_norm/gamma",
    "layer_norm.bias": "layer_norm/beta",
}


def _of_hugging_face(arrays: Arrays) -> Arrays:
    found = {name: arrays[theirs] for theirs, name in _HF_ONCE.items()}
    for k in range(sum(name.endswith(".fc1.weight") for name in arrays)):
        layer = f"layers.{k}."
        found |= {f"layer_{k}/{name}": arrays[layer + theirs] for theirs, name in _HF_LAYER.items()}
        projections = [f"{layer}self_attn.{part}_proj" for part in ("q", "k", "v")]
        fused = f"layer_{k}/self_attention/linear_0"
        found[f"{fused}/weight"] = np.concatenate([arrays[f"{own}.weight"] for own in projections])
        # Keys have no bias of their own.
        none = np.zeros_like(arrays[f"{projections[0]}.bias"])
        found[f"{fused}/bias"] = np.concatenate(
            [arrays.get(f"{own}.bias", none) for own in projections]
        )
    return found
