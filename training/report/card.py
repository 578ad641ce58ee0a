"""The card of a bundle: purpose, limits, provenance and test results, as Markdown with figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from realtime_ser.base.files import write_whole, writing
from realtime_ser.base.records import STEP_S
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle
from training.corpora import CORPORA, Corpus
from training.recipe import run_title
from training.report import figures
from training.report.formatting import compact_ranges, language
from training.report.leaks import leaks
from training.report.rendering import render_markdown

CARD = "CARD.md"
CONFUSION, RELIABILITY = "confusion.png", "reliability.png"
EARLY, NOISE = "early.png", "noise.png"

Result = Mapping[str, Any]
"""Figures from :func:`training.streaming.scores.streaming_scores`."""


def summary_table(result: Result) -> str:
    """Markdown table of the main figures, a row for each corpus."""
    return render_markdown("card_summary.md.j2", result=result)


def condition_sections(result: Result) -> str:
    """Sections on levels, noise, streams and switches, as Markdown; empty if none was measured."""
    return render_markdown("card_conditions.md.j2", result=result, noise_figure=None)


def write_card(bundle: Bundle, result: Result) -> None:
    """Write ``CARD.md`` and its figures into a bundle's folder.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    corpora = result["corpora"]
    drawn = {
        CONFUSION: figures.confusions(corpora),
        RELIABILITY: figures.reliabilities(corpora),
        EARLY: figures.early_decisions(corpora),
    }
    if "noise" in result:
        drawn[NOISE] = figures.noise_curves(result["noise"], corpora)
    path, advice = bundle.folder / CARD, "make room or change the folder's permissions"
    with writing(path, advice):
        for name, figure in drawn.items():
            figures.save_png(figure, bundle.folder / name)
    write_whole(path, card_text(bundle, result), advice)


def card_text(bundle: Bundle, result: Result) -> str:
    """The card as Markdown, from the template ``card.md.j2``."""
    manifest, corpora = bundle.manifest, result["corpora"]
    trained = [CORPORA[name] for name in manifest.corpora if name in CORPORA]
    parent, leaked = _parent_of(bundle), _leaks(bundle)
    text = render_markdown(
        "card.md.j2",
        manifest=manifest,
        recipe=manifest.recipe,
        changes=manifest.recipe.get("changes", ()),
        parent=parent,
        result=result,
        leaks=leaked,
        step_ms=round(1000 * STEP_S),
        size_mb=(bundle.folder / STEP_MODEL).stat().st_size / 1e6,
        network=_network(bundle),
        delay_ms=round(1000 * STEP_S * sum(_transformer(bundle).get("look_ahead", ()))),
        heads=_heads(bundle),
        opus=sum(scores["opus_copies"] for scores in corpora.values()),
        clips=sum(scores["clips"] for scores in corpora.values()),
        languages=sorted({language(corpus.language) for corpus in trained}),
        sole_labels=_sole_labels(bundle.labels, trained),
        trained=trained,
        unlabelled=[
            CORPORA[name]
            for name in parent.get("corpora", ())
            if name in CORPORA and name not in manifest.corpora
        ],
        own_corpora=[name for name in manifest.corpora if name not in CORPORA],
        withheld={} if leaked or "folds" in result else _withheld(manifest.corpora, corpora),
        unseen=[
            scores["title"] for name, scores in corpora.items() if name not in manifest.corpora
        ],
        pretrained=_is_pretrained(bundle),
        whisper=bool(_transformer(bundle)),
        groups=[
            (scores["title"], group, own)
            for scores in corpora.values()
            for by in ("by_sex", "by_intensity", "by_sentence")
            for group, own in scores.get(by, {}).items()
        ],
        listeners=[scores for scores in corpora.values() if "listeners" in scores],
        commands=_commands(bundle, result),
        figures={
            "confusion": CONFUSION,
            "reliability": RELIABILITY,
            "early": EARLY,
            "noise": NOISE,
        },
    )
    return text + "\n"


# ----------------------------------------------------------------------------- facts of the bundle


def _settings(bundle: Bundle) -> Mapping[str, Any]:
    """The whole recipe; empty where the bundle does not hold it."""
    settings: Mapping[str, Any] = bundle.manifest.recipe.get("settings", {})
    return settings


def _parent_of(bundle: Bundle) -> Mapping[str, Any]:
    """Provenance of the run whose weights were the start; empty without such a run."""
    return bundle.manifest.recipe.get("start") or {}


def _transformer(bundle: Bundle) -> Mapping[str, Any]:
    """The recipe's settings of a transformer encoder; empty for a convolutional one."""
    settings: Mapping[str, Any] | None = (
        _settings(bundle).get("architecture", {}).get("transformer")
    )
    return settings or {}


