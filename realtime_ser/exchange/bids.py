"""BIDS: a session as derivative data of a participant (BIDS 1.10, behavioural recordings).

Below the folder lie ``derivatives/realtime-ser/sub-CODE/ses-MOMENT/beh/``: segments, markers and
intervals as ``_events.tsv``, and the steps of each channel as a ``_physio.tsv.gz`` without header,
each with a JSON that describes its columns. A second session joins the same dataset.
"""

from __future__ import annotations

import gzip
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from realtime_ser import __version__
from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.records import STEP_S, SegmentVoice
from realtime_ser.base.text import one_line
from realtime_ser.exchange.tiers import MARKED, MARKERS, SEGMENTS
from realtime_ser.session.metadata import json_text
from realtime_ser.session.statistics import labels_by_hand
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.content import annotation_text

_VERSION = "1.10.0"
_MISSING = "n/a"

_EVENT_COLUMNS: Mapping[str, str] = {
    "onset": "Start in seconds from the start of the session.",
    "duration": "Length in seconds; 0 is a moment.",
    "trial_type": "Kind of the event: a segment of speech, a marker, or a tier of intervals.",
    "channel": "Channel of the session; n/a: all.",
    "label": "Most probable label of a segment, that of a person where one corrected it, or the "
    "label that a person gave to an interval.",
    "confidence": "Calibrated probability of the label of a segment.",
    "certain": "1: the confidence reaches the threshold of the model.",
    "quality": "Whether the sound of a segment can carry a result.",
    "corrected": "Label that a person gave to the segment in place of the model's.",
    "text": "Words of a marker or of an interval.",
}

_PITCH = "Fundamental frequency of the voice; n/a without a voice"
_LOUDNESS = "Loudness by ITU-R BS.1770, relative to digital full scale"
_RATE = "Syllables a second of speaking"
_PAUSES = "Share of the time in pauses of at least 240 ms"
_ACTIVATION = "Pitch, level and upper energy against the speaker's own baseline, -1 to 1; a rule"

_Measures = Mapping[str, tuple[str, str]]

_STEP_MEASURES: _Measures = {
    "f0_hz": (_PITCH, "Hz"),
    "loudness_lufs": (f"{_LOUDNESS}, of the last 400 ms", "LUFS"),
    "speaking_rate": (f"{_RATE}, of the last 4 s", "1/s"),
    "pause_share": (f"{_PAUSES}, of the last 10 s", "1"),
    "activation": (f"{_ACTIVATION}, of the last 3 s", "1"),
    "hf500_db": ("Energy above 500 Hz over that below; n/a without a voice", "dB"),
}
_SEGMENT_MEASURES: _Measures = {
    "f0_hz": (f"{_PITCH}; median of the segment", "Hz"),
    "f0_range_semitones": ("Range of F0, from its 5th to its 95th percentile", "semitone"),
    "loudness_lufs": (f"{_LOUDNESS}, of the whole segment", "LUFS"),
    "speaking_rate": (_RATE, "1/s"),
    "pause_share": (_PAUSES, "1"),
    "activation": (f"{_ACTIVATION}; mean of the segment", "1"),
}
"""What the voice does, with units, by the columns that have it."""

_ABOUT_EVENTS = "Segments of speech with their emotion, and what a person marked."

_README = """Emotions that voices carry, as Realtime SER estimated them
==========================================================

`beh/*_events.tsv` has segments of speech, markers and intervals, and `beh/*_physio.tsv.gz` an
estimate each 80 ms. An estimate is about what a voice sounds like, not about what a person feels;
the columns `certain` and `quality` of the events say on which a conclusion can rest. Beside it
stands what the voice does, where it was measured: pitch, loudness, speaking rate, pauses and
activation.
"""

_Row = Mapping[str, str]


def write_bids(store: Store, info: SessionInfo, to: Path, files: AtomicFiles) -> None:
    """Write a session into the dataset below a folder, which is made where there is none."""
    dataset = to / "derivatives" / "realtime-ser"
    for name, text in (("dataset_description.json", _dataset_text()), ("README", _README)):
        if not (dataset / name).exists():
            files.write(dataset / name, text)
    subject = _code(info.metadata.study.participant) or _code(info.id)
    session = f"{info.metadata.started:%Y%m%dT%H%M%S}"
    folder = dataset / f"sub-{subject}" / f"ses-{session}" / "beh"
    task = _code(info.metadata.study.condition) or "speech"
    stem = f"sub-{subject}_ses-{session}_task-{task}"
    _write_events(store, info, folder / f"{stem}_events.tsv", task, files)
    for channel in info.channels:
        name = f"{stem}_recording-channel{channel.number}_physio"
        _write_steps(store, info, channel.number, folder / name, task, files)


