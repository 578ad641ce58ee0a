"""Clips without sound, evaluations on them, and folders of runs with both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser.base.config import GateConfig
from realtime_ser.base.labels import LABELS
from realtime_ser.recogniser.bundle import Manifest
from realtime_ser.recogniser.features import FeatureParams
from training.corpora import CORPORA, Clip
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.measure.live_path import EARLY_SECONDS
from training.measure.predictions import predictions_of, write_predictions
from training.measure.scoring import scores
from training.recipe import load_recipe
from training.run_folder import HISTORY, PREDICTIONS, RECORD, RESULTS, Run, RunRecord, data_table

SPEAKERS = {"ravdess": ("01", "11", "20"), "crema_d": ("1037", "1038", "1039")}
FILES = {
    "ravdess": "03-01-{emotion}-01-01-01-{speaker}",
    "crema_d": "{speaker}_DFA_{emotion}_XX",
}


def untrained_manifest(features: FeatureParams) -> Manifest:
    """Manifest of a model that nothing was measured of, before its files are written."""
    return Manifest(
        name="test",
        version="0",
        labels=LABELS,
        features=features,
        gate=GateConfig(),
        states={},
        temperature=1.0,
        certainty_threshold=0.5,
        recipe={},
        corpora=(),
        metrics={},
        files={},
    )


def synthetic_clips(suffix: str = ".ogg", corpora: Sequence[str] = tuple(SPEAKERS)) -> list[Clip]:
    """A clip of each emotion by each speaker; in CREMA-D with unanimous votes for the label."""
    found = []
    for name in corpora:
        for speaker in SPEAKERS[name]:
            for code, label in CORPORA[name].emotions.items():
                stem = FILES[name].format(emotion=code, speaker=speaker)
                votes = tuple(float(label == each) for each in LABELS)
                found.append(
                    Clip(
                        corpus=name,
                        path=Path(name, f"{stem}{suffix}"),
                        name=stem,
                        speaker=speaker,
                        label=label,
                        language="en",
                        classes=CORPORA[name].labels,
                        sex="male" if speaker[-1] in "13579" else "female",
                        votes=votes if name == "crema_d" else None,
                    )
                )
    return found


def synthetic_evaluation(
    clips: Sequence[Clip],
    *,
    skill: float = 1.5,
    seed: int = 0,
    labels: Sequence[str] = LABELS,
    streaming: bool = True,
) -> Evaluation:
    """Evaluation whose accuracy grows with the skill; the last clip has no speech."""
    random = np.random.default_rng(seed)
    results = []
    for number, clip in enumerate(clips):
        logits = random.normal(0, 1, len(labels))
        logits[labels.index(clip.label)] += skill
        odds = np.exp(logits)
        segments = (SegmentResult((odds / odds.sum()).astype(np.float32), 50),)
        if number == len(clips) - 1:
            segments = ()
        results.append(
            ClipResult(clip, segments, dict.fromkeys(EARLY_SECONDS, segments) if streaming else {})
        )
    model: dict[str, Any] = {"name": "little", "version": "7.1"}
    if not streaming:
        return Evaluation(tuple(labels), tuple(results), model | {"parameters": 2_772_488})
    info = model | {"certainty_threshold": 0.4}
    return Evaluation(tuple(labels), tuple(results), info, 1.0, 0.4)


def synthetic_history() -> dict[str, list[dict[str, float]]]:
    """History of two stages, of which the first has a validation loss."""
    return {
        "selection": [
            {"epoch": k, "loss": 2.0 / k, "val_loss": 1.0 + abs(k - 3), "learning_rate": 1e-3}
            for k in range(1, 6)
        ],
        "refit": [{"epoch": 1, "loss": 0.5, "learning_rate": 1e-3}],
    }


def synthetic_run(
    folder: Path,
    *,
    recipe: str = "default",
    changes: Sequence[str] = (),
    evaluation: Evaluation | None = None,
    more: Mapping[str, Any] | None = None,
    fold: int = 1,
    seed: int = 0,
) -> Run:
    """Folder of a finished run; ``more`` is added to the figures of the ``evaluation``."""
    file = load_recipe(recipe, changes)
    evaluation = evaluation or synthetic_evaluation(synthetic_clips())
    record = RunRecord(
        recipe=file.recipe.model_dump(mode="json"),
        recipe_name=file.path.stem,
        changes=tuple(changes),
        recipe_sha256=file.digest,
        kind=file.recipe.kind,
        fold=fold,
        seed=seed,
        command=f"realtime-ser-train run {recipe} --folds {fold} --seed {seed}",
        created="2026-01-02T03:04:05+00:00",
        versions={"python": "3.11.7", "keras": "3.12"},
        data=data_table({"train": [], "validation": [], "test": evaluation.clips}),
    )
    run = Run(folder)
    run.write(RECORD, record.model_dump_json())
    run.write_json(HISTORY, synthetic_history())
    run.write_json(RESULTS, {**scores(evaluation), **(more or {})})
    write_predictions(run.folder / PREDICTIONS, predictions_of(evaluation))
    return run
