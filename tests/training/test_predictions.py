"""Predictions are read as they were written."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_ser.base.errors import OutputError, UsageError
from realtime_ser.base.labels import LABELS
from tests.training.synthetic import synthetic_clips, synthetic_evaluation
from training.measure.clip_results import posterior
from training.measure.predictions import predictions_of, read_predictions, write_predictions
from training.measure.scoring import scores


@pytest.fixture(scope="module")
def answers():
    return synthetic_evaluation(synthetic_clips())


@pytest.fixture
def read(answers, tmp_path):
    write_predictions(tmp_path / "predictions.csv", predictions_of(answers))
    return read_predictions(tmp_path / "predictions.csv")


def test_a_table_is_read_as_it_was_written(answers, read):
    assert read.labels == LABELS
    for row, result in zip(read.rows, answers.results, strict=True):
        clip = result.clip
        assert (row.corpus, row.clip, row.speaker, row.label) == (
            clip.corpus,
            clip.name,
            clip.speaker,
            clip.label,
        )
        said = posterior(result.segments, np.arange(len(LABELS)))
        if said is None:
            assert (row.answer, row.probabilities) == ("", None)
        else:
            assert row.probabilities == pytest.approx(said, abs=1e-6)


def test_the_answers_are_those_that_are_scored(answers, read):
    found = scores(answers)["corpora"]
    for name, own in found.items():
        rows = [row for row in read.rows if row.corpus == name]
        assert {row.answer for row in rows} - {""} <= set(own["confusion"]["classes"])
        right = np.mean([row.answer == row.label for row in rows])
        assert right == pytest.approx(own["accuracy"])


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_predictions(tmp_path / "predictions.csv")


@pytest.mark.parametrize("row", [b"a,b,c,d,e,loud\n", b"a,b\n", b"\xff\xfe\n"])
def test_a_table_that_was_changed_is_told(row, tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_bytes(b"corpus,clip,speaker,label,answer,angry\n" + row)
    with pytest.raises(UsageError, match="cannot be read"):
        read_predictions(path)


def test_a_folder_that_cannot_be_written_is_told(answers, tmp_path):
    with pytest.raises(OutputError, match="make room"):
        write_predictions(tmp_path / "no" / "predictions.csv", predictions_of(answers))
