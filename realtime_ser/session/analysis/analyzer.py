"""Analysis of files one after another, with a model that is loaded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.notes import NoteKind, ReadNote
from realtime_ser.audio.resample import Resampler
from realtime_ser.audio.samples import silenced
from realtime_ser.base.config import Config, GateConfig
from realtime_ser.base.errors import OutputError, SerError, StoreError
from realtime_ser.base.records import Estimate, Quality, Segment
from realtime_ser.engine.model_choice import for_files
from realtime_ser.recogniser.gate import GATE_FRAME, Onset, SpeechGate
from realtime_ser.recogniser.profiles import chosen_model
from realtime_ser.session.analysis.files import Advance, FileModel, analyse_file
from realtime_ser.session.analysis.inputs import InputFile
from realtime_ser.session.analysis.intervals import (
    IntervalSummary,
    ReadIntervals,
    summarise_intervals,
)
from realtime_ser.session.statistics import SegmentTally
from realtime_ser.session.store import SessionInfo, Store

_BLOCK_S = 1.0
_ENOUGH = 100
"""Voiced gate frames, 2 s of them, after which a channel need not be heard further."""

_MOST_CHANNELS = 8

ExportResult: TypeAlias = Callable[[Store, SessionInfo, InputFile, "Outcome"], None]
"""Writes the tables of a file from its session; processes are given it by name."""


@dataclass(frozen=True)
class AnalysisSettings:
    """Settings that all files of an analysis share.

    Attributes
    ----------
    config
        All settings.
    folder
        Temporary folder for the store of the sessions; removed when the program ends.
    classes
        Labels to which the probabilities are restricted and renormalised; empty: all.
    export
        Called with the session of each file.
    keep
        Whether the sessions stay in ``folder`` when they have been exported.
    read_intervals
        Reads the intervals of the files that have some.
    mixed
        Whether the mean of all channels is heard as one channel.
    """

    config: Config
    folder: Path
    classes: tuple[str, ...] = ()
    export: ExportResult | None = None
    keep: bool = False
    read_intervals: ReadIntervals | None = None
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class SpeechSummary:
    """Summary of all segments of a file, or of one of its channels.

    Attributes
    ----------
    speech_s
        Time of the speech steps, in seconds.
    segments
        Number of segments.
    estimate
        Mean of the segments' results, weighted by voiced duration; ``None``: none counts.
    shares, certain_share
        Share of the voiced duration whose segments carry a label, the largest first, and whose
        segments are certain.
    left_out_s
        Voiced duration in no share, as its sound was not usable, in seconds by its quality.
    quality
        Quality of the sound for most of the voiced duration.
    voiced_s
        Voiced duration that counts in the shares, in seconds.
    """

    speech_s: float = 0.0
    segments: int = 0
    estimate: Estimate | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    certain_share: float | None = None
    left_out_s: Mapping[Quality, float] = field(default_factory=dict)
    quality: Quality = Quality.UNMEASURED
    voiced_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a file: a row of the summary.

    Attributes
    ----------
    file
        Path of the file, as given or found.
    duration_s
        Length of the file, in seconds.
    speech
        Summary of the speech in all channels; ``None`` where the file could not be analysed.
    error
        Reason why the file could not be analysed; one sentence.
    notes
        Notes on the sound.
    session
        ID of the session, where sessions stay.
    channels
        Summaries of the channels by their numbers, where several were analysed: two people are not
        to be mixed.
    intervals
        Summaries of the intervals that a person brought.
    unwritten
        Whether the disk refused the results, so that the error is none of the file.
    """

    file: str
    duration_s: float | None = None
    speech: SpeechSummary | None = None
    error: str | None = None
    notes: tuple[ReadNote, ...] = ()
    session: str | None = None
    channels: Mapping[int, SpeechSummary] = field(default_factory=dict)
    intervals: tuple[IntervalSummary, ...] = ()
    unwritten: bool = False


