"""What a step costs, part by part, against the least that one core could take for it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.machine import one_core
from benchmarks.programs import DEMO, finish, python, running_process
from realtime_ser.audio.resample import Resampler
from realtime_ser.base.config import GateConfig
from realtime_ser.base.quiet import silence_stderr
from realtime_ser.base.records import FRAME, SAMPLE_RATE, STEP, STEP_FRAMES
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle
from realtime_ser.recogniser.features import FeatureParams, LogMel
from realtime_ser.recogniser.gate import GATE_FRAME, SpeechGate
from realtime_ser.recogniser.quality import QualityMeter
from realtime_ser.recogniser.segmenter import Segmenter, Step
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.recogniser.voice_features import WINDOWS
from realtime_ser.recogniser.voice_judge import shipped_judge

_NATIVE_RATE = 48_000
_QUALITY_FFT, _QUALITY_BANDS = 1024, 24

# One thread, in a process of its own: the library of matrices reads these when it is loaded.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_PEAK = """
import json, time
import numpy as np
random = np.random.default_rng(0)
def best(work, runs):
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)
square = random.normal(size=(1024, 1024)).astype(np.float32)
out = np.empty_like(square)
took = best(lambda: np.matmul(square, square, out=out), 20)
found = {"multiply_adds": 1024**3 / took, "bytes": {}}
for count in %s:
    matrix = random.normal(size=(count // 4096, 1024)).astype(np.float32)
    vector = random.normal(size=1024).astype(np.float32)
    took = best(lambda: matrix @ vector, 50)
    found["bytes"][str(count)] = matrix.nbytes / took
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that one core does in a second.

    Attributes
    ----------
    multiply_adds
        Of float32, in a product of two matrices of 1024 x 1024.
    read_bytes
        Bytes of a matrix of so many bytes, by their number, in its product with a vector, which
        uses each weight once, as a step does.
    """

    multiply_adds: float
    read_bytes: Mapping[int, float]


def measure_peak(weights: Sequence[int]) -> Peak:
    """Peak of one core, in a fresh process; ``weights`` are the sizes in bytes to read."""
    script = _PEAK % (tuple(weights),)
    with one_core(), running_process(python("-c", script), _ONE_THREAD) as process:
        found = json.loads(finish(process, timeout_s=120))
    return Peak(found["multiply_adds"], {int(n): rate for n, rate in found["bytes"].items()})


# ------------------------------------------------------------------------------------------ counts


@dataclass(frozen=True, slots=True)
class GraphWork:
    """Multiply-adds of a step model's graph by kind of operation, and the bytes of its weights."""

    multiply_adds: Mapping[str, int]
    weights: int

    @property
    def total(self) -> int:
        """All multiply-adds."""
        return sum(self.multiply_adds.values())


_KINDS = {
    "CONV_2D": "convolutions",
    "FULLY_CONNECTED": "dense layers and LSTM",
    "BATCH_MATMUL": "attention",
}


def graph_work(bundle: Bundle) -> GraphWork:
    """Count a step's multiply-adds from the shapes of the step model's products.

    What is added or multiplied element by element is left out: a hundredth of it.
    """
    from ai_edge_litert.interpreter import Interpreter

    with silence_stderr():
        interpreter = Interpreter(str(bundle.folder / STEP_MODEL), num_threads=1)
        interpreter.allocate_tensors()
    tensors = interpreter.get_tensor_details()
    shapes = {one["index"]: tuple(int(size) for size in one["shape"]) for one in tensors}
    sizes = {one["index"]: np.dtype(one["dtype"]).itemsize for one in tensors}
    counts = dict.fromkeys(_KINDS.values(), 0)
    weights = 0
    for operation in interpreter._get_ops_details():  # nothing public tells it
        name = operation["op_name"]
        if name not in _KINDS:
            continue
        _, weight, *_ = (index for index in operation["inputs"] if index in shapes)
        second = shapes[weight]
        made = math.prod(shapes[operation["outputs"][0]])
        # Of a product of matrices the first one's last axis is summed; of weights, all but their
        # first, which is the outputs.
        first = shapes[operation["inputs"][0]]
        summed = first[-1] if name == "BATCH_MATMUL" else math.prod(second[1:])
        counts[_KINDS[name]] += made * summed
        if name != "BATCH_MATMUL":
            weights += sizes[weight] * math.prod(second)
    return GraphWork({kind: count for kind, count in counts.items() if count}, weights)


def feature_work(params: FeatureParams) -> int:
    """Multiply-adds of a step's log-mel spectrum: window, transform, filters."""
    filters = params.n_mels * (params.n_fft // 2 + 1)
    return round(STEP_FRAMES * (FRAME + _transform(params.n_fft) + filters))


def gate_work() -> int:
    """Multiply-adds of the gate's noise floor; webrtcvad itself works on whole numbers."""
    return round(STEP // GATE_FRAME * (GATE_FRAME + _transform(GATE_FRAME)))


def quality_work() -> int:
    """Multiply-adds of the quality's windows: a transform, filters, and a transform back."""
    filters = _QUALITY_BANDS * (_QUALITY_FFT // 2 + 1)
    return round(WINDOWS * (2 * _transform(_QUALITY_FFT) + filters))


def _transform(length: int) -> float:
    """Multiply-adds of a real transform: 2.5 n log2 n operations, two of which count as one."""
    return 1.25 * length * math.log2(length)


# ------------------------------------------------------------------------------------------- times


@dataclass(frozen=True, slots=True)
class PartTimes:
    """Median microseconds of each part of a speech step, on one core."""

    resample: float
    gate: float
    features: float
    quality: float
    model: float
    decode: float


def measure_parts(bundle: Bundle) -> PartTimes:
    """Time each part by itself on the steps of the demo recording, all with their own state."""
    samples, _ = soundfile.read(DEMO, dtype="float32")
    manifest = bundle.manifest
    with one_core():
        steps = [
            step
            for step in Segmenter(manifest.features, GateConfig()).push(np.tile(samples, 3))
            if step.speech
        ]
        spans = [span for step in steps for span in step.spans]
        return PartTimes(
            _resampling(len(spans)),
            _gating(spans),
            _times(LogMel(manifest.features).spectrum, spans),
            _times(QualityMeter(shipped_judge()).feed, steps),
            *_modelling(bundle, steps),
        )


def _times(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Median microseconds of a call."""
    times = []
    for item in items:
        began = time.perf_counter()
        work(item)
        times.append(time.perf_counter() - began)
    return 1e6 * float(np.median(times))


def _resampling(count: int) -> float:
    resampler = Resampler(_NATIVE_RATE)
    block = np.zeros(STEP * _NATIVE_RATE // SAMPLE_RATE, np.float32)
    return _times(resampler.push, [block] * count)


def _gating(spans: Sequence[NDArray[np.float32]]) -> float:
    gate = SpeechGate(GateConfig())
    return _times(gate.push, [span[:STEP] for span in spans])


def _modelling(bundle: Bundle, steps: Sequence[Step]) -> tuple[float, float]:
    model, decoder = StepModel(bundle), bundle.decoder()
    state = model.initial_state()
    logits = []

    def run(log_mel: NDArray[np.float64]) -> None:
        nonlocal state
        found, state = model.step(log_mel, state)
        logits.append(found)

    took = _times(run, [log_mel for step in steps for log_mel in step.log_mels])
    return took, _times(decoder.decode, logits)
