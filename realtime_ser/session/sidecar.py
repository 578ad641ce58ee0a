"""The sidecar of a table as JSON: versions, model, settings, source and clock."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any

from realtime_ser import __version__
from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.config import Config
from realtime_ser.base.records import SAMPLE_RATE, Anchor
from realtime_ser.recogniser.bundle import Bundle, Decoder
from realtime_ser.recogniser.speaker_calibration import Profile
from realtime_ser.session.metadata import SessionHealth, SessionMetadata

_SHORTEST_S = 5.0
"""Shortest time over which a device's rate is measured, in seconds."""


def provenance(config: Config, bundle: Bundle, decoder: Decoder) -> dict[str, Any]:
    """Versions, model, labels, settings, and the profile that corrects the probabilities."""
    manifest = bundle.manifest
    return {
        "realtime_ser": __version__,
        "versions": library_versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "model": {
            "name": manifest.name,
            "version": manifest.version,
            "sha256": bundle.digest,
        },
        "labels": list(decoder.labels),
        "profile": _profile_fields(bundle, decoder.profile),
        "config": config.model_dump(mode="json"),
    }


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
    return (
        dict(metadata.provenance)
        | source_fields(metadata.source, metadata.channels, anchors)
        | {"overflows": health.overflows, "dropped_samples": health.dropped_samples}
    )


def sidecar_text(
    metadata: SessionMetadata, health: SessionHealth, anchors: Sequence[Anchor]
) -> str:
    """Text of the sidecar of a session."""
    return json_text(sidecar_fields(metadata, health, anchors))


def json_text(fields: Mapping[str, Any]) -> str:
    """Fields as the text of a sidecar."""
    return json.dumps(fields, indent=2) + "\n"


@cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries on which the numbers depend."""
    return {name: version(name) for name in ("numpy", "soxr", "ai-edge-litert", "webrtcvad-wheels")}


def source_fields(
    info: SourceInfo, channels: Sequence[int], anchors: Sequence[Anchor] = ()
) -> dict[str, Any]:
    """Name, channels, rates and clock of the source."""
    return {
        "source": {"name": info.name, "live": info.live, "demo": info.demo},
        "channels": list(channels),
        "native_rate": info.native_rate,
        "effective_rate": effective_rate(anchors, info.native_rate) if info.live else None,
        "anchors": [_anchor_fields(anchor) for anchor in anchors],
    }


def effective_rate(anchors: Sequence[Anchor], native_rate: int) -> float | None:
    """Rate of the device in Hz by the monotonic clock; ``None`` for a session that is too short.

    Measured from the second anchor to the last: a stream needs a while to settle.
    """
    if len(anchors) < 3:
        return None
    first, last = anchors[1], anchors[-1]
    nominal_s = (last.sample - first.sample) / SAMPLE_RATE
    if nominal_s < _SHORTEST_S:
        return None
    return native_rate * nominal_s / (last.adc_s - first.adc_s)


def _anchor_fields(anchor: Anchor) -> dict[str, Any]:
    return asdict(anchor) | {"wall": anchor.wall.isoformat(timespec="milliseconds")}
