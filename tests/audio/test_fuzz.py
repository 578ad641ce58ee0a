"""Files with some bytes changed are heard or refused in a sentence: no fault, no endless sound."""

from __future__ import annotations

import random

import pytest

from realtime_ser.audio.file import FileSource
from realtime_ser.base.errors import AudioFileError
from tests.audio.sounds import by_ffmpeg, encoded, tone, wav

TRIALS = 40
LONGEST_S = 7200


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of each kind, as bytes."""
    folder, sound = tmp_path_factory.mktemp("fuzz"), tone(1.0)
    kinds = ("WAV", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")
    made = {f"{kind}.{kind.lower()}": encoded(sound, kind) for kind in kinds}
    made |= {f"{one}.ogg": encoded(sound, "OGG", one) for one in ("VORBIS", "OPUS")}
    made["open.wav"] = wav(sound, 0, 0)
    for name, codec in (("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.mka", "aac")):
        made[name] = by_ffmpeg(folder / name, sound, codec).read_bytes()
    made["a.aac"] = by_ffmpeg(folder / "a.aac", sound, "aac", "adts").read_bytes()
    return made


@pytest.mark.parametrize("seed", range(TRIALS))
def test_changed_bytes_are_no_fault(seed, files, tmp_path):
    chance = random.Random(seed)
    for name, whole in files.items():
        data = bytearray(whole)
        reach = min(len(data), 200) if chance.random() < 0.6 else len(data)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(reach)] = chance.choice([0, 255, 127, 128, chance.randrange(256)])
        if chance.random() < 0.3:
            del data[chance.randrange(1, len(data)) :]
        path = tmp_path / name
        path.write_bytes(data)
        heard_s, refusal = 0.0, f"{name}."
        try:
            source = FileSource(path)
            for block in source.blocks(1.0):
                heard_s += len(block) / source.info.native_rate
                assert heard_s < LONGEST_S
        except AudioFileError as error:
            refusal = str(error)
        assert "\n" not in refusal
        assert name in refusal
