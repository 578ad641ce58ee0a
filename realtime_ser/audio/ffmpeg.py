"""FFmpeg through PyAV: the second reader, where libsndfile cannot open or not read all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_ser.audio.samples import Piece
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.text import printable

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

#: Containers of sound; playlists and the like, which name other files, are not among them.
_CONTAINERS = (
    "aac,ac3,eac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,flac,flv,gsm,iff,latm,loas,"
    "matroska,mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,ogg,oma,rm,shn,tak,truehd,tta,voc,w64,"
    "wav,webm,wv,xwma"
)
_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}

#: Containers that tell the length of their sound; of others packets are counted.
_MEASURED = frozenset({"mov", "wav", "aiff", "caf", "au", "w64", "ape", "wv", "tta", "flac"})

_JITTER_S = 0.1  # seconds by which times in a container stray; more is a gap
_LONGEST_GAP_S = 600.0  # seconds of a gap, or of a packet, that is taken for one


_FAR = 2**40  # a sample behind the end of any file


class FfmpegSound:
    """The first stream of sound in a file.

    Parameters
    ----------
    skip
        Places of packets that are no sound.
    frames
        Samples a channel, where that is known; else packets are counted.
    rate
        Rate in Hz to which all samples are brought; ``None``: that of the first ones.

    Attributes
    ----------
    rate, channels
        Those of its first samples, to which all others are brought.
    frames
        Samples a channel that are to be expected.
    announced
        Samples a channel that the container announces; ``None``: it does not.
    cut
        Whether the last packet was not whole; known when all was read.
    """

    def __init__(
        self,
        path: Path,
        skip: Collection[int] = (),
        frames: int | None = None,
        rate: int | None = None,
    ) -> None:
        self._path = path
        self._skip = skip
        self.cut = False
        with _open(path) as container:
            stream = _stream(container, path)
            decoded = self._decoded(container, stream)
            first = next((part for part in decoded if not isinstance(part, float)), None)
            if first is None:
                raise AudioFileError(f"{path} holds no sound; record or copy it again.")
            self.rate: int = rate or first.sample_rate
            self.channels: int = first.layout.nb_channels
            self._layout = first.layout.name
            announced_s = _announced_s(container, stream)
        self.announced = None if announced_s is None else round(announced_s * self.rate)
        frames = self.announced if frames is None else frames
        self.frames: int = round(self._counted_s() * self.rate) if frames is None else frames

    def pieces(self, _count: int = 0) -> Iterator[Piece]:
        """All samples, in pieces of the file's own lengths."""
        converter = _Converter(self.rate, self._layout)
        with _open(self._path) as container:
            for part in self._decoded(container, _stream(container, self._path)):
                if isinstance(part, float):
                    lost = np.full((round(part * self.rate), self.channels), np.nan, np.float32)
                    yield Piece(lost, lost=True)
                else:
                    yield from converter.convert(part)
        yield from converter.flush()

    def _decoded(
        self, container: InputContainer, stream: AudioStream
    ) -> Iterator[AudioFrame | float]:
        """Frames, and between them the seconds that cannot be decoded."""
        import av

        clock = _Clock()
        lost_s = 0.0
        for packet in self._packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                lost_s += _seconds(packet)
                continue
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                lost_s = max(lost_s, clock.gap_s(frame))
                if lost_s:
                    clock.pass_time(lost_s)
                    yield lost_s
                    lost_s = 0.0
                clock.pass_time(frame.samples / frame.sample_rate)
                yield frame
        self.cut |= lost_s > 0.0

    def _packets(
        self, container: InputContainer, stream: AudioStream
    ) -> Iterator[Packet[AudioStream]]:
        import av

        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:  # the file ends within a packet
                self.cut = True
                return
            if packet is None:
                return
            if packet.size:
                self.cut = bool(packet.is_corrupt)
            if packet.pos is None or packet.pos not in self._skip:
                yield packet

    def _counted_s(self) -> float:
        """Seconds of all packets."""
        with _open(self._path) as container:
            return sum(map(_seconds, self._packets(container, _stream(container, self._path))))


