"""Makes a model that hears a whole clip at once: features in, probabilities of the test out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras

from realtime_ser.base.errors import UsageError
from training.corpora import Clip
from training.fitting import (
    fit,
    forget_backup,
    load_weights,
    optimizer,
    precision,
    save_weights,
)
from training.folds import Part
from training.job import Job
from training.measure.evaluate import ClipResult, Evaluation, SegmentResult
from training.offline.architectures import build_network
from training.offline.batches import ClipBatches, Layout, Lessons, held_out, lessons
from training.offline.features import clip_features
from training.offline.frontend import FrontEnd, FrozenEncoder, Rows, Standard
from training.offline.model import OfflineModel, load_offline
from training.offline.recipe import Features, Learning, OfflineRecipe
from training.offline.selection import oversampled
from training.runs import OFFLINE_MODEL
from training.sound.augment import training_takes
from training.sound.takes import Take

__all__ = ["load_offline", "make"]


def make(job: Job[OfflineRecipe]) -> Evaluation:
    """Train what a recipe says, or go on where an interrupted run stopped, and hear the test.

    Raises
    ------
    UsageError
        The recipe does not suit the clips, or starts from what is not there.
    """
    if not (job.run.folder / OFFLINE_MODEL).exists():
        material = _material(job, _roles(job))
        network = _trained(job, material)
        OfflineModel(job.recipe, material.front_end, network).save(job.run)
    # What is measured is what was kept.
    return _evaluation(job, load_offline(job.run))


def _roles(job: Job[OfflineRecipe]) -> dict[Part, list[Clip]]:
    """Who trains, who chooses, who is tested."""
    parts, recipe = job.parts, job.recipe
    train, validation = list(parts["train"]), list(parts["validation"])
    if not any(stage.needs_validation for stage in recipe.stages.values()):
        train, validation = [*train, *validation], []
    if recipe.oversampling == "training":
        train = oversampled(train, job.seed)
    lacking = sorted({c.label for c in parts["test"]} - {clip.label for clip in train})
    if not train or lacking:
        raise UsageError(
            f"No clip that trains is {' or '.join(lacking) or 'there'}; add some, or leave the "
            "label out by 'labels' of the recipe."
        )
    return {"train": train, "validation": validation, "test": list(parts["test"])}


# ------------------------------------------------------------------------------------------ inputs


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What a network learns from, and what made it.

    Attributes
    ----------
    clips, inputs
        By part: the network's inputs, and the clip that each is of.
    front_end
        Made them, and will make others.
    parent
        Model whose weights are the start; ``None``: none.
    """

    clips: Mapping[Part, Sequence[Clip]]
    inputs: Mapping[Part, Rows]
    front_end: FrontEnd
    parent: OfflineModel | None


def _material(job: Job[OfflineRecipe], clips: Mapping[Part, Sequence[Clip]]) -> _Material:
    settings = job.recipe.features
    takes = {part: [Take(clip) for clip in own] for part, own in clips.items()}
    changed = training_takes(clips["train"], job.recipe.augmentation, job.seed)
    takes["train"] = [take for take in changed if isinstance(take, Take)]
    features: dict[Part, Rows] = {
        part: clip_features(own, settings, job.cache, job.jobs, job.recipe.preprocessing)
        for part, own in takes.items()
    }
    heard = {part: [take.clip for take in own] for part, own in takes.items()}
    parent = None
    if job.parent is not None:
        # Its weights suit inputs of its own scale.
        parent = load_offline(job.parent)
        front_end = replace(parent.front_end, settings=settings)
        encoded = {part: front_end.encode(rows) for part, rows in features.items()}
    else:
        encoder = None
        if "encoder" in settings.kinds:
            encoder = FrozenEncoder.pretrained(job.pretrained, features["train"])
        half = FrontEnd(settings, encoder)
        encoded = {part: half.encode(rows) for part, rows in features.items()}
        front_end = replace(half, standard=_standard(settings, encoded))
    inputs: dict[Part, Rows] = {
        part: front_end.standardised(rows) for part, rows in encoded.items()
    }
    return _Material(heard, inputs, front_end, parent)


def _standard(settings: Features, encoded: Mapping[Part, Rows]) -> Standard | None:
    match settings.standardise:
        case "none":
            return None
        case "training":
            return Standard.of(encoded["train"])
        case "all":
            return Standard.of([rows for part in encoded.values() for rows in part])


# ---------------------------------------------------------------------------------------- learning


def _trained(job: Job[OfflineRecipe], material: _Material) -> keras.Model:
    """The network after all stages."""
    recipe = job.recipe
    shape = recipe.features.frames, material.inputs["train"][0].shape[1]

    def new(stage: Learning) -> keras.Model:
        keras.utils.set_random_seed(job.seed)
        with precision(stage):
            return build_network(recipe.architecture, shape, len(recipe.labels), recipe.network)

    network = new(Learning())
    if material.parent is not None:
        _start_from(network, material.parent, job)
    for name, stage in recipe.stages.items():
        done = job.run.folder / f"{name}.npz"
        if not done.exists():
            learner = new(stage)
            learner.set_weights(network.get_weights())
            _learn(learner, _Stage(name, stage, job), material)
            save_weights(learner, done)
            forget_backup(job.run, name)
        load_weights(network, done)
    return network


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage of a job, by its name."""

    name: str
    settings: Learning
    job: Job[OfflineRecipe]


def _learn(network: keras.Model, stage: _Stage, material: _Material) -> None:
    settings, job = stage.settings, stage.job
    layout = Layout(job.recipe.features.frames, job.recipe.features.mel_bands)

    def of(part: Part) -> Lessons:
        return lessons(material.clips[part], material.inputs[part], job.recipe.labels, settings)

    learned = ClipBatches(of("train"), layout, settings, job.seed)
    judged = []
    if material.clips["validation"]:
        judged = held_out(of("validation"), layout, settings.batch_size)
    network.compile(optimizer(settings, len(learned)), "categorical_crossentropy")
    fit(network, learned, settings, job.run, stage.name, judged)


def _start_from(network: keras.Model, parent: OfflineModel, job: Job[OfflineRecipe]) -> None:
    """Take the weights of an earlier run's model.

    Raises
    ------
    UsageError
        It is of another shape, or has other labels.
    """
    ours = [weights.shape for weights in network.get_weights()]
    theirs = [weights.shape for weights in parent.network.get_weights()]
    if ours != theirs or parent.labels != job.recipe.labels:
        raise UsageError(
            f"The model of {job.parent and job.parent.folder} has another architecture, other "
            "features or other labels than this recipe; give both the same."
        )
    network.set_weights(parent.network.get_weights())


# --------------------------------------------------------------------------------------- measuring


def _evaluation(job: Job[OfflineRecipe], model: OfflineModel) -> Evaluation:
    clips, recipe = job.parts["test"], model.recipe
    takes = [Take(clip) for clip in clips]
    features = clip_features(takes, recipe.features, job.cache, job.jobs, recipe.preprocessing)
    probabilities = model.probabilities(model.front_end.inputs(features))
    results = [
        ClipResult(clip, (SegmentResult(own, 1),), {})
        for clip, own in zip(clips, probabilities, strict=True)
    ]
    facts = {
        "name": recipe.name,
        "version": recipe.version,
        "architecture": recipe.architecture,
        "parameters": model.network.count_params(),
    }
    return Evaluation(model.labels, tuple(results), facts)
