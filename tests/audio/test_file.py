"""A file is heard to its real end, whatever its header says, and what is missing is told."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.file_bytes import FileBytes
from realtime_ser.audio.notes import NoteKind
from realtime_ser.base.errors import AudioFileError
from tests.audio.sounds import (
    RATE,
    by_ffmpeg,
    encoded,
    patched,
    read_float,
    tone,
    trouble,
    wav,
    written,
)

TONE = tone()
WHOLE = TONE / np.float32(32768)
PCM = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")


def heard(path):
    """All samples of a file's first channel, and the notes."""
    source = FileSource(path)
    samples = np.concatenate([block[:, 0] for block in source.blocks()])
    return samples, source.notes, source


def assert_sounds_like(samples, expected, lag=0.05):
    """Compare with the original, which a codec may have shifted a little and coloured."""
    assert len(samples) == pytest.approx(len(expected), abs=lag * RATE)
    count = min(len(samples), len(expected))
    spectrum = np.fft.rfft(samples[:count], 2 * count) * np.conj(
        np.fft.rfft(expected[:count], 2 * count)
    )
    best = np.abs(np.fft.irfft(spectrum)).max()
    energy = np.linalg.norm(samples[:count]) * np.linalg.norm(expected[:count])
    assert best / energy > 0.9


# ------------------------------------------------------------------------------- sizes in headers


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF - 36),
        (0, 0),
        (36, 0),
        (36, 36),
        (0x7FFFF024, 0x7FFFF000),
        (None, len(TONE) * 2 + 1),
        (None, len(TONE) * 2 + 44),
        (None, 9000),
    ],
)
def test_a_wav_is_heard_to_its_end_whatever_its_header_says(riff, data, tmp_path):
    path = written(tmp_path / "sound.wav", wav(TONE, riff, data))
    samples, notes, source = heard(path)
    assert np.array_equal(samples, WHOLE)
    assert notes == ()
    assert source.info.duration_s == len(TONE) / RATE


@pytest.mark.parametrize("bytes_more", [b"", b"LIST\x04\x00\x00\x00abcd", b"TAG" + bytes(125)])
def test_what_follows_the_sound_is_no_sound(bytes_more, tmp_path):
    path = written(tmp_path / "sound.wav", wav(TONE) + bytes_more)
    samples, notes, _ = heard(path)
    assert np.array_equal(samples, WHOLE)
    assert notes == ()


