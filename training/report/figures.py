"""Figures of reports and cards, as PNG and as SVG that takes a page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.measure.metrics import BINS

_INK, _FAINT, _BLUE = "#222222", "#b0b0b0", "#0072b2"
_LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of Okabe and Ito, which the colour-blind can distinguish."""

_MARKERS = "osD^vP"

_STYLE: Any = {
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.fonttype": "none",
}

_DPI = 100
_MAX_COLUMNS = 3
_WHITE_TEXT_SHARE = 0.68
"""Share from which a cell is so dark that its text is white."""

CorpusScores = Mapping[str, Mapping[str, Any]]
"""Figures of each corpus, as :func:`training.measure.scoring.scores` gives them."""

_P = ParamSpec("_P")


def _styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure; the same figures make the same file.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with mpl.rc_context(_STYLE):
        # Without the library's version.
        figure.savefig(path, metadata={"Software": None})


def inline_svg(figure: Figure, name: str, title: str) -> str:
    """SVG element of a figure, in the font and colours of the page's theme.

    Parameters
    ----------
    figure
        From this module.
    name
        Differs from that of every other figure of the page.
    title
        What it shows, for those who cannot see it.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    width, height = (96 * inches for inches in figure.get_size_inches())
    points = f"0 0 {0.75 * width:g} {0.75 * height:g}"
    head = (
        f'<svg viewBox="{points}" role="img" aria-label="{title}" style="max-width: {width:.0f}px">'
    )
    drawn = re.sub(r"<svg[^>]*>", head, drawn, count=1)
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    # Names hold within the whole page.
    drawn = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{name}-", drawn)
    drawn = drawn.replace("xlink:href", "href")
    drawn = re.sub(r"font: (?:\w+ )*?([\d.]+px) [^;\"]+", r"font-size: \1", drawn)
    themed = {_INK: "currentColor", _FAINT: "var(--faint)", _BLUE: "var(--accent)"}
    for colour, css_colour in themed.items():
        drawn = drawn.replace(colour, css_colour)
    return drawn


# --------------------------------------------------------------------------------------- confusion


@_styled
def confusions(corpora: CorpusScores) -> Figure:
    """Row-normalised confusion matrix of each corpus, in per cent."""
    figure, panels = _panels(len(corpora), 3.9)
    for axes, scores in zip(panels, corpora.values(), strict=True):
        _confusion(axes, scores)
    panels[0].set_ylabel("intended")
    return figure


def _confusion(axes: Axes, scores: Mapping[str, Any]) -> None:
    table = scores["confusion"]
    classes = table["classes"]
    counts = np.array(table["counts"], float)
    totals = counts.sum(axis=1) + np.array(table["no_answer"])
    shares = counts / np.maximum(totals, 1.0)[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > _WHITE_TEXT_SHARE else _INK
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=8
        )
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_title(f"{scores['title']}: UAR {scores['uar']:.3f}")
    axes.set_xlabel("predicted, per cent of the row")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


# ------------------------------------------------------------------------------------- reliability


@_styled
def reliabilities(corpora: CorpusScores) -> Figure:
    """Accuracy against confidence, a diagram for each corpus."""
    figure, panels = _panels(len(corpora), 3.2)
    for axes, scores in zip(panels, corpora.values(), strict=True):
        _reliability(axes, scores)
    panels[0].set_ylabel("share that is right")
    return figure


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
        axes.set_title(f"{scores['title']}: ECE {error:.3f} (perfect {floor:.3f})")


# ------------------------------------------------------------------------------------------- lines


@_styled
def early_decisions(corpora: CorpusScores) -> Figure:
    """UAR against seconds of speech, a line for each corpus, with the UAR of the whole clip."""
    figure = Figure(figsize=(5.6, 3.3), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    seconds = [float(key) for key in next(iter(corpora.values()))["uar_after"]]
    end = max(seconds) + 0.5
    for number, scores in enumerate(corpora.values()):
        colour, marker = _line_style(number)
        values = list(scores["uar_after"].values())
        axes.plot(seconds, values, color=colour, marker=marker, markersize=4)
        axes.plot([seconds[-1], end], [values[-1], scores["uar"]], color=colour, linestyle=":")
        axes.plot(end, scores["uar"], color=colour, marker=marker, markersize=6, linestyle="")
    axes.set_xticks([*seconds, end], [*(f"{second:g}" for second in seconds), "all"])
    axes.set_xlabel("seconds heard from the first voiced frame")
    _label_lines(axes, end, {scores["title"]: scores["uar"] for scores in corpora.values()})
    return figure


@_styled
def noise_curves(noise: Mapping[str, Any], corpora: CorpusScores) -> Figure:
    """UAR against the signal-to-noise ratio, a line for each corpus, and the clean clips'."""
    figure = Figure(figsize=(5.6, 3.3), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    ratios = sorted(noise["snr_db"], reverse=True)
    places = range(1, len(ratios) + 1)
    for number, (name, mine) in enumerate(noise["corpora"].items()):
        colour, marker = _line_style(number)
        values = [mine["by_snr"][f"{ratio:g}"]["uar"] for ratio in ratios]
        axes.plot([0, 1], [corpora[name]["uar"], values[0]], color=colour, linestyle=":")
        axes.plot(0, corpora[name]["uar"], color=colour, marker=marker, markersize=6)
        axes.plot(places, values, color=colour, marker=marker, markersize=4)
    axes.set_xticks([0, *places], ["clean", *(f"{ratio:g}" for ratio in ratios)])
    axes.set_xlabel("signal-to-noise ratio in dB")
    last = {
        corpora[name]["title"]: mine["by_snr"][f"{ratios[-1]:g}"]["uar"]
        for name, mine in noise["corpora"].items()
    }
    _label_lines(axes, len(ratios), last)
    return figure


@_styled
def training_curves(history: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Loss against the epoch, a panel for each stage."""
    figure, panels = _panels(len(history), 2.6, 3.2)
    for axes, (stage, epochs) in zip(panels, history.items(), strict=True):
        numbers = [epoch["epoch"] for epoch in epochs]
        losses = [epoch["loss"] for epoch in epochs]
        axes.plot(numbers, losses, color=_BLUE, marker=".", markersize=4, label="training")
        if all("val_loss" in epoch for epoch in epochs):
            held_out = [epoch["val_loss"] for epoch in epochs]
            axes.plot(numbers, held_out, color=_LINE_COLOURS[1], linestyle="--", label="validation")
            axes.legend()
        axes.set_title(stage)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y", color=_FAINT, linewidth=0.4)
    panels[0].set_ylabel("loss")
    return figure


@_styled
def speakers(corpora: CorpusScores) -> Figure:
    """UAR of each speaker, a row for each corpus; a line marks that of all."""
    figure = Figure(figsize=(6.4, 0.8 + 0.45 * len(corpora)), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    rows = len(corpora) - 1 - np.arange(len(corpora))
    for row, scores in zip(rows, corpora.values(), strict=True):
        values = [group["uar"] for group in scores["by_speaker"].values()]
        axes.scatter(values, [row] * len(values), 36, _BLUE, alpha=0.45, linewidth=0)
        axes.plot([scores["uar"]] * 2, [row - 0.3, row + 0.3], color=_INK, linewidth=1.5)
    axes.set_yticks(rows, [scores["title"] for scores in corpora.values()])
    axes.set(xlim=(0, 1), ylim=(-0.6, len(corpora) - 0.4), xlabel="UAR of each speaker")
    axes.grid(axis="x", color=_FAINT, linewidth=0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def _line_style(number: int) -> tuple[str, str]:
    return _LINE_COLOURS[number % len(_LINE_COLOURS)], _MARKERS[number % len(_MARKERS)]


def _label_lines(axes: Axes, end: float, last: Mapping[str, float]) -> None:
    """Name each line at its end; names that would touch are moved apart."""
    axes.set(ylabel="UAR", ylim=(0, 1))
    axes.grid(axis="y", color=_FAINT, linewidth=0.4)
    for (title, value), place in zip(
        last.items(), _spread_labels(list(last.values()), 0.07), strict=True
    ):
        number = list(last).index(title)
        axes.annotate(
            title,
            (end, value),
            xytext=(end + 0.05 * end, place),
            color=_INK,
            fontsize=8,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": _line_style(number)[0], "linewidth": 0.8},
        )


def _spread_labels(values: Sequence[float], least: float) -> list[float]:
    """Values in the same order, each ``least`` or more from the next."""
    places = dict.fromkeys(range(len(values)), 0.0)
    floor = -np.inf
    for number in np.argsort(values, kind="stable"):
        places[int(number)] = floor = max(values[number], floor + least)
    return list(places.values())


def _panels(count: int, height: float, width: float | None = None) -> tuple[Figure, list[Axes]]:
    columns = min(count, _MAX_COLUMNS)
    rows = -(-count // columns)
    size = (columns * (width or height), rows * height)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    return figure, [figure.add_subplot(rows, columns, k + 1) for k in range(count)]
