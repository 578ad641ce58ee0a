"""A session of a page: records in, messages out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.records import Anchor, Marker, Record, Segment, Update
from realtime_ser.base.text import percent_text, result_text, speech_text
from realtime_ser.base.timebase import corrected
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.server.messages import (
    Message,
    marker_message,
    segment_message,
    update_message,
)
from realtime_ser.session import csv_rows
from realtime_ser.session.analysis.files import FileModel
from realtime_ser.session.statistics import SummaryAccumulator


class PageSession:
    """Messages of one session: results, what a view shows of them, and rows of the tables.

    The rows are those that ``monitor`` and ``analyze`` write, so that the page has its tables
    whatever becomes of the server.
    """

    def __init__(self, model: FileModel, source: SourceInfo) -> None:
        self._model = model
        self._source = source
        self._labels = model.decoder.labels
        self._smoother = Smoother(self._labels, model.config.window.smoothing_s)
        self._measures_voice = model.config.voice.measures
        self._tally = SummaryAccumulator()
        self._early: list[Update] | None = [] if source.live else None

    def start(self) -> Iterator[Message]:
        """Labels, model and source, and the headers of the tables."""
        manifest = self._model.bundle.manifest
        yield {
            "type": "session",
            "labels": list(self._labels),
            "model": f"{manifest.name} {manifest.version}",
            "source": self._source.name,
            "rate": self._source.native_rate,
            "duration_s": self._source.duration_s,
        }
        for table, header in (
            ("steps", csv_rows.steps_header(self._labels)),
            ("segments", csv_rows.segments_header(self._labels)),
            ("markers", csv_rows.MARKERS_HEADER),
            *([("voice", csv_rows.VOICE_HEADER)] if self._measures_voice else []),
        ):
            yield {"type": "rows", "table": table, "text": _csv([header])}

    def feed(self, records: Sequence[Record]) -> Iterator[Message]:
        """Take records, in order."""
        rows: dict[str, list[list[str]]] = {}
        shown_s: float | None = None
        for record in records:
            self._tally.feed(record)
            if isinstance(record, Update):
                self._smoother.feed(record)
                shown_s = record.time_s
                if self._early is not None:
                    self._early.append(record)
                rows.setdefault("steps", []).append(csv_rows.steps_row(record, self._labels))
                yield update_message(record)
            elif isinstance(record, Segment):
                row = csv_rows.segments_row(record, self._labels)
                rows.setdefault("segments", []).append(row)
                if self._measures_voice:
                    rows.setdefault("voice", []).append(csv_rows.voice_row(record))
                yield segment_message(record)
            elif isinstance(record, Marker):
                rows.setdefault("markers", []).append(csv_rows.markers_row(record))
                yield marker_message(record)
            elif isinstance(record, Anchor) and self._early is not None:
                early, self._early = self._early, None
                # These rows take the place of all that were stamped before the clock had settled.
                rows.pop("steps", None)
                yield self._early_rows(early, record)
        for table, new in rows.items():
            yield {"type": "rows", "table": table, "text": _csv(new)}
        if shown_s is not None and self._source.live:
            yield self._reading(shown_s)

    def finish(self, notes: Sequence[str] = (), kept: str | None = None) -> Message:
        """Summary of the session.

        Parameters
        ----------
        notes
            What a person should know of the sound or of the store; a sentence each.
        kept
            ID of the session in the store; ``None``: nothing is kept.
        """
        summary = next(iter(self._tally.summary().values()), None)
        message: Message = {"type": "end", "notes": list(notes), "kept": kept}
        if summary is None:
            return message | {"words": "no speech", "label": None}
        words = speech_text(
            summary.speech_s,
            summary.segments,
            summary.shares,
            summary.left_out_s,
            summary.certain_share,
        )
        message |= {"words": words, "label": None, "lost_s": round(summary.lost_s, 2)}
        if summary.probabilities is not None:
            estimate = self._model.decoder.estimate(summary.probabilities)
            message |= {
                "label": estimate.label,
                "result": result_text(estimate),
                "probabilities": estimate.probabilities.round(6).tolist(),
            }
        return message

    def _reading(self, now_s: float) -> Message:
        """What a view shows now: smoothed, with a leader that does not flicker."""
        smoother = self._smoother
        leader = smoother.leader if smoother.quality.usable else None
        return {
            "type": "reading",
            "words": smoother.leader_text,
            "label": leader,
            "percent": percent_text(smoother.confidence) if leader else "",
            "previous": smoother.previous_text(now_s),
            "values": smoother.values.round(4).tolist(),
        }

    def _early_rows(self, early: Sequence[Update], anchor: Anchor) -> Message:
        rows = [csv_rows.steps_row(corrected(one, anchor), self._labels) for one in early]
        text = _csv([csv_rows.steps_header(self._labels), *rows])
        return {"type": "rows", "table": "steps", "text": text, "anew": True}


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv_rows.csv_writer(text).writerows(rows)
    return text.getvalue()
