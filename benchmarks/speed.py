"""How long computing takes."""

from __future__ import annotations

import gc
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.figures import BenchmarkSection, Measurement, Target, percentiles
from benchmarks.machine import one_core
from benchmarks.programs import DEMO, MODEL, finish, python, running_process, write_demo
from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE, STEP, Update
from realtime_ser.engine.model_choice import LARGE
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.pipeline import Pipeline
from realtime_ser.recogniser.segmenter import Segmenter
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.recogniser.voice_measures import VoiceMeter

_NATIVE_RATE = 48_000
_BLOCK = 10 * SAMPLE_RATE  # as the analysis reads files


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Milliseconds from a step's last sample to its update, on speech.

    ``running`` are those within a segment, ``onsets`` those that begin one: there the model hears
    the pre-roll and the onset too, several steps in one burst.
    """

    running: NDArray[np.float64]
    onsets: NDArray[np.float64]


def measure_steps(bundle: Bundle, repeats: int = 5) -> StepTimes:
    """Push the demo recording through the pipeline, one step at a time, and time each."""
    samples = np.tile(_demo(), repeats)
    running: list[float] = []
    onsets: list[float] = []
    pipeline = Pipeline(bundle, GateConfig(), voice=True)
    segment = None
    with one_core():
        gc.collect()
        for start in range(0, len(samples) - STEP, STEP):
            block = samples[start : start + STEP]
            began = time.perf_counter()
            records = pipeline.push(block)
            took = 1000.0 * (time.perf_counter() - began)
            for update in records:
                if isinstance(update, Update) and update.speech:
                    (running if update.segment == segment else onsets).append(took)
                    segment = update.segment
    return StepTimes(np.array(running), np.array(onsets))


def measure_voice(repeats: int = 5) -> float:
    """Milliseconds that the measures of the voice take of each step, the silent ones too."""
    meter = VoiceMeter()
    made = Segmenter(FeatureParams(), GateConfig()).push(np.tile(_demo(), repeats))
    with one_core():
        gc.collect()
        began = time.perf_counter()
        for step in made:
            meter.push(step)
        return 1000.0 * (time.perf_counter() - began) / len(made)


def measure_pipeline(bundle: Bundle, seconds: float) -> float:
    """How many times faster than real time the pipeline alone is, on one core, at 16 kHz."""
    samples = np.resize(_demo(), round(seconds * SAMPLE_RATE))
    pipeline = Pipeline(bundle, GateConfig(), voice=True)
    with one_core():
        began = time.perf_counter()
        for start in range(0, len(samples), _BLOCK):
            pipeline.push(samples[start : start + _BLOCK])
        return seconds / (time.perf_counter() - began)


def measure_load(name: str) -> float:
    """Seconds in which a bundle is checked and ready for its first step."""
    began = time.perf_counter()
    StepModel(load_bundle(name))
    return time.perf_counter() - began


def measure_analyze(seconds: float, model: str = MODEL) -> float:
    """How many times faster than real time the command is, on one core, from start to end."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "long.wav"
        write_demo(wav, seconds, _NATIVE_RATE)
        options = ["--jobs", "1", "--model", model, "--out", str(Path(folder) / "out")]
        with one_core():
            began = time.perf_counter()
            with running_process(
                python("-m", "realtime_ser", "analyze", str(wav), *options)
            ) as process:
                finish(process, timeout_s=10 * seconds + 60)
            return seconds / (time.perf_counter() - began)


def steps() -> BenchmarkSection:
    """Section on the time of a step."""
    times = measure_steps(load_bundle(MODEL))
    large = measure_steps(load_bundle(LARGE))
    onset = Measurement(
        "at a segment's onset, max",
        float(times.onsets.max()),
        "ms",
        note=f"pre-roll in one burst, {len(times.onsets)} onsets",
    )
    voice = Measurement(
        "measures of the voice, mean", measure_voice(), "ms", Target(1.0), note="part of the above"
    )
    return BenchmarkSection(
        "Computing one 80 ms step",
        f"Gate, features, model and measures of the voice of {len(times.running)} speech steps of "
        "the demo recording, one thread on one core, within segments.",
        (
            *percentiles("gate + features + model", times.running, "ms", p99=Target(8.0)),
            onset,
            voice,
            *percentiles(f"the same with {LARGE}", large.running, "ms", p99=Target(6.0)),
            Measurement(f"{LARGE}: onset, max", float(large.onsets.max()), "ms"),
            Measurement(f"{MODEL}: loaded in", measure_load(MODEL), "s"),
            Measurement(f"{LARGE}: loaded in", measure_load(LARGE), "s", Target(0.5)),
        ),
    )


def analyze(seconds: float = 600.0) -> BenchmarkSection:
    """Section on files."""
    whole = {name: measure_analyze(seconds, name) for name in (MODEL, LARGE)}
    alone = {name: measure_pipeline(load_bundle(name), seconds) for name in (MODEL, LARGE)}
    least = Target(60.0, at_least=True)
    return BenchmarkSection(
        "Analysing a file",
        f"The demo recording repeated to {seconds:.0f} s, on one core. The command is the whole "
        "process from start to end: a 48 kHz WAV is read and resampled, CSVs are written. The "
        "pipeline alone gets samples at 16 kHz.",
        (
            *(
                Measurement(f"analyze --jobs 1 --model {name}", found, "x real time", least)
                for name, found in whole.items()
            ),
            *(
                Measurement(f"pipeline alone, {name}", found, "x real time")
                for name, found in alone.items()
            ),
        ),
    )


def _demo() -> NDArray[np.float32]:
    samples, _ = soundfile.read(DEMO, dtype="float32")
    return np.asarray(samples)