@pytest.mark.parametrize("kind", PCM)
def test_a_copy_that_was_cut_is_heard_and_told(kind, tmp_path):
    data = encoded(TONE, kind)
    samples, notes, source = heard(written(tmp_path / "cut", data[: len(data) // 2]))
    assert np.array_equal(samples, WHOLE[: len(samples)])
    assert 1.3 * RATE < len(samples) <= 1.5 * RATE
    (note,) = notes
    assert note.kind is NoteKind.CUT
    assert note.lacks_sound
    assert note.seconds == pytest.approx(3.0 - len(samples) / RATE, abs=0.01)
    ends = f"x is truncated: it ends after {len(samples) / RATE:.1f} s of 3.0 s; "
    assert note.sentence("x").startswith(ends)
    assert source.info.duration_s == len(samples) / RATE


@pytest.mark.parametrize("kind", PCM)
def test_joined_files_are_heard_one_after_the_other(kind, tmp_path):
    samples, notes, _ = heard(written(tmp_path / "joined", 2 * encoded(TONE, kind)))
    assert np.array_equal(samples, np.tile(WHOLE, 2))
    assert notes == ()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_samples_of_any_width_lose_nothing_to_an_open_header(subtype, tmp_path):
    whole = encoded(WHOLE, "WAV", subtype)
    at = whole.index(b"data") + 4
    path = written(tmp_path / "open.wav", patched(whole, at, b"\xff" * 4))
    expected = read_float(written(tmp_path / "whole.wav", whole))
    assert np.array_equal(heard(path)[0], expected)


# -------------------------------------------------------------------------------------------- FLAC


@pytest.mark.parametrize("total", [0, 8000, 10 * RATE])
def test_a_flac_that_announces_another_length(total, tmp_path):
    data = patched(encoded(TONE, "FLAC"), 22, struct.pack(">I", total))
    samples, notes, _ = heard(written(tmp_path / "sound.flac", data))
    assert np.array_equal(samples, WHOLE)
    assert [note.kind for note in notes] == [NoteKind.CUT] * (total > len(TONE))


def test_a_flac_that_was_cut(tmp_path):
    data = encoded(TONE, "FLAC")
    samples, notes, _ = heard(written(tmp_path / "cut.flac", data[: len(data) // 2]))
    assert np.array_equal(samples, WHOLE[: len(samples)])
    assert len(samples) > RATE
    assert [note.kind for note in notes] == [NoteKind.CUT]


def test_a_flac_that_is_damaged_within_goes_on_behind_the_damage(tmp_path):
    data = encoded(TONE, "FLAC")
    middle = len(data) // 2
    noise = np.random.default_rng(1).bytes(500)
    samples, notes, _ = heard(written(tmp_path / "sound.flac", patched(data, middle, noise)))
    lost = np.isnan(samples)
    assert 0 < lost.sum() < RATE
    assert len(samples) == len(WHOLE)
    assert np.array_equal(samples[~lost], WHOLE[~lost])
    assert [note.kind for note in notes] == [NoteKind.DAMAGED]
    assert notes[0].seconds == pytest.approx(lost.sum() / RATE)


# --------------------------------------------------------------------------------------------- MP3


@pytest.mark.parametrize("name", ["a3_no_xing.mp3", "a3_claims_less.mp3"])
def test_an_mp3_whose_length_is_announced_wrongly(name):
    samples, notes, source = heard(trouble(name))
    assert len(samples) / source.info.native_rate == pytest.approx(7.36, abs=0.04)
    assert source.info.duration_s == pytest.approx(len(samples) / 22_050, abs=0.08)
    assert notes == ()


def test_an_mp3_is_heard_as_it_was(tmp_path):
    samples, notes, _ = heard(by_ffmpeg(tmp_path / "whole.mp3", TONE, "libmp3lame"))
    assert len(samples) == len(TONE)
    assert_sounds_like(samples, WHOLE)
    assert notes == ()


@pytest.mark.parametrize("xing", ["0", "1"])
def test_an_mp3_that_was_cut_or_joined(xing, tmp_path):
    path = by_ffmpeg(tmp_path / "whole.mp3", TONE, "libmp3lame", write_xing=xing)
    data = path.read_bytes()
    samples, notes, _ = heard(written(tmp_path / "cut.mp3", data[: len(data) // 2]))
    assert_sounds_like(samples, WHOLE[: len(samples)])
    assert [note.kind for note in notes] == [NoteKind.CUT]
    assert (notes[0].seconds is not None) == (xing == "1")
    samples, notes, _ = heard(written(tmp_path / "joined.mp3", 2 * data))
    assert len(samples) == pytest.approx(2 * len(TONE), abs=0.25 * RATE)
    assert notes == ()


# --------------------------------------------------------------------------------------------- Ogg


def test_a_voice_note_without_an_end_is_heard():
    samples, notes, source = heard(trouble("a2_telegram_android.ogg"))
    assert len(samples) / source.info.native_rate == pytest.approx(6.74, abs=0.02)
    assert notes == ()


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_is_chained_or_cut(subtype, tmp_path):
    long = np.tile(TONE, 4)
    data = encoded(long, "OGG", subtype)
    samples, notes, source = heard(written(tmp_path / "chained.ogg", 2 * data))
    assert len(samples) / source.info.native_rate == pytest.approx(24.0, abs=0.05)
    assert notes == ()
    samples, notes, source = heard(written(tmp_path / "cut.ogg", data[: 2 * len(data) // 3]))
    assert 4.0 < len(samples) / source.info.native_rate < 10.0
    assert [note.kind for note in notes] == [NoteKind.CUT]


# ------------------------------------------------------------------------- what libsndfile cannot


def test_a_wav_of_gsm_is_heard():
    samples, notes, source = heard(trouble("a8_gsm.wav"))
    assert len(samples) / source.info.native_rate == pytest.approx(7.34, abs=0.01)
    assert notes == ()


CONTAINERS = [
    ("voice.m4a", "aac", None, RATE, {}),
    ("voice.aac", "aac", "adts", RATE, {}),
    ("film.mp4", "aac", None, RATE, {"movflags": "faststart"}),
    ("call.3gp", "libopencore_amrnb", None, 8000, {}),
    ("note.amr", "libopencore_amrnb", None, 8000, {}),
    ("browser.webm", "libopus", None, 48_000, {}),
    ("stream.webm", "libopus", None, 48_000, {"live": "1"}),
    ("film.mkv", "aac", None, RATE, {}),
    ("old.wma", "wmav2", "asf", 44_100, {}),
    ("apple.m4a", "alac", None, RATE, {}),
]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: f"{c[0]}-{c[1]}")
def test_what_phones_and_browsers_make_is_heard(container, tmp_path):
    name, codec, kind, rate, options = container
    path = by_ffmpeg(tmp_path / name, TONE, codec, kind, rate, **options)
    samples, notes, source = heard(path)
    assert source.info.native_rate == rate
    assert source.info.duration_s == pytest.approx(3.0, abs=0.15)
    assert len(samples) / rate == pytest.approx(3.0, abs=0.15)
    assert notes == ()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *(("WAV", one) for one in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "ULAW")),
        *(("W64", one) for one in ("IMA_ADPCM", "MS_ADPCM", "ALAW")),
        *(("AIFF", one) for one in ("IMA_ADPCM", "GSM610", "ULAW")),
        *(("AU", "ULAW"), ("CAF", "ALAW")),
    ],
)
def test_compressed_samples_that_were_cut_are_heard_and_told(kind, subtype, tmp_path):
    data = encoded(TONE, kind, subtype)
    whole, notes, _ = heard(written(tmp_path / f"whole.{kind.lower()}", data))
    assert notes == ()
    samples, notes, _ = heard(written(tmp_path / f"cut.{kind.lower()}", data[: len(data) // 2]))
    np.testing.assert_allclose(samples[:-1000], whole[: len(samples) - 1000], atol=0.01)
    assert 1.3 < len(samples) / RATE < 1.6
    (note,) = notes
    assert note.kind is NoteKind.CUT
    assert f"it ends after {len(samples) / RATE:.1f} s of " in note.text
    assert note.seconds == pytest.approx((len(whole) - len(samples)) / RATE, abs=0.15)


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: f"{c[0]}-{c[1]}")
def test_a_film_or_voice_note_is_heard_without_an_ending_too(container, tmp_path):
    name, codec, kind, rate, options = container
    named = by_ffmpeg(tmp_path / name, TONE, codec, kind, rate, **options)
    assert_heard_alike(named, written(tmp_path / "stdin", named.read_bytes()))


@pytest.mark.parametrize("kind", ["WAV", "W64", "RF64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"])
def test_sound_is_heard_without_an_ending_too(kind, tmp_path):
    data = encoded(TONE, kind)
    assert_heard_alike(
        written(tmp_path / f"x.{kind.lower()}", data), written(tmp_path / "stdin", data)
    )


@pytest.mark.parametrize(
    "name", ["a1_ffmpeg_pipe.wav", "a2_telegram_android.ogg", "a3_no_xing.mp3", "a8_gsm.wav"]
)
def test_what_other_programs_wrote_is_heard_without_an_ending_too(name, tmp_path):
    assert_heard_alike(trouble(name), written(tmp_path / "stdin", trouble(name).read_bytes()))


def assert_heard_alike(named, bare):
    (samples, notes, _), (expected, known, _) = heard(bare), heard(named)
    np.testing.assert_array_equal(samples, expected)
    assert len(samples) > RATE
    assert notes == known


@pytest.mark.parametrize(
    "container", [c for c in CONTAINERS if c[0] != "stream.webm"], ids=lambda c: c[0]
)
def test_half_of_it_is_heard_and_told_or_refused_in_a_sentence(container, tmp_path):
    name, codec, kind, rate, options = container
    data = by_ffmpeg(tmp_path / name, TONE, codec, kind, rate, **options).read_bytes()
    path = written(tmp_path / f"cut_{name}", data[: len(data) // 2])
    if name in ("voice.m4a", "call.3gp", "apple.m4a"):
        with pytest.raises(AudioFileError, match="the index at its end is missing"):
            FileSource(path)
        return
    samples, notes, _ = heard(path)
    assert 0.8 * rate < len(samples) < 2.0 * rate
    assert [note.kind for note in notes] == [NoteKind.CUT]


def test_a_film_without_sound_is_refused(tmp_path):
    import av

    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioFileError, match="holds no sound, only pictures"):
        FileSource(path)


# ------------------------------------------------------------------------------------ what is none


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "is text and not audio"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is text and not audio"),
        ("häßlich".encode("utf-16"), "is text and not audio"),
        (np.random.default_rng(2).bytes(5000), "is not audio that can be read"),
        (b"\xff\xfb\x90\x00" + bytes(3000), "is not audio that can be read|holds no sound"),
        (b"OggS" + bytes(500), "is not audio|truncated"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "is not audio that can be read|holds no sound"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "is text and not audio"),
    ],
)
def test_what_is_no_audio_is_refused_in_a_sentence(data, sentence, tmp_path):
    with pytest.raises(AudioFileError, match=sentence) as refused:
        heard(written(tmp_path / "x.mp3", data))
    assert str(refused.value).count("\n") == 0


def test_a_playlist_cannot_name_other_files(tmp_path):
    listed = by_ffmpeg(tmp_path / "voice.aac", TONE, "aac", "adts")
    bytes_before = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\n"
    playlist = bytes_before + str(listed).encode() + b"\n#\x00\x01\n"  # no longer plain text
    with pytest.raises(AudioFileError, match="is not audio"):
        FileSource(written(tmp_path / "list.m3u8", playlist))


# ----------------------------------------------------------------------------------------- blocks


def test_nothing_is_repeated_or_left_out_between_blocks(tmp_path):
    path = by_ffmpeg(tmp_path / "whole.mp3", TONE, "libmp3lame")
    source = FileSource(path)
    blocks = list(source.blocks(0.02))
    assert {len(block) for block in blocks[:-1]} == {320}
    assert np.array_equal(np.concatenate(blocks), np.concatenate(list(source.blocks(1.0))))


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_decoder_does_not_start_anew_at_each_block(subtype, tmp_path):
    path = written(tmp_path / "sound.ogg", encoded(TONE, "OGG", subtype))
    assert np.array_equal(heard(path)[0], read_float(path))


def test_a_file_that_goes_away_while_it_is_read(tmp_path):
    path = written(tmp_path / "sound.wav", wav(TONE))
    source = FileSource(path)
    path.unlink()
    with pytest.raises(AudioFileError, match="There is no audio file at"):
        list(source.blocks())


def test_what_is_no_mpeg_stream_is_not_searched_for_one(tmp_path, monkeypatch):
    """Small negative samples are full of the byte that begins a frame."""
    read = []
    getitem = FileBytes.__getitem__

    def counted(data, key):
        found = getitem(data, key)
        read.append(len(found))
        return found

    monkeypatch.setattr(FileBytes, "__getitem__", counted)
    quiet = np.full(RATE, -2, np.int16)
    FileSource(written(tmp_path / "quiet.wav", wav(quiet)))
    assert sum(read) < 20_000
