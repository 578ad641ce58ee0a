"""Stateful inference on LiteRT, one 80 ms step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from realtime_ser.base.errors import BundleError
from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.bundle import MANIFEST, STEP_MODEL, Bundle
from realtime_ser.recogniser.features import dct_matrix
from realtime_ser.recogniser.graph_trial import require_harmless

#: Name of the frames among the step model's inputs, and of the logits among its outputs; every
#: other input and output is a state, and carries the same name on both sides.
FRAMES = "frames"
LOGITS = "logits"

_SILENCE_DB = -100.0

ModelState: TypeAlias = dict[str, NDArray[np.float32]]


class StepModel:
    """The streaming step of a bundle: DCT and LiteRT graph, one thread, all state explicit.

    Not to be shared between threads. A graph that does not ship is tried in another process before,
    unless that was done.
    """

    def __init__(self, bundle: Bundle, *, tried: bool = False) -> None:
        if not tried:
            require_harmless(bundle)
        manifest = bundle.manifest
        self._path = bundle.folder / STEP_MODEL
        self._shapes = manifest.states
        features = manifest.features
        self._dct = np.ascontiguousarray(dct_matrix(features.n_mfcc, features.n_mels).T)
        self._input_shape = (1, STEP_FRAMES, features.n_mfcc)
        try:
            self._open(len(manifest.labels))
            self._try_steps()
        except (ValueError, RuntimeError, LookupError, TypeError, MemoryError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            if isinstance(error, TypeError):  # whose words are for those who call LiteRT
                reason = "the tables of its graph cannot be read"
            raise BundleError(
                f"{self._path} is not a step model that fits {MANIFEST}: {reason}."
            ) from error

    def _open(self, labels: int) -> None:
        with silence_stderr():
            self._interpreter = Interpreter(str(self._path), num_threads=1)
            self._interpreter.allocate_tensors()
        signature = self._interpreter.get_signature_runner()
        inputs = _checked(
            signature.get_input_details(), {FRAMES: self._input_shape, **self._shapes}
        )
        outputs = _checked(signature.get_output_details(), {LOGITS: (1, labels), **self._shapes})
        self._frames, self._logits = inputs.pop(FRAMES), outputs.pop(LOGITS)
        self._states = {name: (inputs[name], outputs[name]) for name in self._shapes}

    def initial_state(self) -> ModelState:
        """State at the start of a segment: zeros."""
        return {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}

    def step(
        self, log_mel: NDArray[np.float64], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits of the next step, shape ``(labels,)``, and the state behind it.

        Parameters
        ----------
        log_mel
            Log-mel spectrum of the step in dB, shape ``(8, n_mels)``.
        state
            From :meth:`initial_state` or from the step before; left as it is.
        """
        return self.run_graph(log_mel @ self._dct, state)

    def run_graph(
        self, frames: NDArray[np.floating], state: ModelState
    ) -> tuple[NDArray[np.float32], ModelState]:
        """Logits of the next step from its MFCC, shape ``(8, n_mfcc)``: the graph alone."""
        call = self._interpreter
        call.set_tensor(self._frames, frames.astype(np.float32).reshape(self._input_shape))
        for name, (source, _) in self._states.items():
            call.set_tensor(source, state[name])
        call.invoke()
        new = {name: call.get_tensor(target) for name, (_, target) in self._states.items()}
        logits: NDArray[np.float32] = call.get_tensor(self._logits)[0]
        if not np.isfinite(logits).all():
            raise BundleError(f"{self._path} gives results that are no numbers: use another model.")
        return logits, new

    def _try_steps(self) -> None:
        """Run two steps of silence and one of all levels.

        What a bundle cannot do shows before a session, not in it.
        """
        state = self.initial_state()
        shape = (STEP_FRAMES, len(self._dct))
        levels = np.linspace(_SILENCE_DB, 0.0, shape[0] * shape[1]).reshape(shape)
        for spectrum in (np.full(shape, _SILENCE_DB), np.full(shape, _SILENCE_DB), levels):
            _, state = self.step(spectrum, state)


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
