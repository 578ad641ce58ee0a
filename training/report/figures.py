"""Figures of a card: confusions, reliability, and recall against seconds heard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.measure.metrics import BINS

_INK, _FAINT, _BLUE = "#222222", "#b0b0b0", "#0072b2"
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Of Okabe and Ito, told apart by the colour-blind."""

_DPI = 100
_DARK = 0.68
"""Share from which a cell is so dark that its text is white."""

Corpora = Mapping[str, Mapping[str, Any]]
"""Figures of each corpus, as :func:`training.measure.evaluate.scores` gives them."""


def draw_confusions(corpora: Corpora, path: Path) -> None:
    """Row-normalised confusion matrix of each corpus, in per cent."""
    figure, panels = _panels(len(corpora), 3.9)
    for axes, scores in zip(panels, corpora.values(), strict=True):
        _confusion(axes, scores)
    panels[0].set_ylabel("intended")
    _save(figure, path)


def _confusion(axes: Axes, scores: Mapping[str, Any]) -> None:
    table = scores["confusion"]
    classes = table["classes"]
    counts = np.array(table["counts"], float)
    totals = counts.sum(axis=1) + np.array(table["no_answer"])
    shares = counts / np.maximum(totals, 1.0)[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > _DARK else _INK
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=8
        )
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_title(f"{scores['title']}: UAR {scores['uar']:.3f}", fontsize=9)
    axes.set_xlabel("predicted, per cent of the row")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def draw_reliability(corpora: Corpora, path: Path) -> None:
    """How often predictions of each confidence are right, for each corpus."""
    figure, panels = _panels(len(corpora), 3.2)
    for axes, scores in zip(panels, corpora.values(), strict=True):
        _reliability(axes, scores)
    panels[0].set_ylabel("share that is right")
    _save(figure, path)


def _reliability(axes: Axes, scores: Mapping[str, Any]) -> None:
    bins = scores["calibration"]["bins"]
    confidences = [part["confidence"] for part in bins]
    accuracies = [part["accuracy"] for part in bins]
    clips = np.array([part["clips"] for part in bins], float)
    shares = clips / max(1.0, clips.sum())
    axes.plot([0, 1], [0, 1], color=_FAINT, linestyle="--", linewidth=1)
    axes.bar(confidences, shares, width=0.8 / BINS, color=_FAINT, alpha=0.5, linewidth=0)
    axes.plot(confidences, accuracies, color=_BLUE, linewidth=0.8, alpha=0.5)
    # A bin of few clips strays by chance: its point is small.
    axes.scatter(confidences, accuracies, 8.0 + 250.0 * shares, _BLUE, clip_on=False, zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence (bars: share of the clips)")
    error, floor = scores["calibration"]["ece"], scores["calibration"]["ece_of_perfect"]
    if error is not None:
        axes.set_title(f"{scores['title']}: ECE {error:.3f} (perfect {floor:.3f})", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def draw_early(corpora: Corpora, path: Path) -> None:
    """UAR against seconds heard, a line for each corpus, and what the whole clip gives."""
    figure = Figure(figsize=(5.2, 3.2), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for colour, scores in zip(_cycle(len(corpora)), corpora.values(), strict=True):
        seconds = [float(key) for key in scores["uar_after"]]
        values = list(scores["uar_after"].values())
        axes.plot(seconds, values, color=colour, marker="o", markersize=4)
        end = max(seconds) + 0.5
        axes.plot([seconds[-1], end], [values[-1], scores["uar"]], color=colour, linestyle=":")
        axes.plot(end, scores["uar"], color=colour, marker="D", markersize=5, linestyle="")
        axes.annotate(
            scores["title"],
            (end, scores["uar"]),
            xytext=(7, 0),
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
        )
    axes.set_xticks([*seconds, end], [*(f"{second:g}" for second in seconds), "all"])
    axes.set(xlabel="seconds heard from the first voiced frame", ylabel="UAR", ylim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=_FAINT, linewidth=0.4)
    _save(figure, path)


def _cycle(count: int) -> list[str]:
    return [_LINES[k % len(_LINES)] for k in range(count)]


def _panels(count: int, side: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(side * count, side), dpi=_DPI, layout="constrained")
    return figure, [figure.add_subplot(1, count, k + 1) for k in range(count)]


def _save(figure: Figure, path: Path) -> None:
    # Without the library's version, so that the same figures make the same file.
    figure.savefig(path, metadata={"Software": None})
