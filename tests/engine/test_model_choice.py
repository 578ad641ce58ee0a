"""The model that the program chooses: by this machine for what is live, the same for files."""

from __future__ import annotations

import json
import re

import pytest

from realtime_ser.base.config import AudioConfig, Config, SessionsConfig
from realtime_ser.base.paths import cache_folder
from realtime_ser.commands.main import main
from realtime_ser.engine.doctor import run_checks
from realtime_ser.engine.model_choice import for_files, for_live
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.session.analysis.files import session_of_file
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import open_store

AUTO = Config(model="auto")
TOO_MANY = 100_000
"""Channels with which no machine keeps up."""


def remembered():
    (path,) = cache_folder().iterdir()
    return path


def remember(**changes):
    """Change what an earlier start has written."""
    path = remembered()
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_where_large_keeps_up_it_is_taken_and_the_reason_says_what_it_takes():
    choice = for_live(AUTO)
    assert choice.config.model == "large"
    assert re.fullmatch(r"The model is large, which takes \d+\s% of a core here\.", choice.reason)


def test_where_it_would_take_too_much_default_is_taken():
    choice = for_live(AUTO, channels=TOO_MANY)
    assert choice.config.model == "default"
    assert "large would take" in choice.reason
    assert "25\u202f% is the limit" in choice.reason


def test_each_channel_of_the_settings_counts():
    for_live(AUTO)
    remember(step_ms=8.0)
    audio = AudioConfig(channels=(1, 2, 3))
    assert for_live(AUTO).config.model == "large"
    assert for_live(Config(model="auto", audio=audio)).config.model == "default"


def test_what_a_person_names_is_taken():
    named = Config(model="open")
    assert for_live(named, channels=TOO_MANY).config is named
    assert for_live(named).reason is None
    assert for_files(named) is named


def test_a_machine_is_measured_once():
    for_live(AUTO)
    remember(step_ms=8.0)
    assert "10\u202f% of a core" in for_live(AUTO).reason
    remember(step_ms=30.0)
    assert for_live(AUTO).config.model == "default"


@pytest.mark.parametrize(
    "change", [{"bundle": "00"}, {"processor": "another"}, {"program": "0"}, {"step_ms": None}]
)
def test_what_was_measured_otherwise_counts_no_more(change):
    for_live(AUTO)
    remember(**{"step_ms": 300.0} | change)
    assert for_live(AUTO).config.model == "large"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step_ms": NaN}', "\udcff"])
def test_what_cannot_be_read_is_measured_anew(content):
    for_live(AUTO)
    remembered().write_bytes(content.encode("utf-8", "surrogateescape"))
    assert for_live(AUTO).config.model == "large"


def test_a_cache_that_cannot_be_written_hinders_nothing():
    cache_folder().parent.mkdir(parents=True)
    cache_folder().write_text("a file, and no folder")
    assert for_live(AUTO).config.model == "large"


def test_a_live_session_names_the_model_and_why_it_was_chosen(tmp_path):
    for_live(AUTO)
    remember(step_ms=300.0)
    out = tmp_path / "out.csv"
    arguments = ["--headless", "--input", "demo", "--speed", "0", "--duration", "1"]
    assert main([*arguments, "--model", "auto", "--export", str(out)]) == 0
    sidecar = json.loads(out.with_suffix(".json").read_text("utf-8"))
    assert sidecar["model"]["name"] == sidecar["config"]["model"] == "default"
    assert "large would take" in sidecar["model_reason"]
    with open_store(Config()) as store:
        (info,) = store.sessions()
    assert info.metadata.model == load_bundle("default").identity
    assert info.metadata.provenance["model_reason"] == sidecar["model_reason"]


def test_the_choice_is_told_before_a_session_begins():
    session = LiveSession(Config(model="auto", audio=AudioConfig(input="demo")))
    assert session.notices[0] == for_live(AUTO).reason
    assert session.monitor.bundle.manifest.name == session.config.model == "large"


def test_where_a_model_was_named_no_reason_is_given(tmp_path):
    out = tmp_path / "out.csv"
    arguments = ["--headless", "--input", "demo", "--speed", "0", "--duration", "1"]
    assert main([*arguments, "--model", "default", "--export", str(out)]) == 0
    assert "model_reason" not in json.loads(out.with_suffix(".json").read_text("utf-8"))


def test_doctor_says_what_is_chosen():
    found = {finding.subject: finding.words for finding in run_checks(AUTO)}
    assert found["choice of model"] == for_live(AUTO).reason
    assert found["model"].startswith("large ")


# ------------------------------------------------------------------------------------------ files


@pytest.fixture
def slow_machine():
    for_live(AUTO)
    remember(step_ms=300.0)


@pytest.mark.usefixtures("slow_machine")
def test_files_are_heard_with_large_on_every_machine(speech_wav, tmp_path):
    out = tmp_path / "out"
    assert main(["analyze", str(speech_wav), "--model", "auto", "--out", str(out)]) == 0
    (sidecar,) = out.rglob("*.json")
    found = json.loads(sidecar.read_text("utf-8"))
    assert found["model"]["name"] == found["config"]["model"] == "large"


@pytest.mark.usefixtures("slow_machine")
def test_so_are_recordings_that_a_window_opens(speech_wav, store):
    info = session_of_file(store, AUTO, speech_wav, lambda _: None)
    assert info.metadata.model.name == "large"
    named = session_of_file(store, Config(model="large"), speech_wav, lambda _: None)
    assert named.id == info.id


@pytest.mark.usefixtures("slow_machine")
def test_so_is_kept_sound(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"sessions": {"folder": str(tmp_path / "kept")}}))
    arguments = ["--headless", "--input", "demo", "--speed", "0", "--duration", "3"]
    assert main([*arguments, "--config", str(config), "--record-audio"]) == 0
    settings = Config(sessions=SessionsConfig(folder=tmp_path / "kept"))
    with open_store(settings) as store:
        (first,) = store.sessions()
    again = ["sessions", "reanalyse", first.id, "--model", "auto", "--config", str(config)]
    assert main(again) == 0
    with open_store(settings) as store:
        (second,) = [info for info in store.sessions() if info.id != first.id]
    assert first.metadata.model.name == "default"
    assert second.metadata.model.name == "large"
    assert second.metadata.provenance["config"]["model"] == "large"


def test_a_profile_of_default_is_refused_in_a_sentence_that_names_it(speech_wav, capsys):
    calibrate = ["calibrate", "anna", "--input", str(speech_wav), "--model", "default"]
    assert main(calibrate) == 0
    listen = ["--headless", "--input", "demo", "--model", "auto", "--profile", "anna"]
    assert main(listen) == 2
    said = capsys.readouterr().err
    assert "was made with another model, default" in said
    assert "and this is large" in said
    assert said.rstrip().endswith("or choose the model default.")
