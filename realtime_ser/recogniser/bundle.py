"""Model bundles: their files and checks, and the decoder of their logits.

A bundle is a folder: ``model.tflite`` (the streaming step), ``model.keras`` (the training graph),
``bundle.json`` (everything that is needed to feed them, and the hash of each file) and ``CARD.md``.
It may have ``block.tflite``, several steps at once for sound that is there already: a graph without
weights, which are those of ``model.tflite`` behind it.
Nothing in it is unpickled.
"""

from __future__ import annotations

import errno
import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import BundleError, UsageError, reason_text
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import Estimate
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.speaker_calibration import ModelIdentity, Profile, SpeakerCalibration

SCHEMA = 1  # version of ``bundle.json`` that this program reads and writes
MANIFEST = "bundle.json"
STEP_MODEL = "model.tflite"
BLOCK_MODEL = "block.tflite"
TRAINING_MODEL = "model.keras"

_LARGEST_MANIFEST = 1 << 20
_LARGEST_FILE = 1 << 30
"""Bytes of the manifest and of any other file of a bundle at most."""

_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""Name that can be shown: without control characters, which terminals obey."""

_Size = Annotated[int, Field(ge=1, le=4096)]


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
        Sound after a step's end that the model waits for, in ms: a part of the latency.
    temperature
        Divisor of the logits (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
    certainty_threshold
        Confidence from which an estimate is called certain.
    baseline
        The model's reference of neutral speech, for speaker profiles; ``None``: there is none.
    recipe, corpora, metrics
        Origin and measured results of the model; see the card.
    files
        SHA-256 of each file of the bundle, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_version: Literal[1] = 1
    name: _Name
    version: _Name
    labels: tuple[_Name, ...] = Field(min_length=2, max_length=100)
    features: FeatureParams
    gate: GateConfig
    states: dict[str, Annotated[tuple[_Size, ...], Field(max_length=8)]] = Field(max_length=200)
    look_ahead_ms: float = Field(default=0.0, ge=0, le=5000)
    temperature: float = Field(ge=0.001, le=1000)
    certainty_threshold: float = Field(ge=0, le=1)
    baseline: SpeakerCalibration | None = None
    recipe: dict[str, Any]
    corpora: tuple[_Name, ...]
    metrics: dict[str, Any]
    files: dict[str, str] = Field(max_length=100)

    @model_validator(mode="after")
    def _one_reference_a_label(self) -> Self:
        if self.baseline is not None and len(self.baseline.reference) != len(self.labels):
            raise ValueError("baseline.reference must have one value for each label")
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must differ from each other")
        for name in self.files:
            if Path(name).name != name or "\\" in name:
                raise ValueError(f"files must lie in the folder itself, not at {name!r}")
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files were found complete and unaltered."""

    folder: Path
    manifest: Manifest
    digest: str  # SHA-256 of ``bundle.json``, which holds that of every other file

    @property
    def identity(self) -> ModelIdentity:
        """Identity of the bundle in sessions and profiles."""
        return ModelIdentity(self.manifest.name, self.manifest.version, self.digest)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self.manifest.labels

    def shift(self, profile: Profile | None) -> NDArray[np.float64]:
        """Correction of the log-probabilities by a profile, shape ``(labels,)``.

        Zeros without a profile, and for a model without a reference of neutral speech.
        """
        if profile is None or self.manifest.baseline is None:
            return np.zeros(len(self.labels))
        means = [profile.log_probabilities[label] for label in self.labels]
        return self.manifest.baseline.shift(means)

    def decoder(self, classes: Sequence[str] = (), profile: Profile | None = None) -> Decoder:
        """Decoder of the model's logits.

        Parameters
        ----------
        classes
            Labels to which the probabilities are restricted and renormalised; empty: all.
        profile
            Profile of the speaker, made with this model; ``None``: no correction.

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
        return Decoder(
            labels=labels,
            index=index,
            temperature=self.manifest.temperature,
            threshold=self.manifest.certainty_threshold,
            shift=self.shift(profile)[index],
            profile=profile,
        )


@dataclass(frozen=True, slots=True)
class Decoder:
    """Logits to calibrated probabilities over some or all of a bundle's labels."""

    labels: tuple[str, ...]  # of the probabilities, in order
    index: NDArray[np.intp]  # places of these labels among the bundle's, shape ``(labels,)``
    temperature: float
    threshold: float  # confidence from which an estimate is called certain
    shift: NDArray[np.float64]  # added to the log-probabilities, shape ``(labels,)``
    profile: Profile | None = None  # of the speaker, of which ``shift`` is made

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
    """Names of the bundles that ship, the most accurate one first."""
    names = sorted(path.parent.name for path in shipped("models").glob("*/bundle.json"))
    return sorted(names, key=lambda name: name != "large")


