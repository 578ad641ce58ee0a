"""The windows and dialogs behind the menus, opened as a person opens them."""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMessageBox,
)

from realtime_ser.base.config import Config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.gui.app import preferences
from realtime_ser.gui.app.help import AboutDialog, DiagnosticsDialog, WelcomeDialog, parts
from realtime_ser.gui.app.log import CrashDialog, file_logging, log_path
from realtime_ser.gui.app.preferences import (
    PRESETS,
    Preferences,
    PreferencesFile,
    PreferenceStore,
    preferences_path,
)
from realtime_ser.gui.app.preferences_dialog import PreferencesDialog
from realtime_ser.gui.app.window_manager import WindowManager
from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.library.files import FilesWindow
from realtime_ser.gui.library.sessions import SessionsWindow
from realtime_ser.gui.library.study import StudyDialog
from realtime_ser.gui.live.calibration_dialog import CalibrateDialog
from realtime_ser.gui.live.microphone_check import GateTrial, MicrophoneCheckDialog
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.recogniser.profiles import profile_choices, write_profile
from realtime_ser.recogniser.speaker_calibration import ModelIdentity, Profile
from realtime_ser.session.store import open_store
from tests.gui.live.test_window import playing

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def review_view(qtbot, window, conduct):
    """A window whose menus work, and its session: ``desk(speed=...)``."""
    hubs = []

    def start(**audio):
        controller = conduct(**audio)
        hubs.append(WindowManager(window, controller))
        return controller, hubs[-1]

    yield start
    for window_manager in hubs:
        window_manager.close()


def dialog(window, kind):
    found = [child for child in window.findChildren(kind) if child.isVisible()]
    assert len(found) == 1, found
    return found[0]


def ended(qtbot, controller):
    qtbot.waitUntil(lambda: controller.view.ui_state.value == "Ended", timeout=60000)


# --------------------------------------------------------------------------------------- windows


def test_from_the_live_session_to_all_sessions_and_into_a_review(qtbot, window, review_view, click):
    controller, window_manager = review_view(speed=0.0)
    ended(qtbot, controller)
    click(window.topbar.sessions)
    (sessions,) = window_manager.windows
    assert isinstance(sessions, SessionsWindow)
    assert sessions.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_L, CTRL)
    assert window_manager.windows == [sessions]  # the same one comes to the front
    sessions.open_requested.emit(controller.session)
    assert isinstance(window_manager.windows[1], ReviewWindow)
    assert window_manager.windows[1].content.info.id == controller.session
    window.close()
    assert not any(
        other.isVisible()
        for other in (sessions, window_manager.windows[-1])
        if window_manager.windows
    )


def test_the_last_session_is_reviewed_and_exported_by_keys(qtbot, window, review_view):
    controller, window_manager = review_view(speed=0.0)
    ended(qtbot, controller)
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    assert isinstance(window_manager.windows[0], ReviewWindow)
    qtbot.keyClick(window, Qt.Key.Key_E, CTRL | SHIFT)
    export = dialog(window, ExportDialog)
    assert "demo" in export.title.text()
    export.reject()


