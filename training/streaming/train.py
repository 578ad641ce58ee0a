"""Training of a streaming model: from gated segments to a calibrated bundle."""

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
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.measure.live_path import evaluate_bundle
from training.measure.metrics import certainty_threshold, fit_temperature
from training.measure.speaker_calibration import fit_speaker_calibration, pooled_calibration
from training.run_folder import Run
from training.sound.augment import training_examples
from training.sound.examples import as_examples
from training.streaming.batches import LabelledSegment, class_mask
from training.streaming.encoder import Encoder
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
from training.streaming.rounding_speech import speech_to_round_by
from training.streaming.spectra import SpectrumScale, segment_spectra
from training.streaming.whisper_start import start_from_whisper

SELECTION, REFIT = "selection", "refit"

_HEAD_SEED_STRIDE = 1000  # seeds of an ensemble's heads do not meet those of other runs

Segments: TypeAlias = Mapping[str, Sequence[GatedSegment]]
"""By part."""


def make_model(job: Job[StreamingRecipe]) -> Evaluation:
    """Train and export the model of a recipe, or resume, and evaluate the bundle on the test clips.

    Raises
    ------
    UsageError
        The split keeps no clips for validation.
    ParityError
        The streaming step differs from the training graph; no bundle was written.
    """
    recipe = job.recipe
    selected = _select(job)
    label_set = _label_set(job)
    model = selected.model
    temperature, threshold = _calibrate(
        recipe, selected.logits, selected.validation_segments, label_set
    )
    # By the model that the validation speakers did not train, like the temperature.
    baseline = fit_speaker_calibration(label_set, selected.results(temperature))
    if recipe.refit:
        model = _restrict_outputs(
            _fit_labels(job, selected.prepared.with_validation_speakers(), REFIT), label_set
        )
    manifest = _manifest(job, temperature, threshold).model_copy(update={"baseline": baseline})
    export_bundle(model, manifest, job.run.bundle, _rounding_speech(job))
    return evaluate_bundle(load_bundle(job.run.bundle), job.parts["test"], jobs=job.jobs)


def validate(job: Job[StreamingRecipe]) -> Evaluation:
    """Train by the training speakers alone, or resume, and evaluate on validation speakers.

    Nothing of the test is heard, and no bundle written.

    Raises
    ------
    UsageError
        The split keeps no clips for validation.
    """
    selected = _select(job)
    results = selected.results(temperature=1.0)
    clips = job.parts["validation"]
    return Evaluation(
        _label_set(job),
        tuple(ClipResult(clip, tuple(results.get(clip, ())), {}) for clip in clips),
        {},
    )


@dataclass(frozen=True, slots=True)
class _Selected:
    """The model that validation speakers did not train, and what it makes of them."""

    model: StreamingSer
    prepared: _PreparedData
    validation_segments: Sequence[GatedSegment]
    logits: NDArray[np.float32]

    def results(self, temperature: float) -> dict[Clip, list[SegmentResult]]:
        """Results of the segments of each validation clip with speech."""
        return results_by_clip(self.validation_segments, self.logits, temperature)


def _select(job: Job[StreamingRecipe]) -> _Selected:
    recipe, parts = job.recipe, job.parts
    if not parts["validation"]:
        raise UsageError(
            "The split keeps no clips for validation, and a streaming model needs some for its "
            "temperature: name speakers under split.validation, or set split.validation_share."
        )
    examples_by_part = {
        "train": training_examples(parts["train"], recipe.augmentation, job.seed),
        "validation": as_examples(parts["validation"]),
    }
    segments = {
        part: gated_segments(examples, recipe.features, recipe.gate, job.cache, job.jobs)
        for part, examples in examples_by_part.items()
    }
    prepared = _prepare_data(job, segments)
    model = _restrict_outputs(_fit_labels(job, prepared, SELECTION), _label_set(job))
    logits = logits_at_results(model, segments["validation"])
    return _Selected(model, prepared, segments["validation"], logits)


