"""What is said before a session reaches the stored session."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from PyQt6.QtCore import Qt

from realtime_ser.base.config import Config
from realtime_ser.gui.library.study import StudyDialog
from realtime_ser.session.live import LiveSession
from realtime_ser.session.metadata import Study
from tests import kept_sessions as made


@pytest.fixture
def ask(qtbot, store):
    def make(config):
        dialog = StudyDialog(config, store)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        return dialog

    return make


def test_what_was_typed_is_kept_with_the_session(qtbot, ask, store, speech_stereo_wav, click):
    made.keep(store, study=Study("Sleep", "P07", "noon"))
    audio = {"input": str(speech_stereo_wav), "speed": 0}
    dialog = ask(Config.model_validate({"audio": audio}))
    assert [dialog.study.itemText(n) for n in range(dialog.study.count())] == ["Sleep"]
    qtbot.keyClicks(dialog.study, "Voices")
    qtbot.keyClicks(dialog.participant, "P08")
    qtbot.keyClicks(dialog.condition, "evening")
    assert not dialog.consent.isVisible()
    click(dialog.now)
    assert dialog.consent.isVisible()
    dialog.channels.setFocus()
    qtbot.keyClick(dialog.channels, Qt.Key.Key_Down)
    qtbot.keyClicks(dialog.names[0], "coach")
    click(dialog.use)
    assert dialog.message.text().endswith("Name both channels, or none of them.")
    qtbot.keyClicks(dialog.names[1], "client")
    with qtbot.waitSignal(dialog.accepted):
        click(dialog.use)

    session = LiveSession(dialog.config())
    session.start()
    for _ in session.monitor.subscribe():
        pass
    session.stop()
    info = store.session(session.id)
    study = info.metadata.study
    assert (study.name, study.participant, study.condition) == ("Voices", "P08", "evening")
    assert abs(datetime.now().astimezone() - study.consent) < timedelta(minutes=1)
    assert study.consent.tzinfo is not None
    assert [channel.name for channel in info.channels] == ["coach", "client"]


def test_what_the_settings_say_is_shown_and_stays(qtbot, ask, click):
    config = Config.model_validate(
        {
            "study": {"name": "Sleep", "consent": "2026-03-01T14:00:00.250+01:00"},
            "audio": {"channels": [1, 3], "channel_names": ["a", "b"]},
        }
    )
    dialog = ask(config)
    assert dialog.study.currentText() == "Sleep"
    assert [field.text() for field in dialog.names] == ["a", "b"]
    with qtbot.waitSignal(dialog.accepted):
        click(dialog.use)
    assert dialog.config() == config
    dialog = ask(config)
    qtbot.keyClicks(dialog.participant, "P09")
    assert dialog.config().study.consent is None  # nobody agrees for somebody else


def test_any_channel_of_the_microphone_can_be_chosen(qtbot):
    names = ["1 front-left", "2 front-right", "3 aux0", "4 aux1"]
    dialog = StudyDialog(Config(), None, names)
    qtbot.addWidget(dialog)
    place = dialog.places[0]
    assert [place.itemText(row) for row in range(place.count())] == [f"Channel {n}" for n in names]
    place.setCurrentIndex(3)
    assert dialog.config().audio.channels == (4,)
    dialog.channels.setCurrentIndex(1)
    dialog.places[1].setCurrentIndex(3)
    dialog.accept()
    assert dialog.message.text().endswith("The two voices need a channel each.")
    dialog.places[1].setCurrentIndex(0)
    assert dialog.config().audio.channels == (4, 1)
