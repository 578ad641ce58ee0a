"""Runs side by side, on the clips that all of them were tested on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError
from training.corpora import title
from training.measure.metrics import (
    NO_ANSWER,
    BootstrapDraws,
    bootstrap,
    classification,
    interval,
)
from training.measure.predictions import Prediction, read_predictions
from training.measure.scoring import averaged_corpora, corpus_order
from training.report.formatting import format_points_interval, points, ratio
from training.report.leaks import leaks
from training.report.rendering import render
from training.run_folder import PREDICTIONS, Run
from training.tables import table

ClipKey: TypeAlias = tuple[str, str, int]
"""A clip's corpus and name, and how often the name came before."""

_MEASURES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True, slots=True, eq=False)
class ComparedSystem:
    """Runs of one recipe and seed, whose folds were tested on different clips.

    Attributes
    ----------
    letter
        Letter that stands for the system.
    name
        Recipe, folds and seed.
    runs
        Runs of the folds.
    rows
        Prediction for each clip.
    leaks
        Sentences on leaks of the test clips into training.
    """

    letter: str
    name: str
    runs: tuple[Run, ...]
    rows: Mapping[ClipKey, Prediction]
    leaks: tuple[str, ...]


def compare(runs: Sequence[Run]) -> tuple[str, str]:
    """Lay runs side by side; each is compared with the first.

    Runs of one recipe and seed over several folds are taken together. Differences are those on the
    clips that all have in common, with the intervals of a paired bootstrap over speakers.

    Returns
    -------
    text : str
        Tables and sentences for a terminal.
    page : str
        The comparison as an HTML page.

    Raises
    ------
    UsageError
        There are fewer than two runs, a run is unfinished, or they have no clip in common.
    """
    systems = _systems(runs)
    if len(systems) < 2:
        raise UsageError(
            "There is nothing to compare: name runs of two or more recipes, seeds or folders."
        )
    common = _common(systems)
    counts = {name: len(keys) for name, keys in common.items()}
    found = [_gains_over(systems[0], other, common) for other in systems[1:]]
    facts = {
        "systems": systems,
        "left_out": {system.letter: len(system.rows) - sum(counts.values()) for system in systems},
        "corpora": [{"name": name, "title": title(name), "clips": counts[name]} for name in common],
        "figures": {
            system.letter: {name: _figures(system, keys) for name, keys in common.items()}
            for system in systems
        },
        "measures": _MEASURES,
        "differences": found,
        "limit": _axis_limit(found),
        "sentences": [sentence for rows in found for sentence in rows["sentences"]],
    }
    page = render("compare.html.j2", sections=_SECTIONS, **facts)
    return _text(facts), page


def _axis_limit(differences: Sequence[Mapping[str, Any]]) -> int:
    """End of the axis in points: the least multiple of ten above all differences."""
    ends: list[float] = [
        end for each in differences for row in each["rows"] for end in row["interval"] or ()
    ]
    ends += [row["gain"] for each in differences for row in each["rows"]]
    return 10 * max(1, math.ceil(10 * max(map(abs, ends))))


_SECTIONS = [("verdict", "Verdict"), ("figures", "Figures"), ("differences", "Differences")]


# ----------------------------------------------------------------------------------------- systems


def _systems(runs: Sequence[Run]) -> list[ComparedSystem]:
    groups: list[list[Run]] = []
    for run in runs:
        record = run.record
        for group in groups:
            others = [other.record for other in group]
            alike = all(
                (other.recipe_sha256, other.seed, other.parent)
                == (record.recipe_sha256, record.seed, record.parent)
                for other in others
            )
            if alike and record.fold not in {other.fold for other in others}:
                group.append(run)
                break
        else:
            groups.append([run])
    return [_system(letter, group) for letter, group in zip(_letters(), groups, strict=False)]


