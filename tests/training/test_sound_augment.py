"""Every effect of augmentation is heard in the numbers, and none where it is off."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from realtime_ser.base.errors import UsageError
from realtime_ser.base.paths import shipped
from training.corpora import CORPORA, Clip
from training.sound.augment import Augmenter, training_examples
from training.sound.augmentation import Augmentation
from training.sound.codecs import coded
from training.sound.examples import Example, StreamExample
from training.sound.mixing import voiced_mask

RATE = 16_000
CODECS = ["opus", "mp3", "gsm", "g711"]
EVERYTHING = Augmentation.model_validate(
    {
        "copies": 2,
        "noise": {"snr_db": [0, 20], "chance": 0.8},
        "room": {"chance": 0.8},
        "gain_db": 6,
        "pitch_semitones": 2,
        "speed": [0.9, 1.1],
        "band": {"chance": 0.5},
        "codec": {"chance": 0.8},
    }
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    """Ten clips of two speakers, soft enough that noise never makes them clip."""
    folder = tmp_path_factory.mktemp("clips")
    sound, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    made = []
    for number in range(10):
        path = folder / f"clip{number}.wav"
        part = 0.1 * sound[round(4.2 * number * RATE) : round((4.2 * number + 2.5) * RATE), 0]
        soundfile.write(path, part, RATE, subtype="FLOAT")
        speaker = "DC" if number < 7 else "JE"
        made.append(Clip("savee", path, path.stem, speaker, "sad", "en", CORPORA["savee"].labels))
    return made


@pytest.fixture(scope="module")
def speech(clips):
    """Two and a half seconds of speech."""
    return Example(clips[2]).samples()


def changed(samples, key: str = "a/b/0", seed: int = 0, **settings):
    """Samples after the effects that are named, each on every copy."""
    for effect in ("noise", "room", "band", "codec"):
        if effect in settings:
            settings[effect] = {"chance": 1.0, **settings[effect]}
    augmentation = Augmentation.model_validate({"copies": 1, **settings})
    return Augmenter(augmentation, seed)(samples, key)


def tone(hz: float, seconds: float = 2.0):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(seconds * RATE) / RATE)).astype(np.float32)


def power(sound) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def level_db(sound) -> float:
    return 10 * np.log10(power(sound) + 1e-20)


def strongest_hz(sound) -> float:
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return float(spectrum.argmax() * RATE / (1 << 18))


def band_power(sound, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return float(spectrum[(hz >= low) & (hz < high)].sum())


# ------------------------------------------------------------------------------------------ effects


def test_what_is_off_changes_nothing(speech, clips):
    assert np.array_equal(Augmenter(Augmentation())(speech, "a/b/0"), speech)
    assert training_examples(clips, Augmentation(), 0) == [Example(clip) for clip in clips]
    never = {effect: {"chance": 0.0} for effect in ("room", "band", "codec")}
    never["noise"] = {"chance": 0.0, "kinds": ["white"]}
    quiet = Augmentation.model_validate({"copies": 1, **never})
    assert np.array_equal(Augmenter(quiet)(speech, "a/b/0"), speech)


@pytest.mark.parametrize("snr_db", [20.0, 3.0])
def test_noise_lies_at_its_ratio(speech, snr_db):
    noise = {"snr_db": [snr_db, snr_db], "kinds": ["pink"]}
    added = changed(speech, noise=noise) - speech
    assert level_db(speech[voiced_mask(speech)]) - level_db(added) == pytest.approx(snr_db, abs=0.3)


@pytest.mark.parametrize("rt60_s", [0.25, 0.7])
@pytest.mark.parametrize("drr_db", [-3.0, 6.0])
def test_a_room_rings_for_as_long_as_was_asked(rt60_s, drr_db):
    click = np.zeros(2 * RATE, np.float32)
    click[0] = 1.0
    heard = changed(click, room={"rt60_s": [rt60_s, rt60_s], "drr_db": [drr_db, drr_db]})
    direct, reflected = heard[0] ** 2, heard[1:].astype(np.float64) ** 2
    assert 10 * np.log10(direct / reflected.sum()) == pytest.approx(drr_db, abs=0.1)
    # Reverberation time by backward integration: Schroeder, J. Acoust. Soc. Am. 37, 1965.
    decay = 10 * np.log10(np.cumsum(reflected[::-1])[::-1] / reflected.sum() + 1e-12)
    fell_5, fell_25 = np.argmax(decay < -5), np.argmax(decay < -25)
    assert 3 * (fell_25 - fell_5) / RATE == pytest.approx(rt60_s, rel=0.2)


def test_a_room_leaves_length_level_and_onset(speech):
    heard = changed(speech, room={})
    assert heard.shape == speech.shape
    assert level_db(heard) == pytest.approx(level_db(speech), abs=0.01)
    click = np.zeros(RATE, np.float32)
    click[4000] = 0.5
    assert not np.abs(changed(click, room={})[:3990]).max() > 1e-6


def test_levels_spread_over_the_range(speech):
    gains = [level_db(changed(speech, f"k{k}", gain_db=9)) - level_db(speech) for k in range(40)]
    assert -9.01 < min(gains) < -6
    assert 6 < max(gains) < 9.01


def test_no_level_goes_beyond_full_scale(speech):
    loud = speech / np.abs(speech).max()
    peaks = [np.abs(changed(loud, f"k{k}", gain_db=20)).max() for k in range(8)]
    assert max(peaks) == pytest.approx(1.0)
    assert min(peaks) < 0.9


def test_the_pitch_moves_and_the_length_stays():
    moves = []
    for k in range(12):
        heard = changed(tone(400), f"k{k}", pitch_semitones=3)
        assert heard.shape == tone(400).shape
        moves.append(12 * np.log2(strongest_hz(heard) / 400))
    assert -3.1 < min(moves) < -1
    assert 1 < max(moves) < 3.1


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_the_speed_changes_the_length_and_not_the_pitch(speed):
    heard = changed(tone(400), speed=[speed, speed])
    assert len(heard) / len(tone(400)) == pytest.approx(1 / speed, rel=0.001)
    assert strongest_hz(heard) == pytest.approx(400, rel=0.005)


def test_a_telephone_keeps_300_to_3400_hz():
    white = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32) * np.float32(0.1)
    heard = changed(white, band={"kinds": ["telephone"]})
    ratio = {
        band: band_power(heard, *band) / band_power(white, *band)
        for band in [(20, 120), (500, 2500), (6800, 8000)]
    }
    assert ratio[500, 2500] == pytest.approx(1, abs=0.1)
    assert ratio[20, 120] < 0.01
    assert ratio[6800, 8000] < 0.01


def test_a_low_pass_falls_at_its_cut_off():
    white = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32) * np.float32(0.1)
    heard = changed(white, band={"kinds": ["low-pass"], "cutoff_hz": [2000, 2000]})
    at_cutoff = band_power(heard, 1950, 2050) / band_power(white, 1950, 2050)
    assert 10 * np.log10(at_cutoff) == pytest.approx(-3, abs=0.7)
    assert band_power(heard, 100, 1200) == pytest.approx(band_power(white, 100, 1200), rel=0.1)
    assert band_power(heard, 4000, 8000) < 0.01 * band_power(white, 4000, 8000)


@pytest.mark.parametrize("kind", CODECS)
def test_a_codec_is_heard_and_stays_in_step(speech, kind):
    heard = changed(speech, codec={"kinds": [kind]})
    assert heard.shape == speech.shape
    low = {"band": {"kinds": ["low-pass"], "cutoff_hz": [1500, 1500]}}
    assert 0.9 < np.corrcoef(changed(heard, **low), changed(speech, **low))[0, 1] < 0.99999
    lost = level_db(heard - speech) - level_db(speech)
    assert -40 < lost < 0
    if kind in ("gsm", "g711"):
        assert band_power(heard, 4300, 8000) < 1e-3 * band_power(speech, 4300, 8000)


@pytest.mark.parametrize("kind", CODECS)
def test_a_codec_does_not_clip(kind):
    hot = 6 * tone(400)
    heard = coded(hot, kind, np.random.default_rng(0))
    assert level_db(heard) == pytest.approx(level_db(hot), abs=0.5)
    assert np.abs(heard).max() < 1.3 * np.abs(hot).max()


@pytest.mark.parametrize("count", [0, 1, 100, 700])
def test_the_shortest_sounds_pass(count):
    change = Augmenter(EVERYTHING.model_copy(update={"noise": None}))
    for k in range(4):
        heard = change(np.full(count, 0.1, np.float32), f"k{k}")
        assert heard.dtype == np.float32
        assert len(heard) == pytest.approx(count, rel=0.12, abs=1)
        assert np.isfinite(heard).all()


# -------------------------------------------------------------------------------- seeds and digests


def hear(example: Example) -> tuple[bytes, bytes]:
    return example.samples().tobytes(), example.digest()


def test_another_process_hears_the_same(clips):
    examples = training_examples(clips[:3], EVERYTHING, seed=5)[3:]
    assert len({example.samples().tobytes() for example in examples}) == len(examples) == 6
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        elsewhere = list(executor.map(hear, examples[::-1]))[::-1]
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002 - what libraries draw from
    assert elsewhere == [hear(example) for example in examples]


def test_the_global_generators_stay_where_they_were(speech):
    settings = EVERYTHING.model_copy(update={"noise": None})
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    for k in range(6):
        Augmenter(settings)(speech, f"k{k}")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_an_effect_draws_for_itself(speech):
    noise = {"noise": {"kinds": ["white", "hum"]}}
    alone = changed(speech, **noise)
    louder = changed(speech, **noise, gain_db=6)
    assert np.corrcoef(alone, louder)[0, 1] > 0.99999
    assert np.array_equal(changed(speech, **noise, band={"chance": 0.0}), alone)


def test_a_share_of_the_copies_has_an_effect(speech):
    half = {"noise": {"kinds": ["white"], "chance": 0.5}}
    untouched = [np.array_equal(changed(speech, f"k{k}", **half), speech) for k in range(40)]
    assert 10 < sum(untouched) < 30


def test_the_hash_knows_the_effects_and_not_how_many_copies(clips):
    def digests(changes=(), talkers=None, seed=0):
        settings = EVERYTHING.model_copy(update=dict(changes))
        speech = tuple(clip.path for clip in talkers or clips)
        change = Augmenter(settings, seed, speech)
        return [change.digest(f"k{k}") for k in range(30)]

    usual = digests()
    assert digests({"copies": 5}) == usual
    assert not set(digests({"gain_db": 7.0})) & set(usual)
    assert not set(digests(seed=1)) & set(usual)
    babbling = sum(a != b for a, b in zip(digests(talkers=clips[:4]), usual, strict=True))
    assert 1 <= babbling < 12


def test_babble_needs_somebody_to_talk():
    with pytest.raises(UsageError, match="Babble"):
        Augmenter(EVERYTHING)


# ----------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"copies": 1}, "needs an effect"),
        ({"gain_db": 3}, "'copies' or 'streams'"),
        ({"copies": 1, "noise": {"kinds": ["music"]}}, "'white', 'pink'"),
        ({"copies": 1, "noise": {"snr_db": [10, 0]}}, "must not exceed"),
        ({"copies": 1, "noise": {"kinds": []}}, "at least 1"),
        ({"copies": 1, "speed": [0.1, 1.0]}, "between 0.5 and 2"),
        ({"copies": 1, "room": {"rt60_s": [0.0, 0.5]}}, "longer than"),
        ({"copies": 1, "codec": {"chance": 2}}, "less than or equal to 1"),
        ({"streams": {"clips": [1, 2]}}, "2 or more"),
        ({"streams": {"gap_s": [-1, 2]}}, "negative"),
        ({"copies": 1, "reverb": {}}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, told):
    with pytest.raises(ValidationError, match=told):
        Augmentation.model_validate(settings)


# -------------------------------------------------------------------------------------------- takes


def test_copies_follow_the_recorded_clips(clips):
    examples = training_examples(clips, EVERYTHING, seed=0)
    assert examples[:10] == [Example(clip) for clip in clips]
    assert [(example.clip, example.copy) for example in examples[10:]] == [
        (clip, copy) for copy in range(2) for clip in clips
    ]
    talkers = examples[-1].change.speech
    assert set(talkers) <= {clip.path for clip in clips}
    assert training_examples(clips, EVERYTHING, seed=0) == examples


def test_streams_join_each_speakers_clips(clips):
    settings = Augmentation.model_validate({"streams": {"clips": [2, 3], "passes": 2}})
    examples = training_examples(clips, settings, seed=0)
    streams = [example for example in examples if isinstance(example, StreamExample)]
    assert examples[: len(clips)] == [Example(clip) for clip in clips]
    used = [clip for stream in streams for clip in stream.clips]
    assert sorted(used, key=lambda clip: clip.name) == [c for c in clips for _ in range(2)]
    for stream in streams:
        assert 2 <= len(stream.clips) <= 4
        assert len({clip.speaker for clip in stream.clips}) == 1
        assert stream.gap_s == (0.7, 2.0)
        assert stream.change is None
    assert len({stream.clips for stream in streams}) == len(streams)


def test_some_streams_are_joined_without_a_gap_and_all_are_changed(clips):
    settings = Augmentation.model_validate(
        {"gain_db": 6, "streams": {"clips": [2, 2], "passes": 4, "unbroken": 0.5}}
    )
    streams = training_examples(clips, settings, seed=0)[len(clips) :]
    without = sum(stream.gap_s is None for stream in streams)
    assert 3 < without < len(streams) - 3
    assert {stream.change for stream in streams} == {Augmenter(settings, 0)}


def test_a_share_of_the_streams_stays_as_recorded(clips):
    streams = {"clips": [2, 2], "passes": 4}

    def joined(changed: float) -> list[StreamExample]:
        settings = Augmentation.model_validate(
            {"gain_db": 6, "streams": {**streams, "changed": changed}}
        )
        examples = training_examples(clips, settings, seed=0)
        return [example for example in examples if isinstance(example, StreamExample)]

    some = joined(0.5)
    assert 3 < sum(stream.change is None for stream in some) < len(some) - 3
    assert {stream.change for stream in joined(0.0)} == {None}
    assert [stream.clips for stream in joined(0.0)] == [stream.clips for stream in some]


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_the_rate_changes_length_and_pitch_together(rate):
    heard = changed(tone(400), rate=[rate, rate])
    assert len(heard) / len(tone(400)) == pytest.approx(1 / rate, rel=0.001)
    assert strongest_hz(heard) == pytest.approx(400 * rate, rel=0.02)


def test_the_voice_is_changed_without_its_way_to_the_microphone(speech):
    augmenter = Augmenter(
        Augmentation.model_validate(
            {"copies": 1, "rate": [0.9, 0.9], "noise": {"kinds": ["white"], "chance": 1}}
        )
    )
    voice, whole = augmenter.voice(speech, "k"), augmenter(speech, "k")
    only = changed(speech, "k", rate=[0.9, 0.9])
    np.testing.assert_array_equal(voice, only)
    assert len(whole) == len(voice)
    assert np.abs(whole - voice).max() > 0.001


def test_spans_follow_a_streams_speed(clips):
    settings = Augmentation.model_validate({"copies": 1, "speed": [0.8, 0.8]})
    make = partial(StreamExample, (clips[2], clips[4]), (1.0, 1.0))
    plain, slow = make().stream(), make(change=Augmenter(settings)).stream()
    for before, after in zip(plain.spans, slow.spans, strict=True):
        assert after.start == pytest.approx(before.start / 0.8, rel=0.001)
        assert after.end == pytest.approx(before.end / 0.8, rel=0.001)
