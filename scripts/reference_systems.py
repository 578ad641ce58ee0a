"""Keeps docs/reference_systems.md true: no number on that page is typed by hand.

``python -m scripts.reference_systems collect RUNS`` writes what the page's commands gave, from the
folder of their runs, to docs/results/. ``python -m scripts.reference_systems fill`` writes the
page's tables from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.pages import ROOT, SEEDS, ExperimentRow, fill_tables, read_results, run_page_command

PAGE = ROOT / "docs" / "reference_systems.md"
RESULTS = ROOT / "docs" / "results"
SHIPPED_MODEL = ROOT / "models" / "default" / "evaluation.json"

JOINT = "split.scheme=joint"
HONEST = "oversampling=training"
ONCE = "copies=1"
OWN_SCALE = "features.standardise=training"
FOLDS = (1, 2, 3, 4, 5, 6)


def _recipe_row(recipe: str, what: str) -> list[ExperimentRow]:
    return [
        ExperimentRow(what, "at random, by clip", recipe),
        ExperimentRow(what, "by speaker, fold 1", recipe, (JOINT,), seeds=(0,)),
    ]


def _c(recipe: str, what: str, folds: tuple[int, ...]) -> list[ExperimentRow]:
    tested = f"folds {folds[0]} to {folds[-1]}" if len(folds) > 1 else f"fold {folds[0]}"
    return [
        ExperimentRow(what, "as published: two copies, at random", recipe),
        ExperimentRow(what, "one copy, at random", recipe, (ONCE,)),
        ExperimentRow(what, f"one copy, by speaker, {tested}", recipe, (ONCE, JOINT), folds, (0,)),
    ]


def _e_leak(kind: str, what: str, seeds: tuple[int, ...]) -> list[ExperimentRow]:
    recipe = f"e_leak_{kind}"
    return [
        ExperimentRow(what, "with the leak: oversampled, then split at random", recipe),
        ExperimentRow(what, "without: split at random, then oversampled", recipe, (HONEST,)),
        ExperimentRow(
            what, "without, by speaker, fold 1", recipe, (HONEST, OWN_SCALE, JOINT), seeds=seeds
        ),
    ]


_E = {"cnn": "CNN", "lstm": "LSTM", "improved": "improved LSTM"}

TABLES: Mapping[str, list[ExperimentRow]] = {
    "a": _recipe_row("a", "CNN + LSTM"),
    "b": _recipe_row("b", "CNN + LSTM"),
    "c": _c("c_cnn", "CNN", (1,)) + _c("c_cnn_lstm", "CNN + LSTM", FOLDS),
    "d": _recipe_row("d", "CNN + LSTM"),
    "e-leak": [
        *_e_leak("cnn", _E["cnn"], (0,)),
        *_e_leak("lstm", _E["lstm"], SEEDS),
        *_e_leak("improved", _E["improved"], SEEDS),
    ],
    "e": [row for kind, what in _E.items() for row in _recipe_row(f"e_{kind}", what)],
}


_TITLES = {"ravdess": "RAVDESS", "crema_d": "CREMA-D", "tess": "TESS"}


def fill(text: str) -> str:
    """The page with its tables made of docs/results/ and of the shipped model's figures."""
    return fill_tables(
        text, lambda name: _joint_fold_table() if name == "together" else _table(TABLES[name])
    )


def _table(rows: list[ExperimentRow]) -> str:
    head = (
        "| network | split | published accuracy | accuracy | macro-F1 | UAR by corpus | figures |"
    )
    lines = [head, "|---|---|---|---|---|---|---|"]
    for row in rows:
        kept = read_results(row, RESULTS)
        pooled = kept["together"]["pooled"]
        cells = [
            row.what,
            row.split,
            _published(kept, row),
            _spread(pooled["accuracy"]),
            _spread(pooled["macro_f1"]),
            "<br>".join(_uars(kept, row)),
            f"[JSON](results/{row.name}.json)",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    commands = "\n".join(row.command for row in rows)
    return "\n".join(lines) + f"\n\n```\n{commands}\n```"


def _published(kept: Mapping[str, Any], row: ExperimentRow) -> str:
    """What its authors give for this very split."""
    told = kept["recipe"]["published"]
    if told is None:
        return "none"
    if row.changes or row.recipe in ("e_cnn", "e_lstm", "e_improved"):
        return ""
    f1 = f", macro-F1 {told['macro_f1']:.2f}" if told["macro_f1"] else ""
    return f"{told['accuracy']:.3f}{f1}"


def _spread(values: Mapping[str, float]) -> str:
    return f"{values['mean']:.3f} ({values['least']:.3f} to {values['greatest']:.3f})"


def _uars(kept: Mapping[str, Any], row: ExperimentRow) -> Iterator[str]:
    """UAR of all its runs together; its interval over speakers where nobody is on both sides."""
    for name, own in kept["together"]["corpora"].items():
        low, high = own["uar_interval"]
        interval = f" [{low:.3f}, {high:.3f}]" if JOINT in row.changes else ""
        yield f"{_TITLES[name]} {own['uar']:.3f}{interval}"


def _joint_fold_table() -> str:
    """Every system and the shipped model on the speakers of joint fold 1."""
    lines = ["| model | RAVDESS | CREMA-D |", "|---|---|---|"]
    for rows in TABLES.values():
        for row in (row for row in rows if JOINT in row.changes):
            kept = read_results(row, RESULTS)
            made = [own for name, own in kept["runs"].items() if "-fold1-" in name]
            cells = [_fold_1(made, name) for name in ("ravdess", "crema_d")]
            lines.append(f"| {row.recipe.replace('_', ' ')}, {row.what} | {' | '.join(cells)} |")
    ours = _shipped_model_on_fold_1(json.loads(SHIPPED_MODEL.read_bytes()))
    cells = [f"**{ours[name]:.3f}**" for name in ("ravdess", "crema_d")]
    lines.append(f"| **the model that ships**, streaming | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shipped_model_on_fold_1(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """UAR by corpus of the shipped model, or of the one that tried its recipe on this fold."""
    if "folds" in evaluation:
        return dict(evaluation["folds"]["1"])
    return {name: own["uar"] for name, own in evaluation["corpora"].items()}


def _fold_1(made: list[Mapping[str, Any]], name: str) -> str:
    found = [own["corpora"][name] for own in made if name in own["corpora"]]
    if not found:
        return ""
    uars = [own["uar"] for own in found]
    classes = len(found[0]["confusion"]["classes"])
    spread = f" ({min(uars):.3f} to {max(uars):.3f})" if len(uars) > 1 else ""
    return f"{sum(uars) / len(uars):.3f}{spread}, {classes} classes"


if __name__ == "__main__":
    run_page_command(PAGE, RESULTS, TABLES, fill)
