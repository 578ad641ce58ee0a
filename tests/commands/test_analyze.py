"""``realtime-ser analyze``: what it finds, what it writes, and what it does not lose."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.machine import one_core
from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main
from realtime_ser.session.analysis.analyzer import AnalysisSettings
from realtime_ser.session.analysis.inputs import find_inputs
from realtime_ser.session.analysis.processes import analyze_in_processes, worthwhile_jobs

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser"]


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def probabilities(row, labels=LABELS):
    return np.array([float(row[label]) for label in labels])


@pytest.fixture(scope="module")
def clips(speech_wav, tmp_path_factory):
    """Three short clips in two folders, one of them silent, and a file that is no audio."""
    folder = tmp_path_factory.mktemp("clips")
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    (folder / "b").mkdir()
    soundfile.write(folder / "a.wav", speech[: 5 * rate], rate)
    soundfile.write(folder / "b" / "a.flac", speech[-5 * rate :], rate)
    soundfile.write(folder / "b" / "silent.wav", np.zeros(rate), rate)
    (folder / "b" / "notes.txt").write_text("no audio")
    return folder


# ------------------------------------------------------------------------------------- the results


def test_a_folder_gives_a_summary_and_the_tables_of_each_file(clips, tmp_path):
    out = tmp_path / "out"
    assert main(["analyze", str(clips), "--out", str(out)]) == 0
    summary = rows(out / "summary.csv")
    assert list(summary[0]) == [
        *("file", "duration_s", "speech_s", "label", "confidence", "certain"),
        *(*LABELS, "channel", "note", "error", "segments", "certain_share"),
        *(*(f"share_{label}" for label in LABELS), "left_out_s", "quality"),
    ]
    names = ["a.wav", "b/a.flac", "b/silent.wav"]
    assert [Path(row["file"]) for row in summary] == [clips / name for name in names]
    for row in summary[:2]:
        assert float(row["duration_s"]) == pytest.approx(5.0)
        assert 0 < float(row["speech_s"]) < 5
        assert probabilities(row).sum() == pytest.approx(1.0, abs=1e-5)
        assert row["label"] == LABELS[probabilities(row).argmax()]
        assert float(row["confidence"]) == probabilities(row).max()
    for name in ("a", "b/a", "b/silent"):
        for ending in ("frames.csv", "segments.csv", "json"):
            assert (out / f"{name}.{ending}").is_file()
    assert not list(out.rglob("*.part"))


def test_a_row_is_the_results_of_the_segments_averaged_by_voiced_duration(speech_wav, tmp_path):
    assert main(["analyze", str(speech_wav), "--out", str(tmp_path)]) == 0
    (summary,) = rows(tmp_path / "summary.csv")
    segments = rows(tmp_path / "speech.segments.csv")
    assert len(segments) >= 3
    bounds = [probabilities(segment) for segment in segments]
    averaged = probabilities(summary)
    assert (averaged <= np.max(bounds, axis=0) + 1e-6).all()
    assert (averaged >= np.min(bounds, axis=0) - 1e-6).all()

    from realtime_ser.base.records import Segment
    from realtime_ser.recogniser.bundle import load_bundle
    from realtime_ser.recogniser.pipeline import Pipeline

    pipeline = Pipeline(load_bundle("default"), Config().gate)
    samples, _ = soundfile.read(speech_wav, dtype="float32")
    found = [r for r in [*pipeline.push(samples), *pipeline.finish()] if isinstance(r, Segment)]
    weights = [segment.voiced_s for segment in found]
    expected = np.average([s.estimate.probabilities for s in found], axis=0, weights=weights)
    np.testing.assert_allclose(averaged, expected, atol=2e-6)


def piped(data, *arguments):
    return subprocess.run(
        [*CLI, "analyze", *map(str, arguments)], input=data, capture_output=True, timeout=120
    )


@pytest.mark.parametrize("name", ["a.wav", "b/a.flac"])
def test_a_file_from_a_pipe_is_analysed_as_the_file_itself(clips, name, tmp_path):
    done = piped((clips / name).read_bytes(), "-", clips / name, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    first, second = rows(tmp_path / "summary.csv")
    assert (first["file"], second["file"]) == ("stdin", str(clips / name))
    assert first | {"file": ""} == second | {"file": ""}
    assert float(first["speech_s"]) > 1
    frames = [(tmp_path / f"{stem}.frames.csv").read_text("utf-8") for stem in ("stdin", "a")]
    assert frames[0] == frames[1]
    assert json.loads((tmp_path / "stdin.json").read_text("utf-8"))["file"] == "stdin"


def test_trouble_with_a_file_from_a_pipe_is_told_by_its_name(clips):
    whole = (clips / "a.wav").read_bytes()
    done = piped(whole[: len(whole) // 2], "-")
    assert done.returncode == 1
    assert b"error: stdin is truncated: it ends after 2.5 s of 5.0 s" in done.stderr
    done = piped(b"", "-")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"error: stdin is empty" in done.stderr


def test_a_keyboard_is_no_file(clips):
    master, slave = os.openpty()
    done = subprocess.run([*CLI, "analyze", "-"], stdin=slave, capture_output=True, timeout=120)
    os.close(master)
    os.close(slave)
    assert done.returncode == 2
    assert b"send one there" in done.stderr


def test_a_file_whose_name_is_a_hyphen_is_given_with_its_folder(clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clips / "a.wav", tmp_path / "-")
    assert main(["analyze", "./-", "--out", "out"]) == 0
    (row,) = rows(tmp_path / "out" / "summary.csv")
    assert row["file"] == str(tmp_path / "-")


@pytest.mark.parametrize("arguments", [[""], ["a.wav", ""], ["a.wav", "--out", ""]])
def test_an_empty_word_is_not_the_current_folder(clips, arguments, monkeypatch, capsys):
    monkeypatch.chdir(clips)
    assert main(["analyze", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "an empty word names no file or folder" in said.err


# --------------------------------------------------------------------------------- linked folders


def test_linked_folders_are_searched_once_each_and_circles_end(clips, tmp_path):
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    (folder / "own").mkdir(parents=True)
    elsewhere.mkdir()
    shutil.copy(clips / "a.wav", folder / "own" / "one.wav")
    shutil.copy(clips / "a.wav", elsewhere / "two.wav")
    (folder / "first").symlink_to(folder / "own")  # what lies in its place keeps its name
    (folder / "linked").symlink_to(elsewhere)
    (folder / "linked too").symlink_to(elsewhere)
    (folder / "own" / "up").symlink_to(folder)
    (elsewhere / "itself").symlink_to(elsewhere)
    (folder / "three.wav").symlink_to(elsewhere / "two.wav")
    found = {item.path.relative_to(folder).as_posix() for item in find_inputs([folder], None)}
    assert found == {"own/one.wav", "linked/two.wav", "three.wav"}


def test_links_that_lead_nowhere_are_named(clips, tmp_path, capsys):
    shutil.copy(clips / "a.wav", tmp_path / "a.wav")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    assert main(["analyze", str(tmp_path)]) == 1
    errors = [row["error"] for row in csv.DictReader(capsys.readouterr().out.splitlines())]
    assert errors[0] == ""
    assert f"{tmp_path}/gone is a link that leads nowhere" in errors[1]
    assert f"no audio file at {tmp_path}/gone.wav" in errors[2]


def test_without_speech_the_probabilities_are_empty(clips, tmp_path, capsys):
    assert main(["analyze", str(clips / "b" / "silent.wav"), "--out", str(tmp_path)]) == 0
    (row,) = rows(tmp_path / "summary.csv")
    assert row["speech_s"] == "0.00"
    assert not any(row[name] for name in ("label", "confidence", "certain", *LABELS, "error"))
    assert rows(tmp_path / "silent.segments.csv") == []
    assert "No speech was found in" in capsys.readouterr().err


def test_classes_restrict_and_renormalise(clips, tmp_path):
    classes = ["angry", "disgust", "fearful", "happy", "neutral", "sad"]
    assert main(["analyze", str(clips / "a.wav"), "--out", str(tmp_path / "all")]) == 0
    arguments = ["analyze", str(clips / "a.wav"), "--out", str(tmp_path / "six")]
    assert main([*arguments, "--classes", ",".join(classes)]) == 0
    six = rows(tmp_path / "six" / "a.frames.csv")
    kept = [label for label in LABELS if label in classes]
    assert [name for name in six[0] if name in LABELS] == kept
    for row, whole in zip(six, rows(tmp_path / "all" / "a.frames.csv"), strict=True):
        if row["speech"] == "1":
            share = probabilities(whole, kept).sum()
            rounded = 1e-6 + 1e-6 / share
            expected = probabilities(whole, kept) / share
            np.testing.assert_allclose(probabilities(row, kept), expected, rtol=0, atol=rounded)


def test_the_sidecar_tells_how_the_numbers_came_about(clips, tmp_path):
    assert main(["analyze", str(clips / "a.wav"), "--out", str(tmp_path)]) == 0
    story = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert story["file"] == str(clips / "a.wav")
    assert len(story["model"]["sha256"]) == 64
    assert story["config"]["gate"] == Config().gate.model_dump()
    assert story["native_rate"] == 16_000
    assert story["dropped_samples"] == 0


def test_both_channels_of_an_interview_are_analysed(speech_stereo_wav, tmp_path):
    config = tmp_path / "two.yaml"
    config.write_text("audio: {channels: [1, 2]}\n")
    arguments = ["analyze", str(speech_stereo_wav), "--out", str(tmp_path), "--plot"]
    assert main([*arguments, "--config", str(config)]) == 0
    assert {row["channel"] for row in rows(tmp_path / "interview.segments.csv")} == {"1", "2"}
    assert (tmp_path / "interview.png").read_bytes().startswith(b"\x89PNG")


def test_a_mix_is_the_mean_of_all_channels_and_named(speech_stereo_wav, tmp_path):
    both, rate = soundfile.read(speech_stereo_wav, dtype="float32")
    (tmp_path / "mean").mkdir()
    mean = tmp_path / "mean" / "interview.wav"
    soundfile.write(mean, both.mean(axis=1), rate, subtype="FLOAT")
    for path, folder, options in (
        (speech_stereo_wav, "mixed", ["--channels", "mix"]),
        (mean, "alone", []),
    ):
        assert main(["analyze", str(path), "--out", str(tmp_path / folder), *options]) == 0
    mixed, alone = (rows(tmp_path / name / "interview.frames.csv") for name in ("mixed", "alone"))
    assert {row["channel"] for row in mixed} == {"mix"}
    assert any(row["speech"] == "1" for row in mixed)
    assert [row | {"channel": "1"} for row in mixed] == alone


def test_a_channel_that_is_no_number_is_refused(clips, capsys):
    assert main(["analyze", str(clips / "a.wav"), "--channels", "left"]) == 2
    assert "must be channel numbers separated by commas" in capsys.readouterr().err


def test_without_a_folder_the_summary_is_printed(clips, capsys):
    assert main(["analyze", str(clips)]) == 0
    printed = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [Path(row["file"]).name for row in printed] == ["a.wav", "a.flac", "silent.wav"]
    assert printed[0]["label"] in LABELS


def test_many_processes_give_what_one_gives(clips, tmp_path):
    for jobs in ("1", "2"):
        assert main(["analyze", str(clips), "--out", str(tmp_path / jobs), "--jobs", jobs]) == 0
    for path in sorted((tmp_path / "1").rglob("*.csv")):
        other = tmp_path / "2" / path.relative_to(tmp_path / "1")
        assert path.read_bytes() == other.read_bytes()


# ---------------------------------------------------------------------------------- which and where


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def places(paths, out):
    """Where the results of each file go, without their endings."""
    return {
        str(item.path): str(item.outputs.steps.relative_to(out)).removesuffix(".frames.csv")
        for item in find_inputs(paths, out)
    }


def test_folders_are_searched_for_audio_and_mirrored(tmp_path):
    touch(tmp_path, "in/x.wav", "in/deep/y.OGG", "in/deep/z.txt", "in/._x.wav")
    folder = tmp_path / "in"
    assert places([folder], tmp_path / "out") == {
        str(folder / "x.wav"): "x",
        str(folder / "deep" / "y.OGG"): str(Path("deep") / "y"),
    }


def test_several_folders_keep_their_names(tmp_path):
    touch(tmp_path, "one/x.wav", "two/x.wav")
    found = places([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert set(found.values()) == {str(Path(name) / "x") for name in ("one", "two")}


@pytest.mark.parametrize(
    "names",
    [("x.wav", "x.flac"), ("x.wav", "X.WAV"), ("x.wav", "x.flac", "x.wav.ogg", "x.flac.mp3")],
    ids="+".join,
)
def test_no_two_files_share_a_name(tmp_path, names):
    touch(tmp_path, *names)
    found = places([tmp_path], tmp_path / "out")
    assert len(found) == len({place.casefold() for place in found.values()}) == len(names)


def test_a_file_that_is_named_twice_is_analysed_once(tmp_path):
    touch(tmp_path, "in/x.wav")
    folder = tmp_path / "in"
    twice = [folder, folder / "x.wav", folder / ".." / "in" / "x.wav"]
    assert len(find_inputs(twice, tmp_path / "out")) == 1


def test_files_of_one_name_both_get_their_results(clips, tmp_path):
    shutil.copy(clips / "b" / "a.flac", tmp_path / "a.flac")
    shutil.copy(clips / "a.wav", tmp_path / "a.wav")
    assert main(["analyze", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    first, second = (tmp_path / "out" / f"a.{kind}.frames.csv" for kind in ("flac", "wav"))
    assert first.read_bytes() != second.read_bytes()


def test_results_replace_those_of_an_earlier_analysis(clips, tmp_path):
    for _ in range(2):
        assert main(["analyze", str(clips / "a.wav"), "--out", str(tmp_path)]) == 0
    assert len(rows(tmp_path / "summary.csv")) == 1


@pytest.mark.parametrize("taken", ["summary.csv", "a.segments.csv", "a.json"])
def test_nothing_else_is_replaced(clips, tmp_path, taken, capsys):
    (tmp_path / taken).write_text("mine\n")
    assert main(["analyze", str(clips / "a.wav"), "--out", str(tmp_path)]) == 1
    assert (tmp_path / taken).read_text() == "mine\n"
    assert f"{tmp_path / taken} exists already" in capsys.readouterr().err


def test_a_name_that_a_spreadsheet_would_run_is_escaped(clips, tmp_path, monkeypatch):
    shutil.copy(clips / "a.wav", tmp_path / "=a.wav")
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", "=a.wav", "--out", "out"]) == 0
    assert rows(tmp_path / "out" / "summary.csv")[0]["file"] == "'=a.wav"


# --------------------------------------------------------------------------------------- bad files


def test_no_more_processes_than_the_cores_that_the_program_may_use():
    """Those that a scheduler or ``taskset`` holds it to, and not those of the machine."""
    with one_core():
        assert worthwhile_jobs(10**12, 100) == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_one_bad_file_is_a_row_and_the_others_are_done(clips, tmp_path, jobs, capsys):
    folder = tmp_path / "in"
    shutil.copytree(clips, folder)
    (folder / "a0.wav").write_text("this is no audio")
    out = tmp_path / "out"
    assert main(["analyze", str(folder), "--out", str(out), "--jobs", jobs]) == 1
    by_name = {Path(row["file"]).name: row for row in rows(out / "summary.csv")}
    assert "not audio that can be read" in by_name["a0.wav"]["error"]
    assert by_name["a0.wav"]["label"] == ""
    assert by_name["a.wav"]["label"]
    assert by_name["a.flac"]["label"]
    assert "a0.wav is text and not audio" in capsys.readouterr().err
    assert not list(out.rglob("a0.*"))


def test_it_is_said_how_many_failed(tmp_path, capsys):
    touch(tmp_path, "x.wav", "y.wav")
    assert main(["analyze", str(tmp_path)]) == 1
    assert "2 of 2 files could not be analysed" in capsys.readouterr().err


def test_a_folder_without_audio_is_said_to_have_none(tmp_path, capsys):
    assert main(["analyze", str(tmp_path)]) == 1
    assert "holds no audio file" in capsys.readouterr().err


DEADLY = """
import os

