"""Joined clips make one stream, and every part of it is known by its clip."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from training.corpora import CORPORA, Clip
from training.sound.recordings import samples_16k, speech_bounds
from training.sound.streams import ClipStream, join_with_gaps, join_without_gaps, switches

RATE = 16_000
SENTENCES = [(0.5, 3.5), (6.3, 9.5), (11.0, 13.5), (16.2, 19.6), (24.5, 28.4), (29.1, 33.0)]
EMOTIONS = ["happy", "sad", "angry"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Clip]:
    """Six sentences of one speaker, two in each of three emotions."""
    folder = tmp_path_factory.mktemp("clips")
    sound, _ = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    hiss = 3e-4 * np.random.default_rng(0).standard_normal(len(sound))
    made = []
    for number, (start, end) in enumerate(SENTENCES):
        path = folder / f"clip{number}.wav"
        places = slice(round(start * RATE), round(end * RATE))
        soundfile.write(path, sound[places, 0] + hiss[places], RATE, subtype="FLOAT")
        label = EMOTIONS[number // 2]
        made.append(Clip("savee", path, path.stem, "DC", label, "en", CORPORA["savee"].labels))
    return made


def clip_at(stream: ClipStream, sample: int) -> Clip:
    """Clip nearest to a sample."""
    return stream.spans[int(stream.owners(np.array([sample]))[0])].clip


def segments(samples) -> list[tuple[int, int]]:
    """First and last sample of each segment's voice, as the live gate hears it."""
    found = []
    for step in Segmenter(FeatureParams(), GateConfig()).push(samples):
        if step.segment_start is not None:
            found.append((1280 * step.index, 1280 * step.index))
        if step.speech and step.voiced:
            found[-1] = (found[-1][0], 1280 * (step.index + 1) - 1)
    return found


def level_db(sound) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


# ------------------------------------------------------------------------------------------- joined


@pytest.fixture(scope="module")
def joined(clips) -> ClipStream:
    return join_with_gaps(clips, (1.0, 2.5), seed=4)


def test_every_clip_lies_in_its_span(joined, clips):
    assert [span.clip for span in joined.spans] == clips
    for span, clip in zip(joined.spans, clips, strict=True):
        heard = joined.samples[span.start : span.end]
        alone = samples_16k(clip.path)
        assert heard.shape == alone.shape
        assert np.abs(heard - alone)[160:-160].max() < 1e-3


def test_silences_are_as_long_as_was_asked(joined):
    edges = [0, *(edge for span in joined.spans for edge in (span.start, span.end))]
    gaps = np.diff([*edges, len(joined.samples)])[::2] / RATE
    assert len(gaps) == 7
    assert gaps.min() >= 1.0
    assert 1.5 < gaps.max() <= 2.5


def test_one_room_tone_lies_under_all(joined, clips):
    for before, after in pairwise(joined.spans):
        assert level_db(joined.samples[before.end : after.start]) == pytest.approx(-80, abs=2)
        assert np.abs(np.diff(joined.samples[before.end - 5 : before.end + 5])).max() < 0.01
    span = joined.spans[1]
    under = joined.samples[span.start : span.end] - samples_16k(clips[1].path)
    assert level_db(under[160:-160]) == pytest.approx(-80, abs=2)


def test_seeds_draw_other_silences(joined, clips):
    assert np.array_equal(join_with_gaps(clips, (1.0, 2.5), seed=4).samples, joined.samples)
    assert len(join_with_gaps(clips, (1.0, 2.5), seed=5).samples) != len(joined.samples)


def test_the_gate_hears_each_clip_for_itself(joined):
    found = segments(joined.samples)
    owners = []
    for first, last in found:
        owner = clip_at(joined, last)
        assert clip_at(joined, first) == owner
        owners.append(owner.name)
    assert sorted(set(owners)) == [f"clip{k}" for k in range(6)]
    assert owners == sorted(owners)


def test_what_lies_in_a_silence_is_the_nearest_clips(joined):
    first, second = joined.spans[:2]
    middle = (first.end + second.start) // 2
    assert clip_at(joined, 0) == first.clip
    assert clip_at(joined, middle - 10) == first.clip
    assert clip_at(joined, middle + 10) == second.clip
    assert clip_at(joined, len(joined.samples) + 5) == joined.spans[-1].clip


