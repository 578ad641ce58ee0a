"""Splits of clips into training, validation and test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from training.corpora import Clip, title
from training.settings import Split

SplitPart: TypeAlias = Literal["train", "validation", "test"]
SplitParts: TypeAlias = dict[SplitPart, list[Clip]]
Speakers: TypeAlias = Mapping[str, Collection[str]]
"""Names of speakers by corpus."""

JOINT_FOLDS = 6
"""Number of joint folds."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Test and validation speakers by corpus; all others train.

    Attributes
    ----------
    test
        Speakers whom the model is tested on, once.
    validation
        Speakers for the choice of epochs, temperature and threshold.
    """

    test: Speakers
    validation: Speakers


def part_of(clip: Clip, fold: Fold) -> SplitPart:
    """Part of a fold that a clip belongs to."""
    if clip.speaker in fold.test.get(clip.corpus, ()):
        return "test"
    if clip.speaker in fold.validation.get(clip.corpus, ()):
        return "validation"
    return "train"


def partition(clips: Sequence[Clip], split: Split, fold: int, seed: int) -> SplitParts:
    """Divide clips into those that train, those that choose, and those that are tested.

    Every scheme but ``clips`` goes by speaker: no speaker is in two parts. The exception is a
    validation for which no speaker can be spared, since no corpus that trains has three of them
    (TESS); it is then drawn from the training clips, and only the test is by speaker.

    ``joint``
        Fold ``i`` tests each corpus's set ``i``, where it has so many, and validates on its next
        set, cyclically. Corpora without sets train.
    ``speaker-out``
        Fold ``i`` tests the ``i``-th speaker, in the order of the corpora and of their names, and
        validates on the next one of the same corpus, cyclically.
    ``cross-corpus``
        Fold ``i`` tests the ``i``-th corpus under ``split.test``. Its clips of labels that nobody
        trains are in no part (see :func:`describe_left_out`), and the others' ``classes`` lose
        these labels.
        Each corpus that trains gives its first joint validation set, or one speaker.
    ``listed``
        The speakers under ``split.test`` and ``split.validation``.
    ``clips``
        At random, in proportion to the labels: ``test_share`` of all, then ``validation_share`` of
        the rest, as scikit-learn's ``train_test_split`` draws them. A clip may occur several times;
        its copies are drawn like any others.

    Parameters
    ----------
    clips
        All clips; ``Clip.corpus`` names the corpus.
    split
        The scheme and its settings.
    fold
        Number of the fold, from 1 to :func:`fold_count`.
    seed
        Seed of random draws, unless the split has its own.

    Returns
    -------
    dict
        Clips of ``train``, ``validation`` and ``test``, in their order. Validation may be empty
        where the schemes ``clips`` and ``listed`` ask for none.

    Raises
    ------
    UsageError
        There is no such fold; the split names a missing corpus or speaker, or one
        speaker twice; a part is empty; training has fewer than two labels, or lacks one that is
        tested or validated.
    """
    count = fold_count(clips, split)
    if not 1 <= fold <= count:
        choice = f"choose one from 1 to {count}" if count > 1 else "it has only fold 1"
        raise UsageError(f"The split '{split.scheme}' of these clips has no fold {fold}; {choice}.")
    seed = seed if split.seed is None else split.seed
    match split.scheme:
        case "joint":
            parts = _split_by_speaker(clips, joint_fold(fold))
        case "speaker-out":
            parts = _leave_speaker_out(clips, split, fold, seed)
        case "cross-corpus":
            parts = _cross_corpus(clips, split, fold, seed)
        case "listed":
            parts = _split_by_speaker(clips, _listed_fold(clips, split))
        case "clips":
            parts = _split_by_clip(clips, split, seed)
    if split.withheld_sentences:
        parts = _without_sentences(parts, clips, split.withheld_sentences)
    _check_parts(parts, split, fold)
    return parts


def fold_count(clips: Sequence[Clip], split: Split) -> int:
    """Number of folds that a split has on some clips.

    Raises
    ------
    UsageError
        There are no clips, or the split does not suit them.
    """
    if not clips:
        raise UsageError("There are no clips to split; name the folder that holds the corpora.")
    match split.scheme:
        case "joint":
            return _joint_count(clips)
        case "speaker-out":
            return len(_speakers(clips))
        case "cross-corpus":
            return _corpus_count(clips, split)
        case _:
            return 1


def describe_left_out(clips: Sequence[Clip], parts: Mapping[SplitPart, Sequence[Clip]]) -> str:
    """Sentence on the clips that are in no part, with the reason; empty if there are none."""
    used = {clip.path for part in parts.values() for clip in part}
    unused = [clip for clip in clips if clip.path not in used]
    tested = _corpora(parts["test"])
    reasons = []
    for corpus in _corpora(unused):
        own = [clip for clip in unused if clip.corpus == corpus]
        labels = ", ".join(_labels(own))
        why = f"no {labels} to train on" if corpus in tested else "not of this fold"
        reasons.append(f"{len(own)} clips of {title(corpus)} ({why})")
    return f"Left out: {'; '.join(reasons)}." if reasons else ""


# ------------------------------------------------------------------------------------ joint folds


def _speaker_ids(*numbers: int) -> frozenset[str]:
    return frozenset(f"{number:02}" for number in numbers)


def _speaker_range(first: int, last: int) -> frozenset[str]:
    return _speaker_ids(*range(first, last + 1))


#: RAVDESS: the six folds of EmoBox (Ma et al., Interspeech 2024). CREMA-D: sessions 1, 2, 4 and 5
#: of EMO-SUPERB (Wu et al., 2024); session 3 always trains. EmoDB: pairs of speakers.
_SPEAKER_SETS: Mapping[str, Sequence[frozenset[str]]] = {
    "ravdess": (
        _speaker_ids(1, 11, 20, 21),
        _speaker_ids(4, 10, 12, 14),
        _speaker_ids(8, 9, 19, 23),
        _speaker_ids(3, 5, 7, 24),
        _speaker_ids(2, 15, 16, 18),
        _speaker_ids(6, 13, 17, 22),
    ),
    "crema_d": (
        _speaker_range(1037, 1054),
        _speaker_range(1001, 1018),
        _speaker_range(1055, 1072),
        _speaker_range(1019, 1036),
    ),
    "emodb": (
        _speaker_ids(3, 8),
        _speaker_ids(9, 10),
        _speaker_ids(11, 12),
        _speaker_ids(13, 14),
        _speaker_ids(15, 16),
    ),
}


def joint_fold(number: int) -> Fold:
    """Joint fold by its number.

    Fold ``i`` tests each corpus's set ``i``, where it has so many, and validates on its next set,
    cyclically. Corpora without sets train.

    Raises
    ------
    UsageError
        There is no fold of this number.
    """
    if not 1 <= number <= JOINT_FOLDS:
        raise UsageError(f"There is no fold {number}; choose one from 1 to {JOINT_FOLDS}.")
    return Fold(
        test={
            name: sets[number - 1] for name, sets in _SPEAKER_SETS.items() if number <= len(sets)
        },
        validation={name: sets[number % len(sets)] for name, sets in _SPEAKER_SETS.items()},
    )


def _joint_count(clips: Sequence[Clip]) -> int:
    counts = [len(_SPEAKER_SETS[corpus]) for corpus in _corpora(clips) if corpus in _SPEAKER_SETS]
    if not counts:
        raise UsageError(
            f"Nobody agreed on joint folds of {_titles(_corpora(clips))}; set split.scheme to "
            "speaker-out or listed."
        )
    return max(counts)


# ---------------------------------------------------------------------------------- other schemes

_MIN_SPEAKERS = 3
"""Speakers that a corpus needs for one of them to be spared for validation."""

_DEFAULT_VALIDATION_SHARE = 0.1
"""Validation's share of the training clips where no speaker can be spared and none is set."""


