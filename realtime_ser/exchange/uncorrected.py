"""Removal of a profile's correction from a stored session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from realtime_ser.base.errors import UsageError
from realtime_ser.base.records import Estimate
from realtime_ser.recogniser.bundle import Decoder
from realtime_ser.recogniser.speaker_calibration import shifted
from realtime_ser.session.metadata import SessionMetadata


def without_correction(
    metadata: SessionMetadata,
) -> tuple[SessionMetadata, Callable[[Estimate], Estimate]]:
    """Metadata of a session without its profile, and a function that undoes the correction.

    Raises
    ------
    UsageError
        No profile corrected the session.
    """
    profile = metadata.provenance.get("profile")
    if profile is None:
        raise UsageError("No profile corrected this session: leave out --without-profile.")
    labels = metadata.labels
    shift = np.array([profile["shift"][label] for label in labels])
    nothing = np.zeros(len(labels))
    decoder = Decoder(labels, np.arange(len(labels)), 1.0, profile["certainty_threshold"], nothing)

    def without_shift(estimate: Estimate) -> Estimate:
        return decoder.estimate(shifted(estimate.probabilities, -shift))

    provenance = dict(metadata.provenance)
    config = {**provenance["config"], "profile": None}
    return replace(
        metadata, provenance=provenance | {"profile": None, "config": config}
    ), without_shift
