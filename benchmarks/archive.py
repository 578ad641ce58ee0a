"""An archive of one-second files in trouble: nothing is lost, done twice, or torn.

``python -m benchmarks.archive --files 2000`` analyses links to a few recordings in two processes,
and meanwhile kills a worker, crashes one as a decoder would, kills the driver, and fills the disk;
two drivers then share what is left. All that is there at the end is checked, and the program ends
with 1 where something is wrong. ``--page`` writes the figures into a page between two marks. The
results lie on a file system in memory of their own, which needs the rights to mount it. Then it
measures what the lists of many files take that nobody hears, what a file takes beside its sound,
how fast archives of two models are without trouble, and what a million hours would take.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile

from benchmarks.figures import ResultTable
from benchmarks.machine import describe
from benchmarks.page import END, begin, between_marks, machine_text, table_lines
from benchmarks.programs import DEMO, python
from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import Config
from realtime_ser.base.processes import SpawnPool
from realtime_ser.engine.offline import analyse
from realtime_ser.exchange.analysis_tables import SUMMARY, write_tables
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
from realtime_ser.session.analysis.archive import ArchiveRun, ResultsKey
from realtime_ser.session.analysis.done_list import FOLDER
from realtime_ser.session.analysis.files import FileModel
from realtime_ser.session.analysis.inputs import InputList
from realtime_ser.session.analysis.processes import Work

_DIFFERENT = 5
"""Recordings behind the many links."""

_RATE = 16_000
_LONG_S = 60
_CORES = 2
_PER_FOLDER = 1_000
_BYTES_PER_FILE = 40_000
_POLL_S = 0.2
_ROUNDS = 5
_PATIENCE_S = 6 * 3600.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Phase:
    """What happened until a driver ended, when, and how many files were done then."""

    name: str
    seconds: float
    done: int
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Kind:
    """Model that hears an archive, and length of its files in seconds."""

    model: str = "default"
    seconds: int = 1


class Archive:
    """An archive of links, and the results of it by a model."""

    def __init__(self, folder: Path, out: Path, count: int, kind: Kind) -> None:
        self.model = kind.model
        self.links = folder / "archive"
        self.out = out
        self.count = count
        self._read: dict[Path, tuple[int, int]] = {}
        sounds = folder / "sounds"
        sounds.mkdir()
        demo, _ = soundfile.read(DEMO, dtype="int16")
        length = kind.seconds * _RATE
        whole = np.tile(demo, 2 + length // len(demo))
        for k in range(_DIFFERENT):
            begin = k * len(demo) // _DIFFERENT
            soundfile.write(sounds / f"{k}.wav", whole[begin : begin + length], _RATE)
        for k in range(count):
            link = self.links / f"{k // _PER_FOLDER:04}" / f"{k:07}.wav"
            if not k % _PER_FOLDER:
                link.parent.mkdir(parents=True)
            link.symlink_to(sounds / f"{k % _DIFFERENT}.wav")

    def start(self, jobs: int) -> subprocess.Popen[bytes]:
        """Start a driver, which says nothing but its errors."""
        command = python("-m", "realtime_ser", "analyze", str(self.links), "--out", str(self.out))
        command += ["--model", self.model]
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        said = (self.out.parent / "said.txt").open("ab")
        with said:
            return subprocess.Popen(
                [*command, "--jobs", str(jobs)], stdout=said, stderr=said, env=variables
            )

    def done(self) -> int:
        """Number of lines of all lists that tell of a file."""
        for path in (self.out / FOLDER).glob("*.jsonl"):
            read_to, count = self._read.get(path, (0, -1))  # the first line tells of the run
            with path.open("rb") as file:
                file.seek(read_to)
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self._read[path] = read_to + whole, count + data.count(b"\n")
        return sum(count for _, count in self._read.values())


def wait_until(archive: Archive, drivers: Sequence[subprocess.Popen[bytes]], count: int) -> None:
    """Wait until so many files are done, while the drivers run."""
    deadline = time.monotonic() + _PATIENCE_S
    while archive.done() < count and any(driver.poll() is None for driver in drivers):
        if time.monotonic() > deadline:
            raise SystemExit("the archive is not done in time")
        time.sleep(_POLL_S)


def workers(driver: subprocess.Popen[bytes]) -> list[int]:
    """Processes of a driver that analyse files."""
    children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
    named = ((int(child), Path(f"/proc/{child}/cmdline").read_bytes()) for child in children)
    return [child for child, command in named if b"spawn_main" in command]


def peak_mb(process: int) -> float:
    """Most resident memory of a process so far, in MB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1.024e-3
    return 0.0


