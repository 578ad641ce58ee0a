"""Metadata of a session, its health while it runs, and the sidecar that tells both."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from realtime_ser import __version__
from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.config import Config
from realtime_ser.base.records import SAMPLE_RATE, Anchor
from realtime_ser.base.timebase import local_now
from realtime_ser.recogniser.bundle import Bundle, Decoder, Manifest, shipped_manifest
from realtime_ser.recogniser.speaker_calibration import ModelIdentity, Profile

_SHORTEST_S = 5.0
"""Shortest time over which a device's rate is measured, in seconds."""


@dataclass(frozen=True, slots=True)
class Study:
    """Study, participant and condition as a person gave them, and when the participant agreed.

    What was not given is empty or ``None``.
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
    def name(self) -> str:
        """The title, or else the source's name."""
        return self.title or self.source.name

    @property
    def measures_voice(self) -> bool:
        """Whether what the voices do is measured: not in sessions of earlier versions."""
        config = self.provenance.get("config", {})
        return bool(config.get("voice", {}).get("measures", False))

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


def new_metadata(
    config: Config,
    source: SourceInfo,
    bundle: Bundle,
    decoder: Decoder,
    made_by: Mapping[str, Any],
) -> SessionMetadata:
    """Metadata of a session that begins now, without a study and a title.

    ``made_by`` is from :func:`provenance`.
    """
    return SessionMetadata(
        started=local_now(),
        source=source,
        channels=config.audio.channels,
        labels=decoder.labels,
        model=bundle.identity,
        provenance=made_by,
        names=config.audio.names,
    )


def provenance(
    config: Config, bundle: Bundle, decoder: Decoder, model_reason: str | None = None
) -> dict[str, Any]:
    """Versions, model, labels, settings, and the profile that corrects the probabilities.

    ``model_reason`` says why the program chose the model; ``None``: a person did.
    """
    reason = {} if model_reason is None else {"model_reason": model_reason}
    return {
        "realtime_ser": __version__,
        "versions": _library_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "model": asdict(bundle.identity),
        "labels": list(decoder.labels),
        "profile": _profile_fields(bundle, decoder.profile),
        # who listened live changes no result
        "config": config.model_dump(mode="json", exclude={"outputs", "markers_from", "network"}),
        **reason,
    }


@cache
def _library_versions() -> dict[str, str]:
    """Versions of the libraries on which the numbers depend."""
    return {name: version(name) for name in ("numpy", "soxr", "ai-edge-litert", "webrtcvad-wheels")}


def voice_reference(
    metadata: SessionMetadata, manifest: Manifest | None = None
) -> tuple[float, ...] | None:
    """The model's reference of neutral speech, which the voices of a session are compared with.

    ``None`` where that says nothing: with a profile, where profiles do not help, on some labels
    only, or of the demo. ``manifest`` is the model's; ``None``: that of a shipped model.
    """
    if metadata.source.demo or metadata.provenance.get("profile"):
        return None
    found = manifest or shipped_manifest(metadata.model.sha256)
    if found is None or found.baseline is None or not found.baseline.enabled:
        return None
    return found.baseline.reference if found.labels == metadata.labels else None


def _profile_fields(bundle: Bundle, profile: Profile | None) -> dict[str, Any] | None:
    """The profile, with the shift by which the correction can be undone."""
    if profile is None:
        return None
    shift = dict(zip(bundle.labels, bundle.shift(profile).tolist(), strict=True))
    return profile.model_dump(mode="json") | {
        "shift": shift,
        "certainty_threshold": bundle.manifest.certainty_threshold,
    }


def sidecar_fields(
    metadata: SessionMetadata, health: SessionHealth, anchors: Sequence[Anchor]
) -> dict[str, Any]:
    """Fields of the sidecar of a session."""
    info = metadata.source
    return {
        **metadata.provenance,
        "source": {"name": info.name, "live": info.live, "demo": info.demo},
        "channels": list(metadata.channels),
        "native_rate": info.native_rate,
        "effective_rate": effective_rate(anchors, info.native_rate) if info.live else None,
        "anchors": [anchor_fields(anchor) for anchor in anchors],
        "overflows": health.overflows,
        "dropped_samples": health.dropped_samples,
    }


def anchor_fields(anchor: Anchor) -> dict[str, Any]:
    """Fields of an anchor in JSON's types."""
    return {
        "sample": anchor.sample,
        "adc_s": anchor.adc_s,
        "monotonic_s": anchor.monotonic_s,
        "wall": anchor.wall.isoformat(timespec="milliseconds"),
    }


def json_text(fields: Mapping[str, Any]) -> str:
    """Fields as the text of a sidecar."""
    text = io.StringIO()  # `dumps` would hold each word of it by itself
    json.dump(fields, text, indent=2)
    return text.getvalue() + "\n"


def effective_rate(anchors: Sequence[Anchor], native_rate: int) -> float | None:
    """Rate of the device in Hz by the monotonic clock; ``None`` for a session that is too short.

    Measured from the first anchor that is not of the first second: a stream needs a while to
    settle, and older versions did not wait for it.
    """
    sure = [anchor for anchor in anchors if anchor.sample > SAMPLE_RATE]
    if len(sure) < 2:
        return None
    first, last = sure[0], sure[-1]
    nominal_s = (last.sample - first.sample) / SAMPLE_RATE
    if nominal_s < _SHORTEST_S:
        return None
    return native_rate * nominal_s / (last.adc_s - first.adc_s)
