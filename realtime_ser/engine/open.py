"""Opening by the settings: a source (microphone, demo recording or file), and its monitor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from realtime_ser.audio.microphone import MicrophoneSource
from realtime_ser.audio.source import Source, require_channels
from realtime_ser.base.config import AudioConfig, Config
from realtime_ser.base.errors import DeviceError
from realtime_ser.base.paths import shipped
from realtime_ser.engine.monitor import Monitor
from realtime_ser.recogniser.profiles import chosen_model

DEMO = "demo.flac"


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source, and a notice for the user of how it was chosen."""

    source: Source
    notice: str | None = None


def open_source(audio: AudioConfig) -> OpenedSource:
    """Open what ``audio.input`` names: ``auto``, ``mic``, ``demo``, or a file.

    With ``auto``, the demo takes the place of a microphone that is missing.
    """
    if audio.input == "demo":
        return OpenedSource(_demo(audio))
    if audio.input not in ("auto", "mic"):
        return OpenedSource(_file(Path(audio.input), audio))
    try:
        return OpenedSource(MicrophoneSource(audio.device, max(audio.channels)))
    except DeviceError as error:
        # The demo has one channel.
        if audio.input == "mic" or audio.device is not None or max(audio.channels) > 1:
            raise
        return OpenedSource(_demo(audio), f"{error} Playing the demo recording instead.")


def make_monitor(config: Config, source: Source) -> Monitor:
    """Monitor of a source by the settings."""
    bundle, decoder = chosen_model(config)
    return Monitor(
        source,
        bundle,
        config.gate,
        channels=config.audio.channels,
        decoder=decoder,
        buffer_s=config.audio.buffer_s,
        voice=config.voice.measures,
    )


def _demo(audio: AudioConfig) -> Source:
    return _file(shipped(DEMO), audio, demo=True)


def _file(path: Path, audio: AudioConfig, *, demo: bool = False) -> Source:
    from realtime_ser.audio.file import FileSource  # needs libsndfile

    source = FileSource(path, audio.speed, demo=demo)
    require_channels(source.info, audio.channels)
    return source