def _network(bundle: Bundle) -> str:
    transformer = _transformer(bundle)
    return f"causal transformer of {transformer['layers']} layers" if transformer else "causal CNN"


def _is_pretrained(bundle: Bundle) -> bool:
    """Whether the encoder started from pretrained weights, in this run or in its parent."""
    own = _settings(bundle).get("encoder", {}).get("pretrained")
    return bool(own or _parent_of(bundle).get("pretrained"))


def _leaks(bundle: Bundle) -> list[str]:
    settings = _settings(bundle)
    return leaks(settings) if settings else []


def _heads(bundle: Bundle) -> list[str]:
    shape = _settings(bundle).get("architecture", {})
    heads = ["a stateful LSTM"] if shape.get("heads", 1) else []
    heads += ["running statistics of its last layers"] if shape.get("statistics_heads") else []
    return heads


def _sole_labels(labels: Sequence[str], trained: Sequence[Corpus]) -> Mapping[str, Sequence[str]]:
    """Labels that only one of several corpora has, in italics, by the corpus's title."""
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels if len(trained) > 1 else ():
        sources = [corpus.title for corpus in trained if label in corpus.labels]
        if len(sources) == 1:
            alone[sources[0]].append(f"*{label}*")
    return alone


def _withheld(trained: Sequence[str], corpora: Mapping[str, Any]) -> dict[str, list[str]]:
    """Test speakers of the corpora that trained, by the corpus's title."""
    return {
        scores["title"]: compact_ranges(scores["speakers"], " to ")
        for name, scores in corpora.items()
        if name in trained
    }


# ---------------------------------------------------------------------------------------- commands


def _commands(bundle: Bundle, result: Result) -> list[str]:
    """Lines of a shell script that trains the model and computes its figures."""
    lines = _training_commands(bundle, result)
    # A model of all folds' speakers cannot be tested on any of them.
    known = {
        name: scores
        for name, scores in result["corpora"].items()
        if name in CORPORA and "folds" not in result
    }
    if known:
        lines += ["# in bash: look into folders as well", "shopt -s globstar nullglob"]
    for name, scores in known.items():
        lines += [
            f"# the labels behind the UAR of {scores['title']}, in {name}/summary.csv",
            f"realtime-ser analyze --classes {','.join(scores['confusion']['classes'])} \\",
            f"  --model BUNDLE --out {name} CORPORA/{name}/**/{_files(name, scores)}",
        ]
    return lines


def _training_commands(bundle: Bundle, result: Result) -> list[str]:
    recipe, start = bundle.manifest.recipe, _parent_of(bundle)
    teacher = " --teacher TEACHER" if _is_pretrained(bundle) else ""
    weights = "the weights of Whisper base's encoder" if _transformer(bundle) else "byol_s_512.npz"
    lines = ["# train, export and measure" + (f"; TEACHER is {weights}" if teacher else "")]
    parent = ""
    if start:
        lines.append(f"{_run_command(start)} --corpora CORPORA{teacher}")
        folder = run_title(start["name"], start["changes"])
        parent = f" --from runs/{folder}-fold{start['fold']}-seed{start['seed']}"
    own = "" if start else teacher
    if "folds" not in result:
        return [
            *lines,
            f"{_run_command(recipe)} --corpora CORPORA{own}{parent}",
            "# every number of this card, from this bundle",
            "realtime-ser-train evaluate BUNDLE --corpora CORPORA --write",
        ]
    folder = run_title(recipe["name"], recipe.get("changes", ()))
    folds = f"runs/{folder}-fold?-seed{recipe['seed']}"
    return [
        *lines,
        f"{_run_command({**recipe, 'fold': 'all'})} --brief --corpora CORPORA{own}{parent}",
        f"realtime-ser-train everybody {folds} --corpora CORPORA{own}",
        "# every number of this card, from the folds' models",
        f"realtime-ser-train evaluate BUNDLE --folds {folds} --corpora CORPORA --write",
    ]


def _run_command(recipe: Mapping[str, Any]) -> str:
    folds = f"--folds {recipe['fold']} --seed {recipe['seed']}"
    changes = "".join(f" --set {quote(change)}" for change in recipe.get("changes", ()))
    return f"realtime-ser-train run {recipe['name']} {folds}{changes}"


def _files(corpus: str, scores: Mapping[str, Any]) -> str:
    """Shell pattern of the test speakers' files, in the measured formats or as WAV."""
    names = [
        f"{{{name}}}" if ".." in name else name for name in compact_ranges(scores["speakers"], "..")
    ]
    formats = sorted({"wav", *scores["formats"]})
    stem = CORPORA[corpus].files.removesuffix(".*").replace("{speaker}", _any_of(names))
    return f"{stem}.{_any_of(formats)}"


def _any_of(names: Sequence[str]) -> str:
    """Shell alternative of names."""
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"
