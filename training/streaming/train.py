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
from training.fitting import compute_precision
from training.job import Job
from training.measure.clip_results import Evaluation
from training.measure.live_path import evaluate_bundle
from training.measure.metrics import certainty_threshold, fit_temperature
from training.measure.speaker_calibration import fit_speaker_calibration, pooled_calibration
from training.run_folder import Run
from training.sound.augment import training_examples
from training.sound.examples import as_examples
from training.streaming.batches import LabelledSegment, class_mask
from training.streaming.export import export_bundle
from training.streaming.gated_segments import GatedSegment, gated_segments, with_level_copies
from training.streaming.graph import results_by_clip
from training.streaming.heads import Head, Heads
from training.streaming.imitation import (
    ImitationSet,
    encode,
    initialise_batch_norm,
    pretrained_vectors,
    train_encoder,
)
from training.streaming.label_training import (
    LabelTrainingSet,
    assemble_model,
    label_segments,
    logits_at_results,
    rows_at_steps,
    statistics_at_steps,
    train_head,
    train_statistics_head,
    train_whole,
    with_soft_targets,
)
from training.streaming.network import StreamingSer, new_model, with_outputs
from training.streaming.pretrained import load_pretrained_encoder
from training.streaming.recipe import HeadStage, LabelStage, StreamingRecipe
from training.streaming.spectra import SpectrumScale, segment_spectra

SELECTION, REFIT = "selection", "refit"

_HEAD_SEED_STRIDE = 1000  # seeds of an ensemble's heads do not meet those of other runs

Segments: TypeAlias = Mapping[str, Sequence[GatedSegment]]
"""By part."""


def make_model(job: Job[StreamingRecipe]) -> Evaluation:
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
        "train": training_examples(parts["train"], recipe.augmentation, job.seed),
        "validation": as_examples(parts["validation"]),
    }
    segments = {
        part: gated_segments(examples, recipe.features, recipe.gate, job.cache, job.jobs)
        for part, examples in heard.items()
    }
    prepared = _prepare_data(job, segments)
    label_set = _label_set(job)
    model = _restrict_outputs(_fit_labels(job, prepared, SELECTION), label_set)
    logits = logits_at_results(model, segments["validation"])
    temperature, threshold = _calibrate(recipe, logits, segments["validation"], label_set)
    # Of the model that has not heard these speakers, as the temperature is.
    validation_predictions = results_by_clip(segments["validation"], logits, temperature)
    baseline = fit_speaker_calibration(label_set, validation_predictions)
    if recipe.refit:
        model = _restrict_outputs(
            _fit_labels(job, prepared.with_validation_speakers(), REFIT), label_set
        )
    manifest = _manifest(job, temperature, threshold).model_copy(update={"baseline": baseline})
    export_bundle(model, manifest, job.run.bundle)
    return evaluate_bundle(load_bundle(job.run.bundle), parts["test"], jobs=job.jobs)


def make_all_speaker_model(job: Job[StreamingRecipe]) -> None:
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
        As from :func:`make_model`.
    """
    recipe = job.recipe
    examples = training_examples(job.parts["train"], recipe.augmentation, job.seed)
    segments = gated_segments(examples, recipe.features, recipe.gate, job.cache, job.jobs)
    prepared = _prepare_data(job, {"train": segments, "validation": []})
    model = _restrict_outputs(_fit_labels(job, prepared, REFIT), _label_set(job))
    folds = [load_bundle(fold.bundle).manifest for fold in job.tried]
    chosen = [(fold.temperature, fold.certainty_threshold) for fold in folds]
    calibrations = [fold.baseline for fold in folds if fold.baseline is not None]
    manifest = _manifest(job, *np.median(chosen, axis=0).tolist()).model_copy(
        update={
            "baseline": pooled_calibration(calibrations)
            if len(calibrations) == len(folds)
            else None
        }
    )
    export_bundle(model, manifest, job.run.bundle)


@dataclass(frozen=True, slots=True)
class _PreparedData:
    """Segments, the encoder, and what it and the pretrained one make of them.

    Attributes
    ----------
    segments
        Those of the training speakers, then those of the validation speakers, each part at its own
        levels first.
    train_rows, early_stopping_rows
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
    train_rows: int
    early_stopping_rows: int
    start: StreamingSer
    encoded: Sequence[NDArray[np.float16]]
    statistics: Sequence[NDArray[np.float16]]
    heard: Sequence[NDArray[np.float16]] | None

    def with_validation_speakers(self) -> _PreparedData:
        """The same with the validation speakers among the learners."""
        return replace(self, train_rows=len(self.segments), early_stopping_rows=0)

    def split(
        self, segments: Sequence[LabelledSegment]
    ) -> tuple[Sequence[LabelledSegment], Sequence[LabelledSegment]]:
        """Those to learn from, and those to judge by."""
        return segments[: self.train_rows], segments[self.train_rows :][: self.early_stopping_rows]


