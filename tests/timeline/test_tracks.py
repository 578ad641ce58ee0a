"""What tracks draw, on a surface that notes the calls."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Estimate, Segment, State, Update, VoiceMeasures
from realtime_ser.timeline.content import ChannelContent
from realtime_ser.timeline.printed import PAPER
from realtime_ser.timeline.pyramid import Pyramid
from realtime_ser.timeline.session_tracks import channel_tracks
from realtime_ser.timeline.signal_tracks import LevelTrack, ProbabilityTrack
from realtime_ser.timeline.style import Curves, line_style
from realtime_ser.timeline.surface import Rect, shortened
from realtime_ser.timeline.tracks import SegmentTrack, small, ticks
from realtime_ser.timeline.viewport import RowRect, Viewport
from tests.timeline.recording_surface import RecordingSurface

STYLE = PAPER


def estimate(label, value=0.72, *, certain=True):
    probabilities = np.full(len(LABELS), (1 - value) / 7, np.float32)
    probabilities[LABELS.index(label)] = value
    return Estimate(probabilities, label, value, certain)


def row(width=600.0, height=100.0):
    return RowRect(Rect(0, 0, width, height), Rect(0, 0, 0, height), Rect(width, 0, 0, height))


def channel(updates=(), segments=()):
    content = ChannelContent(1, "speech", Pyramid.empty(1, LABELS, 5000), segments)
    content.feed(updates)
    return content


def spoken(steps, label="happy"):
    return [Update(n, 1, State.SPEECH, 1, estimate(label), -20.0) for n in range(steps)]


@given(
    lengths=st.lists(st.tuples(st.floats(0.1, 3.0), st.floats(0.2, 8.0)), min_size=1, max_size=12),
    start_s=st.floats(0.0, 20.0),
)
def test_results_never_cover_each_other(lengths, start_s):
    found, now = [], 0.0
    for number, (gap, length) in enumerate(lengths, 1):
        result = estimate("surprised", certain=number % 2 == 0)
        found.append(Segment(number, 1, now + gap, now + gap + length, 1.0, result))
        now += gap + length
    surface = RecordingSurface()
    SegmentTrack(channel(segments=found)).draw(
        surface, row(), Viewport(0.0, 600.0, round(start_s * 12), 1 / 12, 1.0), STYLE
    )
    lanes = {text.y for text in surface.texts}
    assert len(lanes) <= 2
    for lane in lanes:
        texts = sorted((t for t in surface.texts if t.y == lane), key=lambda t: t.left)
        assert all(one.right <= other.left for one, other in itertools.pairwise(texts))


def test_a_result_says_as_much_as_there_is_room_for():
    times = ((0.0, 1.0), (1.0, 2.0), (7.0, 30.0), (40.0, 50.0))
    found = [
        Segment(number, 1, start, end, 1.0, estimate("surprised", certain=number % 2 == 0))
        for number, (start, end) in enumerate(times, 1)
    ]
    surface = RecordingSurface()
    track = SegmentTrack(channel(segments=found))
    track.draw(surface, row(), Viewport(0.0, 600.0, 0, 1 / 12, 1.0), STYLE)
    words = [text.words for text in surface.texts]
    assert words == ["surprised?", "surprised", "surprised? 72\u202f%", "surprised 72\u202f%"]


def test_results_at_the_edges_stay_within_the_plot():
    found = [Segment(n, 1, 8.0 * n, 8.0 * n + 6.0, 1.0, estimate("sad")) for n in range(9)]
    box = Rect(50, 0, 300, 100)
    place = RowRect(box, Rect(50, 0, 0, 100), Rect(350, 0, 50, 100))
    for first in range(0, 400, 7):
        surface = RecordingSurface()
        viewport = Viewport(50.0, 300.0, first, 1 / 12, 1.0)
        SegmentTrack(channel(segments=found)).draw(surface, place, viewport, STYLE)
        words = surface.texts
        assert words
        assert all(box.left <= text.left and text.right <= box.right for text in words)
        assert {text.words for text in words} <= {"sad", "sad 72\u202f%"}, "a label is never cut"


@pytest.mark.parametrize("pixels", [True, False])
def test_areas_are_stacked_from_the_foot_in_the_labels_order(pixels):
    values = np.array([0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0], np.float32)
    said = Estimate(values, "sad", 0.4, certain=True)
    updates = [Update(n, 1, State.SPEECH, 1, said, -20.0) for n in range(100)]
    surface = RecordingSurface(pixels=pixels)
    track = ProbabilityTrack(channel(updates), Curves("areas"), names=False)
    track.draw(surface, row(), Viewport(0.0, 100.0, 0, 0.08, 1.0), STYLE)
    assert surface.stack_at(50.0)[:4] == [line_style(name, 0).color.lower() for name in LABELS[:4]]


@pytest.mark.parametrize("pixels", [True, False])
def test_a_hidden_label_leaves_its_room_free(pixels):
    surface = RecordingSurface(pixels=pixels)
    curves = Curves("areas", frozenset({"happy"}))
    track = ProbabilityTrack(channel(spoken(100)), curves, names=False)
    track.draw(surface, row(), Viewport(0.0, 100.0, 0, 0.08, 1.0), STYLE)
    assert line_style("happy", 2).color.lower() not in surface.stack_at(50.0)
    assert line_style("neutral", 0).color.lower() in surface.stack_at(50.0)


@pytest.mark.parametrize("style", ["areas", "lines"])
@pytest.mark.parametrize("scale", [0.01, 0.05, 0.3, 2.0])
def test_columns_do_not_depend_on_where_a_picture_begins(style, scale):
    random = np.random.default_rng(2)
    rows = random.dirichlet(np.ones(8), 3000).astype(np.float32)
    updates = []
    for step, values in enumerate(rows):
        number, place = divmod(step, 70)
        said = Estimate(values, "sad", 0.5, certain=True)
        state = State.SPEECH if place < 55 else State.LOST if place > 64 else State.SILENCE
        segment = (number + 1, said) if place < 55 else (None, None)
        hops = random.uniform(0, 1, (8, 2)).astype(np.float32) * [-1, 1]
        updates.append(Update(step, 1, state, *segment, -30.0, hops, voiced=step % 5))
    content = channel(updates)
    whole = Viewport(0.0, 400.0, round(40.0 / scale), scale, 1.0)
    for track in channel_tracks(content, Curves(style)):
        image = track.column_image(whole, 90, STYLE)
        for first in (0, 37, 200):
            part = track.column_image(whole.part(whole.first + first, 150), 90, STYLE)
            np.testing.assert_array_equal(image[:, first : first + 150], part)


def test_what_was_clipped_is_red():
    hops = np.full((8, 2), (-1.0, 1.0), np.float32)
    updates = [*spoken(50), Update(50, 1, State.SPEECH, 1, estimate("sad"), -3.0, hops)]
    image = LevelTrack(channel(updates)).column_image(Viewport(0.0, 60.0, 0, 0.08, 1.0), 40, STYLE)
    red = (image == 0xFF000000 | int(STYLE.theme.danger[1:], 16)).all(axis=0)
    assert np.flatnonzero(red).tolist() == [50]


@pytest.mark.parametrize("pixels", [True, False])
def test_what_the_voice_does_has_tracks_where_it_was_measured(pixels):
    voice = VoiceMeasures(200.0, -20.0, 4.0, 0.1, 0.5, -3.0)
    silent = VoiceMeasures(None, -80.0, None, 0.1, None, None)
    updates = [
        replace(update, voice=voice if update.step < 40 else silent) for update in spoken(80)
    ]
    assert [track.title for track in channel_tracks(channel(spoken(80)), Curves())][3:] == []
    tracks = channel_tracks(channel(updates), Curves())[3:]
    assert [track.title for track in tracks] == ["pitch", "loudness", "rate", "activation"]
    assert len(channel_tracks(channel(updates), Curves(), measures=False)) == 3
    pitch, loudness, rate, activation = (
        track.shapes(Viewport(0.0, 80.0, 0, 0.08, 1.0), STYLE)[0].values[:, 0] for track in tracks
    )
    assert pitch[10] == pytest.approx(np.log2(200 / 75) / np.log2(600 / 75))
    assert (loudness[10], rate[10], activation[10]) == pytest.approx((2 / 3, 0.5, 0.75))
    assert np.isnan(pitch[45:75]).all()
    assert (loudness[45:75] == 0.0).all()
    surface = RecordingSurface(pixels=pixels)
    tracks[0].draw(surface, row(), Viewport(0.0, 80.0, 0, 0.08, 1.0), STYLE)
    if not pixels:
        assert ("polyline", STYLE.theme.voice) in surface.calls


def test_words_are_cut_where_there_is_no_room():
    surface, font = RecordingSurface(), small(STYLE)
    assert shortened(surface, "a long text", font, 1000.0) == "a long text"
    assert shortened(surface, "a long text", font, 5 * 7.2) == "a lo…"
    assert shortened(surface, "a long text", font, 8.0) == ""


@given(st.floats(1.0, 2.0**32), st.floats(100.0, 4000.0))
def test_the_time_axis_has_room_for_its_ticks_however_long_it_is(duration_s, width):
    spacing_s, numbers = ticks(Viewport(0.0, width, 0, duration_s / width, 1.0), STYLE)
    assert len(numbers) <= width / STYLE.small_px + 2
    assert numbers[-1] * spacing_s <= duration_s * (1.0 + 1e-6)
