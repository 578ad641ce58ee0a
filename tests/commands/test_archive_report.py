"""``realtime-ser report``: shares of a whole archive by folder, speaker and time."""

from __future__ import annotations

import csv
import os
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main
from realtime_ser.session.analysis.done_list import DoneLists

PATTERN = r"(?P<speaker>[a-z]+)_(?P<year>\d{4})(?P<month>\d\d)"
NAMES = ["one/anna_202601.wav", "one/ben_202602.wav", "two/anna_202602.wav", "two/notes.wav"]


@pytest.fixture(scope="module")
def analysed(speech_wav, tmp_path_factory):
    """Results of four recordings, of which one is no sound."""
    folder, out = (tmp_path_factory.mktemp(name) for name in ("archive", "results"))
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    for number, name in enumerate(NAMES[:3]):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, speech[4 * number * rate : (4 * number + 4 + number) * rate], rate)
        moment = datetime(2020, 5, 1 + number, tzinfo=UTC).timestamp()
        os.utime(path, (moment, moment))
    (folder / NAMES[3]).write_text("no sound")
    moment = datetime(2021, 1, 1, tzinfo=UTC).timestamp()
    os.utime(folder / NAMES[3], (moment, moment))
    assert main(["analyze", str(folder), "--out", str(out)]) == 1
    return out


def reported(analysed, tmp_path, *arguments):
    """Rows of the report of a copy, by group, value and label."""
    out = tmp_path / "out"
    shutil.copytree(analysed, out)
    assert main(["report", str(out), *arguments]) == 0
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (out / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    return {(row["group"], row["value"], row["label"]): row for row in rows}


def speeches(analysed):
    """Summary of the speech of each file by its name."""
    with DoneLists(analysed) as lists:
        lists.refresh()
        return {line["name"]: line["outcome"]["speech"] for line in lists.lines()}


def test_shares_are_weighted_by_voiced_duration(analysed, tmp_path):
    rows = reported(analysed, tmp_path)
    known = speeches(analysed)
    chosen = [known["one/anna_202601"], known["one/ben_202602"]]
    weights = [speech["voiced_s"] for speech in chosen]
    assert min(weights) > 0
    for index, label in enumerate(LABELS):
        row = rows["folder", "one", label]
        share = np.average([speech["shares"].get(label, 0.0) for speech in chosen], weights=weights)
        mean = np.average(
            [speech["estimate"]["probabilities"][index] for speech in chosen], weights=weights
        )
        assert float(row["share"]) == pytest.approx(share, abs=1e-6)
        assert float(row["mean_probability"]) == pytest.approx(mean, abs=1e-6)
        assert float(row["voiced_s"]) == pytest.approx(sum(weights), abs=0.01)
        assert (row["files"], row["failed"]) == ("2", "0")


def test_everything_is_in_the_whole_and_in_one_folder_each(analysed, tmp_path):
    rows = reported(analysed, tmp_path)
    whole = rows["all", "", LABELS[0]]
    assert (whole["files"], whole["failed"]) == ("4", "1")
    folders = [rows["folder", name, LABELS[0]] for name in ("one", "two")]
    for name in ("files", "failed", "speech_s", "duration_s", "voiced_s"):
        total = sum(float(row[name]) for row in folders)
        assert float(whole[name]) == pytest.approx(total, abs=0.02)
    assert sum(float(rows["all", "", label]["share"]) for label in LABELS) == pytest.approx(1.0)


def test_speakers_and_times_are_read_from_the_paths(analysed, tmp_path, capsys):
    rows = reported(analysed, tmp_path, "--pattern", PATTERN)
    values = {(group, value) for group, value, _ in rows}
    assert {value for group, value in values if group == "speaker"} == {"anna", "ben"}
    # The file that the pattern does not match has its time by its change.
    times = {value for group, value in values if group == "time"}
    assert times == {"2026-01", "2026-02", "2021-01"}
    assert rows["speaker", "anna", "sad"]["files"] == "2"
    assert "1 path not matched by the pattern" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("day", {"2020-05-01", "2020-05-02", "2020-05-03", "2021-01-01"}),
        ("month", {"2020-05", "2021-01"}),
        ("year", {"2020", "2021"}),
    ],
)
def test_without_a_pattern_the_time_is_that_of_the_files(analysed, tmp_path, unit, expected):
    rows = reported(analysed, tmp_path, "--by", unit)
    assert {value for group, value, _ in rows if group == "time"} == expected


def test_a_name_in_the_page_is_no_markup(analysed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(analysed, out)
    (path,) = (out / "done-list").glob("*.jsonl")
    path.write_text(path.read_text("utf-8").replace('"one/anna', '"<b>/anna'), "utf-8")
    assert main(["report", str(out)]) == 0
    assert "<b>" not in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pattern", "("], "is no pattern"),
        (["--pattern", "anna"], "names no group"),
    ],
)
def test_a_pattern_that_is_none_is_refused(analysed, arguments, said, capsys):
    assert main(["report", str(analysed), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "holds no list of what is done" in capsys.readouterr().err
