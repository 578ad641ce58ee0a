"""Makes a streaming model: gated segments in, a calibrated bundle out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from realtime_ser.base.errors import UsageError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S
from realtime_ser.recogniser.bundle import TRAINING_MODEL, Manifest, load_bundle
from training.corpora import Clip
from training.fitting import precision
from training.job import Job
from training.measure.baseline import fit_baseline, middle
from training.measure.evaluate import Evaluation, evaluate_bundle
from training.measure.metrics import certainty_threshold, fit_temperature
from training.runs import Run
from training.sound.augment import training_takes
from training.sound.takes import as_takes
from training.streaming.batches import Labelled, class_mask
from training.streaming.clips import GatedSegment, at_levels, gated_segments
from training.streaming.export import export_bundle
from training.streaming.graph import said_of_clips
from training.streaming.heads import Head, Heads
from training.streaming.imitation import (
    Lesson,
    encode,
    settle,
    teacher_vectors,
    train_encoder,
)
from training.streaming.labelling import (
    Lessons,
    assemble,
    at_steps,
    labelled,
    logits_at_results,
    statistics_at_steps,
    train_answer,
    train_head,
    train_whole,
    with_answers,
)
from training.streaming.network import StreamingSer, new_model, with_outputs
from training.streaming.recipe import HeadStage, LabelStage, StreamingRecipe
from training.streaming.spectra import Scale, segment_spectra
from training.streaming.teacher import load_teacher

SELECTION, REFIT = "selection", "refit"

_SEEDS_APART = 1000  # seeds of an ensemble's heads do not meet those of other runs

Segments: TypeAlias = Mapping[str, Sequence[GatedSegment]]
"""By part."""


def make(job: Job[StreamingRecipe]) -> Evaluation:
    """Train what a recipe says, or go on where an interrupted run stopped, and listen to the test.

    Raises
    ------
    UsageError
        The split keeps no clips for validation.
    ParityError
        The streaming step differs from the training graph; no bundle was written.
    """
    recipe, parts = job.recipe, job.parts
    if not parts["validation"]:
        raise UsageError(
            "The split keeps no clips for validation, and a streaming model needs some for its "
            "temperature: name speakers under split.validation, or set split.validation_share."
        )
    heard = {
        "train": training_takes(parts["train"], recipe.augmentation, job.seed),
        "validation": as_takes(parts["validation"]),
    }
    segments = {
        part: gated_segments(takes, recipe.features, recipe.gate, job.cache, job.jobs)
        for part, takes in heard.items()
    }
    teaching = _teaching(job, segments)
    taught = _taught(job)
    model = _speaking(_learn(job, teaching, SELECTION), taught)
    logits = logits_at_results(model, segments["validation"])
    temperature, threshold = _calibrate(recipe, logits, segments["validation"], taught)
    # Of the model that has not heard these speakers, as the temperature is.
    said = said_of_clips(segments["validation"], logits, temperature)
    baseline = fit_baseline(taught, said)
    if recipe.refit:
        model = _speaking(_learn(job, teaching.with_everybody(), REFIT), taught)
    manifest = _manifest(job, temperature, threshold).model_copy(update={"baseline": baseline})
    export_bundle(model, manifest, job.run.bundle)
    return evaluate_bundle(load_bundle(job.run.bundle), parts["test"], jobs=job.jobs)


def make_of_everybody(job: Job[StreamingRecipe]) -> None:
    """Train on all clips what the folds of a recipe have tried, and export the bundle.

    Temperature, threshold and epochs are the medians of those folds', and the baseline is the
    middle of theirs.

    Parameters
    ----------
    job
        All clips are in its part ``train``.

    Raises
    ------
    UsageError, ParityError
        As from :func:`make`.
    """
    recipe = job.recipe
    takes = training_takes(job.parts["train"], recipe.augmentation, job.seed)
    segments = gated_segments(takes, recipe.features, recipe.gate, job.cache, job.jobs)
    teaching = _teaching(job, {"train": segments, "validation": []})
    model = _speaking(_learn(job, teaching, REFIT), _taught(job))
    folds = [load_bundle(fold.bundle).manifest for fold in job.tried]
    chosen = [(fold.temperature, fold.certainty_threshold) for fold in folds]
    baselines = [fold.baseline for fold in folds if fold.baseline is not None]
    manifest = _manifest(job, *np.median(chosen, axis=0).tolist()).model_copy(
        update={"baseline": middle(baselines) if len(baselines) == len(folds) else None}
    )
    export_bundle(model, manifest, job.run.bundle)


@dataclass(frozen=True, slots=True)
class _Teaching:
    """Segments, the encoder, and what it and the pretrained one make of them.

    Attributes
    ----------
    segments
        Those of the training speakers, then those of the validation speakers, each part at its own
        levels first.
    learners, judges
        How many of them are learned from, and how many of those that follow early stopping may go
        by.
    start
        Encoder and head from which labels are learned.
    encoded, statistics
        The encoder's vectors, and what answers from their statistics learn from; empty where none
        do.
    heard
        The pretrained encoder's own, for teachers; ``None`` without these.
    """

    segments: Sequence[GatedSegment]
    learners: int
    judges: int
    start: StreamingSer
    encoded: Sequence[NDArray[np.float16]]
    statistics: Sequence[NDArray[np.float16]]
    heard: Sequence[NDArray[np.float16]] | None

    def with_everybody(self) -> _Teaching:
        """The same with the validation speakers among the learners."""
        return replace(self, learners=len(self.segments), judges=0)

    def split(self, segments: Sequence[Labelled]) -> tuple[Sequence[Labelled], Sequence[Labelled]]:
        """Those to learn from, and those to judge by."""
        return segments[: self.learners], segments[self.learners :][: self.judges]


def _teaching(job: Job[StreamingRecipe], segments: Segments) -> _Teaching:
    recipe = job.recipe
    keras.utils.set_random_seed(job.seed)
    start = new_model(recipe.architecture)
    train, validation = segments["train"], segments["validation"]
    stage, plain = recipe.head, [*train, *validation]
    louder, louder_validation = (
        at_levels(part, stage.levels, stage.gain_db, job.seed, stage.noise)
        for part in (train, validation)
    )
    everybody, heard = [*louder, *louder_validation], None
    if recipe.encoder.pretrained:
        imitated = _imitate(job, start, plain, len(train))
        if stage.teachers:
            of_place = dict(zip(map(_place, plain), imitated, strict=True))
            heard = [of_place[_place(segment)] for segment in everybody]
    else:
        settle(start.encoder, train)
    if job.parent is not None:
        _start_from(start, job.parent)
    encoded = encode(start.encoder, everybody) if stage.epochs else []
    statistics = []
    if encoded and recipe.architecture.statistics_heads:
        statistics = statistics_at_steps(start.head.statistics, everybody, encoded)
    return _Teaching(everybody, len(louder), len(validation), start, encoded, statistics, heard)


def _place(segment: GatedSegment) -> tuple[int, int]:
    """What a segment has in common with itself at another level."""
    return id(segment.take), segment.first_step


def _imitate(
    job: Job[StreamingRecipe],
    start: StreamingSer,
    everybody: Sequence[GatedSegment],
    learners: int,
) -> list[NDArray[np.float16]]:
    """Make the encoder imitate the pretrained one; what that one makes of all segments."""
    assert job.pretrained is not None
    teacher = load_teacher(job.pretrained)
    spectra = segment_spectra(everybody, job.cache, job.jobs)
    scale = Scale.of(spectra[:learners])
    scaled = [scale.apply(spectrum) for spectrum in spectra]
    vectors = teacher_vectors(teacher, scaled)
    lesson = Lesson(everybody[:learners], scaled[:learners], vectors[:learners])
    encoder = train_encoder(job.recipe, lesson, teacher, job.run, job.seed)
    start.encoder.set_weights(encoder.get_weights())
    return vectors


def _start_from(start: StreamingSer, parent: Run) -> None:
    """Take the encoder of an earlier run's model, and its heads where both have the same ones.

    Raises
    ------
    UsageError
        Its encoder is of another shape.
    """
    earlier = keras.models.load_model(load_bundle(parent.bundle).folder / TRAINING_MODEL)
    try:
        start.encoder.set_weights(earlier.encoder.get_weights())
    except ValueError as error:
        raise UsageError(
            f"The encoder of {parent.folder} has another architecture than this recipe's; give "
            "both the same."
        ) from error
    if earlier.architecture == start.architecture:
        start.head.set_weights(earlier.head.get_weights())


def _learn(job: Job[StreamingRecipe], teaching: _Teaching, name: str) -> StreamingSer:
    """Learn the labels of the learners, by the head and then by the whole network."""
    recipe = job.recipe
    model = assemble(recipe, teaching.start.encoder, teaching.start.head)
    if recipe.head.epochs:
        _train_heads(model.head, job, teaching, name)
    whole = recipe.whole.model_copy(update=_as_long(job, recipe.whole, f"{name}-whole"))
    if whole.epochs:
        spectra = labelled(teaching.segments, [s.log_mel for s in teaching.segments])
        lessons = Lessons(whole, *teaching.split(spectra), job.run, f"{name}-whole", job.seed)
        with precision(whole):
            learner = new_model(recipe.architecture)
        learner.set_weights(model.get_weights())
        model.set_weights(train_whole(learner, lessons).get_weights())
    return model


def _train_heads(heads: Heads, job: Job[StreamingRecipe], teaching: _Teaching, name: str) -> None:
    """Teach each head by the learners, and by teachers that heard the same."""
    stage = job.recipe.head

    def lessons(
        segments: Sequence[Labelled], name: str, seed: int, stage: HeadStage = stage
    ) -> Lessons:
        as_long = stage.model_copy(update=_as_long(job, stage, name))
        return Lessons(as_long, *teaching.split(segments), job.run, name, seed)

    pupils = labelled(teaching.segments, teaching.encoded)
    if teaching.heard is not None:
        heard = labelled(teaching.segments, teaching.heard)
        teachers = []
        for k in range(1, stage.teachers + 1):
            keras.utils.set_random_seed(job.seed + k)
            fresh = Head(job.recipe.architecture)
            fresh.build(None)
            lesson = lessons(heard, f"{name}-teacher-{k}", job.seed + k)
            teachers.append(train_head(fresh, lesson))
        pupils = with_answers(pupils, teachers, teaching.heard, stage.distillation)
    for k, head in enumerate(heads.heads):
        seed = job.seed + _SEEDS_APART * k
        keras.utils.set_random_seed(seed)
        train_head(head, lessons(pupils, f"{name}-{head.name}", seed))
    if not heads.answers:
        return
    rows = at_steps(pupils, teaching.statistics)
    for k, answer in enumerate(heads.answers, start=len(heads.heads)):
        seed = job.seed + _SEEDS_APART * k
        keras.utils.set_random_seed(seed)
        train_answer(answer, lessons(rows, f"{name}-{answer.name}", seed, _of_statistics(stage)))


def _of_statistics(stage: HeadStage) -> HeadStage:
    """The stage for answers from what was heard until a step: its few steps count alike."""
    epochs = stage.statistics_epochs or stage.epochs
    update = {"epochs": epochs, "joined": 0.0, "prefix_ramp_s": STEP_S}
    return stage.model_copy(update=update)


def _as_long(job: Job[StreamingRecipe], stage: LabelStage, name: str) -> dict[str, int]:
    """With everybody among the learners, nobody says when to stop: as early as before."""
    if stage.patience is None or not name.startswith(REFIT):
        return {}
    tried = [run.history().get(name.replace(REFIT, SELECTION, 1)) for run in job.tried or [job.run]]
    best = [min(epochs, key=lambda values: values["val_loss"]) for epochs in tried if epochs]
    return {"epochs": round(np.median([values["epoch"] for values in best]))} if best else {}


def _learned(job: Job[StreamingRecipe]) -> list[Clip]:
    """Clips that train or choose."""
    return [*job.parts["train"], *job.parts["validation"]]


def _taught(job: Job[StreamingRecipe]) -> tuple[str, ...]:
    """Labels that the corpora of these clips have, in the order of ``LABELS``."""
    there = {label for clip in _learned(job) for label in clip.classes}
    return tuple(label for label in LABELS if label in there)


def _speaking(model: StreamingSer, labels: Sequence[str]) -> StreamingSer:
    """The same model that answers with these labels: of the others it was taught nothing."""
    return with_outputs(model, [LABELS.index(label) for label in labels])


def _calibrate(
    recipe: StreamingRecipe,
    logits: NDArray[np.float32],
    segments: Sequence[GatedSegment],
    answers: Sequence[str],
) -> tuple[float, float]:
    """Temperature, and the confidence that the asked-for share of segments reaches."""
    labels = np.array([answers.index(segment.clip.label) for segment in segments])
    masks = np.stack([class_mask(segment.clip.classes, answers) == 0 for segment in segments])
    temperature = fit_temperature(logits, labels, masks)
    confidences = softmax(logits / temperature, axis=1).max(axis=1)
    return temperature, certainty_threshold(confidences, recipe.certainty)


def _manifest(job: Job[StreamingRecipe], temperature: float, threshold: float) -> Manifest:
    recipe, record = job.recipe, job.run.record
    learned = {clip.corpus for clip in _learned(job)}
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        labels=_taught(job),
        features=recipe.features,
        gate=recipe.gate,
        states={},
        temperature=temperature,
        certainty_threshold=threshold,
        recipe={
            "name": record.recipe_name,
            "changes": list(record.changes),
            "sha256": record.recipe_sha256,
            "fold": record.fold,
            "seed": record.seed,
            "start": None if job.parent is None else _start(job.parent),
            "settings": recipe.model_dump(mode="json"),
        },
        corpora=tuple(name for name in recipe.corpora if name in learned),
        metrics={},
        files={},
    )


def _start(parent: Run) -> dict[str, Any]:
    """What a bundle says of the run that its weights came from, and of those behind it."""
    record = parent.record
    behind = load_bundle(parent.bundle).manifest.recipe.get("start") or {}
    return {
        "name": record.recipe_name,
        "changes": list(record.changes),
        "sha256": record.recipe_sha256,
        "fold": record.fold,
        "seed": record.seed,
        "corpora": sorted({*record.data["train"], *behind.get("corpora", ())}),
        "pretrained": record.recipe["encoder"]["pretrained"] or behind.get("pretrained", False),
    }
