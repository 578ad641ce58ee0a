"""BYOL-S, the pretrained encoder that the CNN starts from and learns to imitate.

Scheidwasser-Clow et al., SERAB: A multi-lingual benchmark for speech emotion recognition, ICASSP
2022 (weights under the MIT licence); architecture of Niizumi et al., BYOL for Audio, IJCNN 2021. It
was pretrained without labels on the speech part of AudioSet.

It runs here with convolutions that look back only: the published network on input 70 ms older.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import SerError
from training.streaming.architecture import Architecture
from training.streaming.encoder import Encoder
from training.streaming.spectra import BANDS


def load_pretrained_encoder(path: Path) -> Encoder:
    """The pretrained encoder, which takes standardised log-mel frames.

    Raises
    ------
    SerError
        The file is missing or holds other weights.
    """
    try:
        with np.load(path, allow_pickle=False) as weights:
            return _build({name: weights[name] for name in weights.files})
    except (OSError, KeyError, ValueError) as error:
        raise SerError(
            f"{path} does not hold the weights of BYOL-S: give the .npz file with --teacher."
        ) from error


def _build(weights: dict[str, NDArray[np.float32]]) -> Encoder:
    encoder = Encoder(Architecture(map_frames=0, bands=BANDS), name="pretrained")
    encoder.build((None, None, BANDS))
    for layer, convolution, norm in zip(
        (0, 4, 8), encoder.convolutions, encoder.norms, strict=True
    ):
        # PyTorch orders a kernel (out, in, mel, time); here it is (time, mel, in, out).
        kernel = weights[f"features.{layer}.weight"].transpose(3, 2, 1, 0)
        convolution.set_weights([kernel, weights[f"features.{layer}.bias"]])
        names = ("weight", "bias", "running_mean", "running_var")
        norm.set_weights([weights[f"features.{layer + 1}.{name}"] for name in names])
    for layer, dense in zip((0, 3), encoder.dense, strict=True):
        dense.set_weights([weights[f"fc.{layer}.weight"].T, weights[f"fc.{layer}.bias"]])
    return encoder


def fit_input_map(
    inputs: Sequence[NDArray[np.float32]], targets: Sequence[NDArray[np.float32]], frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least-squares linear map from the last ``frames`` MFCC frames to the encoder's input.

    Parameters
    ----------
    inputs
        Standardised MFCC of some segments, each ``(frames, n_mfcc)``.
    targets
        Standardised inputs of the pretrained encoder for the same segments, each ``(frames, 64)``.

    Returns
    -------
    kernel : shape (frames, n_mfcc, 64)
    bias : shape (64,)
    """
    width = frames * inputs[0].shape[1]
    gram = np.zeros((width + 1, width + 1))
    cross = np.zeros((width + 1, BANDS))
    for x, y in zip(inputs, targets, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(x, frames, axis=0)
        rows = windows.transpose(0, 2, 1).reshape(len(windows), width)
        rows = np.column_stack([rows, np.ones(len(rows))]).astype(np.float64)
        gram += rows.T @ rows
        cross += rows.T @ y[frames - 1 :]
    ridge = 1e-5 * gram[-1, -1]  # MFCC of neighbouring frames are nearly collinear
    solution = np.linalg.solve(gram + ridge * np.eye(width + 1), cross).astype(np.float32)
    return solution[:-1].reshape(frames, -1, BANDS), solution[-1]
