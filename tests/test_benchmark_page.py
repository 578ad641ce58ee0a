"""What the page of benchmarks is made of, at its smallest; timings themselves are no tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from benchmarks import analysis, page, parts, roofline
from benchmarks.figures import ResultTable
from benchmarks.measured import Measured, NotNowError
from benchmarks.peers import replay
from benchmarks.peers.__main__ import Places
from benchmarks.peers.cuts import SegmentCutter, Segments, WindowCutter, Windows
from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.pipeline import Pipeline

RATE = 16_000
TABLE = ResultTable("How it was taken.", ("part", "ms"), (("gate", "0.06"), ("model", "0.13")))


@pytest.fixture(scope="module")
def bundle(bundle_folder):
    return load_bundle(bundle_folder)


@pytest.fixture(scope="module")
def speech():
    import soundfile

    return soundfile.read(analysis.DEMO, dtype="float32")[0][: 12 * RATE]


# ------------------------------------------------------------------------------------------- page


def test_a_table_takes_its_own_place_in_the_page(tmp_path):
    path = tmp_path / "page.md"
    places = "\n".join(f"{page.begin(name)}\nold {name}\n{page.END}" for name in ("a", "b"))
    path.write_text(f"above\n{places}\nbelow\n")
    page.write_table(path, "b", TABLE, "python -m benchmarks.page b", [0.5, 0.04])
    said = path.read_text()
    assert said.startswith("above\n")
    assert said.endswith(f"{page.END}\nbelow\n")
    assert "old a" in said
    assert "old b" not in said
    assert "`python -m benchmarks.page b`, on " in said
    assert "Other work took 0.04 to 0.50 cores meanwhile." in said
    assert "| part | ms |\n| --- | ---: |\n| gate | 0.06 |\n| model | 0.13 |\n" in said
    with pytest.raises(ValueError, match="no place"):
        page.write_table(path, "c", TABLE, "", [0.0])


def test_the_shipped_page_has_a_place_for_every_table():
    said = page.PAGE.read_text(encoding="utf-8")
    for name in (*page.TABLES, "peers"):
        assert said.count(page.begin(name)) == 1


def test_what_was_measured_is_kept_and_a_run_ends_when_it_is_to(tmp_path):
    path = tmp_path / "kept.json"
    first = Measured(path, most=1)
    assert first.get("a", lambda: {"ms": 1.0}) == {"ms": 1.0}
    with pytest.raises(NotNowError):
        first.get("b", lambda: {"ms": 2.0})
    second = Measured(path)
    assert second.got == ()
    assert second.get("a", lambda: {"ms": 9.0}) == {"ms": 1.0}
    assert second.get("b", lambda: {"ms": 2.0}) == {"ms": 2.0}
    assert second.got == ("a", "b")
    assert second.others("a") == first.others("a")


def test_own_work_is_not_that_of_others():
    """Neither what a process does itself nor what those did that it waited for."""
    busy = "import time\nwhile time.process_time() < 1: pass"
    taken = {}

    def measure():
        before, began = sum(psutil.cpu_times()[:3]), time.perf_counter()
        subprocess.run([sys.executable, "-c", busy], check=True)
        until = time.process_time() + 1
        while time.process_time() < until:
            pass
        taken["wall_s"] = time.perf_counter() - began
        taken["all_s"] = sum(psutil.cpu_times()[:3]) - before
        return taken

    measured = Measured()
    measured.get("own", measure)
    assert measured.others("own") * taken["wall_s"] <= taken["all_s"] - 1.5


# -------------------------------------------------------------------------------- step and analyze


def test_multiply_adds_are_counted_from_the_shapes(bundle):
    work = roofline.graph_work(bundle)
    assert work.total > 1e5
    # Every weight is used once at least.
    assert work.total >= work.weights / 4
    params = FeatureParams(n_fft=512, n_mels=64)
    assert roofline.feature_work(params) == 8 * (400 + 1.25 * 512 * 9 + 64 * 257)


def test_every_part_of_a_step_takes_time(bundle):
    times = roofline.measure_parts(bundle)
    assert min(times.model, times.gate, times.features, times.quality, times.decode) > 0
    peak = roofline.measure_peak((4096 * 16,))
    assert peak.multiply_adds > 1e8
    assert peak.read_bytes[4096 * 16] > 1e7


def test_records_and_blocks_are_handed_over():
    assert min(parts.measure_handovers().values()) > 0


def test_files_are_analysed_in_a_process_of_their_own():
    one = analysis.measure_count(2, "default", cores=1)
    assert one["cpu_s"] > 0
    assert one["memory_mb"] > 30
    assert analysis.measure_length(2.0, "default", cores=1)["wall_s"] > 0


# ------------------------------------------------------------------------------------------ peers


def test_windows_come_on_the_clock_however_the_sound_is_cut():
    sound = np.arange(5 * RATE, dtype=np.float32)
    at_once = WindowCutter(3.0, 0.5).push(sound)
    cutter = WindowCutter(3.0, 0.5)
    pieces = [cut for k in range(0, len(sound), 999) for cut in cutter.push(sound[k : k + 999])]
    assert [cut.until for cut in at_once] == [8000 * k for k in range(1, 11)]
    assert all(
        np.array_equal(a.sound, b.sound) and a.until == b.until
        for a, b in zip(at_once, pieces, strict=True)
    )
    assert at_once[-1].sound[-1] == sound[-1]
    assert len(at_once[0].sound) == 3 * RATE
    assert not at_once[0].sound[: 2 * RATE].any()


def test_the_last_window_of_a_clip_is_the_first_that_heard_its_speech():
    sound = np.ones(4 * RATE, np.float32)
    windows = Windows(3.0, 0.5).of_clip(sound, end=round(2.2 * RATE))
    assert len(windows) == 3  # after 1.5, 2.0 and 2.5 s
    assert windows[-1].sum() == pytest.approx(2.5 * RATE)
    (only,) = Windows(7.1, 7.1).of_clip(sound, end=len(sound))
    assert only.sum() == pytest.approx(4 * RATE)


def test_a_gated_segment_is_that_of_the_program(bundle, speech):
    cutter = SegmentCutter(GateConfig())
    cuts = [cut for k in range(0, len(speech), 700) for cut in cutter.push(speech[k : k + 700])]
    cuts += cutter.finish()
    pipeline = Pipeline(bundle, GateConfig())
    own = [r for r in pipeline.push(speech) + pipeline.finish() if hasattr(r, "voiced_s")]
    assert len(cuts) == len(own) > 1
    # The program's begin and end on its grid of 80 ms.
    for cut, segment in zip(cuts[:-1], own, strict=False):
        assert len(cut.sound) / RATE == pytest.approx(segment.end_s - segment.start_s, abs=0.16)
    assert len(Segments().of_clip(speech, len(speech))) == len(cuts)


def test_ours_is_measured_by_a_model_that_has_not_heard_the_speakers(bundle_folder, tmp_path):
    """The one that ships has heard everybody, so that its recipe's run on the fold counts."""
    own = tmp_path / "default-fold1-seed0" / "bundle"
    shutil.copytree(bundle_folder, own)
    places = Places(tmp_path, tmp_path, None, runs=tmp_path)
    assert load_bundle("default").manifest.recipe["fold"] == 0
    assert places.own("default").folder == own


def test_a_label_counts_from_the_end_of_speech_it_rests_on():
    spans = np.array([(0, RATE), (3 * RATE, 4 * RATE)])
    heard = [(RATE // 2, 0.6), (2 * RATE, 2.25), (4 * RATE, 4.1)]
    assert replay.delays_ms(heard, spans) == pytest.approx([1250.0, 100.0])
    assert replay.labels_per_second([until for until, _ in heard], spans) == pytest.approx(3 / 4)


def test_a_slow_program_falls_behind_the_stream():
    """What takes longer than a block is ready later than it was there."""
    import time

    def slow(block):
        until = time.process_time() + 0.03
        while time.process_time() < until:
            pass
        slow.count += len(block)
        return [slow.count]

    slow.count = 0
    found = replay.replay(slow, np.zeros(RATE, np.float32), np.array([(0, RATE)]))
    assert found["delay_p50_ms"] >= 500
    assert found["labels_per_s"] == pytest.approx(50 / 2)
