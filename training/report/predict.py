"""Predictions of a model for audio files, as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import ReadNote
from realtime_ser.base.errors import AudioFileError
from realtime_ser.base.labels import EMOJI
from realtime_ser.recogniser.bundle import Bundle, load_bundle
from training.measure.clip_results import posterior
from training.measure.live_path import analyse, segment_results
from training.run_folder import RECORD, Run
from training.sound.recordings import samples_16k

_TOP_LABELS = 3

PredictFunction: TypeAlias = Callable[[Path], NDArray[np.floating] | None]
"""Probabilities over a model's labels, shape ``(labels,)``; ``None`` without speech."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model, whatever its kind.

    Attributes
    ----------
    labels
        Labels of the model.
    analyse
        Function that gives the predictions for a recording.
    """

    labels: tuple[str, ...]
    analyse: PredictFunction


def predict(target: Path | str, files: Sequence[Path]) -> Iterator[str]:
    """Predictions for audio files, a line of text for each file.

    A file that cannot be read gets a line with the reason.

    Parameters
    ----------
    target
        Folder of a run or of a bundle, or the name of a shipped bundle.
    files
        Recordings, of which the first channel is used.

    Yields
    ------
    str
        A line for each file: label, emoji and per cent of the three most probable.

    Raises
    ------
    SerError
        There is no such model.
    AudioFileError
        At the end, where files could not be read, or a single one lacks sound.
    """
    predictor = load_predictor(target)
    width = max(len(str(file)) for file in files)
    unread, lacking = 0, list[str]()
    for file in files:
        try:
            text = _format_prediction(predictor, file)
            notes = _notes(file)
            text = "; ".join([text, *(note.text for note in notes)])
            lacking += [note.sentence(file) for note in notes if note.lacks_sound]
        except AudioFileError as error:
            unread += 1
            text = f"not read: {error}"
        yield f"{file!s:<{width}}  {text}"
    if unread:
        raise AudioFileError(
            f"{unread} of {len(files)} files could not be read; the lines above say why."
        )
    if len(files) == 1 and lacking:
        raise AudioFileError(" ".join(lacking))


def _notes(file: Path) -> tuple[ReadNote, ...]:
    """What is wrong with a file, which is known when it was read to its end."""
    source = FileSource(file)
    for _ in source.blocks(1.0):
        pass
    return source.notes


def _format_prediction(predictor: Predictor, file: Path) -> str:
    probabilities = predictor.analyse(file)
    if probabilities is None:
        return "no speech"
    order = np.argsort(-probabilities, kind="stable")[:_TOP_LABELS]
    return "   ".join(
        f"{EMOJI[label]} {label:<9} {probabilities[k]:4.0%}"
        for k, label in ((int(k), predictor.labels[k]) for k in order)
    )


def load_predictor(target: Path | str) -> Predictor:
    """Load a run's or a bundle's model.

    Raises
    ------
    SerError
        There is none, or it is damaged.
    """
    folder = Path(target)
    if not (folder / RECORD).exists():
        return _streaming_predictor(load_bundle(str(target)))
    run = Run(folder)
    if run.record.kind == "streaming":
        return _streaming_predictor(load_bundle(run.bundle))
    # Keras and librosa take seconds to load.
    from training.offline.model import load_offline

    model = load_offline(run)

    def whole(file: Path) -> NDArray[np.floating]:
        probabilities: NDArray[np.floating] = model.predict([file])[0]
        return probabilities

    return Predictor(model.labels, whole)


def _streaming_predictor(bundle: Bundle) -> Predictor:
    everything = np.arange(len(bundle.labels))

    def live(file: Path) -> NDArray[np.floating] | None:
        return posterior(
            segment_results(analyse(bundle, samples_16k(file, partial=True))), everything
        )

    return Predictor(bundle.labels, live)
