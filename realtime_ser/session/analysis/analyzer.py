"""One file after another through the pipeline; the model is loaded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import ReadNote, note_fields
from realtime_ser.audio.source import SourceInfo, require_channels
from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Estimate, Segment, Update
from realtime_ser.base.text import printable
from realtime_ser.recogniser.pipeline import ChannelPipeline, Pipeline
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.session.analysis.inputs import InputFile
from realtime_ser.session.analysis.results import FilePlot, FileTables
from realtime_ser.session.analysis.voice import voice_elsewhere
from realtime_ser.session.profiles.folder import chosen_model
from realtime_ser.session.running_summary import SummaryAccumulator
from realtime_ser.session.sidecar import provenance, source_fields

_BLOCK_S = 1.0

PlotMaker = Callable[[SourceInfo, Sequence[int], Sequence[str]], FilePlot]
"""Begins the picture of a file, given its channels and labels."""


@dataclass(frozen=True)
class AnalysisSettings:
    """What is the same for all files of an analysis.

    Attributes
    ----------
    config
        All settings.
    classes
        Labels to which the probabilities are restricted and renormalised; empty: all.
    plot
        Draws a picture of each file whose results are written.
    """

    config: Config
    classes: tuple[str, ...] = ()
    plot: PlotMaker | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: a row of the summary.

    Attributes
    ----------
    file
        Its path, as it was given or found.
    duration_s, speech_s
        Its length, and the time of its speech steps in all channels.
    estimate
        Its segments' results averaged by voiced duration; ``None`` without speech.
    error
        Why it could not be analysed; one sentence.
    notes
        What else is to be told of its sound.
    """

    file: str
    duration_s: float | None = None
    speech_s: float | None = None
    estimate: Estimate | None = None
    error: str | None = None
    notes: tuple[ReadNote, ...] = ()


class Analyzer:
    """Analyses files.

    Raises
    ------
    SerError
        The model or the profile cannot be used, or the model lacks one of the classes.
    """

    def __init__(self, settings: AnalysisSettings) -> None:
        self._settings = settings
        self._bundle, self._decoder = chosen_model(settings.config, settings.classes)
        self._model = StepModel(self._bundle)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self._decoder.labels

    def analyze(self, item: InputFile, advance: Callable[[float], None]) -> Outcome:
        """Analyse a file; ``advance`` is told from time to time what share is done."""
        name = printable(str(item.path))
        if item.error is not None:
            return Outcome(name, error=item.error)
        tally = SummaryAccumulator()
        try:
            source = FileSource(item.path)
            require_channels(source.info, self._settings.config.audio.channels)
            with self._open_tables(item, source.info) as results:
                for records in self._run_pipelines(source, advance):
                    for record in records:
                        tally.feed(record)
                    if results is not None:
                        results.feed(records)
                outcome = self._outcome(name, source, tally)
                if outcome.estimate is None:
                    outcome = replace(outcome, notes=outcome.notes + self._voice_elsewhere(source))
                if results is not None:
                    results.complete(
                        duration_s=outcome.duration_s,
                        notes=[note_fields(note) for note in outcome.notes],
                    )
        except SerError as error:
            return Outcome(name, error=printable(str(error)))
        except Exception as error:  # noqa: BLE001 - the other files go on, and the row says it
            return Outcome(name, error=f"{name} cannot be analysed: {error!r}.")
        return outcome

    def _voice_elsewhere(self, source: FileSource) -> tuple[ReadNote, ...]:
        config = self._settings.config
        if source.info.channels == len(config.audio.channels):
            return ()
        return voice_elsewhere(source.path, config.audio.channels, config.gate)

    def _run_pipelines(
        self, source: FileSource, advance: Callable[[float], None]
    ) -> Iterator[list[Update | Segment]]:
        rate = source.info.native_rate
        channel_pipelines = [
            ChannelPipeline(self._pipeline(channel), rate)
            for channel in self._settings.config.audio.channels
        ]
        native_position = 0
        for block in source.blocks(_BLOCK_S):
            native_position += len(block)
            yield [
                record
                for channel_pipeline in channel_pipelines
                for record in channel_pipeline.push(block)
            ]
            advance(native_position / rate / (source.info.duration_s or 1.0))
        yield [
            record
            for channel_pipeline in channel_pipelines
            for record in channel_pipeline.finish(native_position)
        ]

    def _pipeline(self, channel: int) -> Pipeline:
        gate = self._settings.config.gate
        return Pipeline(self._bundle, gate, channel, self._decoder, self._model)

    def _open_tables(
        self, item: InputFile, info: SourceInfo
    ) -> AbstractContextManager[FileTables | None]:
        if item.outputs is None:
            return nullcontext()
        channels, make_plot = self._settings.config.audio.channels, self._settings.plot
        sidecar = (
            {"file": printable(str(item.path)), "duration_s": info.duration_s}
            | provenance(self._settings.config, self._bundle, self._decoder)
            | source_fields(info, channels)
            | {"overflows": 0, "dropped_samples": 0}
        )
        plot = None if make_plot is None else make_plot(info, channels, self.labels)
        names = self._settings.config.audio.names
        return FileTables(item.outputs, self.labels, sidecar, plot, names)

    def _outcome(self, name: str, source: FileSource, tally: SummaryAccumulator) -> Outcome:
        channels = tally.summary().values()
        spoken = [(c.probabilities, c.voiced_s) for c in channels if c.probabilities is not None]
        estimate = None
        if spoken:
            probabilities, weights = zip(*spoken, strict=True)
            estimate = self._decoder.estimate(np.average(probabilities, axis=0, weights=weights))
        speech_s = sum(c.speech_s for c in channels)
        return Outcome(name, source.info.duration_s, speech_s, estimate, notes=source.notes)
