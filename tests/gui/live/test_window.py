"""The window as a person uses it: the demo plays, keys and buttons are pressed."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QPointF, QRect, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QMessageBox, QPushButton

from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Estimate, State, Update, VoiceMeasures
from realtime_ser.gui.app.help import ShortcutsDialog
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.timeline.style import DARK, LIGHT


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def playing(controller, seconds=0.5):
    """Whether the session has come that far."""
    return lambda: controller.view.ui_state.running and controller.view.position_s >= seconds


def shown(window, kind):
    return [child for child in window.findChildren(kind) if child.isVisible()]


# ------------------------------------------------------------------------------------- a session


def test_a_recording_plays_and_is_shown(qtbot, window, conduct):
    controller = conduct(speed=8.0)
    qtbot.waitUntil(lambda: controller.view.ui_state is UiState.SPEECH, timeout=20000)
    assert window.topbar.state.text() == "Speech"
    qtbot.waitUntil(lambda: window.channels[1].panel.title.text().startswith("sounds "))
    assert window.demo.isVisible()
    assert window.statusline.cells[0].text() == "no latency: file"
    assert not window.card.isVisible()


def test_closing_in_the_middle_loses_nothing(qtbot, window, conduct, tmp_path):
    controller = conduct()
    qtbot.waitUntil(playing(controller, 3.0), timeout=20000)
    controller.mark("just before")
    window.close()
    frames = rows(tmp_path / "session.csv")
    assert len(frames) == window.timeline.channels[1].pyramid.last_step + 1 >= 3.0 / 0.08 - 1
    assert [float(row["time_s"]) for row in frames] == pytest.approx(
        [0.08 * (step + 1) for step in range(len(frames))]
    )
    assert rows(tmp_path / "session.markers.csv")[0]["text"] == "just before"
    assert json.loads((tmp_path / "session.json").read_text())["source"]["demo"] is True


def test_space_pauses_and_goes_on(qtbot, window, conduct):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.topbar.state.text() == "Paused", timeout=5000)
    assert window.notice.isVisible()
    assert window.channels[1].panel.title.text() == "paused"
    assert window.topbar.pause.text() == "Resume"
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.topbar.state.text() in ("Listening", "Speech"), timeout=5000)
    assert not window.notice.isVisible()


def test_a_click_on_pause_leaves_space_for_pausing(qtbot, window, conduct, click):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    click(window.topbar.mark)
    qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.topbar.state.text() == "Paused", timeout=5000)
    assert len(window.timeline.markers) == 1


def test_markers_by_key_by_button_and_with_a_text(qtbot, window, conduct, click, tmp_path):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    bar = window.topbar
    qtbot.keyClick(window, Qt.Key.Key_M)
    bar.text.setFocus()
    qtbot.keyClicks(bar.text, "mm 2nd question")
    assert len(window.timeline.markers) <= 1  # typing M in a text sets no marker
    qtbot.keyClick(bar.text, Qt.Key.Key_Return)
    assert bar.text.text() == ""
    qtbot.keyClicks(bar.text, "laugh")
    click(bar.mark)
    qtbot.waitUntil(lambda: len(window.timeline.markers) == 3, timeout=5000)
    window.close()
    texts = [row["text"] for row in rows(tmp_path / "session.markers.csv")]
    assert texts == ["", "mm 2nd question", "laugh"]


def test_stop_completes_the_session_and_start_begins_another(
    qtbot, window, conduct, click, tmp_path
):
    controller = conduct()
    qtbot.waitUntil(playing(controller, 2.0), timeout=20000)
    with qtbot.waitSignal(controller.finished, timeout=10000):
        click(window.topbar.stop)
    assert window.topbar.state.text() == "Ended"
    assert window.notice.isVisible()
    first = rows(tmp_path / "session.csv")
    click(window.topbar.start)
    qtbot.waitUntil(playing(controller), timeout=20000)
    window.close()
    assert rows(tmp_path / "session.csv") == first
    assert rows(tmp_path / "session-2.csv")


def test_a_file_that_ends_is_summed_up(qtbot, window, conduct):
    controller = conduct(speed=0.0)
    with qtbot.waitSignal(controller.finished, timeout=60000):
        pass
    panel = window.channels[1].panel
    qtbot.waitUntil(lambda: panel.title.text().startswith("mostly "), timeout=5000)
    assert window.topbar.state.text() == "Ended"
    assert window.progress.value() == window.progress.maximum()
    assert all(segment.estimate is not None for segment in window.timeline.channels[1].segments)


def test_two_channels_are_two_timelines(qtbot, window, conduct, tmp_path):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    both = np.hstack([sound[:, :1], np.zeros_like(sound[:, :1])])[: 8 * rate]
    soundfile.write(tmp_path / "two.wav", both, rate)
    controller = conduct(input=str(tmp_path / "two.wav"), speed=0.0, channels=[1, 2])
    with qtbot.waitSignal(controller.finished, timeout=60000):
        pass
    assert len(window.timeline.channels[1].segments) > 0
    assert len(window.timeline.channels[2].segments) == 0
    one, two = (window.channels[number] for number in (1, 2))
    assert one.panel.caption.text() == "Channel 1"
    assert one.geometry().bottom() <= two.geometry().top()
    qtbot.waitUntil(lambda: two.panel.title.text() == "no speech", timeout=5000)


# --------------------------------------------------------------------------------------- sources


def test_without_a_microphone_the_window_says_what_to_do(qtbot, window, conduct, click, inputs):
    controller = conduct(input="mic")
    with qtbot.waitSignal(controller.finished, timeout=20000):
        pass
    card = window.card
    assert window.topbar.state.text() == "No microphone"
    assert card.isVisible()
    assert "Plug one in and press Rescan" in card.text.text()
    qtbot.wait(200)  # the list of microphones has come by then
    assert "still no microphone" not in window.statusline.message.text(), "nobody looked again"
    click(card.rescan)
    qtbot.waitUntil(lambda: inputs.scans == 1, timeout=5000)
    qtbot.waitUntil(lambda: "no microphone" in window.statusline.message.text(), timeout=5000)
    click(card.demo)
    qtbot.waitUntil(playing(controller), timeout=20000)
    assert not card.isVisible()
    assert window.demo.isVisible()


def test_auto_without_a_microphone_is_marked_as_a_demo_with_the_way_out(qtbot, window, conduct):
    controller = conduct(input="auto")
    qtbot.waitUntil(playing(controller), timeout=20000)
    assert window.demo.isVisible()
    assert "Plug one in and press Rescan" in window.demo.text.text()
    assert window.demo.button.text() == "Rescan"


def test_a_microphone_of_another_name_is_told_with_what_to_do(qtbot, window, conduct, inputs):
    inputs.plug_in("Headset")
    controller = conduct(input="mic", device="Studio")
    with qtbot.waitSignal(controller.finished, timeout=20000):
        pass
    assert window.topbar.state.text() == "Stopped"
    assert "No microphone is named 'Studio'" in window.card.text.text()
    assert window.card.retry.isVisible()


def test_a_file_that_is_missing_is_told_with_its_name(qtbot, window, conduct, click, tmp_path):
    controller = conduct(input=str(tmp_path / "missing.wav"))
    with qtbot.waitSignal(controller.finished, timeout=20000):
        pass
    assert window.topbar.state.text() == "Stopped"
    assert "missing.wav" in window.card.text.text()
    soundfile.write(tmp_path / "missing.wav", np.zeros(160000, np.float32), 16000)
    click(window.card.retry)
    qtbot.waitUntil(playing(controller), timeout=20000)
    assert not window.card.isVisible()


def test_the_picker_lists_inputs_by_host_api(qtbot, window, conduct, inputs):
    inputs.plug_in("Built-in Microphone")
    inputs.plug_in("Headset")
    conduct(input="demo")
    picker = window.topbar.sources
    texts = lambda: [picker.itemText(row).strip() for row in range(picker.count())]  # noqa: E731
    qtbot.waitUntil(lambda: "Headset" in texts(), timeout=5000)
    assert texts()[:3] == ["ALSA", "Built-in Microphone  (default)", "Headset"]
    assert not picker.model().item(0).isEnabled()
    chosen = []
    picker.chosen.disconnect()
    picker.chosen.connect(chosen.append)
    picker.setFocus()
    picker.setCurrentIndex(2)
    picker.activated.emit(2)
    assert (chosen[0].input, chosen[0].device) == ("mic", "ALSA: Headset")


def test_another_file_is_chosen_while_one_plays(qtbot, window, conduct, tmp_path):
    soundfile.write(tmp_path / "other.wav", np.zeros(16000 * 60, np.float32), 16000)
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    picker = window.topbar.sources
    picker.activated.emit(picker.findText("Open a file", Qt.MatchFlag.MatchContains))
    (dialog,) = window.findChildren(QFileDialog)
    dialog.filesSelected.emit([str(tmp_path / "other.wav")])
    dialog.close()
    qtbot.waitUntil(lambda: controller.view.source == "other.wav", timeout=20000)
    assert not window.demo.isVisible()
    assert picker.currentText().strip() == "other.wav"


# ---------------------------------------------------------------------------------------- export


def test_export_copies_the_session_so_far(qtbot, window, conduct, tmp_path):
    controller = conduct()
    qtbot.waitUntil(playing(controller, 6.0), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    (dialog,) = window.findChildren(QFileDialog)
    name = dialog.findChild(QLineEdit)
    name.setText(str(tmp_path / "mine.csv"))
    dialog.accept()
    qtbot.waitUntil(lambda: "mine.csv" in window.statusline.message.text(), timeout=5000)
    assert len(rows(tmp_path / "mine.csv")) > 0
    assert json.loads((tmp_path / "mine.json").read_text())["labels"]
    assert controller.view.ui_state.running


def test_an_export_that_fails_is_told_and_the_session_goes_on(qtbot, window, conduct, tmp_path):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    (tmp_path / "file").touch()
    controller.export_to(tmp_path / "file" / "below" / "mine.csv")
    qtbot.waitUntil(lambda: bool(window.findChildren(QMessageBox)), timeout=5000)
    (box,) = window.findChildren(QMessageBox)
    assert "choose a folder" in box.text()
    assert controller.view.ui_state.running
    box.close()


def test_a_session_that_is_not_kept_says_where_its_tables_are(qtbot, window, conduct, tmp_path):
    controller = conduct(keep=False)
    qtbot.waitUntil(playing(controller), timeout=20000)
    controller.export_to(tmp_path / "mine.csv")
    (box,) = window.findChildren(QMessageBox)
    assert f"copy {tmp_path / 'session.csv'}" in box.text()
    box.close()


# -------------------------------------------------------------------------------------- the looks


def fill(window, ui_state=UiState.SPEECH, position_s=359999.0, **words):
    """A state with the longest words and numbers that it can have."""
    view = StatusModel(
        ui_state,
        source="ALSA: HD-Audio Generic: ALC257 Analog (hw:1,0)",
        demo=True,
        fallback=True,
        recording=True,
        position_s=position_s,
        latency_ms=1234.0,
        updates_per_s=12.5,
        model="model default 1.0",
        folder="Documents/Realtime SER",
        live=True,
        **words,
    )
    probabilities = np.full(len(LABELS), 0.0, np.float32)
    probabilities[-1] = 1.0
    said = Estimate(probabilities, "surprised", 1.0, certain=False)
    updates = [Update(step, 1, State.SPEECH, 1, said, -20.0) for step in range(40)]
    window.feed(updates, 0.0)
    for moment in range(4):
        window.show_status(view, moment)
        window.tick(moment)
    QApplication.processEvents()


@pytest.mark.parametrize("size", [(1280, 720), (3840, 2160)], ids=["720p", "4k"])
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    "ui_state", [UiState.SPEECH, UiState.PAUSED, UiState.NO_MICROPHONE], ids=str
)
def test_nothing_is_cut_off(window, size, theme, ui_state):
    window.choose(theme=theme)
    window.resize(*size)
    fill(window, ui_state)
    labels = [label for label in shown(window, QLabel) if not label.wordWrap()]
    for label in [*labels, *shown(window, QPushButton)]:
        assert label.width() >= label.minimumSizeHint().width(), label.text()
        place = label.mapTo(window, label.rect().bottomRight())
        assert place.x() < size[0], label.text()
        assert place.y() < size[1], label.text()


def test_nothing_jumps_when_numbers_get_longer(window):
    bar, panel = window.topbar, window.channels[1].panel
    window.show_status(StatusModel(UiState.LISTENING, position_s=1.0, folder="x"), 0.0)
    QApplication.processEvents()
    widgets = (bar.sources, bar.pause, bar.mark, bar.export, bar.clock, panel.bars)
    before = [widget.geometry() for widget in widgets]
    for ui_state in (UiState.SPEECH, UiState.RECONNECTING, UiState.LISTENING):
        window.show_status(StatusModel(ui_state, position_s=86399.0, folder="x"), 1.0)
    fill(window)
    window.show_status(StatusModel(UiState.SPEECH, position_s=86399.0, folder="x"), 5.0)
    QApplication.processEvents()
    assert [widget.geometry() for widget in widgets] == before


def test_the_left_column_folds_into_one_line(window):
    fill(window)
    assert window.channels[1].panel.isVisible()
    window.resize(880, 640)
    QApplication.processEvents()
    view = window.channels[1]
    assert not view.panel.isVisible()
    assert view.one_line_panel.isVisible()
    assert view.one_line_panel.text.text().startswith("sounds surprised?")


def theme(window, choice):
    """The entry of the menu."""
    actions = window.actions_.menus["Theme"].actions()
    return next(action for action in actions if action.data() == choice)


def test_the_theme_changes_at_once(window):
    def background():
        image = window.grab().toImage()
        return image.pixelColor(window.width() // 2, window.height() - 120).lightness()

    fill(window)
    theme(window, "light").trigger()
    recording_light = background()
    theme(window, "dark").trigger()
    assert background() < 80
    assert recording_light > 175
    assert theme(window, "dark").isChecked()


def test_the_system_theme_is_followed_while_it_is_chosen(window):
    hints = QGuiApplication.styleHints()
    theme(window, "system").trigger()
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert LIGHT.background in window.styleSheet()
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert DARK.background in window.styleSheet()
    theme(window, "light").trigger()
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert LIGHT.background in window.styleSheet()


def test_hovering_reads_all_values(qtbot, window):
    fill(window, position_s=3.2)
    plots = window.channels[1].plots
    box = plots.level_rect
    plots.hover_at(QPointF(box.right() - 4, plots.height() / 2))
    card = plots.card
    assert card.isVisible()
    assert [name for name, _ in card.rows if name in LABELS] == list(LABELS)
    assert ("level", "\u221220 dBFS") in card.rows
    plots.hover_at(None)
    assert not card.isVisible()


def test_what_the_voice_does_is_shown_where_it_is_measured(qtbot, window):
    fill(window, position_s=3.2)
    plots = window.channels[1].plots
    before, low = plots.level_rect, plots._level_plot.height()
    voice = VoiceMeasures(212.0, -21.5, 4.2, 0.2, -0.25, -3.0)
    update = next(window.timeline.channels[1].pyramid.columns.part(slice(-1, None)).updates())
    window.feed([replace(update, step=update.step + n, voice=voice) for n in range(1, 30)], 0.0)
    window.tick(0.5)
    QApplication.processEvents()
    assert plots._level_plot.height() > low + 60
    assert abs(plots.level_rect.height() - before.height()) <= 1, "the meter stands beside level"
    plots.hover_at(QPointF(plots.level_rect.right() - 4, plots.height() / 2))
    for row in (
        ("pitch", "212 Hz"),
        ("loudness", "\u221222 LUFS"),
        ("speaking rate", "4.2 syllables/s"),
        ("pauses", "20\u202f%"),
        ("activation", "\u22120.25"),
    ):
        assert row in plots.card.rows


def test_what_was_heard_is_drawn_and_what_was_not_is_a_gap(window):
    def ink():
        """Pixels of happy's orange at the right and in the middle of the plot."""
        image = window.grab().toImage()
        value_scale = window.channels[1].plots
        left = value_scale.mapTo(window, value_scale.level_rect.topLeft().toPoint()).x()
        right = value_scale.mapTo(window, value_scale.level_rect.topRight().toPoint()).x()
        found = {"new": 0, "old": 0}
        for y in range(100, 560):
            for x in range(left, right):
                color = image.pixelColor(x, y)
                if color.red() > 200 and 120 < color.green() < 190 and color.blue() < 60:
                    found["new" if x > right - 60 else "old"] += 1
        return found

    probabilities = np.full(len(LABELS), 0.02, np.float32)
    probabilities[2] = 0.86
    said = Estimate(probabilities, "happy", 0.86, certain=True)
    silence = [Update(step, 1, State.SILENCE) for step in range(100)]
    speech = [Update(step, 1, State.SPEECH, 1, said) for step in range(100, 140)]
    window.feed(silence, 0.0)
    window.tick(0.0)
    window.tick(1.0)
    assert ink() == {"new": 0, "old": 0}
    window.feed(speech, 2.0)
    window.tick(2.0)
    window.tick(4.0)
    found = ink()
    assert found["new"] > 20
    assert found["old"] < 5


