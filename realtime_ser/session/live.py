"""A live session: a monitor with its store entry and its files, for window and terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from realtime_ser.base.config import Config
from realtime_ser.base.errors import FileTakenError, SerError, StoreError
from realtime_ser.base.files import numbered_path
from realtime_ser.base.memory import set_apart
from realtime_ser.base.paths import session_folder, store_folder
from realtime_ser.base.records import Anchor
from realtime_ser.base.text import FAR_VOICE, count_text
from realtime_ser.base.timebase import local_now
from realtime_ser.engine.model_choice import LARGE, LIGHT, for_live
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.open import make_monitor, open_source
from realtime_ser.engine.status import Phase
from realtime_ser.session.metadata import (
    SessionHealth,
    SessionMetadata,
    Study,
    json_text,
    new_metadata,
    provenance,
    sidecar_fields,
    voice_reference,
)
from realtime_ser.session.recorder import RecordSink, SessionRecorder
from realtime_ser.session.sinks import SoundSink, TableFiles, TableSink
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.session.store import SessionInfo, Store, open_store
from realtime_ser.session.store.database import LIVE_PATIENCE_S
from realtime_ser.session.store_sink import StoreSink

AUDIO = "audio.flac"
"""Name of the sound in a session's folder of the store."""

_LIGHTER = (
    f"This computer does not keep up with the model {LARGE}: the model {LIGHT} is lighter "
    f"('realtime-ser monitor --model {LIGHT}')."
)


def session_files(config: Config, export: Path | None) -> TableFiles:
    """Names of the table files of a session that begins now.

    Raises
    ------
    UsageError
        ``export`` does not end in ``.csv``.
    """
    if export is not None:
        return TableFiles.named(export)
    path = session_folder(config) / f"{local_now():%Y-%m-%d_%H-%M-%S}.csv"
    return TableFiles(numbered_path(path, lambda one: TableFiles(one).existing()))


@dataclass(frozen=True, slots=True)
class PreparedStore:
    """State of the store before a session begins.

    Attributes
    ----------
    notices
        Notices of recovered and deleted sessions; a sentence each.
    error
        Reason why sessions cannot be kept now although they should be; one sentence.
    """

    notices: tuple[str, ...] = ()
    error: str | None = None


def prepare_store(config: Config) -> PreparedStore:
    """Recover interrupted sessions and delete expired ones, if sessions are kept."""
    if not config.sessions.keep:
        return PreparedStore()
    notices: list[str] = []
    try:
        with open_store(config, patience_s=LIVE_PATIENCE_S) as store:
            notices += [store.notice] if store.notice is not None else []
            damage = store.repair(briefly=True)
            notices += [damage] if damage is not None else []
            notices += [_interrupted_notice(info) for info in store.recover()]
            if config.sessions.retention_days is not None:
                notices += _delete_expired(store, config.sessions.retention_days)
    except StoreError as error:
        return PreparedStore(tuple(notices), str(error))
    return PreparedStore(tuple(notices))


