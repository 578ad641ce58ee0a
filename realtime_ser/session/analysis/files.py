"""Sessions of analyses, and above all of an audio file, whose sound stays in its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import SourceInfo, require_channels
from realtime_ser.base.config import Config
from realtime_ser.engine.model_choice import for_files
from realtime_ser.engine.offline import AnalysedBlock, analyse
from realtime_ser.recogniser.bundle import Bundle, Decoder, load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipelines
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.metadata import SessionMetadata, new_metadata, provenance
from realtime_ser.session.recorder import COMMIT_S
from realtime_ser.session.store import SessionInfo, SessionState, Store, StoreWriter

Advance = Callable[[float], None]
"""Told from time to time what share is done; an error that it raises ends the work."""

_ROW = 1024
"""Updates of a row of the store that is copied."""


@contextmanager
def new_session(store: Store, metadata: SessionMetadata) -> Iterator[StoreWriter]:
    """Begin a session that is complete after the body, and deleted when the body fails."""
    writer = store.begin(metadata)
    try:
        yield writer
    except BaseException:
        writer.discard()
        raise
    writer.finish()


def feed_blocks(writer: StoreWriter, blocks: Iterable[AnalysedBlock], advance: Advance) -> None:
    """Store the records of an analysis as they come."""
    due_s = time.monotonic() + COMMIT_S
    for records, share in blocks:
        writer.feed(records)
        if time.monotonic() >= due_s:
            writer.flush()
            due_s = time.monotonic() + COMMIT_S
        advance(share)


@dataclass(frozen=True)
class FileModel:
    """Model and settings with which files are analysed."""

    config: Config
    bundle: Bundle
    decoder: Decoder

    @cached_property
    def step_model(self) -> StepModel:
        """The step model, loaded once for all files of a thread."""
        return StepModel(self.bundle)

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """Versions, model and settings, as they go into each session and sidecar."""
        return provenance(self.config, self.bundle, self.decoder)

    def metadata(self, source: SourceInfo) -> SessionMetadata:
        """Metadata of the session of a file, which begins now."""
        metadata = new_metadata(self.config, source, self.bundle, self.decoder, self.provenance)
        return replace(metadata, title=source.name)

    def pipelines(self, rate: int) -> ChannelPipelines:
        """Pipelines of the chosen channels of a file with ``rate`` samples a second."""
        config = self.config
        return ChannelPipelines(
            self.bundle,
            config.gate,
            config.audio.channels,
            rate,
            self.decoder,
            self.step_model,
            voice=config.voice.measures,
        )


@dataclass(frozen=True, slots=True)
class StoredAnalysis:
    """ID of a file's session, and the folder of the store that holds it."""

    folder: Path
    session: str


def analyse_file(
    store: Store, model: FileModel, source: FileSource, advance: Advance, *, passing: bool = False
) -> SessionInfo:
    """Analyse a file; the result is a new session.

    In a ``passing`` session, which nobody opens again, it is not noted where the sound lies.

    Raises
    ------
    SerError
        The file cannot be used, or the session cannot be kept.
    """
    announced = source.info
    require_channels(announced, model.config.audio.channels)
    blocks = analyse(source, model.pipelines(announced.native_rate))
    with new_session(store, model.metadata(announced)) as writer:
        if not passing:
            writer.note_files(None, named=False, audio=source.path)
        feed_blocks(writer, blocks, advance)
        if source.info != announced:
            writer.note_source(source.info)
    return store.session(writer.id)


def session_of_file(
    store: Store,
    config: Config,
    path: Path,
    advance: Advance,
    analysed: StoredAnalysis | None = None,
) -> SessionInfo:
    """Session of a file: a stored session with its annotations, or else a new one.

    A stored session counts if the file has not changed since, and if model and channels are the
    same.

    Parameters
    ----------
    store
        The store of the session.
    config
        Model, gate and channels. A profile is left out: it was chosen for a session, not for any
        file.
    path
        The file. It is not copied: while it is there, the session has sound.
    advance
        Told from time to time what share is done; an error that it raises ends the work, and
        nothing is kept.
    analysed
        An analysis of the file in another store: taken over, and not made again.

    Raises
    ------
    SerError
        The file or the model cannot be used, or the session cannot be kept.
    """
    path = path.resolve()
    if analysed is not None:
        with Store(analysed.folder, temporary=True) as other:
            info = other.session(analysed.session)
            if _is_current(info, path):
                model, channels = info.metadata.model, info.metadata.channels
                stored = _stored_session(store, path, model, channels)
                return stored or _copy(store, other, info)
    config = for_files(config.model_copy(update={"profile": None}))
    source = FileSource(path)
    require_channels(source.info, config.audio.channels)
    bundle = load_bundle(config.model)
    identity, channels = bundle.identity, config.audio.channels
    return _stored_session(store, path, identity, channels) or analyse_file(
        store, FileModel(config, bundle, bundle.decoder()), source, advance
    )


def _stored_session(
    store: Store, path: Path, model: ModelIdentity, channels: tuple[int, ...]
) -> SessionInfo | None:
    """Latest session of the unchanged file with the same model and channels."""
    found = [
        info
        for info in store.sessions()
        if info.audio == path
        and info.state is SessionState.COMPLETE
        and info.metadata.model == model
        and info.metadata.channels == channels
        and _is_current(info, path)
    ]
    return found[-1] if found else None


def _is_current(info: SessionInfo, path: Path) -> bool:
    """Whether a file has not changed since a session of it began."""
    changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    return info.metadata.started > changed


def _copy(store: Store, other: Store, info: SessionInfo) -> SessionInfo:
    """Take a session over from another store, to the bit."""
    with new_session(store, info.metadata) as writer:
        writer.note_files(None, named=False, audio=info.audio)
        for channel in info.channels:
            columns = other.columns(info.id, channel.number)
            starts = range(0, len(columns), _ROW)
            writer.insert_columns(columns.part(slice(at, at + _ROW)) for at in starts)
        writer.feed(other.segments(info.id))
    return store.session(writer.id)
