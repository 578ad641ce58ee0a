"""What the window says, and where it puts it: everything that needs no Qt."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Estimate, Quality, Segment, State, Update
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.gui.live.banners import quality_banner_text
from realtime_ser.gui.live.legend import spread_labels
from realtime_ser.gui.live.status_model import (
    StatusModel,
    UiState,
    live_reading,
    status_cells,
    stopped_reading,
    summary_reading,
)
from realtime_ser.gui.live.timing import RateMeter, ScrollClock
from realtime_ser.gui.timeline.hover_card import moment_lines
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.timeline.content import Moment


def estimate(label, value=0.72, *, certain=True):
    probabilities = np.full(len(LABELS), (1 - value) / 7, np.float32)
    probabilities[LABELS.index(label)] = value
    return Estimate(probabilities, label, value, certain)


def heard(*labels, certain=True):
    """A readout that has heard one step a label; ``None`` is silence."""
    smoother = Smoother(LABELS, smoothing_s=0.0)
    for step, label in enumerate(labels):
        if label is None:
            smoother.feed(Update(step, 1, State.SILENCE))
        else:
            said = estimate(label, certain=certain)
            smoother.feed(Update(step, 1, State.SPEECH, 1, said))
    return smoother


# ------------------------------------------------------------------------------------------ panel


def test_a_label_names_a_voice_and_what_was_before():
    reading = live_reading(heard("neutral", None, "happy"), now_s=4.1)
    assert (reading.title, reading.value) == ("sounds happy", "72\u202f%")
    assert reading.previous == "was neutral 4 s ago"
    assert reading.label == "happy"


def unusable(quality, steps):
    """A readout that has heard speech for a second, and then so many steps of a quality."""
    smoother = heard(*["happy"] * 12)
    for step in range(12, 12 + steps):
        said = estimate("sad").judged(quality)
        smoother.feed(Update(step, 1, State.SPEECH, 1, said))
    return smoother


@pytest.mark.parametrize("quality", [quality for quality in Quality if not quality.usable])
def test_where_the_sound_is_not_usable_that_is_said_and_no_label(quality):
    reading = live_reading(unusable(quality, steps=20), now_s=2.6)
    assert (reading.title, reading.label, reading.bars) == (quality.value, None, None)
    assert "sad" not in f"{reading.value}{reading.previous}"


def test_a_sound_that_stays_unusable_is_worth_a_banner_until_a_voice_comes_back():
    listening = StatusModel(UiState.SPEECH)
    short, long = unusable(Quality.TOO_QUIET, steps=20), unusable(Quality.TOO_QUIET, steps=60)
    assert quality_banner_text(listening, [heard("happy"), short]) is None
    banner = quality_banner_text(listening, [heard("happy"), long])
    assert banner.title == "Too quiet"
    assert "Come nearer to the microphone" in banner.text
    assert quality_banner_text(StatusModel(UiState.PAUSED), [long]) is None
    long.feed(Update(90, 1, State.SPEECH, 1, estimate("happy").judged(Quality.GOOD)))
    assert quality_banner_text(listening, [long]) is None
    assert live_reading(long, 7.3).title == "sounds happy"


def test_a_summary_tells_the_time_that_is_in_no_share():
    left_out = {Quality.NOT_A_VOICE: 19.8}
    nothing = summary_reading(ChannelSummary(left_out_s=left_out), heard("happy"))
    assert (nothing.title, nothing.previous) == ("no result", "left out: 19.8 s not a voice")
    some = ChannelSummary(shares={"happy": 1.0}, voiced_s=4.0, left_out_s=left_out, certain_share=1)
    said = summary_reading(some, heard("happy")).previous
    assert said == "of 4 s of voice; 100\u202f% of it certain; left out: 19.8 s not a voice"


def test_disgust_becomes_an_adjective():
    assert live_reading(heard("disgust"), 0.1).title == "sounds disgusted"


def test_an_uncertain_label_carries_a_question_mark_and_is_greyed():
    reading = live_reading(heard("sad", certain=False), 0.1)
    assert reading.title == "sounds sad?"
    assert "uncertain" in reading.value
    assert not reading.certain


def test_silence_is_never_called_neutral():
    reading = live_reading(heard("happy", None), 1.0)
    assert reading.title == "no speech"
    assert reading.label is None
    assert reading.bars is None


def test_a_stopped_session_says_so_instead_of_an_emotion():
    reading = stopped_reading("paused", heard("happy"), 1.0)
    assert (reading.title, reading.label, reading.bars) == ("paused", None, None)


def test_a_finished_session_says_how_it_went():
    shares = {"happy": 0.75, "sad": 0.25}
    summary = ChannelSummary(voiced_s=32.0, segments=3, shares=shares, certain_share=0.5)
    reading = summary_reading(summary, heard("sad"))
    assert (reading.title, reading.value) == ("mostly happy", "75\u202f%")
    assert reading.previous == "of 32 s of voice; 50\u202f% of it certain"
    assert dict(zip(LABELS, reading.bars, strict=True))["sad"] == 0.25


# ----------------------------------------------------------------------------- states and figures


def test_each_state_has_words_of_its_own():
    assert len({ui_state.value for ui_state in UiState}) == len(UiState)


def test_states_of_a_running_session_have_shapes_of_their_own():
    running = [ui_state for ui_state in UiState if ui_state.running]
    others = [UiState.IDLE, UiState.OPENING, UiState.ENDED, UiState.FAILED]
    assert len({ui_state.glyph for ui_state in (*running, *others)}) == len(running) + 4


def test_the_status_line_of_a_microphone():
    view = StatusModel(
        UiState.SPEECH, live=True, latency_ms=93.6, updates_per_s=12.49, model="model x 1"
    )
    assert status_cells(view) == [
        "latency 94 ms",
        "12.5 updates/s",
        "0 dropped",
        "model x 1",
        "audio is not stored",
    ]


def test_the_status_line_says_what_was_lost_and_what_is_stored():
    view = StatusModel(
        UiState.SPEECH, dropped_samples=4800, overflows=2, recording=True, model="model x 1"
    )
    words = status_cells(view)
    assert words[0] == "no latency: file"
    assert words[2] == "4,800 samples dropped, 2 overflows"
    assert words[4] == "audio is being stored"


def test_the_pace_is_that_of_one_channel():
    rate_meter = RateMeter(channels=2)
    assert rate_meter.updates_per_s() is None
    for step in range(40):
        both = [Update(step, number, State.SILENCE, latency_ms=90.0 + step) for number in (1, 2)]
        rate_meter.feed(both, 0.08 * step)
    assert rate_meter.updates_per_s() == pytest.approx(12.5)
    assert rate_meter.latency_ms() == pytest.approx(109.5)


def test_the_card_reads_off_everything():
    said = estimate("happy")
    moment = Moment(
        12.5, State.SPEECH, said.probabilities, -23.0, Segment(3, 1, 11.0, 13.0, 1.0, said)
    )
    rows = moment_lines(LABELS, moment)
    assert rows[0] == ("00:00:12.5", "speech")
    assert ("segment 3", "happy 72\u202f%") in rows
    assert [name for name, _ in rows[2:10]] == list(LABELS)
    assert rows[-1] == ("level", "\u221223 dBFS")


# ----------------------------------------------------------------------------------------- places


@given(
    places=st.lists(st.floats(0, 400), min_size=1, max_size=8),
    gap=st.floats(1, 80),
)
def test_labels_at_line_ends_keep_their_order_and_distance(places, gap):
    found = spread_labels(places, gap, 0.0, 400.0)
    least = min(gap, 400.0 / max(1, len(places) - 1))
    ranked = [found[index] for index in sorted(range(len(places)), key=lambda i: (places[i], i))]
    assert all(b - a >= least - 1e-6 for a, b in itertools.pairwise(ranked))
    assert min(found) >= -1e-6
    assert max(found) <= 400.0 + 1e-6


def test_labels_that_do_not_touch_stay_where_their_lines_end():
    assert spread_labels([10.0, 200.0, 90.0], 20.0, 0.0, 400.0) == [10.0, 200.0, 90.0]


# ----------------------------------------------------------------------------------------- motion


def scroll(clock, updates, until, frame=1 / 30):
    """Edge at each frame while the session moves on at the times of ``updates``."""
    shown, now, waiting = [], 0.0, list(updates)
    while now < until:
        while waiting and waiting[0][0] <= now:
            moment, position = waiting.pop(0)
            clock.feed(position, moment)
        shown.append(clock.read(now))
        now += frame
    return np.array(shown)


def test_the_edge_moves_evenly_between_updates():
    rng = np.random.default_rng(1)
    updates = [(0.08 * k + rng.uniform(0, 0.03), 0.08 * k) for k in range(1, 250)]
    shown = scroll(ScrollClock(), updates, until=19.0)
    steps = np.diff(shown[60:])
    assert steps.min() > 0
    assert steps.max() < 1.5 / 30
    assert abs(shown[-1] - 19.0) < 0.15


def test_the_edge_stands_still_in_a_pause_and_never_goes_back():
    shown = scroll(ScrollClock(), [(0.08 * k, 0.08 * k) for k in range(1, 50)], until=10.0)
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] == pytest.approx(shown[-30])
    assert shown[-1] < 4.5


def test_a_jump_of_the_clock_is_followed_at_once():
    clock = ScrollClock()
    scroll(clock, [(0.08 * k, 0.08 * k) for k in range(1, 50)], until=4.0)
    clock.feed(64.0, 4.1)
    assert clock.read(4.1) >= 64.0


def test_a_file_that_runs_as_fast_as_it_can_shows_its_newest_step():
    clock = ScrollClock(rate=0.0)
    clock.feed(30.0, 0.1)
    assert clock.read(0.2) == 30.0
