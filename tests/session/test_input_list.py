"""The list of the files of an archive: their order and names, whatever their number."""

from __future__ import annotations

import gc
import os
import pathlib
import subprocess
import sys
import tracemalloc

import pytest

from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.archive import ArchiveRun, ResultsKey
from realtime_ser.session.analysis.inputs import InputList
from realtime_ser.session.analysis.shards import Shard

NAMES = ("b.wav", "b/x.wav", "b c/x.wav", "b.c/x.wav", "B.wav", "a/z.wav", "a/é.wav", "a/d/y.wav")


def touch(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_come_in_the_order_of_their_paths(tmp_path):
    touch(tmp_path, NAMES)
    with InputList([tmp_path], tmp_path / "out") as items:
        assert [item.path for item in items] == sorted(tmp_path / name for name in NAMES)
        assert [items[index] for index in range(len(items))] == list(items)
        with pytest.raises(IndexError):
            items[len(items)]


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_a_name_that_is_no_text_is_kept_to_the_byte(tmp_path):
    path = os.fsencode(tmp_path / "caf") + b"\xe9.wav"
    os.close(os.open(path, os.O_CREAT))
    with InputList([tmp_path], tmp_path / "out") as items:
        assert [os.fsencode(item.path) for item in items] == [path]
        assert os.fsencode(items[0].outputs.name) == os.fsencode(tmp_path / "out" / "caf") + b"\xe9"


def test_parts_have_each_file_once_and_the_whole_is_kept(tmp_path):
    touch(tmp_path, NAMES)
    found = []
    for number in (1, 2, 3):
        with InputList([tmp_path], tmp_path / "out") as items:
            whole = list(items)
            items.keep_part(Shard(number, 3))
            part = list(items)
            assert [items[index] for index in range(len(items))] == part
            assert list(items.whole()) == whole
        assert part == [item for item in whole if item in part]
        found += part
    assert sorted(found, key=whole.index) == whole


def heap_of(folder, count):
    """Bytes of Python's memory that an archive of so many files holds when all are heard."""
    touch(folder, (f"{number // 100:03}/{number:06}.wav" for number in range(count)))

    def engine(work):
        for index, item in work:
            yield index, Outcome(item.title)

    tracemalloc.start()
    try:
        with (
            InputList([folder], folder / "out") as items,
            ArchiveRun(folder / "out", items, ResultsKey("m", "s"), print) as run,
        ):
            for _ in run.outcomes(engine):
                pass
            gc.collect()
            # Which interns the parts of paths: Python's table of names doubles at any moment.
            others = [tracemalloc.Filter(inclusive=False, filename_pattern=pathlib.__file__)]
            held = tracemalloc.take_snapshot().filter_traces(others)
            return sum(trace.size for trace in held.traces)
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    heap_of(tmp_path / "first", 600)  # what is made once
    few, many = heap_of(tmp_path / "few", 600), heap_of(tmp_path / "many", 2_600)
    assert many - few < 2_000 * 20


FULL = """
import resource, sys
from pathlib import Path
from realtime_ser.base.errors import OutputError
from realtime_ser.session.analysis.inputs import InputList

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    InputList([Path(sys.argv[1])], None)
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is that of Linux")
def test_a_temporary_folder_without_room_is_named(tmp_path):
    touch(tmp_path, (f"{number:04}{'n' * 200}.wav" for number in range(2_000)))
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert "The folder of temporary files takes no more (" in done.stdout
    assert "name another as TMPDIR" in done.stdout
