"""The eight emotions that the product shows, in their one fixed order."""

from __future__ import annotations

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

#: The adjective that follows "sounds": a label names a voice, not a feeling.
SOUNDS: dict[str, str] = {label: label for label in LABELS} | {"disgust": "disgusted"}