def flac_lengths(path: Path) -> tuple[int | None, int | None]:
    """Samples that a FLAC file announces, and those up to its last frame; ``None``: not known."""
    try:
        with _open(path) as container:
            import av

            stream = _stream(container, path)
            ends: list[int] = []
            with suppress(av.FFmpegError):  # where it is damaged, the frames before count
                container.seek(_FAR, stream=stream)
            with suppress(av.FFmpegError):
                ends.extend(
                    packet.pts + packet.duration
                    for packet in container.demux(stream)
                    if packet.pts is not None and packet.duration
                )
            return stream.duration or None, max(ends, default=None)
    except AudioFileError:
        return None, None


class _Clock:
    """Compares the times that a container gives its frames with the samples that came."""

    def __init__(self) -> None:
        self._origin_s: float | None = None
        self._passed_s = 0.0

    def pass_time(self, seconds: float) -> None:
        self._passed_s += seconds

    def gap_s(self, frame: AudioFrame) -> float:
        """Seconds that are missing before a frame; 0 where the container's times begin anew."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        time_s = float(frame.pts * frame.time_base)
        if self._origin_s is None:
            self._origin_s = time_s
        gap_s = time_s - self._origin_s - self._passed_s
        if not -_JITTER_S <= gap_s <= _LONGEST_GAP_S:
            self._origin_s, self._passed_s = time_s, 0.0
        return gap_s if _JITTER_S < gap_s <= _LONGEST_GAP_S else 0.0


class _Converter:
    """Brings frames to one rate, one layout and float32."""

    def __init__(self, rate: int, layout: str) -> None:
        self._rate = rate
        self._layout = layout
        self._kind: tuple[object, ...] = ()
        self._resampler: AudioResampler | None = None

    def convert(self, frame: AudioFrame) -> Iterator[Piece]:
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            yield from self.flush()
            self._resampler = av.AudioResampler("flt", self._layout, self._rate)
            self._kind = kind
        assert self._resampler is not None
        frame.pts = None  # what a container says of time is no matter of samples
        yield from map(_piece, self._resampler.resample(frame))

    def flush(self) -> Iterator[Piece]:
        resampler, self._resampler = self._resampler, None
        if resampler is not None and self._kind:
            yield from map(_piece, resampler.resample(None))


def _piece(frame: AudioFrame) -> Piece:
    samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)  # interleaved
    return Piece(np.asarray(samples, np.float32))


@contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    try:
        import av
    except ImportError as error:
        raise AudioFileError(
            f"{path} needs FFmpeg to be read: install it with 'pip install av', or convert the "
            "file to WAV."
        ) from error
    if not path.is_file():
        raise AudioFileError(f"There is no audio file at {path}; check the path.")
    name = str(path.absolute())
    with ExitStack() as stack:
        # PyAV takes no names that are not UTF-8.
        source = name if printable(name) == name else stack.enter_context(path.open("rb"))
        try:
            container = av.open(source, "r", options=dict(_OPTIONS), metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise AudioFileError(_unreadable(path)) from error
        try:
            with container:
                yield container
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise AudioFileError(
                f"{path} is damaged and cannot be decoded; copy it again from where it came."
            ) from error


def _unreadable(path: Path) -> str:
    return f"{path} is not audio that can be read; use a WAV, FLAC, OGG or MP3 file."


def _stream(container: InputContainer, path: Path) -> AudioStream:
    if not container.streams.audio:
        raise AudioFileError(f"{path} holds no sound, only pictures; choose a file with sound.")
    return container.streams.audio[0]


def _announced_s(container: InputContainer, stream: AudioStream) -> float | None:
    names = set(container.format.name.split(","))
    if stream.duration is not None and stream.time_base is not None and names & _MEASURED:
        return float(stream.duration * stream.time_base)
    if "matroska" in names and container.duration and not container.streams.video:
        return container.duration / 1e6
    return None


def _seconds(packet: Packet[AudioStream]) -> float:
    if not packet.duration or packet.time_base is None:
        return 0.0
    seconds = float(packet.duration * packet.time_base)
    return seconds if seconds <= _LONGEST_GAP_S else 0.0
