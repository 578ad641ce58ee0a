"""Runs of a recipe: corpora in, a measured model and its report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from realtime_ser.base.errors import UsageError
from realtime_ser.recogniser.bundle import load_bundle
from training.corpora import Clip, read_corpora, title
from training.corpora.generated import GENERATED, generate_corpus
from training.folds import Part, left_out, partition
from training.job import Job, Work
from training.measure.evaluate import Evaluation
from training.measuring import EVERYBODY, cross_validate, keep_results, one_recipe, renew_card
from training.offline.recipe import OfflineRecipe
from training.offline.selection import select_clips
from training.recipe import RecipeFile, check_recipe
from training.report.leaks import leaks
from training.runs import (
    CACHE,
    RECORD,
    RESULTS,
    Run,
    RunRecord,
    command_line,
    data_table,
    now,
    versions,
)
from training.settings import BaseRecipe
from training.streaming.recipe import StreamingRecipe


@dataclass(frozen=True, slots=True)
class Places:
    """Where runs read and write.

    Attributes
    ----------
    corpora
        Folder of the corpora; ``None`` where a recipe makes its own.
    runs
        Folder of all runs and of their common cache.
    pretrained
        Weights of the pretrained encoder; ``None``: none at hand.
    parent
        Run from whose weights these start; ``None``: none.
    """

    corpora: Path | None
    runs: Path
    pretrained: Path | None = None
    parent: Run | None = None


def read_clips(recipe: BaseRecipe, places: Places) -> list[Clip]:
    """Clips that a recipe splits; a corpus that is generated is made where it is not there yet.

    Raises
    ------
    UsageError
        No folder of corpora was named, or it does not hold what was expected.
    """
    names = recipe.corpora
    if names == (GENERATED,):
        folder = places.runs / "corpora"
        generate_corpus(folder / GENERATED)
    elif places.corpora is None:
        raise UsageError(
            f"The recipe learns from {', '.join(names)}: name their folder with --corpora "
            "('realtime-ser-train corpora --how NAME' tells where they come from)."
        )
    else:
        folder = places.corpora
    clips = [clip for contents in read_corpora(folder, names) for clip in contents.clips]
    return select_clips(recipe, clips) if isinstance(recipe, OfflineRecipe) else clips


def run(
    file: RecipeFile, clips: Sequence[Clip], places: Places, fold: int, seed: int, work: Work
) -> Run:
    """Make one run; one that was interrupted goes on where it stopped.

    Parameters
    ----------
    file
        The recipe.
    clips
        From :func:`read_clips`.
    places
        Where to read and write.
    fold, seed
        Which fold of the recipe's split, and the seed of everything that is drawn.
    work
        How much is done.

    Raises
    ------
    UsageError
        The split does not work with these clips, the run's folder holds another run, there is no
        encoder to start from, or it has heard speakers of the test.
    """
    made = Run(places.runs / f"{file.title}-fold{fold}-seed{seed}")
    parts = partition(clips, file.recipe.split, fold, seed)
    _expect_encoder(file.recipe, places)
    _expect_strangers(file.recipe, parts["test"], places.parent)
    if note := left_out(clips, parts):
        print(note)
    _keep_record(made, file, places.parent, parts, fold, seed)
    job = Job(
        recipe=file.recipe,
        parts=parts,
        run=made,
        cache=places.runs / CACHE,
        pretrained=places.pretrained,
        parent=places.parent,
        seed=seed,
        jobs=work.jobs,
    )
    evaluation = _make(job)
    keep_results(made, evaluation, work)
    return made


def run_everybody(folds: Sequence[Run], places: Places, work: Work) -> Run:
    """Train on all speakers what runs of a recipe have tried fold by fold.

    Its card gives what these measured, each on speakers that it had not heard.

    Parameters
    ----------
    folds
        Runs of one recipe and seed, one for each fold.
    places
        Where to read and write; the run of whose weights these started is theirs.
    work
        How much is done.

    Raises
    ------
    UsageError
        They are not folds of one recipe, or not of a streaming model.
    """
    first = one_recipe(folds)
    recipe = check_recipe(first.recipe, str(folds[0].folder / RECORD))
    if not isinstance(recipe, StreamingRecipe):
        raise UsageError(f"{folds[0].folder} is not of a streaming model; only those are shipped.")
    file = RecipeFile(recipe, Path(first.recipe_name), first.changes, first.recipe_sha256)
    parent = Run(Path(first.parent)) if first.parent else None
    places = replace(places, parent=parent)
    _expect_encoder(recipe, places)
    made = Run(places.runs / f"{file.title}-everybody-seed{first.seed}")
    clips = read_clips(recipe, places)
    parts: dict[Part, Sequence[Clip]] = {
        "train": clips,
        "validation": [],
        "test": [],
    }
    _keep_record(made, file, parent, parts, EVERYBODY, first.seed)
    cache = places.runs / CACHE
    job = Job(recipe, parts, made, cache, places.pretrained, parent, first.seed, work.jobs, folds)
    from training.streaming.making import make_of_everybody  # brings Keras

    make_of_everybody(job)
    results = cross_validate(folds, lambda _: clips, work, cache)
    renew_card(load_bundle(made.bundle), results)
    made.write_json(RESULTS, results)
    return made


def _expect_encoder(recipe: BaseRecipe, places: Places) -> None:
    """Ensure that an encoder learns something, or starts from where it has learned."""
    if not isinstance(recipe, StreamingRecipe):
        return
    if recipe.encoder.pretrained:
        if places.pretrained is None:
            raise UsageError(
                "This recipe starts from a pretrained encoder: give its weights with --teacher, or "
                "do without it by --set encoder.pretrained=false --set whole.epochs=30."
            )
    elif places.parent is None and not recipe.whole.epochs:
        raise UsageError(
            "This recipe takes its encoder from another run, such as one of the recipe encoder: "
            "name its folder with --from, or do without it by --set whole.epochs=30."
        )


def _expect_strangers(recipe: BaseRecipe, test: Sequence[Clip], parent: Run | None) -> None:
    """Ensure that no run whose weights are the start has heard a speaker of the test."""
    if leaks(recipe.model_dump(mode="json")):
        return  # it is told what such a recipe measures
    while parent is not None:
        record = parent.record
        parts = ("train", "validation") if record.recipe.get("refit") else ("train",)
        for corpus in sorted({clip.corpus for clip in test}):
            tested = {clip.speaker for clip in test if clip.corpus == corpus}
            heard = [record.data[part].get(corpus, {}).get("speakers", ()) for part in parts]
            if known := sorted(tested.intersection(chain.from_iterable(heard))):
                raise UsageError(
                    f"{parent.folder} learned from speaker {known[0]} of {title(corpus)}, whom "
                    "this fold tests: start from a run that withholds the same speakers, or test "
                    "others."
                )
        parent = Run(Path(record.parent)) if record.parent else None


def _make(job: Job[Any]) -> Evaluation:
    # Each kind brings its own libraries.
    if job.recipe.kind == "streaming":
        from training.streaming.making import make as make_streaming

        return make_streaming(job)
    from training.offline.making import make as make_offline

    return make_offline(job)


def _keep_record(
    made: Run,
    file: RecipeFile,
    parent: Run | None,
    parts: Mapping[Part, Sequence[Clip]],
    fold: int,
    seed: int,
) -> None:
    start = str(parent.folder) if parent else None
    data = data_table(parts)
    if (made.folder / RECORD).exists():
        there = made.record
        if there.recipe_sha256 != file.digest:
            raise UsageError(
                f"{made.folder} holds a run of this recipe as it was before: delete that folder, "
                "or name another one with --runs."
            )
        if (there.parent, there.data) != (start, data):
            raise UsageError(
                f"{made.folder} holds a run that started from other weights, or heard other clips: "
                "delete that folder, or name another one with --runs."
            )
        return
    record = RunRecord(
        recipe=file.recipe.model_dump(mode="json"),
        recipe_name=file.path.stem,
        changes=file.changes,
        recipe_sha256=file.digest,
        kind=file.recipe.kind,
        fold=fold,
        seed=seed,
        command=command_line(),
        created=now(),
        versions=versions(),
        data=data,
        parent=start,
    )
    made.write(RECORD, record.model_dump_json(indent=2) + "\n")