def export(store, info, item, outcome):
    if item.path.name.startswith("deadly"):
        os._exit(9)
"""


@pytest.mark.parametrize("deadly", [("deadly.wav",), ("deadly.wav", "deadly2.wav")], ids=len)
def test_a_process_that_dies_takes_down_only_its_file(clips, tmp_path, monkeypatch, deadly):
    (tmp_path / "deadly_exports.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    import deadly_exports

    folder = tmp_path / "in"
    shutil.copytree(clips, folder)
    for name in deadly:
        shutil.copy(clips / "a.wav", folder / name)
    items = find_inputs([folder], tmp_path / "out")
    settings = AnalysisSettings(Config(), tmp_path / "store", export=deadly_exports.export)
    outcomes = list(analyze_in_processes(items, settings, 2, lambda shares: None))
    assert [outcome.file for outcome in outcomes] == [str(item.path) for item in items]
    for outcome in outcomes:
        if Path(outcome.file).name in deadly:
            assert "ended the process" in outcome.error
        else:
            assert outcome.error is None
            assert outcome.duration_s > 0


# -------------------------------------------------------------------------------- interruptions


def alive(process_id):
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def workers(process_id):
    """Processes that analyse files for a process."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    named = ((int(child), Path(f"/proc/{child}/cmdline").read_bytes()) for child in children)
    return [child for child, command in named if b"spawn_main" in command]


