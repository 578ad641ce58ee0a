"""Terminal, window, review and printed report say the same of certainty and quality."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from html import escape

import numpy as np
import pytest
import soundfile
from PyQt6.QtWidgets import QLabel
from rich.console import Console

from realtime_ser.base.config import AudioConfig, Config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Estimate, Quality, Segment, State, Update
from realtime_ser.base.text import FAR_VOICE
from realtime_ser.commands.main import main
from realtime_ser.commands.terminal_screen import TerminalScreen
from realtime_ser.engine.status import Phase, Status
from realtime_ser.exchange.html_report import session_page
from realtime_ser.gui.live.banners import quality_banner_text
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.status_model import StatusModel, UiState, live_reading
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.session.live import LiveSession
from realtime_ser.session.metadata import provenance
from realtime_ser.session.statistics import SummaryAccumulator, speech_statistics
from tests.kept_sessions import keep, metadata

LISTENING = Status(Phase.LISTENING, position_s=12.0)
REFERENCE = dict(zip(LABELS, load_bundle("default").manifest.baseline.reference, strict=True))


def near(**changes):
    """Probabilities of a voice at the reference, some of them changed."""
    values = np.exp([changes.get(label, REFERENCE[label]) for label in LABELS])
    return (values / values.sum()).astype(np.float32)


def spoken(values, quality=Quality.GOOD, segments=6, steps=45, certain=True):
    """Records of a channel that speaks six times for 3.6 s."""
    best = int(values.argmax())
    said = Estimate(values, LABELS[best], float(values[best]), certain).judged(quality)
    other = replace(said, probabilities=np.full(len(LABELS), 1 / len(LABELS), np.float32))
    for number in range(1, segments + 1):
        first = (number - 1) * (steps + 10)
        for step in range(first, first + steps):
            late = step - first >= 30  # a profile hears 2.4 s of a segment
            estimate = other if late else said
            yield Update(step, 1, State.SPEECH, number, estimate, -20.0, voiced=4)
        end_s = (first + steps) * STEP_S
        yield Segment(number, 1, first * STEP_S, end_s, steps * STEP_S, said)
        for step in range(first + steps, first + steps + 10):
            yield Update(step, 1, State.SILENCE)


ANGRY = near(angry=0.0, neutral=-9.0, calm=-9.0)


@pytest.fixture
def screen(tmp_path):
    """The terminal's view of a session that has not started, and its lines."""
    session = LiveSession(Config(audio=AudioConfig(input="demo")), tmp_path / "out.csv")
    console = Console(
        file=io.StringIO(), width=200, height=30, force_terminal=True, color_system=None
    )
    shown = TerminalScreen(session, console, LiveOutputs(session))

    def lines():
        with console.capture() as capture:
            console.print(shown.draw(LISTENING))
        return capture.get()

    yield shown, lines
    session.stop()


# ------------------------------------------------------------------------ certainty and quality


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("quality", Quality)
def test_terminal_and_window_say_the_same_of_a_result(screen, quality, certain):
    shown, lines = screen
    shown.feed(list(spoken(ANGRY, quality, segments=1, certain=certain))[:30])
    reading = live_reading(shown._channels[1].smoother, 2.4)
    (said,) = [
        line for line in lines().splitlines() if reading.title in line and "%" not in line[:9]
    ]
    assert reading.value in said
    assert ("uncertain" in said) == (quality.usable and not (certain and quality.clear))
    assert ("no result counts" in said) == (not quality.usable)


@pytest.mark.parametrize("quality", [quality for quality in Quality if not quality.usable])
def test_terminal_and_window_give_the_same_advice_on_a_sound(screen, quality):
    shown, lines = screen
    records = list(spoken(ANGRY, quality, segments=1))
    shown.feed(records[:30])
    smoother = shown._channels[1].smoother
    status = StatusModel(UiState.SPEECH)
    assert quality_banner_text(status, [smoother]) is None
    assert "meanwhile" not in lines()
    shown.feed(records[30:40])
    banner = quality_banner_text(status, [smoother])
    assert f"{banner.title}: {banner.text}" in lines()


