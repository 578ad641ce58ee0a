"""Several folds and seeds of one recipe on one page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import write_whole
from training.corpora import title
from training.measure.metrics import bootstrap, classification, interval
from training.measure.predictions import Prediction, read_predictions
from training.measure.scoring import averaged_corpora, corpus_order
from training.report import figures
from training.report.leaks import leaks
from training.report.rendering import render
from training.run_folder import PREDICTIONS, Run, RunRecord

SUMMARY_PAGE, SUMMARY = "summary.html", "summary.json"

Results = Mapping[str, Any]


def write_summary(folder: Path, runs: Sequence[Run]) -> Path:
    """Write what several runs of one recipe give together, as a page and as JSON.

    Parameters
    ----------
    folder
        Folder of the summary.
    runs
        Finished runs of the recipe's folds and seeds.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        A run is of another recipe, or has not come to its end.
    OutputError
        The folder cannot be written.
    """
    ordered = sorted(runs, key=lambda run: (run.record.seed, run.record.fold))
    records = [run.record for run in ordered]
    _check_one_recipe(ordered, records)
    results = [run.results() for run in ordered]
    found = summary(ordered, records, results)
    corpora = found["corpora"]
    drawing = figures.inline_svg(figures.speakers(corpora), "speakers", "UAR of each speaker")
    first = records[0]
    page = render(
        "summary.html.j2",
        title=first.recipe.get("title") or first.recipe["name"],
        record=first,
        leaks=leaks(first.recipe),
        found=found,
        measures=list(dict.fromkeys(m for own in corpora.values() for m in own["spread"])),
        speakers=Markup(drawing),
        published=first.recipe.get("published"),
        opus=sum(own["opus_copies"] for each in results for own in each["corpora"].values()),
        sections=_SECTIONS,
    )
    for name, text in ((SUMMARY, json.dumps(found, indent=2) + "\n"), (SUMMARY_PAGE, page)):
        write_whole(folder / name, text, "make room or name another folder")
    return folder / SUMMARY_PAGE


_SECTIONS = [
    ("folds", "Folds"),
    ("together", "Together"),
    ("classes", "Classes"),
    ("speakers", "Speakers"),
    ("runs", "Runs"),
]


def _check_one_recipe(runs: Sequence[Run], records: Sequence[RunRecord]) -> None:
    if not runs:
        raise UsageError("There is no run to sum up; name some.")
    for run, record in zip(runs, records, strict=True):
        if record.recipe_sha256 != records[0].recipe_sha256:
            raise UsageError(
                f"{run.folder} is of another recipe than {runs[0].folder}; lay them side by side "
                "with 'realtime-ser-train compare'."
            )


def summary(
    runs: Sequence[Run], records: Sequence[RunRecord], results: Sequence[Results]
) -> dict[str, Any]:
    """Figures of several runs together, fit for JSON.

    Returns
    -------
    dict
        ``runs``: the headline of each. ``corpora`` and ``pooled``: of each figure its mean, least
        and greatest value over the runs (``spread``), and the figures of all test clips of all runs
        together, with intervals over all of their speakers.
    """
    rows = [row for run in runs for row in read_predictions(run.folder / PREDICTIONS).rows]
    names = corpus_order({name for each in results for name in each["corpora"]})
    corpora = {
        name: {
            "title": title(name),
            "spread": _spread([_corpus_figures(r, name) for r in results if name in r["corpora"]]),
            **_pooled_figures([row for row in rows if row.corpus == name], results, name),
        }
        for name in names
    }
    means = [each["mean_uar"] for each in results if each["mean_uar"] is not None]
    return {
        "recipe": records[0].recipe_name,
        "recipe_sha256": records[0].recipe_sha256,
        "runs": [
            {
                "folder": run.folder.name,
                "fold": record.fold,
                "seed": record.seed,
                "command": record.command,
                "uar": {name: own["uar"] for name, own in each["corpora"].items()},
                "mean_uar": each["mean_uar"],
                "pooled_accuracy": each["pooled"]["accuracy"],
            }
            for run, record, each in zip(runs, records, results, strict=True)
        ],
        "mean_over": averaged_corpora(corpora),
        "mean_uar": _mean_and_range(means) if means else None,
        "pooled": _spread(
            [
                {measure: each["pooled"][measure] for measure in ("uar", "accuracy", "macro_f1")}
                for each in results
            ]
        ),
        "corpora": corpora,
    }


def _corpus_figures(results: Results, name: str) -> dict[str, float]:
    """Figures of one corpus in one run, under the names that a page shows."""
    own = results["corpora"][name]
    calibration = own["calibration"]
    found = {
        "UAR": own["uar"],
        "accuracy": own["accuracy"],
        "macro-F1": own["macro_f1"],
        "UAR of all classes": own["all_classes"]["uar"],
        "ECE": calibration["ece"],
        "ECE if perfect": calibration["ece_of_perfect"],
    }
    for second, value in own.get("uar_after", {}).items():
        found[f"UAR after {float(second):g} s"] = value
    if "offline" in results:
        found["UAR of the training graph"] = results["offline"]["corpora"][name]["uar"]
    if "levels" in results:
        for gain, at in results["levels"]["corpora"][name]["by_gain"].items():
            found[f"UAR at a gain of {gain} dB"] = at["uar"]
    if "noise" in results:
        for ratio, at in results["noise"]["corpora"][name]["by_snr"].items():
            found[f"UAR at {ratio} dB"] = at["uar"]
    if "stream" in results:
        found["UAR in a stream"] = results["stream"]["corpora"][name]["uar"]
    return {measure: value for measure, value in found.items() if value is not None}


def _spread(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    measures = dict.fromkeys(measure for each in found for measure in each)
    return {
        measure: _mean_and_range([each[measure] for each in found if measure in each])
        for measure in measures
    }


def _mean_and_range(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "least": float(min(values)),
        "greatest": float(max(values)),
        "runs": len(values),
    }


def _pooled_figures(
    rows: Sequence[Prediction], results: Sequence[Results], name: str
) -> dict[str, Any]:
    """Figures of all clips that were tested, those of several seeds beside each other."""
    own = [each["corpora"][name] for each in results if name in each["corpora"]]
    classes: list[str] = own[0]["confusion"]["classes"]
    labels = np.array([classes.index(row.label) for row in rows])
    answers = np.array([classes.index(row.answer) if row.answer else -1 for row in rows])
    speakers = [row.speaker for row in rows]
    draws = bootstrap(labels, answers, speakers)
    return {
        "clips": len(rows),
        "speakers": sorted(set(speakers)),
        "without_speech": sum(not row.answer for row in rows),
        **classification(labels, answers, classes),
        "uar_interval": interval(draws.uar),
        "accuracy_interval": interval(draws.accuracy),
        "macro_f1_interval": interval(draws.macro_f1),
        "by_speaker": _uar_by_speaker(own),
    }


def _uar_by_speaker(own: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean UAR of each speaker over the runs in which he or she was tested."""
    values: dict[str, list[float]] = {}
    for scores in own:
        for speaker, group in scores["by_speaker"].items():
            values.setdefault(speaker, []).append(group["uar"])
    return {speaker: {"uar": float(np.mean(values[speaker]))} for speaker in sorted(values)}