def _write_events(
    store: Store, info: SessionInfo, path: Path, task: str, files: AtomicFiles
) -> None:
    rows = sorted(_events(store, info), key=lambda row: float(row["onset"]))
    measures = _SEGMENT_MEASURES if info.metadata.measures_voice else {}
    names = [*_EVENT_COLUMNS, *measures]
    lines = ["\t".join(names)]
    lines += ["\t".join(row.get(name) or _MISSING for name in names) for row in rows]
    files.write(path, "\n".join(lines) + "\n")
    columns = {name: {"Description": words} for name, words in _EVENT_COLUMNS.items()}
    columns |= _described(measures)
    about = {"TaskName": task, "Description": _ABOUT_EVENTS, **columns}
    files.write(path.with_suffix(".json"), json_text(about))


def _events(store: Store, info: SessionInfo) -> Iterator[_Row]:
    by_hand = labels_by_hand(store, info.id)
    for segment in store.segments(info.id):
        estimate = segment.estimate
        corrected = by_hand.get((segment.channel, segment.number), "")
        yield _times(segment.start_s, segment.end_s) | {
            "trial_type": SEGMENTS,
            "channel": str(segment.channel),
            "label": corrected or (estimate.label if estimate.quality.usable else ""),
            "confidence": f"{estimate.confidence:.6f}",
            "certain": str(int(estimate.certain)),
            "quality": estimate.quality.value,
            "corrected": corrected,
            **_voice_cells(segment.voice),
        }
    for marker in store.markers(info.id):
        yield _times(marker.time_s, marker.time_s + marker.duration_s) | {
            "trial_type": MARKED if marker.duration_s > 0 else MARKERS,
            "text": one_line(annotation_text(marker)),
        }
    for interval in store.intervals(info.id):
        yield _times(interval.start_s, interval.end_s) | {
            "trial_type": one_line(interval.tier),
            "channel": "" if interval.channel is None else str(interval.channel),
            "label": one_line(interval.label),
            "text": one_line(interval.text),
        }


def _voice_cells(voice: SegmentVoice | None) -> dict[str, str]:
    found = {} if voice is None else asdict(voice)
    return {name: f"{value:.6g}" for name, value in found.items() if value is not None}


def _described(measures: _Measures) -> dict[str, dict[str, str]]:
    return {name: {"Description": words, "Units": unit} for name, (words, unit) in measures.items()}


def _times(start_s: float, end_s: float) -> dict[str, str]:
    return {"onset": f"{start_s:.3f}", "duration": f"{max(0.0, end_s - start_s):.3f}"}


def _write_steps(
    store: Store, info: SessionInfo, channel: int, path: Path, task: str, files: AtomicFiles
) -> None:
    """Write the estimate, the level and what the voice does of each step, or ``n/a``."""
    columns = store.columns(info.id, channel)
    measures = _STEP_MEASURES if info.metadata.measures_voice else {}
    measured = [columns.voice[name] for name in measures]
    text = io.StringIO(newline="")
    values = columns.on_grid(
        np.column_stack([columns.probabilities, columns.level_dbfs, *measured])
    )
    for row in values.tolist():
        cells = (_MISSING if math.isnan(value) else f"{value:.6f}" for value in row)
        text.write("\t".join(cells) + "\n")
    # Neither moment nor name in the header: two exports of a session are the same bytes.
    data = gzip.compress(text.getvalue().encode(), mtime=0)
    files.begin(path.with_name(f"{path.name}.tsv.gz")).write_bytes(data)
    labels = [_column(label) for label in columns.labels]
    fields: dict[str, Any] = {
        "TaskName": task,
        "SamplingFrequency": 1 / STEP_S,
        "StartTime": STEP_S,
        "Columns": [*labels, "level_dbfs", *measures],
        "PhysioType": "generic",
        "Description": "Emotion that the voice carries; a row stands at the end of its 80 ms.",
    }
    for name, label in zip(labels, columns.labels, strict=True):
        fields[name] = {"Description": f"Probability of {one_line(label)}", "Units": "1"}
    fields["level_dbfs"] = {"Description": "Level of the sound", "Units": "dB full scale"}
    fields |= _described(measures)
    files.write(path.with_name(f"{path.name}.json"), json_text(fields))


def _dataset_text() -> str:
    made_by = {"Name": "Realtime SER", "Version": __version__}
    fields = {
        "Name": "Emotions that voices carry",
        "BIDSVersion": _VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [made_by],
    }
    return json_text(fields)


def _code(text: str) -> str:
    """Letters and digits of a text: a label in a BIDS name has no others."""
    return re.sub(r"[^0-9A-Za-z]", "", text)


def _column(label: str) -> str:
    return re.sub(r"\W+", "_", label)