def _letters() -> Iterator[str]:
    number = 0
    while True:
        yield chr(ord("A") + number % 26) * (1 + number // 26)
        number += 1


def _system(letter: str, runs: Sequence[Run]) -> ComparedSystem:
    ordered = sorted(runs, key=lambda run: run.record.fold)
    record = ordered[0].record
    folds = ", ".join(str(run.record.fold) for run in ordered)
    words = [record.recipe_name, *record.changes]
    words += ["folds" if len(ordered) > 1 else "fold", f"{folds},", "seed", str(record.seed)]
    seen: Counter[tuple[str, str]] = Counter()
    rows: dict[ClipKey, Prediction] = {}
    for run in ordered:
        for row in read_predictions(run.folder / PREDICTIONS).rows:
            rows[row.corpus, row.clip, seen[row.corpus, row.clip]] = row
            seen[row.corpus, row.clip] += 1
    return ComparedSystem(
        letter, " ".join(words), tuple(ordered), rows, tuple(leaks(record.recipe))
    )


def _common(systems: Sequence[ComparedSystem]) -> dict[str, list[ClipKey]]:
    """Clips by corpus that all systems share with the same label, in the same order."""
    first, *others = systems
    keys = [
        key
        for key, row in first.rows.items()
        if all(key in other.rows and other.rows[key].label == row.label for other in others)
    ]
    if not keys:
        raise UsageError(
            "These runs were tested on different clips, so that they cannot be compared: name runs "
            "of the same folds."
        )
    return {
        name: [key for key in keys if key[0] == name]
        for name in corpus_order({key[0] for key in keys})
    }


# ----------------------------------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True, eq=False)
class _CorpusPredictions:
    """Answers to clips of one corpus, as numbers of the classes that occur in any of them."""

    labels: NDArray[np.intp]
    predictions: NDArray[np.intp]
    speakers: list[str]
    classes: list[str]

    @classmethod
    def of(cls, system: ComparedSystem, keys: Sequence[ClipKey]) -> _CorpusPredictions:
        rows = [system.rows[key] for key in keys]
        classes = sorted({name for row in rows for name in (row.label, row.answer) if name})
        return cls(
            np.array([classes.index(row.label) for row in rows]),
            np.array([classes.index(row.answer) if row.answer else NO_ANSWER for row in rows]),
            [row.speaker for row in rows],
            classes,
        )

    def draws(self, seed: int) -> BootstrapDraws:
        return bootstrap(self.labels, self.predictions, self.speakers, seed)


def _figures(system: ComparedSystem, keys: Sequence[ClipKey]) -> dict[str, Any]:
    answers = _CorpusPredictions.of(system, keys)
    found = classification(answers.labels, answers.predictions, answers.classes)
    draws = answers.draws(0)
    return {
        measure: {"value": found[measure], "interval": interval(getattr(draws, measure))}
        for measure in _MEASURES
    }


def _gains_over(
    first: ComparedSystem, other: ComparedSystem, common: Mapping[str, Sequence[ClipKey]]
) -> dict[str, Any]:
    """Gain of the other system over the first, by corpus and as the mean over corpora."""
    rows = []
    gains: dict[str, tuple[float, NDArray[np.float64]]] = {}
    for number, (name, keys) in enumerate(common.items()):
        sides = [_CorpusPredictions.of(system, keys) for system in (first, other)]
        values = [classification(s.labels, s.predictions, s.classes) for s in sides]
        draws = [side.draws(number) for side in sides]
        for measure, words in _MEASURES.items():
            gain = values[1][measure] - values[0][measure]
            drawn = getattr(draws[1], measure) - getattr(draws[0], measure)
            rows.append(_difference_row(title(name), words, gain, drawn))
            if measure == "uar":
                gains[name] = gain, drawn
    averaged = averaged_corpora(common)
    if len(averaged) > 1:
        gain = float(np.mean([gains[name][0] for name in averaged]))
        drawn = np.mean([gains[name][1] for name in averaged], axis=0)
        rows.append(_difference_row("mean", "UAR", gain, drawn))
    sentences = [_sentence(first, other, row) for row in rows if row["measure"] == "UAR"]
    return {"other": other.letter, "rows": rows, "sentences": sentences}


def _difference_row(
    corpus: str, measure: str, gain: float, drawn: NDArray[np.float64]
) -> dict[str, Any]:
    return {"corpus": corpus, "measure": measure, "gain": gain, "interval": interval(drawn)}


def _sentence(first: ComparedSystem, other: ComparedSystem, row: Mapping[str, Any]) -> str:
    where = "in the mean over corpora" if row["corpus"] == "mean" else f"on {row['corpus']}"
    if row["interval"] is None:
        return (
            f"{first.letter} and {other.letter} cannot be told apart {where}: "
            f"{points(row['gain'])} points with one speaker, who says nothing of others."
        )
    low, high = row["interval"]
    if low <= 0.0 <= high:
        return (
            f"{first.letter} and {other.letter} cannot be told apart {where}: "
            f"{points(row['gain'])} points ({points(low)} to {points(high)})."
        )
    better, sign = (other, 1) if row["gain"] > 0 else (first, -1)
    near, far = sorted((sign * low, sign * high))
    return (
        f"{better.letter} is better {where} by {100 * sign * row['gain']:.1f} points "
        f"({100 * near:.1f} to {100 * far:.1f})."
    )


def _text(facts: Mapping[str, Any]) -> str:
    """The comparison for a terminal."""
    systems: Sequence[ComparedSystem] = facts["systems"]
    parts = [
        "\n".join(f"{system.letter}: {system.name}" for system in systems),
        table(
            ["corpus", "clips", "measure", *(system.letter for system in systems)],
            [
                [
                    corpus["title"],
                    str(corpus["clips"]),
                    words,
                    *(
                        ratio(facts["figures"][system.letter][corpus["name"]][measure]["value"])
                        for system in systems
                    ),
                ]
                for corpus in facts["corpora"]
                for measure, words in _MEASURES.items()
            ],
        ),
    ]
    for difference in facts["differences"]:
        rows = [
            [
                row["corpus"],
                row["measure"],
                points(row["gain"]),
                format_points_interval(row["interval"]),
            ]
            for row in difference["rows"]
        ]
        gain = f"{difference['other']} - {systems[0].letter}, points"
        parts.append(table(["corpus", "measure", gain, "95 %"], rows, words=2))
    parts.append("\n".join(facts["sentences"]))
    notes = [
        f"{system.letter}: {facts['left_out'][system.letter]} clips that not all were tested on "
        "are left out."
        for system in systems
        if facts["left_out"][system.letter]
    ]
    notes += [f"{system.letter}: {words}" for system in systems for words in system.leaks]
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)
