"""Features of whole clips by librosa, or by a frozen pretrained encoder, cached on the disk."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.samples import silenced
from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import SAMPLE_RATE
from training.cache import Arrays, compute_cached
from training.offline.recipe import FeatureKind, Features
from training.sound.examples import Example
from training.sound.preprocess import Preprocessing, preprocess
from training.streaming.spectra import FFT, log_mel

_VERSION = 1
"""To be raised whenever features differ for the same settings."""

NO_PREPROCESSING = Preprocessing()
"""Nothing is done ahead of the features."""

_BLOCK_S = 60.0
_DELTA_WIDTH = 9  # librosa's


def clip_features(
    examples: Sequence[Example],
    settings: Features,
    cache: Path,
    jobs: int,
    preprocessing: Preprocessing = NO_PREPROCESSING,
) -> list[NDArray[np.float32]]:
    """Features of clips, in their order, each ``(frames, features)``.

    For the kind ``encoder``, they are the encoder's inputs before standardisation.

    Parameters
    ----------
    examples
        The clips, as recorded or changed; one that is there several times is computed once.
    settings
        Kinds of features with their parameters.
    cache
        Folder of the cache; may be shared by any runs.
    jobs
        Number of processes.
    preprocessing
        Preprocessing of each clip ahead of the features.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read; all others are in the cache by then.
    """
    parameters = _digest(settings) + preprocessing.digest()
    digest_of = {
        example: hashlib.sha256(parameters + example.digest()).digest() for example in set(examples)
    }
    digests = [digest_of[example] for example in examples]
    work = partial(_compute_features, settings, preprocessing)
    found = compute_cached(work, examples, digests, cache, jobs, "Computing features of clips")
    return [arrays["features"] for arrays in found]


def _digest(settings: Features) -> bytes:
    """Hash of the settings that the cached features depend on."""
    used = settings.model_dump_json(exclude={"frames", "standardise"})
    return hashlib.sha256(f"{_VERSION} {version('librosa')} {used}".encode()).digest()


def _compute_features(settings: Features, preprocessing: Preprocessing, example: Example) -> Arrays:
    return {"features": features_of(example, settings, preprocessing)}


def features_of(
    example: Example, settings: Features, preprocessing: Preprocessing = NO_PREPROCESSING
) -> NDArray[np.float32]:
    """Features of one clip, without the cache."""
    if "encoder" in settings.kinds:
        sound = preprocess(example.samples(), SAMPLE_RATE, preprocessing)
        return log_mel(_padded_to(FFT, sound))
    samples, rate = _load_samples(example, settings.sample_rate)
    features = extract(preprocess(samples, rate, preprocessing), rate, settings)
    return features.mean(axis=0, keepdims=True) if settings.summary == "mean" else features


def _load_samples(example: Example, rate: int | None) -> tuple[NDArray[np.float32], int]:
    """First channel of a clip and its rate in Hz, resampled to ``rate`` if given."""
    if example.change is None:
        source = FileSource(example.clip.path)
        native = source.info.native_rate
        samples = np.concatenate([silenced(block[:, 0]) for block in source.blocks(_BLOCK_S)])
    else:
        native, samples = SAMPLE_RATE, example.samples()
    if rate is None or rate == native:
        return samples, native
    return librosa.resample(samples, orig_sr=native, target_sr=rate), rate


def _padded_to(count: int, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.pad(samples, (0, max(0, count - len(samples))))


# ----------------------------------------------------------------------------------------- librosa


def extract(samples: NDArray[np.float32], rate: int, settings: Features) -> NDArray[np.float32]:
    """Features of a sound as librosa computes them, side by side.

    Parameters
    ----------
    samples
        Shape ``(n,)``; less than ``n_fft`` of them are filled up with zeros.
    rate
        Sampling rate in Hz.
    settings
        Kinds of features with their parameters.

    Returns
    -------
    ndarray, shape (frames, features)

    Raises
    ------
    UsageError
        A feature cannot be computed at this rate.
    """
    sound = _LibrosaInputs(_padded_to(settings.n_fft, samples), rate, settings)
    try:
        with _without_librosa_warnings():
            parts = [_FEATURES[kind](sound) for kind in settings.kinds]
    except librosa.ParameterError as error:
        raise UsageError(
            f"The features {', '.join(settings.kinds)} cannot be computed at {rate} Hz ({error}); "
            "change 'features' of the recipe."
        ) from error
    frames = min(part.shape[1] for part in parts)
    joined = np.concatenate([part[:, :frames] for part in parts])
    return np.ascontiguousarray(joined.T, np.float32)


@contextmanager
def _without_librosa_warnings() -> Iterator[None]:
    """Silence and short clips are in order, whatever librosa remarks on them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Trying to estimate tuning", UserWarning)
        warnings.filterwarnings("ignore", "n_fft=", UserWarning)
        yield


class _LibrosaInputs:
    """Samples with the intermediate results that several features share."""

    def __init__(self, samples: NDArray[np.float32], rate: int, settings: Features) -> None:
        self.settings = settings
        self.wave: dict[str, Any] = {"y": samples, "sr": rate}
        self.hop: dict[str, Any] = {"hop_length": settings.hop}
        self.spectral: dict[str, Any] = {**self.wave, **self.hop, "n_fft": settings.n_fft}
        self.frames: dict[str, Any] = {**self.hop, "frame_length": settings.n_fft}

    @cached_property
    def mel(self) -> NDArray[np.float32]:
        """Mel spectrum in dB, shape ``(n_mels, frames)``."""
        power = librosa.feature.melspectrogram(**self.spectral, n_mels=self.settings.n_mels)
        decibels: NDArray[np.float32] = librosa.power_to_db(power)
        return decibels

    @cached_property
    def mfcc(self) -> NDArray[np.float32]:
        """Shape ``(n_mfcc, frames)``."""
        coefficients: NDArray[np.float32] = librosa.feature.mfcc(
            S=self.mel, n_mfcc=self.settings.n_mfcc
        )
        return coefficients

    def delta(self, order: int) -> NDArray[np.float32]:
        """Differences of the MFCC; a clip of few frames is extended by its edge values."""
        mode = "interp" if self.mfcc.shape[1] >= _DELTA_WIDTH else "nearest"
        differences: NDArray[np.float32] = librosa.feature.delta(self.mfcc, order=order, mode=mode)
        return differences


_FEATURES: Mapping[FeatureKind, Callable[[_LibrosaInputs], NDArray[np.float32]]] = {
    "mfcc": lambda sound: sound.mfcc,
    "delta": lambda sound: sound.delta(1),
    "delta2": lambda sound: sound.delta(2),
    "chroma": lambda sound: librosa.feature.chroma_stft(**sound.spectral),
    "mel": lambda sound: sound.mel,
    "zcr": lambda sound: librosa.feature.zero_crossing_rate(sound.wave["y"], **sound.frames),
    "rms": lambda sound: librosa.feature.rms(y=sound.wave["y"], **sound.frames),
    "contrast": lambda sound: librosa.feature.spectral_contrast(**sound.spectral),
    "tonnetz": lambda sound: librosa.feature.tonnetz(**sound.wave, **sound.hop),
}
"""Each feature of a frame, shape ``(values, frames)``."""