@pytest.fixture
def starting_analysis(speech_wav, tmp_path):
    """An analysis in two processes that just begins, of a short file and two long ones."""
    if sys.platform != "linux":
        pytest.skip("processes are looked up in /proc")
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    folder = tmp_path / "in"
    folder.mkdir()
    soundfile.write(folder / "a.wav", speech[: 5 * rate], rate)
    for name in ("b.wav", "c.wav"):
        soundfile.write(folder / name, np.tile(speech, 200), rate)
    command = [*CLI, "analyze", str(folder), "--out", str(tmp_path / "out"), "--jobs", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        try:
            yield process, tmp_path / "out" / "summary.csv"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def long_analysis(starting_analysis):
    """The same when the short file is done."""
    process, summary = starting_analysis
    deadline = time.monotonic() + 60
    while not (summary.exists() and len(rows(summary)) == 1):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    return process, summary


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_an_interrupted_analysis_keeps_what_was_done(long_analysis, sign):
    process, summary = long_analysis
    started = workers(process.pid)
    assert len(started) == 2
    if sign == signal.SIGINT:
        os.killpg(process.pid, sign)  # as a terminal does
    else:
        process.send_signal(sign)
    _, complained = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complained == ("realtime-ser: error: Interrupted; what was done until then is kept.\n")
    assert [Path(row["file"]).name for row in rows(summary)] == ["a.wav"]
    assert not list(summary.parent.glob("*.part"))
    assert not any(map(alive, started))


def test_an_interruption_while_processes_start_is_told_once(starting_analysis):
    process, _ = starting_analysis
    deadline = time.monotonic() + 60
    while len(workers(process.pid)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, complained = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complained == "realtime-ser: error: Interrupted; what was done until then is kept.\n"


def test_processes_do_not_outlive_the_one_that_started_them(long_analysis):
    process, _ = long_analysis
    started = workers(process.pid)
    process.kill()
    deadline = time.monotonic() + 30
    while any(map(alive, started)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_ringing_telephone_has_no_result_and_its_time_is_told(tmp_path, capsys):
    ringing = Path(__file__).resolve().parent.parent / "data" / "real_trouble"
    file = ringing / "c2_ringback_us.flac"
    assert main(["analyze", str(file), "--out", str(tmp_path)]) == 0
    assert "No result is given for" in (told := capsys.readouterr().err)
    assert "s not a voice." in told
    (row,) = rows(tmp_path / "summary.csv")
    assert (row["label"], row["certain"], row["share_sad"]) == ("", "", "")
    assert (row["quality"], float(row["left_out_s"]) > 5.0) == ("not a voice", True)
    steps = rows(tmp_path / "c2_ringback_us.frames.csv")
    spoken = [step for step in steps if step["speech"] == "1"]
    assert sum(int(step["certain"]) for step in spoken) <= 0.05 * len(spoken)


def test_the_shares_of_a_file_are_those_of_all_its_segments(clips, tmp_path):
    assert main(["analyze", str(clips / "a.wav"), "--out", str(tmp_path)]) == 0
    (row,) = rows(tmp_path / "summary.csv")
    segments = rows(tmp_path / "a.segments.csv")
    assert int(row["segments"]) == len(segments)
    assert sum(float(row[f"share_{label}"]) for label in LABELS) == pytest.approx(1.0, abs=1e-5)


def test_an_empty_folder_is_refused_with_a_place_for_results_too(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["analyze", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 1
    assert "holds no audio file" in capsys.readouterr().err