def test_a_session_has_one_review_however_often_it_is_asked_for(qtbot, window, review_view):
    controller, window_manager = review_view(speed=1.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    look = window.actions_["review"]
    look.trigger()
    (review,) = window_manager.windows
    before_s = review.review_view.axis.duration_s
    qtbot.waitUntil(lambda: controller.view.position_s > before_s + 3.0, timeout=20000)
    look.trigger()
    assert window_manager.windows == [review]
    assert review.review_view.axis.duration_s > before_s  # it runs: what has come since was read
    review.close()
    look.trigger()
    assert [other.isVisible() for other in window_manager.windows if other is not review] == [True]


def test_the_review_of_a_file_that_was_closed_stays_closed(qtbot, window, review_view, tmp_path):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    soundfile.write(tmp_path / "short.wav", sound[: 3 * rate], rate)
    _, window_manager = review_view(input="mic")
    window_manager.review_file(tmp_path / "short.wav")
    qtbot.waitUntil(lambda: len(window_manager.windows) == 1, timeout=30000)
    (review,) = window_manager.windows
    assert review.isVisible()
    review.close()
    for _ in range(2):
        window.actions_["blind"].trigger()
    qtbot.waitUntil(lambda: not window_manager.windows, timeout=5000)


def test_hiding_the_results_hides_them_in_every_window(qtbot, window, review_view):
    controller, window_manager = review_view(speed=0.0)
    ended(qtbot, controller)
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    (review,) = window_manager.windows
    qtbot.keyClick(window, Qt.Key.Key_B, CTRL)
    assert not review.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    qtbot.keyClick(window, Qt.Key.Key_L, CTRL)
    assert window_manager.windows == [review]
    qtbot.keyClick(window, Qt.Key.Key_B, CTRL)
    assert review.isVisible()


def test_without_a_kept_session_review_says_so(qtbot, window, review_view):
    review_view(input="mic")
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    assert "no session yet" in window.statusline.message.text()


def test_recordings_dropped_on_the_window_are_analysed(qtbot, window, review_view, tmp_path):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    soundfile.write(tmp_path / "short.wav", sound[: 5 * rate], rate)
    _, window_manager = review_view(input="mic")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "short.wav"))])
    copy, nothing = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    left = Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(200, 200), copy, data, left, nothing)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(200, 200), copy, data, left, nothing))
    (files,) = window_manager.windows
    assert isinstance(files, FilesWindow)
    rows = files.model.rows
    qtbot.waitUntil(lambda: len(rows) == 1 and rows[0].outcome is not None, timeout=30000)


def test_study_and_names_of_two_channels_hold_for_the_next_session(
    qtbot, window, review_view, tmp_path
):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    both = np.stack([sound[: 4 * rate], np.zeros(4 * rate, np.float32)], axis=1)
    soundfile.write(tmp_path / "two.wav", both, rate)
    controller, _ = review_view(input=str(tmp_path / "two.wav"), speed=0.0)
    ended(qtbot, controller)
    qtbot.keyClick(window, Qt.Key.Key_D, CTRL)
    study = dialog(window, StudyDialog)
    study.study.setCurrentText("voices")
    study.participant.setCurrentText("P07")
    study.channels.setCurrentIndex(1)
    qtbot.keyClicks(study.names[0], "coach")
    qtbot.keyClicks(study.names[1], "client")
    study.use.click()
    assert "voices · P07, 2 voices" in window.statusline.message.text()
    with qtbot.waitSignal(controller.finished, timeout=60000):
        window.topbar.start.click()
    captions = [window.channels[number].panel.caption.text() for number in (1, 2)]
    assert captions == ["coach", "client"]
    with open_store(controller.config) as store:
        begun = store.session(controller.session).metadata
    assert (begun.study.name, begun.study.participant) == ("voices", "P07")
    assert begun.names == {1: "coach", 2: "client"}


def test_keeping_the_sound_of_the_next_session_is_one_entry_of_the_menu(qtbot, window, review_view):
    controller, _ = review_view(speed=0.0)
    ended(qtbot, controller)
    window.actions_["record"].trigger()
    with qtbot.waitSignal(controller.finished, timeout=60000):
        window.topbar.start.click()
    assert controller.view.recording
    with open_store(controller.config) as store:
        assert store.session(controller.session).audio is not None


def test_a_model_that_cannot_be_used_changes_nothing(qtbot, window, review_view, tmp_path):
    review_view(speed=0.0)
    other = next(a for a in window.actions_.menus["Compare with"].actions() if a.data() == "?")
    other.trigger()
    chooser = dialog(window, QFileDialog)
    chooser.fileSelected.emit(str(tmp_path))
    chooser.close()
    box = dialog(window, QMessageBox)
    assert "is not a model bundle" in box.text()
    box.close()
    chosen = [a.text() for a in window.actions_.menus["Compare with"].actions() if a.isChecked()]
    assert chosen == ["Nothing"]


