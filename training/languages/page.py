"""The page of languages: what transfers from one to another, measured and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import write_whole
from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import load_bundle
from training.corpora import CORPORA, Clip, CorpusContents, read_corpora, title
from training.corpora.reading import corpus_folder, without_twins
from training.evaluate import add_languages
from training.languages.bundles import BundleAnswers, BundleLanguages, bundle_answers
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
from training.recipe import load_recipe
from training.report.formatting import (
    format_interval,
    join_names,
    language,
    language_group,
    one_decimal,
    one_decimal_interval,
    ratio,
)
from training.run_folder import Run
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
        Names or folders of bundles that are tested as they are; the others are held against the
        first.
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
    groups
        The same as ``transfer``, by groups of languages.
    compared
        Heads on the corpora of two recipes without the language tested, by that language.
    bundles
        What bundles make of languages, by their names; a run's bundle goes by the run.
    gains
        Bundles against the first, by their names and the languages that neither learned.
    """

    corpora: Mapping[str, tuple[int, int]]
    transfer: Mapping[str, Mapping[str, TransferScore]]
    transfer_of_three: Mapping[str, Mapping[str, TransferScore]]
    groups: Mapping[str, Mapping[str, TransferScore]]
    compared: Mapping[str, RecipeComparison]
    bundles: Mapping[str, BundleLanguages]
    gains: Mapping[str, Mapping[str, RecipeComparison]]


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
    contents = _contents(material)
    clips = _drawn_clips(contents, material)
    encoded = encode_corpora(clips, recipe, material.weights, material.cache, material.jobs)
    languages = by_language(encoded)
    given = _transfer_answers(languages)
    heard = _heard(material, languages, [clip for one in contents for clip in one.clips])
    return LanguageFigures(
        _sizes(encoded),
        _scores(given, shared_classes),
        _scores(given, lambda *_: _ALL_HAVE),
        _scores(_group_answers(languages, given), shared_classes),
        _compared(encoded, languages),
        {name: one.scores() for name, one in heard.items()},
        _gains(heard),
    )


def _contents(material: LanguageMaterial) -> list[CorpusContents]:
    """Corpora that are there, with recordings that are there twice."""
    names = [
        name
        for name in CORPORA
        if name not in _NOT_READ and corpus_folder(material.corpora, name) is not None
    ]
    return read_corpora(material.corpora, names, keep_twins=True)


def _drawn_clips(contents: Sequence[CorpusContents], material: LanguageMaterial) -> list[Clip]:
    """Clips by lot of the languages that can be held against others."""
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


def _group_answers(
    languages: Mapping[str, EncodedClips], given: Mapping[str, Mapping[str, Answers]]
) -> dict[str, dict[str, Answers]]:
    """Answers by groups of languages; a group of one language has the head of that."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for code in languages:
        groups[language_group(code)].append(code)
    clips = {
        group: EncodedClips.joined([languages[code] for code in codes])
        for group, codes in groups.items()
    }
    found: dict[str, dict[str, Answers]] = {}
    for learned, (first, *others) in groups.items():
        if others:
            head = fit_head(clips[learned])
            found[learned] = {
                tested: answers_within(own) if tested == learned else answers(head, own)
                for tested, own in clips.items()
            }
        else:
            found[learned] = {
                tested: Answers.joined([given[first][code] for code in codes])
                for tested, codes in groups.items()
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


def _heard(
    material: LanguageMaterial, languages: Mapping[str, EncodedClips], clips: Sequence[Clip]
) -> dict[str, BundleAnswers]:
    """What the bundles say to the languages, by the names that they go by on the page."""
    return {
        _shown_name(name): bundle_answers(
            load_bundle(name), languages, clips, material.cache, material.jobs
        )
        for name in material.bundles
    }


def _shown_name(bundle: str) -> str:
    """Name of a shipped bundle, or of the run that a bundle's folder lies in."""
    folder = Path(bundle)
    return folder.parent.name if folder == Run(folder.parent).bundle else folder.name


