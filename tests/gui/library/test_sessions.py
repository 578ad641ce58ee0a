"""The table of sessions, as a person uses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QLineEdit, QMenu

from realtime_ser.base.config import Config
from realtime_ser.base.records import Marker
from realtime_ser.commands.main import main
from realtime_ser.exchange.registry import ExportRequest, export
from realtime_ser.gui.library.session_dialogs import DeleteDialog, ReanalysisDialog
from realtime_ser.gui.library.session_table import SessionColumn
from realtime_ser.gui.library.sessions import SessionsWindow
from realtime_ser.gui.library.trend import TrendWindow
from realtime_ser.gui.theme.theme import palette
from realtime_ser.session.analysis.files import session_of_file
from realtime_ser.session.metadata import Study
from realtime_ser.session.store import Interval
from realtime_ser.timeline.style import DARK, LIGHT
from tests import kept_sessions as made


@pytest.fixture
def three(store):
    """Three sessions a week apart: two of P07, the first with its sound."""
    return [
        made.keep(
            store,
            made.records(steps=100 + 40 * week),
            audio=week == 0,
            title=title,
            started=made.NOW + timedelta(weeks=week),
            study=Study("Sleep" if code else "", code, "noon" if code else ""),
        )
        for week, (title, code) in enumerate((("Intake", "P07"), ("", ""), ("Closing", "P07")))
    ]


@pytest.fixture
def open_window(qtbot, config, store):
    def make(settings=config):
        window = SessionsWindow(settings, store)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    return make


def shown(window, column=SessionColumn.TITLE):
    model = window.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_the_table_tells_what_is_known_and_opens_a_session(qtbot, open_window, three, click):
    window = open_window()
    assert shown(window) == ["Closing", "talk.wav", "Intake"]
    assert shown(window, SessionColumn.BEGAN)[2] == "2026-03-01 14:02"
    assert shown(window, SessionColumn.PARTICIPANT) == ["P07", "", "P07"]
    assert shown(window, SessionColumn.LENGTH) == ["00:00:14", "00:00:11", "00:00:08"]
    assert shown(window, SessionColumn.SOUND) == ["–", "–", "kept"]
    assert " %" in shown(window, SessionColumn.SOUNDED)[0].replace("\u202f", " ")
    with qtbot.waitSignal(window.open_requested) as opened:
        qtbot.keyClick(window.table, Qt.Key.Key_Return)
    assert opened.args == [three[2].id]
    qtbot.keyClick(window.table, Qt.Key.Key_Down)
    assert window.details.title.text() == "talk.wav"
    with qtbot.waitSignal(window.open_requested) as opened:
        click(window.open)
    assert opened.args == [three[1].id]


def test_search_and_filters_leave_out_what_does_not_fit(qtbot, open_window, store, three, click):
    store.add_note(three[1].id, "a dog barked")
    store.annotate(three[0].id, intervals=[Interval("phase", 1.0, 2.0, "warm-up")])
    window = open_window()
    for words, found in (
        ("dog", ["talk.wav"]),
        ("WARM", ["Intake"]),
        ("2026-03-15", ["Closing"]),
        ("p07", ["Closing", "Intake"]),
        ("nothing", []),
    ):
        window.filters.search.clear()
        qtbot.keyClicks(window.filters.search, words)
        qtbot.waitUntil(lambda found=found: shown(window) == found)
    assert window.sum.text().startswith("0 of 3 sessions")
    assert window.table.accessibleDescription().startswith("Nothing fits.")
    click(window.filters.reset)
    qtbot.waitUntil(lambda: len(shown(window)) == 3)
    window.filters.participant.setFocus()
    qtbot.keyClicks(window.filters.participant, "P")
    assert shown(window) == ["Closing", "Intake"]
    window.filters.sound.setFocus()
    qtbot.keyClick(window.filters.sound, Qt.Key.Key_Down)
    assert shown(window) == ["Intake"]


def test_a_title_is_changed_where_it_stands_and_a_note_is_added(qtbot, open_window, store, three):
    window = open_window()
    window.table.choose([three[1].id])
    qtbot.keyClick(window.table, Qt.Key.Key_F2)
    qtbot.waitUntil(lambda: isinstance(QApplication.focusWidget(), QLineEdit))
    editor = QApplication.focusWidget()
    qtbot.keyClicks(editor, "Reading aloud")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: shown(window)[1] == "Reading aloud")
    assert store.session(three[1].id).metadata.title == "Reading aloud"
    qtbot.keyClick(window.table, Qt.Key.Key_N)
    assert window.details.note.hasFocus()
    qtbot.keyClicks(window.details.note, "Door was open")
    qtbot.keyClick(window.details.note, Qt.Key.Key_Return)
    assert [note.text for note in store.notes(three[1].id)] == ["Door was open"]
    assert window.details.heading.text() == "Notes"


def test_deleting_names_what_goes_and_then_it_is_gone(
    qtbot, open_window, store, three, click, dialog_of
):
    window = open_window()
    audio = three[0].audio
    qtbot.keyClick(window.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window.table, Qt.Key.Key_Delete)
    dialog = dialog_of(window, DeleteDialog)
    assert str(audio) in dialog.list.toPlainText()
    assert "Intake" in dialog.list.toPlainText()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert len(store.sessions()) == 3

    window.table.choose([three[0].id, three[2].id])
    click(window.delete)
    dialog = dialog_of(window, DeleteDialog)
    assert dialog.title.text() == "Delete 2 sessions for good?"
    click(dialog.delete_button)
    assert [info.id for info in store.sessions()] == [three[1].id]
    assert not audio.exists()
    assert shown(window) == ["talk.wav"]
    assert window.message.text() == "2 sessions deleted for good."


def test_files_that_a_person_named_stay_unless_they_say_so(
    open_window, store, speech_wav, tmp_path, click, dialog_of
):
    export = ["--export", str(tmp_path / "mine.csv"), "--record-audio"]
    assert main(["--headless", "--input", str(speech_wav), "--speed", "0", *export]) == 0
    window = open_window()
    click(window.delete)
    dialog = dialog_of(window, DeleteDialog)
    assert f"stays  {tmp_path / 'mine.flac'}" in dialog.list.toPlainText()
    assert "audio included" not in dialog.text.text()
    dialog.files.click()
    assert f"goes  {tmp_path / 'mine.flac'}" in dialog.list.toPlainText()
    assert "audio included" in dialog.text.text()
    dialog.files.click()
    click(dialog.delete_button)
    assert store.sessions() == []
    assert (tmp_path / "mine.flac").exists()
    assert str(tmp_path / "mine.csv") in window.message.text()


def test_a_recording_that_was_analysed_is_not_said_to_go(
    open_window, config, store, speech_wav, click, dialog_of
):
    info = session_of_file(store, config, speech_wav, lambda _: None)
    assert info.size < speech_wav.stat().st_size
    window = open_window()
    click(window.delete)
    dialog = dialog_of(window, DeleteDialog)
    assert f"stays  {speech_wav}" in dialog.list.toPlainText()
    assert "audio" not in dialog.text.text()
    click(dialog.delete_button)
    assert store.sessions() == []
    assert speech_wav.exists()


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("by", ["button", "menu"])
def test_a_whole_participant_goes_whatever_the_filters_show(
    qtbot, open_window, store, click, dialog_of, by
):
    window = open_window()
    qtbot.keyClicks(window.filters.search, "Intake")
    qtbot.waitUntil(lambda: shown(window) == ["Intake"])
    if by == "button":
        assert window.details.delete_participant.text() == "Delete all of P07…"
        click(window.details.delete_participant)
    else:
        place = window.table.visualRect(window.table.model().index(0, 0)).center()
        window.table.customContextMenuRequested.emit(place)
        (menu,) = window.findChildren(QMenu)
        action = next(a for a in menu.actions() if a.text() == "Delete all of participant P07…")
        menu.close()
        action.trigger()
    dialog = dialog_of(window, DeleteDialog)
    assert "Closing" in dialog.list.toPlainText()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert store.participants() == ["P07"]
    click(window.details.delete_participant)
    click(dialog_of(window, DeleteDialog).delete_button)
    assert not window.details.delete_participant.isVisible()
    assert store.participants() == []


def test_a_running_session_is_not_deleted(qtbot, open_window, store):
    writer = store.begin(made.metadata())
    try:
        window = open_window()
        assert shown(window) == ["talk.wav  ·  running"]
        qtbot.keyClick(window.table, Qt.Key.Key_Delete)
        assert "is running: end it first" in window.message.text()
    finally:
        writer.finish()


def test_the_retention_setting_says_what_goes_when(open_window, three):
    days = (datetime.now(UTC) - made.NOW).days - 10
    window = open_window(Config.model_validate({"sessions": {"retention_days": days}}))
    # The first two are older than that; the third has four days left.
    assert window.retention.text() == (
        f"Kept for {days} days; 2 sessions will be deleted when the next session starts"
    )
    window = open_window(Config.model_validate({"sessions": {"retention_days": days + 30}}))
    leaves = three[0].metadata.started + timedelta(days=days + 30)
    assert f"'Intake' after {leaves:%Y-%m-%d}" in window.retention.text()
    assert "until you delete" in open_window().retention.text()


def test_marks_of_another_tool_are_read_in(open_window, store, three, tmp_path, choose_file):
    store.annotate(three[0].id, [Marker(1.0, "cough")], [Interval("phase", 1.0, 2.0, "warm-up")])
    (eaf,) = (
        p for p in export(store, three[0], ExportRequest(tmp_path / "a.eaf")) if p.suffix == ".eaf"
    )
    window = open_window()
    window.table.choose([three[2].id])
    window.import_button.click()
    choose_file(window, eaf)
    assert "1 marker and" in window.message.text()
    assert "read from a.eaf" in window.message.text()
    assert [i.label for i in store.intervals(three[2].id) if i.tier == "phase"] == ["warm-up"]


def test_a_session_is_heard_again_with_progress(
    qtbot, open_window, store, speech_wav, click, dialog_of
):
    assert main(["--headless", "--input", str(speech_wav), "--speed", "0", "--record-audio"]) == 0
    (first,) = store.sessions()
    window = open_window()
    click(window.reanalysis)
    dialog = dialog_of(window, ReanalysisDialog)
    assert dialog.models.currentText() == "large"
    told = []
    dialog.progress.valueChanged.connect(told.append)
    with qtbot.waitSignal(dialog.reanalysed, timeout=20_000) as reanalysed:
        click(dialog.begin)
    (name,) = reanalysed.args[0]
    assert store.session(name).metadata.origin == first.id
    assert max(told) == 1000
    assert [row.info.id for row in window.table.chosen()] == [name]
    assert "heard again by large" in shown(window)[0]

    window.table.choose([first.id])
    click(window.reanalysis)
    dialog = dialog_of(window, ReanalysisDialog)
    click(dialog.begin)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(ReanalysisDialog), timeout=20_000)
    assert len(store.sessions()) == 2  # nothing of what was ended is left


def test_the_trend_of_the_chosen_participant_opens(open_window, three, click):
    window = open_window()
    click(window.trend)
    (trend,) = window.findChildren(TrendWindow)
    assert trend.participant.currentText() == "P07"
    assert trend.table.rowCount() == 2


def test_the_window_follows_a_switch_of_the_theme_and_folds(qtbot, open_window, three):
    window = open_window()
    before = QApplication.palette()
    try:
        for theme in (LIGHT, DARK, LIGHT):
            QApplication.setPalette(palette(theme))
            qtbot.waitUntil(lambda theme=theme: theme.background in window.styleSheet())
    finally:
        QApplication.setPalette(before)
    window.resize(900, 600)
    qtbot.waitUntil(lambda: not window.details.isVisible())
    assert not window.table.isColumnHidden(SessionColumn.TITLE)
    window.resize(1280, 720)
    qtbot.waitUntil(window.details.isVisible)


def test_a_machine_is_told_what_a_row_shows(open_window, three):
    model = open_window().table.model()
    role = Qt.ItemDataRole.AccessibleTextRole
    assert model.index(2, SessionColumn.PARTICIPANT).data(role) == "Participant: P07"
    assert model.index(2, SessionColumn.SOUND).data(role) == "Audio: kept"
    unnamed = replace(made.metadata(), title="")
    assert unnamed.source.name == model.index(1, SessionColumn.TITLE).data()
