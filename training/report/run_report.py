"""The report of one run: all that was measured, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from markupsafe import Markup
from matplotlib.figure import Figure

from realtime_ser.base.files import writing
from realtime_ser.base.labels import LABELS
from training.corpora import title
from training.measure.predictions import Predictions, read_predictions
from training.measure.scoring import corpus_order
from training.report import figures
from training.report.formatting import NO_VALUE, compact_ranges, join_names
from training.report.leaks import leaks
from training.report.reference_systems import ReferenceSystem, comparable_systems
from training.report.rendering import render
from training.run_folder import PREDICTIONS, REPORT, RESULTS, Run, RunRecord

CURVES, CONFUSION, RELIABILITY = "curves", "confusion", "reliability"
EARLY, NOISE, SPEAKERS = "early", "noise", "speakers"

_MISTAKE_COUNT = 12
_KINDS = {"streaming": "streaming model", "offline": "model that hears a whole clip at once"}
_SPLITS = {
    "joint": "by speaker, one of the joint folds",
    "speaker-out": "one speaker left out",
    "cross-corpus": "a whole corpus left out",
    "listed": "by speaker",
    "clips": "clips drawn at random",
}

Results = Mapping[str, Any]


def write_report(run: Run) -> Path:
    """Write a run's page and its figures, from what lies in its folder alone.

    Sections for which there is nothing yet are left out.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UsageError
        The folder is not that of a run.
    OutputError
        It cannot be written.
    """
    record, history = run.record, run.history()
    results = run.results() if (run.folder / RESULTS).exists() else None
    drawn = _figures(results, history)
    for name, (figure, _) in drawn.items():
        _save(figure, run.folder / f"{name}.png")
    predictions = run.folder / PREDICTIONS
    facts = {
        "record": record,
        "title": record.recipe.get("title") or record.recipe["name"],
        "kind": _KINDS[record.kind],
        "leaks": leaks(record.recipe),
        "recipe": yaml.safe_dump(record.recipe, sort_keys=False, allow_unicode=True),
        "data": _data(record),
        "stages": _stages(history),
        "figures": {
            name: Markup(figures.inline_svg(figure, name, words))
            for name, (figure, words) in drawn.items()
        },
        "mistakes": _mistakes(read_predictions(predictions)) if predictions.exists() else [],
        "results": results,
        **(_result_facts(record, results) if results else _NO_RESULTS),
    }
    run.write(REPORT, render("report.html.j2", sections=_sections(facts), **facts))
    return run.folder / REPORT


def _save(figure: Figure, path: Path) -> None:
    with writing(path, "make room, and run the command again"):
        figures.save_png(figure, path)


def _figures(results: Results | None, history: Mapping[str, Any]) -> dict[str, tuple[Figure, str]]:
    """Figures of the page by name, each with a caption."""
    drawn = {}
    stages = {name: epochs for name, epochs in history.items() if epochs}
    if stages:
        drawn[CURVES] = figures.training_curves(stages), "Loss against the epoch"
    if results:
        corpora = results["corpora"]
        drawn[CONFUSION] = figures.confusions(corpora), "Confusion matrices"
        drawn[RELIABILITY] = figures.reliabilities(corpora), "Reliability diagrams"
        drawn[SPEAKERS] = figures.speakers(corpora), "UAR of each speaker"
        early = {name: scores for name, scores in corpora.items() if "uar_after" in scores}
        if early:
            drawn[EARLY] = figures.early_decisions(early), "UAR against seconds heard"
        if "noise" in results:
            drawn[NOISE] = (
                figures.noise_curves(results["noise"], corpora),
                "UAR against the signal-to-noise ratio",
            )
    return drawn


_SECTIONS = {
    "result": "Result",
    "published": "Published",
    "anchors": "Other systems",
    "data": "Data",
    "training": "Training",
    "classes": "Classes",
    "calibration": "Calibration",
    "baseline": "Personal baseline",
    "early": "Early decisions",
    "offline": "Stream and graph",
    "levels": "Levels",
    "noise": "Noise",
    "streams": "Streams",
    "groups": "Groups",
    "mistakes": "Mistakes",
    "again": "Again",
}


def _sections(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles of the sections that the page has, by name."""
    results = facts["results"] or {}
    present = {
        **dict.fromkeys(("data", "again"), True),
        **dict.fromkeys(("result", "classes", "calibration", "groups"), bool(results)),
        "published": facts["published"] is not None,
        "anchors": facts["anchors"] is not None,
        "training": CURVES in facts["figures"],
        "baseline": "baseline" in results,
        "early": EARLY in facts["figures"],
        "offline": "offline" in results,
        "levels": "levels" in results,
        "noise": "noise" in results,
        "streams": "stream" in results or "switches" in results,
        "mistakes": bool(facts["mistakes"]),
    }
    return [(name, words) for name, words in _SECTIONS.items() if present[name]]


# -------------------------------------------------------------------------------------- training


