"""Which part of an archive a job is given."""

from __future__ import annotations

import pytest

from realtime_ser.base.errors import UsageError
from realtime_ser.session.analysis.shards import Shard, chosen_shard


def slurm(index, first, last, count):
    names = ("ID", "MIN", "MAX", "COUNT")
    values = map(str, (index, first, last, count))
    return {f"SLURM_ARRAY_TASK_{name}": v for name, v in zip(names, values, strict=True)}


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("2/8", {}, (Shard(2, 8), "")),
        ("2/8", slurm(0, 0, 3, 4), (Shard(2, 8), "")),
        (None, {}, (None, "")),
        (None, {"PATH": "/bin"}, (None, "")),
        (None, slurm(0, 0, 3, 4), (Shard(1, 4), "Slurm")),
        (None, slurm(5, 1, 7, 4), (Shard(3, 4), "Slurm")),
        (None, slurm(3, 3, 3, 1), (Shard(1, 1), "Slurm")),
        (
            None,
            {"AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"},
            (Shard(10, 10), "AWS Batch"),
        ),
        ("/5", {"JOB_COMPLETION_INDEX": "0"}, (Shard(1, 5), "Kubernetes")),
        (None, {"JOB_COMPLETION_INDEX": "0"}, (None, "")),
        ("/5", {"PBS_ARRAY_INDEX": "5"}, (Shard(5, 5), "PBS")),
        ("/5", {"PBS_ARRAYID": "1"}, (Shard(1, 5), "PBS")),
    ],
)
def test_the_part_is_what_was_said_or_what_the_scheduler_says(given, environment, expected):
    assert chosen_shard(given, environment) == expected


@pytest.mark.parametrize(
    ("given", "environment", "said"),
    [
        ("2", {}, "is no part of an archive"),
        ("9/8", {}, "the parts are 1 to 8"),
        ("0/8", {}, "the parts are 1 to 8"),
        ("/8", {}, "but none tells it"),
        ("/5", {"PBS_ARRAY_INDEX": "0"}, "the parts are 1 to 5"),
        ("/5", {"JOB_COMPLETION_INDEX": "5"}, "the parts are 1 to 5"),
        (None, slurm(3, 1, 7, 3), "do not number its jobs"),
        ("/8", slurm(0, 0, 3, 4), "do not number its jobs"),
    ],
)
def test_a_part_that_is_not_there_is_refused(given, environment, said):
    with pytest.raises(UsageError, match=said):
        chosen_shard(given, environment)


def test_each_file_is_in_one_part_and_parts_are_alike():
    names = [f"folder/{number:05}" for number in range(10_000)]
    parts = [{name for name in names if Shard(k, 8).holds(name)} for k in range(1, 9)]
    assert set().union(*parts) == set(names)
    assert sum(map(len, parts)) == len(names)
    assert all(1_100 < len(part) < 1_400 for part in parts)