def test_the_program_may_choose_the_model_of_the_next_session(qtbot, window, review_view):
    controller, _ = review_view(speed=0.0)
    ended(qtbot, controller)
    first = window.actions_.menus["Model"].actions()[0]
    assert first.text() == "The best that this computer keeps up with"
    first.trigger()
    assert controller.wanted.model == "auto"
    with qtbot.waitSignal(controller.finished, timeout=60000):
        window.topbar.start.click()
    assert "model large" in window.statusline.cells[3].text()
    assert "The model is large, which takes" in window.statusline.cells[3].toolTip()
    with open_store(controller.config) as store:
        assert store.session(controller.session).metadata.model.name == "large"


def test_profiles_are_offered_as_they_are_and_those_of_other_models_with_the_reason(
    qtbot, window, review_view
):
    controller, _ = review_view(input="mic")
    menu = window.actions_.menus["Correct for a person"]
    menu.aboutToShow.emit()
    assert menu.actions()[0].text() == "Nobody"
    assert menu.actions()[-1] is window.actions_["calibrate"]
    heard = ModelIdentity(name="other", version="1", sha256="00")
    made = datetime(2026, 3, 1, tzinfo=UTC)
    values = dict.fromkeys(LABELS, -2.0)
    profile = Profile(
        name="Kim", device="mic", model=heard, seconds=20, made=made, log_probabilities=values
    )
    write_profile(controller.wanted, profile)
    menu.aboutToShow.emit()
    entry = menu.actions()[1]
    assert entry.text() == "Kim"
    assert not entry.isEnabled()
    assert len(entry.toolTip()) > 20


def test_a_person_is_calibrated_from_the_menu_and_the_profile_is_used(
    qtbot, window, review_view, tmp_path, click
):
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32")
    soundfile.write(tmp_path / "normal.wav", np.tile(sound, 2), rate)
    controller, _ = review_view(input=str(tmp_path / "normal.wav"))
    qtbot.waitUntil(playing(controller), timeout=20000)
    window.actions_["calibrate"].trigger()
    shown = dialog(window, CalibrateDialog)
    assert not shown.begin.isEnabled()
    qtbot.keyClicks(shown.name, "Kim/")
    assert "cannot name a profile" in shown.message.text()
    assert not shown.begin.isEnabled()
    qtbot.keyClick(shown.name, Qt.Key.Key_Backspace)
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    assert shown.progress.isVisible()
    qtbot.waitUntil(shown.use.isVisible, timeout=60000)
    assert "was made of" in shown.message.text()
    (made,) = profile_choices(controller.wanted)
    assert (made.profile.name, made.profile.device, made.fault) == ("Kim", "normal.wav", None)
    click(shown.use)
    assert controller.wanted.profile == "Kim"
    assert "corrected for Kim" in window.statusline.message.text()
    window.actions_["calibrate"].trigger()
    again = dialog(window, CalibrateDialog)
    qtbot.keyClicks(again.name, "kim")
    assert again.begin.text() == "Listen and replace"
    qtbot.keyClick(again, Qt.Key.Key_Escape)
    assert len(list(profile_choices(controller.wanted))) == 1


def test_calibrating_that_is_given_up_keeps_nothing(qtbot, window, review_view, tmp_path):
    quiet = np.zeros(16_000 * 3600, np.int16)
    soundfile.write(tmp_path / "quiet.flac", quiet, 16_000)
    controller, _ = review_view(input=str(tmp_path / "quiet.flac"))
    window.actions_["calibrate"].trigger()
    shown = dialog(window, CalibrateDialog)
    qtbot.keyClicks(shown.name, "Kim")
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(CalibrateDialog), timeout=20000)
    assert not list(profile_choices(controller.wanted))


def test_a_recording_with_too_little_voice_makes_no_profile(qtbot, window, review_view, tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros(48_000, np.int16), 16_000)
    controller, _ = review_view(input=str(tmp_path / "quiet.wav"))
    window.actions_["calibrate"].trigger()
    shown = dialog(window, CalibrateDialog)
    qtbot.keyClicks(shown.name, "Kim")
    qtbot.keyClick(shown, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "s of voice were heard" in shown.message.text(), timeout=20000)
    assert shown.begin.isEnabled()
    assert not list(profile_choices(controller.wanted))
    shown.reject()


# --------------------------------------------------------------------------------------- settings


