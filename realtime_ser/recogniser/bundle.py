"""Model bundles: their files, checks and calibration.

A bundle is a folder: ``model.tflite`` (the streaming step), ``model.keras`` (the training graph),
``bundle.json`` (everything that is needed to feed them, and the hash of each file) and ``CARD.md``.
Nothing in it is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import BundleError, UsageError
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Estimate
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.speaker_calibration import Profile, SpeakerCalibration

SCHEMA = 1
"""Version of ``bundle.json`` that this program reads and writes."""

MANIFEST = "bundle.json"
STEP_MODEL = "model.tflite"
TRAINING_MODEL = "model.keras"


class Manifest(BaseModel):
    """Contents of ``bundle.json``.

    Attributes
    ----------
    schema_version
        :data:`SCHEMA`.
    labels
        Names of the outputs, in order.
    features, gate
        Parameters the model was trained with.
    states
        Shape of each state array of the step model, by name; all are zero at a segment's start.
    look_ahead_ms
        Sound after a step's end that the model waits for; it counts in the latency.
    temperature
        Divides the logits (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
    certainty_threshold
        Confidence from which an estimate is called certain.
    baseline
        What it knows of neutral speech, for personal profiles; ``None``: nothing.
    recipe, corpora, metrics
        Where the model comes from and what was measured; see the card.
    files
        SHA-256 of each file of the bundle, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str
    version: str
    labels: tuple[str, ...] = Field(min_length=2)
    features: FeatureParams
    gate: GateConfig
    states: dict[str, tuple[int, ...]]
    look_ahead_ms: float = Field(default=0.0, ge=0)
    temperature: float = Field(gt=0)
    certainty_threshold: float = Field(ge=0, le=1)
    baseline: SpeakerCalibration | None = None
    recipe: dict[str, Any]
    corpora: tuple[str, ...]
    metrics: dict[str, Any]
    files: dict[str, str]

    @model_validator(mode="after")
    def _one_reference_a_label(self) -> Self:
        if self.baseline is not None and len(self.baseline.reference) != len(self.labels):
            raise ValueError("baseline.reference must have one value for each label")
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files were found complete and unaltered.

    Attributes
    ----------
    folder, manifest
        Where it lies, and its description.
    digest
        SHA-256 of the description, which holds those of the files.
    profile
        The person for whom its probabilities are corrected; ``None``: nobody.
    """

    folder: Path
    manifest: Manifest
    digest: str
    profile: Profile | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self.manifest.labels

    @property
    def shift(self) -> NDArray[np.float64]:
        """What the profile adds to the log-probabilities, shape ``(labels,)``; zeros without."""
        if self.profile is None or self.manifest.baseline is None:
            return np.zeros(len(self.labels))
        means = [self.profile.log_probabilities[label] for label in self.labels]
        return self.manifest.baseline.shift(means)

    def for_person(self, profile: Profile) -> Bundle:
        """The same model, corrected for a person whom it has heard."""
        return replace(self, profile=profile)

    def decoder(self, classes: Sequence[str] = ()) -> Decoder:
        """Turns logits into estimates over ``classes``, or over all labels.

        Raises
        ------
        UsageError
            A class that the bundle does not have, or fewer than two.
        """
        for name in classes:
            if name not in self.labels:
                known = ", ".join(self.labels)
                raise UsageError(f"The model has no class '{name}'; choose among {known}.")
        labels = tuple(label for label in self.labels if not classes or label in classes)
        if len(labels) < 2:
            raise UsageError("Name at least two different classes, separated by commas.")
        index = np.array([self.labels.index(label) for label in labels])
        manifest = self.manifest
        return Decoder(
            labels, index, manifest.temperature, manifest.certainty_threshold, self.shift[index]
        )


@dataclass(frozen=True, slots=True)
class Decoder:
    """Logits to calibrated probabilities over some or all of a bundle's labels.

    ``shift``, shape ``(labels,)``, is added to the log-probabilities.
    """

    labels: tuple[str, ...]
    index: NDArray[np.intp]
    temperature: float
    threshold: float
    shift: NDArray[np.float64]

    def decode(self, logits: NDArray[np.float32]) -> Estimate:
        """Estimate from the logits of all the bundle's labels, shape ``(labels,)``."""
        scaled = logits[self.index].astype(np.float64) / self.temperature + self.shift
        odds = np.exp(scaled - scaled.max())
        return self.estimate(odds / odds.sum())

    def estimate(self, probabilities: NDArray[np.floating]) -> Estimate:
        """Estimate from probabilities over :attr:`labels`."""
        best = int(np.argmax(probabilities))
        confidence = float(probabilities[best])
        return Estimate(
            probabilities.astype(np.float32),
            self.labels[best],
            confidence,
            confidence >= self.threshold,
        )


def shipped_models() -> list[str]:
    """Names of the bundles that ship, the default one first."""
    names = sorted(path.parent.name for path in shipped("models").glob("*/bundle.json"))
    return sorted(names, key=lambda name: name != "default")


def bundle_folder(name: str) -> Path:
    """Folder of a shipped bundle by its name, or of any bundle by its path."""
    inside = shipped("models") / name
    return inside if inside.is_dir() else Path(name)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle.

    Raises
    ------
    BundleError
        A file is missing or altered, or the bundle is of another schema.
    """
    if not folder.is_dir():
        raise BundleError(f"There is no model bundle at {folder}; check the name or the path.")
    manifest, digest = _read_manifest(folder)
    for name, expected in manifest.files.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(
                f"The model bundle {folder} lacks its file {name} ({error.strerror}); "
                "fetch the bundle again."
            ) from error
        if found != expected:
            raise BundleError(
                f"The file {name} of the model bundle {folder} was altered "
                "(its SHA-256 differs); fetch the bundle again."
            )
    return Bundle(folder, manifest, digest)


def _read_manifest(folder: Path) -> tuple[Manifest, str]:
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
    except OSError as error:
        raise BundleError(
            f"The folder {folder} is not a model bundle: it has no readable {MANIFEST}."
        ) from error
    except ValueError as error:
        raise BundleError(f"{path} is not valid JSON; fetch the bundle again.") from error
    schema = data.get("schema_version") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise BundleError(
            f"The model bundle {folder} has schema {schema}, and this program reads {SCHEMA}; "
            "use a bundle and a program of the same release."
        )
    try:
        return Manifest.model_validate(data), hashlib.sha256(raw).hexdigest()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path} is damaged at '{where}': {first['msg']}.") from error