def _gains(heard: Mapping[str, BundleAnswers]) -> dict[str, dict[str, RecipeComparison]]:
    first, *others = heard or [""]
    return {name: heard[name].gains_over(heard[first]) for name in others}


# ------------------------------------------------------------------------------------------ tables


def language_tables(figures: LanguageFigures) -> dict[str, str]:
    """Markdown tables by their names on the page."""
    return {
        "corpora": _corpora_table(figures.corpora),
        "transfer": _transfer_table(figures.transfer),
        "three": _transfer_table(figures.transfer_of_three),
        "groups": _transfer_table(figures.groups, str),
        "compared": _compared_table(figures.compared),
        "bundles": _bundle_table(figures.bundles),
        "gains": _gain_table(figures),
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


def _transfer_table(
    scores: Mapping[str, Mapping[str, TransferScore]], shown: Callable[[str], str] = language
) -> str:
    tested = list(scores)
    rows = [
        [shown(learned), *(_cell(own[name], within=name == learned) for name in tested)]
        for learned, own in scores.items()
    ]
    return table(["learned from", *map(shown, tested)], rows)


def _cell(one: TransferScore, *, within: bool) -> str:
    limits = "" if one.interval is None else f" [{one.interval[0]:.2f}, {one.interval[1]:.2f}]"
    estimate = f"**{one.uar:.2f}**" if within else f"{one.uar:.2f}"
    return f"{estimate}{limits} of {len(one.classes)}"


def _compared_table(compared: Mapping[str, RecipeComparison]) -> str:
    rows = [
        [
            *(language(tested), str(len(one.first.classes))),
            *(_estimate(one.first), _estimate(one.second)),
            f"{one_decimal(one.gain)} ({one_decimal_interval(one.gain_interval)})",
        ]
        for tested, one in compared.items()
    ]
    header = ["tested on", "classes", *(f"corpora of {name}" for name in COMPARED), "points gained"]
    return table(header, rows)


def _bundle_table(bundles: Mapping[str, BundleLanguages]) -> str:
    rows = [
        [
            *(name, language_group(tested), language(tested), _taught_by(own, tested)),
            *(str(one.speakers), str(one.clips), str(len(one.classes))),
            *(ratio(1 / len(one.classes)), _estimate(one)),
        ]
        for name, own in bundles.items()
        for tested, one in own.scores.items()
    ]
    words = ["model", "group", "language", "heard in training"]
    header = [*words, "speakers", "clips", "classes", "chance", "UAR"]
    return table(header, rows, words=len(words))


def _taught_by(bundle: BundleLanguages, tested: str) -> str:
    if tested in bundle.learned:
        return "labels of other speakers"
    return "voices, no labels" if tested in bundle.heard else "nothing"


def _gain_table(figures: LanguageFigures) -> str:
    rows = [
        [
            *(name, language(tested), str(len(one.first.classes))),
            *(_estimate(one.first), _estimate(one.second)),
            f"{one_decimal(one.gain)} ({one_decimal_interval(one.gain_interval)})",
        ]
        for name, own in figures.gains.items()
        for tested, one in own.items()
    ]
    first = next(iter(figures.bundles), "the first")
    return table(["model", "language", "classes", first, "model's", "points gained"], rows, words=2)


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


def write_cards(figures: LanguageFigures, bundles: Sequence[str]) -> list[str]:
    """Put what each bundle makes of languages into its card.

    Returns
    -------
    list of str
        The bundles without figures, which have no card yet.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    return [
        name
        for name in bundles
        if not add_languages(load_bundle(name), asdict(figures.bundles[_shown_name(name)]))
    ]


def read_figures(path: Path) -> LanguageFigures:
    """Figures as :func:`write_page` writes them."""
    return TypeAdapter(LanguageFigures).validate_json(path.read_bytes())
