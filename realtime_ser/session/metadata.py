"""Metadata of a session, and its health while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from realtime_ser.audio.source import SourceInfo
from realtime_ser.recogniser.bundle import Bundle


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model of a session; ``sha256`` is the digest of its bundle."""

    name: str
    version: str
    sha256: str

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Identity of a bundle."""
        return cls(bundle.manifest.name, bundle.manifest.version, bundle.digest)


@dataclass(frozen=True, slots=True)
class Study:
    """Study, participant and condition of a session; empty or ``None`` where not given.

    Attributes
    ----------
    name, participant, condition
        Names and codes, as a person gave them.
    consent
        Moment at which the participant agreed.
    """

    name: str = ""
    participant: str = ""
    condition: str = ""
    consent: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionMetadata:
    """Metadata of a session, known when it begins.

    Attributes
    ----------
    started
        Local time of second 0, with the UTC offset.
    source
        Description of the source.
    channels
        Numbers of the monitored channels, from 1.
    labels
        Labels of the probabilities, in order.
    model
        The model.
    provenance
        Versions, platform and the whole configuration, as they go into the sidecar.
    names
        Names of some or all channels, by their numbers.
    study
        Study, participant, condition and consent.
    title
        Title that a person gave; may be empty.
    origin
        ID of the session that this is a reanalysis of; ``None``: of none.
    """

    started: datetime
    source: SourceInfo
    channels: tuple[int, ...]
    labels: tuple[str, ...]
    model: ModelIdentity
    provenance: Mapping[str, Any]
    names: Mapping[int, str] = field(default_factory=dict)
    study: Study = Study()
    title: str = ""
    origin: str | None = None

    @property
    def model_text(self) -> str:
        """The model, and the profile that corrected it, if one did."""
        profile = self.provenance.get("profile")
        corrected = "" if profile is None else f", corrected for {profile['name']}"
        return f"{self.model.name} {self.model.version}{corrected}"


@dataclass(frozen=True, slots=True)
class SessionHealth:
    """Lost samples and error of a session so far.

    Attributes
    ----------
    overflows, dropped_samples
        Number of losses that the device reported, and samples lost at the native rate.
    error
        Reason why the session ended before its time; one sentence.
    """

    overflows: int = 0
    dropped_samples: int = 0
    error: str | None = None
