"""``realtime-ser analyze --out``: what is done is kept, whatever ends the program."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import soundfile

from realtime_ser.commands.main import main
from realtime_ser.session.analysis import done_list
from realtime_ser.session.analysis.done_list import FOLDER, DoneLists, ListedRun, OwnList
from tests import process_groups

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser", "analyze", "--model", "default"]
FILES = 24

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


@pytest.fixture(scope="module")
def sounds(speech_wav, tmp_path_factory):
    """Two short recordings of speech."""
    folder = tmp_path_factory.mktemp("sounds")
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    for number in range(2):
        piece = speech[number * rate : (number + 2) * rate]
        soundfile.write(folder / f"{number}.wav", piece, rate)
    return folder


@pytest.fixture
def archive(sounds, tmp_path):
    """Links to these recordings, in two folders."""
    folder = tmp_path / "archive"
    for number in range(FILES):
        link = folder / f"s{number % 2}" / f"{number:03}.wav"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(sounds / f"{number % 2}.wav")
    return folder


@pytest.fixture(scope="module")
def expected(sounds, tmp_path_factory):
    """Tables of the two recordings, and rows of the summary but for the name of the file."""
    out = tmp_path_factory.mktemp("expected")
    assert main(["analyze", str(sounds), "--out", str(out)]) == 0
    rows = {Path(row.pop("file")).stem: row for row in summary(out)}
    return {
        str(number): (rows[str(number)], (out / f"{number}.frames.csv").read_bytes())
        for number in range(2)
    }


def summary(out):
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(out):
    """Whole lines of all lists that tell of a file."""
    found = []
    for path in sorted((out / FOLDER).glob("*.jsonl")):
        whole = [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]
        found += [one for one in map(json.loads, whole) if "path" in one]
    return found


def check_whole(archive, out, expected):
    """Nothing is lost, nothing twice, nothing torn."""
    wanted = sorted(archive.rglob("*.wav"))
    rows = summary(out)
    assert [Path(row["file"]) for row in rows] == wanted
    for path, row in zip(wanted, rows, strict=True):
        known, steps = expected[str(int(path.stem) % 2)]
        assert {**known, "file": row["file"]} == row
        place = out / path.relative_to(archive).with_suffix("")
        assert place.with_name(f"{place.name}.frames.csv").read_bytes() == steps
        assert json.loads(place.with_name(f"{place.name}.json").read_text("utf-8"))
    assert set(Counter(one["path"] for one in lines(out)).values()) == {1}
    assert not list(out.rglob("*.part"))
    assert not list((out / FOLDER).glob("*.claim"))
    assert not list((out / FOLDER).glob("*.lock"))
    assert not list((out / FOLDER).glob("*.name"))


def run(archive, out, *arguments):
    return subprocess.run(
        [*CLI, str(archive), "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        timeout=200,
    )


def running(archive, out, *arguments):
    return process_groups.running(*CLI, str(archive), "--out", str(out), *arguments)


def wait_for_lines(process, out, count):
    deadline = time.monotonic() + 120
    while len(lines(out)) < count:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)


def times(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*.frames.csv")}


# --------------------------------------------------------------------------------- going on


@linux
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_analysis_goes_on_where_it_was(archive, tmp_path, expected, jobs):
    out = tmp_path / "out"
    with running(archive, out, "--jobs", jobs) as process:
        wait_for_lines(process, out, 5)
        process.kill()
        process.wait(30)
    before = times(out)
    done = {one["name"] for one in lines(out)}
    assert 5 <= len(done) < FILES
    finished = run(archive, out, "--jobs", jobs)
    assert finished.returncode == 0
    assert f"{len(done)} of {FILES} files are done already" in finished.stderr
    assert "was stopped: " in finished.stderr
    check_whole(archive, out, expected)
    after = times(out)
    for name in done:
        assert after[out / f"{name}.frames.csv"] == before[out / f"{name}.frames.csv"]


@linux
def test_an_interrupted_analysis_goes_on_and_has_left_no_claim(archive, tmp_path, expected):
    out = tmp_path / "out"
    with running(archive, out, "--jobs", "2") as process:
        wait_for_lines(process, out, 3)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (1, 1)
    assert not list((out / FOLDER).glob("*.claim"))
    assert "was stopped" not in run(archive, out, "--resume").stderr
    check_whole(archive, out, expected)


@linux
def test_a_killed_process_costs_nothing(archive, tmp_path, expected):
    out = tmp_path / "out"
    with running(archive, out, "--jobs", "2") as process:
        wait_for_lines(process, out, 3)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
        worker = next(child for child, words in commands.items() if b"spawn_main" in words)
        os.kill(int(worker), signal.SIGKILL)
        _, said = process.communicate(timeout=200)
    assert (process.returncode, said) == (0, "")
    check_whole(archive, out, expected)


def test_what_is_done_is_not_done_again(archive, tmp_path, expected):
    out = tmp_path / "out"
    assert main(["analyze", str(archive), "--out", str(out)]) == 0
    before, table = times(out), (out / "summary.csv").read_bytes()
    (out / "summary.csv").unlink()
    assert main(["analyze", str(archive), "--out", str(out)]) == 0
    assert times(out) == before
    assert (out / "summary.csv").read_bytes() == table
    check_whole(archive, out, expected)


def test_again_starts_over(archive, tmp_path, expected, capsys):
    out = tmp_path / "out"
    for arguments in ([], ["--again"]):
        assert main(["analyze", str(archive / "s0"), "--out", str(out), *arguments]) == 0
    assert "already" not in capsys.readouterr().err
    check_whole(archive / "s0", out, expected)


# -------------------------------------------------------------------- what must be done again


def done_again(archive, out, *arguments):
    """Names of the files that a second run does."""
    before = times(out)
    assert main(["analyze", str(archive), "--out", str(out), *arguments]) == 0
    after = times(out)
    return {path.name.removesuffix(".frames.csv") for path in after if after[path] != before[path]}


@pytest.fixture
def analysed(archive, tmp_path):
    """Four files that are done, and their results."""
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(archive.rglob("*.wav"))[:4]:
        shutil.copyfile(path, few / path.name)
    out = tmp_path / "results"
    assert main(["analyze", str(few), "--out", str(out)]) == 0
    return few, out


def test_a_file_that_changed_is_done_again(analysed, capsys):
    few, out = analysed
    path = min(few.iterdir())
    os.utime(path, (time.time() - 100,) * 2)
    assert done_again(few, out) == {path.stem}
    assert "1 file done earlier must be done again" in capsys.readouterr().err
    assert done_again(few, out) == set()


def test_a_result_that_is_gone_or_cut_is_made_again(analysed):
    few, out = analysed
    names = [path.stem for path in sorted(few.iterdir())]
    (out / f"{names[0]}.segments.csv").unlink()
    os.truncate(out / f"{names[1]}.json", 10)
    assert done_again(few, out) == set(names[:2])
    assert json.loads((out / f"{names[1]}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "arguments", [["--classes", "angry,neutral"], ["--model", "large"], ["--plot"]], ids=str
)
def test_other_settings_do_all_again(analysed, arguments):
    few, out = analysed
    names = {path.stem for path in few.iterdir()}
    assert done_again(few, out, *arguments) == names
    assert done_again(few, out, *arguments) == set()


def test_intervals_that_changed_are_heard_again(analysed):
    few, out = analysed
    paths = sorted(few.iterdir())
    for path in paths[:2]:
        path.with_suffix(".txt").write_text("0.0\t1.0\tone\n")
    options = ["--intervals", str(few)]
    assert done_again(few, out, *options) == {path.stem for path in paths[:2]}
    paths[0].with_suffix(".txt").write_text("0.0\t1.0\tone\n1.0\t2.0\ttwo\n")
    assert done_again(few, out, *options) == {paths[0].stem}
    with (out / "intervals.csv").open(encoding="utf-8", newline="") as file:
        assert [row["interval"] for row in csv.DictReader(file)] == ["one", "two", "one"]


def test_what_failed_is_tried_again(analysed, capsys):
    few, out = analysed
    bad = few / "bad.wav"
    bad.write_text("no sound")
    for _ in range(2):
        assert main(["analyze", str(few), "--out", str(out)]) == 1
        assert "bad.wav is text and not audio" in capsys.readouterr().err
    assert [row["error"] != "" for row in summary(out)] == [False] * 4 + [True]
    shutil.copyfile(next(iter(few.iterdir())), bad)
    assert main(["analyze", str(few), "--out", str(out)]) == 0


def test_reasons_are_listed_at_the_end(archive, tmp_path, capsys):
    (archive / "b.wav").write_text("no sound")
    (archive / "c.wav").write_bytes(b"")
    assert main(["analyze", str(archive), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "b.wav is text and not audio" in said
    assert "c.wav is empty" in said
    assert f"2 of {FILES + 2} files could not be analysed" in said


@pytest.mark.parametrize("torn", [b'{"path":"', b"\x00\x00\x00\n", b"[]\n"], ids=repr)
def test_a_line_that_is_none_is_ignored(analysed, torn):
    few, out = analysed
    (path,) = (out / FOLDER).glob("*.jsonl")
    whole = path.read_bytes().splitlines(keepends=True)
    last = json.loads(whole[-1])["name"]
    path.write_bytes(b"".join(whole[:-1]) + torn)
    assert done_again(few, out) == {last}
    assert len(summary(out)) == 4


# ------------------------------------------------------------------------------ a disk that is full


@linux
def test_a_disk_that_takes_no_more_ends_the_run_and_loses_nothing(archive, tmp_path, expected):
    out, labels = tmp_path / "out", tmp_path / "labels"
    labels.mkdir()
    for number in range(FILES):  # which make the list the first file to grow large
        text = "".join(f"{0.02 * k}\t{0.02 * k + 0.5}\tx\n" for k in range(70))
        (labels / f"{number:03}.txt").write_text(text)
    options = ["--jobs", "1", "--intervals", str(labels)]
    words = " ".join([*CLI, str(archive), "--out", str(out), *options])
    full = subprocess.run(
        ["bash", "-c", f"ulimit -f 500; exec {words}"], capture_output=True, text=True, timeout=200
    )
    assert full.returncode == 1
    assert "Cannot write" in full.stderr
    assert "the same command goes on" in full.stderr
    done = {one["path"] for one in lines(out)}
    assert 0 < len(done) < FILES
    assert run(archive, out, *options).returncode == 0
    check_whole(archive, out, expected)


# ------------------------------------------------------------------------------------- several runs


@contextmanager
def at_work(out):
    """A run of this process on a folder."""
    with DoneLists(out) as lists, closing(OwnList(lists, ListedRun.here(1))) as own:
        yield own


@linux
def test_two_runs_on_one_folder_do_no_file_twice(archive, tmp_path, expected):
    out = tmp_path / "out"
    with running(archive, out, "--jobs", "1") as one, running(archive, out, "--jobs", "1") as two:
        said = [process.communicate(timeout=200)[1] for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0)
    check_whole(archive, out, expected)
    by_list = {path.stem for path in (out / FOLDER).glob("*.jsonl")}
    assert len(by_list) in (1, 2)
    assert "Traceback" not in "".join(said)


@linux
def test_a_run_takes_over_from_one_that_is_killed_beside_it(archive, tmp_path, expected):
    out = tmp_path / "out"
    with running(archive, out, "--jobs", "1") as one:
        wait_for_lines(one, out, 2)
        os.kill(one.pid, signal.SIGSTOP)  # it is alive and holds its claims
        with running(archive, out, "--jobs", "1") as two:
            for said in two.stderr:
                if "Waiting for" in said:
                    break
            one.kill()
            assert two.wait(200) == 0
    check_whole(archive, out, expected)


def test_nothing_starts_over_while_another_run_is_at_work(analysed, capsys):
    few, out = analysed
    with at_work(out):
        assert main(["analyze", str(few), "--out", str(out), "--again"]) == 2
    assert "Another run is at work" in capsys.readouterr().err
    assert main(["analyze", str(few), "--out", str(out), "--again"]) == 0


def test_a_silent_run_of_another_machine_loses_its_claims(tmp_path, monkeypatch):
    with at_work(tmp_path) as own:
        (tmp_path / FOLDER / "elsewhere-7-1-aa.lock").touch()
        claim = tmp_path / FOLDER / f"{done_list._hash('/a.wav'):016x}.claim"
        claim.write_text("elsewhere-7-1-aa")
        assert own.take_away() == {}
        assert not own.claim("/a.wav")
        monkeypatch.setattr(done_list, "_SILENT_S", 0.0)
        assert own.take_away() == {"elsewhere-7-1-aa": 1}
        assert own.claim("/a.wav")


@pytest.mark.parametrize("links", [True, False])
def test_a_claim_belongs_to_one_run_on_a_disk_without_links_too(tmp_path, monkeypatch, links):
    if not links:  # as FAT says it

        def refuse(path, target):
            raise PermissionError(1, "Operation not permitted", str(path))

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    with at_work(tmp_path) as one, at_work(tmp_path) as other:
        assert one.claim("/a.wav")
        assert not other.claim("/a.wav")
        assert other.take_away() == {}
        one.release("/a.wav")
        assert other.claim("/a.wav")
        assert not one.claim("/a.wav")
    assert not list((tmp_path / FOLDER).glob("*.claim"))


def test_resuming_and_starting_over_need_a_folder_and_exclude_each_other(archive, tmp_path, capsys):
    assert main(["analyze", str(archive), "--again"]) == 2
    assert "add --out DIR" in capsys.readouterr().err
    arguments = ["--again", "--resume", "--out", str(tmp_path / "out")]
    assert main(["analyze", str(archive), *arguments]) == 2
    assert "leave one of them out" in capsys.readouterr().err
