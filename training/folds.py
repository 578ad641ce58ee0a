"""Who is tested, who chooses, and who trains: folds by speaker over several corpora at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from realtime_ser.errors import UsageError
from training.corpora import Clip

Part: TypeAlias = Literal["train", "validation", "test"]
Speakers: TypeAlias = Mapping[str, frozenset[str]]

JOINT_FOLDS = 6
"""Number of joint folds."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Speakers that are kept out of training, by corpus; everybody else trains.

    Attributes
    ----------
    number
        Number of the fold from 1.
    test
        Those on whom the model is measured, once.
    validation
        Those on whom epochs, temperature and threshold are chosen.
    """

    number: int
    test: Speakers
    validation: Speakers


def _numbers(*numbers: int) -> frozenset[str]:
    return frozenset(f"{number:02}" for number in numbers)


def _span(first: int, last: int) -> frozenset[str]:
    return _numbers(*range(first, last + 1))


#: RAVDESS: the six folds of EmoBox (Ma et al., Interspeech 2024). CREMA-D: sessions 1, 2, 4 and 5
#: of EMO-SUPERB (Wu et al., 2024); session 3 always trains. EmoDB: pairs of speakers.
_SETS: Mapping[str, Sequence[frozenset[str]]] = {
    "ravdess": (
        _numbers(1, 11, 20, 21),
        _numbers(4, 10, 12, 14),
        _numbers(8, 9, 19, 23),
        _numbers(3, 5, 7, 24),
        _numbers(2, 15, 16, 18),
        _numbers(6, 13, 17, 22),
    ),
    "crema_d": (_span(1037, 1054), _span(1001, 1018), _span(1055, 1072), _span(1019, 1036)),
    "emodb": (
        _numbers(3, 8),
        _numbers(9, 10),
        _numbers(11, 12),
        _numbers(13, 14),
        _numbers(15, 16),
    ),
}


def joint_fold(number: int) -> Fold:
    """One of the six joint folds.

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
        number,
        test={name: sets[number - 1] for name, sets in _SETS.items() if number <= len(sets)},
        validation={name: sets[number % len(sets)] for name, sets in _SETS.items()},
    )


def part_of(clip: Clip, fold: Fold) -> Part:
    """Where a clip belongs in a fold."""
    if clip.speaker in fold.test.get(clip.corpus, ()):
        return "test"
    if clip.speaker in fold.validation.get(clip.corpus, ()):
        return "validation"
    return "train"
