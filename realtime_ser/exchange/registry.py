"""Registry of the export formats, by the ending of a file name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import AtomicFiles
from realtime_ser.exchange.audacity import labels_text
from realtime_ser.exchange.audio import (
    WHOLE,
    AudioRange,
    fits_wav,
    has_sound,
    require_sound,
    write_sound,
)
from realtime_ser.exchange.csv_tables import export_session
from realtime_ser.exchange.elan import LinkedFiles, eaf_text, write_curves
from realtime_ser.exchange.html_report import session_page
from realtime_ser.exchange.json_document import write_document
from realtime_ser.exchange.praat import textgrid_text
from realtime_ser.exchange.tiers import end_of, session_tiers
from realtime_ser.session.store import SessionInfo, SessionState, Store
from realtime_ser.timeline.printed import PNG_SCALE, svg_file, timeline_svg
from realtime_ser.timeline.style import CurveStyle

ENDINGS: Mapping[str, str] = {
    ".csv": "csv",
    ".json": "json",
    ".eaf": "elan",
    ".textgrid": "praat",
    ".txt": "audacity",
    ".png": "png",
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".wav": "wav",
    ".flac": "flac",
}
"""Formats by the endings of names, in lower case."""

FORMATS = tuple(dict.fromkeys(ENDINGS.values()))

SOUND_FORMATS = ("wav", "flac")

PngRenderer = Callable[[str, float], bytes]
"""Makes a PNG of an SVG document at a scale."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Request for an export.

    Attributes
    ----------
    to
        The file; files that belong to it are written beside.
    format
        A name of :data:`FORMATS`; ``None``: by the ending of the file.
    audio_range
        Part of the sound, for WAV and FLAC.
    style
        Style of the curves in the timeline.
    frames
        Whether a JSON document includes the updates.
    without_profile
        Whether tables hold the probabilities before the correction by a profile.
    """

    to: Path
    format: str | None = None
    audio_range: AudioRange = WHOLE
    style: CurveStyle = "areas"
    frames: bool = False
    without_profile: bool = False


def export(
    store: Store, info: SessionInfo, request: ExportRequest, render_png: PngRenderer | None = None
) -> list[Path]:
    """Write a session in a format, whole or not at all.

    Parameters
    ----------
    store, info
        The session; one that is running is written as far as it is stored.
    request
        File, format and options.
    render_png
        Function from an SVG document and a scale to a PNG; ``None``: no PNG can be written.

    Returns
    -------
    The files, the requested file first.

    Raises
    ------
    UsageError
        The format is unknown, or does not have a requested option.
    SerError
        No sound was kept.
    OutputError
        A file exists already or cannot be written.
    """
    kind = chosen_format(request.to, request.format)
    if request.audio_range != WHOLE and kind not in SOUND_FORMATS:
        raise UsageError("A segment, a stretch or a channel is exported as .wav or .flac.")
    if request.frames and kind != "json":
        raise UsageError("The frames go into a .json; a .csv holds them anyway.")
    if request.without_profile and kind != "csv":
        raise UsageError("What a profile corrected is exported without it as .csv.")
    if kind == "csv":
        files = export_session(store, info, request.to, without_profile=request.without_profile)
        return files.existing()
    if kind in SOUND_FORMATS:
        audio = require_sound(info)
    with AtomicFiles(request.to) as atomic_files:
        if kind == "elan":
            _write_elan(store, info, request.to, atomic_files)
        elif kind == "json":
            write_document(store, info, request.to, atomic_files, frames=request.frames)
        elif kind in SOUND_FORMATS:
            write_sound(
                audio,
                request.to,
                atomic_files,
                "wav" if kind == "wav" else "flac",
                request.audio_range,
            )
        elif kind == "png":
            atomic_files.begin(request.to).write_bytes(_png(store, info, request.style, render_png))
        else:
            atomic_files.write(request.to, _text(store, info, kind, request.style))
    return atomic_files.paths


def chosen_format(path: Path, name: str | None, known: Mapping[str, str] = ENDINGS) -> str:
    """Format of a name, or else of the ending of a file.

    Raises
    ------
    UsageError
        There is no such format; the sentence names those that exist.
    """
    formats = tuple(dict.fromkeys(known.values()))
    found = known.get(path.suffix.lower()) if name is None else name
    if found in formats:
        return found
    endings = ", ".join(ending for ending in known if ending != ".htm")
    endings = endings.replace("textgrid", "TextGrid")
    if name is not None:
        raise UsageError(f"There is no format '{name}': there are {', '.join(formats)}.")
    near = difflib.get_close_matches(path.suffix.lower(), known, n=1)
    hint = f"; did you mean '{path.stem}{near[0]}'?" if near else ""
    raise UsageError(f"'{path.name}' ends in none of {endings}{hint or '.'}")


def _text(store: Store, info: SessionInfo, kind: str, style: CurveStyle) -> str:
    if kind == "svg":
        return svg_file(timeline_svg(store, info, style))
    if kind == "html":
        return session_page(store, info, style)
    tiers = session_tiers(store, info)
    return textgrid_text(tiers, end_of(info, tiers)) if kind == "praat" else labels_text(tiers)


def _png(
    store: Store, info: SessionInfo, style: CurveStyle, render_png: PngRenderer | None
) -> bytes:
    if render_png is None:
        raise UsageError("A PNG cannot be painted here: export .svg.")
    return render_png(timeline_svg(store, info, style), PNG_SCALE)


def _write_elan(store: Store, info: SessionInfo, to: Path, atomic_files: AtomicFiles) -> None:
    """Write the annotation file, the sound if kept, and the curves."""
    file = atomic_files.begin(to)
    media = None
    if has_sound(info) and info.state is not SessionState.RUNNING:
        audio = require_sound(info)
        media = to.with_suffix(".wav" if fits_wav(audio) else ".flac")
        write_sound(audio, media, atomic_files, "wav" if media.suffix == ".wav" else "flac")
    linked_files = LinkedFiles(media, write_curves(store, info, to, atomic_files))
    text = eaf_text(session_tiers(store, info), info.metadata.started, linked_files, to)
    file.write_text(text, "utf-8", newline="\n")