def _split_by_speaker(clips: Sequence[Clip], fold: Fold) -> SplitParts:
    parts: SplitParts = {"train": [], "validation": [], "test": []}
    for clip in clips:
        parts[part_of(clip, fold)].append(clip)
    return parts


def _leave_speaker_out(clips: Sequence[Clip], split: Split, fold: int, seed: int) -> SplitParts:
    corpus, tested = _speakers(clips)[fold - 1]
    peers = [speaker for name, speaker in _speakers(clips) if name == corpus]
    following = peers[(peers.index(tested) + 1) % len(peers)]
    spare = {corpus: {following}} if len(peers) >= _MIN_SPEAKERS else {}
    parts = _split_by_speaker(clips, Fold(test={corpus: {tested}}, validation=spare))
    return parts if spare else _with_drawn_validation(parts, split, seed)


def _corpus_count(clips: Sequence[Clip], split: Split) -> int:
    speakers_found = _corpora(clips)
    if not split.test:
        raise UsageError(
            f"The split cross-corpus tests nothing yet; name corpora under split.test, such as "
            f"{{{speakers_found[-1]}: []}}."
        )
    for corpus, listed in split.test.items():
        _check_corpus(corpus, clips)
        if listed:
            raise UsageError(
                f"The split cross-corpus tests all of {title(corpus)}; leave its list under "
                "split.test empty, or set split.scheme to listed."
            )
    if not set(speakers_found) - set(split.test):
        raise UsageError(
            f"All corpora are under split.test ({_titles(split.test)}), so that none trains; take "
            "one out or add one under corpora."
        )
    return len(split.test)


