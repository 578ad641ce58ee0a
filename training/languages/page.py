"""The page of languages: what transfers from one to another, measured and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import write_whole
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from training.corpora import CORPORA, Clip, read_corpora, title
from training.corpora.reading import corpus_folder, without_twins
from training.languages.encoding import EncodedClips, drawn, encode_corpora
from training.languages.transfer import (
    CLASSES,
    Answers,
    RecipeComparison,
    TransferScore,
    answers,
    answers_within,
    by_language,
    classes_of,
    compare,
    fit_head,
    score,
    shared_classes,
)
from training.measure.clip_results import posterior
from training.measure.live_path import evaluate_bundle
from training.recipe import load_recipe
from training.report.formatting import (
    format_interval,
    join_names,
    language,
    one_decimal,
    one_decimal_interval,
    ratio,
)
from training.streaming.recipe import StreamingRecipe
from training.tables import table, write_tables

ENCODER_RECIPE = "large"
COMPARED = ("default", "multilingual")
"""Recipes whose corpora are held against each other on languages that neither has."""

PAGE = "languages.md"
"""Page of the tables; the figures lie beside it as JSON."""

_NOT_READ = ("tess", "savee")
"""Corpora of a few voices in a language that others have."""

_ALL_HAVE = ("happy", "sad", "angry")


@dataclass(frozen=True, slots=True)
class LanguageMaterial:
    """What is measured with: corpora, weights, bundles, and how much of it.

    Attributes
    ----------
    corpora
        Folder of the corpora.
    weights
        Weights of Whisper's encoder.
    cache
        Folder of the cache.
    bundles
        Names of bundles that are tested as they are on languages whose labels they have not heard.
    most
        Largest number of clips of a corpus.
    jobs
        Number of processes.
    """

    corpora: Path
    weights: Path
    cache: Path
    bundles: tuple[str, ...]
    most: int
    jobs: int


@dataclass(frozen=True, slots=True)
class LanguageFigures:
    """What was measured; languages are ISO 639-1 codes.

    Attributes
    ----------
    corpora
        Clips and speakers of each corpus.
    transfer
        Score of each head, by the language learned and the one tested, among the classes that both
        have.
    transfer_of_three
        The same among the three classes that all languages have.
    compared
        Heads on the corpora of two recipes without the language tested, by that language.
    bundles
        Scores of bundles by their names and the languages of which they learned no label.
    """

    corpora: Mapping[str, tuple[int, int]]
    transfer: Mapping[str, Mapping[str, TransferScore]]
    transfer_of_three: Mapping[str, Mapping[str, TransferScore]]
    compared: Mapping[str, RecipeComparison]
    bundles: Mapping[str, Mapping[str, TransferScore]]


def measure_languages(material: LanguageMaterial) -> LanguageFigures:
    """Measure what transfers between the languages of the corpora that are there.

    Raises
    ------
    UsageError
        The corpora are of fewer than two languages.
    SerError
        A recording, the weights or a bundle cannot be read.
    """
    recipe = load_recipe(ENCODER_RECIPE).recipe
    assert isinstance(recipe, StreamingRecipe)
    clips = _clips(material)
    encoded = encode_corpora(clips, recipe, material.weights, material.cache, material.jobs)
    languages = by_language(encoded)
    given = _transfer_answers(languages)
    return LanguageFigures(
        _sizes(encoded),
        _scores(given, shared_classes),
        _scores(given, lambda *_: _ALL_HAVE),
        _compared(encoded, languages),
        {name: _bundle_scores(load_bundle(name), languages, material) for name in material.bundles},
    )


def _clips(material: LanguageMaterial) -> list[Clip]:
    """Clips by lot of the languages that can be held against others."""
    names = [
        name
        for name in CORPORA
        if name not in _NOT_READ and corpus_folder(material.corpora, name) is not None
    ]
    contents = read_corpora(material.corpora, names, keep_twins=True)
    chosen = [replace(one, clips=drawn(one.clips, CLASSES, material.most)) for one in contents]
    by_code: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in chain.from_iterable(one.clips for one in without_twins(chosen)):
        by_code[clip.language].append(clip)
    held = [clips for clips in by_code.values() if _can_be_held(clips)]
    if len(held) < 2:
        raise UsageError(
            f"{material.corpora} holds fewer than two languages with {join_names(_ALL_HAVE)} by "
            "two speakers; 'realtime-ser-train corpora --how NAME' tells where to get others, such "
            "as emodb and nemo."
        )
    return list(chain.from_iterable(held))


def _can_be_held(clips: Sequence[Clip]) -> bool:
    """Whether clips have the classes that all languages have, and one speaker beside another."""
    speakers = {(clip.corpus, clip.speaker) for clip in clips}
    return {clip.label for clip in clips}.issuperset(_ALL_HAVE) and len(speakers) > 1


def _sizes(encoded: EncodedClips) -> dict[str, tuple[int, int]]:
    clips = encoded.clips
    return {
        name: (
            sum(clip.corpus == name for clip in clips),
            len({clip.speaker for clip in clips if clip.corpus == name}),
        )
        for name in dict.fromkeys(clip.corpus for clip in clips)
    }


# ------------------------------------------------------------------------------------- measurement


def _transfer_answers(languages: Mapping[str, EncodedClips]) -> dict[str, dict[str, Answers]]:
    """Answers of a head of each language for every language, its own by speakers left out."""
    found: dict[str, dict[str, Answers]] = {}
    for learned, own in languages.items():
        head = fit_head(own)
        found[learned] = {
            tested: answers_within(own) if tested == learned else answers(head, other)
            for tested, other in languages.items()
        }
    return found


def _scores(
    given: Mapping[str, Mapping[str, Answers]],
    chosen: Callable[[Sequence[str], Sequence[str]], Sequence[str]],
) -> dict[str, dict[str, TransferScore]]:
    return {
        learned: {
            tested: score(own, chosen(own.known, classes_of(own.encoded)))
            for tested, own in row.items()
        }
        for learned, row in given.items()
    }


def _compared(
    encoded: EncodedClips, languages: Mapping[str, EncodedClips]
) -> dict[str, RecipeComparison]:
    """Heads on the corpora of both recipes, without the language that they are tested on.

    A language without which one of them has no corpus is left out.
    """
    found = {}
    for tested, own in languages.items():
        learned = [_without(encoded, recipe, tested) for recipe in COMPARED]
        if not all(one.clips for one in learned):
            continue
        first, second = (answers(fit_head(one), own) for one in learned)
        classes = shared_classes(first.known, second.known, classes_of(own))
        found[tested] = compare(first, second, classes)
    return found


def _without(encoded: EncodedClips, recipe: str, tested: str) -> EncodedClips:
    """Clips of a recipe's corpora in other languages than the one tested."""
    corpora = load_recipe(recipe).recipe.corpora
    return encoded.subset(
        np.array([c.corpus in corpora and c.language != tested for c in encoded.clips])
    )