def _data(record: RunRecord) -> dict[str, Any]:
    """Tables of the clips by part, by label, and of who is kept out of training."""
    names = corpus_order({name for corpora in record.data.values() for name in corpora})
    nothing: dict[str, Any] = {"clips": 0, "speakers": [], "labels": {}}

    def own(part: str, name: str) -> dict[str, Any]:
        return record.data.get(part, {}).get(name, nothing)

    found = {label for part in record.data for name in names for label in own(part, name)["labels"]}
    labels = [label for label in LABELS if label in found]
    return {
        "corpora": [
            {
                "title": title(name),
                "parts": [
                    {
                        "clips": own(part, name)["clips"],
                        "speakers": len(own(part, name)["speakers"]),
                    }
                    for part in record.data
                ],
            }
            for name in names
        ],
        "labels": labels,
        "counts": [
            {
                "part": part,
                "title": title(name),
                "counts": [counts["labels"].get(label, 0) for label in labels],
            }
            for part, corpora in record.data.items()
            for name in names
            if (counts := corpora.get(name))
        ],
        "fold": [
            {
                "title": title(name),
                **{
                    part: _speaker_list(own(part, name)["speakers"])
                    for part in ("test", "validation")
                },
            }
            for name in names
        ],
    }


def _speaker_list(speakers: Sequence[str]) -> str:
    return join_names(compact_ranges(speakers, " to ")) if speakers else NO_VALUE


def _stages(history: Mapping[str, Sequence[Mapping[str, float]]]) -> list[dict[str, Any]]:
    rows = []
    for name, epochs in history.items():
        if epochs:
            validated = [epoch for epoch in epochs if "val_loss" in epoch]
            best = min(validated, key=lambda epoch: epoch["val_loss"]) if validated else None
            rows.append(
                {
                    "name": name,
                    "epochs": len(epochs),
                    "first": epochs[0]["loss"],
                    "last": epochs[-1]["loss"],
                    "best": best["val_loss"] if best else None,
                    "best_epoch": int(best["epoch"]) if best else None,
                }
            )
    return rows


# --------------------------------------------------------------------------------------- results

_NO_RESULTS = {"published": None, "anchors": None, "opus": 0, "clips": 0}


def _result_facts(record: RunRecord, results: Results) -> dict[str, Any]:
    corpora = results["corpora"]
    threshold = results["model"].get("certainty_threshold")
    return {
        "published": _published(record, results),
        "anchors": _comparable_systems(results),
        "labels": len(results["pooled"]["confusion"]["classes"]),
        "parameters": results["model"].get("parameters"),
        "threshold": threshold,
        "clips": sum(scores["clips"] for scores in corpora.values()),
        "opus": sum(scores["opus_copies"] for scores in corpora.values()),
        "silent": sum(scores["without_speech"] for scores in corpora.values()),
        "speakers": sum(len(scores["speakers"]) for scores in corpora.values()),
        "mean_over": join_names(title(name) for name in results["mean_over"] or corpora),
        "seconds": _seconds(corpora),
        "kinds": _noise_kinds(results) if "noise" in results else [],
    }


def _seconds(corpora: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = [scores["uar_after"] for scores in corpora.values() if "uar_after" in scores]
    return [f"{float(second):g}" for second in found[0]] if found else []


def _published(record: RunRecord, results: Results) -> dict[str, Any] | None:
    """Published figures of a recipe's authors beside those of the run."""
    published_result = record.recipe.get("published")
    if not published_result:
        return None
    pooled = results["pooled"]
    rows = [
        {
            "measure": words,
            "published": published_result[measure],
            "ours": pooled[measure],
            "interval": pooled[f"{measure}_interval"],
            "difference": pooled[measure] - published_result[measure],
        }
        for measure, words in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
        if published_result.get(measure) is not None
    ]
    scheme = record.recipe["split"]["scheme"]
    return {"rows": rows, "source": published_result["source"], "split": _SPLITS[scheme]}


def _comparable_systems(results: Results) -> dict[str, Any] | None:
    classes = {
        name: len(scores["confusion"]["classes"]) for name, scores in results["corpora"].items()
    }
    rows: list[ReferenceSystem] = comparable_systems(classes)
    corpora = [name for name in classes if any(name in system_row.scores for system_row in rows)]
    return {"rows": rows, "corpora": corpora} if rows else None


def _noise_kinds(results: Results) -> list[dict[str, Any]]:
    rows = []
    for name, own in results["noise"]["corpora"].items():
        at = list(own["by_snr"].values())
        for kind, first in at[0]["by_kind"].items():
            rows.append(
                {
                    "title": results["corpora"][name]["title"],
                    "kind": kind,
                    "clips": first["clips"],
                    "ratios": [each["by_kind"][kind] for each in at],
                }
            )
    return rows


def _mistakes(predictions: Predictions) -> list[dict[str, Any]]:
    """Wrong answers of which the model was surest."""
    wrong = []
    for row in predictions.rows:
        if row.probabilities is not None and row.answer != row.label:
            share = float(row.probabilities[predictions.labels.index(row.answer)])
            wrong.append((share, row))
    order = np.argsort([-share for share, _ in wrong], kind="stable")[:_MISTAKE_COUNT]
    return [
        {
            "corpus": title(row.corpus),
            "clip": row.clip,
            "speaker": row.speaker,
            "label": row.label,
            "answer": row.answer,
            "share": share,
        }
        for share, row in (wrong[k] for k in order)
    ]
