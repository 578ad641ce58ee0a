"""From the microphone to the screen, part by part, and each part against what one core can do."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.figures import ResultTable, number
from benchmarks.latency import measure_to_screen, measure_updates
from benchmarks.measured import Figures, Measured
from benchmarks.programs import display, sound_server, write_demo
from benchmarks.roofline import (
    PartTimes,
    feature_work,
    gate_work,
    graph_work,
    measure_parts,
    measure_peak,
    quality_work,
)
from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.base.records import STEP_S, State, Update
from realtime_ser.engine.subscription import Subscription
from realtime_ser.recogniser.bundle import load_bundle

MODELS = ("default", "large")

_SESSION_S = 25.0
_RATE = 48_000
_BLOCK_S = 0.02
_FRAMING_MS = 15.0
"""A step's last frame ends so long after the step."""

_HANDOVERS = 150


def measure_live(model: str) -> Figures:
    """Milliseconds of a session on a microphone, headless, and then on to the screen."""
    with tempfile.TemporaryDirectory() as folder, sound_server() as server:
        sound = Path(folder) / "demo.wav"
        write_demo(sound, _SESSION_S, _RATE)
        heard = measure_updates(server, sound, _SESSION_S, model=model)
        with display() as (variables, _):
            seen = measure_to_screen(server, sound, variables, _SESSION_S, model=model)
    found: Figures = {}
    for name, values in (
        ("update", heard.settled),
        ("paint", seen.paint),
        ("screen", seen.whole),
    ):
        found |= {f"{name}_p{share}": float(np.percentile(values, share)) for share in (50, 95)}
    return found


def measure_handovers() -> Figures:
    """Milliseconds from one thread to the next: through the queue of blocks and a subscription."""
    queue = BlockQueue(_RATE, blocking=False)
    block = np.zeros((round(_BLOCK_S * _RATE), 1), np.float32)
    subscription = Subscription(100, blocking=False)
    update = Update(0, 1, State.SILENCE)
    blocks = _waits(lambda: queue.write(block, None), lambda: queue.read(1.0))
    records = _waits(lambda: subscription.feed([update]), partial(next, iter(subscription)))
    return {"blocks": blocks, "publish": records}


def _waits(give: Callable[[], object], take: Callable[[], object]) -> float:
    """Median milliseconds from the beginning of giving to the end of taking in another thread."""
    given: list[float] = []
    taken: list[float] = []

    def receive() -> None:
        for _ in range(_HANDOVERS):
            take()
            taken.append(time.perf_counter())

    thread = threading.Thread(target=receive)
    thread.start()
    for _ in range(_HANDOVERS):
        time.sleep(_BLOCK_S / 4)
        given.append(time.perf_counter())
        give()
    thread.join()
    return 1000.0 * float(np.median(np.array(taken) - np.array(given)))


def _times(measured: Measured, model: str) -> PartTimes:
    found = measured.get(f"parts of {model}", lambda: asdict(measure_parts(load_bundle(model))))
    return PartTimes(**found)


def end_to_end(measured: Measured) -> ResultTable:
    """Table from the end of a step's sound to its picture."""
    handover = measured.get("handovers", measure_handovers)
    columns = []
    for model in MODELS:
        live = measured.get(f"live with {model}", partial(measure_live, model))
        times = _times(measured, model)
        computing = sum(asdict(times).values()) / 1000.0
        waiting = live["update_p50"] - _FRAMING_MS - handover["blocks"] - computing
        columns.append(
            (
                _FRAMING_MS,
                waiting,
                handover["blocks"],
                *(value / 1000.0 for value in asdict(times).values()),
                live["update_p50"],
                handover["publish"],
                live["paint_p50"],
                live["screen_p50"],
                live["screen_p95"],
            )
        )
    names = (
        "the step's last frame, which ends after it",
        "waiting in the sound server and for the capture block: what is left",
        "queue of blocks, to the worker's thread",
        "resampling of 80 ms from 48 kHz",
        "speech gate",
        "log-mel features",
        "quality of the sound",
        "model",
        "decoding",
        "**`latency_ms` of an update**, p50",
        "publishing, to a waiting consumer's thread",
        "hand-over and paint, p50",
        "**to screen**, p50",
        "**to screen**, p95",
    )
    rows = [
        (name, *(_milliseconds(column[k]) for column in columns)) for k, name in enumerate(names)
    ]
    return ResultTable(
        f"Milliseconds from the end of a step of {1000 * STEP_S:.0f} ms. `latency_ms` and to "
        f"screen are those of live sessions of {_SESSION_S:.0f} s each on a virtual microphone, as "
        "[Latency](latency.md) defines and takes them; each part was timed by itself, medians on "
        "one core.",
        ("part", *(f"`{model}`, ms" for model in MODELS)),
        tuple(rows),
    )


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def roofline(measured: Measured) -> ResultTable:
    """Table of the cost of a step against the least that one core could take."""
    bundles = {model: load_bundle(model) for model in MODELS}
    works = {model: graph_work(bundle) for model, bundle in bundles.items()}
    sizes = {model: work.weights for model, work in works.items()}

    def take_peak() -> Figures:
        peak = measure_peak(tuple(sizes.values()))
        rates = {model: peak.read_bytes[size] for model, size in sizes.items()}
        return {"multiply_adds": peak.multiply_adds, **rates}

    peak = measured.get("peak of one core", take_peak)
    rows = []
    for model, bundle in bundles.items():
        times, work = _times(measured, model), works[model]
        kinds = ", ".join(f"{kind} {count / 1e6:.2f}" for kind, count in work.multiply_adds.items())
        reading = 1e6 * work.weights / peak[model]
        name = f"`{model}`: model ({kinds})"
        rows.append(_row(name, work.total, max(_least(peak, work.total), reading), times.model))
        features = feature_work(bundle.manifest.features)
        name = f"`{model}`: log-mel features"
        rows.append(_row(name, features, _least(peak, features), times.features))
    of_all = _times(measured, MODELS[0])
    for name, count, took in (
        ("speech gate", gate_work(), of_all.gate),
        ("quality of the sound", quality_work(), of_all.quality),
    ):
        rows.append(_row(name, count, _least(peak, count), took))
    rows += [("resampling", "", "", number(of_all.resample), "")]
    rows += [("decoding", "", "", number(of_all.decode), "")]
    memory = ", ".join(
        f"{peak[model] / 1e9:.0f} GB/s for the {sizes[model] / 1e6:.1f} MB of `{model}`"
        for model in MODELS
    )
    return ResultTable(
        "A step's products are counted from the shapes in the step model's graph, its transforms "
        f"from their length. One core does {peak['multiply_adds'] / 1e9:.1f} billion of them a "
        "second in a product of two float32 matrices of 1024 x 1024, and reads weights, each used "
        f"once, at {memory}; the limit is the longer of the two times. Measured: median of a step "
        "of speech on one core, by itself.",
        (
            "part of a step",
            "multiply-adds, millions",
            "limit, us",
            "measured, us",
            "times the limit",
        ),
        tuple(rows),
    )


def _least(peak: Figures, count: float) -> float:
    """Least microseconds of so many multiply-adds."""
    return 1e6 * count / peak["multiply_adds"]


def _row(name: str, count: float, limit: float, took: float) -> tuple[str, ...]:
    return (name, number(count / 1e6), number(limit), number(took), f"{took / limit:.1f}")
