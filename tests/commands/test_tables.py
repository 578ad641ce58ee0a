"""Tables of recordings and of kept sessions, held against samples of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from realtime_ser.base.errors import FileTakenError
from realtime_ser.base.labels import LABELS
from realtime_ser.commands.main import main
from realtime_ser.exchange.csv_tables import export_session
from realtime_ser.session.store import Store
from tests import kept_sessions
from tests.sample_sounds import write_samples

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "tables"
MACHINE = {"realtime_ser", "versions", "python", "platform", "model"}
MODEL_COLUMNS = {"confidence", *LABELS}
MEASURED = {"f0_hz", "f0_range_semitones", "loudness_lufs", "speaking_rate", "pause_share"}
MEASURED |= {"activation", "hf500_db"}
CLOSE = 1e-4
"""What another processor's arithmetic may change in a probability."""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    write_samples(folder)
    return folder


def lines(data):
    """Header and cells of a table, and its line end."""
    text = data.decode("utf-8")
    end = "\r\n" if text.endswith("\r\n") else "\n"
    return list(csv.reader(text.split(end))), end


def expect_same(found, sample, unlike=()):
    """Hold a table against its sample to the byte, but for what the model's arithmetic allows."""
    (header, *rows), end = lines(found)
    (wanted_header, *wanted_rows), wanted_end = lines(sample)
    assert (header, end, len(rows)) == (wanted_header, wanted_end, len(wanted_rows))
    for row, wanted in zip(rows, wanted_rows, strict=True):
        for name, cell, wanted_cell in zip(header, row, wanted, strict=False):
            if name in MODEL_COLUMNS and cell and wanted_cell:
                assert len(cell) == len(wanted_cell)
                assert float(cell) == pytest.approx(float(wanted_cell), abs=CLOSE)
            elif name in MEASURED and cell and wanted_cell:
                assert float(cell) == pytest.approx(float(wanted_cell), abs=0.15)
            elif name not in unlike:
                assert cell == wanted_cell
        assert len(row) == len(wanted)


def samples(folder, pattern):
    paths = sorted((SAMPLES / folder).rglob(pattern))
    assert paths
    return [path.relative_to(SAMPLES / folder) for path in paths]


def expect_all(out, folder):
    for name in samples(folder, "*.csv"):
        expect_same((out / name).read_bytes(), (SAMPLES / folder / name).read_bytes())
    for name in samples(folder, "*.json"):
        sidecar = json.loads((out / name).read_text("utf-8"))
        kept = [(key, value) for key, value in sidecar.items() if key not in MACHINE]
        assert kept == list(json.loads((SAMPLES / folder / name).read_text("utf-8")).items())


def test_an_analysis_writes_the_tables_that_it_always_wrote(sounds, tmp_path, monkeypatch):
    monkeypatch.chdir(sounds)
    files = ["one.flac", "silent.wav", "deep", "text.wav", "truncated.wav"]
    assert main(["analyze", *files, "--out", str(tmp_path)]) == 1
    expect_all(tmp_path, "analyze")


def test_two_named_channels_and_some_classes_too(sounds, tmp_path, monkeypatch):
    monkeypatch.chdir(sounds)
    config = tmp_path / "two.yaml"
    config.write_text("audio: {channels: [2, 1], channel_names: [coach, client]}\n")
    arguments = ["analyze", "two.wav", "--out", str(tmp_path), "--config", str(config)]
    assert main([*arguments, "--classes", "angry,happy,neutral,sad"]) == 0
    expect_all(tmp_path, "two")


def test_a_file_that_plays_as_a_microphone_gives_the_same(sounds, tmp_path):
    export = tmp_path / "one.csv"
    arguments = ["monitor", "--headless", "--input", str(sounds / "one.flac"), "--speed", "0"]
    assert main([*arguments, "--export", str(export)]) == 0
    for name, sample in (
        ("one.csv", "one.frames.csv"),
        ("one.segments.csv", "one.segments.csv"),
        ("one.voice.csv", "one.voice.csv"),
    ):
        wanted = (SAMPLES / "analyze" / sample).read_bytes()
        expect_same((tmp_path / name).read_bytes(), wanted, unlike={"wall_clock"})


def test_a_kept_session_is_exported_to_the_byte(tmp_path):
    with Store(tmp_path / "store") as store:
        export_session(store, kept_sessions.interview(store), tmp_path / "interview.csv")
    for name in samples("sessions", "*.csv"):
        assert (tmp_path / name).read_bytes() == (SAMPLES / "sessions" / name).read_bytes()


def test_an_export_replaces_only_what_a_person_has_agreed_to_replace(tmp_path):
    (tmp_path / "copy.json").write_text("mine")
    with Store(tmp_path / "store") as store:
        info = kept_sessions.interview(store)
        with pytest.raises(FileTakenError, match=r"copy\.json exists already"):
            export_session(store, info, tmp_path / "copy.csv")
        assert (tmp_path / "copy.json").read_text() == "mine"
        assert not (tmp_path / "copy.csv").exists()
        export_session(store, info, tmp_path / "copy.csv", overwrite=True)
    assert json.loads((tmp_path / "copy.json").read_text("utf-8"))["channels"] == [1, 2]
    assert sorted(path.name for path in tmp_path.glob("copy*")) == [
        *("copy.csv", "copy.json", "copy.markers.csv", "copy.segments.csv", "copy.voice.csv")
    ]


def test_an_export_does_not_write_over_the_session(tmp_path):
    (tmp_path / "own.csv").write_text("frames")
    with Store(tmp_path / "store") as store:
        writer = store.begin(kept_sessions.metadata())
        writer.note_files(tmp_path / "own.csv", named=True, audio=None)
        writer.finish()
        info = store.session(writer.id)
        with pytest.raises(FileTakenError, match="is the session itself; choose another name"):
            export_session(store, info, tmp_path / "own.csv", overwrite=True)
    assert (tmp_path / "own.csv").read_text() == "frames"
