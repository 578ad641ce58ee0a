"""Each benchmark measures what it says, here at its smallest; timings themselves are no tests."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import footprint, latency, pages, soak_figures, speed, start, store, window
from benchmarks.figures import (
    BenchmarkSection,
    Measurement,
    Target,
    UnavailableError,
    percentiles,
    show,
)
from benchmarks.machine import describe, one_core, usage
from benchmarks.programs import display, write_demo
from realtime_ser.recogniser.bundle import load_bundle

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="/proc, Xvfb and a sound server")


@pytest.fixture(scope="module")
def bundle(bundle_folder):
    return load_bundle(bundle_folder)


@pytest.fixture
def screen():
    try:
        with display() as (variables, _):
            yield variables
    except UnavailableError as error:
        pytest.skip(str(error))


def test_every_speech_step_of_the_demo_is_timed(bundle):
    times = speed.measure_steps(bundle, repeats=1)
    assert len(times.onsets) >= 5
    assert len(times.running) > 200
    assert times.running.min() > 0


def test_speed_is_a_multiple_of_real_time(bundle):
    assert speed.measure_pipeline(bundle, 2.0) > 0
    assert speed.measure_analyze(2.0) > 0


@linux_only
def test_pages_that_record_at_once_get_all_their_updates():
    found, taken = pages.measure_pages(2, 3.0, settled_s=0.0)
    assert [round(page.updates_s) for page in found] == [12, 12]
    assert all(page.latencies_ms.min() > 0 for page in found)
    assert taken.cpu_s > 0


def test_an_import_takes_time_and_a_wrong_one_is_loud():
    assert start.measure_import("json") > 0
    with pytest.raises(RuntimeError, match="No module named"):
        start.measure_import("a_module_that_is_not_there")


@linux_only
def test_the_window_is_shown_before_its_first_update(screen):
    begun = start.measure_window(screen)
    assert 0 < begun.shown < begun.first_update


@linux_only
def test_a_process_takes_memory_and_time():
    found = footprint.measure(["--headless", "--input", "demo"], from_s=1.5, until_s=2.5)
    assert 0 < found.pss_mb <= found.rss_mb
    assert found.cpu >= 0
    here = usage(os.getpid())
    assert here.cpu_s > 0
    assert 0 < here.anonymous_mb + here.shmem_mb < here.rss_mb


def test_an_onset_takes_at_least_the_voiced_frames_it_needs(bundle):
    delays = latency.measure_onsets(bundle)
    assert len(delays) >= 5
    # Eight voiced frames of the last ten, then the rest of the step.
    assert delays.min() >= 8 * 20
    assert delays.max() <= 10 * 20 + 80


@pytest.fixture
def sound(tmp_path):
    write_demo(tmp_path / "demo.wav", 10.0, 48_000)
    return tmp_path / "demo.wav"


@pytest.mark.pulse
def test_updates_of_a_microphone_carry_their_latency(pulse, sound):
    heard = latency.measure_updates(pulse, sound, 4.0, settled_s=3.0)
    assert len(heard.early) + len(heard.settled) + heard.lost in (49, 50)
    assert len(heard.settled) > 0
    assert (heard.settled > 0).all()


@pytest.mark.pulse
def test_an_update_is_painted_after_it_was_ready(pulse, screen, sound):
    seen = latency.measure_to_screen(pulse, sound, screen, 4.0, settled_s=2.0)
    assert len(seen.paint) > 5
    assert (seen.paint > 0).all()
    np.testing.assert_allclose(seen.whole, seen.update + seen.paint)


def test_a_session_of_a_day_is_read_whole():
    section = store.store(updates=5000, runs=1)
    figures = {figure.name: figure.value for figure in section.figures}
    assert min(figures.values()) > 0
    with store.store_with_session(5000) as (kept, name):
        assert len(kept.columns(name)) == kept.session(name).channels[0].updates == 5000


@linux_only
def test_frames_of_a_review_are_timed_while_it_is_moved_through(screen):
    seen = window.measure_review(screen, updates=3000, turns=4)
    assert seen.first_paint_s > 0
    for frames in (seen.zooming_ms, seen.scrolling_ms):
        assert len(frames) > 10
        assert all(whole >= 0 for whole, _ in frames)
    assert 50 < seen.memory_mb < 1000


@linux_only
def test_frames_of_the_live_window_are_timed_early_and_late(screen):
    seen = window.measure_live(screen, updates=2000, frames=5)
    assert len(seen.early_ms) == len(seen.late_ms) == 5
    assert min(whole for whole, _ in (*seen.early_ms, *seen.late_ms)) > 0
    assert min(seen.early_mb, seen.late_mb) > 50


@linux_only
def test_one_core_is_given_back():
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_a_section_prints_whether_its_targets_are_met():
    figures = (
        Measurement("fast enough", 3.0, "ms", Target(8.0)),
        Measurement("not enough", 50.0, "x", Target(60.0, at_least=True)),
        *percentiles("spread", [1.0, 2.0, 4.0], "ms"),
    )
    section = BenchmarkSection("Title", "How it was taken.", figures, missing="something else")
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    show(Console(file=out, width=120), [section])
    out.flush()
    said = out.buffer.getvalue().decode()
    lines = {line.split("  ")[1].strip(): line for line in said.splitlines() if "  " in line}
    assert "<= 8 ms" in lines["fast enough"]
    assert "✓" in lines["fast enough"]
    assert ">= 60 x" in lines["not enough"]
    assert "✗" in lines["not enough"]
    assert "2.00 ms" in lines["spread, p50"]
    assert "something else" in said
    assert [row["met"] for row in json.loads(json.dumps(section.as_data()))["figures"]] == [
        *(True, False, None, None)
    ]


def test_the_machine_is_described():
    described = describe()
    assert described["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert int(described["cores"]) >= 1


def soaked_session(folder, start_s):
    """Table of a headless session of two minutes, on a device that is 100 ppm fast.

    One step is lost in a fault, one without, and the clock is 0.5 s off after the fault.
    """
    rows = ["time_s,wall_clock,state,latency_ms"]
    for step in range(1500):
        time_s = 0.08 * (step + 1)
        wall_s = time_s * (1 - 1e-4) + (0.5 if step > 600 else 0.0)
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=wall_s)
        state = "lost" if step in (500, 1200) else "silence"
        latency = "" if state == "lost" else "60.0"
        rows.append(f"{time_s:.2f},{moment.isoformat()},{state},{latency}")
    table = folder / "session.csv"
    table.write_text("\n".join(rows) + "\n")
    story = {"anchors": [{"sample": 16_000, "adc_s": start_s + 1.0}], "native_rate": 48_000}
    table.with_suffix(".json").write_text(json.dumps(story | SOAKED_HEALTH))
    memory = [
        (start_s + second, 100.0 + second, 60.0 + 0.001 * second, 1.0 * second)
        for second in range(0, 120, 5)
    ]
    return soak_figures.Watched("headless", SimpleNamespace(returncode=0), table, memory)


SOAKED_HEALTH = {"dropped_samples": 7_680, "overflows": 1}


def test_a_soak_counts_what_goes_wrong_without_a_fault(tmp_path):
    watched = soaked_session(tmp_path, start_s=1000.0)
    faults = [
        soak_figures.Fault("unplugged", 1039.0, 1050.0),  # step 500 ends at 40.08 s
        soak_figures.Fault(soak_figures.WALL_CLOCK, 1095.0, 1098.0),  # excuses nothing
    ]
    found = soak_figures.section(watched, faults)
    figures = {one.name: one for one in found.figures}
    assert figures["lost in faults"].value == pytest.approx(0.08)
    assert figures["lost without a fault"].value == pytest.approx(0.08)
    assert figures["lost without a fault"].met is False
    assert figures["lost without a fault"].note == "at 96.1 s"
    assert figures["steps missing in the table"].met
    assert figures["drift of the device's clock"].value == pytest.approx(100.0, abs=0.1)
    astray = figures["time neither processed nor counted as lost"]
    assert astray.value == pytest.approx(0.5, abs=1e-3)
    assert astray.met is False
    assert figures["resident memory, slope after warm-up"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["of what was asked for"].value == pytest.approx(3.6)
    assert figures["memory at the end"].value == pytest.approx(100.0)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{soak_figures.BEGIN}\nearlier run\n{soak_figures.END}\nafter\n")
    soak_figures.write_page(page, {"cores": "2"}, 2.0, {"unplugged": 1}, [found])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "earlier run" not in text
    assert "| lost without a fault | 0.08 s (missed) | at most 0 | at 96.1 s |" in text


def test_growth_counts_what_stays_and_not_what_a_fault_takes_for_seconds():
    moments_s = np.arange(0.0, 3300.0, 5.0)
    grown_mb = 50.0 + 2.0 * moments_s / 3600.0
    held_mb = grown_mb + 40.0 * (moments_s % 300.0 < 20.0)
    assert soak_figures.growth_mb_h(moments_s, held_mb) == pytest.approx(2.0, abs=0.02)
    stepped_mb = 50.0 + 1.0 * (moments_s > 1100.0) + 1.0 * (moments_s > 2200.0)
    assert soak_figures.growth_mb_h(moments_s, stepped_mb) > 1.5


def test_the_wall_clock_of_a_soak_is_moved_for_the_program_alone(tmp_path):
    file = tmp_path / "moved"
    file.write_text("-86400")
    table = tmp_path / "session.csv"
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"sessions": {"folder": str(tmp_path / "sessions")}}))
    wanted = ["monitor", "--headless", "--input", "demo", "--speed", "0", "--duration", "2"]
    moved = ["-m", "benchmarks.moved_clock", str(file), *wanted]
    output = ["--export", str(table), "--config", str(config)]
    subprocess.run([sys.executable, *moved, *output], check=True, capture_output=True)
    with table.open() as rows:
        started = datetime.fromisoformat(next(csv.DictReader(rows))["wall_clock"])
    ago_s = (datetime.now(UTC) - started).total_seconds()
    assert ago_s == pytest.approx(86_400, abs=300)
