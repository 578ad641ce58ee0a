"""Stateful inference on LiteRT, one 80 ms step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from realtime_ser.base.errors import BundleError
from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.bundle import BLOCK_MODEL, MANIFEST, STEP_MODEL, Bundle
from realtime_ser.recogniser.features import dct_matrix
from realtime_ser.recogniser.graph_trial import require_harmless

#: Name of the frames among the step model's inputs, and of the logits among its outputs; every
#: other input and output is a state, and carries the same name on both sides.
FRAMES = "frames"
LOGITS = "logits"

BLOCK_STEPS = 8
"""Steps that a block hears: more of them save little, and leave more to be heard one by one."""

_SILENCE_DB = -100.0


@dataclass(slots=True, eq=False)
class ModelState:
    """State of a segment behind a step; all but the initial one are for one step after it.

    Attributes
    ----------
    arrays
        The state by the names of its tensors. ``None``: it lies in the graph that has heard the
        step, so that 2.4 MB of ``large`` are copied once a step and not twice.
    """

    arrays: dict[str, NDArray[np.float32]] | None = None


class StepModel:
    """The streaming step of a bundle: DCT and LiteRT graph, one thread, all state explicit.

    Not to be shared between threads. A graph that does not ship is tried in another process before,
    unless that was done.
    """

    def __init__(self, bundle: Bundle, *, tried: bool = False) -> None:
        if not tried:
            require_harmless(bundle)
        self._bundle = bundle
        features = bundle.manifest.features
        self._shapes = bundle.manifest.states
        self._dct = np.ascontiguousarray(dct_matrix(features.n_mfcc, features.n_mels).T)
        self._graph = self._latest = _Graph(bundle, 1)
        self._graph.try_once(self.initial_state(), self._dct)
        self._block: _Graph | None = None

    def initial_state(self) -> ModelState:
        """State at the start of a segment: zeros."""
        return ModelState(
            {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        )

    def step(
        self, log_mel: NDArray[np.float64], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits of the next step, shape ``(labels,)``, and the state behind it.

        Parameters
        ----------
        log_mel
            Log-mel spectrum of the step in dB, shape ``(8, n_mels)``.
        state
            From :meth:`initial_state` or from the step before.
        """
        return self.run_graph(log_mel @ self._dct, state)

    def run_graph(
        self, frames: NDArray[np.floating], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits of the next step from its MFCC, shape ``(8, n_mfcc)``: the graph alone."""
        logits, new = self.run_steps(frames[None], state)
        return logits[0], new

    def steps(
        self, log_mels: NDArray[np.float64], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits of the next steps, shape ``(steps, labels)``, and the state behind the last.

        ``log_mels`` has shape ``(steps, 8, n_mels)``. A bundle with blocks hears several at once.
        """
        return self.run_steps(log_mels @ self._dct, state)

    def run_steps(
        self, frames: NDArray[np.floating], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """The same from MFCC, shape ``(steps, 8, n_mfcc)``."""
        logits, done = [], 0
        while done < len(frames):
            graph = self._graph_for(len(frames) - done)
            if graph is not self._latest:
                self._latest.keep()
                self._latest = graph
            some, state = graph.run(frames[done : done + graph.steps], state)
            logits.append(some)
            done += graph.steps
        return np.concatenate(logits), state

    def open_block(self) -> None:
        """Load the block of steps, if the bundle has one: otherwise done where it first helps."""
        if self._block is None and BLOCK_MODEL in self._bundle.manifest.files:
            self._block = _Graph(self._bundle, BLOCK_STEPS)
            self._block.try_once(self.initial_state(), self._dct)

    def _graph_for(self, steps: int) -> _Graph:
        if steps < BLOCK_STEPS:
            return self._graph
        self.open_block()
        return self._block or self._graph


class _Graph:
    """A graph of a bundle that hears ``steps`` steps at once."""

    def __init__(self, bundle: Bundle, steps: int) -> None:
        self.steps = steps
        self._path = bundle.folder / (STEP_MODEL if steps == 1 else BLOCK_MODEL)
        manifest = bundle.manifest
        self._shapes = manifest.states
        self._input_shape = (1, STEP_FRAMES * steps, manifest.features.n_mfcc)
        self._last: ModelState | None = None  # it lies in the outputs
        with self._refusing():
            self._open(bundle.folder / STEP_MODEL, len(manifest.labels))

    def run(
        self, frames: NDArray[np.floating], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits, shape ``(steps, labels)``, and the state behind the last step."""
        call = self._interpreter
        call.set_tensor(self._frames, frames.astype(np.float32).reshape(self._input_shape))
        self._put(state)
        call.invoke()
        self._last = ModelState()
        logits: NDArray[np.float32] = call.get_tensor(self._logits)
        if not np.isfinite(logits).all():
            raise BundleError(f"{self._path} gives results that are no numbers: use another model.")
        return logits, self._last

    def keep(self) -> None:
        """Copy out the last state, which another run would overwrite."""
        last, self._last = self._last, None
        if last is not None:
            last.arrays = {
                name: self._interpreter.get_tensor(target)
                for name, (_, target) in self._states.items()
            }

    def _put(self, state: ModelState) -> None:
        """Bring a state to the inputs."""
        if state is self._last:
            self._last = None
            for source, target in self._views:
                # No frame of Python may hold what they return: the interpreter runs only without.
                source()[:] = target()
            return
        self.keep()
        assert state.arrays is not None, "a step of this state was heard"
        for name, (source, _) in self._states.items():
            self._interpreter.set_tensor(source, state.arrays[name])

    def try_once(self, state: ModelState, dct: NDArray[np.float64]) -> None:
        """Run silence twice and all levels once.

        What a bundle cannot do shows before a session, not in it.
        """
        shape = (self.steps, STEP_FRAMES, len(dct))
        levels = np.linspace(_SILENCE_DB, 0.0, math.prod(shape)).reshape(shape)
        with self._refusing():
            for spectrum in (np.full(shape, _SILENCE_DB), np.full(shape, _SILENCE_DB), levels):
                _, state = self.run(spectrum @ dct, state)

    def _open(self, step_model: Path, labels: int) -> None:
        if self.steps == 1:
            source: dict[str, str | bytes] = {"model_path": str(step_model)}
        else:  # its weights are those of the step model, which it expects behind itself
            source = {"model_content": self._path.read_bytes() + step_model.read_bytes()}
        with silence_stderr():
            self._interpreter = Interpreter(**source, num_threads=1)
            self._interpreter.allocate_tensors()
            # An interpreter runs only while nothing else refers to its core, and a profiler or
            # debugger may keep a signature alive: it is read from a second one that never runs.
            signature = Interpreter(**source).get_signature_runner()
        shapes = self._shapes
        inputs = _checked(signature.get_input_details(), {FRAMES: self._input_shape, **shapes})
        outputs = _checked(signature.get_output_details(), {LOGITS: (self.steps, labels), **shapes})
        self._frames, self._logits = inputs.pop(FRAMES), outputs.pop(LOGITS)
        self._states = {name: (inputs[name], outputs[name]) for name in self._shapes}
        view = self._interpreter.tensor
        self._views = [(view(source), view(target)) for source, target in self._states.values()]

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn what LiteRT says of a graph that does not fit into an error of the bundle."""
        try:
            yield
        except (ValueError, RuntimeError, LookupError, TypeError, MemoryError, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            if isinstance(error, TypeError):  # whose words are for those who call LiteRT
                reason = "the tables of its graph cannot be read"
            raise BundleError(
                f"{self._path} is not a step model that fits {MANIFEST}: {reason}."
            ) from error


def _checked(details: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Places of a graph's tensors by their names, which are those that are expected.

    Raises
    ------
    ValueError
        A tensor is missing, is one too many, or has another shape or type.
    """
    if details.keys() != shapes.keys():
        names = ", ".join(sorted(details.keys() ^ shapes.keys()))
        raise ValueError(f"'states' does not name its tensors ({names})")
    for name, shape in shapes.items():
        found = tuple(int(size) for size in details[name]["shape"])
        if found != shape or details[name]["dtype"] is not np.float32:
            raise ValueError(f"'{name}' has the shape {found} and not {shape}")
    return {name: int(one["index"]) for name, one in details.items()}
