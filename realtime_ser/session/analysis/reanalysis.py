"""Reanalysis of a session by another model, from the kept sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import parse_config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import STEP, STEP_SPAN, Segment, State, Update
from realtime_ser.base.timebase import TimeBase
from realtime_ser.engine.model_choice import for_files
from realtime_ser.engine.offline import Gap, analyse
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipelines
from realtime_ser.session.analysis.files import Advance, feed_blocks, new_session
from realtime_ser.session.metadata import provenance
from realtime_ser.session.store import Columns, SessionInfo, Store
from realtime_ser.session.store.blobs import STATES, moment


def reanalyse(store: Store, info: SessionInfo, model: str, advance: Advance) -> SessionInfo:
    """Analyse the kept sound of a session again, into a new session that names the first.

    Steps, wall clock, lost and paused time, markers, intervals labelled by hand, study, gate and
    channels are those of the first session.

    ``model`` is the name of a shipped bundle, the path of a bundle's folder, or ``auto``.

    Raises
    ------
    SerError
        The session still runs, no sound was kept, or the model cannot be used.
    """
    info.require_ended()
    if info.audio is None:
        raise SerError(
            f"The session {info.id} has no sound to hear again: record with "
            "'realtime-ser monitor --record-audio'."
        )
    metadata = info.metadata
    changes = {"model": model, "profile": None}  # a profile is good for its own model alone
    settings = for_files(
        parse_config({**metadata.provenance.get("config", {}), **changes}, "the kept settings")
    )
    bundle = load_bundle(settings.model)
    new_metadata = replace(
        metadata,
        labels=bundle.labels,
        model=bundle.identity,
        provenance=provenance(settings, bundle, bundle.decoder()),
        origin=info.id,
    )
    source = _open_sound(info)
    old_columns = {channel: store.columns(info.id, channel) for channel in metadata.channels}
    rate = source.info.native_rate
    pipelines = ChannelPipelines(
        bundle, settings.gate, metadata.channels, rate, voice=settings.voice.measures
    )
    gaps = _gaps(old_columns[metadata.channels[0]], TimeBase(rate))
    blocks = (
        ([_with_wall_clock(record, old_columns[record.channel]) for record in records], share)
        for records, share in analyse(source, pipelines, gaps)
    )
    with new_session(store, new_metadata) as writer:
        writer.start(metadata.started, lambda: info.health)
        writer.feed([*store.markers(info.id), *store.anchors(info.id)])
        feed_blocks(writer, blocks, advance)
    store.annotate(writer.id, intervals=store.intervals(info.id))
    return store.session(writer.id)


def _open_sound(info: SessionInfo) -> FileSource:
    assert info.audio is not None
    return FileSource(info.audio)


def _gaps(columns: Columns, time_base: TimeBase) -> list[Gap]:
    """Lost and paused stretches, cut so that the steps around them stay whole."""
    silent = columns.within(State.LOST, State.PAUSED)
    steps, states = columns.step[silent].astype(np.int64), columns.state[silent]
    edges = np.flatnonzero((np.diff(steps) != 1) | (np.diff(states) != 0)) + 1
    runs = zip(np.split(steps, edges), np.split(states, edges), strict=True)
    return [
        Gap(
            # The step before ends so much later than this one begins.
            time_base.native(int(run[0]) * STEP + STEP_SPAN - STEP),
            time_base.native((int(run[-1]) + 1) * STEP),
            STATES[which[0]],
        )
        for run, which in runs
        if len(run)
    ]


def _with_wall_clock(record: Update | Segment, old_columns: Columns) -> Update | Segment:
    """A record with the wall clock of the session's own step."""
    if isinstance(record, Segment):
        return record
    index = int(np.searchsorted(old_columns.step, record.step))
    if index == len(old_columns) or old_columns.step[index] != record.step:
        return record
    wall = moment(int(old_columns.wall_us[index]), int(old_columns.utc_offset_s[index]))
    return replace(record, wall_clock=wall)
