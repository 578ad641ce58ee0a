"""Sound is shown, played and exported from any place, whatever it came in."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.playback import file_blocks
from realtime_ser.audio.seekable import seekable_file
from tests.audio.sounds import RATE, by_ffmpeg, encoded, read_float, tone, trouble, wav, written

TONE = tone()


def test_what_can_be_sought_stays_as_it_is(tmp_path):
    path = written(tmp_path / "sound.wav", wav(TONE))
    with seekable_file(path) as same:
        assert same == path
    assert path.exists()


@pytest.mark.parametrize("kind", ["open.wav", "cut.flac", "voice.m4a", "gsm.wav", "none.mp3"])
def test_the_rest_is_copied_whole_and_the_copy_goes(kind, tmp_path):
    flac = encoded(TONE, "FLAC")
    make = {
        "open.wav": lambda path: written(path, wav(TONE, 0, 0)),
        "cut.flac": lambda path: written(path, flac[: len(flac) // 2]),
        "voice.m4a": lambda path: by_ffmpeg(path, TONE, "aac"),
        "gsm.wav": lambda path: written(path, trouble("a8_gsm.wav").read_bytes()),
        "none.mp3": lambda path: by_ffmpeg(path, TONE, "libmp3lame", write_xing="0"),
    }
    path = make[kind](tmp_path / kind)
    before = path.read_bytes()
    heard = np.concatenate(list(FileSource(path).blocks()))[:, 0]
    with seekable_file(path) as copy:
        assert copy != path
        assert np.allclose(read_float(copy), heard, atol=1e-4)
        rate = soundfile.info(str(copy)).samplerate
    assert not copy.exists()
    assert path.read_bytes() == before
    played = np.concatenate(list(file_blocks(path, 0.5, 1.0)))[:, 0]
    assert np.allclose(played, heard[rate // 2 : rate], atol=1e-4)


def test_many_channels_have_a_copy_too(tmp_path):
    sound = np.tile(TONE[:, None], (1, 12))
    data = encoded(sound, "WAV")
    path = written(tmp_path / "cut.wav", data[: len(data) // 2])
    with seekable_file(path) as copy:
        assert soundfile.info(str(copy)).channels == 12
        assert soundfile.info(str(copy)).frames == pytest.approx(1.5 * RATE, abs=20)


def test_a_flac_that_cannot_be_sought_is_copied(tmp_path):
    flac = encoded(TONE, "FLAC")
    path = written(tmp_path / "twice.flac", flac[:54] + flac[6:])  # its first blocks lie within
    heard = np.concatenate(list(FileSource(path).blocks()))[:, 0]
    assert len(heard) > 0
    with seekable_file(path) as copy:
        assert len(read_float(copy)) == len(heard)
