"""The MFCC equal librosa's, and do not depend on how the sound was cut into blocks."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime_ser.base.records import FRAME, HOP, SAMPLE_RATE, STEP
from realtime_ser.recogniser.features import FeatureParams, LogMel, StepFramer, dct_matrix

PARAMS = FeatureParams()


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def stream(blocks: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    framer, log_mel = StepFramer(), LogMel(PARAMS)
    dct = dct_matrix(PARAMS.n_mfcc, PARAMS.n_mels).T
    steps = [log_mel.spectrum(span) @ dct for block in blocks for span in framer.push(block)]
    return np.concatenate([np.empty((0, PARAMS.n_mfcc)), *steps])


@pytest.mark.parametrize(
    "sound",
    [noise(SAMPLE_RATE), np.zeros(SAMPLE_RATE, np.float32), noise(SAMPLE_RATE) * 1e-4],
    ids=["noise", "silence", "faint noise"],
)
def test_equals_librosa(sound: NDArray[np.float32]) -> None:
    margin = (PARAMS.n_fft - FRAME) // 2
    mel = librosa.feature.melspectrogram(
        y=np.pad(sound.astype(np.float64), margin),
        sr=SAMPLE_RATE,
        n_fft=PARAMS.n_fft,
        win_length=FRAME,
        hop_length=HOP,
        center=False,
        n_mels=PARAMS.n_mels,
        fmin=PARAMS.f_min,
        fmax=PARAMS.f_max,
        dtype=np.float64,
    )
    expected = librosa.feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=PARAMS.n_mfcc).T
    frames = stream([sound])
    assert len(frames) == 8 * 12
    np.testing.assert_allclose(frames, expected[: len(frames)], atol=1e-6)


@given(cuts=st.lists(st.integers(0, 6 * STEP), max_size=40), seed=st.integers(0, 100))
def test_does_not_depend_on_the_split_into_blocks(cuts: list[int], seed: int) -> None:
    sound = noise(6 * STEP, seed)
    np.testing.assert_array_equal(stream(np.split(sound, sorted(cuts))), stream([sound]))


def test_a_step_waits_for_the_last_sample_of_its_last_frame() -> None:
    last = 7 * HOP + FRAME
    assert len(stream([noise(last - 1)])) == 0
    assert len(stream([noise(last)])) == 8


@pytest.mark.parametrize(
    "impossible", [{"n_fft": 256}, {"n_mfcc": 65}, {"f_max": 9000.0}, {"f_min": 6000.0}]
)
def test_impossible_parameters_are_refused(impossible: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        FeatureParams(**impossible)  # type: ignore[arg-type]
