"""Hears an audio file as a session, through the very pipeline of the live engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import require_channels
from realtime_ser.base.config import Config
from realtime_ser.recogniser.bundle import Bundle, bundle_folder, load_bundle
from realtime_ser.recogniser.channel_pipeline import Lane
from realtime_ser.recogniser.pipeline import Pipeline
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.metadata import Beginning, Course, Model
from realtime_ser.session.profiles.folder import with_profile
from realtime_ser.session.sidecar import provenance
from realtime_ser.session.store import SessionInfo, SessionState, Store

_BLOCK_S = 5.0


def keep_file(
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
    bundle = load_bundle(bundle_folder(config.model))
    model = Model(bundle.manifest.name, bundle.manifest.version, bundle.digest)
    known = _known(store, path, model, config)
    if known is not None:
        return known
    writer = store.begin(_beginning(config, source, bundle, model))
    try:
        writer.start(datetime.now().astimezone(), Course)
        writer.note_files(None, named=False, audio=path)
        rate, step_model = source.info.native_rate, StepModel(bundle)
        lanes = [
            Lane(channel, rate, Pipeline(bundle, config.gate, channel, (), step_model))
            for channel in config.audio.channels
        ]
        native = 0
        for block in source.blocks(_BLOCK_S):
            native += len(block)
            writer.write([record for lane in lanes for record in lane.push(block)])
            writer.flush()
            advance(native / rate / (source.info.duration_s or 1.0))
        writer.write([record for lane in lanes for record in lane.finish(native)])
    except BaseException:
        writer.discard()
        raise
    writer.finish()
    return store.session(writer.id)


def _beginning(config: Config, source: FileSource, bundle: Bundle, model: Model) -> Beginning:
    return Beginning(
        started=datetime.now().astimezone(),
        source=source.info,
        channels=config.audio.channels,
        labels=bundle.labels,
        model=model,
        provenance=provenance(config, bundle, bundle.labels),
        names=config.audio.names,
        title=source.info.name,
    )


def _known(store: Store, path: Path, model: Model, config: Config) -> SessionInfo | None:
    """The latest session of a file as it is, heard in the same way."""
    changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    found = [
        info
        for info in store.sessions()
        if info.audio == path
        and info.state is SessionState.COMPLETE
        and info.beginning.model == model
        and info.beginning.channels == config.audio.channels
        and info.beginning.started > changed
    ]
    return found[-1] if found else None
