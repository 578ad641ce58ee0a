"""What is no clean voice is never called certain, and is told as what it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import GateConfig
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Estimate, Quality, Segment, Update
from realtime_ser.recogniser.bundle import load_bundle, shipped_models
from realtime_ser.recogniser.pipeline import Pipeline
from training.sound.mixing import mix_at_snr, voiced_mask
from training.sound.noises import make_noise
from training.sound.nonvoices import HUMAN, NONVOICES
from training.sound.recordings import samples_16k

TROUBLE = Path(__file__).resolve().parent.parent / "data" / "real_trouble"
MODELS = {name: load_bundle(name) for name in shipped_models()}
CERTAIN_SHARE = 0.05
UNHEARD = 30_000
"""First seed of sounds that the judge was neither fitted nor measured with."""


def hear(sound, model="default"):
    """Estimates of all speech steps, and the segments."""
    pipeline = Pipeline(MODELS[model], GateConfig())
    records = pipeline.push(np.asarray(sound, np.float32)) + pipeline.finish()
    updates = [record for record in records if isinstance(record, Update)]
    estimates = [update.estimate for update in updates if update.estimate is not None]
    return estimates, [record for record in records if isinstance(record, Segment)]


def qualities(sound):
    """Number of speech steps of each quality."""
    return Counter(estimate.quality for estimate in hear(sound)[0])


def certain_share(estimates: list[Estimate]) -> float:
    return float(np.mean([estimate.certain for estimate in estimates])) if estimates else 0.0


@pytest.fixture(scope="module")
def speech():
    """Some sentences of the demo recording."""
    sound, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    return sound[: 12 * 16_000, 0]


@pytest.mark.parametrize("kind", [*NONVOICES, *HUMAN])
def test_what_is_no_speech_is_hardly_ever_certain(kind):
    estimates = []
    for seed in range(UNHEARD, UNHEARD + 4):
        sound = 0.05 * {**NONVOICES, **HUMAN}[kind](5.0, np.random.default_rng(seed))
        estimates += hear(sound)[0]
    assert certain_share(estimates) <= CERTAIN_SHARE


@pytest.mark.parametrize("model", MODELS)
def test_each_model_hears_a_voice_in_speech_and_none_in_ringing(model, speech):
    estimates, segments = hear(speech[: 6 * 16_000], model)
    good = np.mean([estimate.quality.usable for estimate in estimates])
    assert good > 0.9
    assert any(segment.estimate.quality.usable for segment in segments)
    estimates, segments = hear(samples_16k(TROUBLE / "c2_ringback_us.flac"), model)
    assert estimates
    assert certain_share(estimates) <= CERTAIN_SHARE
    assert {segment.estimate.quality for segment in segments} == {Quality.NOT_A_VOICE}
    assert not any(segment.estimate.certain for segment in segments)


def test_a_whisper_is_an_unusual_voice():
    estimates, segments = hear(samples_16k(TROUBLE / "c4_whisper.flac"))
    assert certain_share(estimates) <= CERTAIN_SHARE
    assert {segment.estimate.quality for segment in segments} == {Quality.UNUSUAL_VOICE}


def test_what_is_nearly_silent_is_too_quiet(speech):
    quiet = np.round(speech * 10.0 ** (-55.0 / 20.0) * 32767.0) / 32767.0
    found = qualities(quiet)
    assert found
    assert set(found) == {Quality.TOO_QUIET}


def test_what_exceeds_full_scale_is_overloaded(speech):
    found = qualities(np.clip(30.0 * speech, -1.0, 1.0))
    assert found[Quality.OVERLOADED] > 0.9 * found.total()


def test_a_voice_below_its_background_does_not_count(speech):
    noise = make_noise("pink", 12.0, np.random.default_rng(0))
    mixed = mix_at_snr(speech, noise, -10.0, voiced_mask(speech))
    estimates, segments = hear(np.concatenate([noise * 0.001, mixed]))
    assert certain_share(estimates) <= CERTAIN_SHARE
    assert not any(segment.estimate.quality.usable for segment in segments)


def test_a_voice_that_a_recording_begins_with_is_not_its_own_background(speech):
    voiced = np.flatnonzero(voiced_mask(speech))
    noise = make_noise("white", 12.0, np.random.default_rng(0))
    mixed = mix_at_snr(speech, noise, 3.0, voiced_mask(speech))
    estimates = [hear(mixed[at : at + 12_800])[0] for at in voiced[: 9 * 16_000 : 4_001].tolist()]
    last = Counter(heard[-1].quality for heard in estimates if heard)
    assert last[Quality.LOUD_BACKGROUND] < 0.15 * last.total()
    assert qualities(0.05 * noise[:16_000]).keys() <= {Quality.LOUD_BACKGROUND, Quality.NOT_A_VOICE}


def test_a_telephone_is_told_and_counts(speech):
    spectrum = np.fft.rfft(speech)
    hz = np.fft.rfftfreq(len(speech), 1 / 16_000)
    spectrum[(hz < 300) | (hz > 3400)] = 0.0
    found = qualities(np.fft.irfft(spectrum, len(speech)))
    assert found[Quality.TELEPHONE] > 0.5 * found.total()
    assert not qualities(speech)[Quality.TELEPHONE]
    assert Quality.TELEPHONE.usable


def test_the_quality_does_not_depend_on_blocks(speech):
    whole = hear(speech)[0]
    pipeline = Pipeline(MODELS["default"], GateConfig())
    records = [one for part in np.array_split(speech, 173) for one in pipeline.push(part)]
    parts = [record.estimate for record in records if isinstance(record, Update)]
    assert [one.quality for one in parts if one is not None] == [one.quality for one in whole]


def test_an_estimate_on_a_sound_that_is_not_clear_is_never_certain():
    estimate = Estimate(np.full(8, 0.125, np.float32), "calm", 0.125, certain=True)
    for quality in Quality:
        assert estimate.judged(quality).certain == quality.clear
    assert {quality for quality in Quality if quality.usable and not quality.clear} == {
        Quality.DOUBTFUL_VOICE
    }
