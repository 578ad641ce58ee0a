"""``--shard``, ``realtime-ser merge`` and Parquet: parts of an archive as one."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import soundfile

from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main

FILES = 10


@pytest.fixture(scope="module")
def archive(speech_wav, tmp_path_factory):
    """Short recordings in two folders, one of which is no sound."""
    folder = tmp_path_factory.mktemp("archive")
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    for number in range(FILES):
        path = folder / f"s{number % 2}" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, speech[number * rate // 4 : (number + 6) * rate // 4], rate)
    return folder


@pytest.fixture(scope="module")
def whole(archive, tmp_path_factory):
    """Results of the whole archive."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["analyze", str(archive), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def parts(archive, tmp_path_factory):
    """Results of its three parts, in folders of their own."""
    folder = tmp_path_factory.mktemp("parts")
    for number in (1, 2, 3):
        arguments = ["--out", str(folder / str(number)), "--shard", f"{number}/3"]
        assert main(["analyze", str(archive), *arguments]) == 0
    return [folder / str(number) for number in (1, 2, 3)]


def tables(folder):
    """All results, but not the lists."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "done-list" not in path.parts
    }


def merge(folders, out, *arguments):
    return main(["merge", *map(str, folders), "--out", str(out), *arguments])


def test_merged_parts_are_what_one_run_gives(parts, whole, tmp_path, capsys):
    assert merge(parts, tmp_path / "out") == 0
    assert tables(tmp_path / "out") == tables(whole)
    assert f"{FILES} files." in capsys.readouterr().err


def test_parts_in_one_folder_are_joined_in_their_place(archive, whole, tmp_path):
    out = tmp_path / "out"
    for number in (1, 2):
        arguments = ["--out", str(out), "--shard", f"{number}/2"]
        assert main(["analyze", str(archive), *arguments]) == 0
    assert {path.name for path in out.glob("summary*")} == {
        "summary.1-of-2.csv",
        "summary.2-of-2.csv",
    }
    assert merge([out], out) == 0
    assert (out / "summary.csv").read_bytes() == (whole / "summary.csv").read_bytes()


def test_a_job_of_an_array_does_its_part_and_says_so(archive, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "1")
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_SIZE", "3")
    assert main(["analyze", str(archive), "--out", str(tmp_path)]) == 0
    assert "Part 2 of 3, by the job array of AWS Batch: " in capsys.readouterr().err
    assert (tmp_path / "summary.2-of-3.csv").is_file()


def missing(out):
    with (out / "missing.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(table):
    with table.open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


@pytest.fixture
def cut(parts, tmp_path):
    """The second part without the last line of its list, and the file of that line."""
    cut = tmp_path / "cut"
    shutil.copytree(parts[1], cut)
    (path,) = (cut / "done-list").glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    return cut, json.loads(lines[-1])["path"]


def test_what_is_missing_is_said(parts, cut, archive, tmp_path, capsys):
    assert merge(parts[:1] + parts[2:], tmp_path / "out") == 1
    said = capsys.readouterr().err
    lacking = files(parts[1] / "summary.2-of-3.csv")
    assert "Of 3 parts 2 is missing." in said
    assert f"Missing: {', '.join(lacking)}; " in said
    assert missing(tmp_path / "out") == [
        {"file": path, "part": "2/3", "reason": "not done"} for path in lacking
    ]
    folder, path = cut
    assert merge([parts[0], folder, parts[2]], tmp_path / "out2") == 1
    said = capsys.readouterr().err
    assert f"Part 2 of 3 lacks 1 file of {len(lacking)}." in said
    assert f"Missing: {path}; {tmp_path / 'out2' / 'missing.csv'} lists all of them." in said
    # A later run does what is missing, and nothing else.
    assert main(["analyze", str(archive), "--out", str(tmp_path / "out2")]) == 0
    assert f"{FILES - 1} of {FILES} files are done already" in capsys.readouterr().err


def test_results_that_are_gone_are_missing(parts, tmp_path, capsys):
    cut = tmp_path / "cut"
    shutil.copytree(parts[0], cut)
    next(cut.rglob("*.segments.csv")).unlink()
    assert merge([cut, *parts[1:]], tmp_path / "out") == 1
    assert "The results of 1 file are gone or cut." in capsys.readouterr().err
    (row,) = missing(tmp_path / "out")
    assert row["file"] in files(parts[0] / "summary.1-of-3.csv")
    assert (row["part"], row["reason"]) == ("1/3", "results gone or cut")
    # A copy that is whole fills the gap, and nothing is said to be missing any more.
    assert merge([cut, *parts], tmp_path / "out") == 0
    assert not (tmp_path / "out" / "missing.csv").exists()


def test_the_first_of_many_that_are_missing_are_named(parts, archive, tmp_path, capsys):
    assert merge(parts[:1], tmp_path / "out") == 1
    said = capsys.readouterr().err
    done = files(parts[0] / "summary.1-of-3.csv")
    lacking = [str(path) for path in sorted(archive.rglob("*.wav")) if str(path) not in done]
    assert len(lacking) > 5
    assert f"Missing: {', '.join(lacking[:5])} and {len(lacking) - 5} more; " in said
    assert [row["file"] for row in missing(tmp_path / "out")] == lacking


def test_what_a_merge_lacks_is_known_to_the_next_one(parts, tmp_path, capsys):
    assert merge(parts[:2], tmp_path / "two") == 1
    assert merge([tmp_path / "two"], tmp_path / "again") == 1
    assert missing(tmp_path / "again") == [row | {"part": ""} for row in missing(tmp_path / "two")]
    assert merge([tmp_path / "two", parts[2]], tmp_path / "out") == 0


def test_a_recording_that_left_the_archive_is_not_missing(archive, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(archive / "s0", folder)
    out = [tmp_path / "1", tmp_path / "2"]
    analyze = ["analyze", str(folder), "--out"]
    assert main([*analyze, str(out[0]), "--shard", "1/2"]) == 0
    assert merge(out[:1], tmp_path / "lacking") == 1
    Path(missing(tmp_path / "lacking")[0]["file"]).unlink()
    for number in (1, 2):
        assert main([*analyze, str(out[number - 1]), "--shard", f"{number}/2"]) == 0
    assert merge(out, tmp_path / "out") == 0


def test_without_a_list_of_the_files_they_are_counted(parts, cut, tmp_path, capsys):
    folder, _ = cut
    for path in folder.glob("done-list/manifest-*"):
        path.unlink()
    assert merge([folder], tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "Of 3 parts 1, 3 are missing." in said
    assert "Part 2 of 3 lacks 1 file of " in said
    assert not (tmp_path / "out" / "missing.csv").exists()


def test_a_table_of_somebody_else_is_not_replaced(parts, tmp_path, capsys):
    (tmp_path / "missing.csv").write_text("mine\n")
    assert merge(parts[:2], tmp_path) == 1
    assert (tmp_path / "missing.csv").read_text() == "mine\n"
    assert "missing.csv exists already" in capsys.readouterr().err


def test_a_merge_goes_on_and_gives_the_same(parts, tmp_path):
    out = tmp_path / "out"
    merge(parts[:2], out)
    assert merge(parts, out) == 0
    first = tables(out)
    assert merge(parts, out) == 0
    assert tables(out) == first
    assert not list(out.rglob("*.part"))


def test_a_merged_result_is_no_part_of_the_first(parts, tmp_path):
    """A later run writes new files: a link would change the part with it."""
    out = tmp_path / "out"
    assert merge(parts, out) == 0
    path = next(out.rglob("*.frames.csv"))
    before = {part: tables(part) for part in parts}
    path.unlink()
    path.write_text("changed")
    assert {part: tables(part) for part in parts} == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--classes", "angry,neutral"], "have different labels"),
        (["--channels", "mix"], "not of one model with the same settings"),
    ],
    ids=["labels", "settings"],
)
def test_results_of_other_settings_are_not_mixed(parts, archive, tmp_path, options, said, capsys):
    other = tmp_path / "other"
    assert main(["analyze", str(archive), "--out", str(other), *options]) == 0
    assert merge([*parts, other], tmp_path / "out") == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "none"])
def test_a_folder_without_a_list_is_refused(name, tmp_path, capsys):
    assert merge([tmp_path / name], tmp_path / "out") == 2
    assert "holds no list of what is done" in capsys.readouterr().err


def test_failures_are_counted_and_a_later_success_counts(archive, tmp_path, capsys):
    folder = tmp_path / "in"
    shutil.copytree(archive / "s0", folder)
    (folder / "bad.wav").write_text("no sound")
    assert main(["analyze", str(folder), "--out", str(tmp_path / "one")]) == 1
    assert merge([tmp_path / "one"], tmp_path / "out") == 0
    assert "1 of them could not be analysed" in capsys.readouterr().err


def test_the_summary_as_parquet_has_the_same_values(archive, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")

    arguments = ["--out", str(tmp_path), "--parquet"]
    assert main(["analyze", str(archive), *arguments]) == 0
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "summary.parquet").to_pylist()
    assert [Path(row["file"]) for row in table] == [Path(row["file"]) for row in rows]
    for stored, row in zip(table, rows, strict=True):
        assert list(stored) == list(row)
        assert stored["error"] is None
        for name in ("duration_s", "confidence", *LABELS):
            assert stored[name] == (float(row[name]) if row[name] else None)
        assert stored["certain"] == ({"1": True, "0": False}.get(row["certain"]))
        assert stored["segments"] == int(row["segments"])


def test_parquet_of_a_merge_and_of_nothing(parts, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    assert merge(parts, tmp_path / "out", "--parquet") == 0
    assert (tmp_path / "out" / "summary.parquet").read_bytes().startswith(b"PAR1")
    assert "summary.parquet" in capsys.readouterr().out