def test_controls_have_names_and_can_be_reached_by_keyboard(qtbot, window):
    fill(window)
    controls = shown(window, QPushButton)
    assert all(control.accessibleName() or control.text() for control in controls)
    assert all(control.toolTip() for control in controls if control.parent() is window.topbar)
    window.activateWindow()
    window.topbar.sources.setFocus()
    reached = set()
    for _ in range(30):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.add(QApplication.focusWidget())
    bar = window.topbar
    assert {bar.pause, bar.stop, bar.text, bar.mark, bar.export, bar.sessions} <= reached


def test_f1_lists_the_keys_and_says_what_the_labels_mean(qtbot, window):
    qtbot.keyClick(window, Qt.Key.Key_F1)
    (sheet,) = window.findChildren(ShortcutsDialog)
    assert "Ctrl+E" in sheet.text.text()
    assert "not what a person feels" in sheet.footers[0].text()
    sheet.close()


def test_a_recording_session_is_marked_in_two_places(window):
    fill(window)
    assert window.topbar.recording.isVisible()
    assert window.topbar.recording.text() == "recording audio"
    assert window.statusline.recording_light.isVisible()
    assert window.statusline.cells[-1].text() == "audio is being stored"


def test_losing_the_files_is_told_at_once(window):
    fill(window, fault="Cannot write session.csv (no space left on device).")
    assert window.notice.isVisible()
    assert "no space left" in window.notice.text.text()


