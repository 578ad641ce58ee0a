"""A monitor with its files: what the window and the terminal run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import platformdirs

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.microphone import MicrophoneSource
from realtime_ser.audio.source import Source, require_channels
from realtime_ser.config import AudioConfig, Config
from realtime_ser.errors import DeviceError, SerError, UsageError
from realtime_ser.model import bundle_folder, load_bundle
from realtime_ser.monitor import Monitor
from realtime_ser.records import Anchor
from realtime_ser.resources import shipped
from realtime_ser.session.recording import Files, Recording
from realtime_ser.session.sidecar import provenance, source_fields
from realtime_ser.session.summary import ChannelSummary

DEMO = "demo.flac"


@dataclass(frozen=True, slots=True)
class Choice:
    """A source that was opened, and what the user should know of how it was chosen."""

    source: Source
    notice: str | None = None


def choose_source(audio: AudioConfig) -> Choice:
    """Open what ``audio.input`` names: ``auto``, ``mic``, ``demo``, or a file.

    Raises
    ------
    SerError
        There is no such device or file. For ``auto`` the demo stands for one missing microphone.
    """
    if audio.input == "demo":
        return Choice(_demo(audio))
    if audio.input not in ("auto", "mic"):
        return Choice(_file(Path(audio.input), audio))
    try:
        return Choice(MicrophoneSource(audio.device, max(audio.channels)))
    except DeviceError as error:
        # The demo has one channel.
        if audio.input == "mic" or audio.device is not None or max(audio.channels) > 1:
            raise
        return Choice(_demo(audio), f"{error} Playing the demo recording instead.")


def _demo(audio: AudioConfig) -> FileSource:
    return _file(shipped(DEMO), audio, demo=True)


def _file(path: Path, audio: AudioConfig, *, demo: bool = False) -> FileSource:
    source = FileSource(path, audio.speed, demo=demo)
    require_channels(source.info, audio.channels)
    return source


def make_monitor(config: Config, source: Source) -> Monitor:
    """Monitor of a source, with all settings.

    Raises
    ------
    BundleError
        The model cannot be used.
    """
    return Monitor(
        source,
        load_bundle(bundle_folder(config.model)),
        config.gate,
        channels=config.audio.channels,
        buffer_s=config.audio.buffer_s,
    )


def session_folder(config: Config) -> Path:
    """Where sessions are written that were given no name."""
    return config.session.folder or Path(platformdirs.user_documents_dir()) / "Realtime SER"


def session_files(config: Config, export: Path | None) -> Files:
    """Where a session that begins now is written.

    Raises
    ------
    UsageError
        ``export`` does not end in ``.csv``.
    """
    if export is not None:
        if export.suffix.lower() != ".csv":
            raise UsageError(f"The export '{export}' must have a name that ends in .csv.")
        return Files(export)
    folder = session_folder(config)
    name = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    files = Files(folder / f"{name}.csv")
    number = 2
    while files.existing():
        files = Files(folder / f"{name}_{number}.csv")
        number += 1
    return files


class LiveSession:
    """A monitor whose updates go to disk as they come.

    Parameters
    ----------
    config
        All settings.
    export
        Frames CSV to write; ``None``: a new name in the session folder.

    Raises
    ------
    SerError
        The source, the model or the files cannot be opened.
    """

    def __init__(self, config: Config, export: Path | None = None) -> None:
        self.config = config
        choice = choose_source(config.audio)
        self.notice = choice.notice
        self.monitor = make_monitor(config, choice.source)
        self._recording = Recording(
            session_files(config, export),
            self.monitor.labels,
            choice.source.info,
            self._describe,
            audio=config.session.record_audio,
        )

    @property
    def files(self) -> Files:
        """Where it is written."""
        return self._recording.files

    @property
    def error(self) -> str | None:
        """What went wrong since the start, with the source or with the files; one sentence."""
        return self.monitor.status.error or self.write_error

    @property
    def write_error(self) -> str | None:
        """Why the files are incomplete; one sentence."""
        return self._recording.error

    def start(self, duration_s: float | None = None) -> None:
        """Begin to listen and to write; end after ``duration_s`` by the session's clock.

        Raises
        ------
        SerError
            The source refuses. No files are left.
        """
        self._recording.start(self.monitor.subscribe(sound=self.config.session.record_audio))
        try:
            self.monitor.start(duration_s)
        except SerError:
            self.stop()
            self._recording.discard()
            raise

    def stop(self) -> dict[int, ChannelSummary]:
        """Stop, and return a summary of each channel when all is on the disk.

        Safe to call twice.
        """
        self.monitor.stop()
        self._recording.finish()
        return self._recording.tally.summary()

    def _describe(self, anchors: Sequence[Anchor]) -> dict[str, Any]:
        monitor, status = self.monitor, self.monitor.status
        return (
            provenance(self.config, monitor.bundle, monitor.labels)
            | source_fields(monitor.source.info, monitor.channels, anchors)
            | {"overflows": status.overflows, "dropped_samples": status.dropped_samples}
        )
