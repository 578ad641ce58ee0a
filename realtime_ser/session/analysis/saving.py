"""Saves the results of an analysis whose tables lie in a place of passage."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.files import cannot_write
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis import summary
from realtime_ser.session.analysis.analyzer import Outcome
from realtime_ser.session.analysis.inputs import InputFile, find_inputs
from realtime_ser.session.analysis.results import require_free

SUMMARY = "summary.csv"


@dataclass(frozen=True, slots=True)
class AnalyzedFile:
    """A file, where its tables lie, and what came of it."""

    item: InputFile
    outcome: Outcome


def save_results(results: Sequence[AnalyzedFile], labels: Sequence[str], out: Path) -> Path:
    """Write the summary and each file's tables, as ``analyze --out`` does.

    Parameters
    ----------
    results
        All files, in the order of the summary.
    labels
        Labels of the probabilities.
    out
        The folder. Results of an earlier analysis are replaced, nothing else is.

    Returns
    -------
    The summary.

    Raises
    ------
    OutputError
        Something cannot be written, or would replace what is not the result of an analysis.
    """
    path = out / SUMMARY
    summary.check_replaceable(path)
    succeeded = [result for result in results if result.outcome.error is None]
    places = {
        place.path: place.outputs for place in find_inputs([g.item.path for g in succeeded], out)
    }
    for result in succeeded:
        outputs = places[result.item.path]
        assert outputs is not None
        require_free(outputs)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for result in succeeded:
            source, target = result.item.outputs, places[result.item.path]
            assert source is not None
            assert target is not None
            target.folder.mkdir(parents=True, exist_ok=True)
            for source_path, target_path in (
                (source.frames, target.frames),
                (source.segments, target.segments),
                (source.sidecar, target.sidecar),
            ):
                _copy(source_path, target_path)
        draft = path.with_name(f"{path.name}.part")
        with draft.open("w", encoding="utf-8", newline="") as file:
            rows = summary.SummaryRows(csv_rows.csv_writer(file), labels, file)
            for result in results:
                rows.feed(result.outcome)
        draft.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(f"{target.name}.part")
    try:
        shutil.copyfile(source, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