def shipped_manifest(digest: str) -> Manifest | None:
    """Manifest of the shipped bundle with a digest; ``None``: no such bundle ships."""
    name = shipped_name(digest)
    return None if name is None else _read_manifest(bundle_folder(name))[0]


def shipped_name(digest: str) -> str | None:
    """Name of the shipped bundle with a digest; ``None``: no such bundle ships."""
    return next((name for name in shipped_models() if shipped_digest(name) == digest), None)


def shipped_digest(name: str) -> str:
    """Digest of a shipped bundle, of which nothing is checked."""
    return hashlib.sha256(_manifest_bytes(bundle_folder(name))).hexdigest()


def bundle_folder(name: str) -> Path:
    """Folder of a shipped bundle by its name, or of any bundle by its path."""
    inside = shipped("models") / name
    return inside if inside.is_dir() else Path(name)


def load_bundle(name: str | Path) -> Bundle:
    """Read and check a bundle.

    ``name`` is that of a shipped bundle, or the path of a bundle's folder; a
    :class:`~pathlib.Path` is never taken for a name.
    """
    folder = name if isinstance(name, Path) else bundle_folder(name)
    if not folder.is_dir():
        raise BundleError(f"There is no model bundle at {folder}; check the name or the path.")
    manifest, digest = _read_manifest(folder)
    for file, expected in manifest.files.items():
        try:
            with _opened_plain(folder / file, _LARGEST_FILE) as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise BundleError(
                f"The model bundle {folder} lacks its file {file} ({reason_text(error)}); "
                "fetch the bundle again."
            ) from error
        if found != expected:
            raise BundleError(
                f"The file {file} of the model bundle {folder} was altered "
                "(its SHA-256 differs); fetch the bundle again."
            )
    return Bundle(folder, manifest, digest)


def _opened_plain(path: Path, largest: int) -> BufferedReader:
    """Open a plain file: no link, which may lead anywhere, and no pipe or device, which may wait.

    Raises
    ------
    OSError
        The file cannot be opened, or is something else, or has more than ``largest`` bytes.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a plain file")
    if found.st_size > largest:
        raise OSError(errno.EFBIG, f"more than {largest >> 20} MB")
    return path.open("rb")


def _manifest_bytes(folder: Path) -> bytes:
    try:
        with _opened_plain(folder / MANIFEST, _LARGEST_MANIFEST) as file:
            return file.read(_LARGEST_MANIFEST)
    except OSError as error:
        raise BundleError(
            f"The folder {folder} is not a model bundle: it has no readable {MANIFEST} "
            f"({reason_text(error)})."
        ) from error


def _read_manifest(folder: Path) -> tuple[Manifest, str]:
    path, raw = folder / MANIFEST, _manifest_bytes(folder)
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not valid JSON; fetch the bundle again.") from error
    schema = data.get("schema_version") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise BundleError(
            f"The model bundle {folder} has schema {schema}, and this program reads {SCHEMA}; "
            "use a bundle and a program of the same release."
        )
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path} is damaged at '{where}': {first['msg']}.") from error
    if STEP_MODEL not in manifest.files:
        raise BundleError(f"{path} lists no {STEP_MODEL} among its files; fetch the bundle again.")
    return manifest, hashlib.sha256(raw).hexdigest()