def make_all_speaker_model(job: Job[StreamingRecipe]) -> None:
    """Train the model of a cross-validated recipe on all speakers, and export the bundle.

    Temperature, threshold and epochs are medians over the folds; the speaker calibration is pooled
    from theirs.

    Parameters
    ----------
    job
        Holds all clips in the part ``train``, and the runs of the folds.

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
    folds = [load_bundle(fold.bundle).manifest for fold in job.fold_runs]
    chosen = [(fold.temperature, fold.certainty_threshold) for fold in folds]
    calibrations = [fold.baseline for fold in folds if fold.baseline is not None]
    manifest = _manifest(job, *np.median(chosen, axis=0).tolist()).model_copy(
        update={
            "baseline": pooled_calibration(calibrations)
            if len(calibrations) == len(folds)
            else None
        }
    )
    export_bundle(model, manifest, job.run.bundle, _rounding_speech(job))


def _rounding_speech(job: Job[StreamingRecipe]) -> list[NDArray[np.floating]]:
    if not job.recipe.rounds_weights:
        return []
    return speech_to_round_by(job.parts["train"], job.recipe, job.cache, job.jobs)


@dataclass(frozen=True, slots=True)
class _PreparedData:
    """Segments with their vectors, and the model that labels are learned from.

    Attributes
    ----------
    segments
        Segments of the training speakers, then of the validation speakers; in each part, those at
        the recorded level first.
    train_rows, early_stopping_rows
        Number of segments to train on, and of those behind them for early stopping.
    initial_model
        Encoder and heads to start from.
    encoded, statistics
        The encoder's vectors, and their statistics at the learned steps; empty without stages that
        need them.
    pretrained_vectors
        Vectors of the pretrained encoder for distillation heads; ``None`` without these.
    """

    segments: Sequence[GatedSegment]
    train_rows: int
    early_stopping_rows: int
    initial_model: StreamingSer
    encoded: Sequence[NDArray[np.float16]]
    statistics: Sequence[NDArray[np.float16]]
    pretrained_vectors: Sequence[NDArray[np.float16]] | None

    def with_validation_speakers(self) -> _PreparedData:
        """Data with the validation speakers among those that train."""
        return replace(self, train_rows=len(self.segments), early_stopping_rows=0)

    def split(
        self, segments: Sequence[LabelledSegment]
    ) -> tuple[Sequence[LabelledSegment], Sequence[LabelledSegment]]:
        """Segments to train on, and segments for early stopping."""
        return segments[: self.train_rows], segments[self.train_rows :][: self.early_stopping_rows]


def _prepare_data(job: Job[StreamingRecipe], segments: Segments) -> _PreparedData:
    recipe = job.recipe
    keras.utils.set_random_seed(job.seed)
    initial_model = new_model(recipe.architecture)
    train, validation = segments["train"], segments["validation"]
    stage, plain = recipe.head, [*train, *validation]
    louder, louder_validation = (
        with_level_copies(part, stage.levels, stage.gain_db, job.seed, stage.noise)
        for part in (train, validation)
    )
    all_segments, pretrained_vectors = [*louder, *louder_validation], None
    if not isinstance(initial_model.encoder, Encoder):
        if recipe.encoder.pretrained:
            start_from_whisper(job, initial_model.encoder, train)
    elif recipe.encoder.pretrained:
        vectors = _imitate_pretrained(job, initial_model, plain, len(train))
        if stage.teachers:
            vectors_by_key = dict(zip(map(_segment_key, plain), vectors, strict=True))
            pretrained_vectors = [vectors_by_key[_segment_key(segment)] for segment in all_segments]
    else:
        initialise_batch_norm(initial_model.encoder, train)
    if job.parent is not None:
        _load_parent_weights(initial_model, job.parent)
    encoded = encode(initial_model.encoder, all_segments) if stage.epochs else []
    statistics = []
    if encoded and recipe.architecture.statistics_heads:
        statistics = statistics_at_steps(initial_model.head.statistics, all_segments, encoded)
    return _PreparedData(
        segments=all_segments,
        train_rows=len(louder),
        early_stopping_rows=len(validation),
        initial_model=initial_model,
        encoded=encoded,
        statistics=statistics,
        pretrained_vectors=pretrained_vectors,
    )


def _segment_key(segment: GatedSegment) -> tuple[int, int]:
    """Key that a segment shares with its copies at other levels."""
    return id(segment.example), segment.first_step


def _imitate_pretrained(
    job: Job[StreamingRecipe],
    initial_model: StreamingSer,
    segments: Sequence[GatedSegment],
    train_rows: int,
) -> list[NDArray[np.float16]]:
    """Train the encoder to imitate the pretrained one, whose vectors of segments are returned."""
    assert job.pretrained is not None
    pretrained_encoder = load_pretrained_encoder(job.pretrained)
    spectra = segment_spectra(segments, job.cache, job.jobs)
    scale = SpectrumScale.of(spectra[:train_rows])
    scaled = [scale.apply(spectrum) for spectrum in spectra]
    vectors = pretrained_vectors(pretrained_encoder, scaled)
    imitation_set = ImitationSet(segments[:train_rows], scaled[:train_rows], vectors[:train_rows])
    encoder = train_encoder(job.recipe, imitation_set, pretrained_encoder, job.run, job.seed)
    initial_model.encoder.set_weights(encoder.get_weights())
    return vectors


def _load_parent_weights(model: StreamingSer, parent: Run) -> None:
    """Take the encoder of an earlier run's model, and the heads if the architectures are equal.

    Raises
    ------
    UsageError
        The encoder there is of another shape.
    """
    earlier = keras.models.load_model(load_bundle(parent.bundle).folder / TRAINING_MODEL)
    try:
        model.encoder.set_weights(earlier.encoder.get_weights())
    except ValueError as error:
        raise UsageError(
            f"The encoder of {parent.folder} has another architecture than this recipe's; give "
            "both the same."
        ) from error
    if earlier.architecture == model.architecture:
        model.head.set_weights(earlier.head.get_weights())


def _fit_labels(job: Job[StreamingRecipe], prepared: _PreparedData, name: str) -> StreamingSer:
    """Fit the labels, by the heads and then by the whole network."""
    recipe = job.recipe
    model = assemble_model(recipe, prepared.initial_model.encoder, prepared.initial_model.head)
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
            network = new_model(recipe.architecture)
        network.set_weights(model.get_weights())
        model.set_weights(train_whole(network, training_set).get_weights())
    return model


def _train_heads(
    heads: Heads, job: Job[StreamingRecipe], prepared: _PreparedData, name: str
) -> None:
    """Fit each head to the labels and, if there are any, to soft targets of distillation heads."""
    stage = job.recipe.head

    def training_set(
        segments: Sequence[LabelledSegment], name: str, seed: int, stage: HeadStage = stage
    ) -> LabelTrainingSet:
        fit_stage = stage.model_copy(update=_epochs_from_selection(job, stage, name))
        return LabelTrainingSet(fit_stage, *prepared.split(segments), job.run, name, seed)

    labelled_segments = label_segments(prepared.segments, prepared.encoded)
    if prepared.pretrained_vectors is not None:
        pretrained_segments = label_segments(prepared.segments, prepared.pretrained_vectors)
        distillation_heads = []
        for k in range(1, stage.teachers + 1):
            keras.utils.set_random_seed(job.seed + k)
            untrained_head = Head(job.recipe.architecture)
            untrained_head.build(None)
            head_set = training_set(pretrained_segments, f"{name}-teacher-{k}", job.seed + k)
            distillation_heads.append(train_head(untrained_head, head_set))
        labelled_segments = with_soft_targets(
            labelled_segments,
            distillation_heads,
            prepared.pretrained_vectors,
            stage.distillation,
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
    """Stage of the heads of statistics, whose few steps weigh alike."""
    epochs = stage.statistics_epochs or stage.epochs
    update = {"epochs": epochs, "joined": 0.0, "prefix_ramp_s": STEP_S}
    return stage.model_copy(update=update)


def _epochs_from_selection(
    job: Job[StreamingRecipe], stage: LabelStage, name: str
) -> dict[str, int]:
    """Epochs of a refit with early stopping: the median best epoch of the selection runs."""
    if stage.patience is None or not name.startswith(REFIT):
        return {}
    runs = job.fold_runs or [job.run]
    histories = [run.history().get(name.replace(REFIT, SELECTION, 1)) for run in runs]
    best = [min(epochs, key=lambda values: values["val_loss"]) for epochs in histories if epochs]
    return {"epochs": round(np.median([values["epoch"] for values in best]))} if best else {}


def _train_clips(job: Job[StreamingRecipe]) -> list[Clip]:
    """Training and validation clips."""
    return [*job.parts["train"], *job.parts["validation"]]


def _label_set(job: Job[StreamingRecipe]) -> tuple[str, ...]:
    """Classes of the corpora of these clips, in the order of ``LABELS``."""
    present = {label for clip in _train_clips(job) for label in clip.classes}
    return tuple(label for label in LABELS if label in present)


def _restrict_outputs(model: StreamingSer, labels: Sequence[str]) -> StreamingSer:
    """Model with the outputs of these labels alone: the others were not trained."""
    return with_outputs(model, [LABELS.index(label) for label in labels])


def _calibrate(
    recipe: StreamingRecipe,
    logits: NDArray[np.float32],
    segments: Sequence[GatedSegment],
    model_labels: Sequence[str],
) -> tuple[float, float]:
    """Temperature, and the confidence that the share ``recipe.certainty`` of segments reaches."""
    labels = np.array([model_labels.index(segment.clip.label) for segment in segments])
    masks = np.stack([class_mask(segment.clip.classes, model_labels) == 0 for segment in segments])
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
    """Provenance of the parent run, with the corpora of its own parents."""
    record = parent.record
    earlier = load_bundle(parent.bundle).manifest.recipe.get("start") or {}
    return {
        "name": record.recipe_name,
        "changes": list(record.changes),
        "sha256": record.recipe_sha256,
        "fold": record.fold,
        "seed": record.seed,
        "corpora": sorted({*record.data["train"], *earlier.get("corpora", ())}),
        "pretrained": record.recipe["encoder"]["pretrained"] or earlier.get("pretrained", False),
    }
