"""Tracks of a channel and of a session, from the top down: one order on every surface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.content import AnnotationItem, ChannelContent
from realtime_ser.timeline.signal_tracks import (
    LevelTrack,
    ProbabilityTrack,
    SignalTrack,
    SpectrumTrack,
    VoiceTrack,
    WaveformTrack,
)
from realtime_ser.timeline.sound_blocks import SoundBlocks
from realtime_ser.timeline.style import Curves
from realtime_ser.timeline.tracks import LANES, MarkerTrack, SegmentTrack, Track, tier_tracks
from realtime_ser.timeline.voice_tracks import voice_tracks


def channel_tracks(
    channel: ChannelContent,
    curves: Curves,
    sound: SoundBlocks | None = None,
    *,
    names: bool = True,
    measures: bool = True,
) -> list[SignalTrack | SpectrumTrack]:
    """Tracks of a channel's values, from the top down; of its sound, if there is any to show.

    Without ``measures`` those of what the voice does are left out.
    """
    tracks: list[SignalTrack | SpectrumTrack] = [
        ProbabilityTrack(channel, curves, names=names),
        LevelTrack(channel),
        VoiceTrack(channel),
    ]
    if measures:
        tracks += voice_tracks(channel)
    if sound is not None and sound.available:
        tracks += [WaveformTrack(channel, sound), SpectrumTrack(channel, sound)]
    return tracks


def session_tracks(  # noqa: PLR0913
    channels: Mapping[int, ChannelContent],
    annotations: Iterable[AnnotationItem],
    curves: Curves,
    sound: SoundBlocks | None = None,
    *,
    free_tiers: Sequence[str] = (),
    lanes: int = LANES,
    names: bool = True,
) -> list[Track]:
    """All tracks of a session but the ruler, from the top down.

    Parameters
    ----------
    channels
        The channels, by their numbers.
    annotations
        Markers and intervals.
    curves
        How probabilities are drawn.
    sound
        Kept sound, if there is any to show.
    free_tiers
        Tiers of no channel that are there even without an interval; then each channel has its
        tier of corrected segments too.
    lanes
        Lines of words above the segments.
    names
        Whether labels stand in the areas and over the lines.
    """
    labels = next(iter(channels.values())).labels
    tracks: list[Track] = [MarkerTrack(annotations)]
    tracks += tier_tracks(annotations, None, labels, always=free_tiers)
    for number, channel in channels.items():
        tracks.append(SegmentTrack(channel, lanes))
        always = (CORRECTED,) if free_tiers else ()
        tracks += tier_tracks(annotations, number, labels, always=always)
        tracks += channel_tracks(channel, curves, sound, names=names)
    return tracks
