"""Training of an offline model: from features of clips to probabilities of the test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras

from realtime_ser.base.errors import UsageError
from training.corpora import Clip
from training.fitting import (
    compute_precision,
    delete_backup,
    fit,
    load_weights,
    optimizer,
    save_weights,
)
from training.folds import SplitPart
from training.job import Job
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.offline.architectures import build_network
from training.offline.batches import (
    BatchLayout,
    ClipBatches,
    ClipTrainingSet,
    make_validation_batches,
    training_set,
)
from training.offline.clip_selection import oversampled
from training.offline.features import clip_features
from training.offline.frontend import ClipFrames, FrontEnd, FrozenEncoder, Standardiser
from training.offline.model import OfflineModel, load_offline
from training.offline.recipe import Features, OfflineFit, OfflineRecipe
from training.run_folder import OFFLINE_MODEL
from training.sound.augment import training_examples
from training.sound.examples import Example

__all__ = ["load_offline", "make_model"]


def make_model(job: Job[OfflineRecipe]) -> Evaluation:
    """Train the model of a recipe, or resume, and evaluate it on the test clips.

    Raises
    ------
    UsageError
        The recipe does not suit the clips, or its start is missing.
    """
    if not (job.run.folder / OFFLINE_MODEL).exists():
        training_data = _prepare_data(job, _assign_parts(job))
        network = _train_network(job, training_data)
        OfflineModel(job.recipe, training_data.front_end, network).save(job.run)
    # The model is evaluated as it was saved.
    return _evaluate_test(job, load_offline(job.run))


def _assign_parts(job: Job[OfflineRecipe]) -> dict[SplitPart, list[Clip]]:
    """Clips by part; those for validation train if no stage needs them."""
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
class _TrainingData:
    """Inputs of a network by part, with their clips and the front end that made them.

    Attributes
    ----------
    clips, inputs
        By part: the network's inputs, and the clip that each is of.
    front_end
        Made them, and will make others.
    parent
        Model whose weights are the start; ``None``: none.
    """

    clips: Mapping[SplitPart, Sequence[Clip]]
    inputs: Mapping[SplitPart, ClipFrames]
    front_end: FrontEnd
    parent: OfflineModel | None


def _prepare_data(
    job: Job[OfflineRecipe], clips: Mapping[SplitPart, Sequence[Clip]]
) -> _TrainingData:
    settings = job.recipe.features
    examples = {part: [Example(clip) for clip in own] for part, own in clips.items()}
    changed = training_examples(clips["train"], job.recipe.augmentation, job.seed)
    examples["train"] = [example for example in changed if isinstance(example, Example)]
    features: dict[SplitPart, ClipFrames] = {
        part: clip_features(own, settings, job.cache, job.jobs, job.recipe.preprocessing)
        for part, own in examples.items()
    }
    example_clips = {part: [example.clip for example in own] for part, own in examples.items()}
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
        unscaled = FrontEnd(settings, encoder)
        encoded = {part: unscaled.encode(rows) for part, rows in features.items()}
        front_end = replace(unscaled, standardiser=_make_standardiser(settings, encoded))
    inputs: dict[SplitPart, ClipFrames] = {
        part: front_end.standardised(rows) for part, rows in encoded.items()
    }
    return _TrainingData(example_clips, inputs, front_end, parent)


def _make_standardiser(
    settings: Features, encoded: Mapping[SplitPart, ClipFrames]
) -> Standardiser | None:
    match settings.standardise:
        case "none":
            return None
        case "training":
            return Standardiser.of(encoded["train"])
        case "all":
            return Standardiser.of([rows for part in encoded.values() for rows in part])


# ---------------------------------------------------------------------------------------- learning


def _train_network(job: Job[OfflineRecipe], training_data: _TrainingData) -> keras.Model:
    """The network after all stages."""
    recipe = job.recipe
    shape = recipe.features.frames, training_data.inputs["train"][0].shape[1]

    def new(stage: OfflineFit) -> keras.Model:
        keras.utils.set_random_seed(job.seed)
        with compute_precision(stage):
            return build_network(recipe.architecture, shape, len(recipe.labels), recipe.network)

    network = new(OfflineFit())
    if training_data.parent is not None:
        _load_parent_weights(network, training_data.parent, job)
    for name, stage in recipe.stages.items():
        weights_path = job.run.folder / f"{name}.npz"
        if not weights_path.exists():
            stage_network = new(stage)
            stage_network.set_weights(network.get_weights())
            _fit_stage(stage_network, _NamedStage(name, stage, job), training_data)
            save_weights(stage_network, weights_path)
            delete_backup(job.run, name)
        load_weights(network, weights_path)
    return network


@dataclass(frozen=True, slots=True)
class _NamedStage:
    """A stage of a job, by its name."""

    name: str
    settings: OfflineFit
    job: Job[OfflineRecipe]


def _fit_stage(network: keras.Model, stage: _NamedStage, training_data: _TrainingData) -> None:
    settings, job = stage.settings, stage.job
    layout = BatchLayout(job.recipe.features.frames, job.recipe.features.mel_bands)

    def of(part: SplitPart) -> ClipTrainingSet:
        return training_set(
            training_data.clips[part], training_data.inputs[part], job.recipe.labels, settings
        )

    train_batches = ClipBatches(of("train"), layout, settings, job.seed)
    validation_batches = []
    if training_data.clips["validation"]:
        validation_batches = make_validation_batches(of("validation"), layout, settings.batch_size)
    network.compile(optimizer(settings, len(train_batches)), "categorical_crossentropy")
    fit(network, train_batches, settings, job.run, stage.name, validation_batches)


def _load_parent_weights(
    network: keras.Model, parent: OfflineModel, job: Job[OfflineRecipe]
) -> None:
    """Take the weights of an earlier run's model.

    Raises
    ------
    UsageError
        It is of another shape, or has other labels.
    """
    own_shapes = [weights.shape for weights in network.get_weights()]
    parent_shapes = [weights.shape for weights in parent.network.get_weights()]
    if own_shapes != parent_shapes or parent.labels != job.recipe.labels:
        raise UsageError(
            f"The model of {job.parent and job.parent.folder} has another architecture, other "
            "features or other labels than this recipe; give both the same."
        )
    network.set_weights(parent.network.get_weights())


# --------------------------------------------------------------------------------------- measuring


def _evaluate_test(job: Job[OfflineRecipe], model: OfflineModel) -> Evaluation:
    clips, recipe = job.parts["test"], model.recipe
    examples = [Example(clip) for clip in clips]
    features = clip_features(examples, recipe.features, job.cache, job.jobs, recipe.preprocessing)
    probabilities = model.probabilities(model.front_end.inputs(features))
    results = [
        ClipResult(clip, (SegmentResult(own, 1),), {})
        for clip, own in zip(clips, probabilities, strict=True)
    ]
    model_info = {
        "name": recipe.name,
        "version": recipe.version,
        "architecture": recipe.architecture,
        "parameters": model.network.count_params(),
    }
    return Evaluation(model.labels, tuple(results), model_info)