class LiveSession:
    """A monitor whose records go to the disk as they come: into the store, and into tables.

    Nothing is written before :meth:`start`. Where the store cannot be used, the session goes on
    without until it can, and :attr:`write_error` says so.

    Parameters
    ----------
    config
        All settings.
    export
        Frames CSV to write; ``None``: a new name in the session folder.

    Attributes
    ----------
    config
        All settings; its model names a bundle, also where the program chose it.
    notice
        Notice of how the source was chosen; ``None``: as the settings say.
    notices
        Notices of the model, the profile and the kept sessions; a sentence each.
    model_reason
        Why the program chose the model; one sentence. ``None``: the settings name it.
    audio
        File of the sound; ``None``: no sound is kept, or the session has not started.

    Raises
    ------
    SerError
        The source or the model cannot be opened, or ``export`` has a wrong name.
    """

    def __init__(self, config: Config, export: Path | None = None) -> None:
        choice = for_live(config)
        self.config = config = choice.config
        opened = open_source(config.audio)
        self.notice = opened.notice
        self.monitor = make_monitor(config, opened.source)
        self.files = session_files(config, export)
        self.audio: Path | None = None
        self._named = export is not None
        self._prepared = prepare_store(config)
        self.model_reason = choice.reason
        chosen = () if choice.reason is None else (choice.reason,)
        self.notices = (*chosen, *_profile_notice(self.monitor), *self._prepared.notices)
        self._store_sink: StoreSink | None = None
        self._sound_sink: SoundSink | None = None
        model = self.monitor.bundle.manifest
        self._recorder = SessionRecorder(voice_reference(self._new_metadata(), model))

    @property
    def id(self) -> str | None:
        """ID of the session in the store; ``None``: it has not begun there (yet)."""
        return None if self._store_sink is None else self._store_sink.id

    @property
    def folder(self) -> Path | None:
        """Folder of the store; ``None``: the session has not begun there (yet)."""
        return None if self.id is None else store_folder(self.config.sessions)

    @property
    def recording(self) -> bool:
        """Whether the sound is being kept: not while it cannot be written."""
        sink = self._sound_sink
        return sink is not None and self._recorder.error_of(sink) is None

    @property
    def error(self) -> str | None:
        """Fault of the source or of the files since the start; one sentence."""
        return self.monitor.status.error or self.write_error

    @property
    def write_error(self) -> str | None:
        """Reason why the store or a file is incomplete; one sentence."""
        waiting = self.config.sessions.keep and self.id is None
        return self._recorder.first_error() or (self._prepared.error if waiting else None)

    @property
    def advice(self) -> tuple[str, ...]:
        """What a person should know of voice and machine; sentences, from when they are known."""
        far, late = self._recorder.tally.far, self.monitor.status.late
        heavy = late and self.monitor.bundle.manifest.name == LARGE
        return (*([FAR_VOICE] if far else []), *([_LIGHTER] if heavy else []))

    @property
    def is_kept(self) -> bool:
        """Whether all that was heard is in the store."""
        sink = self._store_sink
        return sink is not None and self.id is not None and self._recorder.error_of(sink) is None

    def start(self, duration_s: float | None = None) -> None:
        """Begin to listen and to write; end after ``duration_s`` seconds of the session.

        Raises
        ------
        SerError
            The source refuses, or a file cannot be opened. Nothing is left on the disk.
        """
        if self._named:
            self.files.require_room()
        monitor, sound = self.monitor, self.config.session.record_audio
        records = monitor.subscribe()
        queues = {
            "tables": monitor.subscribe(),
            "sound": monitor.subscribe(sound=True) if sound else None,
            "store": monitor.subscribe() if self.config.sessions.keep else None,
        }
        metadata = self._new_metadata()
        try:
            monitor.start(duration_s)
            sinks = self._open(metadata)
        except SerError:
            monitor.stop()
            self._store_sink = None
            raise
        self._recorder.start(records, [(sinks[n], q) for n, q in queues.items() if q is not None])
        set_apart()

    def stop(self, say: Callable[[str], None] = lambda _: None) -> dict[int, ChannelSummary]:
        """Stop, and return a summary of each channel when all is on the disk.

        Safe to call twice.

        Parameters
        ----------
        say
            Called with a sentence where this takes long.
        """
        self.monitor.stop()
        self._recorder.finish(say)
        return self._recorder.tally.summary()

    def _open(self, metadata: SessionMetadata) -> dict[str, RecordSink]:
        """Begin the session in the store, and open its files; leave none where one is refused."""
        sinks: dict[str, RecordSink] = {}
        with ExitStack() as undo:
            if self.config.sessions.keep:
                store = StoreSink(self.config, metadata, self._health)
                self._store_sink = sinks["store"] = store
                undo.callback(store.discard)
                if self._prepared.error is None:
                    store.try_to_begin()
            self.audio = self._audio_path()
            if self.audio is not None:
                sound = SoundSink(self.audio, self.monitor.source.info)
                self._sound_sink = sinks["sound"] = sound
                undo.callback(sound.abandon)
            sinks["tables"] = self._open_tables(metadata)
            if self._store_sink is not None:
                self._store_sink.note_files(self.files.steps, named=self._named, audio=self.audio)
            undo.pop_all()
        return sinks

    def _audio_path(self) -> Path | None:
        if not self.config.session.record_audio:
            return None
        if self._named or self._store_sink is None or self._store_sink.folder is None:
            return self.files.audio
        return self._store_sink.folder / AUDIO

    def _open_tables(self, metadata: SessionMetadata) -> TableSink:
        def sidecar(anchors: Sequence[Anchor]) -> str:
            return json_text(sidecar_fields(metadata, self._health(), anchors))

        while True:
            try:
                return TableSink(
                    self.files,
                    self.monitor.labels,
                    sidecar,
                    metadata.names,
                    voice=metadata.measures_voice,
                )
            except FileTakenError:
                if self._named:
                    raise
                # Another program began in the same second.
                self.files = session_files(self.config, None)

    def _new_metadata(self) -> SessionMetadata:
        given, monitor = self.config.study, self.monitor
        study = Study(
            given.name or "", given.participant or "", given.condition or "", given.consent
        )
        source, bundle, decoder = monitor.source.info, monitor.bundle, monitor.decoder
        made_by = provenance(self.config, bundle, decoder, self.model_reason)
        metadata = new_metadata(self.config, source, bundle, decoder, made_by)
        return replace(metadata, study=study)

    def _health(self) -> SessionHealth:
        status = self.monitor.status
        error = status.error if status.phase is Phase.FAILED else self._file_error()
        return SessionHealth(status.overflows, status.dropped_samples, error)

    def _file_error(self) -> str | None:
        """Reason why a file beside the store is incomplete; one sentence."""
        return self._recorder.first_error(lambda sink: sink is not self._store_sink)


def _profile_notice(monitor: Monitor) -> tuple[str, ...]:
    """Notice of the profile that was chosen, if one was; a sentence."""
    profile, info = monitor.decoder.profile, monitor.source.info
    if profile is None:
        return ()
    text = f"The probabilities are corrected by the profile '{profile.name}'"
    if profile.device == info.name:
        return (f"{text}.",)
    return (f"{text}, which was made with {profile.device}, and this is {info.name}.",)


def _interrupted_notice(info: SessionInfo) -> str:
    started = info.metadata.started.astimezone()
    today = started.date() == local_now().date()
    moment = started.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
    return (
        f"The session of {moment} was interrupted; all but its last second is kept: "
        f"realtime-ser sessions show {info.id}"
    )


def _delete_expired(store: Store, days: float) -> list[str]:
    expiry = store.expire(days)
    if expiry.left:
        limit = (local_now() - timedelta(days=days)).date()
        words = (
            f"{len(expiry.left)} sessions are older than {days:g} days, which are many at once: if "
            "the clock of this computer is right, delete them with realtime-ser sessions delete "
            f"--before {limit}"
        )
        return [words]
    if not expiry.deleted:
        return []
    count = count_text(len(expiry.deleted), "session")
    was = "was" if len(expiry.deleted) == 1 else "were"
    return [f"{count} older than {days:g} days {was} deleted, as sessions.retention_days says."]
