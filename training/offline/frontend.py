"""From features of clips to a network's inputs: the frozen encoder, lengths and scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import STEP_FRAMES
from training.fitting import load_weights, save_weights
from training.offline.recipe import Features
from training.run_folder import Run
from training.streaming.architecture import Architecture
from training.streaming.encoder import Encoder
from training.streaming.inference import run_causal
from training.streaming.pretrained import load_pretrained_encoder
from training.streaming.spectra import BANDS, CONTEXT_FRAMES, SpectrumScale

FRONT_END = "frontend.json"
ENCODER = "encoder.npz"

_FLOOR = 1e-6  # a feature that never changes stays at 0

ClipFrames: TypeAlias = Sequence[NDArray[np.float32]]
"""Clips, each ``(frames, features)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Standardiser:
    """Mean and deviation of each feature, both of shape ``(features,)``."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, clips: ClipFrames) -> Standardiser:
        """Mean and deviation over all frames of some clips."""
        frames = sum(len(rows) for rows in clips)
        mean = sum(rows.sum(axis=0, dtype=np.float64) for rows in clips) / frames
        squares = sum(np.square(rows - mean).sum(axis=0) for rows in clips)
        deviation = np.sqrt(squares / frames)
        deviation[deviation < _FLOOR] = 1.0
        return cls(np.asarray(mean, np.float32), deviation.astype(np.float32))

    def apply(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frames of mean 0 and deviation 1."""
        return (rows - self.mean) / self.deviation


@dataclass(frozen=True, slots=True, eq=False)
class FrozenEncoder:
    """The pretrained encoder with the scale of its input."""

    layer: Encoder
    scale: SpectrumScale

    @classmethod
    def pretrained(cls, weights: Path | None, spectra: ClipFrames) -> FrozenEncoder:
        """The encoder of a file, scaled for training clips.

        Raises
        ------
        UsageError
            No file was given.
        """
        if weights is None:
            raise UsageError(
                "The feature 'encoder' comes from a pretrained encoder: give its weights with "
                "--teacher, or choose other 'features.kinds'."
            )
        return cls(load_pretrained_encoder(weights), SpectrumScale.of(spectra))

    def vectors(self, spectra: ClipFrames) -> list[NDArray[np.float32]]:
        """Vectors of whole clips, one for each 80 ms begun, each ``(steps, units)``.

        What came before a clip is taken to be like its first frame.
        """
        padded = [
            np.pad(
                self.scale.apply(spectrum),
                ((CONTEXT_FRAMES, -len(spectrum) % STEP_FRAMES), (0, 0)),
                mode="edge",
            )
            for spectrum in spectra
        ]
        context = CONTEXT_FRAMES // STEP_FRAMES
        return run_causal(
            self.layer,
            [len(spectrum) // STEP_FRAMES for spectrum in padded],
            lambda k: padded[k],
            lambda _, vectors: vectors[context:],
        )


@dataclass(frozen=True, slots=True, eq=False)
class FrontEnd:
    """Front end of an offline network: from features of clips to its inputs.

    Attributes
    ----------
    settings
        Settings of the features.
    encoder
        The pretrained encoder, if features come from it.
    standardiser
        Mean and deviation of the inputs; ``None``: not standardised.
    """

    settings: Features
    encoder: FrozenEncoder | None = None
    standardiser: Standardiser | None = None

    def encode(self, features: ClipFrames) -> list[NDArray[np.float32]]:
        """Encoded, summed up and cut clips, before standardisation."""
        rows = features if self.encoder is None else self.encoder.vectors(features)
        if self.settings.summary == "mean":
            rows = [own.mean(axis=0, keepdims=True) for own in rows]
        return [own[: self.settings.frames] for own in rows]

    def standardised(self, rows: ClipFrames) -> list[NDArray[np.float32]]:
        """Encoded clips as the network takes them."""
        if self.standardiser is None:
            return list(rows)
        return [self.standardiser.apply(own) for own in rows]

    def inputs(self, features: ClipFrames) -> list[NDArray[np.float32]]:
        """Features of clips as the network takes them."""
        return self.standardised(self.encode(features))

    def save(self, run: Run) -> None:
        """Write standardiser and encoder into a run's folder.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        saved: dict[str, object] = {}
        if self.standardiser is not None:
            saved["mean"] = self.standardiser.mean.tolist()
            saved["deviation"] = self.standardiser.deviation.tolist()
        if self.encoder is not None:
            save_weights(self.encoder.layer, run.folder / ENCODER)
            saved["encoder"] = [self.encoder.scale.mean, self.encoder.scale.deviation]
        run.write(FRONT_END, json.dumps(saved) + "\n")

    @classmethod
    def load(cls, settings: Features, run: Run) -> FrontEnd:
        """Read what :meth:`save` kept.

        Raises
        ------
        UsageError
            The run has not come so far.
        """
        try:
            saved = json.loads((run.folder / FRONT_END).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{run.folder} holds no model yet; run the same recipe again, and it goes on."
            ) from error
        encoder = standardiser = None
        if "encoder" in saved:
            layer = Encoder(Architecture(map_frames=0, bands=BANDS))
            layer.build((None, None, BANDS))
            load_weights(layer, run.folder / ENCODER)
            encoder = FrozenEncoder(layer, SpectrumScale(*saved["encoder"]))
        if "mean" in saved:
            standardiser = Standardiser(
                np.array(saved["mean"], np.float32), np.array(saved["deviation"], np.float32)
            )
        return cls(settings, encoder, standardiser)