def test_spans_stretch_with_the_sound(joined):
    faster = joined.with_samples(joined.samples[: len(joined.samples) // 2])
    assert [span.clip for span in faster.spans] == [span.clip for span in joined.spans]
    assert faster.spans[2].start == pytest.approx(joined.spans[2].start / 2, abs=1)


def test_the_gate_closes_after_digital_silence_too(tmp_path, clips):
    made = []
    for number in range(8):
        speech = samples_16k(clips[number % 6].path)[8000:]
        path = tmp_path / f"cut{number}.wav"
        edge = np.zeros((number % 3) * 4000)
        gated = np.where(np.abs(speech) < 1e-3, 0.0, speech)
        soundfile.write(path, np.concatenate([edge, gated, edge]), RATE)
        labels = CORPORA["savee"].labels
        made.append(Clip("savee", path, path.stem, "DC", "sad", "en", labels))
    stream = join_with_gaps(made, (1.0, 2.0), 0)
    found = segments(stream.samples)
    assert {clip_at(stream, last).name for _, last in found} == {clip.name for clip in made}
    assert all(clip_at(stream, first) == clip_at(stream, last) for first, last in found)


# ----------------------------------------------------------------------------------------- unbroken


def test_speech_without_a_gap_is_one_segment(clips):
    stream = join_without_gaps(clips[:4])
    assert len(segments(stream.samples)) == 1
    assert len(segments(join_with_gaps(clips[:4], (1.0, 1.0), 0).samples)) >= 4
    spans = stream.spans
    assert [span.clip for span in spans] == clips[:4]
    assert spans[0].start == 0
    assert spans[-1].end == len(stream.samples)
    assert all(a.end == b.start for a, b in pairwise(spans))


def test_a_joint_leaves_out_silence_alone(clips):
    stream = join_without_gaps(clips[:2])
    first, second = (samples_16k(clip.path) for clip in clips[:2])
    border = stream.spans[1].start
    offset = len(stream.samples) - len(second)
    assert np.array_equal(stream.samples[: border - 160], first[: border - 160])
    assert np.array_equal(stream.samples[border + 160 :], second[border + 160 - offset :])
    left_out = second[: border - offset - 160]
    assert 0.2 * RATE < len(left_out) < RATE
    assert level_db(left_out) < level_db(second) - 15
    assert np.abs(np.diff(stream.samples)).max() <= max(
        np.abs(np.diff(first)).max(), np.abs(np.diff(second)).max()
    )


def test_speech_begins_and_ends_where_it_is_loud():
    tone = np.sin(np.arange(RATE)).astype(np.float32)
    sound = np.concatenate([0.01 * tone, 0.5 * tone, 0.0 * tone, 0.2 * tone, 0.04 * tone])
    first, last = speech_bounds(sound)
    assert first == pytest.approx(RATE - 640, abs=320)
    assert last == pytest.approx(4 * RATE + 640, abs=320)
    assert speech_bounds(np.zeros(1000, np.float32)) == (0, 1000)
    assert speech_bounds(np.zeros(0, np.float32)) == (0, 0)
    assert speech_bounds(0.5 * tone) == (0, RATE)


def test_a_clip_without_a_voice_stays_whole(tmp_path, clips):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    silent = Clip("savee", path, "silent", "DC", "sad", "en", CORPORA["savee"].labels)
    middle = join_without_gaps([clips[0], silent, clips[1]]).spans[1]
    assert middle.end - middle.start == pytest.approx(RATE, abs=200)


# ----------------------------------------------------------------------------------------- switches


def test_a_switch_is_one_speakers_unbroken_speech(clips):
    found = switches(clips, 8, seed=0, side_s=1.5)
    assert len({(switch.before, switch.after) for switch in found}) > 3
    assert len(set(found)) == len(found) == 8
    for switch in found:
        assert switch.before != switch.after
        samples, at = switch.sound()
        ((first, last),) = segments(samples)
        assert first + 1.2 * RATE < at < last - 1.2 * RATE
        heard = join_without_gaps((*switch.first, *switch.second))
        assert clip_at(heard, at - 1).label == switch.before
        assert clip_at(heard, at).label == switch.after


def test_sides_are_as_long_as_was_asked(clips):
    for switch in switches(clips, 3, seed=0, side_s=4.0):
        assert len(switch.first) == len(switch.second) == 2
        samples, at = switch.sound()
        assert at > 4 * RATE
        assert len(samples) - at > 4 * RATE


def test_a_seed_draws_the_same_switches(clips):
    assert switches(clips, 3, seed=1, side_s=1.5) == switches(clips, 3, seed=1, side_s=1.5)
    assert switches(clips, 3, seed=1, side_s=1.5) != switches(clips, 3, seed=2, side_s=1.5)


def test_there_are_fewer_where_there_are_few_clips(clips):
    found = switches([clips[0], clips[2]], 5, seed=0, side_s=1.5)
    assert 1 <= len(found) <= 2


@pytest.mark.parametrize(
    ("chosen", "side_s"), [(slice(0, 2), 1.0), (slice(0, 6), 60.0)], ids=["one emotion", "short"]
)
def test_that_there_is_none_is_told(clips, chosen, side_s):
    with pytest.raises(SerError, match="two emotions"):
        switches(clips[chosen], 3, seed=0, side_s=side_s)