def test_a_gap_is_hatched_and_named_in_full(qtbot, window):
    """The word appears when there is room for it, also on what was drawn before."""

    def middle():
        plots = window.channels[1].plots
        box, value_scale = plots.level_rect, plots.value_scale
        corner = plots.mapTo(
            window, QPointF(box.left(), (value_scale.top + value_scale.bottom) / 2).toPoint()
        )
        return window.grab(QRect(corner.x(), corner.y() - 12, int(box.width()), 24)).toImage()

    now = 0.0
    window.show_status(StatusModel(UiState.LISTENING), now)
    for step in range(150):
        window.feed([Update(step, 1, State.SILENCE if step < 30 else State.PAUSED)], now)
        now += 0.08
        window.tick(now)
        QApplication.processEvents()  # each step is drawn as it comes
    window.tick(now + 5.0)
    grown = middle()
    window.choose(theme="light")
    window.choose(theme="dark")  # everything is drawn anew
    window.tick(now + 10.0)
    assert middle() == grown


def test_a_message_too_long_for_its_place_is_read_in_its_tooltip(qtbot, window):
    line = window.statusline
    line.say("exported to " + "a folder with a long name/" * 20)
    qtbot.waitUntil(lambda: line.message.toolTip() == line.message.text())
    line.say("exported")
    qtbot.waitUntil(lambda: line.message.toolTip() == "")
