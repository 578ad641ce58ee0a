"""Training hears what the live gate lets through, and the cache never loses or mixes anything."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from realtime_ser.audio.file import FileSource
from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import AudioFileError, OutputError, SerError
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from training.corpora import CORPORA, Clip
from training.sound.augment import training_examples
from training.sound.augmentation import Augmentation
from training.sound.examples import Example, StreamExample
from training.sound.noise_mixer import NoiseMixer
from training.sound.recordings import samples_16k
from training.streaming.gated_segments import GatedSegment, gated_segments, with_level_copies
from training.streaming.noise_spectra import SpectralNoise
from training.streaming.spectra import log_mel, segment_spectra

FEATURES, GATE = FeatureParams(), GateConfig()
RATE = 16_000


@pytest.fixture(scope="module")
def speech():
    """The first seconds of the demo recording, 16 kHz."""
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    assert rate == 16_000
    return sound[: 12 * rate, 0]


def clip(path: Path, samples, rate: int = 16_000) -> Clip:
    soundfile.write(path, samples, rate)
    return Clip("savee", path, path.stem, "DC", "happy", "en", CORPORA["savee"].labels)


@pytest.fixture
def clips(tmp_path, speech) -> list[Clip]:
    """Speech at two rates with a silent clip between."""
    return [
        clip(tmp_path / "native.wav", speech),
        clip(tmp_path / "silent.wav", np.zeros(16_000)),
        clip(tmp_path / "fast.flac", soxr.resample(speech, 16_000, 48_000), 48_000),
    ]


@pytest.fixture
def cache(tmp_path) -> Path:
    return tmp_path / "cache"


def facts(segments: list[GatedSegment]) -> list[tuple]:
    return [
        (s.clip.name, s.first_step, s.last_voiced, s.voiced_s, s.log_mel.tobytes())
        for s in segments
    ]


def cut(clips, cache, features=FEATURES, gate=GATE, jobs=1):
    return gated_segments(clips, features, gate, cache, jobs)


def test_segments_are_those_that_the_live_path_feeds(clips, cache):
    segments = cut(clips, cache)
    for recording in (clips[0], clips[2]):
        steps = Segmenter(FEATURES, GATE).push(samples_16k(recording.path))
        log_mels = np.concatenate([step.log_mels for step in steps])
        voiced = sum(step.voiced for step in steps if step.speech)
        mine = [segment for segment in segments if segment.clip == recording]
        assert len(mine) > 1
        assert np.array_equal(
            np.concatenate([segment.log_mel for segment in mine]), log_mels.astype(np.float32)
        )
        assert sum(segment.voiced_s for segment in mine) == pytest.approx(voiced * 0.02)
        for segment in mine:
            assert segment.log_mel.dtype == np.float32
            last = steps[segment.first_step + segment.last_voiced]
            assert last.voiced
            rest = steps[last.index + 1 : segment.first_step + len(segment.log_mel)]
            assert not any(step.voiced for step in rest)


def test_a_clip_without_speech_gives_no_segment(clips, cache):
    assert {segment.clip.name for segment in cut(clips, cache)} == {"native", "fast"}


def test_a_clip_that_ends_in_speech_keeps_its_last_segment(tmp_path, cache, speech):
    segment_start = next(
        s.segment_start
        for s in Segmenter(FEATURES, GATE).push(speech)
        if s.segment_start is not None
    )
    sound = speech[: segment_start * 1280 + 16_000]
    assert len(cut([clip(tmp_path / "cut.wav", sound)], cache)) == 1


def test_many_processes_give_what_one_gives(clips, cache, tmp_path):
    assert facts(cut(clips, cache, jobs=2)) == facts(cut(clips, tmp_path / "other"))


def test_clips_are_learned_at_further_levels_and_changed_copies_at_one(clips, cache):
    examples = training_examples(clips, Augmentation(copies=1, rate=(0.9, 1.1)), seed=0)
    segments = cut(examples, cache)
    recorded = [segment for segment in segments if segment.recorded]
    assert 0 < len(recorded) < len(segments)
    assert with_level_copies(segments, 0, 12.0, seed=0) == segments

    louder = with_level_copies(segments, 2, 12.0, seed=0)
    origins = [*segments, *recorded, *recorded]
    assert len(louder) == len(origins)
    gains = []
    for segment, origin in zip(louder, origins, strict=True):
        assert (segment.example, segment.last_voiced) == (origin.example, origin.last_voiced)
        gain = segment.log_mel - origin.log_mel
        assert np.ptp(gain) < 1e-3
        gains.append(float(gain.mean()))
    own = [not gain for gain in gains]
    assert own == [segment.recorded for segment in segments] + [False] * (2 * len(recorded))
    assert len({round(gain, 3) for gain in gains if gain}) == len(gains) - sum(own)
    assert 6.0 < max(map(abs, gains)) <= 12.0

    # Noise takes away nothing, lies under a share, and leaves what else is drawn.
    noisy = with_level_copies(segments, 2, 12.0, 0, SpectralNoise(chance=0.5))
    assert [s.log_mel.tobytes() for s in noisy[: len(segments)]] == [
        s.log_mel.tobytes() for s in louder[: len(segments)]
    ]
    added = [a.log_mel - b.log_mel for a, b in zip(noisy, louder, strict=True)]
    assert min(map(np.min, added)) > -1e-3
    assert 0 < sum(float(np.max(more)) > 0.1 for more in added) < 2 * len(recorded)

    # A segment's levels stay what they are when others are learned from.
    alone = with_level_copies(recorded[:1], 2, 12.0, seed=0)
    assert [s.log_mel.tobytes() for s in alone[1:]] == [
        louder[len(segments)].log_mel.tobytes(),
        louder[len(segments) + len(recorded)].log_mel.tobytes(),
    ]


def entries(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.npz")}


def test_a_second_run_cuts_nothing_again(clips, cache):
    first = facts(cut(clips, cache))
    before = entries(cache)
    assert len(before) == 3, "silence is remembered too"
    assert facts(cut(clips, cache)) == first
    assert entries(cache) == before


def test_a_copy_elsewhere_is_recognised(clips, cache, tmp_path):
    cut(clips, cache)
    before = entries(cache)
    moved = tmp_path / "moved.wav"
    moved.write_bytes(clips[0].path.read_bytes())
    copy = Clip("savee", moved, "moved", "DC", "sad", "en", CORPORA["savee"].labels)
    assert {segment.clip.label for segment in cut([copy], cache)} == {"sad"}
    assert entries(cache) == before


@pytest.mark.parametrize(
    "changed",
    [{"features": FeatureParams(n_mels=48)}, {"gate": GateConfig(hangover_ms=240)}],
    ids=["features", "gate"],
)
def test_other_parameters_never_meet_old_segments(clips, cache, changed):
    old = facts(cut(clips, cache))
    assert facts(cut(clips, cache, **changed)) != old
    assert facts(cut(clips, cache)) == old


def test_a_changed_recording_never_meets_old_segments(clips, cache, speech):
    old = facts(cut(clips, cache))
    clip(clips[0].path, speech[::-1])
    assert facts(cut(clips, cache)) != old


def test_half_an_entry_is_made_again(clips, cache):
    whole = facts(cut(clips, cache))
    for path in entries(cache):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert facts(cut(clips, cache)) == whole


# -------------------------------------------------------------------------------------------- takes

NOISE = NoiseMixer(("white", "hum"), (5.0, 15.0))


def test_a_changed_take_is_gated_as_it_sounds(clips, cache):
    example = Example(clips[0], NOISE, copy=1)
    segments = cut([example], cache)
    steps = Segmenter(FEATURES, GATE).push(example.samples())
    log_mels = np.concatenate([step.log_mels for step in steps])
    joined = np.concatenate([segment.log_mel for segment in segments])
    assert np.array_equal(joined, log_mels.astype(np.float32))
    assert {segment.example for segment in segments} == {example}
    assert {segment.clip for segment in segments} == {clips[0]}
    (recorded, *_) = cut([clips[0]], cache)
    assert recorded.example == Example(clips[0])
    assert not np.array_equal(recorded.log_mel, segments[0].log_mel)


def test_recorded_and_changed_takes_share_a_cache_and_nothing_else(clips, cache):
    examples = [Example(clips[0]), Example(clips[0], NOISE), Example(clips[0], NOISE, 1), clips[2]]
    recorded = facts(cut(clips, cache))
    before = entries(cache)
    first = facts(cut(examples, cache))
    after = entries(cache)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2
    assert facts(cut(examples, cache)) == first
    assert facts(cut(clips, cache)) == recorded
    assert entries(cache) == after


def test_steps_of_a_stream_are_known_by_their_clips(clips, cache):
    example = StreamExample((clips[0], clips[2]), (1.0, 1.0))
    segments = cut([example], cache)
    assert facts(cut([example], cache)) == facts(segments)
    spans = example.stream().spans
    assert {segment.clip for segment in segments} == {clips[0], clips[2]}
    for segment in segments:
        assert len(segment.clips) == len(segment.log_mel)
        place = 1280 * (segment.first_step + segment.last_voiced)
        owner = spans[0] if segment.clip == clips[0] else spans[1]
        assert owner.start <= place < owner.end + 0.1 * RATE  # the voice detector lingers


def test_a_segment_of_two_clips_changes_hands_where_they_meet(tmp_path, cache, speech):
    first = clip(tmp_path / "first.wav", speech[RATE : 5 * RATE])
    second = clip(tmp_path / "second.wav", speech[int(6.5 * RATE) : int(10.5 * RATE)])
    example = StreamExample((first, second), None)
    (segment,) = cut([example], cache)
    border = example.stream().spans[1].start / 1280 - segment.first_step
    assert segment.clips.index(second) == pytest.approx(border, abs=1)
    assert segment.clip == second


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_recording_among_changed_takes_costs_nothing_else(clips, cache, tmp_path, jobs):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF of something else")
    damaged = Clip("savee", bad, "bad", "DC", "sad", "en", CORPORA["savee"].labels)
    talk = NoiseMixer(("babble",), 10.0, speech=(bad,))
    examples = [
        Example(damaged, NOISE),
        *(Example(c, NOISE) for c in clips),
        Example(clips[0], talk),
    ]
    stream = StreamExample((clips[0], damaged), (0.5, 0.5))
    with pytest.raises(SerError, match=r"bad\.wav is (text and )?not audio.*\(2 other clips"):
        cut([*examples, stream], cache, jobs=jobs)
    assert len(entries(cache)) == 3


def test_a_full_disk_keeps_what_was_cached_of_changed_takes(clips, cache, monkeypatch):
    cut([Example(clips[0], NOISE)], cache)
    kept = entries(cache)

    def full(file, **arrays):
        file.write(b"some of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(np, "savez", full)
        with pytest.raises(OutputError, match="No space left"):
            cut([Example(c, NOISE) for c in clips], cache)
    assert entries(cache) == kept
    cut([Example(c, NOISE) for c in clips], cache)
    assert kept.items() <= entries(cache).items()


# ---------------------------------------------------------------------------------- teacher's input


def test_the_teacher_hears_the_voice_where_the_gate_was_open(clips, cache):
    examples = [
        Example(clips[0]),
        Example(clips[0], NOISE),
        clips[2],
        StreamExample(tuple(clips), None),
    ]
    segments = cut(examples, cache)
    spectra = segment_spectra(segments, cache / "teacher", 1)
    assert len(spectra) == len(segments)
    for segment, spectrum in zip(segments, spectra, strict=True):
        whole = log_mel(segment.example.voice()).astype(np.float16)
        frames = 8 * segment.first_step - 33 + np.arange(32 + 8 * len(segment.log_mel))
        assert np.array_equal(spectrum, whole[np.clip(frames, 0, len(whole) - 1)])


def test_the_teachers_input_is_kept_for_each_take(clips, cache):
    segments = cut([Example(clips[0]), Example(clips[0], NOISE)], cache)
    spectra = segment_spectra(segments, cache / "teacher", 1)
    before = entries(cache / "teacher")
    assert len(before) == 2
    more = cut([clips[2], Example(clips[0], NOISE)], cache)
    again = segment_spectra(more, cache / "teacher", 1)
    after = entries(cache / "teacher")
    assert before.items() <= after.items()
    assert len(after) == 3
    mine = sum(segment.example.change is not None for segment in more)
    for old, new in zip(spectra[-mine:], again[-mine:], strict=True):
        assert np.array_equal(old, new)


def test_the_teachers_input_needs_room_on_the_disk(clips, cache, monkeypatch):
    segments = cut([clips[0], clips[2]], cache)
    segment_spectra(cut([clips[0]], cache), cache / "teacher", 1)
    kept = entries(cache / "teacher")

    def full(file, **arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="No space left"):
        segment_spectra(segments, cache / "teacher", 1)
    assert entries(cache / "teacher") == kept


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_recording_is_named_and_all_others_are_kept(clips, cache, tmp_path, jobs):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF of something else")
    damaged = Clip("savee", bad, "bad", "DC", "sad", "en", CORPORA["savee"].labels)
    with pytest.raises(SerError, match=r"bad\.wav is (text and )?not audio"):
        cut([damaged, *clips], cache, jobs=jobs)
    assert len(entries(cache)) == 3


def test_a_recording_that_went_away_is_named(clips, cache):
    clips[1].path.unlink()
    with pytest.raises(AudioFileError, match=r"silent\.wav"):
        cut(clips, cache)


def test_a_full_disk_is_told_and_what_was_cached_is_kept(clips, cache, monkeypatch):
    cut(clips[:1], cache)
    save = np.savez

    def full(file, **arrays):
        file.write(b"some of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="No space left"):
        cut(clips, cache)
    kept = entries(cache)
    assert len(kept) == 1
    assert not list(cache.rglob("*.part"))
    monkeypatch.setattr(np, "savez", save)
    cut(clips, cache)
    assert len(entries(cache)) == 3
    assert kept.items() <= entries(cache).items()


def test_the_first_channel_is_resampled_as_the_live_path_does(tmp_path, speech):
    both = np.stack([speech, np.zeros_like(speech)], axis=1)
    path = tmp_path / "both.wav"
    soundfile.write(path, soxr.resample(both, 16_000, 44_100), 44_100, subtype="FLOAT")
    heard = samples_16k(path)
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(len(speech), abs=2)
    assert FileSource(path).info.channels == 2
    middle = slice(1000, len(speech) - 1000)
    assert np.abs(heard[middle] - speech[middle]).max() < 0.02
