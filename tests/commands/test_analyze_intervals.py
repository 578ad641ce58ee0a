"""``realtime-ser analyze --intervals``: a row for each interval that a person brings."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
import soundfile

from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main

TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

0 {end}
<exists>
1
"IntervalTier" "turns" 0 {end}
3
0 2 "anna"
2 2.5 ""
2.5 {end} "ben"
"""


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def talk(speech_wav, tmp_path):
    """Twelve seconds of speech."""
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    path = tmp_path / "in" / "talk.wav"
    path.parent.mkdir()
    soundfile.write(path, speech[: 12 * rate], rate)
    return path


def analysed(talk, given, out):
    assert main(["analyze", str(talk), "--intervals", str(given), "--out", str(out)]) == 0
    return table(out / "intervals.csv")


def as_textgrid(folder):
    path = folder / "talk.TextGrid"
    path.write_text(TEXTGRID.format(end=12))
    return path


def as_labels(folder):
    path = folder / "talk.txt"
    path.write_text("0.0\t2.0\tanna\n2.5\t12.0\tben\n5.0\t5.0\ta moment\n")
    return path


def as_csv(folder):
    path = folder / "talk.csv"
    path.write_text("tier;Start;End;Label\nturns;0:00;0:02;anna\nturns;2,5;12,0;ben\n\n")
    return path


def as_events(folder):
    path = folder / "talk.tsv"
    path.write_text("onset\tduration\ttrial_type\n0\t2\tanna\n2.5\t9.5\tben\n")
    return path


def as_eaf(folder):
    import pympi

    file = pympi.Elan.Eaf()
    file.remove_tier("default")
    file.add_tier("turns")
    file.add_annotation("turns", 0, 2000, "anna")
    file.add_annotation("turns", 2500, 12000, "ben")
    path = folder / "talk.eaf"
    file.to_file(str(path))
    return path


KINDS = [as_textgrid, as_labels, as_csv, as_events, as_eaf]


@pytest.mark.parametrize("made", KINDS, ids=lambda made: made.__name__)
def test_each_interval_is_a_row_whatever_tool_it_comes_from(made, talk, tmp_path):
    anna, ben = analysed(talk, made(tmp_path), tmp_path / "out")
    assert (anna["interval"], ben["interval"]) == ("anna", "ben")
    assert [(row["start_s"], row["end_s"]) for row in (anna, ben)] == [
        ("0.000", "2.000"),
        ("2.500", "12.000"),
    ]
    assert list(anna)[:7] == ["file", "tier", "interval", "start_s", "end_s", "channel", "speech_s"]


def test_a_row_is_the_mean_of_the_steps_whose_middle_lies_in_it(talk, tmp_path):
    (row,) = analysed(talk, one_interval(tmp_path, 3.0, 9.0), tmp_path / "out")
    steps = [
        step
        for step in table(tmp_path / "out" / "talk.frames.csv")
        if step["speech"] == "1" and 3.0 <= float(step["time_s"]) - 0.04 < 9.0
    ]
    assert float(row["speech_s"]) == pytest.approx(0.08 * len(steps), abs=0.006)
    usable = [step for step in steps if step["quality"] in ("good", "telephone", "doubtful voice")]
    left_out_s = 0.08 * (len(steps) - len(usable))
    assert float(row["left_out_s"]) == pytest.approx(left_out_s, abs=0.006)
    mean = np.mean([[float(step[label]) for label in LABELS] for step in usable], axis=0)
    np.testing.assert_allclose([float(row[label]) for label in LABELS], mean, atol=2e-6)
    assert row["label"] == LABELS[mean.argmax()]
    certain = np.mean([step["certain"] == "1" for step in usable])
    assert float(row["certain_share"]) == pytest.approx(certain, abs=1e-6)
    pitches = [float(step["f0_hz"]) for step in steps if step["f0_hz"]]
    assert float(row["f0_hz"]) == pytest.approx(np.median(pitches), abs=0.06)


def one_interval(folder, start_s, end_s):
    path = folder / "talk.txt"
    path.write_text(f"{start_s}\t{end_s}\tx\n")
    return path


def test_an_interval_of_a_segment_has_the_measures_of_its_voice(talk, tmp_path):
    assert main(["analyze", str(talk), "--out", str(tmp_path / "first")]) == 0
    segment = max(
        table(tmp_path / "first" / "talk.voice.csv"),
        key=lambda row: float(row["end_s"]) - float(row["start_s"]),
    )
    given = one_interval(tmp_path, segment["start_s"], segment["end_s"])
    (row,) = analysed(talk, given, tmp_path / "out")
    assert float(row["f0_hz"]) == pytest.approx(float(segment["f0_hz"]), rel=0.02)
    assert float(row["f0_range_semitones"]) == pytest.approx(
        float(segment["f0_range_semitones"]), abs=0.5
    )
    assert float(row["loudness_lufs"]) == pytest.approx(float(segment["loudness_lufs"]), abs=1.0)
    assert float(row["pause_share"]) == pytest.approx(float(segment["pause_share"]), abs=0.1)
    assert float(row["speaking_rate"]) == pytest.approx(float(segment["speaking_rate"]), rel=0.25)