def test_what_is_chosen_is_there_at_the_next_start(qtbot, window):
    preference_store = PreferenceStore(Config().window)
    window.chosen.connect(preference_store.keep)
    qtbot.keyClick(window, Qt.Key.Key_A)
    qtbot.keyClick(window, Qt.Key.Key_Plus, CTRL)
    window.close()
    again = PreferenceStore(Config().window).preferences
    assert (again.stacked, again.timeline_s) == (True, 30.0)
    assert again.geometry
    data = json.loads(preferences_path().read_text())
    assert data.keys() == {"version", "stacked", "timeline_s", "geometry"}  # and nothing else


def test_a_damaged_file_of_settings_costs_no_more_than_what_is_damaged(caplog):
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text('{"version": 1, "timeline_s": "long", "stacked": true}')
    assert PreferenceStore(Config().window).preferences == Preferences(stacked=True)
    preferences_path().write_text('{"presets": ["mine", }')
    preference_store = PreferenceStore(Config().window)
    assert preference_store.preferences == Preferences()
    preference_store.keep({"stacked": True})
    assert "mine" in preferences_path().with_suffix(".damaged.json").read_text()


def test_settings_that_are_nested_without_end_are_set_aside():
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text("[" * 100_000)
    assert PreferenceStore(Config().window).preferences == Preferences()
    assert preferences_path().with_suffix(".damaged.json").exists()


def test_settings_of_a_version_that_never_was_are_read():
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text('{"version": -7, "stacked": true}')
    assert PreferenceStore(Config().window).preferences.stacked


def test_settings_of_a_newer_program_are_kept():
    file = PreferencesFile(preferences_path())
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text('{"version": 99, "colour": "mauve"}')
    file.write({"stacked": True})
    assert json.loads(preferences_path().read_text()) == {
        "version": 99,
        "colour": "mauve",
        "stacked": True,
    }


def test_a_file_of_an_older_layout_is_brought_along(monkeypatch):
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text('{"version": 1, "minutes": 2}')

    def newer(data):
        return {"timeline_s": 60 * data.pop("minutes"), **data}

    monkeypatch.setattr(preferences, "VERSION", 2)
    monkeypatch.setattr(preferences, "_MIGRATIONS", {2: newer})
    preference_store = PreferenceStore(Config().window)
    assert preference_store.preferences.timeline_s == 120
    preference_store.keep({"stacked": True})
    retention = json.loads(preferences_path().read_text())
    assert retention == {"version": 2, "timeline_s": 120, "stacked": True}


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_settings_that_cannot_be_written_are_told_once_and_hold(qtbot):
    preferences_path().parent.parent.mkdir(parents=True)
    preferences_path().parent.write_text("a file in the way")
    preference_store = PreferenceStore(Config().window)
    told = []
    preference_store.failed.connect(told.append)
    preference_store.keep({"stacked": True})
    preference_store.keep({"stacked": False})
    assert len(told) == 1
    assert "until the program ends" in told[0]
    assert not preference_store.preferences.stacked


def test_the_settings_dialog_changes_the_window_behind_it_at_once(qtbot, window, review_view):
    controller, _ = review_view()
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_Comma, CTRL)
    shown = dialog(window, PreferencesDialog)
    shown.smoothing.setValue(0)
    assert shown.smoothing_label.text() == "off"
    assert window.preferences.smoothing_s == 0
    shown.stacked.click()
    assert window.preferences.stacked
    shown.presets[0].setFocus()
    shown.presets[0].selectAll()
    qtbot.keyClicks(shown.presets[0], "sigh")
    shown.close_button.click()
    qtbot.keyClick(window, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: len(window.timeline.markers) == 1, timeout=5000)
    assert window.timeline.markers[0].value.text == "sigh"
    assert window.preferences.presets[1:] == PRESETS[1:]


