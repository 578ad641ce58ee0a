"""Predictions of a run as a CSV table, a row for each clip."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.errors import UsageError, reason_text
from realtime_ser.base.files import writing
from training.measure.clip_results import Evaluation, posterior

_CLIP_COLUMNS = ("corpus", "clip", "speaker", "label", "answer")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Prediction for a clip: a row of the table.

    Attributes
    ----------
    corpus, clip, speaker, label
        Name of the corpus, name of the clip, speaker, and intended label.
    answer
        Most probable of the classes of the clip's corpus, which is scored; empty without speech.
    probabilities
        Over all of the model's labels, shape ``(labels,)``; ``None`` without speech.
    """

    corpus: str
    clip: str
    speaker: str
    label: str
    answer: str
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions for clips over the model's labels."""

    labels: tuple[str, ...]
    rows: tuple[Prediction, ...]


def predictions_of(evaluation: Evaluation) -> Predictions:
    """Predictions of an evaluation, in the order of the clips."""
    everything = np.arange(len(evaluation.labels))
    rows = []
    for result in evaluation.results:
        clip = result.clip
        class_indices = np.array([evaluation.labels.index(label) for label in clip.classes])
        own = posterior(result.segments, class_indices)
        answer = "" if own is None else clip.classes[int(np.argmax(own))]
        distribution = posterior(result.segments, everything)
        rows.append(
            Prediction(clip.corpus, clip.name, clip.speaker, clip.label, answer, distribution)
        )
    return Predictions(evaluation.labels, tuple(rows))


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the table.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    advice = "make room, and run the command again"
    with writing(path, advice), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_CLIP_COLUMNS, *predictions.labels])
        writer.writerows(_cells(row, len(predictions.labels)) for row in predictions.rows)


def _cells(row: Prediction, labels: int) -> Sequence[str]:
    distribution = row.probabilities
    shares = [""] * labels if distribution is None else [f"{share:.6f}" for share in distribution]
    return [row.corpus, row.clip, row.speaker, row.label, row.answer, *shares]


def read_predictions(path: Path) -> Predictions:
    """Read the table.

    Raises
    ------
    UsageError
        The file is missing, or is no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            header = tuple(reader.fieldnames or ())
            if header[: len(_CLIP_COLUMNS)] != _CLIP_COLUMNS:
                raise UsageError(
                    f"{path} is no table of predictions; run the same recipe again, and it is "
                    "written anew."
                )
            labels = header[len(_CLIP_COLUMNS) :]
            return Predictions(labels, tuple(_row(cells, labels) for cells in reader))
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{path} cannot be read ({reason_text(error)}); run the same recipe again, and it goes "
            "on."
        ) from error


def _row(cells: dict[str, str], labels: Sequence[str]) -> Prediction:
    if None in cells or None in cells.values():
        raise ValueError("a row has other columns than the header")
    shares = [cells[label] for label in labels]
    distribution = np.array([float(share) for share in shares]) if all(shares) else None
    corpus, clip, speaker, label, answer = (cells[column] for column in _CLIP_COLUMNS)
    return Prediction(corpus, clip, speaker, label, answer, distribution)
