"""Features of whole clips are librosa's own, and their cache never loses or mixes anything."""

from __future__ import annotations

import errno
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from realtime_ser.base.errors import OutputError, SerError, UsageError
from training.corpora import Clip
from training.offline.features import clip_features, extract, features_of
from training.offline.frontend import FrontEnd, Standardiser
from training.offline.recipe import Features
from training.sound.examples import Example
from training.sound.preprocess import Preprocessing, preprocess

RATE = 16_000


def tone(seconds: float = 1.0, hz: float = 220.0, rate: int = RATE) -> np.ndarray:
    """A voice-like sound: harmonics that swell, and some noise."""
    time = np.arange(int(seconds * rate)) / rate
    harmonics = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 12))
    noise = np.random.default_rng(int(hz)).normal(0, 0.05, len(time))
    return (0.1 * np.sin(np.pi * time / seconds) * harmonics + 0.05 * noise).astype(np.float32)


def example(path: Path, samples: np.ndarray, rate: int = RATE) -> Example:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return Example(Clip("made-up", path, path.stem, "a", "happy", "en", ("happy", "sad")))


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    return [example(tmp_path / f"{hz}.wav", tone(0.5, hz)) for hz in (150, 220, 330)]


# ----------------------------------------------------------------------------------------- librosa

SOUND = tone()
SPECTRAL = {"y": SOUND, "sr": RATE, "n_fft": 1024, "hop_length": 256}
FRAMES = {"frame_length": 1024, "hop_length": 256}
MFCC = librosa.feature.mfcc(**SPECTRAL, n_mfcc=13, n_mels=64)

BY_LIBROSA = {
    "mfcc": lambda: MFCC,
    "delta": lambda: librosa.feature.delta(MFCC),
    "delta2": lambda: librosa.feature.delta(MFCC, order=2),
    "chroma": lambda: librosa.feature.chroma_stft(**SPECTRAL),
    "mel": lambda: librosa.power_to_db(librosa.feature.melspectrogram(**SPECTRAL, n_mels=64)),
    "zcr": lambda: librosa.feature.zero_crossing_rate(SOUND, **FRAMES),
    "rms": lambda: librosa.feature.rms(y=SOUND, **FRAMES),
    "contrast": lambda: librosa.feature.spectral_contrast(**SPECTRAL),
    "tonnetz": lambda: librosa.feature.tonnetz(y=SOUND, sr=RATE, hop_length=256),
}
SETTINGS = {"n_mfcc": 13, "n_mels": 64, "n_fft": 1024, "hop": 256, "sample_rate": None}


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large:UserWarning")  # tonnetz, lowest octave
@pytest.mark.parametrize("kind", BY_LIBROSA)
def test_each_feature_is_that_of_librosa(kind):
    made = extract(SOUND, RATE, Features(kinds=(kind,), **SETTINGS))
    np.testing.assert_allclose(made, BY_LIBROSA[kind]().T, rtol=1e-5, atol=1e-5)


