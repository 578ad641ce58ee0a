"""Splits into parts: no scheme by speaker has a speaker in two of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from training.corpora import CORPORA, Clip
from training.folds import (
    JOINT_FOLDS,
    describe_left_out,
    fold_count,
    joint_fold,
    part_of,
    partition,
)
from training.settings import Split

FOLDS = [joint_fold(number) for number in range(1, JOINT_FOLDS + 1)]


def clip(corpus: str, speaker: str) -> Clip:
    return Clip(
        corpus, Path(f"{speaker}.wav"), speaker, speaker, "happy", "en", CORPORA[corpus].labels
    )


def span(first: int, last: int) -> set[str]:
    return {str(number) for number in range(first, last + 1)}


def sentences(parts, part: str, corpus: str) -> set[str | None]:
    return {clip.sentence for clip in parts[part] if clip.corpus == corpus}


def test_withheld_sentences_are_learned_by_nobody_and_tested_with_unheard_speakers():
    spoken = [
        replace(clip(corpus, speaker), sentence=sentence, label=label)
        for corpus, speakers in (("crema_d", ("1001", "1037", "1060")), ("emodb", ("03", "11")))
        for speaker in speakers
        for sentence in ("DFA", "IEO")
        for label in ("happy", "sad")
    ]
    split = Split(
        scheme="listed",
        test={"crema_d": ("1037",), "emodb": ("03",)},
        validation={"crema_d": ("1001",)},
        withheld_sentences={"crema_d": ("IEO",)},
    )
    parts = partition(spoken, split, 1, 0)
    for part in ("train", "validation"):
        assert sentences(parts, part, "crema_d") == {"DFA"}
    assert sentences(parts, "train", "emodb") == {"DFA", "IEO"}
    told = {(one.corpus, one.sentence): one.sentence_heard for one in parts["test"]}
    assert told == {
        ("crema_d", "DFA"): True,
        ("crema_d", "IEO"): False,
        ("emodb", "DFA"): None,
        ("emodb", "IEO"): None,
    }
    unknown = split.model_copy(update={"withheld_sentences": {"crema_d": ("XYZ",)}})
    with pytest.raises(UsageError, match=r"no sentence 'XYZ' of CREMA-D.*choose among DFA, IEO"):
        partition(spoken, unknown, 1, 0)


def test_the_first_fold_is_the_one_that_numbers_are_stated_for():
    fold = FOLDS[0]
    assert fold.test["ravdess"] == {"01", "11", "20", "21"}
    assert fold.test["crema_d"] == span(1037, 1054)
    assert fold.test["emodb"] == {"03", "08"}
    assert fold.validation["ravdess"] == {"04", "10", "12", "14"}
    assert fold.validation["crema_d"] == span(1001, 1018)
    assert fold.validation["emodb"] == {"09", "10"}


@pytest.mark.parametrize("fold", FOLDS)
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


# --------------------------------------------------------------------- every scheme

PEOPLE = {
    "ravdess": [f"{actor:02}" for actor in range(1, 25)],
    "crema_d": sorted(span(1001, 1091))[::6],
    "emodb": sorted(FOLDS[0].test["emodb"] | {"09", "10", "11", "12", "13", "14", "15", "16"}),
    "tess": ["OAF", "YAF"],
    "nemo": ["EB0", "IC0", "KD0"],
    "mine": ["anna", "ben", "carl"],
}


def corpus(name: str, speakers: list[str] | None = None, labels: tuple[str, ...] = ()) -> list:
    """Three clips of each label by each speaker, ten by the two speakers of TESS."""
    takes = 10 if name == "tess" else 3
    labels = labels or (CORPORA[name].labels if name in CORPORA else ("neutral", "happy"))
    return [
        Clip(
            name, Path(name, f"{who}_{label}_{take}.wav"), f"{who}{take}", who, label, "en", labels
        )
        for who in (PEOPLE[name] if speakers is None else speakers)
        for label in labels
        for take in range(takes)
    ]


def people(clips: list[Clip]) -> set[tuple[str, str]]:
    return {(clip.corpus, clip.speaker) for clip in clips}


@st.composite
def pools(draw) -> list[Clip]:
    """Some corpora; of those that nobody agreed on folds for, only some speakers."""
    names = draw(st.lists(st.sampled_from(sorted(PEOPLE)), min_size=1, max_size=4, unique=True))
    pool = []
    for name in names:
        everybody = PEOPLE[name]
        if name in ("nemo", "mine", "ravdess"):
            everybody = draw(st.lists(st.sampled_from(everybody), min_size=3, unique=True))
        pool += corpus(name, everybody)
    return draw(st.permutations(pool)) if len(pool) < 200 else pool


@given(pool=pools(), data=st.data())
def test_with_one_speaker_out_nobody_is_in_two_parts_and_every_clip_in_one(pool, data):
    split = Split(scheme="speaker-out")
    fold = data.draw(st.integers(1, fold_count(pool, split)))
    parts = partition(pool, split, fold, seed=0)
    assert len({c.path for part in parts.values() for c in part}) == len(pool)
    assert sum(len(part) for part in parts.values()) == len(pool)
    (tested,) = people(parts["test"])
    assert tested not in people(parts["train"]) | people(parts["validation"])
    assert {name for name, _ in people(parts["validation"])} <= {name for name, _ in people(pool)}
    if tested[0] != "tess":
        assert not people(parts["validation"]) & people(parts["train"])
        assert {name for name, _ in people(parts["validation"])} == {tested[0]}


@given(
    fold=st.integers(1, 6), others=st.sets(st.sampled_from(["crema_d", "emodb", "tess", "mine"]))
)
def test_in_a_joint_fold_nobody_is_in_two_parts_and_every_clip_in_one(fold, others):
    pool = [clip for name in ["ravdess", *sorted(others)] for clip in corpus(name)]
    parts = partition(pool, Split(), fold, seed=0)
    for name, clips in parts.items():
        assert clips == [c for c in pool if part_of(c, joint_fold(fold)) == name]


@given(pool=pools(), data=st.data())
def test_across_corpora_nothing_of_a_tested_corpus_is_trained_or_chosen_on(pool, data):
    names = sorted({clip_.corpus for clip_ in pool})
    tested = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    split = Split(scheme="cross-corpus", test=dict.fromkeys(tested, ()))
    if len(tested) == len(names):
        with pytest.raises(UsageError, match="none trains"):
            fold_count(pool, split)
        return
    fold = data.draw(st.integers(1, fold_count(pool, split)))
    parts = partition(pool, split, fold, seed=0)
    assert {clip_.corpus for clip_ in parts["test"]} == {tested[fold - 1]}
    used = {clip_.corpus for clip_ in [*parts["train"], *parts["validation"]]}
    assert used == set(names) - set(tested)
    if used != {"tess"}:
        assert not people(parts["train"]) & people(parts["validation"])
    assert {c.label for c in parts["test"]} <= {c.label for c in parts["train"]}


@given(seed=st.integers(0, 9), validation=st.sampled_from([0.0, 0.1, 0.25]))
def test_a_draw_of_clips_keeps_the_share_of_each_label(seed, validation):
    pool = corpus("ravdess")
    split = Split(scheme="clips", test_share=0.25, validation_share=validation)
    parts = partition(pool, split, 1, seed)
    sizes = {part: len(clips) for part, clips in parts.items()}
    assert sizes["test"] == len(pool) / 4
    assert sizes["validation"] == pytest.approx(0.75 * len(pool) * validation, abs=1)
    assert sum(sizes.values()) == len(pool)
    for label in LABELS:
        assert sum(clip_.label == label for clip_ in parts["test"]) == len(pool) / 4 / len(LABELS)


# --------------------------------------------------------------------- joint


def test_corpora_without_sets_train():
    pool = corpus("ravdess") + corpus("mine")
    assert people(corpus("mine")) <= people(partition(pool, Split(), 1, 0)["train"])


@pytest.mark.parametrize(("name", "count"), [("ravdess", 6), ("crema_d", 4), ("emodb", 5)])
def test_there_are_as_many_joint_folds_as_sets(name, count):
    assert fold_count(corpus(name), Split()) == count
    with pytest.raises(UsageError, match=f"no fold {count + 1}; choose one from 1 to {count}"):
        partition(corpus(name), Split(), count + 1, 0)


def test_corpora_on_which_nobody_agreed_ask_for_another_scheme():
    with pytest.raises(UsageError, match=r"joint folds of nEMO, mine; set split\.scheme to"):
        fold_count(corpus("nemo") + corpus("mine"), Split())


def test_a_fold_whose_speakers_are_missing_says_so():
    with pytest.raises(UsageError, match="Fold 1 of the split 'joint' leaves no clip for test"):
        partition(corpus("ravdess", ["04", "05", "06"]), Split(), 1, 0)


# --------------------------------------------------------------------- speaker-out


def test_speakers_are_tested_in_order_and_the_next_one_validates():
    pool = corpus("nemo") + corpus("mine")
    split = Split(scheme="speaker-out")
    assert fold_count(pool, split) == 6
    order = [
        (who(parts["test"]), who(parts["validation"]))
        for parts in (partition(pool, split, fold, 0) for fold in range(1, 7))
    ]
    assert order == [
        ("EB0", "IC0"),
        ("IC0", "KD0"),
        ("KD0", "EB0"),
        ("anna", "ben"),
        ("ben", "carl"),
        ("carl", "anna"),
    ]


def who(clips: list[Clip]) -> str:
    (pair,) = people(clips)
    return pair[1]


def test_of_two_speakers_one_trains_and_validates():
    split = Split(scheme="speaker-out", validation_share=0.25)
    parts = partition(corpus("tess"), split, 2, seed=3)
    assert who(parts["test"]) == "YAF"
    assert who(parts["train"]) == who(parts["validation"]) == "OAF"
    assert {clip_.label for clip_ in parts["validation"]} == set(CORPORA["tess"].labels)
    assert parts == partition(corpus("tess"), split, 2, seed=3)
    assert parts != partition(corpus("tess"), split, 2, seed=4)


def test_two_speakers_validate_on_a_tenth_where_no_share_is_set():
    pool = corpus("mine", ["anna", "ben"]) * 10
    parts = partition(pool, Split(scheme="speaker-out"), 1, seed=0)
    assert len(parts["validation"]) == len(pool) / 2 / 10


def test_one_speaker_alone_cannot_be_tested():
    with pytest.raises(UsageError, match="too few"):
        partition(corpus("mine", ["anna"]), Split(scheme="speaker-out"), 1, 0)


# --------------------------------------------------------------------- cross-corpus


def test_labels_that_nobody_trains_are_left_out_and_said():
    pool = corpus("emodb") + corpus("ravdess") + corpus("nemo")
    split = Split(scheme="cross-corpus", test={"ravdess": (), "nemo": ()})
    parts = partition(pool, split, 1, 0)
    shared = CORPORA["emodb"].labels
    assert {clip_.label for clip_ in parts["test"]} == set(shared)
    assert {clip_.classes for clip_ in parts["test"]} == {shared}
    said = describe_left_out(pool, parts)
    assert "144 clips of RAVDESS (no calm, surprised to train on)" in said
    assert "54 clips of nEMO (not of this fold)" in said


def test_nothing_is_left_out_of_other_schemes():
    pool = corpus("ravdess")
    assert describe_left_out(pool, partition(pool, Split(), 1, 0)) == ""


def test_across_corpora_validation_is_the_joint_one_or_a_speaker_of_each_corpus():
    pool = corpus("ravdess") + corpus("mine") + corpus("tess") + corpus("emodb")
    split = Split(scheme="cross-corpus", test={"emodb": ()})
    validation = people(partition(pool, split, 1, 0)["validation"])
    assert validation == {("ravdess", who) for who in ("04", "10", "12", "14")} | {("mine", "anna")}


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ({}, r"name corpora under split\.test"),
        ({"emodb": ()}, "corpus 'emodb', which the recipe does not read; choose among mine, nemo"),
        ({"nemo": ("EB0",)}, "tests all of nEMO; leave its list"),
        ({"nemo": (), "mine": ()}, "All corpora are under split.test .mine, nEMO|nEMO, mine"),
    ],
)
def test_a_wrong_choice_of_corpora_is_answered(test, said):
    with pytest.raises(UsageError, match=said):
        partition(corpus("mine") + corpus("nemo"), Split(scheme="cross-corpus", test=test), 1, 0)


# --------------------------------------------------------------------- listed


def test_listed_speakers_are_tested_and_validate():
    split = Split(scheme="listed", test={"nemo": ("KD0",)}, validation={"mine": ("anna",)})
    pool = corpus("nemo") + corpus("mine")
    parts = partition(pool, split, 1, 0)
    assert fold_count(pool, split) == 1
    assert people(parts["test"]) == {("nemo", "KD0")}
    assert people(parts["validation"]) == {("mine", "anna")}
    assert len(people(parts["train"])) == 4


def test_listed_speakers_may_do_without_validation():
    split = Split(scheme="listed", test={"nemo": ("KD0",)})
    assert partition(corpus("nemo"), split, 1, 0)["validation"] == []


@pytest.mark.parametrize(
    ("test", "validation", "said"),
    [
        ({"nemo": ("KD0",)}, {"nemo": ("KD0",)}, "Speaker KD0 of nEMO is both under"),
        ({"nemo": ("KD9",)}, {}, "no speaker 'KD9' of nEMO.*choose among EB0, IC0, KD0"),
        ({"nemo": ("KD0",)}, {"nemo": ("X",)}, r"no speaker 'X' of nEMO, as split\.validation"),
        ({"savee": ("DC",)}, {}, "corpus 'savee', which the recipe does not read"),
        ({}, {}, "leaves no clip for test"),
        ({"nemo": ("EB0", "IC0", "KD0")}, {}, "leaves no clip for train"),
    ],
)
def test_a_wrong_list_of_speakers_is_answered(test, validation, said):
    split = Split(scheme="listed", test=test, validation=validation)
    with pytest.raises(UsageError, match=said):
        partition(corpus("nemo"), split, 1, 0)


# --------------------------------------------------------------------- clips


def test_copies_are_drawn_like_other_clips():
    pool = corpus("ravdess") * 2
    parts = partition(pool, Split(scheme="clips"), 1, seed=42)
    assert sum(len(part) for part in parts.values()) == len(pool)
    assert len(parts["test"]) == pytest.approx(len(pool) / 5, abs=1)
    twins = {clip_.path for clip_ in parts["test"]} & {clip_.path for clip_ in parts["train"]}
    assert len(twins) > len(parts["test"]) / 2


def test_the_draw_follows_the_runs_seed_unless_the_split_has_its_own():
    pool = corpus("mine")
    own, runs = Split(scheme="clips", seed=42), Split(scheme="clips")
    assert partition(pool, own, 1, seed=0) == partition(pool, own, 1, seed=1)
    assert partition(pool, runs, 1, seed=42) == partition(pool, own, 1, seed=1)
    assert partition(pool, runs, 1, seed=0) != partition(pool, runs, 1, seed=1)


def test_a_draw_of_clips_has_one_fold():
    with pytest.raises(UsageError, match="no fold 2; it has only fold 1"):
        partition(corpus("mine"), Split(scheme="clips"), 2, 0)


def test_too_few_clips_for_a_draw_are_told_so():
    with pytest.raises(UsageError, match="2 clips are too few"):
        partition(corpus("mine", ["anna"])[2:4], Split(scheme="clips"), 1, 0)


# --------------------------------------------------------------------- bad input


@pytest.mark.parametrize("scheme", ["joint", "speaker-out", "listed", "clips", "cross-corpus"])
def test_no_clips_at_all_are_told_so(scheme):
    with pytest.raises(UsageError, match="There are no clips to split"):
        partition([], Split(scheme=scheme), 1, 0)


def test_one_label_is_too_few_to_train_on():
    pool = corpus("mine", labels=("happy",))
    with pytest.raises(UsageError, match="has only 'happy' to train on; at least two"):
        partition(pool, Split(scheme="speaker-out"), 1, 0)


@pytest.mark.parametrize("fold", [1, 3])
def test_a_label_that_nobody_trains_cannot_be_tested_or_validated(fold):
    pool = corpus("mine", ["ben", "carl"]) + corpus("mine", ["anna"], ("happy", "sad"))
    with pytest.raises(UsageError, match="has sad among what is tested or validated, but no such"):
        partition(pool, Split(scheme="speaker-out"), fold, 0)