def test_the_window_of_a_session_and_its_report_say_the_same_of_shares(store):
    clear = list(spoken(ANGRY, segments=2))
    info = keep(store, clear, title="a")
    page = session_page(store, info)
    assert "100\u202f% of it certain" in page
    unclear = keep(store, spoken(ANGRY, Quality.NOT_A_VOICE, segments=2), title="b")
    assert "left out: 7.2 s not a voice" in session_page(store, unclear)


# ---------------------------------------------------------------------------------- a far voice


def kept(store, records, **changes):
    bundle = load_bundle("default")
    made = provenance(Config(), bundle, bundle.decoder()) | changes
    return keep(store, records, provenance=made, model=bundle.identity)


def is_far(store, info):
    (channel,) = speech_statistics(store, info)
    return channel.far


def test_only_a_voice_that_is_far_from_the_reference_is_said_to_be_so(store):
    assert not is_far(store, kept(store, spoken(near())))
    assert is_far(store, kept(store, spoken(ANGRY)))


def test_that_takes_enough_voice_on_which_a_result_rests(store):
    assert not is_far(store, kept(store, spoken(ANGRY, segments=4)))
    assert not is_far(store, kept(store, spoken(ANGRY, Quality.UNUSUAL_VOICE)))


def test_with_a_profile_of_the_demo_or_of_a_model_that_is_not_known_nothing_is_said(store):
    assert not is_far(store, kept(store, spoken(ANGRY), profile={"name": "anna"}))
    assert not is_far(store, keep(store, spoken(ANGRY)))
    demo = replace(metadata().source, demo=True)
    identity = load_bundle("default").identity
    assert not is_far(store, keep(store, spoken(ANGRY), model=identity, source=demo))


def test_what_is_said_while_it_is_heard_is_said_of_what_was_kept(store):
    reference = tuple(REFERENCE.values())
    for values in (near(), ANGRY):
        tally = SummaryAccumulator(reference)
        for record in spoken(values):
            tally.feed(record)
        assert tally.far == tally.summary()[1].far == is_far(store, kept(store, spoken(values)))


def test_report_and_review_say_once_that_a_profile_helps(store, qtbot):
    info = kept(store, spoken(ANGRY))
    assert session_page(store, info).count(escape(FAR_VOICE)) == 1
    window = ReviewWindow(Config(), store, info.id)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.review_view.summary.ready, timeout=5000)
    words = [one.text() for one in window.review_view.summary.findChildren(QLabel)]
    assert words.count(FAR_VOICE) == 1


@pytest.fixture
def far_model(tmp_path, bundle_folder):
    """A bundle from whose reference every voice is far."""
    folder = tmp_path / "far"
    shutil.copytree(bundle_folder, folder)
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    manifest["baseline"]["reference"] = [-20.0] * len(LABELS)
    (folder / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    return str(folder)


@pytest.fixture
def talk(tmp_path, speech_wav):
    """A talk in which there is enough voice."""
    samples, rate = soundfile.read(speech_wav, dtype="int16")
    soundfile.write(tmp_path / "talk.wav", np.tile(samples, 3), rate)
    return str(tmp_path / "talk.wav")


def test_the_terminal_says_once_that_a_profile_helps(far_model, talk, capsys):
    arguments = ["--headless", "--input", talk, "--speed", "0"]
    assert main([*arguments, "--model", far_model]) == 0
    assert capsys.readouterr().out.count(FAR_VOICE) == 1
    assert main(arguments) == 0
    assert FAR_VOICE not in capsys.readouterr().out


def test_the_window_says_once_that_a_profile_helps(far_model, talk, qtbot, window):
    said = []
    window.statusline.say = said.append
    config = Config(audio=AudioConfig(input=talk, speed=8.0), model=far_model)
    controller = SessionController(window, config)
    with qtbot.waitSignal(controller.finished, timeout=60000):
        controller.begin()
    controller.finish()
    assert said.count(FAR_VOICE) == 1
