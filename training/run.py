"""A whole run: corpora in, a measured bundle out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax  # type: ignore[import-untyped]

from realtime_ser.labels import LABELS
from realtime_ser.model import Bundle, Manifest, load_bundle
from training.architecture import Head, StreamingSer
from training.batches import class_mask
from training.card import write_card
from training.clips import GatedSegment, gated_segments
from training.corpora import Clip, read_corpora
from training.evaluate import evaluate_bundle, scores
from training.export import export_bundle, write_manifest
from training.folds import Part, joint_fold, part_of
from training.imitation import Lesson, encode, teacher_vectors, train_encoder
from training.labelling import assemble, labelled, logits_at_results, train_head, with_answers
from training.metrics import certainty_threshold, fit_temperature
from training.recipe import Recipe, RecipeFile
from training.teacher import Scale, load_teacher, segment_spectra

EVALUATION = "evaluation.json"

_LEARNED_FROM: tuple[Part, ...] = ("train", "validation")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run reads and writes.

    Attributes
    ----------
    corpora
        Folder of the corpora.
    teacher
        Weights of the pretrained encoder.
    run
        Checkpoints, cache and results of this run.
    bundle
        Where the bundle is written.
    """

    corpora: Path
    teacher: Path
    run: Path
    bundle: Path

    @property
    def cache(self) -> Path:
        """Gated clips, shared by all runs beside this one."""
        return self.run.parent / "cache"


def run(file: RecipeFile, places: Places, *, seed: int = 0, jobs: int = 1) -> dict[str, Any]:
    """Train, export and measure a recipe; an interrupted run goes on where it stopped.

    Parameters
    ----------
    file
        The recipe.
    places
        Where to read and write.
    seed
        Of everything that is drawn.
    jobs
        Processes that prepare and listen to clips.

    Returns
    -------
    dict
        Scores on the test speakers, as :func:`training.evaluate.scores` gives them.
    """
    recipe = file.recipe
    clips = _clips_by_part(recipe, places.corpora)
    segments: dict[Part, list[GatedSegment]] = {
        part: gated_segments(clips[part], recipe.features, recipe.gate, places.cache, jobs)
        for part in _LEARNED_FROM
    }
    model, temperature, threshold = _train(recipe, segments, places, seed=seed, jobs=jobs)
    manifest = Manifest(
        name=recipe.name,
        version=recipe.version,
        labels=LABELS,
        features=recipe.features,
        gate=recipe.gate,
        states={},
        temperature=temperature,
        certainty_threshold=threshold,
        recipe={"name": file.path.stem, "sha256": file.digest, "fold": recipe.fold, "seed": seed},
        corpora=recipe.corpora,
        metrics={},
        files={},
    )
    export_bundle(model, manifest, places.bundle)
    return measure(load_bundle(places.bundle), clips["test"], jobs=jobs)


def _train(
    recipe: Recipe,
    segments: Mapping[Part, list[GatedSegment]],
    places: Places,
    *,
    seed: int,
    jobs: int,
) -> tuple[StreamingSer, float, float]:
    """The model, and the temperature and threshold that the validation speakers gave."""
    learners, everybody = len(segments["train"]), [*segments["train"], *segments["validation"]]
    teacher = load_teacher(places.teacher)
    spectra = segment_spectra(everybody, places.cache, jobs)
    scale = Scale.of(spectra[:learners])
    scaled = [scale.apply(spectrum) for spectrum in spectra]
    vectors = teacher_vectors(teacher, scaled)
    lesson = Lesson(everybody[:learners], scaled[:learners], vectors[:learners])
    encoder = train_encoder(recipe, lesson, teacher, places.run, seed)

    heard, encoded = labelled(everybody, vectors), labelled(everybody, encode(encoder, everybody))

    def head(name: str, count: int) -> Head:
        """A head taught by the first ``count`` segments, and by teachers that heard the same."""
        teachers = [
            train_head(recipe, heard[:count], places.run, f"{name}-teacher-{k}", seed + k)
            for k in range(1, recipe.head.teachers + 1)
        ]
        pupils = with_answers(encoded[:count], teachers, vectors[:count])
        return train_head(recipe, pupils, places.run, name, seed)

    model = assemble(recipe, encoder, head("selection", learners))
    temperature, threshold = _calibrate(recipe, model, segments["validation"])
    if recipe.refit:
        model = assemble(recipe, encoder, head("refit", len(everybody)))
    return model, temperature, threshold


def measure(bundle: Bundle, clips: Sequence[Clip], *, jobs: int) -> dict[str, Any]:
    """Evaluate a bundle, and write its figures into the bundle and its card."""
    evaluation = evaluate_bundle(bundle, clips, jobs=jobs)
    result = scores(evaluation)
    text = json.dumps(result, indent=2) + "\n"
    (bundle.folder / EVALUATION).write_text(text, encoding="utf-8")
    headline = {name: round(corpus["uar"], 4) for name, corpus in result["corpora"].items()}
    write_manifest(bundle.manifest.model_copy(update={"metrics": {"uar": headline}}), bundle.folder)
    write_card(load_bundle(bundle.folder), result)
    return result


def test_clips(recipe: Recipe, corpora: Path) -> list[Clip]:
    """Clips of the speakers that the recipe's fold withholds."""
    return _clips_by_part(recipe, corpora)["test"]


def _clips_by_part(recipe: Recipe, corpora: Path) -> Mapping[Part, list[Clip]]:
    fold = joint_fold(recipe.fold)
    parts: dict[Part, list[Clip]] = {"train": [], "validation": [], "test": []}
    for contents in read_corpora(corpora, recipe.corpora):
        for clip in contents.clips:
            parts[part_of(clip, fold)].append(clip)
    return parts


def _calibrate(
    recipe: Recipe, model: StreamingSer, segments: Sequence[GatedSegment]
) -> tuple[float, float]:
    """Temperature, and the confidence that the asked-for share of segments reaches."""
    logits = logits_at_results(model, segments)
    labels = np.array([LABELS.index(segment.clip.label) for segment in segments])
    masks = np.stack([class_mask(segment.clip.corpus) == 0 for segment in segments])
    temperature = fit_temperature(logits, labels, masks)
    confidences = softmax(logits / temperature, axis=1).max(axis=1)
    return temperature, certainty_threshold(confidences, recipe.certainty)
