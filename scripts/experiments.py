"""Keeps docs/experiments.md true: no number in its tables is typed by hand.

``python -m scripts.experiments collect RUNS`` writes what the page's commands gave, from the folder
of their runs, to docs/experiments/. ``python -m scripts.experiments fill`` writes the tables of the
page from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.pages import ROOT, ExperimentRow, fill_tables, read_results, run_page_command

PAGE = ROOT / "docs" / "experiments.md"
RESULTS = ROOT / "docs" / "experiments"

_OPTIONS = ("--brief", "--from runs/encoder-fold1-seed0")
_TEACHER = ("--brief", "--teacher TEACHER")


def _ablation(what: str, *changes: str) -> ExperimentRow:
    """Fold 1 without a second training on the validation speakers, which each row would need."""
    return ExperimentRow(
        what, "fold 1", "default", ("refit=false", *changes), seeds=(0,), options=_OPTIONS
    )


TABLES: Mapping[str, list[ExperimentRow]] = {
    "folds": [
        ExperimentRow("as it ships", "all", "default", (), (1, 2, 3, 4, 5, 6), (0,), _OPTIONS)
    ],
    "others": [
        ExperimentRow("cross", "other corpora", "cross", seeds=(0,), options=_TEACHER),
        ExperimentRow("open", "fold 1", "open", seeds=(0,), options=_TEACHER),
    ],
    "ablations": [
        _ablation("the recipe as it is"),
        _ablation("memory of 2.5 s instead of 1.5 s", "architecture.memory_s=2.5"),
    ],
}


def fill(text: str) -> str:
    """The page with its tables made of docs/experiments/."""
    tables = {"folds": _folds, "others": _other_recipe_rows, "ablations": _ablations}
    return fill_tables(text, lambda name: tables[name]())


def _folds() -> str:
    """UAR of each fold, and of all clips together with its interval, by corpus."""
    (row,) = TABLES["folds"]
    kept = read_results(row, RESULTS)
    runs = kept["together"]["runs"]
    head = ["corpus", *(f"fold {run['fold']}" for run in runs), "mean", "all clips"]
    lines = [_line(head), "|---" * len(head) + "|"]
    for name, own in kept["together"]["corpora"].items():
        uars = [run["uar"].get(name) for run in runs]
        cells = [f"{value:.3f}" if value is not None else "" for value in uars]
        lines.append(
            _line([own["title"], *cells, f"{own['spread']['UAR']['mean']:.3f}", _uar(own)])
        )
    return "\n".join(lines) + _commands([row])


def _other_recipe_rows() -> str:
    """What recipes for other purposes give, a row each corpus that they were tested on."""
    lines = ["| recipe | tested on | speakers | clips | UAR |", "|---|---|---|---|---|"]
    for row in TABLES["others"]:
        (made,) = read_results(row, RESULTS)["runs"].values()
        for own in made["corpora"].values():
            cells = [
                row.what,
                own["title"],
                str(len(own["speakers"])),
                str(own["clips"]),
                _uar(own),
            ]
            lines.append(_line(cells))
    return "\n".join(lines) + _commands(TABLES["others"])


def _ablations() -> str:
    """What each change does to the corpora of one fold, and to early answers."""
    lines: list[str] = []
    for row in TABLES["ablations"]:
        (made,) = read_results(row, RESULTS)["runs"].values()
        corpora = made["corpora"]
        early = {name: own["uar_after"]["1.0"] for name, own in corpora.items()}
        if not lines:
            head = [own["title"] for own in corpora.values()]
            lines = [_line(["", *head, "the same after 1.0 s"]), "|---" * (len(head) + 2) + "|"]
        cells = [_uar(own) for own in corpora.values()]
        lines.append(_line([row.what, *cells, " ".join(f"{uar:.3f}" for uar in early.values())]))
    return "\n".join(lines) + _commands(TABLES["ablations"])


def _uar(own: Mapping[str, Any]) -> str:
    low, high = own["uar_interval"]
    return f"{own['uar']:.3f} [{low:.3f}, {high:.3f}]"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _commands(rows: list[ExperimentRow]) -> str:
    commands = "\n".join(row.command for row in rows)
    figures = ", ".join(f"[{row.what}](experiments/{row.name}.json)" for row in rows)
    return f"\n\n```sh\n{commands}\n```\n\nRecipe and every figure as JSON: {figures}."


if __name__ == "__main__":
    run_page_command(PAGE, RESULTS, TABLES, fill)