def test_how_long_sessions_stay_is_chosen_and_told_at_once(qtbot, window, review_view):
    controller, window_manager = review_view(speed=0.0)
    ended(qtbot, controller)
    qtbot.keyClick(window, Qt.Key.Key_L, CTRL)
    (sessions,) = window_manager.windows
    assert sessions.retention.text() == "Kept until you delete them"
    window.actions_["settings"].trigger()
    shown = dialog(window, PreferencesDialog)
    assert shown.retention.currentText() == "until you delete them"
    shown.retention.setFocus()
    qtbot.keyClick(shown.retention, Qt.Key.Key_Down)
    assert shown.retention.currentText() == "for 7 days"
    assert sessions.retention.text().startswith("Kept for 7 days; the next to go is")
    assert controller.config.sessions.retention_days == 7
    qtbot.keyClick(shown.retention, Qt.Key.Key_Home)
    assert sessions.retention.text() == "Kept until you delete them"
    assert controller.config.sessions.retention_days is None
    shown.reject()


def test_a_dialog_follows_the_theme_that_is_chosen_in_it(qtbot, window, review_view):
    def ground(widget):
        return widget.grab().toImage().pixelColor(4, 4).lightness()

    review_view(input="mic")
    window.actions_["settings"].trigger()
    shown = dialog(window, PreferencesDialog)
    for theme, light in (("light", True), ("dark", False)):
        shown.theme.setCurrentIndex(shown.theme.findData(theme))
        shown.theme.activated.emit(shown.theme.currentIndex())
        qtbot.wait(50)
        for widget in (shown, window.compact, window.statusline):
            assert (ground(widget) > 128) is light, type(widget)
    shown.reject()


def test_the_check_hears_the_session_and_its_sensitivity_is_used_next(qtbot, window, review_view):
    controller, _ = review_view(speed=4.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_I, CTRL)
    check = dialog(window, MicrophoneCheckDialog)
    qtbot.waitUntil(lambda: check.gate.text() == "Speech", timeout=20000)
    qtbot.waitUntil(lambda: check.advice.text() != "", timeout=20000)
    check.mode.setValue(3)
    assert check.mode_words.text() == "nearly everything"
    check.use.click()
    assert controller.config.gate.mode == 0
    with qtbot.waitSignal(controller.finished, timeout=20000):
        window.topbar.stop.click()
    window.topbar.start.click()
    qtbot.waitUntil(playing(controller), timeout=20000)
    with open_store(controller.config) as store:
        retention = store.session(controller.session).metadata.provenance
    assert retention["config"]["gate"]["mode"] == 0


def test_the_check_opens_the_source_itself_when_nothing_runs(qtbot, window, review_view):
    controller, _ = review_view(speed=0.0)
    ended(qtbot, controller)
    window.actions_["check"].trigger()
    check = dialog(window, MicrophoneCheckDialog)
    qtbot.waitUntil(lambda: "the demo recording" in check.source.text(), timeout=20000)
    qtbot.waitUntil(lambda: check.gate.text() == "Speech", timeout=20000)
    check.reject()


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (np.zeros(80_000, np.float32), "unmute it"),
        (np.full(80_000, 1.0, np.float32), "Too loud"),
        (np.full(80_000, 1e-4, np.float32), "no speech is heard"),
    ],
    ids=["silent", "clipped", "no speech"],
)
def test_the_check_says_what_to_do(sound, words):
    gate_trial = GateTrial(Config().gate)
    assert gate_trial.advice() == ""
    gate_trial.push(16_000, sound)
    assert words in gate_trial.advice()


# --------------------------------------------------------------------------------- help and faults


def test_the_notice_comes_first_and_only_once(qtbot, window, review_view):
    _, window_manager = review_view(input="mic")
    begun = []
    window_manager.welcome(lambda: begun.append(1))
    notice = dialog(window, WelcomeDialog)
    assert not begun
    qtbot.keyClick(notice, Qt.Key.Key_Return)
    assert begun == [1]
    window_manager.welcome(lambda: begun.append(2))
    assert begun == [1, 2]


def test_who_does_not_want_what_the_notice_says_leaves(qtbot, window, review_view, click):
    _, window_manager = review_view(input="mic")
    window_manager.welcome(lambda: pytest.fail("it began"))
    click(dialog(window, WelcomeDialog).leave)
    assert not window.isVisible()


def test_about_names_versions_and_licences(qtbot, window, review_view):
    review_view(input="mic")
    window.actions_["about"].trigger()
    about = dialog(window, AboutDialog)
    assert "CARD.md" in about.model.text()
    assert about.table.rowCount() > 10
    known = {part.name.lower(): part for part in parts()}
    assert known["numpy"].version == np.__version__
    assert "BSD" in known["numpy"].licence
    about.reject()