class Analyzer:
    """Analyser of files in a process; ``settings`` are those that it was made with.

    Raises
    ------
    SerError
        The model or the profile cannot be used, or the model lacks one of the classes.
    """

    def __init__(self, settings: AnalysisSettings) -> None:
        self.settings = settings
        self._resources = ExitStack()
        config = for_files(settings.config)
        self._model = FileModel(config, *chosen_model(config, settings.classes))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the probabilities, in order."""
        return self._model.decoder.labels

    @property
    def model(self) -> FileModel:
        """Model and settings of the results."""
        return self._model

    @cached_property
    def _store(self) -> Store:
        """Shared store of the sessions that stay, or else a store of this process alone."""
        folder, keep = self.settings.folder, self.settings.keep
        folder = folder if keep else folder / str(os.getpid())
        return self._resources.enter_context(Store(folder, temporary=True))

    def close(self) -> None:
        """Let go of the store."""
        self._resources.close()

    def analyze(self, item: InputFile, advance: Advance) -> Outcome:
        """Analyse a file; ``advance`` is called from time to time with the share that is done."""
        name = item.title
        if item.error is not None:
            return Outcome(name, error=item.error)
        try:
            source = FileSource(item.path, mixed=self.settings.mixed)
            passing = not self.settings.keep
            with self._store.passing() if passing else nullcontext():
                info = analyse_file(self._store, self._model, source, advance, passing=passing)
                outcome = self._outcome(item, info, source)
                if self.settings.export is not None:
                    self.settings.export(self._store, info, item, outcome)
                return outcome
        except StoreError as error:
            words = (
                f"{name} cannot be analysed: the temporary folder {self.settings.folder} takes no "
                f"more ({error.__cause__}); make room there, or name another as TMPDIR."
            )
            return Outcome(name, error=words, unwritten=True)
        except OutputError as error:
            return Outcome(name, error=item.told(str(error)), unwritten=True)
        except SerError as error:
            return Outcome(name, error=item.told(str(error)))
        except Exception as error:  # noqa: BLE001 - the other files go on, and the row says it
            return Outcome(name, error=f"{name} cannot be analysed: {error!r}.")

    def _outcome(self, item: InputFile, info: SessionInfo, source: FileSource) -> Outcome:
        speech = self._summary(info.speech_s, self._store.segments(info.id))
        notes, config = source.notes, self.settings.config
        if speech.estimate is None and source.info.channels > len(config.audio.channels):
            notes += _voice_elsewhere(source.path, config.audio.channels, config.gate)
        return Outcome(
            item.title,
            source.info.duration_s,
            speech,
            notes=notes,
            session=info.id if self.settings.keep else None,
            channels={
                channel.number: self._summary(
                    channel.speech_s, self._store.segments(info.id, channel.number)
                )
                for channel in (info.channels if len(info.channels) > 1 else ())
            },
            intervals=self._intervals(item, info),
        )

    def _intervals(self, item: InputFile, info: SessionInfo) -> tuple[IntervalSummary, ...]:
        read = self.settings.read_intervals
        if item.intervals is None or read is None:
            return ()
        given = read(item.intervals)
        return tuple(summarise_intervals(self._store, info, self._model.decoder, given))

    def _summary(self, speech_s: float, segments: Sequence[Segment]) -> SpeechSummary:
        tally = SegmentTally.of(segments)
        mean = tally.probabilities
        return SpeechSummary(
            speech_s,
            tally.segments,
            None if mean is None else self._model.decoder.estimate(mean),
            tally.shares,
            tally.certain_share,
            tally.left_out_s,
            tally.quality,
            tally.voiced_s,
        )


# ------------------------------------------------------------------------- voice on other channels


def _voice_elsewhere(path: Path, chosen: Sequence[int], gate: GateConfig) -> tuple[ReadNote, ...]:
    """A note that names the channels with a voice other than ``chosen``, if there are any."""
    source = FileSource(path)
    others = [n for n in range(1, source.info.channels + 1) if n not in chosen][:_MOST_CHANNELS]
    listeners = [_Listener(number, source.info.native_rate, gate) for number in others]
    for block in source.blocks(_BLOCK_S):
        waiting = [listener for listener in listeners if listener.voiced < _ENOUGH]
        if not waiting:
            break
        for listener in waiting:
            listener.push(block)
    found = [listener.channel for listener in listeners if listener.has_voice]
    if not found:
        return ()
    numbers = ",".join(map(str, found))
    text = (
        f"has no speech on {_named(chosen)}, but a voice on {_named(found)}: add --channels "
        f"{numbers}"
    )
    return (ReadNote(NoteKind.CHANNEL, text),)


def _named(numbers: Sequence[int]) -> str:
    return f"channel{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


class _Listener:
    """The speech gate on one channel."""

    def __init__(self, channel: int, rate: int, gate: GateConfig) -> None:
        self.channel = channel
        self.voiced = 0
        self.has_voice = False
        self._resampler = Resampler(rate)
        self._gate = SpeechGate(gate)
        self._rest = np.empty(0, np.float32)

    def push(self, block: NDArray[np.float32]) -> None:
        """Take the next samples of all channels."""
        samples = self._resampler.push(silenced(block[:, self.channel - 1]))
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // GATE_FRAME * GATE_FRAME
        frames = self._gate.push(sound[:whole])
        self.voiced += sum(frame.voiced for frame in frames)
        self.has_voice |= any(isinstance(frame.event, Onset) for frame in frames)
        self._rest = sound[whole:]
