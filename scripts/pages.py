"""Pages of experiments, whose tables are made of the figures of their runs, and never typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.recipe import run_title
from training.report.summary import summary
from training.run_folder import Run

ROOT = Path(__file__).resolve().parent.parent
SEEDS = (0, 1, 2)

_USAGE = "Say what to do: collect RUNS, or fill."


@dataclass(frozen=True)
class ExperimentRow:
    """A row of a table: what one command gave."""

    what: str
    split: str
    recipe: str
    changes: tuple[str, ...] = ()
    folds: tuple[int, ...] = (1,)
    seeds: tuple[int, ...] = SEEDS
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its file of figures."""
        return run_title(self.recipe, self.changes)

    @property
    def command(self) -> str:
        """What makes its runs."""
        words = [f"realtime-ser-train run {self.recipe} --corpora CORPORA"]
        words += [f"--set {change}" for change in self.changes]
        words += [f"--folds {_number_list(self.folds)}"] if self.folds != (1,) else []
        words += [f"--seed {_number_list(self.seeds)}"] if self.seeds != (0,) else []
        words += self.options
        return " ".join(words)

    def folders(self) -> Iterator[str]:
        """Names of its runs' folders."""
        for fold in self.folds:
            for seed in self.seeds:
                yield f"{self.name}-fold{fold}-seed{seed}"


def _number_list(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def run_page_command(
    page: Path, results: Path, tables: Mapping[str, list[ExperimentRow]], fill: Callable[[str], str]
) -> None:
    """Do what the command line says: collect figures from a folder of runs, or fill the page."""
    match sys.argv[1:]:
        case ["collect", runs]:
            collect([row for rows in tables.values() for row in rows], Path(runs), results)
        case ["fill"]:
            page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
        case _:
            sys.exit(_USAGE)


# ----------------------------------------------------------------------------------------- collect

_OMITTED_KEYS = ("by_language", "by_sex", "by_intensity", "by_speaker", "per_class", "listeners")


def collect(rows: Iterable[ExperimentRow], runs: Path, folder: Path) -> None:
    """Write what rows give into ``folder``, from the runs of their commands."""
    folder.mkdir(exist_ok=True)
    for row in rows:
        made = [Run(runs / folder) for folder in row.folders()]
        records, results = [run.record for run in made], [run.results() for run in made]
        together = summary(made, records, results)
        for own in together["corpora"].values():
            own.pop("per_class")
        for run in together["runs"]:
            run.pop("command")  # the row's own names no folder of a machine
        kept = {
            "command": row.command,
            "recipe": records[0].recipe,
            "versions": records[0].versions,
            "together": together,
            "runs": {
                run.folder.name: _without_omitted(own)
                for run, own in zip(made, results, strict=True)
            },
        }
        text = json.dumps(_rounded(kept), indent=1, ensure_ascii=False)
        text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text)
        (folder / f"{row.name}.json").write_text(text + "\n", encoding="utf-8")
        print(row.name)


def _without_omitted(results: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a run without what they are made of, and without groups of clips."""
    corpora = {
        name: {key: value for key, value in own.items() if key not in _OMITTED_KEYS}
        for name, own in results["corpora"].items()
    }
    for own in corpora.values():
        own["calibration"] = {k: v for k, v in own["calibration"].items() if k != "bins"}
    pooled = {key: value for key, value in results["pooled"].items() if key not in _OMITTED_KEYS}
    return {"model": results["model"], "pooled": pooled, "corpora": corpora}


def _rounded(value: Any) -> Any:
    """The same with numbers of five decimals."""
    match value:
        case float():
            return round(value, 5)
        case dict():
            return {key: _rounded(own) for key, own in value.items()}
        case list() | tuple():
            return [_rounded(own) for own in value]
        case _:
            return value


def read_results(row: ExperimentRow, folder: Path) -> dict[str, Any]:
    """What :func:`collect` wrote of a row."""
    kept: dict[str, Any] = json.loads((folder / f"{row.name}.json").read_bytes())
    return kept


# -------------------------------------------------------------------------------------------- fill

_TABLE = re.compile(
    r"(<!-- table: (?P<name>[a-z-]+) -->\n)(?:(?!<!-- end).)*(<!-- end -->)", re.DOTALL
)


def fill_tables(text: str, table: Callable[[str], str]) -> str:
    """A page with each of its tables made anew, by its name; an empty one is filled."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found['name'])}\n{found[3]}", text)
