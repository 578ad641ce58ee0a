"""Hears an audio file as a session, through the very pipeline of the live engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import require_channels
from realtime_ser.base.config import Config
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from realtime_ser.recogniser.pipeline import ChannelPipeline, Pipeline
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.metadata import ModelIdentity, SessionHealth, SessionMetadata
from realtime_ser.session.profiles.folder import with_profile
from realtime_ser.session.sidecar import provenance
from realtime_ser.session.store import SessionInfo, SessionState, Store

_BLOCK_S = 5.0


def analyze_into_store(
    store: Store, config: Config, path: Path, advance: Callable[[float], None]
) -> SessionInfo:
    """Hear a file and keep the result as a session; the sound stays where it is.

    Where the file has been heard with the same model before and has not changed since, that session
    is returned, with all that was marked in it.

    Parameters
    ----------
    store
        Where it is kept.
    config
        Model, gate and channels.
    path
        The file. It is not copied: while it is there, the session has sound.
    advance
        Is told from time to time what share is done; what it raises ends the work, and nothing is
        kept.

    Raises
    ------
    SerError
        The file or the model cannot be used, or the session cannot be kept.
    """
    path = path.resolve()
    source = FileSource(path)
    require_channels(source.info, config.audio.channels)
    config = with_profile(config, None)  # it was chosen for a session, not for any file
    bundle = load_bundle(config.model)
    model = ModelIdentity(bundle.manifest.name, bundle.manifest.version, bundle.digest)
    stored = _stored_session(store, path, model, config)
    if stored is not None:
        return stored
    writer = store.begin(_metadata(config, source, bundle, model))
    try:
        writer.start(datetime.now().astimezone(), SessionHealth)
        writer.note_files(None, named=False, audio=path)
        rate, step_model = source.info.native_rate, StepModel(bundle)
        channel_pipelines = [
            ChannelPipeline(Pipeline(bundle, config.gate, channel, None, step_model), rate)
            for channel in config.audio.channels
        ]
        native_position = 0
        for block in source.blocks(_BLOCK_S):
            native_position += len(block)
            writer.feed(
                [
                    record
                    for channel_pipeline in channel_pipelines
                    for record in channel_pipeline.push(block)
                ]
            )
            writer.flush()
            advance(native_position / rate / (source.info.duration_s or 1.0))
        writer.feed(
            [
                record
                for channel_pipeline in channel_pipelines
                for record in channel_pipeline.finish(native_position)
            ]
        )
    except BaseException:
        writer.discard()
        raise
    writer.finish()
    return store.session(writer.id)


def _metadata(
    config: Config, source: FileSource, bundle: Bundle, model: ModelIdentity
) -> SessionMetadata:
    return SessionMetadata(
        started=datetime.now().astimezone(),
        source=source.info,
        channels=config.audio.channels,
        labels=bundle.labels,
        model=model,
        provenance=provenance(config, bundle, bundle.decoder()),
        names=config.audio.names,
        title=source.info.name,
    )


def _stored_session(
    store: Store, path: Path, model: ModelIdentity, config: Config
) -> SessionInfo | None:
    """The latest session of a file as it is, heard in the same way."""
    changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    found = [
        info
        for info in store.sessions()
        if info.audio == path
        and info.state is SessionState.COMPLETE
        and info.metadata.model == model
        and info.metadata.channels == config.audio.channels
        and info.metadata.started > changed
    ]
    return found[-1] if found else None
