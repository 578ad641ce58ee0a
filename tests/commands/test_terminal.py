"""The live view on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from realtime_ser.base.config import AudioConfig, Config
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Estimate, Quality, State, Update
from realtime_ser.commands.terminal_screen import TerminalScreen, bar, initials
from realtime_ser.engine.status import Phase, Status
from realtime_ser.outputs.delivery import LiveOutputs
from realtime_ser.session.live import LiveSession

STATUS = Status(Phase.LISTENING, position_s=12.0)


@pytest.fixture
def session(tmp_path):
    """A session of the demo recording that has not started."""
    config = Config(audio=AudioConfig(input="demo"))
    opened = LiveSession(config, tmp_path / "out.csv")
    yield opened
    opened.stop()


def terminal(width=90, height=30):
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None
    )


def drawn(screen, console, status=STATUS):
    """Lines of the view."""
    with console.capture() as capture:
        console.print(screen.draw(status))
    return capture.get().splitlines()


def speech(step, label, channel=1, share=0.72):
    rest = (1.0 - share) / (len(LABELS) - 1)
    values = np.array([share if name == label else rest for name in LABELS], np.float32)
    estimate = Estimate(values, label, share, certain=True)
    return Update(step, channel, State.SPEECH, 1, estimate, level_dbfs=-30.0)


def silence(step, channel=1, state=State.SILENCE):
    return Update(step, channel, state)


def line_with(lines, words):
    found = [line for line in lines if words in line]
    assert len(found) == 1, lines
    return found[0]


def test_the_bars_are_always_in_the_same_order(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    for label in ("happy", "disgust"):
        screen.feed([speech(step, label) for step in range(50)])
        lines = drawn(screen, console)
        bars = [line.split()[1] for line in lines if line[:2].rstrip() in initials(LABELS)]
        assert tuple(bars) == LABELS


def test_what_is_no_voice_has_no_label(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    made = [speech(step, "disgust") for step in range(20)]
    screen.feed([replace(u, estimate=u.estimate.judged(Quality.NOT_A_VOICE)) for u in made])
    lines = drawn(screen, console)
    assert line_with(lines, "not a voice")
    assert not any("sounds" in line for line in lines)


def test_speech_shows_its_label_per_cent_and_emoji(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    screen.feed([speech(step, "disgust") for step in range(20)])
    lines = drawn(screen, console)
    assert "speech" in lines[0]
    leader = line_with(lines, "sounds")
    assert "sounds disgusted 72\u202f%" in leader
    assert "🤢" in leader
    bars = line_with(lines, "d disgust")
    assert bars.rstrip().endswith("72\u202f%")
    assert bars.count("█") > 5 * line_with(lines, "c calm").count("█")


def test_silence_is_no_speech_and_never_a_label(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    screen.feed([speech(0, "happy"), *(silence(step) for step in range(1, 30))])
    lines = drawn(screen, console)
    assert "listening" in lines[0]
    assert "no speech" in line_with(lines, "was happy")
    for letter, label in zip(initials(LABELS), LABELS, strict=True):
        assert line_with(lines, f"{letter} {label} ").rstrip().endswith("–")


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.RECONNECTING])
def test_a_state_is_a_word(session, phase):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    assert phase.value in drawn(screen, console, Status(phase))[0]


def test_the_demo_is_marked_all_the_time(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    for records in ([], [speech(0, "calm")], [silence(1)]):
        screen.feed(records)
        assert line_with(drawn(screen, console), "DEMO")


def test_trouble_is_told_in_a_sentence(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    status = replace(STATUS, phase=Phase.RECONNECTING, error="No microphone found: plug one in.")
    assert line_with(drawn(screen, console, status), "plug one in")


def test_the_timeline_has_a_letter_for_speech_and_a_sign_for_the_rest(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    screen.feed([silence(step) for step in range(100)])
    screen.feed([speech(step, "surprised") for step in range(100, 200)])
    screen.feed([silence(step, state=State.LOST) for step in range(200, 300)])
    lines = drawn(screen, console)
    line = lines[lines.index(line_with(lines, "the last 60 s")) - 1].strip()
    assert line.strip("·").strip("x").strip("u") == ""
    assert line.index("·") < line.index("u") < line.index("x")


def test_the_timeline_keeps_what_it_showed_while_it_scrolls(session):
    console = terminal()
    screen = TerminalScreen(session, console, LiveOutputs(session))
    steps = [
        speech(step, LABELS[step // 20 % 8]) if step % 60 < 40 else silence(step)
        for step in range(900)
    ]
    screen.feed(steps[:800])

    def timeline():
        lines = drawn(screen, console)
        return lines[lines.index(line_with(lines, "the last 60 s")) - 1].strip()

    before = timeline()
    for update in steps[800:]:
        screen.feed([update])
        now = timeline()
        moved = next(k for k in range(60) if before[k + 2 : -1] in now)
        assert moved < 60


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 60), (50, 24)])
@pytest.mark.parametrize("channels", [(1,), (1, 2), (1, 2, 3, 4)], ids=len)
def test_nothing_is_cut_off(tmp_path, width, height, channels):
    import soundfile

    wav = tmp_path / "many.wav"
    soundfile.write(wav, np.zeros((1600, len(channels))), 16_000)
    config = Config(audio=AudioConfig(input=str(wav), channels=channels))
    session = LiveSession(config, tmp_path / "o.csv")
    try:
        console = terminal(width, height)
        screen = TerminalScreen(session, console, LiveOutputs(session))
        screen.feed(
            [speech(step, "fearful", channel) for step in range(900) for channel in channels]
        )
        lines = drawn(screen, console)
    finally:
        session.stop()
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert "audio is not stored" in "".join(lines)
    assert sum(line.count("sounds fearful") for line in lines) == len(channels)


@pytest.mark.parametrize(
    ("share", "full"), [(0.0, 0), (0.5, 5), (1.0, 10), (1.7, 10), (-1.0, 0), (float("-inf"), 0)]
)
def test_a_bar_is_as_long_as_its_share(share, full):
    assert bar(share, 10) == "█" * full + " " * (10 - full)


def test_every_label_has_a_letter_of_its_own():
    assert len(set(initials(LABELS))) == len(LABELS)
