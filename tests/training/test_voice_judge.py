"""The sounds that are no voice, and the judge that is fitted with them."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import SAMPLE_RATE, Quality
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from realtime_ser.recogniser.voice_features import FEATURES, SegmentFeatures
from realtime_ser.recogniser.voice_judge import VoiceJudge
from training.corpora import Clip
from training.measure import voice_judge
from training.measure.voice_judge import (
    MEASURED,
    JudgedSound,
    VoiceSize,
    fit_judge,
    judge_tables,
    judged_sounds,
    measure_judge,
)
from training.sound.nonvoices import HUMAN, NONVOICES, synthetic_voice, whispered

SPEAKERS = {
    "crema_d": ("1060", "1001", "1037"),
    "ravdess": ("05", "04", "01"),
    "emodb": ("13", "09", "03"),
    "nemo": ("a", "b", "c"),
    "tess": ("OAF", "YAF", "OAF"),
}
"""Speakers of each corpus; of the first three one trains, one validates and one is tested."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips of each speaker, cut from the demo."""
    folder = tmp_path_factory.mktemp("clips")
    demo, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    found = []
    for corpus, speakers in SPEAKERS.items():
        for number, (speaker, label) in enumerate(
            (s, n) for s in speakers for n in ("sad", "angry")
        ):
            path = folder / f"{corpus}{number}.wav"
            soundfile.write(path, demo[number * 3 * rate :][: 3 * rate, 0], rate)
            classes = ("neutral", "happy", "sad", "angry")
            found.append(Clip(corpus, path, path.stem, speaker, label, "en", classes))
    return found


@pytest.mark.parametrize("kind", [*NONVOICES, *HUMAN])
def test_a_sound_depends_on_its_seed_alone(kind):
    make = {**NONVOICES, **HUMAN}[kind]
    first, again, other = (make(2.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (2 * SAMPLE_RATE,)
    assert np.sqrt(np.mean(np.square(first, dtype=np.float64))) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_whisper_has_no_pitch_and_a_machine_s_voice_has(clips):
    recorded = JudgedSound("train", "crema_d", "recorded", 0, clips[0])
    speech = recorded.samples()
    periodic = FEATURES.index("periodic")

    def share(sound):
        features = SegmentFeatures()
        for step in Segmenter(FeatureParams(), GateConfig()).push(np.float32(0.05) * sound):
            for span in step.spans:
                features.push(span)
        return features.vector()[periodic]

    random = np.random.default_rng(0)
    assert share(whispered(speech, random)) < 0.3
    assert share(synthetic_voice(speech, random)) > 0.5


def test_who_is_tested_neither_trains_nor_validates(clips):
    size = VoiceSize(clips=50, sounds=2, jobs=1)
    speakers = {
        part: {
            (sound.clip.corpus, sound.clip.speaker)
            for sound in judged_sounds(clips, part, size)
            if sound.clip is not None
        }
        for part in ("train", "validation", "test")
    }
    assert speakers["test"] == {(name, SPEAKERS[name][2]) for name in MEASURED}
    assert speakers["validation"] == {(name, SPEAKERS[name][1]) for name in MEASURED}
    assert not speakers["train"] & (speakers["test"] | speakers["validation"])


def test_a_judge_is_fitted_and_measured(clips, monkeypatch):
    monkeypatch.setattr(voice_judge, "_DRAWN", 1000)
    size = VoiceSize(clips=50, sounds=2, jobs=1)
    numbers = fit_judge(clips, size)
    assert 0.2 <= numbers.voice_threshold <= 0.6
    assert VoiceJudge(numbers).kind(1e3 * np.ones(len(FEATURES))) is not Quality.GOOD
    measured = measure_judge(clips, load_bundle("default"), size)
    assert measured["speech"]["crema_d"]["clips"] == 2
    assert all(0 <= one["certain"] <= one["certain_before"] for one in measured["kinds"].values())
    text = judge_tables(measured)
    assert "| piano " in text
    assert "| CREMA-D " in text
