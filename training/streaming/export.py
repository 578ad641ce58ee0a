"""Writes a bundle: the streaming step for LiteRT, the training graph, and their description.

A bundle whose step does not give the training graph's output is not written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.bundle import (
    BLOCK_MODEL,
    MANIFEST,
    STEP_MODEL,
    TRAINING_MODEL,
    Manifest,
    load_bundle,
)
from realtime_ser.recogniser.step_model import BLOCK_STEPS, StepModel
from training.streaming.convert import HALF_PRECISION_SIZE, convert, with_weights_of
from training.streaming.network import StreamingSer
from training.streaming.quantisation import is_quantised, quantise

PARITY = 1e-4
"""Largest difference allowed between a logit of the stream and of the training graph."""

ROUNDED_PARITY = 0.1
"""The same where weights are whole numbers, for whose products LiteRT rounds inputs to eight bits.

That rounding is no fault of the stream, so the step is held to :data:`PARITY` before its weights
are rounded. Blocks and single steps, which round alike, are held to it always.
"""

_PARITY_STEPS = 375  # 30 s, the longest segment


class ParityError(SerError):
    """The streaming step does not give what the training graph gives."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences between logits.

    Attributes
    ----------
    graph
        Of the stream, step by step, from the training graph's.
    blocks
        Of the stream in blocks from that step by step; 0 for a bundle without blocks.
    """

    graph: float
    blocks: float

    def require(self, limit: float) -> None:
        """Refuse larger differences.

        Parameters
        ----------
        limit
            Of ``graph``; that of ``blocks`` is :data:`PARITY`.

        Raises
        ------
        ParityError
            There is a larger one.
        """
        if not self.graph <= limit:  # which a NaN would not be either
            raise ParityError(
                f"The streaming step differs from the training graph by {self.graph:.1e}, more "
                f"than {limit:.0e}, so no bundle was written: check the layers' states."
            )
        if not self.blocks <= PARITY:
            raise ParityError(
                f"Blocks of steps differ from single steps by {self.blocks:.1e}, more than "
                f"{PARITY:.0e}, so no bundle was written: check the layers' states."
            )


def export_bundle(
    model: StreamingSer,
    manifest: Manifest,
    folder: Path,
    speech: Sequence[NDArray[np.floating]] = (),
) -> Parity:
    """Write ``model`` as a bundle, replacing one that is there, and return its parity.

    Parameters
    ----------
    model
        The trained model; its large weights are rounded as the bundle keeps them.
    manifest
        Description of the model; ``states`` and ``files`` are filled in here.
    folder
        Folder of the bundle.
    speech
        MFCC of speech by which a transformer's weights are rounded to eight bits, as of
        :func:`training.streaming.quantisation.quantise`; empty: half precision.

    Raises
    ------
    ParityError
        A difference is too large; nothing was written.
    """
    with tempfile.TemporaryDirectory() as draft_folder:
        draft = Path(draft_folder)
        found = _write_draft(model, manifest, draft)
        rounded = is_quantised(model)  # as that of another bundle from which it started
        found.require(ROUNDED_PARITY if rounded else PARITY)
        if speech and not rounded:
            quantise(model, speech)
            found = _write_draft(model, manifest, draft)
            found.require(ROUNDED_PARITY)
        folder.mkdir(parents=True, exist_ok=True)
        for file in draft.iterdir():
            shutil.copyfile(file, folder / file.name)
    return found


def _write_draft(model: StreamingSer, manifest: Manifest, draft: Path) -> Parity:
    """Write a bundle's files, whatever they give, and measure that."""
    if model.architecture.half_precision:
        _round_weights(model)
    model.save(draft / TRAINING_MODEL)
    if model.architecture.half_precision:
        _compress(draft / TRAINING_MODEL)
    files = [TRAINING_MODEL, STEP_MODEL]
    step = _convert(model, draft / TRAINING_MODEL, 1)
    (draft / STEP_MODEL).write_bytes(step)
    if model.architecture.transformer is not None:  # whose weights are read from memory
        block = _convert(model, draft / TRAINING_MODEL, BLOCK_STEPS)
        (draft / BLOCK_MODEL).write_bytes(with_weights_of(step, block))
        files.append(BLOCK_MODEL)
    filled = {"states": model.state_shapes(), "files": _hashes(draft, files)}
    write_manifest(manifest.model_copy(update=filled), draft)
    return parity(model, draft, _PARITY_STEPS)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write ``bundle.json``."""
    text = manifest.model_dump_json(indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def parity(model: StreamingSer, folder: Path, steps: int) -> Parity:
    """Parity of a bundle: its stream beside the training graph.

    The input is noise with the mean and deviation that the model expects.
    """
    encoder = model.encoder
    noise = np.random.default_rng(0).standard_normal(
        (1, STEP_FRAMES * steps, model.architecture.coefficients)
    )
    deviation, mean = ops.convert_to_numpy(encoder.deviation), ops.convert_to_numpy(encoder.mean)
    frames = (noise * deviation + mean).astype(np.float32)
    expected = ops.convert_to_numpy(model(frames))[0]
    stream = StepModel(load_bundle(folder))
    state = stream.initial_state()
    found = np.empty_like(expected)
    parts = frames.reshape(steps, STEP_FRAMES, -1)
    for step, part in enumerate(parts):
        found[step], state = stream.run_graph(part, state)
    blocks, _ = stream.run_steps(parts, stream.initial_state())
    return Parity(float(np.abs(found - expected).max()), float(np.abs(blocks - found).max()))


def _round_weights(model: StreamingSer) -> None:
    """Round large weights to half precision, so that stream and graph use the same values."""
    model.set_weights(
        [
            weight.astype(np.float16).astype(np.float32)
            if weight.size >= HALF_PRECISION_SIZE
            else weight
            for weight in model.get_weights()
        ]
    )


def _compress(graph: Path) -> None:
    """Compress a saved graph, the weights of which are half zeros once rounded."""
    uncompressed = graph.with_suffix(".uncompressed")
    graph.rename(uncompressed)
    with (
        zipfile.ZipFile(uncompressed) as source,
        zipfile.ZipFile(graph, "w", zipfile.ZIP_BZIP2) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    uncompressed.unlink()


def _hashes(folder: Path, files: Sequence[str]) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(files)
    }


def _convert(model: StreamingSer, graph: Path, steps: int) -> bytes:
    """So many streaming steps as a LiteRT model, which only TensorFlow can make."""
    if keras.backend.backend() == "tensorflow":
        return convert(model, steps)
    done = subprocess.run(
        [sys.executable, "-m", "training.streaming.convert", graph, str(steps)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1]
        raise SerError(
            f"TensorFlow, which alone writes a bundle's step, gave up: {last}. What is trained is "
            "kept: where TensorFlow is installed, the same command goes on from here."
        )
    return done.stdout
