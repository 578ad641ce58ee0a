"""``realtime-ser analyze --engine dask``: the workers of a cluster, and the death of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from realtime_ser.commands.main import main
from tests.process_groups import running

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

CLI = [sys.executable, "-m", "realtime_ser", "analyze", "--model", "default"]
FILES = 48


@pytest.fixture(scope="module")
def archive(speech_wav, tmp_path_factory):
    """Links to two short recordings of speech."""
    folder = tmp_path_factory.mktemp("archive")
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    sounds = folder / "sounds"
    sounds.mkdir()
    for number in range(2):
        soundfile.write(sounds / f"{number}.wav", speech[number * rate : (number + 1) * rate], rate)
    links = folder / "links"
    links.mkdir()
    for number in range(FILES):
        (links / f"{number:03}.wav").symlink_to(sounds / f"{number % 2}.wav")
    return links


@pytest.fixture(scope="module")
def whole(archive, tmp_path_factory):
    """Results of the processes of the program itself."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["analyze", str(archive), "--out", str(out)]) == 0
    return out


def tables(folder):
    """All results, but not the lists."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "done-list" not in path.parts
    }


def listed(out):
    """How often each file stands in the lists."""
    lines = [
        line
        for path in (out / "done-list").glob("*.jsonl")
        for line in path.read_bytes().splitlines(keepends=True)
    ]
    fields = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return Counter(one["path"] for one in fields if "path" in one)


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers(process_id):
    """Processes that any thread of a process has spawned."""
    threads = Path(f"/proc/{process_id}/task").glob("*/children")
    children = [child for thread in threads for child in thread.read_text().split()]
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, words in commands.items() if b"spawn_main" in words]


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler and its worker processes, by the commands of Dask."""
    file = tmp_path / "scheduler.json"
    module = [sys.executable, "-m", "distributed.cli."]
    host = ["--host", "127.0.0.1", "--no-dashboard"]
    first = [*module[:-1], f"{module[-1]}dask_scheduler", "--port", "0", *host]
    with running(*first, "--scheduler-file", str(file)):
        wait_for(file.exists)
        second = [*module[:-1], f"{module[-1]}dask_worker", "--scheduler-file", str(file)]
        options = ["--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
        with running(*second, *options, "--local-directory", str(tmp_path)) as nannies:
            yield json.loads(file.read_text())["address"].removeprefix("tcp://"), nannies


def test_a_cluster_gives_what_the_processes_of_the_program_give(archive, whole, tmp_path):
    out = tmp_path / "out"
    command = [*CLI, str(archive), "--out", str(out), "--engine", "dask", "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
    assert tables(out) == tables(whole)
    assert set(listed(out).values()) == {1}


def test_a_relative_path_is_the_same_file_for_a_worker(archive, whole, tmp_path):
    command = [*CLI, "links/000.wav", "--out", str(tmp_path / "out"), "--engine", "dask"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=archive.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "out" / "000.json").read_text())["file"] == "links/000.wav"


def test_a_worker_that_is_killed_costs_nothing(archive, whole, tmp_path, scheduler):
    address, nannies = scheduler
    out = tmp_path / "out"
    command = [*CLI, str(archive), "--out", str(out), "--engine", f"dask://{address}"]
    wait_for(lambda: len(workers(nannies.pid)) == 2)
    with running(*command) as driver:
        wait_for(lambda: len(listed(out)) > 5 or driver.poll() is not None)
        os.kill(workers(nannies.pid)[0], signal.SIGKILL)
        _, said = driver.communicate(timeout=200)
    assert (driver.returncode, said) == (0, "")
    assert tables(out) == tables(whole)
    assert set(listed(out).values()) == {1}


def test_a_lost_cluster_ends_the_run_and_processes_go_on(archive, whole, tmp_path, scheduler):
    address, nannies = scheduler
    out = tmp_path / "out"
    command = [*CLI, str(archive), "--out", str(out), "--engine"]
    with running(*command, f"dask://{address}") as driver:
        wait_for(lambda: len(listed(out)) > 5 or driver.poll() is not None)
        driver.kill()
        driver.wait(30)
    os.killpg(nannies.pid, signal.SIGKILL)
    before = len(listed(out))
    assert 5 < before < FILES
    done = subprocess.run([*command, "dask"], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0
    assert f"{before} of {FILES} files are done already" in done.stderr
    assert tables(out) == tables(whole)
    assert set(listed(out).values()) == {1}


def test_a_scheduler_that_is_not_there_is_told(archive, tmp_path):
    command = [*CLI, str(archive), "--out", str(tmp_path / "out"), "--engine"]
    done = subprocess.run(
        [*command, "dask://127.0.0.1:1"], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1
    assert "There is no Dask scheduler at tcp://127.0.0.1:1" in done.stderr


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("spark", "There is no engine 'spark'"),
        ("dask://nowhere", "There is no engine 'dask://nowhere'"),
    ],
)
def test_an_engine_that_is_none_is_refused(archive, tmp_path, engine, said, capsys):
    arguments = ["--out", str(tmp_path / "out"), "--engine", engine]
    assert main(["analyze", str(archive), *arguments]) == 2
    assert said in capsys.readouterr().err
