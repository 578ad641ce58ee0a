"""A monitor with its files: what the window and the terminal run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from realtime_ser.audio.source import Source
from realtime_ser.base.config import Config
from realtime_ser.base.errors import FileTakenError, OutputError, SerError
from realtime_ser.base.paths import session_folder
from realtime_ser.base.records import Anchor
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.open import open_source
from realtime_ser.engine.status import Phase
from realtime_ser.session.metadata import ModelIdentity, SessionHealth, SessionMetadata, Study
from realtime_ser.session.opening import open_in_store
from realtime_ser.session.profiles.folder import chosen_model
from realtime_ser.session.recorder import RecordSink, SessionRecorder
from realtime_ser.session.running_summary import ChannelSummary
from realtime_ser.session.sidecar import provenance, sidecar_text
from realtime_ser.session.sinks import SoundSink, TableFiles, TableSink

AUDIO = "audio.flac"
"""Name of the sound in a session's folder of the store."""


def make_monitor(config: Config, source: Source) -> Monitor:
    """Monitor of a source, with all settings.

    Raises
    ------
    BundleError
        The model cannot be used.
    UsageError
        A profile was chosen that does not go with it.
    """
    bundle, decoder = chosen_model(config)
    return Monitor(
        source,
        bundle,
        config.gate,
        channels=config.audio.channels,
        decoder=decoder,
        buffer_s=config.audio.buffer_s,
    )


def session_files(config: Config, export: Path | None) -> TableFiles:
    """Where a session that begins now is written.

    Raises
    ------
    UsageError
        ``export`` does not end in ``.csv``.
    """
    if export is not None:
        return TableFiles.named(export)
    folder = session_folder(config)
    name = _now().strftime("%Y-%m-%d_%H-%M-%S")
    files = TableFiles(folder / f"{name}.csv")
    number = 2
    while files.existing():
        files = TableFiles(folder / f"{name}_{number}.csv")
        number += 1
    return files


class LiveSession:
    """A monitor whose updates go to disk as they come: into the store, and into tables.

    Where the store cannot be used, the session goes on without it, and :attr:`write_error` says so.

    Parameters
    ----------
    config
        All settings.
    export
        Frames CSV to write; ``None``: a new name in the session folder.

    Attributes
    ----------
    notice
        What the user should know of how the source was chosen.
    notices
        What the user should know of the profile and of the kept sessions; a sentence each.

    Raises
    ------
    SerError
        The source, the model or the files cannot be opened.
    """

    def __init__(self, config: Config, export: Path | None = None) -> None:
        self.config = config
        opened = open_source(config.audio)
        self.notice = opened.notice
        self.monitor = make_monitor(config, opened.source)
        self.files = session_files(config, export)
        self._started = False
        self._named = export is not None
        self._metadata = session_metadata(config, self.monitor)
        stored = open_in_store(config, self._metadata)
        self.notices = (*_profile_notice(self.monitor), *stored.notices)
        self._store_writer = stored.writer
        self._store_error = stored.error
        self._sound_sink: SoundSink | None = None
        self._recorder = self._open()

    @property
    def id(self) -> str | None:
        """ID of the session in the store; ``None``: it is not kept there."""
        return None if self._store_writer is None else self._store_writer.id

    @property
    def folder(self) -> Path | None:
        """The store's folder; ``None``: the session is not kept there."""
        return None if self._store_writer is None else self._store_writer.folder.parent

    @property
    def audio(self) -> Path | None:
        """Where the sound is kept, if it is."""
        if not self.config.session.record_audio:
            return None
        if self._store_writer is None or self._named:
            return self.files.audio
        return self._store_writer.folder / AUDIO

    @property
    def recording(self) -> bool:
        """Whether the sound is being kept: not any more once it could not be written."""
        return self._sound_sink is not None and self._recorder.is_writing(self._sound_sink)

    @property
    def error(self) -> str | None:
        """What went wrong since the start, with the source or with the files; one sentence."""
        return self.monitor.status.error or self.write_error

    @property
    def write_error(self) -> str | None:
        """Why the store or the files are incomplete; one sentence."""
        return self._recorder.error or self._store_error

    @property
    def unwritten(self) -> bool:
        """Whether nothing reaches the disk any more."""
        return self._recorder.failed

    def start(self, duration_s: float | None = None) -> None:
        """Begin to listen and to write; end after ``duration_s`` by the session's clock.

        Raises
        ------
        SerError
            The source refuses. Nothing is left on the disk.
        """
        self._started = True
        self._metadata = replace(self._metadata, started=_now())
        if self._store_writer is not None:
            self._store_writer.start(self._metadata.started, self._health)
        self._recorder.start(self.monitor.subscribe(sound=self.config.session.record_audio))
        try:
            self.monitor.start(duration_s)
        except SerError:
            self.monitor.stop()
            self._recorder.discard()
            raise

    def stop(self) -> dict[int, ChannelSummary]:
        """Stop, and return a summary of each channel when all is on the disk.

        Safe to call twice.
        """
        self.monitor.stop()
        if self._started:
            self._recorder.finish()
        else:
            self._recorder.discard()
        return self._recorder.tally.summary()

    def _open(self) -> SessionRecorder:
        """Open all files, and leave none where one cannot be opened."""
        sinks: list[RecordSink] = [] if self._store_writer is None else [self._store_writer]
        try:
            sinks.append(self._open_tables())
            if self.audio is not None:
                self._sound_sink = SoundSink(self.audio, self.monitor.source.info)
                sinks.append(self._sound_sink)
            if self._store_writer is not None:
                self._store_writer.note_files(
                    self.files.frames, named=self._named, audio=self.audio
                )
        except OutputError:
            SessionRecorder(sinks).discard()
            raise
        return SessionRecorder(sinks)

    def _open_tables(self) -> TableSink:
        while True:
            try:
                return TableSink(
                    self.files, self.monitor.labels, self._sidecar, self.config.audio.names
                )
            except FileTakenError:
                if self._named:
                    raise
                # Another program began in the same second.
                self.files = session_files(self.config, None)

    def _health(self) -> SessionHealth:
        status = self.monitor.status
        error = status.error if status.phase is Phase.FAILED else None
        return SessionHealth(status.overflows, status.dropped_samples, error)

    def _sidecar(self, anchors: Sequence[Anchor]) -> str:
        return sidecar_text(self._metadata, self._health(), anchors)


def session_metadata(config: Config, monitor: Monitor) -> SessionMetadata:
    """What is known of a session that is about to begin."""
    manifest, study = monitor.bundle.manifest, config.study
    return SessionMetadata(
        started=_now(),
        source=monitor.source.info,
        channels=monitor.channels,
        labels=monitor.labels,
        model=ModelIdentity(manifest.name, manifest.version, monitor.bundle.digest),
        provenance=provenance(config, monitor.bundle, monitor.decoder),
        names=config.audio.names,
        study=Study(
            study.name or "", study.participant or "", study.condition or "", study.consent
        ),
    )


def _profile_notice(monitor: Monitor) -> tuple[str, ...]:
    """What the user should know of the profile that was chosen, if one was."""
    profile, info = monitor.decoder.profile, monitor.source.info
    if profile is None:
        return ()
    text = f"The probabilities are corrected by the profile '{profile.name}'"
    if profile.device == info.name:
        return (f"{text}.",)
    return (f"{text}, which was made with {profile.device}, and this is {info.name}.",)


def _now() -> datetime:
    return datetime.now().astimezone()
