"""What holds the measures of a voice against Praat says what it should where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from training import tables
from training.measure import voice_measures
from training.measure.voice_measures import Heard, praat_f0, praat_syllables
from training.sound.seeding import generator

pytest.importorskip("parselmouth")

RATE = 16_000


def syllables(count: int, f0_hz: float):
    """Voiced sounds of a quarter of a second that swell and fade."""
    time_s = np.arange(round(count * 0.25 * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * f0_hz * k * time_s) / k for k in range(1, 12))
    quiet = 1e-4 * generator(0, "noise").standard_normal(RATE // 2)
    spoken = 0.1 * voice * (0.05 + 0.95 * np.sin(np.pi * time_s / 0.25) ** 2)
    return np.concatenate([quiet, spoken, quiet]).astype(np.float32)


def test_praat_is_asked_for_the_same_steps():
    found = praat_f0(syllables(8, 140.0), 36)
    np.testing.assert_allclose(found[8:29], 140.0, rtol=0.01)
    assert np.isnan(found[:5]).all()


def test_the_script_counts_syllables_but_the_last_one_that_nothing_follows():
    nuclei, speaking_s = praat_syllables(syllables(8, 140.0))
    assert nuclei in (7, 8)
    assert speaking_s == pytest.approx(2.0, abs=0.3)


def test_the_meter_hears_the_same():
    heard = voice_measures._heard(syllables(8, 140.0))
    assert heard.syllables == 8
    assert np.nanmedian(heard.f0_hz) == pytest.approx(140.0, rel=0.01)


def test_the_area_is_the_share_of_pairs_that_are_in_order():
    values = [("low", 0.0), ("low", 0.2), ("low", 0.4), ("high", 0.3), ("high", 0.5), ("high", 0.4)]
    assert voice_measures._area(values, "low", "high") == [pytest.approx((2 + 3 + 2.5) / 9)]
    assert voice_measures._area(values[:4], "low", "high") == []


def test_a_session_so_far_rates_nothing_before_there_is_a_baseline():
    step = voice_measures.VoiceStep(7.0, -20.0, 1.0)
    louder = voice_measures.VoiceStep(7.5, -10.0, 8.0)
    clip = type("Clip", (), {"label": "angry", "intensity": "high"})()
    quiet = Heard(np.zeros(1), 1, 1.0, (step,) * 40)
    own = [(clip, quiet)] * 3 + [(clip, Heard(np.zeros(1), 1, 1.0, (louder,) * 40))]
    values = voice_measures._by_session("1", own)
    assert len(values) == 2


def test_tables_are_put_between_their_marks(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "models").mkdir()
    page = tmp_path / "docs" / "voice_measures.md"
    page.write_text("a\n<!-- table: pitch -->\nold\n<!-- end -->\nb\n", encoding="utf-8")
    monkeypatch.setattr(tables, "shipped", lambda name: tmp_path / name)
    tables.write_tables(voice_measures.PAGE, {"pitch": "| new |"})
    assert page.read_text("utf-8") == "a\n<!-- table: pitch -->\n| new |\n<!-- end -->\nb\n"
