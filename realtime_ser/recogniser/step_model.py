"""Stateful inference on LiteRT, one 80 ms step at a time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from realtime_ser.base.errors import BundleError
from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.bundle import MANIFEST, STEP_MODEL, Bundle
from realtime_ser.recogniser.features import dct_matrix

#: Name of the frames among the step model's inputs, and of the logits among its outputs; every
#: other input and output is a state, and carries the same name on both sides.
FRAMES = "frames"
LOGITS = "logits"

ModelState: TypeAlias = dict[str, NDArray[np.float32]]


class StepModel:
    """The streaming step of a bundle: DCT and LiteRT graph, one thread, all state explicit.

    Not to be shared between threads.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        try:
            with silence_stderr():
                self._interpreter = Interpreter(str(bundle.folder / STEP_MODEL), num_threads=1)
                self._interpreter.allocate_tensors()
            signature = self._interpreter.get_signature_runner()
            inputs = {k: v["index"] for k, v in signature.get_input_details().items()}
            outputs = {k: v["index"] for k, v in signature.get_output_details().items()}
            self._frames, self._logits = inputs.pop(FRAMES), outputs.pop(LOGITS)
            self._states = {name: (inputs[name], outputs[name]) for name in manifest.states}
        except (ValueError, RuntimeError, KeyError) as error:
            raise BundleError(
                f"{bundle.folder / STEP_MODEL} is not a step model that fits {MANIFEST}: {error}."
            ) from error
        self._shapes = manifest.states
        features = manifest.features
        self._dct = np.ascontiguousarray(dct_matrix(features.n_mfcc, features.n_mels).T)
        self._input_shape = (1, STEP_FRAMES, features.n_mfcc)

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
        return call.get_tensor(self._logits)[0], new
