"""The three latencies: of an update, to the screen, and of an onset. ``docs/latency.md``."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.figures import BenchmarkSection, Measurement, Target, UnavailableError, percentiles
from benchmarks.probe import TABLE_NAME, watch
from benchmarks.programs import (
    DEMO,
    MODEL,
    Variables,
    display,
    finish,
    monitor,
    output_options,
    playing_to_microphone,
    running_process,
    sound_server,
    write_demo,
)
from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE, STEP, Update, step_time
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from realtime_ser.recogniser.gate import GATE_FRAME, Onset, SpeechGate
from realtime_ser.recogniser.pipeline import Pipeline

if TYPE_CHECKING:
    from tests.sound_server import SoundServer

Milliseconds = NDArray[np.float64]

_SESSION_S = 25.0
_RATE = 48_000

_TO_SCREEN = {"p50": Target(75.0), "p95": Target(95.0), "p99": Target(110.0)}

#: A sound server takes a few seconds to tell ADC times rightly.
_SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class ScreenLatency:
    """Milliseconds of each update that came to the screen.

    ``update`` is its ``latency_ms``, and ``paint`` from its hand-over to the paint that shows it.
    """

    update: Milliseconds
    paint: Milliseconds

    @property
    def whole(self) -> Milliseconds:
        """From the ADC time of the step's end to the paint."""
        return self.update + self.paint


@dataclass(frozen=True, slots=True)
class MicrophoneLatency:
    """Milliseconds of each update of a session on a microphone: its ``latency_ms``.

    ``settled`` are those of the later part, ``early`` those before; of ``lost`` steps the sound did
    not arrive.
    """

    early: Milliseconds
    settled: Milliseconds
    lost: int


def measure_updates(
    server: SoundServer,
    sound: Path,
    seconds: float,
    settled_s: float = _SETTLED_S,
    model: str = MODEL,
) -> MicrophoneLatency:
    """Let a headless session hear a file through a sound server, and read what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "session.csv"
        options = ["--headless", "--input", "mic", "--model", model, "--duration", str(seconds)]
        options += output_options(out.parent, out.name)
        with (
            playing_to_microphone(server, sound, out),
            running_process(monitor(*options), server.env) as process,
        ):
            finish(process, timeout_s=seconds + 60)
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    heard = [(float(row["time_s"]), float(row["latency_ms"])) for row in rows if row["latency_ms"]]
    return MicrophoneLatency(
        np.array([latency for time_s, latency in heard if time_s < settled_s]),
        np.array([latency for time_s, latency in heard if time_s >= settled_s]),
        len(rows) - len(heard),
    )


def measure_to_screen(
    server: SoundServer,
    sound: Path,
    variables: Variables,
    seconds: float,
    settled_s: float = _SETTLED_S,
    model: str = MODEL,
) -> ScreenLatency:
    """The same with the window, and on to the paint that shows each update."""
    with (
        tempfile.TemporaryDirectory() as folder,
        playing_to_microphone(server, sound, Path(folder) / TABLE_NAME),
    ):
        options = ["--input", "mic", "--model", model]
        seen = watch(options, seconds, Path(folder), {**server.env, **variables})
    rows = [
        (update.latency_ms, 1000.0 * (update.painted_s - update.ready_s))
        for update in seen.painted
        if update.latency_ms is not None and update.time_s >= settled_s
    ]
    latencies, paints = np.array(rows).T
    return ScreenLatency(latencies, paints)


def measure_onsets(bundle: Bundle) -> Milliseconds:
    """From each segment's first voiced sample to the end of its first speech step.

    A count of samples on the demo recording; the update of that step comes ``latency_ms`` later.
    """
    samples, _ = soundfile.read(DEMO, dtype="float32")
    first_steps: dict[int, int] = {}
    for record in Pipeline(bundle, GateConfig()).push(samples):
        if isinstance(record, Update) and record.segment is not None:
            first_steps.setdefault(record.segment, record.step)
    gate = SpeechGate(GateConfig())
    voiced: dict[int, float] = {}  # by the step in which the onset was found
    frames = gate.push(samples[: len(samples) // GATE_FRAME * GATE_FRAME])
    for number, frame in enumerate(frames):
        if isinstance(frame.event, Onset):
            first_s = frame.event.first_voiced * GATE_FRAME / SAMPLE_RATE
            voiced[number * GATE_FRAME // STEP] = first_s
    # Segments that only continue a long one have no onset.
    steps = [step for step in first_steps.values() if step in voiced]
    return np.array([1000.0 * (step_time(step) - voiced[step]) for step in steps])


def latency(seconds: float = _SESSION_S) -> BenchmarkSection:
    """Section on all three."""
    title = "Latency"
    delays = measure_onsets(load_bundle(MODEL))
    figures: list[Measurement] = []
    method = (
        f"{seconds:.0f} s of the demo recording, played into a null sink and captured from its "
        f"monitor through PortAudio; figures from second {_SETTLED_S:.0f} on, when the clock has "
        "settled. A step's own 80 ms come on top of all but the onset delay, which holds them."
    )
    try:
        with tempfile.TemporaryDirectory() as folder, sound_server() as server:
            sound = Path(folder) / "demo.wav"
            write_demo(sound, seconds, _RATE)
            heard = measure_updates(server, sound, seconds)
            figures += _update_figures(heard) + _onset_figures(
                delays, float(np.median(heard.settled))
            )
            with display() as (variables, where):
                seen = measure_to_screen(server, sound, variables, seconds)
    except UnavailableError as error:
        if not figures:
            figures += _onset_figures(delays, None)
        return BenchmarkSection(title, method, tuple(figures), missing=str(error))
    figures += percentiles("to screen, in all", seen.whole, "ms", **_TO_SCREEN)
    figures += percentiles("of it, hand-over and paint", seen.paint, "ms")
    return BenchmarkSection(title, f"{method} The window is on {where}.", tuple(figures))


def _update_figures(heard: MicrophoneLatency) -> list[Measurement]:
    early = f"{np.median(heard.early):.0f} before; {heard.lost} steps lost"
    median, *others = percentiles("latency_ms of an update", heard.settled, "ms")
    return [replace(median, note=early), *others]


def _onset_figures(delays: Milliseconds, update: float | None) -> list[Measurement]:
    """Count of samples, and with it the latency of the update."""
    note = f"{delays.min():.0f} to {delays.max():.0f}, {len(delays)} segments"
    median = float(np.median(delays))
    figures = [Measurement("onset delay, sound alone, p50", median, "ms", note=note)]
    if update is not None:
        words = "with the median latency_ms"
        figures.insert(0, Measurement("onset delay, p50", median + update, "ms", note=words))
    return figures
