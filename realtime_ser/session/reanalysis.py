"""Hears a session again, with another model, from the sound that was kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile

from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import parse_config
from realtime_ser.base.errors import AudioFileError, SerError, UsageError
from realtime_ser.base.records import STEP, STEP_SPAN, Record, Segment, State, Update
from realtime_ser.base.timebase import TimeBase
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipeline, Pipeline
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.flac_repair import repair_flac
from realtime_ser.session.metadata import ModelIdentity
from realtime_ser.session.sidecar import provenance
from realtime_ser.session.store import Columns, SessionInfo, SessionState, Store
from realtime_ser.session.store.blobs import STATES, moment

_BLOCK_S = 5.0


def reanalyse(
    store: Store, info: SessionInfo, model: str, advance: Callable[[float], None]
) -> SessionInfo:
    """Hear a session again; the result is a new session that is linked to it.

    Steps, wall clock, lost and paused time, markers, intervals labelled by hand and study are those
    of the session; gate and channels are as it was set.

    Parameters
    ----------
    store, info
        The session.
    model
        Name of a shipped bundle, or the path of a bundle's folder.
    advance
        Is told from time to time what share is done.

    Raises
    ------
    SerError
        It runs still, no sound was kept, or the model cannot be used.
    """
    if info.state is SessionState.RUNNING:
        raise UsageError(f"The session {info.id} is running: end it first.")
    if info.audio is None:
        raise SerError(
            f"The session {info.id} has no sound to hear again: record with --record-audio."
        )
    metadata = info.metadata
    changes = {"model": model, "profile": None}  # a profile is good for its own model alone
    settings = parse_config({**metadata.provenance["config"], **changes}, "the kept settings")
    bundle = load_bundle(model)
    new_metadata = replace(
        metadata,
        labels=bundle.labels,
        model=ModelIdentity(bundle.manifest.name, bundle.manifest.version, bundle.digest),
        provenance=provenance(settings, bundle, bundle.decoder()),
        origin=info.id,
    )
    source = _open_sound(info)
    old_columns = {channel: store.columns(info.id, channel) for channel in metadata.channels}
    step_model = StepModel(bundle)
    channel_pipelines = [
        ChannelPipeline(
            Pipeline(bundle, settings.gate, channel, None, step_model), source.info.native_rate
        )
        for channel in metadata.channels
    ]
    writer = store.begin(new_metadata)
    try:
        writer.start(metadata.started, lambda: info.health)
        writer.feed([*store.markers(info.id), *store.anchors(info.id)])
        gaps = _gaps(old_columns[metadata.channels[0]], source.info.native_rate)
        for records, share in _process_blocks(source, channel_pipelines, gaps):
            writer.feed(
                [_with_wall_clock(record, old_columns[record.channel]) for record in records]
            )
            writer.flush()
            advance(share)
    except BaseException:
        writer.discard()
        raise
    writer.finish()
    store.annotate(writer.id, intervals=store.intervals(info.id))
    return store.session(writer.id)


@dataclass(frozen=True, slots=True)
class _Gap:
    """Native samples ``start .. end - 1`` that were lost or paused."""

    start: int
    end: int
    state: State


def _open_sound(info: SessionInfo) -> FileSource:
    assert info.audio is not None
    try:
        repair_flac(info.audio)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"The sound {info.audio} cannot be read: {error}") from error
    return FileSource(info.audio)


def _gaps(columns: Columns, rate: int) -> list[_Gap]:
    """Lost and paused stretches, cut so that they leave whole the steps around them."""
    time = TimeBase(rate)
    silent = np.isin(columns.state, [STATES.index(s) for s in (State.LOST, State.PAUSED)])
    steps, states = columns.step[silent].astype(np.int64), columns.state[silent]
    edges = np.flatnonzero((np.diff(steps) != 1) | (np.diff(states) != 0)) + 1
    runs = zip(np.split(steps, edges), np.split(states, edges), strict=True)
    return [
        _Gap(
            # The step before ends so much later than this one begins.
            time.native(int(run[0]) * STEP + STEP_SPAN - STEP),
            time.native((int(run[-1]) + 1) * STEP),
            STATES[which[0]],
        )
        for run, which in runs
        if len(run)
    ]


def _process_blocks(
    source: FileSource, channel_pipelines: Sequence[ChannelPipeline], gaps: list[_Gap]
) -> Iterator[tuple[list[Update | Segment], float]]:
    """What is heard block by block, and what share of the sound is done."""
    native_position, pending_gaps = 0, deque(gaps)
    for block in source.blocks(_BLOCK_S):
        end = native_position + len(block)
        records: list[Update | Segment] = []
        while native_position < end:
            gap = pending_gaps[0] if pending_gaps else None
            if gap is None or native_position < gap.start:
                until = end if gap is None else min(end, gap.start)
                part = block[len(block) - (end - native_position) :][: until - native_position]
                records += [
                    record
                    for channel_pipeline in channel_pipelines
                    for record in channel_pipeline.push(part)
                ]
            else:
                until = min(end, gap.end)
                if until == gap.end:
                    pending_gaps.popleft()
                    records += [
                        r
                        for channel_pipeline in channel_pipelines
                        for r in channel_pipeline.gap(gap.end, gap.state)
                    ]
            native_position = until
        yield records, native_position / source.info.native_rate / (source.info.duration_s or 1.0)
    # A session that ends with lost time has no sound of it.
    rest = [
        r
        for gap in pending_gaps
        for channel_pipeline in channel_pipelines
        for r in channel_pipeline.gap(gap.end, gap.state)
    ]
    native_position = max([native_position, *(gap.end for gap in pending_gaps)])
    yield (
        rest
        + [
            record
            for channel_pipeline in channel_pipelines
            for record in channel_pipeline.finish(native_position)
        ],
        1.0,
    )


def _with_wall_clock(record: Update | Segment, old_columns: Columns) -> Record:
    """A record with the wall clock of the session's own step."""
    if isinstance(record, Segment):
        return record
    index = int(np.searchsorted(old_columns.step, record.step))
    if index == len(old_columns) or old_columns.step[index] != record.step:
        return record
    wall = moment(int(old_columns.wall_us[index]), int(old_columns.utc_offset_s[index]))
    return replace(record, wall_clock=wall)
