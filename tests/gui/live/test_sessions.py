"""What the window shows of the kept sessions."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import Config
from realtime_ser.gui.live.status_model import UiState
from realtime_ser.session.store import SessionState, open_store
from tests.session.test_live import KILLED


def running(controller, seconds=0.5):
    """Whether the session has come that far."""
    return lambda: controller.view.ui_state.running and controller.view.position_s >= seconds


def test_start_and_stop_keep_a_session_each(qtbot, window, conduct, click):
    controller = conduct()
    qtbot.waitUntil(running(controller, 2.0), timeout=20000)
    with open_store(Config()) as store:
        assert [info.state for info in store.sessions()] == [SessionState.RUNNING]
        with qtbot.waitSignal(controller.finished, timeout=10000):
            click(window.topbar.stop)
        (info,) = store.sessions()
        assert info.state is SessionState.COMPLETE
        steps = store.columns(info.id).step
        np.testing.assert_array_equal(
            steps, np.arange(window.timeline.channels[1].pyramid.last_step + 1)
        )
        click(window.topbar.start)
        qtbot.waitUntil(running(controller), timeout=20000)
        window.close()
        assert [info.state for info in store.sessions()] == [SessionState.COMPLETE] * 2


def test_updates_are_shown_when_they_come_and_not_when_a_frame_is_due(
    qtbot, window, conduct, monkeypatch
):
    monkeypatch.setattr("realtime_ser.gui.live.session_controller._FRAME_MS", 3_600_000)
    monkeypatch.setattr(type(window), "next_pixel_s", 3600.0)
    controller = conduct(speed=1.0)
    qtbot.waitUntil(running(controller, 1.0), timeout=20000)
    assert window.timeline.end_s >= 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_session_is_told_of_at_the_next_start(qtbot, window, conduct):
    killed = subprocess.run([sys.executable, "-c", KILLED])
    assert killed.returncode == -signal.SIGKILL
    controller = conduct()
    qtbot.waitUntil(running(controller), timeout=20000)
    said = window.statusline.message.text()
    assert "was interrupted; all but its last second is kept" in said
    with open_store(Config()) as store:
        assert said.endswith(f"sessions show {store.sessions()[0].id}")


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_a_store_that_cannot_be_written_is_shown_and_the_session_goes_on(qtbot, window, conduct):
    import resource

    controller = conduct(speed=1.0)
    qtbot.waitUntil(running(controller, 1.0), timeout=20000)
    assert not window.notice.isVisible()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(Config()) as store:
        log = store.path.with_name(store.path.name + "-wal")
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
        try:
            qtbot.waitUntil(window.notice.isVisible, timeout=20000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "Cannot keep sessions in" in window.notice.text.text()
    assert "make room there" in window.notice.text.text()
    assert controller.view.ui_state.running
    qtbot.waitUntil(lambda: not window.notice.isVisible(), timeout=20000)
    assert controller.view.ui_state in (UiState.LISTENING, UiState.SPEECH)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit stands for a full disk")
def test_sound_that_waits_for_room_is_told_and_goes_on(qtbot, window, conduct, tmp_path):
    import resource

    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (20 * 16_000, 2))
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    controller = conduct(input=str(tmp_path / "noise.wav"), speed=1.0)
    window.actions_["record"].triggered.emit(True)
    with qtbot.waitSignal(controller.started, timeout=20000):
        qtbot.waitUntil(running(controller), timeout=20000)
        controller.start()  # again, with sound
    qtbot.waitUntil(window.topbar.recording.isVisible, timeout=20000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    try:
        qtbot.waitUntil(window.notice.isVisible, timeout=20000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ".flac (File too large)" in window.notice.text.text()
    qtbot.waitUntil(lambda: not window.notice.isVisible(), timeout=20000)
    assert window.topbar.recording.isVisible()
    assert controller.view.ui_state.running


def test_whose_session_runs_is_shown_all_the_time(qtbot, window, conduct):
    """A study that was chosen holds for each session from then on, the next person's too."""
    controller = conduct(speed=1.0)
    study = controller.wanted.study.model_copy(update={"participant": "P07"})
    controller.set_config(controller.wanted.model_copy(update={"study": study}))
    qtbot.waitUntil(running(controller), timeout=20000)
    shown = window.statusline.cells[3]
    assert "P07" not in shown.text()  # it holds from the next one
    with qtbot.waitSignal(controller.started, timeout=20000):
        controller.start()
    qtbot.waitUntil(lambda: "participant P07" in shown.text(), timeout=20000)


def test_channels_go_by_their_names(qtbot, window, conduct, tmp_path):
    soundfile.write(tmp_path / "two.wav", np.zeros((64_000, 2)), 16_000)
    controller = conduct(
        input=str(tmp_path / "two.wav"),
        speed=0.0,
        channels=[1, 2],
        channel_names=["coach", "client"],
    )
    with qtbot.waitSignal(controller.finished, timeout=60000):
        pass
    captions = [window.channels[number].panel.caption.text() for number in (1, 2)]
    assert captions == ["coach", "client"]