def _cross_corpus(clips: Sequence[Clip], split: Split, fold: int, seed: int) -> SplitParts:
    tested = list(split.test)[fold - 1]
    others = [clip for clip in clips if clip.corpus not in split.test]
    spare = {corpus: who for corpus in _corpora(others) if (who := _spare_speakers(corpus, others))}
    parts = _split_by_speaker(others, Fold(test={}, validation=spare))
    if not spare:
        parts = _with_drawn_validation(parts, split, seed)
    trained = set(_labels(parts["train"]))
    parts["test"] = [
        replace(clip, classes=tuple(label for label in clip.classes if label in trained))
        for clip in clips
        if clip.corpus == tested and clip.label in trained
    ]
    return parts


def _spare_speakers(corpus: str, clips: Sequence[Clip]) -> Collection[str]:
    """Speakers of a corpus for validation: those of its joint fold 1, or else the first one."""
    speakers_found = [speaker for name, speaker in _speakers(clips) if name == corpus]
    agreed = set(speakers_found) & _SPEAKER_SETS[corpus][1] if corpus in _SPEAKER_SETS else set()
    return agreed or set(speakers_found[:1] if len(speakers_found) >= _MIN_SPEAKERS else ())


def _listed_fold(clips: Sequence[Clip], split: Split) -> Fold:
    for part, listed in (("test", split.test), ("validation", split.validation)):
        for corpus, names in listed.items():
            _check_corpus(corpus, clips)
            speakers_found = [speaker for name, speaker in _speakers(clips) if name == corpus]
            for unknown in (name for name in names if name not in speakers_found):
                raise UsageError(
                    f"There is no speaker '{unknown}' of {title(corpus)}, as split.{part} says; "
                    f"choose among {', '.join(speakers_found)}."
                )
    for corpus, names in split.test.items():
        for both in sorted(set(names) & set(split.validation.get(corpus, ()))):
            raise UsageError(
                f"Speaker {both} of {title(corpus)} is both under split.test and under "
                "split.validation; take one away."
            )
    return Fold(test=split.test, validation=split.validation)


def _split_by_clip(clips: Sequence[Clip], split: Split, seed: int) -> SplitParts:
    rest, test = _stratified_draw(clips, split.test_share, seed)
    train, validation = _stratified_draw(rest, split.validation_share, seed)
    return {"train": train, "validation": validation, "test": test}


def _with_drawn_validation(parts: SplitParts, split: Split, seed: int) -> SplitParts:
    """Take validation from the training clips, where no speaker can be spared."""
    share = split.validation_share or _DEFAULT_VALIDATION_SHARE
    train, validation = _stratified_draw(parts["train"], share, seed)
    return {**parts, "train": train, "validation": validation}


