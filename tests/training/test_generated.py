"""The made-up corpus is speech to the gate, tells its labels apart, and is always the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.recogniser.features import FeatureParams
from training.corpora import read_corpora
from training.corpora.generated import GENERATED, README, generate_corpus
from training.corpora.reading import CorpusContents
from training.streaming.gated_segments import GatedSegment, gated_segments

TAKES = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return generate_corpus(tmp_path_factory.mktemp("made") / GENERATED, takes=TAKES).parent


@pytest.fixture(scope="module")
def contents(root) -> CorpusContents:
    (contents,) = read_corpora(root, [GENERATED])
    return contents


@pytest.fixture(scope="module")
def segments(contents, tmp_path_factory) -> list[GatedSegment]:
    cache = tmp_path_factory.mktemp("cache")
    return gated_segments(contents.clips, FeatureParams(), GateConfig(), cache, 1)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_it_reads_as_a_corpus_of_ones_own(contents):
    assert contents.skipped == ()
    assert len(contents.clips) == 8 * 4 * TAKES
    assert Counter((clip.speaker, clip.label) for clip in contents.clips) == {
        (f"{speaker:02}", label): TAKES
        for speaker in range(1, 9)
        for label in ("neutral", "happy", "sad", "angry")
    }
    assert Counter(clip.sex for clip in contents.clips) == {
        "female": len(contents.clips) // 2,
        "male": len(contents.clips) // 2,
    }
    assert {clip.intensity for clip in contents.clips} == {"normal", "strong"}


def test_clips_are_short_and_neither_clipped_nor_silent(contents):
    for clip in contents.clips:
        sound, rate = soundfile.read(clip.path)
        assert rate == 16_000
        assert sound.ndim == 1
        assert 1.6 <= len(sound) / rate <= 2.4
        assert 0.05 < np.abs(sound).max() < 1.0


def test_the_live_gate_hears_every_clip_speak(contents, segments):
    heard = {segment.clip.name for segment in segments if segment.voiced_s > 1.0}
    assert heard == {clip.name for clip in contents.clips}


def test_labels_are_told_apart_in_speakers_never_heard(segments):
    def features(segment: GatedSegment) -> np.ndarray:
        bands = segment.log_mel.reshape(-1, segment.log_mel.shape[-1])
        bands = bands - bands.mean()  # loudness would give too much away
        return np.concatenate([bands.mean(0)[::4], bands.std(0)[::4]])

    labels = np.array([segment.clip.label for segment in segments])
    guesses = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
        np.stack([features(segment) for segment in segments]),
        labels,
        groups=[segment.clip.speaker for segment in segments],
        cv=LeaveOneGroupOut(),
    )
    # Chance is 0.25; neither is it so easy that reports would show nothing.
    assert 0.55 < balanced_accuracy_score(labels, guesses) < 0.95


def test_one_seed_makes_one_corpus(root, tmp_path):
    again = digests(generate_corpus(tmp_path / "again", speakers=2, takes=2))
    clips = {name for name in again if name.endswith(".wav")}
    other = digests(generate_corpus(tmp_path / "other", speakers=2, takes=2, seed=1))
    everything = digests(root / GENERATED)
    assert len(clips) == 2 * 4 * 2
    assert all(again[name] == everything[name] for name in clips)
    assert all(again[name] != other[name] for name in clips)


def test_it_says_that_it_is_synthetic(root):
    assert "Synthetic" in (root / GENERATED / README).read_text("utf-8")
    assert "worthless" in (root / GENERATED / README).read_text("utf-8")


def test_one_that_was_interrupted_is_completed(tmp_path):
    folder = generate_corpus(tmp_path / "made", speakers=1, takes=1)
    complete = digests(folder)
    (folder / "metadata.csv").unlink()
    (folder / "sad" / "01" / "01.wav").unlink()
    generate_corpus(folder, speakers=1, takes=1)
    assert digests(folder) == complete


def test_one_that_is_complete_stays(tmp_path):
    folder = generate_corpus(tmp_path / "made", speakers=1, takes=1)
    (folder / "sad" / "01" / "01.wav").write_bytes(b"mine")
    generate_corpus(folder, speakers=1, takes=1)
    assert (folder / "sad" / "01" / "01.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("takes", [1, 2])
def test_what_is_something_else_is_left_alone(tmp_path, takes):
    folder = tmp_path / "made"
    generate_corpus(folder, speakers=1, takes=1)
    if takes == 1:
        (folder / README).write_text("holiday pictures")
    before = digests(folder)
    with pytest.raises(UsageError, match="holds something else"):
        generate_corpus(folder, speakers=1, takes=takes)
    assert digests(folder) == before


def test_a_folder_that_cannot_be_written_is_told_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        generate_corpus(tmp_path / "file" / "made", speakers=1, takes=1)
