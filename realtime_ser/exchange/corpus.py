"""Corpus of the labelled speech of sessions: clips in a folder for each label, to train on.

Labels of a person go before labels of the model: the intervals of the tier ``corrected segments``,
and those of any other tier whose label is one of the eight emotions. Segments that nobody corrected
carry the model's own guesses, and are taken only on demand. ``LABEL/SPEAKER`` holds the clips, one
channel each, and ``metadata.csv`` has the origin of each clip.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from realtime_ser.audio.seekable import seekable_file
from realtime_ser.base.errors import FileTakenError, SerError
from realtime_ser.base.files import cannot_write, draft_path, numbered_path
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import Segment
from realtime_ser.exchange.audio import require_sound
from realtime_ser.session import csv_rows
from realtime_ser.session.corrections import corrections, overlap_mostly, overlap_s
from realtime_ser.session.store import Interval, SessionInfo, Store
from realtime_ser.session.store.values import CORRECTED

METADATA = "metadata.csv"
HEADER = [
    *("file", "speaker", "label", "by", "session", "channel"),
    *("start_s", "end_s", "model_label", "study", "participant", "condition"),
]
"""Columns of the table; ``by`` is ``hand`` or ``model``."""

UNKNOWN = "unknown"
"""Speaker of all clips whose speaker is unknown, so that nobody counts as two speakers."""

_SHORTEST_S = 0.3


@dataclass(frozen=True, slots=True)
class CorpusRequest:
    """Request for a corpus.

    Attributes
    ----------
    to
        The folder, which must be empty or not exist yet.
    channel
        Number or name of the only channel to take; ``None``: all channels.
    uncorrected
        Whether segments that nobody corrected are taken too, with the model's label.
    """

    to: Path
    channel: str | None = None
    uncorrected: bool = False


@dataclass(frozen=True, slots=True)
class CorpusFolder:
    """A written corpus: the number of clips of each label, and why sessions were left out."""

    folder: Path
    clips: dict[str, int]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _LabelledClip:
    """A labelled stretch of a channel."""

    channel: int
    start_s: float
    end_s: float
    label: str
    by_hand: bool
    model_label: str


def export_corpus(
    store: Store,
    sessions: Sequence[SessionInfo],
    request: CorpusRequest,
    advance: Callable[[float], None] = lambda _: None,
) -> CorpusFolder:
    """Write the labelled speech of sessions as a corpus, whole or not at all.

    Sessions without sound are left out. ``advance`` is told from time to time what share is done.

    Raises
    ------
    SerError
        No clip could be written; the sentence has the reason.
    OutputError
        The folder is not empty, or cannot be written.
    """
    if request.to.exists() and (not request.to.is_dir() or any(request.to.iterdir())):
        raise FileTakenError(f"{request.to} exists already: choose another name, or empty it.")
    draft = draft_path(request.to)
    left_out: list[str] = []
    rows: list[list[str]] = []
    try:
        draft.mkdir(parents=True)
        for number, info in enumerate(sessions):
            try:
                audio = require_sound(info)
                clips = list(_clips(store, info, request))
            except SerError as error:
                left_out.append(str(error))
            else:
                with seekable_file(audio) as readable:
                    for index, clip in enumerate(clips):
                        rows += _write(info, clip, readable, request, draft)
                        advance((number + (index + 1) / len(clips)) / len(sessions))
            advance((number + 1) / len(sessions))
        if rows:
            csv_rows.write_table(draft / METADATA, [HEADER, *rows])
            if request.to.exists():
                request.to.rmdir()
            draft.replace(request.to)
    except (OSError, soundfile.SoundFileError) as error:
        raise cannot_write(request.to, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not rows:
        raise SerError(left_out[0] if left_out else "There is no sound of what was labelled.")
    counts = {label: sum(row[2] == label for row in rows) for label in LABELS}
    return CorpusFolder(
        request.to, {label: number for label, number in counts.items() if number}, tuple(left_out)
    )


def _clips(store: Store, info: SessionInfo, request: CorpusRequest) -> Iterator[_LabelledClip]:
    """Clips of a session in order of time; an error where there are none."""
    intervals = store.intervals(info.id)
    intervals.sort(key=lambda interval: interval.tier != CORRECTED)  # stable: by time in each
    found: list[_LabelledClip] = []
    for channel in info.channels:
        if request.channel not in (None, str(channel.number), channel.name):
            continue
        segments = store.segments(info.id, channel.number)
        found += _labelled(info, channel.number, segments, intervals, request)
    if not found:
        raise SerError(
            f"Nothing in the session {info.id} was labelled by hand with one of the eight "
            "emotions: correct its segments first, or take the uncorrected ones too."
        )
    yield from sorted(found, key=lambda clip: (clip.start_s, clip.channel))


def _labelled(
    info: SessionInfo,
    channel: int,
    segments: Sequence[Segment],
    intervals: Sequence[Interval],
    request: CorpusRequest,
) -> list[_LabelledClip]:
    """Labelled stretches of a channel."""
    several = len(info.channels) > 1
    found: list[_LabelledClip] = []
    covered: list[Interval] = []
    for interval in intervals:
        label = interval.label.strip().casefold()
        if interval.channel not in (None, channel):
            continue
        if interval.tier != CORRECTED and label not in LABELS:
            continue
        if any(overlap_mostly(interval, other) for other in covered):
            continue
        heard = max(segments, key=lambda one: overlap_s(interval, one), default=None)
        if heard is not None and not overlap_s(interval, heard):
            heard = None
        if interval.channel is None and several and heard is None:
            continue  # it is about another channel's speech
        covered.append(interval)
        # A segment that was given another label, or none, is no clip, and not the model's either.
        if label in LABELS and interval.end_s - interval.start_s >= _SHORTEST_S:
            model_label = "" if heard is None else heard.estimate.label
            span = (interval.start_s, interval.end_s)
            found.append(
                _LabelledClip(channel, *span, label, by_hand=True, model_label=model_label)
            )
    if request.uncorrected:
        corrected = corrections(segments, covered)
        found += [
            _LabelledClip(channel, one.start_s, one.end_s, name, by_hand=False, model_label=name)
            for one in segments
            if (name := one.estimate.label) in LABELS
            and one.end_s - one.start_s >= _SHORTEST_S
            and (channel, one.number) not in corrected
        ]
    return found


def _write(
    info: SessionInfo, clip: _LabelledClip, audio: Path, request: CorpusRequest, folder: Path
) -> list[list[str]]:
    """Write a clip, and return its row; none where the sound has ended."""
    with soundfile.SoundFile(audio) as source:
        rate, first = source.samplerate, round(clip.start_s * source.samplerate)
        source.seek(min(first, source.frames))
        samples = source.read(round(clip.end_s * rate) - first, dtype="int16", always_2d=True)
    if len(samples) < _SHORTEST_S * rate:
        return []
    speaker = _speaker(info, clip.channel, alone=request.channel is not None)
    place = folder / clip.label / _file_name(speaker)
    place.mkdir(parents=True, exist_ok=True)
    name = f"{info.id}_{clip.channel}_{round(1000 * clip.start_s):08d}.wav"
    path = numbered_path(place / name, Path.exists)
    soundfile.write(path, samples[:, clip.channel - 1], rate, "PCM_16")
    study = info.metadata.study
    row = [
        path.relative_to(folder).as_posix(),
        *map(csv_rows.plain_text, (speaker, clip.label)),
        "hand" if clip.by_hand else "model",
        info.id,
        csv_rows.channel_cell(clip.channel, info.metadata.names),
        f"{clip.start_s:.3f}",
        f"{clip.end_s:.3f}",
        clip.model_label,
        *map(csv_rows.plain_text, (study.name, study.participant, study.condition)),
    ]
    return [row]


def _speaker(info: SessionInfo, channel: int, *, alone: bool) -> str:
    """Speaker of a channel: the participant, if the channel must be theirs, or its name."""
    participant = info.metadata.study.participant
    if participant and (alone or len(info.channels) == 1):
        return participant
    return info.metadata.names.get(channel) or UNKNOWN


def _file_name(text: str) -> str:
    """Text as a name of a folder that every system allows."""
    return re.sub(r"[^\w .-]", "_", text).strip(" .") or UNKNOWN
