"""Runs of a recipe: from corpora to a trained and evaluated model with its report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from realtime_ser.base.errors import UsageError
from realtime_ser.recogniser.bundle import load_bundle
from training.corpora import Clip, CorpusContents, read_corpora, title
from training.corpora.generated import GENERATED, generate_corpus
from training.evaluate import (
    ALL_SPEAKERS,
    common_record,
    cross_validate,
    rewrite_card,
    save_results,
)
from training.folds import SplitPart, describe_left_out, partition
from training.job import Job, Workload
from training.measure.clip_results import Evaluation
from training.offline.clip_selection import select_clips
from training.offline.recipe import OfflineRecipe
from training.recipe import RecipeFile, check_recipe
from training.report.leaks import leaks
from training.run_folder import (
    CACHE,
    RECORD,
    RESULTS,
    Run,
    RunRecord,
    command_line,
    data_table,
    utc_timestamp,
    versions,
)
from training.settings import BaseRecipe
from training.streaming.recipe import StreamingRecipe


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Folders and files that runs read and write.

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


def read_clips(recipe: BaseRecipe, paths: RunPaths) -> list[Clip]:
    """Clips that a recipe splits; a generated corpus is made first, if missing.

    Raises
    ------
    UsageError
        No folder of corpora was named, or a corpus is missing there.
    """
    names = recipe.corpora
    if names == (GENERATED,):
        folder = paths.runs / "corpora"
        generate_corpus(folder / GENERATED)
    elif paths.corpora is None:
        raise UsageError(
            f"The recipe learns from {', '.join(names)}: name their folder with --corpora "
            "('realtime-ser-train corpora --how NAME' tells where they come from)."
        )
    else:
        folder = paths.corpora
    all_contents = read_corpora(folder, names)
    for contents in all_contents:
        _tell(contents)
    clips = [clip for contents in all_contents for clip in contents.clips]
    return select_clips(recipe, clips) if isinstance(recipe, OfflineRecipe) else clips


def _tell(contents: CorpusContents) -> None:
    """Say what is to be known of a corpus before it is split."""
    twins = [item for item in contents.skipped if "the same recording" in item.reason]
    if twins:
        count = "1 clip" if len(twins) == 1 else f"{len(twins)} clips"
        print(
            f"{title(contents.name)}: {count} left out, such as {twins[0].path.name}: "
            f"{twins[0].reason} ({twins[0].other}).",
            file=sys.stderr,
        )
    if contents.caution:
        print(f"{contents.caution}.", file=sys.stderr)


def run(
    file: RecipeFile,
    clips: Sequence[Clip],
    paths: RunPaths,
    fold: int,
    seed: int,
    workload: Workload,
) -> Run:
    """Make a run, or resume an interrupted one.

    Parameters
    ----------
    file
        The recipe.
    clips
        From :func:`read_clips`.
    paths
        Folders and files to read and write.
    fold, seed
        Number of the split's fold, and seed of all random draws.
    workload
        Amount of work.

    Raises
    ------
    UsageError
        The split does not work with these clips, the run's folder holds another run, there is no
        encoder to start from, or the encoder was trained on speakers of the test.
    """
    new_run = run_folder(file, paths, fold, seed)
    job = replace(prepare(new_run, file, clips, paths, fold, seed), jobs=workload.jobs)
    evaluation = _make_model(job)
    save_results(new_run, evaluation, workload)
    return new_run


def run_folder(file: RecipeFile, paths: RunPaths, fold: int, seed: int) -> Run:
    """Run of a recipe, a fold and a seed, made or not."""
    return Run(paths.runs / f"{file.title}-fold{fold}-seed{seed}")


def prepare(
    new_run: Run, file: RecipeFile, clips: Sequence[Clip], paths: RunPaths, fold: int, seed: int
) -> Job[Any]:
    """Split the clips and record what a run is made of; it is of one process.

    Raises
    ------
    UsageError
        As :func:`run`.
    """
    parts = partition(clips, file.recipe.split, fold, seed)
    _check_encoder(file.recipe, paths)
    _check_speaker_disjoint(file.recipe, parts["test"], paths.parent)
    if note := describe_left_out(clips, parts):
        print(note)
    _write_record(new_run, file, paths.parent, parts, fold, seed)
    return Job(
        recipe=file.recipe,
        parts=parts,
        run=new_run,
        cache=paths.runs / CACHE,
        pretrained=paths.pretrained,
        parent=paths.parent,
        seed=seed,
        jobs=1,
    )


def run_all_speakers(folds: Sequence[Run], paths: RunPaths, workload: Workload) -> Run:
    """Train the model of a cross-validated recipe on all speakers.

    The card holds the results of the folds, each on its own test speakers.

    Parameters
    ----------
    folds
        Runs of one recipe and seed, one for each fold.
    paths
        Folders and files to read and write; the parent is that of the folds.
    workload
        Amount of work.

    Raises
    ------
    UsageError
        The runs are not folds of one recipe, or not of a streaming model.
    """
    first = common_record(folds)
    recipe = check_recipe(first.recipe, str(folds[0].folder / RECORD))
    if not isinstance(recipe, StreamingRecipe):
        raise UsageError(f"{folds[0].folder} is not of a streaming model; only those are shipped.")
    file = RecipeFile(recipe, Path(first.recipe_name), first.changes, first.recipe_sha256)
    parent = Run(Path(first.parent)) if first.parent else None
    paths = replace(paths, parent=parent)
    _check_encoder(recipe, paths)
    new_run = Run(paths.runs / f"{file.title}-everybody-seed{first.seed}")
    clips = read_clips(recipe, paths)
    parts: dict[SplitPart, Sequence[Clip]] = {
        "train": clips,
        "validation": [],
        "test": [],
    }
    _write_record(new_run, file, parent, parts, ALL_SPEAKERS, first.seed)
    cache = paths.runs / CACHE
    job = Job(
        recipe, parts, new_run, cache, paths.pretrained, parent, first.seed, workload.jobs, folds
    )
    from training.streaming.train import make_all_speaker_model  # brings Keras

    make_all_speaker_model(job)
    results = cross_validate(folds, lambda _: clips, workload, cache)
    rewrite_card(load_bundle(new_run.bundle), results)
    new_run.write_json(RESULTS, results)
    return new_run


def _check_encoder(recipe: BaseRecipe, paths: RunPaths) -> None:
    """Ensure that the encoder is trained, or starts from trained weights."""
    if not isinstance(recipe, StreamingRecipe):
        return
    if recipe.encoder.pretrained:
        if paths.pretrained is None:
            raise UsageError(
                "This recipe starts from a pretrained encoder: give its weights with --teacher, or "
                "do without it by --set encoder.pretrained=false --set whole.epochs=30."
            )
    elif paths.parent is None and not recipe.whole.epochs:
        raise UsageError(
            "This recipe takes its encoder from another run, such as one of the recipe encoder: "
            "name its folder with --from, or do without it by --set whole.epochs=30."
        )


def _check_speaker_disjoint(recipe: BaseRecipe, test: Sequence[Clip], parent: Run | None) -> None:
    """Ensure that no parent run trained on a speaker of the test."""
    if leaks(recipe.model_dump(mode="json")):
        return  # report and card state the leak
    while parent is not None:
        record = parent.record
        parts = ("train", "validation") if record.recipe.get("refit") else ("train",)
        for corpus in sorted({clip.corpus for clip in test}):
            tested = {clip.speaker for clip in test if clip.corpus == corpus}
            trained = [record.data[part].get(corpus, {}).get("speakers", ()) for part in parts]
            if known := sorted(tested.intersection(chain.from_iterable(trained))):
                raise UsageError(
                    f"{parent.folder} learned from speaker {known[0]} of {title(corpus)}, whom "
                    "this fold tests: start from a run that withholds the same speakers, or test "
                    "others."
                )
        parent = Run(Path(record.parent)) if record.parent else None


def _make_model(job: Job[Any]) -> Evaluation:
    # Each kind brings its own libraries.
    if job.recipe.kind == "streaming":
        from training.streaming.train import make_model as make_streaming

        return make_streaming(job)
    from training.offline.train import make_model as make_offline

    return make_offline(job)


def _write_record(
    new_run: Run,
    file: RecipeFile,
    parent: Run | None,
    parts: Mapping[SplitPart, Sequence[Clip]],
    fold: int,
    seed: int,
) -> None:
    start = str(parent.folder) if parent else None
    data = data_table(parts)
    if (new_run.folder / RECORD).exists():
        existing = new_run.record
        if existing.recipe_sha256 != file.digest:
            raise UsageError(
                f"{new_run.folder} holds a run of this recipe as it was before: delete that "
                "folder, or name another one with --runs."
            )
        if (existing.parent, existing.data) != (start, data):
            raise UsageError(
                f"{new_run.folder} holds a run that started from other weights, or heard other "
                "clips: delete that folder, or name another one with --runs."
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
        created=utc_timestamp(),
        versions=versions(),
        data=data,
        parent=start,
    )
    new_run.write(RECORD, record.model_dump_json(indent=2) + "\n")
