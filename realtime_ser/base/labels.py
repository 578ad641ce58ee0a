"""The eight emotions that the product shows, in their one fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Order of columns in files, of bars on the screen, and of a bundle's outputs.
LABELS: tuple[str, ...] = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)

EMOJI: dict[str, str] = {
    "neutral": "😐",
    "calm": "😌",
    "happy": "😀",
    "sad": "😢",
    "angry": "😠",
    "fearful": "😨",
    "disgust": "🤢",
    "surprised": "😲",
}

#: Folder with a drawn face for each label, and ``waiting.svg``, in ``currentColor``.
FACES = Path(__file__).parent / "faces"

#: Okabe and Ito's colours, safe for colour-blind eyes; never shown without a label.
COLORS: dict[str, str] = {
    "neutral": "#999999",
    "calm": "#56B4E9",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "angry": "#D55E00",
    "fearful": "#CC79A7",
    "disgust": "#009E73",
    "surprised": "#F0E442",
}

#: Dashes that tell lines apart without their colours, in units of the line's width.
DASHES: dict[str, tuple[float, ...]] = {
    "neutral": (1.0, 2.0),
    "calm": (9.0, 3.0),
    "happy": (),
    "sad": (5.0, 2.5),
    "angry": (13.0, 2.0),
    "fearful": (2.5, 2.0),
    "disgust": (8.0, 2.5, 1.5, 2.5),
    "surprised": (7.0, 2.0, 1.5, 2.0, 1.5, 2.0),
}

#: The adjective that follows "sounds": a label names a voice, not a feeling.
LABEL_WORDS: dict[str, str] = {label: label for label in LABELS} | {"disgust": "disgusted"}


def label_shares(voiced_s: Mapping[str, float]) -> dict[str, float]:
    """Shares of labels in a voiced duration, the largest first, from the seconds of each label."""
    whole_s = sum(voiced_s.values())
    by_share = sorted(voiced_s.items(), key=lambda item: -item[1])
    return {label: seconds / whole_s for label, seconds in by_share} if whole_s else {}