def trouble(archive: Archive) -> list[Phase]:
    """Analyse the archive with all kinds of trouble in between."""
    phases: list[Phase] = []
    count = archive.count

    @contextlib.contextmanager
    def phase(name: str, drivers: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
        began_s = time.monotonic()
        yield
        memory = max(peak_mb(driver.pid) for driver in drivers)
        phases.append(Phase(name, time.monotonic() - began_s, archive.done(), memory))
        print(phases[-1], file=sys.stderr, flush=True)

    driver = archive.start(2)
    for name, share, number in (
        ("a worker killed (SIGKILL)", 0.1, signal.SIGKILL),
        ("a worker crashed as in a decoder (SIGSEGV)", 0.2, signal.SIGSEGV),
    ):
        with phase(name, [driver]):
            wait_until(archive, [driver], round(share * count))
            os.kill(workers(driver)[0], number)
    with phase("the driver killed (SIGKILL)", [driver]):
        wait_until(archive, [driver], round(0.35 * count))
        memory = peak_mb(driver.pid)
        driver.kill()
        driver.wait()
    phases[-1] = Phase(phases[-1].name, phases[-1].seconds, phases[-1].done, memory)

    driver = archive.start(2)
    with phase("the disk full", [driver]):
        wait_until(archive, [driver], round(0.55 * count))
        memory = peak_mb(driver.pid)
        fill(archive.out / "filler")
        code = driver.wait(_PATIENCE_S)
    phases[-1] = Phase(f"the disk full: exit code {code}", *_rest(phases[-1]), memory)
    (archive.out / "filler").unlink()

    drivers = [archive.start(1), archive.start(1)]
    with phase("two drivers end", drivers):
        wait_until(archive, drivers, count)
        memory = max(peak_mb(driver.pid) for driver in drivers)
        codes = [driver.wait(_PATIENCE_S) for driver in drivers]
    phases[-1] = Phase(
        f"two drivers end: exit codes {codes[0]}, {codes[1]}", *_rest(phases[-1]), memory
    )
    return phases


def _rest(phase: Phase) -> tuple[float, int]:
    return phase.seconds, phase.done


def fill(path: Path) -> None:
    """Fill a disk to its last byte."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def faults(archive: Archive) -> dict[str, int]:
    """Number of files that are lost, done twice, failed, torn or left over."""
    wanted = sorted(archive.links.rglob("*.wav"))
    with (archive.out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed: Counter[str] = Counter()
    for path in (archive.out / FOLDER).glob("*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                listed[json.loads(line).get("path", "")] += 1
    del listed[""]
    known: dict[tuple[int, str], bytes] = {}
    torn = 0
    for path in wanted:
        place = archive.out / path.relative_to(archive.links).with_suffix("")
        for ending in (".frames.csv", ".segments.csv", ".voice.csv"):
            data = place.with_name(place.name + ending).read_bytes()
            torn += known.setdefault((int(path.stem) % _DIFFERENT, ending), data) != data
        torn += json.loads(place.with_name(place.name + ".json").read_bytes())["file"] != str(path)
    paths = [row["file"] for row in rows]
    return {
        "missing in the summary": len(set(map(str, wanted)) - set(paths)),
        "rows too many, or out of order": int(paths != [*map(str, wanted)]),
        "rows with an error": sum(bool(row["error"]) for row in rows),
        "missing in the lists": len(set(map(str, wanted)) - set(listed)),
        "done twice": sum(number > 1 for number in listed.values()),
        "tables torn": torn,
        "drafts and claims left": len(
            [*archive.out.rglob("*.part"), *(archive.out / FOLDER).glob("*.claim")]
        ),
    }


@dataclass(frozen=True, slots=True)
class ListsCost:
    """Processor time that the lists of a run take, in ms a file, and its most memory, in MB."""

    ms: float
    memory_mb: float


def lists_cost(folder: Path, out: Path) -> ListsCost:
    """Cost of a run on an archive that hears no file, in a process of its own."""
    began_s = time.process_time()

    def engine(work: Work) -> Iterator[tuple[int, Outcome]]:
        for index, item in work:
            yield index, Outcome(item.title, 1.0, SpeechSummary())

    with (
        InputList([folder], out) as items,
        ArchiveRun(out, items, ResultsKey("", ""), lambda _: None) as run,
    ):
        write_tables(out, [SUMMARY], (), run.outcomes(engine))
        ms = 1e3 * (time.process_time() - began_s) / len(items)
    return ListsCost(ms, peak_mb(os.getpid()))


def lists(count: int) -> ResultTable:
    """Table of what lists take, by the number of the files."""
    rows = []
    for files in (count // 100, count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            archive = Archive(Path(folder), Path(folder) / "out", files, Kind())
            for what in ("all to do", "all done"):
                with SpawnPool(1) as pool:
                    cost = pool.submit(lists_cost, archive.links, archive.out).result()
                rows.append((f"{files:,}", what, f"{cost.ms:.2f}", f"{cost.memory_mb:.1f}"))
    return ResultTable(
        "Finding, claiming and listing files and writing the summary, without hearing anything.",
        ("files", "of which", "processor time, ms a file", "most memory, MB"),
        tuple(rows),
    )


@dataclass(frozen=True, slots=True)
class Duration:
    """Time that something took, and that the processor was at it, in seconds."""

    wall_s: float
    processor_s: float

    @classmethod
    def of(cls, work: Callable[[], object], who: int = resource.RUSAGE_SELF) -> Duration:
        """Duration of some work of this process, or of processes that it starts and waits for."""
        before, began_s = resource.getrusage(who), time.monotonic()
        work()
        wall_s, after = time.monotonic() - began_s, resource.getrusage(who)
        user_s, system_s = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        return cls(wall_s, user_s + system_s)

    def less(self, other: Duration) -> Duration:
        """What this takes more than another."""
        return Duration(self.wall_s - other.wall_s, self.processor_s - other.processor_s)

    def each(self, count: int) -> Duration:
        """Duration of one of so many."""
        return Duration(self.wall_s / count, self.processor_s / count)

    @property
    def cells_ms(self) -> tuple[str, str]:
        """Both in ms, as cells of a table."""
        return f"{1e3 * self.wall_s:.2f}", f"{1e3 * self.processor_s:.2f}"


def end_of(archive: Archive, jobs: int) -> None:
    """Let a driver do the whole archive, without trouble."""
    if archive.start(jobs).wait():
        raise SystemExit((archive.out.parent / "said.txt").read_text())


def measured(archive: Archive, jobs: int) -> float:
    """Seconds that a driver takes for the whole archive, without trouble."""
    return Duration.of(partial(end_of, archive, jobs)).wall_s


def hear(paths: Sequence[Path]) -> Duration:
    """Duration of decoding, features and model for files one after another, and nothing else."""
    config = Config(model="default")
    bundle = load_bundle(config.model)
    model = FileModel(config, bundle, bundle.decoder())
    model.step_model.initial_state()

    def work() -> None:
        for path in paths:
            source = FileSource(path)
            for _ in analyse(source, model.pipelines(source.info.native_rate)):
                pass

    return Duration.of(work)


def heard(archive: Archive, *, joined: bool) -> Duration:
    """Duration of hearing all files, or all their sound as one file, in a process of its own."""
    paths = sorted(archive.links.rglob("*.wav"))
    if joined:
        whole = archive.out.parent / "joined.wav"
        soundfile.write(whole, np.concatenate([soundfile.read(one)[0] for one in paths]), _RATE)
        paths = [whole]
    with SpawnPool(1) as pool:
        return pool.submit(hear, paths).result()


def program(archive: Archive) -> Duration:
    """Duration of the whole program in one process."""
    return Duration.of(partial(end_of, archive, 1), resource.RUSAGE_CHILDREN)


def lowest(rounds: Sequence[Duration]) -> Duration:
    """The lowest of several durations."""
    return Duration(min(one.wall_s for one in rounds), min(one.processor_s for one in rounds))


def beside(count: int) -> ResultTable:
    """Table of what a file of a second takes beside its sound, in ms."""
    few = count // 10
    sets: list[tuple[int, Callable[[Archive], Duration]]] = [
        (count, program),
        (few, program),
        (count, partial(heard, joined=False)),
        (count, partial(heard, joined=True)),
    ]
    rounds = [[run(files, Kind(), one) for files, one in sets] for _ in range(_ROUNDS)]
    many, start, alone, stream = map(lowest, zip(*rounds, strict=True))
    whole, sound = many.less(start).each(count - few), stream.each(count)
    rows = (
        ("the program, without its start", whole),
        ("decoding, features and model, file by file", alone.each(count)),
        ("decoding, features and model, all sound as one file", sound),
        ("**beside the sound**: the first less the third", whole.less(sound)),
    )
    return ResultTable(
        f"{count:,} files of one second in one process by the model `default`, in ms a file; the "
        f"lowest of {_ROUNDS} rounds.",
        ("what", "time", "processor time"),
        tuple((name, *one.cells_ms) for name, one in rows),
    )


@contextlib.contextmanager
def disk(megabytes: int) -> Iterator[Path]:
    """A file system in memory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        options = f"size={megabytes}m,nr_inodes=0"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def run(count: int, kind: Kind, work: Callable[[Archive], T]) -> T:
    """Make an archive on a disk of its own, and do something with it."""
    size_mb = 64 + count * kind.seconds * _BYTES_PER_FILE // 10**6
    with tempfile.TemporaryDirectory() as folder, disk(size_mb) as at:
        archive = Archive(Path(folder), at / "out", count, kind)
        archive.out.mkdir()
        try:
            return work(archive)
        finally:
            shutil.rmtree(archive.out, ignore_errors=True)


def in_trouble(count: int) -> tuple[list[ResultTable], int]:
    """Tables of an archive in trouble, and the number of faults."""
    found: dict[str, int] = {}

    def work(archive: Archive) -> list[Phase]:
        phases = trouble(archive)
        found.update(faults(archive))
        print((archive.out.parent / "said.txt").read_text("utf-8"), file=sys.stderr)
        return phases

    before = 0
    rows: list[tuple[str, ...]] = []
    for phase in run(count, Kind(), work):
        rate = (phase.done - before) / phase.seconds
        cells = (f"{phase.seconds:.0f}", f"{phase.done:,}", f"{rate:.0f}", f"{phase.memory_mb:.0f}")
        rows.append((phase.name, *cells))
        before = phase.done
    in_parts = ResultTable(
        f"{count:,} files of one second, links to {_DIFFERENT} recordings, by the model `default` "
        "in two processes. Memory is the most of a driver.",
        ("until", "seconds", "files done", "files a second", "memory, MB"),
        tuple(rows),
    )
    checked = ResultTable(
        "What was found at the end, in number of files.",
        tuple(found),
        (tuple(map(str, found.values())),),
    )
    return [in_parts, checked], sum(found.values())


def rates(count: int) -> list[ResultTable]:
    """Table of the rate without trouble, and of what a million hours take by it."""
    rows, years = [], []
    lengths = {1: count, _LONG_S: max(2, count // 15)}
    for model, (seconds, files) in itertools.product(("default", "large"), lengths.items()):
        for jobs in (1, 2):
            taken = run(files, Kind(model, seconds), partial(measured, jobs=jobs))
            speed = files * seconds / taken
            cells = (f"{seconds} s", model, str(jobs), str(files))
            rows.append((*cells, f"{taken:.1f}", f"{files / taken:.1f}", f"{speed:.0f}"))
        if seconds == _LONG_S:
            core_years = 1e6 * _CORES / speed / (24 * 365)
            days = [f"{365 * core_years / cores:,.1f}" for cores in (64, 1024)]
            years.append((model, f"{speed / _CORES:.0f}", f"{core_years:.1f}", *days))
    head = ("length", "model", "processes", "files", "seconds", "files a second", "x real time")
    by_cores = ("model", "x real time a core", "core-years", "days on 64 cores", "on 1,024")
    return [
        ResultTable("Files without trouble, the start of the program included.", head, tuple(rows)),
        ResultTable(
            f"A million hours, by the rate of files of {_LONG_S} s in two processes, if cores add "
            "up as these two do and the disks keep pace.",
            by_cores,
            tuple(years),
        ),
    ]


def main() -> int:
    """Analyse an archive in trouble and without, and print or write what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__)
    parser.add_argument("--files", type=int, default=2_000, help="files in trouble; 0: none")
    parser.add_argument("--lists", type=int, default=10_000, help="files in lists alone; 0: none")
    parser.add_argument("--rate", type=int, default=300, help="files without trouble; 0: none")
    parser.add_argument("--beside", type=int, default=300, help="files beside their sound; 0: none")
    parser.add_argument(
        "--page", type=Path, metavar="PAGE", help="write the figures into this page"
    )
    options = parser.parse_args()
    wrong = 0
    if options.files:
        found, wrong = in_trouble(options.files)
        words = f"--files {options.files} --lists 0 --beside 0 --rate 0"
        _tell(options.page, "trouble", words, found)
    if options.lists:
        words = f"--files 0 --lists {options.lists} --beside 0 --rate 0"
        _tell(options.page, "lists", words, [lists(options.lists)])
    if options.beside:
        words = f"--files 0 --lists 0 --beside {options.beside} --rate 0"
        _tell(options.page, "beside", words, [beside(options.beside)])
    if options.rate:
        words = f"--files 0 --lists 0 --beside 0 --rate {options.rate}"
        _tell(options.page, "rate", words, rates(options.rate))
    return 1 if wrong else 0


def _tell(page: Path | None, name: str, options: str, found: Sequence[ResultTable]) -> None:
    """Print tables, and write them into their place in a page."""
    load = f"load average of the last 15 min {os.getloadavg()[2]:.1f}"
    lines = [f"`python -m benchmarks.archive {options}`, on {machine_text(describe())}; {load}."]
    for table in found:
        lines += ["", *table_lines(table)]
    print("\n".join(lines), flush=True)
    if page is not None:
        text = between_marks(page.read_text(encoding="utf-8"), begin(name), END, lines)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
