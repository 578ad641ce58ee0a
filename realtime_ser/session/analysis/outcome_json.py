"""Outcomes in JSON's types and back, to the last bit of what the tables say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from realtime_ser.audio.notes import NoteKind, ReadNote
from realtime_ser.base.records import Estimate, Quality, SegmentVoice
from realtime_ser.session.analysis.analyzer import Outcome, SpeechSummary
from realtime_ser.session.analysis.intervals import GivenInterval, IntervalSummary


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Fields of an outcome; its session is left out, which is a temporary one."""
    return {
        "file": outcome.file,
        "duration_s": outcome.duration_s,
        "error": outcome.error,
        "notes": [asdict(note) | {"kind": note.kind.value} for note in outcome.notes],
        "speech": None if outcome.speech is None else _speech_fields(outcome.speech),
        "channels": {number: _speech_fields(one) for number, one in outcome.channels.items()},
        "intervals": [_interval_fields(one) for one in outcome.intervals],
    }


def read_outcome(fields: Mapping[str, Any]) -> Outcome:
    """Outcome of its fields.

    Raises
    ------
    ValueError, KeyError, TypeError
        They are none of an outcome.
    """
    speech = fields["speech"]
    return Outcome(
        fields["file"],
        fields["duration_s"],
        None if speech is None else _speech(speech),
        fields["error"],
        tuple(ReadNote(**{**note, "kind": NoteKind(note["kind"])}) for note in fields["notes"]),
        channels={int(number): _speech(one) for number, one in fields["channels"].items()},
        intervals=tuple(_interval(one) for one in fields["intervals"]),
    )


def _speech_fields(speech: SpeechSummary) -> dict[str, Any]:
    return {
        "speech_s": speech.speech_s,
        "segments": speech.segments,
        "estimate": _estimate_fields(speech.estimate),
        "shares": dict(speech.shares),
        "certain_share": speech.certain_share,
        "left_out_s": {quality.value: seconds for quality, seconds in speech.left_out_s.items()},
        "quality": speech.quality.value,
        "voiced_s": speech.voiced_s,
    }


def _speech(fields: Mapping[str, Any]) -> SpeechSummary:
    left_out_s = {Quality(name): seconds for name, seconds in fields["left_out_s"].items()}
    return SpeechSummary(
        **{
            **fields,
            "estimate": _estimate(fields["estimate"]),
            "left_out_s": left_out_s,
            "quality": Quality(fields["quality"]),
        }
    )


def _interval_fields(one: IntervalSummary) -> dict[str, Any]:
    return {
        **asdict(one),
        "estimate": _estimate_fields(one.estimate),
        "quality": one.quality.value,
    }


def _interval(fields: Mapping[str, Any]) -> IntervalSummary:
    voice = fields["voice"]
    return IntervalSummary(
        **{
            **fields,
            "given": GivenInterval(**fields["given"]),
            "estimate": _estimate(fields["estimate"]),
            "quality": Quality(fields["quality"]),
            "voice": None if voice is None else SegmentVoice(**voice),
        }
    )


def _estimate_fields(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "probabilities": estimate.probabilities.tolist(),
        "label": estimate.label,
        "confidence": estimate.confidence,
        "certain": estimate.certain,
        "quality": estimate.quality.value,
    }


def _estimate(fields: Mapping[str, Any] | None) -> Estimate | None:
    if fields is None:
        return None
    return Estimate(
        np.array(fields["probabilities"], np.float32),
        fields["label"],
        fields["confidence"],
        fields["certain"],
        Quality(fields["quality"]),
    )
