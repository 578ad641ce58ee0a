"""Sessions of programs that were killed are offered until somebody has decided."""

from __future__ import annotations

import sys

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.gui.library.session_dialogs import DeleteDialog, offer_interrupted
from realtime_ser.session.live import prepare_store
from realtime_ser.session.store import open_store
from tests import kept_sessions as made

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a program is killed")


@pytest.fixture
def offer(qtbot, store):
    def make():
        dialog = offer_interrupted(store)
        if dialog is not None:
            qtbot.waitExposed(dialog)
        return dialog

    return make


def test_nothing_is_offered_where_nothing_was_interrupted(offer, store):
    made.keep(store, made.records())
    assert offer() is None


def test_an_interrupted_session_is_opened_and_not_offered_again(qtbot, offer, store, config, click):
    killed = made.interrupted(store)
    # Another start, without a window, has told of it; nobody has decided anything.
    prepare_store(config)
    with open_store(config) as kept:
        kept.begin(made.metadata()).finish()
    dialog = offer()
    assert dialog.title.text() == "1 session was interrupted"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    dialog = offer()
    with qtbot.waitSignal(dialog.open_requested) as opened:
        click(dialog.offers[0].open)
    assert opened.args == [killed.id]
    assert not dialog.isVisible()
    assert offer() is None
    assert store.session(killed.id).state.value == "interrupted"


def test_one_is_deleted_and_the_others_are_kept(qtbot, offer, store, click, dialog_of):
    first, *others = [made.interrupted(store) for _ in range(3)]
    dialog = offer()
    assert dialog.title.text() == "3 sessions were interrupted"
    click(dialog.offers[0].delete)
    ask = dialog_of(dialog, DeleteDialog)
    assert str(first.audio) in ask.list.toPlainText()
    click(ask.delete_button)
    assert not first.audio.exists()
    assert len(dialog.offers) == 2
    click(dialog.keep_all)
    assert not dialog.isVisible()
    assert [info.id for info in store.sessions()] == [info.id for info in others]
    assert offer() is None
