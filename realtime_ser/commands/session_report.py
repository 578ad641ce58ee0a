"""What is said of a session when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from realtime_ser.base.text import channel_title, clock_text, speech_text
from realtime_ser.session.live import LiveSession
from realtime_ser.session.running_summary import ChannelSummary


def session_report(session: LiveSession) -> str:
    """How a finished session went, and where its files lie."""
    return "\n".join(_lines(session, session.stop()))


def _lines(session: LiveSession, channels: Mapping[int, ChannelSummary]) -> Iterator[str]:
    status, info = session.monitor.status, session.monitor.source.info
    demo = ", synthesised speech" if info.demo else ""
    yield f"{clock_text(status.position_s)} of {info.name}{demo}"
    for number, channel in channels.items():
        title = channel_title(number, session.config.audio.names)
        name = f"{title}: " if len(session.monitor.channels) > 1 else ""
        words = speech_text(channel.speech_s, channel.segments, channel.shares)
        yield f"  {name}{words}"
        if channel.lost_s:
            yield f"  {name}{channel.lost_s:.1f} s were lost"
        if channel.latency_ms is not None:
            median, most = channel.latency_ms
            yield f"  {name}latency {median:.0f} ms (median), {most:.0f} ms (95 %)"
    if info.live:
        yield f"  {status.dropped_samples:,} samples dropped"
    yield "Files:"
    for path in session.files.existing():
        yield f"  {path.resolve()}"
    if session.id is not None:
        if session.audio is not None and session.audio.parent != session.files.frames.parent:
            yield f"  {session.audio.resolve()}"
        yield f"Kept in {session.folder}:"
        yield f"  realtime-ser sessions show {session.id}"
