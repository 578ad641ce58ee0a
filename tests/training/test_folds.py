"""Joint folds never let a speaker into two parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_ser.errors import UsageError
from training.corpora import CORPORA, Clip
from training.folds import JOINT_FOLDS, joint_fold, part_of

FOLDS = [joint_fold(number) for number in range(1, JOINT_FOLDS + 1)]


def clip(corpus: str, speaker: str) -> Clip:
    return Clip(
        corpus, Path(f"{speaker}.wav"), speaker, speaker, "happy", "en", CORPORA[corpus].labels
    )


def span(first: int, last: int) -> set[str]:
    return {str(number) for number in range(first, last + 1)}


def test_the_first_fold_is_the_one_that_numbers_are_stated_for():
    fold = FOLDS[0]
    assert fold.test["ravdess"] == {"01", "11", "20", "21"}
    assert fold.test["crema_d"] == span(1037, 1054)
    assert fold.test["emodb"] == {"03", "08"}
    assert fold.validation["ravdess"] == {"04", "10", "12", "14"}
    assert fold.validation["crema_d"] == span(1001, 1018)
    assert fold.validation["emodb"] == {"09", "10"}


@pytest.mark.parametrize("fold", FOLDS, ids=lambda fold: f"fold {fold.number}")
def test_nobody_is_in_two_parts(fold):
    for corpus, speakers in fold.validation.items():
        assert speakers
        assert not speakers & fold.test.get(corpus, frozenset())


@pytest.mark.parametrize(
    ("corpus", "speakers"),
    [
        ("ravdess", {f"{actor:02}" for actor in range(1, 25)}),
        ("crema_d", span(1001, 1072)),
        ("emodb", {"03", "08", "09", "10", "11", "12", "13", "14", "15", "16"}),
    ],
)
def test_everybody_is_tested_in_one_fold(corpus, speakers):
    tested = [name for fold in FOLDS for name in fold.test.get(corpus, ())]
    assert sorted(tested) == sorted(speakers)


def test_validation_is_the_next_set_and_the_last_is_followed_by_the_first():
    for fold, following in zip(FOLDS, [*FOLDS[1:], FOLDS[0]], strict=True):
        assert fold.validation["ravdess"] == following.test["ravdess"]
    assert FOLDS[3].validation["crema_d"] == FOLDS[0].test["crema_d"]


@pytest.mark.parametrize(
    ("corpus", "speaker", "part"),
    [
        ("ravdess", "20", "test"),
        ("ravdess", "12", "validation"),
        ("ravdess", "24", "train"),
        ("crema_d", "1054", "test"),
        ("crema_d", "1001", "validation"),
        ("crema_d", "1080", "train"),
        ("nemo", "EB0", "train"),
        ("tess", "OAF", "train"),
    ],
)
def test_a_clip_follows_its_speaker(corpus, speaker, part):
    assert part_of(clip(corpus, speaker), FOLDS[0]) == part


@pytest.mark.parametrize("number", [0, 7])
def test_there_are_six_folds(number):
    with pytest.raises(UsageError, match="1 to 6"):
        joint_fold(number)
