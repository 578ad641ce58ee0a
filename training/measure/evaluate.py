"""The door of this room: what a model says of clips, and what that is worth."""

from __future__ import annotations

from training.measure.answers import (
    ClipResult,
    Evaluation,
    SegmentResult,
    posterior,
    result_logits,
)
from training.measure.listening import SECONDS, evaluate_bundle
from training.measure.scoring import scores

__all__ = [
    "SECONDS",
    "ClipResult",
    "Evaluation",
    "SegmentResult",
    "evaluate_bundle",
    "posterior",
    "result_logits",
    "scores",
]
