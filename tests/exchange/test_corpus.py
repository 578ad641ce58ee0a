"""Corrected sessions as a folder that models are trained on."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest
import soundfile

from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main
from realtime_ser.session.metadata import Study
from realtime_ser.session.store import Interval, open_store
from realtime_ser.session.store.values import CORRECTED
from tests import kept_sessions as made
from training.corpora.reading import read_corpora

P07 = Study("Sleep", "P07", "noon", datetime(2026, 3, 1, 9, 0, tzinfo=UTC))


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


def export(*arguments):
    return main(["sessions", "export", *map(str, arguments), "--format", "corpus"])


def other(label):
    return next(name for name in LABELS if name not in (label, "sad"))


def clips_of(folder):
    contents = read_corpora(folder.parent, [folder.name])
    return {clip.name: clip for clip in contents[0].clips}, contents[0].skipped


def test_what_was_corrected_is_read_by_the_training(store, tmp_path, capsys):
    info = made.keep(store, made.records(), audio=True, study=P07)
    first, second = store.segments(info.id)
    label = other(first.estimate.label)
    store.annotate(
        info.id,
        intervals=[
            Interval(CORRECTED, first.start_s, first.end_s, label, channel=1),
            Interval("emotion", 6.5, 7.2, "Sad"),
            Interval("emotion", 7.9, 9.0, "happy"),  # the sound ends at 8 s
            Interval("phase", 0.0, 8.0, "baseline"),
        ],
    )
    folder = tmp_path / "corpora" / "mine"
    folder.parent.mkdir()
    assert export(info.id, "--to", folder) == 0
    clips, skipped = clips_of(folder)
    assert not skipped
    assert {clip.speaker for clip in clips.values()} == {"P07"}
    assert sorted(clip.label for clip in clips.values()) == sorted([label, "sad"])
    clip = min(clips.values(), key=lambda clip: clip.path.stem)
    assert clip.label == label
    samples, rate = soundfile.read(clip.path, dtype="float32")
    begin, end = (round(time_s * made.RATE) for time_s in (first.start_s, first.end_s))
    assert rate == made.RATE
    assert (samples == made.sound()[begin:end, 0]).all()
    counts = ", ".join(f"1 {name}" for name in LABELS if name in (label, "sad"))
    assert capsys.readouterr().out == f"{folder.resolve()}: {counts}\n"
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        row, said = csv.DictReader(file)
    assert (said["label"], said["start_s"], said["end_s"]) == ("sad", "6.500", "7.200")
    assert row["by"] == "hand"
    assert row["model_label"] == first.estimate.label
    assert (row["session"], row["participant"]) == (info.id, "P07")

    assert export(info.id, "--to", tmp_path / "corpora" / "all", "--uncorrected") == 0
    clips, _ = clips_of(tmp_path / "corpora" / "all")
    assert sorted(clip.label for clip in clips.values()) == sorted(
        [label, "sad", second.estimate.label]
    )


def test_a_study_s_sessions_go_into_one_corpus_and_nothing_is_replaced(store, tmp_path, capsys):
    names = {1: "coach", 2: "client"}
    several = [
        made.keep(store, made.records((1, 2)), audio=True, channels=(1, 2), names=names, study=P07),
        made.keep(store, made.records(), audio=True, study=Study("Sleep", "P08")),
        made.keep(store, made.records(), study=Study("Sleep", "P09")),
    ]
    for index, info in enumerate(several):
        happy = Interval("emotion", 0.8 + index / 10, 3.0, "happy")
        store.annotate(info.id, intervals=[happy])
    folder = tmp_path / "corpus"
    assert export("--study", "Sleep", "--to", folder) == 0
    said = capsys.readouterr()
    assert f"The session {several[2].id} has no sound" in said.err
    assert said.out.endswith(": 3 happy\n")
    clips, _ = clips_of(folder)
    # Which of two channels is the participant's is not known: a channel goes by its own name.
    assert {clip.speaker for clip in clips.values()} == {"coach", "client", "P08"}
    before = sorted(folder.rglob("*"))
    assert export("--study", "Sleep", "--to", folder) == 1
    assert "exists already" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
    client = tmp_path / "client"
    assert export(several[0].id, "--to", client, "--channel", "client") == 0
    assert {clip.speaker for clip in clips_of(client)[0].values()} == {"P07"}


def test_a_correction_that_is_no_emotion_leaves_the_segment_out(store, tmp_path, capsys):
    info = made.keep(store, made.records(), audio=True)
    first, second = store.segments(info.id)
    store.annotate(
        info.id, intervals=[Interval(CORRECTED, first.start_s, first.end_s, "cough", channel=1)]
    )
    assert export(info.id, "--to", tmp_path / "none") == 1
    assert "correct its segments first" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert export(info.id, "--to", tmp_path / "rest", "--uncorrected") == 0
    clips, _ = clips_of(tmp_path / "rest")
    assert [clip.label for clip in clips.values()] == [second.estimate.label]


def test_mistakes_get_one_sentence(store, tmp_path, capsys):
    info = made.keep(store, made.records())
    for arguments, code, sentence in (
        ([info.id, "--to", tmp_path / "a"], 1, "has no sound"),
        (["--to", tmp_path / "a"], 2, "Say what the corpus is made of"),
        ([info.id, "--study", "x", "--to", tmp_path / "a"], 2, "Say what the corpus is made of"),
        (["--study", "x", "--to", tmp_path / "a"], 2, "No session belongs to the study 'x'"),
    ):
        assert export(*arguments) == code
        said = capsys.readouterr().err
        assert sentence in said
        assert said.count("\n") == 1
    assert main(["sessions", "export", info.id, "--to", "a.csv", "--uncorrected"]) == 2
    assert "--format corpus" in capsys.readouterr().err