def test_diagnostics_are_copied(qtbot, window, review_view):
    review_view(input="mic")
    with file_logging():
        logging.getLogger("realtime_ser.test").info("something of note")
        window.actions_["diagnostics"].trigger()
        shown = dialog(window, DiagnosticsDialog)
        qtbot.waitUntil(shown.copy.isEnabled, timeout=90000)
    shown.copy.click()
    text = QGuiApplication.clipboard().text()
    assert "speech gate" in text
    assert "something of note" in text
    shown.reject()


def test_the_log_notes_sessions_and_nothing_of_what_was_heard(qtbot, window, review_view):
    with file_logging() as path:
        controller, _ = review_view(speed=0.0)
        ended(qtbot, controller)
    assert path == log_path()
    text = path.read_text()
    assert f"session {controller.session} began" in text
    assert f"session {controller.session} is complete" in text
    assert "happy" not in text


def test_a_fault_can_be_copied(qtbot, window):
    crash = CrashDialog("ValueError: 7", "Traceback: line 3", "All is kept.", Path("x"), window)
    crash.open()
    assert "All is kept." in crash.text.text()
    crash.copy.click()
    assert "Traceback: line 3" in QGuiApplication.clipboard().text()
    qtbot.keyClick(crash, Qt.Key.Key_Return)
    assert not crash.isVisible()


# ---------------------------------------------------------------------------------- accessibility


def test_every_control_has_a_name_a_tip_and_a_place_in_the_focus_order(qtbot, window, review_view):
    controller, _ = review_view(speed=4.0)
    qtbot.waitUntil(playing(controller), timeout=20000)
    for name in ("study", "check", "calibrate", "settings", "notice", "about"):
        window.actions_[name].trigger()
    shown = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert len(shown) == 6
    crash = CrashDialog("E", "T", "", None, window)
    for owner in (window, window.compact, crash, *shown):
        for control in controls(owner):
            words = f"{type(owner).__name__}: {type(control).__name__} {control.objectName()}"
            assert named(control), words
            assert control.toolTip(), f"{words} {control.accessibleName()}"
    for opened in shown:
        opened.reject()


@pytest.mark.parametrize(
    "name", ["study", "check", "calibrate", "settings", "notice", "about", "export_as", "keys"]
)
def test_every_dialog_is_walked_through_by_tab_and_closes_by_escape(
    qtbot, window, review_view, name
):
    controller, _ = review_view(speed=0.0)
    ended(qtbot, controller)
    window.actions_[name].trigger()
    shown = dialog(window, QDialog)
    walked = []
    for _ in range(60):
        here = shown.focusWidget()
        if here is None or here in walked:
            break
        walked.append(here)
        qtbot.keyClick(here, Qt.Key.Key_Tab)
    there = [one for one in controls(shown) if one.isVisible() and one.isEnabled()]
    assert not [one for one in there if one not in walked]
    qtbot.keyClick(shown.focusWidget() or shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not any(d.isVisible() for d in window.findChildren(QDialog)))


def test_escape_keeps_the_text_that_is_being_written_for_a_key(qtbot, window, review_view):
    review_view(input="mic")
    window.actions_["settings"].trigger()
    shown = dialog(window, PreferencesDialog)
    shown.presets[3].setFocus()
    shown.presets[3].selectAll()
    qtbot.keyClicks(shown.presets[3], "sigh")
    qtbot.keyClick(shown.presets[3], Qt.Key.Key_Escape)
    assert window.preferences.presets[3] == "sigh"


def controls(owner):
    """What the keyboard can reach, but for the inside of other controls."""
    kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit)
    for control in [child for kind in kinds for child in owner.findChildren(kind)]:
        inside = isinstance(control.parent(), QComboBox | QAbstractSpinBox | QAbstractItemView)
        reached = control.focusPolicy() != Qt.FocusPolicy.NoFocus
        if reached and not inside and control.window() is owner.window():
            yield control


def named(control):
    text = getattr(control, "text", str)()
    return control.accessibleName() or (text and not hasattr(control, "setPlaceholderText"))
