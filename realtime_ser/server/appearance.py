"""Colours, patterns and words of the page: those of window and print, from where they are."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from realtime_ser import __version__
from realtime_ser.base.labels import LABEL_WORDS
from realtime_ser.base.records import STEP_S, Quality
from realtime_ser.server.service import Service
from realtime_ser.timeline.style import (
    DARK,
    GAP_WORDS,
    HATCH_PX,
    LIGHT,
    Theme,
    line_style,
)
from realtime_ser.timeline.voice_tracks import SCALES, Scale

_UNITS = {
    "f0_hz": ("Hz", 0),
    "loudness_lufs": ("LUFS", 0),
    "speaking_rate": ("syllables/s", 1),
    "activation": ("", 2),
}
"""Unit of each measure that has a track, and the digits behind its point."""


def theme_css() -> str:
    """Style sheet of the colours, by what the browser's user prefers."""
    dark = f"@media (prefers-color-scheme: dark) {{\n{_variables(DARK)}}}\n"
    return f"{_variables(LIGHT)}{dark}"


def about(service: Service) -> dict[str, Any]:
    """What the page must know before it begins."""
    labels, manifest = service.live.decoder.labels, service.live.bundle.manifest
    limits = service.limits
    return {
        "version": __version__,
        "model": f"{manifest.name} {manifest.version}",
        "kept": service.keep,
        "step_s": STEP_S,
        "hatch_px": HATCH_PX,
        "gaps": GAP_WORDS,
        "measures": [_measure(scale) for scale in SCALES]
        if service.live.config.voice.measures
        else [],
        "upload_bytes": limits.upload_bytes,
        "sound_s": limits.sound_s,
        "unusable": [quality.value for quality in Quality if not quality.usable],
        "labels": [_label(label, position) for position, label in enumerate(labels)],
    }


def _measure(scale: Scale) -> dict[str, Any]:
    unit, digits = _UNITS[scale.measure]
    return {
        "name": scale.measure,
        "title": scale.title,
        "low": scale.low,
        "high": scale.high,
        "grid": scale.grid,
        "logarithmic": scale.logarithmic,
        "unit": unit,
        "digits": digits,
    }


def _label(label: str, position: int) -> dict[str, Any]:
    style = line_style(label, position)
    return {
        "name": label,
        "word": LABEL_WORDS.get(label, label),
        "color": style.color,
        "pattern": style.pattern,
        "outline": {theme.name: theme.outline(style.color) for theme in (LIGHT, DARK)},
    }


def _variables(theme: Theme) -> str:
    colors = {
        field.name.replace("_", "-"): getattr(theme, field.name)
        for field in fields(theme)
        if field.name != "name"
    }
    lines = "".join(f"  --{name}: {color};\n" for name, color in colors.items())
    return f":root {{\n  --theme: {theme.name};\n{lines}}}\n"
