"""Recordings that are dropped on a window, analysed and saved."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication

from realtime_ser.commands.main import main
from realtime_ser.gui.library.files import FilesWindow
from realtime_ser.gui.review.file_dialog import review_file
from realtime_ser.session.store import Store, open_store


@pytest.fixture
def window(qtbot, config):
    made = FilesWindow(config)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def recordings(speech_wav, tmp_path):
    """A folder with speech, silence below it, and a file that is no sound."""
    folder = tmp_path / "recordings"
    (folder / "deep").mkdir(parents=True)
    speech, rate = soundfile.read(speech_wav, dtype="int16", frames=16_000 * 5)
    soundfile.write(folder / "sentence.wav", speech, rate)
    soundfile.write(folder / "deep" / "silence.wav", np.zeros(16_000), 16_000)
    (folder / "broken.wav").write_text("not sound")
    return folder


def drop(window, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton)
    keys = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(50, 50), *copy, keys))
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), *copy, keys))


def cells(window, column):
    model = window.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_dropped_folder_is_analysed_and_saved_as_the_command_does(
    qtbot, window, recordings, tmp_path, choose_file
):
    assert window.hint.isVisible()
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        drop(window, recordings)
    assert cells(window, 0) == ["broken.wav", "silence.wav", "sentence.wav"]
    label, confidence, length, speech, remark = (cells(window, n) for n in range(1, 6))
    assert "cannot be read" in remark[0] or "not audio" in remark[0]
    assert remark[1:] == ["no speech was found", ""]
    assert label[2].removesuffix("?") in window.model.labels
    assert confidence[2].endswith("%")
    assert (length[2], label[0], speech[1]) == ("00:00:05", "", "00:00:00")
    assert window.state.text() == "3 files  ·  1 could not be analysed"

    window.failed.click()
    assert cells(window, 0) == ["broken.wav"]
    window.failed.click()

    out = tmp_path / "out"
    out.mkdir()
    window.save.click()
    choose_file(window, out)
    saved = f"Saved: {out / 'summary.csv'}"
    qtbot.waitUntil(lambda: window.message.text().startswith(saved), timeout=20_000)
    assert main(["analyze", str(recordings), "--out", str(tmp_path / "same")]) == 1
    assert table(out / "summary.csv") == table(tmp_path / "same" / "summary.csv")
    for name in ("sentence.frames.csv", "sentence.segments.csv", "deep/silence.frames.csv"):
        assert (out / name).read_bytes() == (tmp_path / "same" / name).read_bytes()


def test_a_recording_is_opened_and_counts_once(qtbot, window, recordings):
    sentence = recordings / "sentence.wav"
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        window.add([sentence])
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        window.add([recordings])
    assert cells(window, 0) == ["broken.wav", "silence.wav", "sentence.wav"]
    window.table.selectRow(2)
    with qtbot.waitSignal(window.open_requested) as opened:
        qtbot.keyClick(window.table, Qt.Key.Key_Return)
    path, analysed = opened.args
    assert path == sentence
    with Store(analysed.folder) as store:
        assert store.session(analysed.session).audio == sentence.resolve()
    window.table.selectRow(0)
    assert not window.open.isEnabled()
    assert str(recordings / "broken.wav") in window.message.text()


def test_an_analysis_is_ended_and_goes_on(qtbot, window, speech_wav, tmp_path):
    speech, rate = soundfile.read(speech_wav, dtype="int16")
    for number in range(3):
        soundfile.write(tmp_path / f"long{number}.wav", np.tile(speech, 4), rate)
    window.add([tmp_path])
    qtbot.waitUntil(lambda: "analysing" in "".join(map(str, cells(window, 5))), timeout=20_000)
    assert window.cancel.isVisible()
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        window.cancel.click()
    assert "left. What is done stays." in window.message.text()
    assert "waiting" in cells(window, 5)
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=60_000):
        window.resume.click()
    assert cells(window, 5) == ["", "", ""]
    assert not window.resume.isVisible()


def test_what_is_not_a_result_is_not_replaced(qtbot, window, recordings, tmp_path):
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        window.add([recordings])
    (tmp_path / "summary.csv").write_text("my own")
    window.save_to(tmp_path)
    refusal = "is not the summary of an analysis"
    qtbot.waitUntil(lambda: refusal in window.message.text(), timeout=20_000)
    assert (tmp_path / "summary.csv").read_text() == "my own"
    shutil.rmtree(recordings)
    window.save_to(tmp_path / "new")  # what was analysed is saved, even when its file has gone
    qtbot.waitUntil(lambda: window.message.text().startswith("Saved: "), timeout=20_000)
    assert (tmp_path / "new" / "summary.csv").exists()


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "not kept"])
def test_what_was_analysed_is_opened_and_not_analysed_again(
    qtbot, window, recordings, config, monkeypatch, keep
):
    sentence = recordings / "sentence.wav"
    with qtbot.waitSignal(window.analysis_queue.idle, timeout=20_000):
        window.add([sentence])
    with qtbot.waitSignal(window.open_requested) as requested:
        window.open.click()
    path, analysed = requested.args

    def never(*_):
        raise AssertionError("analysed again")

    monkeypatch.setattr("realtime_ser.session.analysis.files.analyse", never)
    sessions = config.sessions.model_copy(update={"keep": keep})
    config = config.model_copy(update={"sessions": sessions})
    dialog = review_file(config, path, analysed)
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.opened, timeout=20_000) as opened:
        pass
    (review,) = opened.args
    with Store(analysed.folder) as store:
        info = store.session(analysed.session)
        shown = review.content.info
        assert shown.metadata == info.metadata
        assert shown.channels == info.channels
        assert (shown.audio, shown.state) == (info.audio, info.state)
        segments = [(one.number, one.end_s) for one in store.segments(info.id)]
    assert [(s.number, s.end_s) for s in review.content.segments] == segments
    review.close()
    with open_store(config) as store:
        assert len(store.sessions()) == int(keep)
    if keep:  # nor is it kept twice
        again = review_file(config, path, analysed)
        qtbot.addWidget(again)
        with qtbot.waitSignal(again.opened, timeout=20_000) as opened:
            pass
        assert opened.args[0].content.info.id == shown.id
        opened.args[0].close()
