"""Which format a file name asks for, and writing a session in it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import Drafts
from realtime_ser.exchange.audacity import labels_text
from realtime_ser.exchange.audio import WHOLE, Part, fits_wav, has_sound, require_sound, write_sound
from realtime_ser.exchange.csv_tables import export_session
from realtime_ser.exchange.elan import Linked, eaf_text, write_curves
from realtime_ser.exchange.html_report import session_page
from realtime_ser.exchange.json_document import write_document
from realtime_ser.exchange.praat import textgrid_text
from realtime_ser.exchange.tiers import end_of, session_tiers
from realtime_ser.session.store import SessionInfo, SessionState, Store
from realtime_ser.timeline.picture import Style, svg_file, timeline_svg

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

SOUNDS = ("wav", "flac")

PNG_SCALE = 3.0
"""Pixels of a PNG for a unit of the drawing: 300 dpi and more across a page."""

Paint = Callable[[str, float], bytes]
"""Makes a PNG of an SVG document at a scale."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported, and how.

    Attributes
    ----------
    to
        The file; other files that belong to it go beside it.
    format
        One of :data:`FORMATS`; ``None``: as the file's ending says.
    part
        What of the sound, for WAV and FLAC.
    style
        How the timeline is drawn.
    frames
        Whether a JSON document holds the updates too.
    without_profile
        Whether tables hold what the model said before a profile corrected it.
    """

    to: Path
    format: str | None = None
    part: Part = WHOLE
    style: Style = "areas"
    frames: bool = False
    without_profile: bool = False


def export(store: Store, info: SessionInfo, wish: Wish, paint: Paint | None = None) -> list[Path]:
    """Write a session in the format that is wished; nothing is replaced, and no half is left.

    Parameters
    ----------
    store, info
        The session; one that is running is written as far as it is stored.
    wish
        What, where and how.
    paint
        Makes pictures; without it there is no PNG.

    Returns
    -------
    The files, the one that was asked for first.

    Raises
    ------
    UsageError
        The format is unknown, or what is wished does not go with it.
    SerError
        No sound was kept.
    OutputError
        A file exists already or cannot be written.
    """
    kind = chosen_format(wish.to, wish.format)
    if wish.part != WHOLE and kind not in SOUNDS:
        raise UsageError("A segment, a stretch or a channel is exported as .wav or .flac.")
    if wish.frames and kind != "json":
        raise UsageError("The frames go into a .json; a .csv holds them anyway.")
    if wish.without_profile and kind != "csv":
        raise UsageError("What a profile corrected is exported without it as .csv.")
    if kind == "csv":
        files = export_session(store, info, wish.to, without_profile=wish.without_profile)
        return files.existing()
    if kind in SOUNDS:
        audio = require_sound(info)
    with Drafts(wish.to) as drafts:
        if kind == "elan":
            _write_elan(store, info, wish.to, drafts)
        elif kind == "json":
            write_document(store, info, wish.to, drafts, frames=wish.frames)
        elif kind in SOUNDS:
            write_sound(audio, wish.to, drafts, "wav" if kind == "wav" else "flac", wish.part)
        elif kind == "png":
            drafts.begin(wish.to).write_bytes(_png(store, info, wish.style, paint))
        else:
            drafts.write(wish.to, _text(store, info, kind, wish.style))
    return drafts.paths


def chosen_format(path: Path, name: str | None, known: Mapping[str, str] = ENDINGS) -> str:
    """A format by its name, or else by the ending of a file's.

    Raises
    ------
    UsageError
        There is none; the ones that there are, are named.
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


def _text(store: Store, info: SessionInfo, kind: str, style: Style) -> str:
    if kind == "svg":
        return svg_file(timeline_svg(store, info, style))
    if kind == "html":
        return session_page(store, info, style)
    tiers = session_tiers(store, info)
    return textgrid_text(tiers, end_of(info, tiers)) if kind == "praat" else labels_text(tiers)


def _png(store: Store, info: SessionInfo, style: Style, paint: Paint | None) -> bytes:
    if paint is None:
        raise UsageError("A PNG cannot be painted here: export .svg.")
    return paint(timeline_svg(store, info, style), PNG_SCALE)


def _write_elan(store: Store, info: SessionInfo, to: Path, drafts: Drafts) -> None:
    """The annotation file, the sound where it was kept, and the curves."""
    file = drafts.begin(to)
    media = None
    if has_sound(info) and info.state is not SessionState.RUNNING:
        audio = require_sound(info)
        media = to.with_suffix(".wav" if fits_wav(audio) else ".flac")
        write_sound(audio, media, drafts, "wav" if media.suffix == ".wav" else "flac")
    linked = Linked(media, write_curves(store, info, to, drafts))
    text = eaf_text(session_tiers(store, info), info.beginning.started, linked, to)
    file.write_text(text, "utf-8", newline="\n")