def _prepare_data(job: Job[StreamingRecipe], segments: Segments) -> _PreparedData:
    recipe = job.recipe
    keras.utils.set_random_seed(job.seed)
    start = new_model(recipe.architecture)
    train, validation = segments["train"], segments["validation"]
    stage, plain = recipe.head, [*train, *validation]
    louder, louder_validation = (
        with_level_copies(part, stage.levels, stage.gain_db, job.seed, stage.noise)
        for part in (train, validation)
    )
    all_segments, heard = [*louder, *louder_validation], None
    if recipe.encoder.pretrained:
        imitated = _imitate_pretrained(job, start, plain, len(train))
        if stage.teachers:
            vectors_by_key = dict(zip(map(_segment_key, plain), imitated, strict=True))
            heard = [vectors_by_key[_segment_key(segment)] for segment in all_segments]
    else:
        initialise_batch_norm(start.encoder, train)
    if job.parent is not None:
        _load_parent_weights(start, job.parent)
    encoded = encode(start.encoder, all_segments) if stage.epochs else []
    statistics = []
    if encoded and recipe.architecture.statistics_heads:
        statistics = statistics_at_steps(start.head.statistics, all_segments, encoded)
    return _PreparedData(
        all_segments, len(louder), len(validation), start, encoded, statistics, heard
    )


def _segment_key(segment: GatedSegment) -> tuple[int, int]:
    """What a segment has in common with itself at another level."""
    return id(segment.example), segment.first_step


def _imitate_pretrained(
    job: Job[StreamingRecipe],
    start: StreamingSer,
    all_segments: Sequence[GatedSegment],
    train_rows: int,
) -> list[NDArray[np.float16]]:
    """Make the encoder imitate the pretrained one; what that one makes of all segments."""
    assert job.pretrained is not None
    teacher = load_pretrained_encoder(job.pretrained)
    spectra = segment_spectra(all_segments, job.cache, job.jobs)
    scale = SpectrumScale.of(spectra[:train_rows])
    scaled = [scale.apply(spectrum) for spectrum in spectra]
    vectors = pretrained_vectors(teacher, scaled)
    teacher_set = ImitationSet(all_segments[:train_rows], scaled[:train_rows], vectors[:train_rows])
    encoder = train_encoder(job.recipe, teacher_set, teacher, job.run, job.seed)
    start.encoder.set_weights(encoder.get_weights())
    return vectors


def _load_parent_weights(start: StreamingSer, parent: Run) -> None:
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


def _fit_labels(job: Job[StreamingRecipe], prepared: _PreparedData, name: str) -> StreamingSer:
    """Learn the labels of the learners, by the head and then by the whole network."""
    recipe = job.recipe
    model = assemble_model(recipe, prepared.start.encoder, prepared.start.head)
    if recipe.head.epochs:
        _train_heads(model.head, job, prepared, name)
    whole = recipe.whole.model_copy(
        update=_epochs_from_selection(job, recipe.whole, f"{name}-whole")
    )
    if whole.epochs:
        spectra = label_segments(prepared.segments, [s.log_mel for s in prepared.segments])
        training_set = LabelTrainingSet(
            whole, *prepared.split(spectra), job.run, f"{name}-whole", job.seed
        )
        with compute_precision(whole):
            learner = new_model(recipe.architecture)
        learner.set_weights(model.get_weights())
        model.set_weights(train_whole(learner, training_set).get_weights())
    return model


