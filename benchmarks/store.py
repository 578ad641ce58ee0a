"""How fast a session of a day is opened, listed and scrolled, and what keeping one takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.figures import BenchmarkSection, Measurement, Target
from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Segment
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.session.metadata import SessionMetadata
from realtime_ser.session.store import Columns, Store
from realtime_ser.session.store.blobs import STATES, UpdateRecords, record_dtype
from realtime_ser.session.store.voice_blobs import VoiceRecords, no_voice

DAY = round(24 * 3600 / STEP_S)
"""Updates of 24 hours of one channel: 1.08 million."""

_ROW = 10
"""Updates that a live session commits at once."""


@contextmanager
def store_with_session(updates: int = DAY) -> Iterator[tuple[Store, str]]:
    """A store with one session of so many updates, in the rows of a live one; and its ID."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        writer = store.begin(_metadata())
        records = _records(updates)
        columns = Columns(1, LABELS, records, _voice(records))
        writer.insert_columns(columns.part(slice(at, at + _ROW)) for at in range(0, updates, _ROW))
        writer.feed(_segments(records))
        writer.finish()
        yield store, writer.id


def _metadata() -> SessionMetadata:
    source = SourceInfo("Studio", 48_000, 1, live=True)
    now = datetime.now().astimezone()
    return SessionMetadata(now, source, (1,), LABELS, ModelIdentity("default", "1.0", ""), {})


def _voice(records: UpdateRecords) -> VoiceRecords:
    """Measures of the voice, a pitch where somebody speaks."""
    voice = no_voice(len(records))
    voice["loudness_lufs"] = records["level_dbfs"]
    voice["pause_share"] = 0.2
    spoken = records["segment"] > 0
    for name, value in (("f0_hz", 120.0), ("speaking_rate", 4.0), ("activation", 0.1)):
        voice[name] = np.where(spoken, value, np.nan)
    return voice


def _records(updates: int) -> np.ndarray:
    """Speech of four seconds and a second of silence, over and over."""
    random = np.random.default_rng(0)
    records = np.zeros(updates, record_dtype(len(LABELS)))
    records["step"] = records["order"] = np.arange(updates)
    records["state"] = STATES.index(STATES[0])
    spoken = records["step"] % 62 < 50
    records["state"][spoken] = 1
    records["segment"][spoken] = 1 + records["step"][spoken] // 62
    records["label"] = np.where(spoken, random.integers(0, len(LABELS), updates), -1)
    peaks = random.integers(0, 20_000, updates)
    records["lowest"], records["highest"] = -peaks, peaks
    records["level_dbfs"] = random.normal(-30, 6, updates)
    records["probabilities"] = random.dirichlet(np.ones(len(LABELS)), updates)
    records["probabilities"][~spoken] = np.nan
    return records


def _segments(records: np.ndarray) -> list[Segment]:
    """Their segments; each has the estimate of its last step."""
    ends = np.flatnonzero(np.diff(records["segment"], append=0) < 0)
    return [
        Segment(
            int(record["segment"]),
            1,
            (int(record["segment"]) - 1) * 62 * STEP_S,
            (int(record["step"]) + 1) * STEP_S,
            3.9,
            Estimate(
                record["probabilities"],
                LABELS[int(record["label"])],
                float(record["probabilities"].max()),
                bool(record["step"] % 3),
            ),
        )
        for record in records[ends]
    ]


def _time_runs(work: Callable[[], object], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        begun_s = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begun_s))
    return times


def store(updates: int = DAY, runs: int = 5) -> BenchmarkSection:
    """Section on the store."""
    with store_with_session(updates) as (opened, name):

        def everything() -> None:
            columns = opened.columns(name)
            for field in columns.records.dtype.names or ():
                np.ascontiguousarray(columns.records[field])

        def afresh() -> None:
            with Store(opened.folder) as again:
                again.columns(name)

        size = opened.path.stat().st_size / 1e6
        figures = (
            Measurement(
                "open the store, read all", max(_time_runs(afresh, runs)), "ms", Target(1000.0)
            ),
            Measurement("read all, each column whole", max(_time_runs(everything, runs)), "ms"),
            Measurement("list it, with its length", max(_time_runs(opened.sessions, runs)), "ms"),
            Measurement("database", size, "MB"),
        )
    return BenchmarkSection(
        "A kept session of a day",
        f"{updates:,} updates of one channel in rows of {_ROW}, as a live session commits them; "
        f"the slowest of {runs} readings, the file in the system's cache.",
        figures,
    )
