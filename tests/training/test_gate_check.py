"""The gate's figures are counted right, and its noises are what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import UsageError
from realtime_ser.base.paths import shipped
from training.measure.gate_check import NOISE_KINDS, ClipShare, GateReport, NoiseShare, check_gate
from training.sound.noises import BABBLE


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> Path:
    """Two speaking clips and a silent one of CREMA-D, one of RAVDESS."""
    root = tmp_path_factory.mktemp("corpora")
    speech, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    sounds = {
        "crema_d/1060_DFA_ANG_XX.wav": speech[: 4 * rate, 0],
        "crema_d/1061_DFA_ANG_XX.wav": speech[4 * rate : 8 * rate, 0],
        "crema_d/1076_MTI_SAD_XX.wav": np.zeros(rate),
        "ravdess/Actor_05/03-01-05-01-01-01-05.wav": speech[8 * rate : 12 * rate, 0],
    }
    for name, sound in sounds.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, sound, rate)
    return root


@pytest.fixture(scope="module")
def report(corpora) -> GateReport:
    return check_gate(corpora, jobs=1, noise_s=20.0)


def test_clips_that_get_a_segment_are_counted_at_both_levels(report):
    assert [(row.corpus, row.gain_db, row.clips, row.detected) for row in report.clips] == [
        ("CREMA-D", 0, 3, 2),
        ("CREMA-D", -20, 3, 2),
        ("RAVDESS", 0, 1, 1),
        ("RAVDESS", -20, 1, 1),
    ]


def test_every_noise_is_heard_at_three_levels(report):
    assert [(row.kind, row.level_dbfs) for row in report.noises] == [
        (kind, level) for kind in [*NOISE_KINDS, BABBLE] for level in (-20, -40, -60)
    ]
    shares = {(row.kind, row.level_dbfs): row.share for row in report.noises}
    assert shares["white", -40] < 0.3
    assert shares[BABBLE, -40] > 0.5


def test_the_gate_that_was_asked_for_is_measured(corpora, report):
    loose = GateConfig(noise_margin_db=0)  # whatever resembles a voice is one
    found = check_gate(corpora, jobs=1, gate=loose, noise_s=20.0)
    assert [row.detected for row in found.clips] == [row.detected for row in report.clips]
    assert max(row.share for row in report.noises if row.kind == "brown") < 0.5
    assert max(row.share for row in found.noises if row.kind == "brown") > 0.9


def test_the_report_reads_as_tables(report):
    text = str(report)
    assert "| CREMA-D |   0 dB |     3 |         66.67% |      98% | FAILED |" in text
    assert "| RAVDESS | -20 dB |     1 |        100.00% |      98% |     ok |" in text
    assert text.count("| babble |") == 3


@pytest.mark.parametrize(
    ("clip", "noise", "passed"),
    [
        (ClipShare("a", 0, 100, 98), NoiseShare("white", -20, 0.05), True),
        (ClipShare("a", 0, 100, 97), NoiseShare("white", -20, 0.05), False),
        (ClipShare("a", 0, 100, 98), NoiseShare("white", -20, 0.051), False),
        (ClipShare("a", 0, 100, 98), NoiseShare(BABBLE, -20, 0.99), True),
    ],
    ids=["good", "deaf", "noisy", "babble is speech"],
)
def test_the_verdict_is_that_of_every_figure(clip, noise, passed):
    assert GateReport((clip,), (noise,)).passed is passed


def test_corpora_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UsageError, match="CREMA-D"):
        check_gate(tmp_path, jobs=1)
