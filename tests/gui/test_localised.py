"""Dates and numbers of the windows follow the system's locale; what they write does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PyQt6.QtCore import QLocale

from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.library.session_table import COLUMNS, SessionColumn, read_session_rows
from realtime_ser.gui.live.status_model import StatusModel, status_cells
from realtime_ser.gui.timeline.hover_card import moment_lines
from realtime_ser.gui.widgets.localised import day_text, local_numbers, moment_text
from realtime_ser.session.store import Query
from realtime_ser.timeline.content import load_content
from tests import kept_sessions as made

MOMENT = made.NOW
NARROW = "\u202f"


@pytest.fixture
def speak() -> Iterator[None]:
    """Set the system's language."""
    before = QLocale()
    yield lambda name: QLocale.setDefault(QLocale(name))
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("C", "2026-03-01 14:02"),
        ("de_DE", "01.03.2026 14:02"),
        ("en_GB", "01/03/2026 14:02"),
        ("en_US", f"3/1/2026 2:02{NARROW}PM"),
        ("sv_SE", "2026-03-01 14:02"),
    ],
)
def test_a_date_is_that_of_the_locale_with_its_whole_year(speak, language, words):
    speak(language)
    assert moment_text(MOMENT) == words
    assert words.startswith(day_text(MOMENT))


@pytest.mark.parametrize(
    ("words", "german"),
    [
        ("1.3 MB", "1,3 MB"),
        ("0.48 s before, 12 s after", "0,48 s before, 12 s after"),
        ("1,234 sessions, 1,234.5 s", "1.234 sessions, 1.234,5 s"),
        ("00:12:48 and 12:48.250", "00:12:48 and 12:48.250"),
        ("version 2.2.1, at the end 3.", "version 2.2.1, at the end 3."),
        ("happy, sad", "happy, sad"),
    ],
)
def test_numbers_of_a_sentence_have_the_signs_of_the_locale(speak, words, german):
    speak("C")
    assert local_numbers(words) == words
    speak("de_DE")
    assert local_numbers(words) == german


def test_the_windows_show_them(speak, store):
    info = made.interview(store, audio=True)
    speak("de_DE")
    (row,) = read_session_rows(store, Query(), None)
    assert COLUMNS[SessionColumn.BEGAN].text(row) == "01.03.2026 14:02"
    assert "." not in COLUMNS[SessionColumn.SIZE].text(row)
    cells = status_cells(StatusModel(model="default", updates_per_s=12.5, dropped_samples=12_345))
    assert "12,5 updates/s" in cells
    assert "12.345 samples dropped" in cells
    content = load_content(store, info.id)
    shown = dict(moment_lines(content.labels, content.channels[1].moment(1.5)))
    assert shown["speaking rate"] == "4,2 syllables/s"


@pytest.fixture
def write(qtbot, store, tmp_path, click):
    """Export a session in all formats of text, and return what the files hold."""
    info = made.interview(store)

    def act(folder):
        (tmp_path / folder).mkdir()
        dialog = ExportDialog(store.folder, [info])
        qtbot.addWidget(dialog)
        dialog.show()
        for name in ("csv", "json", "html", "svg", "elan", "praat", "audacity", "tidy"):
            dialog.choose(name)
            dialog.path.selectAll()
            qtbot.keyClicks(dialog.path, str(tmp_path / folder / f"{name}{dialog.kind.ending}"))
            with qtbot.waitSignal(dialog.exported, timeout=20_000):
                click(dialog.write)
        here = str(tmp_path / folder).encode()  # which ELAN's files name
        files = (tmp_path / folder).iterdir()
        return {path.name: path.read_bytes().replace(here, b"") for path in files}

    return act


def test_what_the_windows_write_is_the_same_in_every_locale(speak, write):
    speak("C")
    plain = write("plain")
    assert len(plain) > 10
    speak("de_DE")
    assert write("german") == plain


def test_the_export_for_spreadsheets_is_offered_where_there_is_a_decimal_comma(
    qtbot, speak, store, tmp_path, click
):
    info = made.interview(store)
    for language, offered in (("en_US", False), ("de_DE", True)):
        speak(language)
        dialog = ExportDialog(store.folder, [info])
        qtbot.addWidget(dialog)
        dialog.show()
        for name in ("csv", "tidy", "json"):
            dialog.choose(name)
            assert dialog.spreadsheet.isVisible() == (offered and name != "json")
            assert not dialog.spreadsheet.isChecked()
    for name in ("csv", "tidy"):
        dialog.choose(name)
        dialog.spreadsheet.setChecked(True)
        dialog.path.selectAll()
        qtbot.keyClicks(dialog.path, str(tmp_path / f"{name}.csv"))
        with qtbot.waitSignal(dialog.exported, timeout=20_000):
            click(dialog.write)
        assert (tmp_path / f"{name}.csv").read_text("utf-8-sig").partition("\n")[0].count(";") > 5
