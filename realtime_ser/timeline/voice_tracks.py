"""Tracks of what the voice does: pitch, loudness, speaking rate, activation."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import VoiceMeasures
from realtime_ser.recogniser.pitch import CEILING_HZ, FLOOR_HZ
from realtime_ser.timeline.content import ChannelContent
from realtime_ser.timeline.shapes import Lines, Shape
from realtime_ser.timeline.signal_tracks import SignalTrack
from realtime_ser.timeline.style import FLOOR_DB, TrackStyle
from realtime_ser.timeline.surface import Stroke
from realtime_ser.timeline.viewport import Viewport

_PLACES = {field.name: place for place, field in enumerate(fields(VoiceMeasures))}


@dataclass(frozen=True, slots=True)
class Scale:
    """How a measure lies on its track.

    Attributes
    ----------
    measure
        Field of :class:`~realtime_ser.base.records.VoiceMeasures`.
    title
        Name of the track.
    low, high
        Values at the foot and at the top.
    grid
        Values of horizontal lines.
    tip
        What the measure is, and between which values.
    logarithmic
        Whether equal ratios are equally high, as octaves are.
    """

    measure: str
    title: str
    low: float
    high: float
    grid: tuple[float, ...]
    tip: str
    logarithmic: bool = False

    def share(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Heights of values, from 0 at the foot to 1 at the top."""
        low, high = self.low, self.high
        if self.logarithmic:
            values, low, high = np.log2(values), np.log2(low), np.log2(high)
        shares: NDArray[np.floating] = np.clip((values - low) / (high - low), 0.0, 1.0)
        return shares


SCALES = (
    Scale(
        *("f0_hz", "pitch", FLOOR_HZ, CEILING_HZ, (100.0, 200.0, 400.0)),
        tip="F0 of the voice from 75 to 600 Hz, with lines at 100, 200 and 400 Hz",
        logarithmic=True,
    ),
    Scale(
        *("loudness_lufs", "loudness", FLOOR_DB, 0.0, (-40.0, -20.0)),
        tip="Momentary loudness from \u221260 to 0 LUFS, with lines at \u221240 and \u221220",
    ),
    Scale(
        *("speaking_rate", "rate", 0.0, 8.0, (2.0, 4.0, 6.0)),
        tip="Syllables a second of speaking from 0 to 8, over the last 4 s",
    ),
    Scale(
        *("activation", "activation", -1.0, 1.0, (0.0,)),
        tip="Pitch, level and upper energy against the speaker's own baseline, below to above it",
    ),
)
"""Measures that have a track, from the top down."""


class MeasureTrack(SignalTrack):
    """A measure of the voice as a line, with gaps where there is none."""

    weight = 0

    def __init__(self, channel: ChannelContent, scale: Scale) -> None:
        super().__init__(channel)
        self.title, self.tip, self.scale = scale.title, scale.tip, scale
        self.shares = tuple(scale.share(np.array(scale.grid)).tolist())

    def height(self, style: TrackStyle) -> int:
        """Enough to see a rise."""
        return style.grid(3)

    def pad(self, style: TrackStyle) -> float:
        """Half a line."""
        return style.scale

    def shapes(self, viewport: Viewport, style: TrackStyle) -> list[Shape]:
        """The line."""
        values = self.channel.bins(viewport).voice[:, _PLACES[self.scale.measure]]
        stroke = Stroke(style.theme.voice, 2.0 * style.scale)
        return [Lines(self.scale.share(values)[:, None], [[stroke]])]


def voice_tracks(channel: ChannelContent) -> list[MeasureTrack]:
    """Tracks of the measures of a channel; none where nothing is measured."""
    if not channel.pyramid.has_voice:
        return []
    return [MeasureTrack(channel, scale) for scale in SCALES]