def test_an_interval_without_speech_has_no_result(tmp_path):
    soundfile.write(tmp_path / "talk.wav", np.zeros(48_000), 16_000)
    (row,) = analysed(tmp_path / "talk.wav", one_interval(tmp_path, 0.5, 1.5), tmp_path / "out")
    assert row["speech_s"] == "0.00"
    assert not any(row[name] for name in ("label", "certain_share", "quality", "f0_hz", *LABELS))


def test_each_channel_of_an_interval_is_a_row(speech_stereo_wav, tmp_path, capsys):
    given = one_interval(tmp_path, 0.0, 3.0)
    arguments = ["analyze", str(speech_stereo_wav), "--intervals", str(given)]
    assert main([*arguments, "--channels", "1,2"]) == 0
    printed = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["channel"] for row in printed] == ["1", "2"]


def test_a_folder_has_the_intervals_of_each_recording(talk, tmp_path, capsys):
    for name in ("one", "two"):
        (talk.parent / name).mkdir()
        shutil.copy(talk, talk.parent / name / "talk.wav")
    talk.rename(talk.parent / "alone.wav")
    given = tmp_path / "given"
    for name, end_s in (("one", 3.0), ("two", 4.0)):
        (given / name).mkdir(parents=True)
        one_interval(given / name, 1.0, end_s)
    one_interval(given, 1.0, 2.0).rename(given / "gone.txt")
    rows = analysed(talk.parent, given, tmp_path / "out")
    assert [row["end_s"] for row in rows] == ["3.000", "4.000"]
    told = capsys.readouterr().err
    assert "1 of 3 files have no intervals" in told
    assert "1 file of intervals belong to no recording" in told
    assert "gone.txt" in told


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_intervals_come_from_many_processes_too(talk, tmp_path, jobs):
    shutil.copy(talk, talk.parent / "other.wav")
    for stem in ("talk", "other"):
        one_interval(tmp_path, 1.0, 5.0).rename(tmp_path / "in" / f"{stem}.txt")
    arguments = ["analyze", str(talk.parent), "--intervals", str(talk.parent), "--jobs", jobs]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert len(table(tmp_path / "out" / "intervals.csv")) == 2


# ------------------------------------------------------------------------------------ what is wrong


def refused(talk, given, capsys, code=2):
    assert main(["analyze", str(talk), "--intervals", str(given)]) == code
    return capsys.readouterr().err


def test_one_file_of_intervals_is_not_for_several_recordings(talk, tmp_path, capsys):
    shutil.copy(talk, talk.parent / "other.wav")
    assert "but there are 2" in refused(talk.parent, as_labels(tmp_path), capsys)


def test_a_folder_without_intervals_of_a_recording_is_refused(talk, tmp_path, capsys):
    (tmp_path / "given").mkdir()
    assert "holds no intervals of these recordings" in refused(talk, tmp_path / "given", capsys)


def test_two_files_of_intervals_of_one_recording_are_refused(talk, tmp_path, capsys):
    as_labels(talk.parent)
    as_textgrid(talk.parent)
    assert "leave one there" in refused(talk, talk.parent, capsys)


def test_one_file_of_intervals_is_not_guessed_to_be_of_two_recordings(talk, tmp_path, capsys):
    for name in ("one", "two"):
        (talk.parent / name).mkdir()
        shutil.copy(talk, talk.parent / name / "talk.wav")
    given = tmp_path / "given"
    given.mkdir()
    as_labels(given)
    assert "may belong to" in refused(talk.parent, given, capsys)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("talk.csv", "a,b\n1,2\n", "no column says where intervals start"),
        ("talk.csv", "start,end\n1,x\n", "row 2 has no times"),
        ("talk.csv", "start,end\n3,1\n", "before it starts"),
        ("talk.csv", "start,end\n", "holds no interval"),
        ("talk.csv", "", "no column says where intervals start"),
        ("talk.txt", "5.0\t5.0\ta moment\n", "holds no interval"),
        ("talk.TextGrid", "no", "is a TextGrid that ends early, or none"),
        ("talk.txt", "1.0\t99.0\tlong\n", "are they another recording's intervals?"),
    ],
)
def test_intervals_that_cannot_be_used_are_the_files_error(
    name, text, said, talk, tmp_path, capsys
):
    given = tmp_path / name
    given.write_text(text)
    assert said in refused(talk, given, capsys, code=1)


def test_the_intervals_of_something_else_are_not_replaced(talk, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "intervals.csv").write_text("mine\n")
    arguments = ["analyze", str(talk), "--intervals", str(as_labels(tmp_path))]
    assert main([*arguments, "--out", str(out)]) == 1
    assert (out / "intervals.csv").read_text() == "mine\n"
    assert "is not the intervals of an analysis" in capsys.readouterr().err