def test_features_stand_side_by_side_in_the_order_of_the_recipe():
    settings = Features(kinds=("chroma", "mel", "mfcc"), **SETTINGS)
    made = extract(SOUND, RATE, settings)
    assert made.shape == (63, 12 + 64 + 13)
    mel = librosa.power_to_db(librosa.feature.melspectrogram(**SPECTRAL, n_mels=64))
    np.testing.assert_allclose(made[:, settings.mel_bands], mel.T, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(made[:, -13:], MFCC.T, rtol=1e-5, atol=1e-4)


def test_no_rate_keeps_that_of_the_recording_and_another_one_resamples(tmp_path):
    recording = example(tmp_path / "fast.wav", tone(1.0, rate=48_000), 48_000)
    native = features_of(recording, Features(sample_rate=None))
    np.testing.assert_allclose(
        native, librosa.feature.mfcc(y=tone(1.0, rate=48_000), sr=48_000, n_mfcc=40).T, atol=1e-3
    )
    slower = librosa.resample(tone(1.0, rate=48_000), orig_sr=48_000, target_sr=22_050)
    np.testing.assert_allclose(
        features_of(recording, Features(sample_rate=22_050)),
        librosa.feature.mfcc(y=slower, sr=22_050, n_mfcc=40).T,
        atol=1e-3,
    )


def test_a_mean_is_one_frame(examples):
    settings = Features(sample_rate=RATE)
    whole = features_of(examples[0], settings)
    mean = features_of(examples[0], settings.model_copy(update={"summary": "mean"}))
    np.testing.assert_allclose(mean, whole.mean(axis=0, keepdims=True))


def test_preprocessing_comes_ahead_of_the_features(tmp_path):
    silence = np.zeros(RATE // 2, np.float32)
    recording = example(tmp_path / "a.wav", np.concatenate([silence, tone(), silence]))
    settings, trimmed = Features(sample_rate=RATE), Preprocessing(silence="trim", level="peak")
    made = clip_features([recording], settings, tmp_path, 1, trimmed)[0]
    whole = clip_features([recording], settings, tmp_path, 1)[0]
    assert len(whole) == 1 + 2 * RATE // 512
    assert len(made) < 0.6 * len(whole)
    sound = preprocess(recording.samples(), RATE, trimmed)
    np.testing.assert_allclose(made, extract(sound, RATE, settings), atol=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(8_000), tone(0.05)])
def test_silence_and_clips_of_a_few_samples_have_features(samples):
    kinds = tuple(BY_LIBROSA)
    made = extract(samples.astype(np.float32), RATE, Features(kinds=kinds))
    assert np.isfinite(made).all()
    assert len(made) > 0


def test_a_rate_that_librosa_refuses_is_one_sentence():
    with pytest.raises(UsageError, match="contrast cannot be computed at 8000 Hz"):
        extract(SOUND, 8_000, Features(kinds=("contrast",)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kinds": ("encoder", "mfcc")}, "stands alone"),
        ({"kinds": ("mfcc", "mfcc")}, "twice"),
        ({"kinds": ()}, "at least 1"),
        ({"n_mfcc": 80, "n_mels": 64}, "more MFCC than mel"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Features(**wrong)


# ------------------------------------------------------------------------------------------- cache


def entries(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_second_run_computes_nothing_again(examples, tmp_path, jobs):
    cache = tmp_path / "cache"
    first = clip_features([*examples, examples[0]], Features(), cache, jobs)
    before = entries(cache)
    assert len(before) == 3, "the same recording is kept once"
    again = clip_features([*examples, examples[0]], Features(), cache, jobs)
    assert entries(cache) == before
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first[1], features_of(examples[1], Features()))


@pytest.mark.parametrize("changed", [{"n_fft": 1024}, {"kinds": ("mel",)}, {"summary": "mean"}])
def test_other_parameters_never_meet_old_features(examples, tmp_path, changed):
    cache = tmp_path / "cache"
    old = clip_features(examples, Features(), cache, 1)
    new = clip_features(examples, Features(**changed), cache, 1)
    assert all(a.shape != b.shape or not np.allclose(a, b) for a, b in zip(old, new, strict=True))
    assert len(entries(cache)) == 6


def test_what_comes_behind_the_cache_uses_what_is_there(examples, tmp_path):
    cache = tmp_path / "cache"
    clip_features(examples, Features(), cache, 1)
    before = entries(cache)
    clip_features(examples, Features(frames=5, standardise="all"), cache, 1)
    assert entries(cache) == before


def test_a_changed_recording_never_meets_old_features(examples, tmp_path):
    cache = tmp_path / "cache"
    old = clip_features(examples[:1], Features(), cache, 1)[0]
    example(examples[0].clip.path, tone(0.5, 440))
    assert not np.allclose(clip_features(examples[:1], Features(), cache, 1)[0], old)


def test_half_an_entry_is_made_again(examples, tmp_path):
    cache = tmp_path / "cache"
    whole = clip_features(examples, Features(), cache, 1)
    for path in entries(cache):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for one, other in zip(whole, clip_features(examples, Features(), cache, 1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_damaged_recording_is_named_and_all_others_are_kept(examples, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF of something else")
    damaged = Example(Clip("made-up", bad, "bad", "a", "sad", "en", ("happy", "sad")))
    with pytest.raises(SerError, match=r"bad\.wav is (text and )?not audio"):
        clip_features([damaged, *examples], Features(), tmp_path / "cache", 1)
    assert len(entries(tmp_path / "cache")) == 3


def test_a_full_disk_is_told_and_what_was_cached_is_kept(examples, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    clip_features(examples[:1], Features(), cache, 1)

    def full(file, **arrays):
        file.write(b"some of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        with pytest.raises(OutputError, match="No space left"):
            clip_features(examples, Features(), cache, 1)
    kept = entries(cache)
    assert len(kept) == 1
    assert not list(cache.rglob("*.part"))
    clip_features(examples, Features(), cache, 1)
    assert len(entries(cache)) == 3
    assert kept.items() <= entries(cache).items()


# ------------------------------------------------------------------------------------------- scale


def test_inputs_are_cut_and_have_mean_0_and_deviation_1():
    random = np.random.default_rng(0)
    clips = [random.normal(5, 3, (length, 2)).astype(np.float32) for length in (4, 9, 30)]
    front_end = FrontEnd(Features(frames=9))
    encoded = front_end.encode(clips)
    assert [len(rows) for rows in encoded] == [4, 9, 9]
    standard = Standardiser.of(encoded)
    frames = np.concatenate([standard.apply(rows) for rows in encoded])
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-5)


def test_a_feature_that_never_changes_stays_finite():
    standard = Standardiser.of([np.full((5, 1), 7.0, np.float32)])
    np.testing.assert_array_equal(standard.apply(np.full((2, 1), 7.0, np.float32)), 0.0)
