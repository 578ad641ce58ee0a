"""Chooses how the sound of a file is read whole, whatever its header says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import soundfile

from realtime_ser.audio.ffmpeg import FfmpegSound, flac_lengths
from realtime_ser.audio.file_bytes import FileBytes
from realtime_ser.audio.mpeg import MpegStream, after_tags, scan_mpeg, starts_frame
from realtime_ser.audio.notes import NoteKind, ReadNote, cut_note, damage_note
from realtime_ser.audio.pages import announced_size, joined_files, lacks_index, scan_ogg
from realtime_ser.audio.pcm import PcmLayout, PcmReader, pcm_layout
from realtime_ser.audio.readers import OpenedSound, SndfileReader, SoundReader, sndfile_name
from realtime_ser.base.errors import AudioFileError, reason_text
from realtime_ser.base.quiet import silence_stderr

AUDIO_FILES = frozenset(
    {
        # read by libsndfile
        *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
        *(".aif", ".aifc", ".aiff", ".au", ".snd", ".caf"),
        # read by FFmpeg
        *(".m4a", ".m4b", ".aac", ".wma", ".amr", ".awb", ".3ga", ".weba", ".mka", ".spx"),
        *(".ac3", ".ape", ".wv", ".tta", ".voc", ".gsm"),
        # films, which may hold sound
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".3gp", ".3g2", ".avi", ".wmv", ".mpg", ".mpeg"),
    }
)
"""Endings, in lower case, of the names of files that are taken for audio in a folder."""

_LFS = b"version https://git-lfs.github.com/spec/"
_HEAD = 4096
_BUFFER = 1 << 16
_MPEG_NAMES = frozenset({".mp3", ".mp2", ".mpga"})
_ENDLESS = 2**40  # samples that no recording has
_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000
_MOST_CHANNELS = 256


def open_sound(path: Path) -> OpenedSound:
    """Open a file; :class:`AudioFileError` where it holds no sound that can be read."""
    try:
        if not path.is_file():
            raise AudioFileError(f"There is no audio file at {path}; check the path.")
        if path.stat().st_size == 0:
            raise AudioFileError(f"{path} is empty; record or copy it again.")
        with path.open("rb", buffering=_BUFFER) as file:
            data = FileBytes(file)
            _refuse_text(path, data[:_HEAD])
            opened = _open(path, data)
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path} cannot be opened ({reason_text(error)}).") from error
    _check(path, opened.reader)
    return opened


def _check(path: Path, reader: SoundReader) -> None:
    if reader.frames <= 0:
        raise AudioFileError(f"{path} holds no sound; record or copy it again.")
    if not _LOWEST_RATE <= reader.rate <= _HIGHEST_RATE:
        raise AudioFileError(
            f"{path} claims {reader.rate} samples a second, which is not sound; export it "
            "again at 16000 or 48000 Hz."
        )
    if reader.channels > _MOST_CHANNELS:
        raise AudioFileError(
            f"{path} claims {reader.channels} channels, which is not sound; export it again with "
            "those that are heard."
        )


def _refuse_text(path: Path, head: bytes) -> None:
    if head.startswith(_LFS):
        raise AudioFileError(
            f"{path} is a pointer of git-lfs and not the audio itself: run 'git lfs pull' in its "
            "folder."
        )
    if _is_text(head):
        raise AudioFileError(
            f"{path} is text and not audio that can be read; use a WAV, FLAC, OGG or MP3 file."
        )


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            head.decode("utf-16")
        except UnicodeDecodeError:
            return False
        return head[2:4] != b"\x00\x00" and b"\x00" in head
    return not any(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head) and all(
        byte < 128 for byte in head[:16]
    )


def _open(path: Path, data: FileBytes) -> OpenedSound:
    layout = pcm_layout(data)
    start = after_tags(data, 0)
    if layout is not None:
        return _open_pcm(path, layout)
    if data[:4] == b"OggS":
        return _open_ogg(path, data)
    if data[start : start + 4] == b"fLaC":
        return _open_flac(path, data, start)
    if path.suffix.lower() in _MPEG_NAMES or starts_frame(data, start):
        stream = scan_mpeg(data)
        if stream is not None:
            return _open_mpeg(path, stream)
    return _open_other(path, data)


def _sndfile_header(path: Path) -> soundfile.SoundFile | None:
    """What libsndfile says of a file; ``None``: it cannot open it."""
    try:
        # Its decoder of MP3 writes there. What a header says can be asked when it is closed, too.
        with silence_stderr(), soundfile.SoundFile(sndfile_name(path)) as header:
            return header
    except (soundfile.SoundFileError, OSError, TypeError):  # of a headerless file it asks the type
        return None


def _either(path: Path, frames: int | None = None) -> OpenedSound:
    """Through libsndfile if that can open it, or else through FFmpeg."""
    info = _sndfile_header(path)
    endless = info is not None and frames is None and info.frames >= _ENDLESS
    if info is None or endless or info.format == "MP3":
        sound = FfmpegSound(path)
        return OpenedSound(sound, announced=sound.announced)
    expected = info.frames if frames is None else frames
    return OpenedSound(SndfileReader(path, info, expected), announced=expected)


def _open_pcm(path: Path, layout: PcmLayout) -> OpenedSound:
    if not layout.format.frame and not layout.in_wave:
        opened = _either(path)  # libsndfile reads what is there, and says nothing
        there_s = opened.reader.frames / opened.reader.rate
        missing_s = there_s * layout.bytes_missing / max(1, layout.bytes_there)
        return replace(opened, notes=(cut_note(there_s, there_s + missing_s),))
    if not layout.format.frame:
        sound = FfmpegSound(path)
        return OpenedSound(sound, announced=sound.announced if layout.bytes_missing else None)
    reader = PcmReader(path, layout)
    if not layout.bytes_missing:
        return OpenedSound(reader)
    there_s = reader.frames / reader.rate
    missing_s = layout.bytes_missing / layout.format.frame / reader.rate
    return OpenedSound(reader, (cut_note(there_s, there_s + missing_s),))


def _open_ogg(path: Path, data: FileBytes) -> OpenedSound:
    pages = scan_ogg(data)
    if pages.plain:
        return _either(path)
    try:
        reader = FfmpegSound(path)
    except AudioFileError as error:
        if not pages.cut:
            raise
        raise AudioFileError(
            f"{path} is truncated before its sound begins; copy it again from where it came."
        ) from error
    notes = []
    if pages.cut:
        notes.append(cut_note(reader.frames / reader.rate))
    if pages.damaged:
        notes.append(damage_note(None))
    return OpenedSound(reader, tuple(notes))


def _open_flac(path: Path, data: FileBytes, start: int) -> OpenedSound:
    mark = data[start : start + 8]
    if data.find(mark, start + len(mark)) >= 0:  # another file was joined
        return OpenedSound(FfmpegSound(path))
    announced, found = flac_lengths(path)
    if announced and found and found > announced:
        return OpenedSound(FfmpegSound(path, frames=found))
    opened = _either(path, found or announced)
    return replace(opened, announced=announced or found) if found else opened


def _open_mpeg(path: Path, stream: MpegStream) -> OpenedSound:
    # libsndfile's own decoder writes on the terminal, and stops where a header says.
    reader = FfmpegSound(path, frozenset(stream.headers[1:]), stream.samples)
    notes = []
    if stream.cut:
        announced = stream.announced
        more = announced is not None and announced > stream.samples + stream.frame_samples
        whole_s = announced / stream.rate if announced is not None and more else None
        notes.append(cut_note(stream.samples / stream.rate, whole_s))
    if stream.junk:
        notes.append(damage_note(None))
    return OpenedSound(reader, tuple(notes))


def _open_other(path: Path, data: FileBytes) -> OpenedSound:
    size = announced_size(data)
    if lacks_index(data):
        raise AudioFileError(
            f"{path} is not complete: the index at its end is missing, without which nothing in it "
            "can be found; copy it again, or stop the recording before it is copied."
        )
    opened = _either(path)
    notes = []
    if size is not None and size > len(data):
        seconds = opened.reader.frames / opened.reader.rate
        notes.append(cut_note(seconds * len(data) / size, seconds))
    if joined_files(data) > 1:
        notes.append(
            ReadNote(
                NoteKind.CUT,
                "holds another file behind its end, which is not heard; take them apart",
            )
        )
    return replace(opened, notes=tuple(notes))
