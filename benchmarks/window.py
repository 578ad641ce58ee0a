"""How fast the windows of a session of a day are: its review, and the live window at its end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.figures import BenchmarkSection, Measurement, Target, UnavailableError, percentiles
from benchmarks.frames import LiveFrames, ReviewFrames
from benchmarks.programs import Variables, display, finish, python, running_process
from benchmarks.store import DAY, store_with_session

_FRAME = Target(16.0)


def measure_review(variables: Variables, updates: int = DAY, turns: int = 24) -> ReviewFrames:
    """Open a session of so many updates in a fresh process, and move through it."""
    with store_with_session(updates) as (store, session):
        return ReviewFrames(**_seen(variables, "review", str(store.folder), session, str(turns)))


def measure_live(variables: Variables, updates: int = DAY, frames: int = 600) -> LiveFrames:
    """Show a live session in a fresh process, at its beginning and after so many updates."""
    return LiveFrames(**_seen(variables, "live", str(updates), str(frames)))


def review() -> BenchmarkSection:
    """Section on the review of a session."""
    title = "The review of a session of a day"
    method = (
        f"{DAY:,} updates and their segments, in a fresh process, its window 1280 x 720. First "
        "paint: from asking for the window until it is painted with the session in it, libraries "
        "loaded. Frames: events of wheel, mouse and keys at 60 a second, from a day down to 100 ms "
        "and back, as areas and as lines; the time of each stretch of work with a paint in it."
    )
    try:
        with display() as (variables, where):
            seen = measure_review(variables)
    except UnavailableError as error:
        return BenchmarkSection(title, method, missing=str(error))
    figures = (
        Measurement("first paint", seen.first_paint_s, "s", Target(1.0)),
        Measurement("first paint", seen.first_paint_worked_s, "s", note="processor time alone"),
        *_frames("a frame while zooming", seen.zooming_ms),
        *_frames("a frame while scrolling", seen.scrolling_ms),
        Measurement("memory at its highest", seen.memory_mb, "MB", Target(500.0)),
    )
    return BenchmarkSection(title, f"{method} On {where}.", figures)


def live() -> BenchmarkSection:
    """Section on the live window at the end of a day."""
    title = "The live window after a day"
    method = (
        f"{DAY:,} updates fed to the window, which jump at random each 80 ms, so that no lines are "
        "longer; a frame every 33 ms of the session's clock, the time from its tick "
        "until it is painted, in the session's second minute and after 24 hours."
    )
    try:
        with display() as (variables, where):
            seen = measure_live(variables)
    except UnavailableError as error:
        return BenchmarkSection(title, method, missing=str(error))
    early, late = np.median(seen.early_ms, axis=0), np.median(seen.late_ms, axis=0)
    figures = (
        *_frames("a frame in minute 1", seen.early_ms),
        *_frames("a frame in hour 24", seen.late_ms),
        Measurement(
            "hour 24 against minute 1, median", float(late[0] / early[0]), "x", Target(1.2)
        ),
        Measurement(
            "hour 24 against minute 1, median",
            float(late[1] / early[1]),
            "x",
            note="processor time alone",
        ),
        Measurement("memory in minute 1", seen.early_mb, "MB"),
        Measurement("memory in hour 24", seen.late_mb, "MB", Target(500.0)),
    )
    return BenchmarkSection(title, f"{method} On {where}.", figures)


def _frames(what: str, frames: Sequence[tuple[float, float]]) -> list[Measurement]:
    """Percentiles of the time of frames, and of the processor time in it."""
    whole, worked = np.array(frames).T
    return [
        *percentiles(what, whole, "ms", p99=_FRAME),
        Measurement(
            f"{what}, p99",
            float(np.percentile(worked, 99)),
            "ms",
            note="processor time alone",
        ),
    ]


def _seen(variables: Variables, *arguments: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "seen.json"
        command = python("-m", "benchmarks.frames", *arguments, str(report))
        with running_process(command, variables) as process:
            finish(process, timeout_s=900)
        seen: dict[str, object] = json.loads(report.read_text(encoding="utf-8"))
        return seen
