"""Lets a peer, or a model of ours, hear a stream as if it came live, and times its labels.

Each hears the stream in a process of its own, in blocks of 20 ms, one after the other as fast as
it can; a block counts as there when its last sample was spoken, and what a program does with it
begins then, or when the program is done with the block before. What it does is counted in the
processor time of its process, so that other work on the machine does not count.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.cuts import Sound
from realtime_ser.base.records import SAMPLE_RATE, STEP, Update

Spans: TypeAlias = NDArray[np.intp]
Program: TypeAlias = Callable[[Sound], list[int]]
"""Takes a block; returns, for each label that it gives, the samples of the stream heard by then."""

_BLOCK = SAMPLE_RATE // 50
_WARM_S = 8.0
"""Heard beforehand, so that every library is loaded and every function traced."""

_AFTER_S = 1.0
"""Labels so long behind the end of speech still count as given while somebody speaks."""


def own_program(bundle: str) -> Callable[[], Program]:
    """Starts the pipeline of a bundle of ours."""
    from realtime_ser.recogniser.bundle import load_bundle
    from realtime_ser.recogniser.pipeline import Pipeline

    loaded = load_bundle(bundle)

    def start() -> Program:
        pipeline = Pipeline(loaded, loaded.manifest.gate)
        return lambda block: [
            (record.step + 1) * STEP
            for record in pipeline.push(block)
            if isinstance(record, Update) and record.estimate is not None
        ]

    return start


def peer_program(name: str, folder: str, weights: str) -> Callable[[], Program]:
    """Starts a peer from its classifier's folder; reference system C from its run's."""
    from benchmarks.peers.cuts import Segments
    from benchmarks.peers.systems import PEERS, WHOLE_CLIP, load_whole_clip

    if name == WHOLE_CLIP:
        features, classify = load_whole_clip(Path(folder))
        cutting = Segments()
    else:
        peer = PEERS[name]
        features = peer.features(Path(weights) if weights else None)
        classify, cutting = peer.load(Path(folder)), peer.cutting

    def start() -> Program:
        cutter = cutting.cutter()

        def push(block: Sound) -> list[int]:
            cuts = cutter.push(block)
            for cut in cuts:
                classify(features(cut.sound)[None])
            return [cut.until for cut in cuts]

        return push

    return start


def replay(program: Program, samples: Sound, spans: Spans) -> dict[str, float]:
    """Hear a stream.

    Parameters
    ----------
    program
        What hears it.
    samples
        The stream, shape ``(n,)``.
    spans
        First and last sample of the speech of each clip, shape ``(clips, 2)``.

    Returns
    -------
    dict
        ``delay_p50_ms`` and ``delay_p95_ms`` from the end of a clip's speech to the first label
        that rests on all of it; ``labels_per_s`` while somebody speaks; ``core_percent``, processor
        time over the stream's; ``memory_mb``, the most resident memory of the process.
    """
    heard: list[tuple[int, float]] = []
    free_s = worked_s = 0.0
    for start in range(0, len(samples) - _BLOCK + 1, _BLOCK):
        there_s = (start + _BLOCK) / SAMPLE_RATE
        began = time.process_time()
        labels = program(samples[start : start + _BLOCK])
        took_s = time.process_time() - began
        worked_s += took_s
        free_s = max(there_s, free_s) + took_s
        heard += [(until, free_s) for until in labels]
    delays = delays_ms(heard, spans)
    return {
        "delay_p50_ms": float(np.percentile(delays, 50)),
        "delay_p95_ms": float(np.percentile(delays, 95)),
        "labels_per_s": labels_per_second([until for until, _ in heard], spans),
        "core_percent": 100.0 * worked_s / (len(samples) / SAMPLE_RATE),
        "memory_mb": _most_memory_mb(),
    }


def _most_memory_mb() -> float:
    """Most resident memory of this process; what its parent held when it was made is not in it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1.024e-3 * float(status.partition("VmHWM:")[2].split()[0])


def delays_ms(heard: list[tuple[int, float]], spans: Spans) -> list[float]:
    """Milliseconds from each end of speech to the first label that rests on all of it."""
    return [
        1000.0 * (next(ready_s for until, ready_s in heard if until >= end) - end / SAMPLE_RATE)
        for _, end in spans
        if any(until >= end for until, _ in heard)
    ]


def labels_per_second(heard: list[int], spans: Spans) -> float:
    """Labels given while somebody speaks, by the seconds of that."""
    after = round(_AFTER_S * SAMPLE_RATE)
    counted = sum(any(start <= until <= end + after for start, end in spans) for until in heard)
    return counted * SAMPLE_RATE / float((spans[:, 1] + after - spans[:, 0]).sum())


def _main(stream: str, kind: str, *arguments: str) -> int:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with np.load(stream) as arrays:
        samples, spans = arrays["samples"], arrays["spans"]
    start = own_program(*arguments) if kind == "own" else peer_program(*arguments)
    program = start()
    for begin in range(0, round(_WARM_S * SAMPLE_RATE), _BLOCK):
        program(samples[begin : begin + _BLOCK])
    print("seen", json.dumps(replay(start(), samples, spans)))
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
