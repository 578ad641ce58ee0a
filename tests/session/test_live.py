"""Sessions as the monitor keeps them."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys

import pytest

from realtime_ser.base.config import AudioConfig, Config
from realtime_ser.base.errors import OutputError
from realtime_ser.commands.main import main
from realtime_ser.engine.status import Phase
from realtime_ser.session import live
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import SessionState, Store, open_store

CLI = [sys.executable, "-W", "error", "-m", "realtime_ser", "--model", "default"]


def play(wav, *more):
    """Monitor a file as fast as it goes."""
    return main(["--headless", "--input", str(wav), "--speed", "0", *map(str, more)])


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("fault", ["a file", "taken"])
def test_where_no_table_can_be_written_nobody_listens(speech_wav, tmp_path, fault):
    out = tmp_path / "talks" / "out.csv"
    if fault == "a file":
        (tmp_path / "talks").write_text("no folder")
    else:
        out.parent.mkdir()
        out.with_name("out.segments.csv").write_text("of another session")
    session = LiveSession(Config(audio=AudioConfig(input=str(speech_wav))), out)
    with pytest.raises(OutputError, match=r"Cannot write|exists already"):
        session.start()
    assert session.monitor.status.phase is Phase.IDLE
    assert session.id is None


def test_a_folder_that_is_missing_is_made(speech_wav, tmp_path):
    out = tmp_path / "new" / "folder" / "out.csv"
    assert play(speech_wav, "--export", out) == 0
    assert rows(out)


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


def test_every_session_is_kept_and_the_place_is_told(speech_wav, store, capsys):
    assert play(speech_wav) == 0
    (info,) = store.sessions()
    assert info.state is SessionState.COMPLETE
    assert info.metadata.source.name == "speech.wav"
    assert not info.metadata.source.demo
    said = capsys.readouterr().out
    assert f"Kept in {store.folder}:" in said
    assert f"sessions show {info.id}" in said
    frames = rows(info.files.steps)
    assert len(store.columns(info.id)) == len(frames) == info.channels[0].updates
    assert len(store.segments(info.id)) == len(rows(info.files.segments))


def test_the_demo_is_kept_as_a_demo(store):
    assert play("demo", "--duration", 2) == 0
    (info,) = store.sessions()
    assert info.metadata.source.demo


def test_no_keep_keeps_nothing(speech_wav, store, capsys):
    assert play(speech_wav, "--no-keep") == 0
    assert store.sessions() == []
    assert "Kept in" not in capsys.readouterr().out


def test_a_source_that_refuses_leaves_no_session(tmp_path, store):
    assert play(tmp_path / "missing.wav") == 1
    assert store.sessions() == []


def test_files_that_cannot_be_written_leave_no_session(speech_wav, tmp_path, store):
    (tmp_path / "out.csv").touch()
    assert play(speech_wav, "--export", tmp_path / "out.csv") == 1
    assert store.sessions() == []
    assert [path.name for path in store.folder.iterdir() if path.is_dir()] == []


def test_the_sound_lies_in_the_session_s_folder_or_beside_the_export(speech_wav, tmp_path, store):
    assert play(speech_wav, "--record-audio") == 0
    assert play(speech_wav, "--record-audio", "--export", tmp_path / "out.csv") == 0
    kept, exported = store.sessions()
    assert kept.audio.parent == store.folder / kept.id
    assert exported.audio == tmp_path / "out.flac"
    assert kept.audio.read_bytes() == exported.audio.read_bytes()
    assert kept.size > kept.audio.stat().st_size


KILLED = """
import os, signal, time
from realtime_ser.base.config import Config
from realtime_ser.session.live import LiveSession
config = Config.model_validate({"audio": {"input": "demo"}})
LiveSession(config).start()
time.sleep(1.5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_name_that_another_program_took_meanwhile_is_left_to_it(speech_wav, store, monkeypatch):
    """Both began in the same second, and both found the name free."""
    assert play(speech_wav) == 0
    taken = store.sessions()[0].files
    before = taken.steps.read_bytes()
    free, names = live.session_files, [taken]
    monkeypatch.setattr(live, "session_files", lambda *to: names.pop() if names else free(*to))
    assert play(speech_wav) == 0
    assert taken.steps.read_bytes() == before
    assert store.sessions()[1].files.steps.exists()
    assert store.sessions()[1].files != taken


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_next_start_tells_of_an_interrupted_session(speech_wav, store, capsys):
    assert subprocess.run([sys.executable, "-c", KILLED]).returncode == -signal.SIGKILL
    (killed,) = store.sessions()
    moment = killed.metadata.started.astimezone().strftime("%H:%M")
    assert play(speech_wav) == 0
    assert capsys.readouterr().err == (
        f"realtime-ser: The session of {moment} was interrupted; all but its last second is kept: "
        f"realtime-ser sessions show {killed.id}\n"
    )
    assert play(speech_wav) == 0
    assert capsys.readouterr().err == ""
    assert store.session(killed.id).state is SessionState.INTERRUPTED


@pytest.mark.pulse
def test_a_microphone_s_session_is_exported_as_the_monitor_wrote_it(pulse, speech_wav, tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{tmp_path / 'store'}'}}\n")
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", "mic", "--config", str(config), "--duration", "6"]
    playing = pulse.play(speech_wav)
    done = subprocess.run(
        [*command, "--export", str(out)], env=pulse.env, capture_output=True, text=True, timeout=60
    )
    playing.kill()
    assert done.returncode == 0, done.stderr
    with Store(tmp_path / "store") as store:
        (info,) = store.sessions()
    assert info.metadata.source.live
    again = tmp_path / "again.csv"
    assert main(["sessions", "export", info.id, "--to", str(again), "--config", str(config)]) == 0
    for ending in ("csv", "segments.csv", "markers.csv", "json"):
        written = (tmp_path / f"out.{ending}").read_bytes()
        assert (tmp_path / f"again.{ending}").read_bytes() == written
    assert any(row["latency_ms"] and row["label"] for row in rows(again))


def test_a_store_that_cannot_be_used_does_not_stop_the_session(speech_wav, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.touch()
    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{blocked}/below'}}\n")
    out = tmp_path / "out.csv"
    assert play(speech_wav, "--config", config, "--export", out) == 1
    said = capsys.readouterr()
    assert said.err.startswith("realtime-ser: error: Cannot keep sessions in ")
    assert said.err.count("\n") == 1
    assert "Cannot keep sessions in" in said.out
    assert float(rows(out)[-1]["time_s"]) > 10


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_a_disk_that_fills_up_does_not_stop_the_session(tmp_path):
    """The log of the store is the first to be too long; the tables are short enough."""
    import resource

    config = tmp_path / "mine.yaml"
    config.write_text(f"sessions: {{folder: '{tmp_path / 'store'}'}}\n")
    out = tmp_path / "out.csv"
    command = [*CLI, "--headless", "--input", "demo", "--speed", "10", "--config", str(config)]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (180_000, 180_000))

    done = subprocess.run(
        [*command, "--export", str(out)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("realtime-ser: error: Cannot keep sessions in ")
    assert done.stderr.count("\n") == 1
    frames = rows(out)
    assert float(frames[-1]["time_s"]) > 45, "the session went on to its end"
    with Store(tmp_path / "store") as store:
        (info,) = store.sessions()
        assert info.state is SessionState.INTERRUPTED
        stored = store.columns(info.id)
    assert 0 < len(stored) < len(frames)
    assert stored.time_s[-1] == pytest.approx(float(frames[len(stored) - 1]["time_s"]))
