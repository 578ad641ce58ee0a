"""What is known of a session when it begins, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from realtime_ser.audio.source import SourceInfo
from realtime_ser.recogniser.bundle import Bundle


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that a session was heard with; ``sha256`` is its bundle's."""

    name: str
    version: str
    sha256: str

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Identity of a bundle."""
        return cls(bundle.manifest.name, bundle.manifest.version, bundle.digest)


@dataclass(frozen=True, slots=True)
class Study:
    """Where a session belongs; empty words and ``None`` where nothing was said.

    Attributes
    ----------
    name, participant, condition
        Names and codes, as a person gave them.
    consent
        When the participant agreed.
    """

    name: str = ""
    participant: str = ""
    condition: str = ""
    consent: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionMetadata:
    """What is known of a session when it begins.

    Attributes
    ----------
    started
        Local time of its second 0, with the UTC offset.
    source
        What is listened to.
    channels
        Numbers of the monitored channels, from 1.
    labels
        Labels of the probabilities, in order.
    model
        What it is heard with.
    provenance
        Versions, platform and the whole configuration, as they go into the sidecar.
    names
        Names of some or all channels, by their numbers.
    study
        Where it belongs.
    title
        A name for people.
    origin
        ID of the session that is heard again.
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
    """How a session has gone so far.

    Attributes
    ----------
    overflows, dropped_samples
        How often the device said that it lost samples, and samples lost at the native rate.
    error
        Why it ended before its time; one sentence.
    """

    overflows: int = 0
    dropped_samples: int = 0
    error: str | None = None
