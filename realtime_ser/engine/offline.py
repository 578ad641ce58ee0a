"""The loop through recorded sound: a file, or the kept sound of a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import require_channels
from realtime_ser.base.records import Segment, State, Update
from realtime_ser.recogniser.pipeline import ChannelPipelines

BLOCK_S = 1.0
"""Seconds of sound between two turns of the channels, which is their order in the tables."""

_ALONE_S = 10.0
"""Seconds of sound at once of a single channel: several steps of a segment are heard together."""

AnalysedBlock: TypeAlias = tuple[list[Update | Segment], float]
"""Records of a block, and the share of the sound that is done."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Native samples ``start .. end - 1`` that were lost or paused."""

    start: int
    end: int
    state: State


def analyse(
    source: FileSource, pipelines: ChannelPipelines, gaps: Sequence[Gap] = ()
) -> Iterator[AnalysedBlock]:
    """Records of a file, block by block, equal to those of the live engine.

    Parameters
    ----------
    source
        The file.
    pipelines
        Pipelines of its channels, at their start.
    gaps
        Lost and paused time, in order; the last ones may lie behind the end of the file.
    """
    require_channels(source.info, pipelines.channels)
    length = (source.info.duration_s or 1.0) * source.info.native_rate
    pending, position = deque(gaps), 0
    for block in source.blocks(BLOCK_S if len(pipelines.channels) > 1 else _ALONE_S):
        records: list[Update | Segment] = []
        rest = block
        while len(rest):
            gap = pending[0] if pending and pending[0].start <= position else None
            until = gap.end if gap else pending[0].start if pending else position + len(rest)
            part, rest = rest[: until - position], rest[until - position :]
            position += len(part)
            if gap is None:
                records += pipelines.push(part)
            elif position == gap.end:
                records += pipelines.gap(gap.end, gap.state)
                pending.popleft()
        yield records, position / length
    # A session that ends with lost time has no sound of it.
    records = [record for gap in pending for record in pipelines.gap(gap.end, gap.state)]
    yield [*records, *pipelines.finish()], 1.0
