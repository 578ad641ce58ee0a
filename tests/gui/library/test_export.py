"""The export dialog: every format, its options, and what it says of a failure."""

from __future__ import annotations

import csv

import pytest
import soundfile
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QDesktopServices

from realtime_ser.exchange.registry import CORPUS, FORMATS, TIDY
from realtime_ser.gui.library.exporting import EXPORT_FORMATS, ExportDialog
from realtime_ser.session.metadata import Study
from realtime_ser.session.store import Interval
from tests import kept_sessions as made


@pytest.fixture
def export(qtbot, store):
    def make(*sessions):
        dialog = ExportDialog(store.folder, sessions)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        return dialog

    return make


@pytest.fixture
def write(qtbot, click):
    """Type a path, press Export, and return the files."""

    def act(dialog, path):
        dialog.path.selectAll()
        qtbot.keyClicks(dialog.path, str(path))
        with qtbot.waitSignal(dialog.exported, timeout=20_000) as done:
            click(dialog.write)
        return done.args[0]

    return act


def test_every_format_is_offered_with_what_it_is_for():
    assert set(EXPORT_FORMATS) == {*FORMATS, TIDY, CORPUS}
    assert all(kind.purpose and kind.hint for kind in EXPORT_FORMATS)


def test_every_format_is_written(export, store, tmp_path, write):
    info = made.interview(store, audio=True)
    store.annotate(info.id, intervals=[Interval("emotion", 1.0, 3.0, "happy", channel=1)])
    dialog = export(info)
    for kind in EXPORT_FORMATS:
        dialog.choose(kind.name)
        files = write(dialog, tmp_path / f"{kind.name}{kind.ending}")
        assert files[0] == tmp_path / f"{kind.name}{kind.ending}"
        assert all(path.exists() for path in files)
    assert (tmp_path / "png.png").read_bytes().startswith(b"\x89PNG")


def test_a_segment_of_one_channel_is_written_and_its_folder_shown(
    qtbot, export, store, tmp_path, write, monkeypatch
):
    info = made.interview(store, audio=True)
    (segment,) = (one for one in store.segments(info.id) if one.channel == 2)
    dialog = export(info)
    dialog.choose("wav")
    qtbot.keyClicks(dialog.part, "Segment")
    qtbot.keyClicks(dialog.channel, "Klientin")
    assert dialog.segment.isVisible()
    assert not dialog.start.isVisible()
    (path,) = write(dialog, tmp_path / "one.wav")
    samples, _ = soundfile.read(path, dtype="float32")
    begin, end = (round(time_s * made.RATE) for time_s in (segment.start_s, segment.end_s))
    assert (samples == made.sound(2)[begin:end, 1]).all()
    shown = []
    monkeypatch.setattr(QDesktopServices, "openUrl", shown.append)
    qtbot.mouseClick(dialog.reveal, Qt.MouseButton.LeftButton)
    assert shown[0].toLocalFile() == str(tmp_path)


def test_what_fails_is_said_in_a_sentence_and_nothing_is_replaced(
    qtbot, export, store, tmp_path, click
):
    info = made.interview(store)
    taken = tmp_path / "taken.json"
    taken.write_text("mine")
    dialog = export(info)
    dialog.choose("json")
    dialog.path.selectAll()
    qtbot.keyClicks(dialog.path, str(taken))
    click(dialog.write)
    qtbot.waitUntil(lambda: "exists already" in dialog.message.text())
    assert taken.read_text() == "mine"
    assert not dialog.reveal.isVisible()
    assert dialog.write.isEnabled()
    # Nor is a folder made where a file stands.
    for kind in ("json", "tidy"):
        dialog.choose(kind)
        dialog.path.selectAll()
        qtbot.keyClicks(dialog.path, str(taken / "below"))
        click(dialog.write)
        qtbot.waitUntil(lambda: f"Cannot write {taken / 'below'}" in dialog.message.text())
    # No audio was kept: its formats cannot be chosen.
    flags = {
        dialog.kinds.item(n).data(Qt.ItemDataRole.UserRole).name: dialog.kinds.item(n).flags()
        for n in range(dialog.kinds.count())
    }
    for name in ("wav", "flac", "corpus"):
        assert not flags[name] & Qt.ItemFlag.ItemIsEnabled


def test_a_place_is_chosen_in_the_file_dialog(export, store, tmp_path, click, choose_file):
    dialog = export(made.interview(store))
    dialog.choose("elan")
    click(dialog.browse)
    choose_file(dialog, tmp_path / "talk")
    assert dialog.path.text() == str(tmp_path / "talk.eaf")
    dialog.choose("praat")
    assert dialog.path.text() == str(tmp_path / "talk.TextGrid")


def test_several_sessions_go_into_one_tidy_table(export, store, tmp_path, write):
    several = [
        made.keep(store, made.records(), study=Study("Sleep", code)) for code in ("P07", "P08")
    ]
    dialog = export(*several)
    assert dialog.title.text() == "Export 2 sessions"
    assert dialog.kinds.count() == 2
    dialog.choose("tidy")
    (path,) = write(dialog, tmp_path / "sleep.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["participant"] for row in rows} == {"P07", "P08"}
    assert len(rows) == 2 * len(made.LABELS)
