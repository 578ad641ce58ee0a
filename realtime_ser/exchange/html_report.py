"""Report of a session as a page of HTML that prints well and needs no other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from realtime_ser.base.text import (
    FAR_VOICE,
    certain_text,
    clock_text,
    count_text,
    in_no_share_text,
    length_text,
    one_line,
    percent_text,
    voice_rows,
)
from realtime_ser.session.statistics import ChannelStatistics, speech_statistics
from realtime_ser.session.store import SessionInfo, Store
from realtime_ser.timeline.printed import timeline_parts
from realtime_ser.timeline.style import CurveStyle
from realtime_ser.timeline.voice_tracks import SCALES

_MOST_ROWS = 60  # of a table

LIMITS = """\
These figures tell what a voice sounds like to a model that was trained on actors, not what a person
feels. They are often wrong, more so for quiet, far or spontaneous speech and for accents and
languages that the model did not learn. They are no medical finding, unsuitable for forensics, and
must not be used to judge people at work or in education. No decision about a person should rest on
them."""
"""Limits that a reader of the figures must know."""

REPORT_STYLE = """
@page { size: A4; margin: 15mm 14mm; }
* { box-sizing: border-box; }
body { font: 9.5pt/1.35 Helvetica, Arial, "DejaVu Sans", sans-serif; color: #1a1a1a;
  max-width: 190mm; margin: 8mm auto; padding: 0 4mm; background: #fff; }
h1 { font-size: 16pt; line-height: 1.2; margin: 0 0 2mm; overflow-wrap: anywhere; }
h2 { font-size: 11.5pt; margin: 4.5mm 0 1.5mm; break-after: avoid; }
h3 { font-size: 9.5pt; margin: 2mm 0 1mm; break-after: avoid; }
p { margin: 0 0 2mm; }
.muted, th { color: #595959; }
table { border-collapse: collapse; margin: 0 0 2mm; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.3mm 3.5mm 0.3mm 0; font-weight: normal; }
thead th { border-bottom: 0.3mm solid #8c8c8c; }
td.number, th.number { text-align: right; }
tr { break-inside: avoid; }
td { overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: max-content 1fr max-content 1fr; gap: 0.4mm 4mm;
  margin: 0; }
.facts dt { color: #595959; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.columns { display: flex; flex-wrap: wrap; gap: 0 7mm; }
.block { break-inside: avoid; }
.bar { display: inline-block; height: 2.6mm; background: #595959; vertical-align: middle;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
figure { margin: 0; }
svg { width: 100%; height: auto; display: block; break-inside: avoid; }
.limits { border: 0.3mm solid #1a1a1a; padding: 2.5mm 3.5mm; margin-top: 6mm; break-inside: avoid; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""


def session_page(store: Store, info: SessionInfo, style: CurveStyle = "areas") -> str:
    """Report of a session: facts, timeline, figures, markers and limits, as HTML."""
    title = escape(one_line(info.metadata.title) or f"Session {info.id}")
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{REPORT_STYLE}</style></head>",
        f"<body><h1>{title}</h1>",
        *_fact_rows(info),
        "<h2>Timeline</h2>",
        "<figure>",
        *timeline_parts(store, info, style),
        "</figure>",
        _caption(info, style),
        *(part for channel in speech_statistics(store, info) for part in _channel(info, channel)),
        '<div class="columns">',
        *_markers(store, info),
        *_intervals(store, info),
        "</div>",
        *_notes(store, info),
        f'<p class="limits"><strong>Limits of use.</strong> {escape(LIMITS)}</p>',
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _fact_rows(info: SessionInfo) -> Iterator[str]:
    metadata, study = info.metadata, info.metadata.study
    demo = " (synthesised speech)" if metadata.source.demo else ""
    lost_s = sum(channel.lost_s for channel in info.channels)
    again = "" if metadata.origin is None else f", heard again from the sound of {metadata.origin}"
    facts = [
        ("Session", info.id if info.state_text == "complete" else f"{info.id}, {info.state_text}"),
        ("Began", metadata.started.strftime("%Y-%m-%d %H:%M:%S %z")),
        ("Length", length_text(info.duration_s)),
        ("Source", f"{metadata.source.name}{demo}"),
        ("Model", f"{metadata.model_text}{again}"),
        ("Study", study.name),
        ("Participant", study.participant),
        ("Condition", study.condition),
        ("Consent", "" if study.consent is None else study.consent.strftime("%Y-%m-%d %H:%M")),
        ("Lost", f"{lost_s:.1f} s of sound" if lost_s else ""),
        ("Ended", info.health.error or ""),
    ]
    yield '<dl class="facts">'
    for name, words in facts:
        if words:
            yield f"<dt>{name}</dt><dd>{escape(one_line(words))}</dd>"
    yield "</dl>"


def _caption(info: SessionInfo, style: CurveStyle) -> str:
    scales = "; ".join(f"{scale.title}, {scale.tip[0].lower()}{scale.tip[1:]}" for scale in SCALES)
    measures = f" What the voice does: {scales}." if info.metadata.measures_voice else ""
    drawn = "stacked from below in the order of the legend" if style == "areas" else "a line each"
    return (
        f'<p class="muted">Probabilities, {drawn}; above them, where there is room, each segment '
        "with its result over a bar, which is hollow where the model is uncertain, and grey where "
        "the sound is not usable; below them the "
        "level from −60 to 0 dBFS, with peaks, and the voice detector. Hatched: no sound."
        f"{measures}</p>"
    )


def _channel(info: SessionInfo, channel: ChannelStatistics) -> Iterator[str]:
    speaker = info.speaker(channel.channel)
    yield f"<h2>{escape(speaker)}</h2>" if speaker else "<h2>Speech</h2>"
    if not channel.segments:
        yield "<p>There was no speech.</p>"
        return
    yield f"<p>{_speaking(channel)}</p>"
    yield '<div class="columns">'
    yield '<div class="block"><h3>Share of speaking time</h3>'
    yield from _shares(channel)
    yield '</div><div class="block"><h3>Most certain moments</h3>'
    yield from _table(
        ("time", "label", "probability"),
        [
            (clock_text(moment.time_s), moment.label, percent_text(moment.confidence))
            for moment in channel.moments
        ],
    )
    yield "</div>"
    if channel.voice is not None:
        yield '<div class="block"><h3>What the voice did</h3><table>'
        for name, value in voice_rows(channel.voice):
            yield f'<tr><th>{name}</th><td class="number">{escape(value)}</td></tr>'
        yield "</table></div>"
    if channel.transitions:
        yield '<div class="block"><h3>From segment to segment</h3>'
        yield from _transitions(channel)
        yield "</div>"
    yield "</div>"


def _speaking(channel: ChannelStatistics) -> str:
    share = channel.speech_s / channel.duration_s if channel.duration_s else 0.0
    count = count_text(channel.segments, "segment")
    words = f"{channel.speech_s:.1f} s of speech ({percent_text(share)} of the time) in {count}"
    if channel.certain_share is not None:
        words += f", {certain_text(channel.certain_share)}"
    if channel.left_out_s:
        words += f", {in_no_share_text(channel.left_out_s)}"
    pauses = channel.pauses
    if pauses is not None:
        words += f". {count_text(pauses.count, 'pause')}, {pauses.total_s:.1f} s in all"
        if pauses.count > 1:
            words += f", half of them longer than {pauses.median_s:.1f} s"
            words += f", the longest {pauses.longest_s:.1f} s"
        words += f" at {clock_text(pauses.longest_at_s)}"
    for name, seconds in (("lost", channel.lost_s), ("paused", channel.paused_s)):
        if seconds:
            words += f". {seconds:.1f} s were {name}"
    return escape(f"{words}. {FAR_VOICE}" if channel.far else f"{words}.")


def _shares(channel: ChannelStatistics) -> Iterator[str]:
    yield "<table>"
    for label, share in channel.shares.items():
        bar = f'<span class="bar" style="width: {25 * share:.1f}mm"></span>'
        cells = f'<td class="number">{percent_text(share)}</td><td>{bar}</td>'
        yield f"<tr><th>{escape(one_line(label))}</th>{cells}</tr>"
    yield "</table>"


def _transitions(channel: ChannelStatistics) -> Iterator[str]:
    """A row for each label before, a column for each label after."""
    names = list(channel.shares)
    heads = "".join(f'<th class="number">{escape(one_line(name))}</th>' for name in names)
    yield f"<table><thead><tr><th>from \\ to</th>{heads}</tr></thead>"
    for before in names:
        counts = [channel.transitions.get((before, after), 0) for after in names]
        cells = "".join(f'<td class="number">{count or "·"}</td>' for count in counts)
        yield f"<tr><th>{escape(one_line(before))}</th>{cells}</tr>"
    yield "</table>"


def _markers(store: Store, info: SessionInfo) -> Iterator[str]:
    rows = [
        (
            clock_text(marker.time_s),
            f"{marker.duration_s:.1f} s" if marker.duration_s else "",
            marker.code,
            marker.text,
        )
        for marker in sorted(store.markers(info.id), key=lambda marker: marker.time_s)
    ]
    return _listing("Markers", ("time", "duration", "code", "text"), rows)


def _intervals(store: Store, info: SessionInfo) -> Iterator[str]:
    rows = [
        (
            clock_text(interval.start_s),
            f"{interval.end_s - interval.start_s:.1f} s",
            info.speaker(interval.channel),
            interval.tier,
            interval.label,
            interval.text,
        )
        for interval in store.intervals(info.id)
    ]
    header = ("time", "duration", "channel", "tier", "label", "text")
    return _listing("Labelled by hand", header, rows)


def _notes(store: Store, info: SessionInfo) -> Iterator[str]:
    notes = store.notes(info.id)
    if notes:
        yield "<h2>Notes</h2>"
    for note in notes:
        when = note.written.strftime("%Y-%m-%d %H:%M")
        words = "<br>".join(escape(one_line(line)) for line in note.text.splitlines())
        yield f'<p><span class="muted">{when}</span> {words}</p>'


def _listing(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Heading and table of the first rows, without empty columns; nothing without rows."""
    if not rows:
        return
    yield f"<div><h2>{title}</h2>"
    used = [index for index in range(len(header)) if any(row[index] for row in rows)]
    kept = [[row[index] for index in used] for row in rows[:_MOST_ROWS]]
    yield from _table([header[index] for index in used], kept)
    if len(rows) > _MOST_ROWS:
        yield f'<p class="muted">and {len(rows) - _MOST_ROWS} more</p>'
    yield "</div>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    cells = "".join(f"<th>{escape(name)}</th>" for name in header)
    yield f"<table><thead><tr>{cells}</tr></thead>"
    for row in rows:
        cells = "".join(f"<td>{escape(one_line(cell))}</td>" for cell in row)
        yield f"<tr>{cells}</tr>"
    yield "</table>"