def _train_heads(
    heads: Heads, job: Job[StreamingRecipe], prepared: _PreparedData, name: str
) -> None:
    """Teach each head by the learners, and by teachers that heard the same."""
    stage = job.recipe.head

    def training_set(
        segments: Sequence[LabelledSegment], name: str, seed: int, stage: HeadStage = stage
    ) -> LabelTrainingSet:
        fit_stage = stage.model_copy(update=_epochs_from_selection(job, stage, name))
        return LabelTrainingSet(fit_stage, *prepared.split(segments), job.run, name, seed)

    labelled_segments = label_segments(prepared.segments, prepared.encoded)
    if prepared.heard is not None:
        heard = label_segments(prepared.segments, prepared.heard)
        teachers = []
        for k in range(1, stage.teachers + 1):
            keras.utils.set_random_seed(job.seed + k)
            untrained_head = Head(job.recipe.architecture)
            untrained_head.build(None)
            teacher_set = training_set(heard, f"{name}-teacher-{k}", job.seed + k)
            teachers.append(train_head(untrained_head, teacher_set))
        labelled_segments = with_soft_targets(
            labelled_segments, teachers, prepared.heard, stage.distillation
        )
    for k, head in enumerate(heads.heads):
        seed = job.seed + _HEAD_SEED_STRIDE * k
        keras.utils.set_random_seed(seed)
        train_head(head, training_set(labelled_segments, f"{name}-{head.name}", seed))
    if not heads.answers:
        return
    rows = rows_at_steps(labelled_segments, prepared.statistics)
    for k, answer in enumerate(heads.answers, start=len(heads.heads)):
        seed = job.seed + _HEAD_SEED_STRIDE * k
        keras.utils.set_random_seed(seed)
        train_statistics_head(
            answer, training_set(rows, f"{name}-{answer.name}", seed, _statistics_stage(stage))
        )


def _statistics_stage(stage: HeadStage) -> HeadStage:
    """The stage for answers from what was heard until a step: its few steps count alike."""
    epochs = stage.statistics_epochs or stage.epochs
    update = {"epochs": epochs, "joined": 0.0, "prefix_ramp_s": STEP_S}
    return stage.model_copy(update=update)


def _epochs_from_selection(
    job: Job[StreamingRecipe], stage: LabelStage, name: str
) -> dict[str, int]:
    """With everybody among the learners, nobody says when to stop: as early as before."""
    if stage.patience is None or not name.startswith(REFIT):
        return {}
    tried = [run.history().get(name.replace(REFIT, SELECTION, 1)) for run in job.tried or [job.run]]
    best = [min(epochs, key=lambda values: values["val_loss"]) for epochs in tried if epochs]
    return {"epochs": round(np.median([values["epoch"] for values in best]))} if best else {}


def _train_clips(job: Job[StreamingRecipe]) -> list[Clip]:
    """Clips that train or choose."""
    return [*job.parts["train"], *job.parts["validation"]]


def _label_set(job: Job[StreamingRecipe]) -> tuple[str, ...]:
    """Labels that the corpora of these clips have, in the order of ``LABELS``."""
    there = {label for clip in _train_clips(job) for label in clip.classes}
    return tuple(label for label in LABELS if label in there)


def _restrict_outputs(model: StreamingSer, labels: Sequence[str]) -> StreamingSer:
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
    train_corpora = {clip.corpus for clip in _train_clips(job)}
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        labels=_label_set(job),
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
            "start": None if job.parent is None else _parent_provenance(job.parent),
            "settings": recipe.model_dump(mode="json"),
        },
        corpora=tuple(name for name in recipe.corpora if name in train_corpora),
        metrics={},
        files={},
    )


def _parent_provenance(parent: Run) -> dict[str, Any]:
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
