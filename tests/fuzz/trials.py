"""Starts workers, watches over them, and keeps what was found."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.kind import Kind

ROOT = Path(__file__).resolve().parents[2]
_WALL_S = 180.0
"""Longest wait for an input, whatever it waits for."""

_BATCH = 1000
"""Inputs of a worker: libraries keep some memory of each."""

_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """An input with which the program did what it must never do."""

    kind: str
    seed: int
    number: int
    words: str

    @property
    def command(self) -> str:
        """Command that tries it again."""
        which = f"--kind {self.kind} --seed {self.seed} --first {self.number} --count 1"
        return f'make fuzz ARGS="{which}"'


@dataclass
class Tally:
    """Inputs of a kind that were tried."""

    kind: Kind
    seed: int
    tried: int = 0
    refused: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)


def try_inputs(
    kind: Kind,
    seed: int,
    numbers: range,
    keep: Path | None = None,
    tell: Callable[[Tally], object] = lambda _tally: None,
) -> Tally:
    """Try inputs of a kind; a worker that has found something is replaced.

    Parameters
    ----------
    numbers
        Numbers of the inputs, which with the seed say what they are.
    keep
        Folder for the inputs that are findings.
    tell
        Told of each step.
    """
    tally = Tally(kind, seed)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        following = numbers.start
        while following < numbers.stop:
            end = min(following + _BATCH, numbers.stop)
            following = _watch(tally, following, end, Path(folder), keep, tell)
            tally.seconds = time.monotonic() - started_s
    return tally


def _watch(
    tally: Tally,
    first: int,
    end: int,
    folder: Path,
    keep: Path | None,
    tell: Callable[[Tally], object],
) -> int:
    """Watch over a worker; the number of the input that the next one is to begin with."""
    words = [tally.kind.name, str(tally.seed), str(first), str(end - first), str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.worker", *words],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    at, reason = first - 1, None
    with process:
        for line in _lines(process):
            told = json.loads(line)
            at = told.get("at", at)
            reason = told.get("finding")
            if "done" in told:
                tally.tried += 1
                tally.refused += told["refused"]
                tell(tally)
        if reason is None and not _ends(process):
            process.kill()
            reason = f"it took more than {_WALL_S:.0f} s"
        complaint = process.stderr.read().decode() if process.stderr is not None else ""
    if process.returncode == 0:
        return end
    if at < first:
        raise RuntimeError(f"the worker does not start: {complaint}")
    log = (folder / "worker.log").read_text("utf-8", "replace")[-6000:]
    finding = Finding(
        tally.kind.name, tally.seed, at, reason or f"{_end(process.returncode)}\n{log}"
    )
    tally.tried += 1
    tally.findings.append(finding)
    if keep is not None:
        _keep(finding, folder / "trial" / "input", keep)
    tell(tally)
    return at + 1


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Lines of a worker until it ends, or takes too long for the next one."""
    assert process.stdout is not None
    rest = b""
    while select.select([process.stdout], [], [], _WALL_S)[0]:
        more = process.stdout.read(1 << 16)
        if not more:
            return
        *lines, rest = (rest + more).split(b"\n")
        yield from lines


def _ends(process: subprocess.Popen[bytes]) -> bool:
    # After a thousand models its own end takes seconds of a processor, which others may have.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(60)
    return process.poll() is not None


def _end(code: int) -> str:
    if code == -signal.SIGPROF:
        return "it took too much processor time"
    return f"the process was ended by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _keep(finding: Finding, made: Path, keep: Path) -> None:
    """Copy the input, but for what is large or no plain file, beside what was found."""
    folder = keep / f"{finding.kind.replace('/', '_')}-{finding.seed}-{finding.number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "finding.txt").write_text(f"{finding.command}\n\n{finding.words}\n", "utf-8")
    for path in made.rglob("*"):
        if path.is_file() and path.stat().st_size < _LARGEST:
            copy = folder / "input" / path.relative_to(made)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
