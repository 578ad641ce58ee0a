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
from realtime_ser.base.records import SAMPLE_RATE, STEP, STEP_SPAN, Record, Segment, State, Update
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle
from realtime_ser.recogniser.channel_pipeline import Lane
from realtime_ser.recogniser.pipeline import Pipeline
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.flac_repair import mend_flac
from realtime_ser.session.metadata import Model
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
    begun = info.beginning
    changes = {"model": model, "profile": None}  # a profile is good for its own model alone
    settings = parse_config({**begun.provenance["config"], **changes}, "the kept settings")
    bundle = load_bundle(bundle_folder(model))
    again = replace(
        begun,
        labels=bundle.labels,
        model=Model(bundle.manifest.name, bundle.manifest.version, bundle.digest),
        provenance=provenance(settings, bundle, bundle.labels),
        origin=info.id,
    )
    source = _sound(info)
    before = {channel: store.columns(info.id, channel) for channel in begun.channels}
    step_model = StepModel(bundle)
    lanes = [
        Lane(
            channel,
            source.info.native_rate,
            Pipeline(bundle, settings.gate, channel, (), step_model),
        )
        for channel in begun.channels
    ]
    writer = store.begin(again)
    try:
        writer.start(begun.started, lambda: info.course)
        writer.write([*store.markers(info.id), *store.anchors(info.id)])
        gaps = _gaps(before[begun.channels[0]], source.info.native_rate)
        for records, share in _hear(source, lanes, gaps):
            writer.write([_stamped(record, before[record.channel]) for record in records])
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


def _sound(info: SessionInfo) -> FileSource:
    assert info.audio is not None
    try:
        mend_flac(info.audio)
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"The sound {info.audio} cannot be read: {error}") from error
    return FileSource(info.audio)


def _gaps(columns: Columns, rate: int) -> list[_Gap]:
    """Lost and paused stretches, cut so that they leave whole the steps around them."""
    silent = np.isin(columns.state, [STATES.index(s) for s in (State.LOST, State.PAUSED)])
    steps, states = columns.step[silent].astype(np.int64), columns.state[silent]
    edges = np.flatnonzero((np.diff(steps) != 1) | (np.diff(states) != 0)) + 1
    runs = zip(np.split(steps, edges), np.split(states, edges), strict=True)
    return [
        _Gap(
            # The step before ends so much later than this one begins.
            _native(int(run[0]) * STEP + STEP_SPAN - STEP, rate),
            _native((int(run[-1]) + 1) * STEP, rate),
            STATES[which[0]],
        )
        for run, which in runs
        if len(run)
    ]


def _native(sample: int, rate: int) -> int:
    """Native sample at or after a sample at 16 kHz."""
    return -(-sample * rate // SAMPLE_RATE)


def _hear(
    source: FileSource, lanes: Sequence[Lane], gaps: list[_Gap]
) -> Iterator[tuple[list[Update | Segment], float]]:
    """What is heard block by block, and what share of the sound is done."""
    native, waiting = 0, deque(gaps)
    for block in source.blocks(_BLOCK_S):
        end = native + len(block)
        records: list[Update | Segment] = []
        while native < end:
            gap = waiting[0] if waiting else None
            if gap is None or native < gap.start:
                until = end if gap is None else min(end, gap.start)
                part = block[len(block) - (end - native) :][: until - native]
                records += [record for lane in lanes for record in lane.push(part)]
            else:
                until = min(end, gap.end)
                if until == gap.end:
                    waiting.popleft()
                    records += [r for lane in lanes for r in lane.gap(gap.end, gap.state)]
            native = until
        yield records, native / source.info.native_rate / (source.info.duration_s or 1.0)
    # A session that ends with lost time has no sound of it.
    rest = [r for gap in waiting for lane in lanes for r in lane.gap(gap.end, gap.state)]
    native = max([native, *(gap.end for gap in waiting)])
    yield rest + [record for lane in lanes for record in lane.finish(native)], 1.0


def _stamped(record: Update | Segment, before: Columns) -> Record:
    """A record with the wall clock of the session's own step."""
    if isinstance(record, Segment):
        return record
    index = int(np.searchsorted(before.step, record.step))
    if index == len(before) or before.step[index] != record.step:
        return record
    wall = moment(int(before.wall_us[index]), int(before.utc_offset_s[index]))
    return replace(record, wall_clock=wall)
