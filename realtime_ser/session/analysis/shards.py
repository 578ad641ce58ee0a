"""Parts of an archive that are analysed apart, and which of them a scheduler has given this job."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from realtime_ser.base.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number`` of ``count``, from 1; the files of a part are drawn by their names."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def of(cls, name: str, count: int) -> Self:
        """The one of ``count`` parts with the file whose results have a name, seen from all."""
        return cls(zlib.crc32(name.encode(errors="surrogatepass")) % count + 1, count)

    def holds(self, name: str) -> bool:
        """Whether the file whose results have that name is in it."""
        return Shard.of(name, self.count) == self


def chosen_shard(given: str | None, environment: Mapping[str, str]) -> tuple[Shard | None, str]:
    """The part that was asked for, and the scheduler that chose it; ``None``: all files.

    Parameters
    ----------
    given
        ``K/N``, or ``/N`` where the scheduler numbers the jobs; ``None``: what the scheduler says.
    environment
        Variables of the process.

    Raises
    ------
    UsageError
        There is no such part, or the scheduler does not say which.
    """
    found = re.fullmatch(r"(\d*)/(\d+)", given) if given is not None else None
    if given is not None and found is None:
        raise UsageError(f"'{given}' is no part of an archive: say --shard 2/8, for example.")
    if found is not None and found[1]:
        return _checked(int(found[1]), int(found[2])), ""
    count = None if found is None else int(found[2])
    for scheduler, number_and_count in _SCHEDULERS.items():
        told = number_and_count(environment, count)
        if told is not None:
            return _checked(*told), scheduler
    if count is not None:
        raise UsageError(
            f"'{given}' leaves the number of the part to a scheduler, but none tells it: say "
            f"--shard 1/{count}, for example."
        )
    return None, ""


def _checked(number: int, count: int) -> Shard:
    if not 1 <= number <= count:
        raise UsageError(f"There is no part {number} of {count}: the parts are 1 to {count}.")
    return Shard(number, count)


def _slurm(environment: Mapping[str, str], count: int | None) -> tuple[int, int] | None:
    """Of a job array (slurm.schedmd.com/job_array.html), whatever its first index and its step."""
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
    values = [_number(environment, name) for name in (*names, "SLURM_ARRAY_TASK_COUNT")]
    index, first, last, tasks = values
    if index is None or first is None or last is None or tasks is None:
        return None
    place, rest = divmod((index - first) * (tasks - 1), max(1, last - first))
    if rest or (count is not None and count != tasks):
        raise UsageError(
            "The indices of this Slurm array do not number its jobs one after another: say "
            "--shard K/N in the job."
        )
    return place + 1, tasks


def _aws_batch(environment: Mapping[str, str], _count: int | None) -> tuple[int, int] | None:
    """Of an array job (docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html), from 0."""
    index = _number(environment, "AWS_BATCH_JOB_ARRAY_INDEX")
    count = _number(environment, "AWS_BATCH_JOB_ARRAY_SIZE")
    return None if index is None or count is None else (index + 1, count)


def _kubernetes(environment: Mapping[str, str], count: int | None) -> tuple[int, int] | None:
    """Of an indexed job (kubernetes.io/docs/concepts/workloads/controllers/job), from 0.

    The number of completions is in no variable.
    """
    index = _number(environment, "JOB_COMPLETION_INDEX")
    return None if index is None or count is None else (index + 1, count)


def _pbs(environment: Mapping[str, str], count: int | None) -> tuple[int, int] | None:
    """Of a job array from 1 on: ``PBS_ARRAY_INDEX`` of OpenPBS, ``PBS_ARRAYID`` of TORQUE."""
    index = _number(environment, "PBS_ARRAY_INDEX")
    if index is None:
        index = _number(environment, "PBS_ARRAYID")
    return None if index is None or count is None else (index, count)


def _number(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() else None


_SCHEDULERS = {
    "Slurm": _slurm,
    "AWS Batch": _aws_batch,
    "Kubernetes": _kubernetes,
    "PBS": _pbs,
}