def _bundle_scores(
    bundle: Bundle, languages: Mapping[str, EncodedClips], material: LanguageMaterial
) -> dict[str, TransferScore]:
    """Scores of a bundle through the live path, in languages of which it learned no label."""
    learned = {CORPORA[name].language for name in bundle.manifest.corpora if name in CORPORA}
    found = {}
    for tested, own in languages.items():
        if tested in learned:
            continue
        evaluation = evaluate_bundle(bundle, own.clips, jobs=material.jobs)
        classes = classes_of(own)
        columns = np.array([bundle.labels.index(name) for name in classes])
        rows = [posterior(result.segments, columns) for result in evaluation.results]
        found[tested] = score(Answers.of_rows(own, classes, rows), classes)
    return found


# ------------------------------------------------------------------------------------------ tables


def language_tables(figures: LanguageFigures) -> dict[str, str]:
    """Markdown tables by their names on the page."""
    return {
        "corpora": _corpora_table(figures.corpora),
        "transfer": _transfer_table(figures.transfer),
        "three": _transfer_table(figures.transfer_of_three),
        "compared": _compared_table(figures.compared),
        "bundles": _bundle_table(figures.bundles),
    }


def _corpora_table(sizes: Mapping[str, tuple[int, int]]) -> str:
    rows = [
        [
            *(language(CORPORA[name].language), title(name)),
            join_names(label for label in CLASSES if label in CORPORA[name].labels),
            CORPORA[name].licence,
            "no" if CORPORA[name].measured_only else "yes",
            *map(str, sizes[name]),
        ]
        for name in sizes
    ]
    header = ["language", "corpus", "classes", "licence", "may train", "clips", "speakers"]
    return table(header, rows, words=5)


def _transfer_table(scores: Mapping[str, Mapping[str, TransferScore]]) -> str:
    tested = list(scores)
    rows = [
        [language(learned), *(_cell(own[name], within=name == learned) for name in tested)]
        for learned, own in scores.items()
    ]
    return table(["learned from", *map(language, tested)], rows)


def _cell(one: TransferScore, *, within: bool) -> str:
    limits = "" if one.interval is None else f" [{one.interval[0]:.2f}, {one.interval[1]:.2f}]"
    estimate = f"**{one.uar:.2f}**" if within else f"{one.uar:.2f}"
    return f"{estimate}{limits} of {len(one.classes)}"


def _compared_table(compared: Mapping[str, RecipeComparison]) -> str:
    rows = [
        [
            *(language(tested), str(len(one.first.classes))),
            *(
                f"{ratio(own.uar)} ({format_interval(own.interval)})"
                for own in (one.first, one.second)
            ),
            f"{one_decimal(one.gain)} ({one_decimal_interval(one.gain_interval)})",
        ]
        for tested, one in compared.items()
    ]
    header = ["tested on", "classes", *(f"corpora of {name}" for name in COMPARED), "points gained"]
    return table(header, rows)


def _bundle_table(bundles: Mapping[str, Mapping[str, TransferScore]]) -> str:
    rows = [
        [
            *(name, language(tested), str(len(one.classes)), str(one.speakers), str(one.clips)),
            _estimate(one),
        ]
        for name, scores in bundles.items()
        for tested, one in scores.items()
    ]
    return table(["model", "language", "classes", "speakers", "clips", "UAR"], rows, words=2)


def _estimate(one: TransferScore) -> str:
    return f"{ratio(one.uar)} ({format_interval(one.interval)})"


# -------------------------------------------------------------------------------------------- page


def write_page(figures: LanguageFigures) -> None:
    """Put tables and figures into the documentation of the checkout.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    write_tables(PAGE, language_tables(figures))
    path = (shipped("models").parent / "docs" / PAGE).with_suffix(".json")
    text = TypeAdapter(LanguageFigures).dump_json(figures, indent=1).decode()
    write_whole(path, f"{text}\n", "measure it in a checkout that can be written")


def read_figures(path: Path) -> LanguageFigures:
    """Figures as :func:`write_page` writes them."""
    return TypeAdapter(LanguageFigures).validate_json(path.read_bytes())
