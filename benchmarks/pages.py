"""What pages in browsers get of one server while all of them record."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from websockets.asyncio.client import connect

from benchmarks.figures import BenchmarkSection, Measurement, percentiles
from benchmarks.machine import Usage, usage
from benchmarks.programs import DEMO, MODEL, python, running_process
from realtime_ser.base.records import STEP_S

_RATE = 48_000
_BLOCK = 1408  # samples, as the page sends them: 29 ms
_PAGES, _SECONDS = 20, 30.0
_SETTLED_S = 3.0  # of each recording, in which all models are loaded


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What one page got.

    Attributes
    ----------
    updates_s
        Updates in a second of its recording.
    latencies_ms
        From the end of a step's sound to the arrival of its update, in milliseconds.
    late_ms
        By how much the page itself sent its latest block too late, in milliseconds.
    """

    updates_s: float
    latencies_ms: NDArray[np.float64]
    late_ms: float


def measure_pages(
    pages: int, seconds: float, settled_s: float = _SETTLED_S
) -> tuple[list[PageFigures], Usage]:
    """Let pages record at once for some seconds; what each got, and what the server took."""
    with running_process(
        python("-m", "realtime_ser", "serve", "--port", "0", "--model", MODEL)
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        process.stdout.readline()
        samples, rate = soundfile.read(DEMO, dtype="float32")
        sound = soxr.resample(samples, rate, _RATE)
        before = usage(process.pid)
        found = asyncio.run(_record_together(url, sound, pages, seconds, settled_s))
        after = usage(process.pid)
    return found, replace(after, cpu_s=after.cpu_s - before.cpu_s)


async def _record_together(
    url: str, sound: NDArray[np.float32], pages: int, seconds: float, settled_s: float
) -> list[PageFigures]:
    address = f"{url.replace('http', 'ws', 1)}microphone"
    # Each begins elsewhere in the sound, and a little later, as people do.
    turns = [np.roll(sound, -number * len(sound) // pages) for number in range(pages)]
    tasks = [
        _record(address, turn, seconds, settled_s, number * STEP_S / pages)
        for number, turn in enumerate(turns)
    ]
    return list(await asyncio.gather(*tasks))


async def _record(
    address: str, sound: NDArray[np.float32], seconds: float, settled_s: float, delay_s: float
) -> PageFigures:
    await asyncio.sleep(delay_s)
    async with connect(address, compression=None) as socket:
        await socket.send(json.dumps({"type": "start", "rate": _RATE, "name": "page"}))
        began_s = time.perf_counter()
        arrivals: list[tuple[float, float]] = []

        async def hear() -> None:
            async for text in socket:
                now_s = time.perf_counter() - began_s
                message = json.loads(text)
                if message["type"] == "update" and message["time_s"] > settled_s:
                    arrivals.append((message["time_s"], now_s))

        hearing = asyncio.create_task(hear())
        late_s = 0.0
        for first in range(0, round(seconds * _RATE), _BLOCK):
            due_s = (first + _BLOCK) / _RATE
            await asyncio.sleep(max(0.0, began_s + due_s - time.perf_counter()))
            late_s = max(late_s, time.perf_counter() - began_s - due_s)
            block = sound[np.arange(first, first + _BLOCK) % len(sound)]
            await socket.send(struct.pack("<d", first) + block.tobytes())
        await socket.send(json.dumps({"type": "stop"}))
        await hearing
    late = 1000.0 * np.array([now_s - time_s for time_s, now_s in arrivals])
    return PageFigures(len(arrivals) / (seconds - settled_s), late, 1000.0 * late_s)


def serve(pages: int = _PAGES, seconds: float = _SECONDS) -> BenchmarkSection:
    """Section on one page, and on many at once."""
    title = "Pages of realtime-ser serve, all recording"
    method = (
        f"{seconds:.0f} s of the demo recording at {_RATE // 1000} kHz in blocks of "
        f"{1000 * _BLOCK / _RATE:.0f} ms at their pace, each page at another place of it, from one "
        f"client on the same machine; figures from second {_SETTLED_S:.0f} on. Latency is from the "
        "end of a step's sound to the arrival of its update; a browser's drawing comes on top."
    )
    figures: list[Measurement] = []
    for count in (1, pages):
        found, taken = measure_pages(count, seconds)
        name = "one page" if count == 1 else f"{count} pages"
        late = max(page.late_ms for page in found)
        rates = [page.updates_s for page in found]
        note = f"the client itself was late by {late:.0f} ms at most"
        figures.append(Measurement(f"{name}, updates of the worst", min(rates), "/s", note=note))
        every = np.concatenate([page.latencies_ms for page in found])
        most = max(np.percentile(page.latencies_ms, 99) for page in found)
        half, *others = percentiles(f"{name}, latency", every, "ms")
        figures += [half, *others]
        figures.append(Measurement(f"{name}, latency, p99", float(np.percentile(every, 99)), "ms"))
        figures.append(Measurement(f"{name}, latency of the worst, p99", float(most), "ms"))
        figures.append(Measurement(f"{name}, server", 100 * taken.cpu_s / seconds, "% of a core"))
        figures.append(Measurement(f"{name}, memory of the server", taken.rss_mb, "MB"))
    return BenchmarkSection(title, method, tuple(figures))