def _stratified_draw(
    clips: Sequence[Clip], share: float, seed: int
) -> tuple[list[Clip], list[Clip]]:
    """Draw a share of clips in proportion to their labels: the rest, and what was drawn."""
    if not share:
        return list(clips), []
    from sklearn.model_selection import train_test_split

    try:
        rest, drawn = train_test_split(
            list(clips),
            test_size=share,
            random_state=seed,
            stratify=[clip.label for clip in clips],
        )
    except ValueError as error:
        raise UsageError(
            f"{len(clips)} clips are too few to draw a share of {share:g} with every label in it; "
            "add clips or raise the share."
        ) from error
    return list(rest), list(drawn)


def _without_sentences(parts: SplitParts, clips: Sequence[Clip], withheld: Speakers) -> SplitParts:
    """Leave sentences out of training and validation, and say of each test clip whether its is."""
    for corpus, sentences in withheld.items():
        _check_corpus(corpus, clips)
        spoken = sorted(
            {clip.sentence for clip in clips if clip.corpus == corpus and clip.sentence}
        )
        for unknown in (sentence for sentence in sentences if sentence not in spoken):
            choice = f"choose among {', '.join(spoken)}" if spoken else "none are known of it"
            raise UsageError(
                f"There is no sentence '{unknown}' of {title(corpus)}, as split.withheld_sentences "
                f"says; {choice}."
            )

    def heard(clip: Clip) -> bool:
        return clip.sentence not in withheld.get(clip.corpus, ())

    return {
        "train": list(filter(heard, parts["train"])),
        "validation": list(filter(heard, parts["validation"])),
        "test": [
            replace(clip, sentence_heard=heard(clip)) if clip.corpus in withheld else clip
            for clip in parts["test"]
        ],
    }


# ----------------------------------------------------------------------------------------- checks

_VALIDATION_OPTIONAL = {"clips", "listed"}


def _check_parts(parts: SplitParts, split: Split, fold: int) -> None:
    where = f"Fold {fold} of the split '{split.scheme}'"
    for part, clips in parts.items():
        is_required = part != "validation" or split.scheme not in _VALIDATION_OPTIONAL
        if not clips and is_required:
            raise UsageError(
                f"{where} leaves no clip for {part}; take another fold, change the split, or add "
                "the speakers that are missing."
            )
    trained = _labels(parts["train"])
    if len(trained) < 2:
        raise UsageError(
            f"{where} has only '{trained[0]}' to train on; at least two labels are needed."
        )
    evaluated = _labels([*parts["validation"], *parts["test"]])
    unseen = [label for label in evaluated if label not in trained]
    if unseen:
        raise UsageError(
            f"{where} has {', '.join(unseen)} among what is tested or validated, but no such clip "
            "to train on; add some or change the split."
        )


def _check_corpus(corpus: str, clips: Sequence[Clip]) -> None:
    if corpus not in _corpora(clips):
        raise UsageError(
            f"The split names the corpus '{corpus}', which the recipe does not read; choose among "
            f"{', '.join(_corpora(clips))}."
        )


def _corpora(clips: Iterable[Clip]) -> list[str]:
    """Names of corpora in the order of the clips."""
    return list(dict.fromkeys(clip.corpus for clip in clips))


def _titles(corpora: Iterable[str]) -> str:
    return ", ".join(title(corpus) for corpus in corpora)


def _speakers(clips: Sequence[Clip]) -> list[tuple[str, str]]:
    """Corpus and name of each speaker, corpora in the order of the clips, names sorted."""
    order = _corpora(clips)
    pairs = {(clip.corpus, clip.speaker) for clip in clips}
    return sorted(pairs, key=lambda pair: (order.index(pair[0]), pair[1]))


def _labels(clips: Iterable[Clip]) -> list[str]:
    found = {clip.label for clip in clips}
    return [label for label in LABELS if label in found]
