"""What is drawn of the updates is what they hold, at every zoom."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S
from realtime_ser.session.store import Columns
from realtime_ser.session.store.blobs import STATES, record_dtype
from realtime_ser.session.store.voice_blobs import no_voice
from realtime_ser.timeline.pyramid import Pyramid
from realtime_ser.timeline.raster import blank, draw_areas, draw_lines, path_lengths
from realtime_ser.timeline.style import LineStyle
from realtime_ser.timeline.surface import Stroke

MISSING = (700, 760)
"""Steps that the disk was too slow for."""


@pytest.fixture(scope="module")
def columns():
    """Speech of 50 steps and silence of 12 in turn, a lost stretch, and a hole."""
    random = np.random.default_rng(3)
    records = np.zeros(5000, record_dtype(len(LABELS)))
    records["step"] = np.arange(len(records))
    spoken = records["step"] % 62 < 50
    records["state"] = spoken
    records["state"][4000:4003] = [state.value for state in STATES].index("lost")
    spoken[4000:4003] = False
    records["segment"][spoken] = 1 + records["step"][spoken] // 62
    records["level_dbfs"] = random.uniform(-60, -5, len(records))
    records["lowest"] = random.integers(-32000, 0, len(records))
    records["highest"] = random.integers(0, 32000, len(records))
    records["probabilities"] = random.dirichlet(np.ones(len(LABELS)), len(records))
    records["probabilities"][~spoken] = np.nan
    kept = np.delete(records, slice(*MISSING))
    return Columns.unvoiced(1, LABELS, kept)


@pytest.mark.parametrize("steps", [1.0, 2.5, 7.0, 40.0, 333.0])
def test_a_column_holds_the_mean_and_the_extremes_of_its_steps(columns, steps):
    edges = np.arange(0, 5000 - steps, steps) * STEP_S
    bins = Pyramid(columns).read(edges)
    # Edges of wide columns are exact to a quarter of their width.
    slack = 0 if steps < 16 else 0.25 * steps
    middles = columns.step + 0.5
    for index in range(len(edges) - 1):
        first, last = edges[index] / STEP_S, edges[index + 1] / STEP_S
        outer = columns.records[(middles >= first - slack) & (middles < last + slack)]
        inner = columns.records[(middles >= first + slack) & (middles < last - slack)]
        assert bins.level_dbfs[index] <= max(outer["level_dbfs"], default=-120.0) + 1e-5
        assert bins.level_dbfs[index] >= max(inner["level_dbfs"], default=-120.0) - 1e-5
        assert bins.highest[index] * 32767 <= max(outer["highest"], default=0) + 0.01
        assert bins.lowest[index] * 32767 >= min(outer["lowest"], default=0) - 0.01
        if not len(outer[outer["state"] == 1]):
            assert np.isnan(bins.probabilities[index]).all()
        if slack:
            continue
        assert bins.known[index] == (len(inner) > 0)
        assert bins.lost[index] == (inner["state"] == 2).any()
        spoken = inner[inner["state"] == 1]["probabilities"]
        if len(spoken):
            mean = spoken.mean(axis=0, dtype=float)
            np.testing.assert_allclose(bins.probabilities[index], mean, atol=1e-5)


@pytest.mark.parametrize("steps", [1.0, 7.0, 64.0])
def test_a_column_holds_the_mean_of_what_the_voice_did(columns, steps):
    voice = no_voice(len(columns))
    voice["f0_hz"] = np.where(columns.step % 3 == 0, 100.0 + columns.step % 100, np.nan)
    pyramid = Pyramid(Columns(1, LABELS, columns.records, voice))
    edges = np.arange(0, 4900, steps) * STEP_S
    found = pyramid.read(edges).voice[:, 0]
    for index in range(0, len(edges) - 1, 7):
        slack = 0 if steps < 16 else 0.25 * steps
        middles = columns.step + 0.5
        near = (middles >= index * steps - slack) & (middles < (index + 1) * steps + slack)
        heard = voice["f0_hz"][near & ~np.isnan(voice["f0_hz"])]
        if slack and len(heard):
            assert heard.min() <= found[index] <= heard.max()
        elif len(heard):
            assert found[index] == pytest.approx(heard.mean())
        else:
            assert np.isnan(found[index])


def test_nothing_lost_is_ever_hidden(columns):
    pyramid = Pyramid(columns)
    for count in (1, 10, 100, 1000):
        bins = pyramid.read(np.linspace(0, 5000 * STEP_S, count + 1))
        assert bins.lost.any()


def test_closer_than_steps_each_column_shows_its_step_and_lines_join_them(columns):
    pyramid = Pyramid(columns)
    edges = np.linspace(10 * STEP_S, 14 * STEP_S, 101)
    bins = pyramid.read(edges)
    np.testing.assert_array_equal(bins.probabilities[::25], columns.records["probabilities"][10:14])
    times = np.array([11.0, 11.25, 11.5, 12.0]) * STEP_S
    curve = pyramid.curve(times)
    one, other = columns.records["probabilities"][[10, 11]]
    np.testing.assert_allclose(
        curve, [one, 0.75 * one + 0.25 * other, (one + other) / 2, other], atol=1e-6
    )
    silent = pyramid.curve(np.array([55.0, 61.9]) * STEP_S)
    assert np.isnan(silent).all()


def test_a_hole_is_unknown(columns):
    middle = sum(MISSING) / 2 * STEP_S
    bins = Pyramid(columns).read(np.array([middle, middle + STEP_S / 2]))
    assert not bins.known.any()
    assert Pyramid(columns).index_at(middle) is None


def test_an_empty_channel_holds_nothing():
    pyramid = Pyramid(Columns.unvoiced(1, LABELS, np.zeros(0, record_dtype(len(LABELS)))))
    assert not pyramid.read(np.arange(5.0)).known.any()
    assert np.isnan(pyramid.curve(np.arange(3.0))).all()


def test_areas_fill_the_height_in_their_shares():
    image = blank(100, np.zeros(3, np.uint32))
    shares = np.array([[0.25, 0.75], [np.nan, np.nan], [1.0, 0.0]], np.float32)
    draw_areas(image, shares, (LineStyle("#111111"), LineStyle("#222222")), "#111111")
    assert image[:, 0].tolist() == [0xFF222222] * 75 + [0xFF111111] * 25, "the first at the foot"
    assert image[:, 1].tolist() == [0xFF000000] * 100
    assert image[:, 2].tolist() == [0xFF111111] * 100


def test_a_line_lies_at_its_values_and_has_gaps():
    image = blank(40, np.zeros(30, np.uint32))
    ys = np.full(30, 20.0, np.float32)
    ys[10:15] = np.nan
    draw_lines(image, ys[None], [[Stroke("#ffffff", 2.0)]], path_lengths(ys[None], 0))
    bright = image & 0xFF
    assert (bright[19:21, :10] == 0xFF).all()
    assert bright[:, 10:15].sum() == 0
    dashed = blank(40, np.zeros(30, np.uint32))
    flat = np.full((1, 30), 20.0, np.float32)
    draw_lines(dashed, flat, [[Stroke("#ffffff", 2.0, (4.0, 2.0))]], path_lengths(flat, 1))
    assert (dashed[20] & 0xFF).tolist() == ([0xFF] * 4 + [0] * 2) * 5


@pytest.mark.parametrize("width", [2.0, 3.5, 4.0])
def test_a_jump_is_as_thick_as_a_level_stretch(width):
    image = blank(100, np.zeros(60, np.uint32))
    ys = np.full((1, 60), 20.0, np.float32)
    ys[:, 30:] = 80.0
    draw_lines(image, ys, [[Stroke("#ffffff", width)]], path_lengths(ys, 0))
    ink = (image & 0xFF) / 255
    assert ink[:, 10].sum() == pytest.approx(width, abs=0.1)
    assert ink[50].sum() == pytest.approx(width, rel=0.15)
