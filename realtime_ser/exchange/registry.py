"""Registry of the export formats: a record for each, of which help and dialog are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import AtomicFiles
from realtime_ser.base.text import nearest
from realtime_ser.exchange.audacity import labels_text
from realtime_ser.exchange.audio import (
    WHOLE,
    AudioRange,
    fits_wav,
    has_sound,
    require_sound,
    write_sound,
)
from realtime_ser.exchange.bids import write_bids
from realtime_ser.exchange.csv_tables import write_session
from realtime_ser.exchange.elan import eaf_text, write_curves
from realtime_ser.exchange.html_report import session_page
from realtime_ser.exchange.json_document import write_document
from realtime_ser.exchange.nova import write_nova
from realtime_ser.exchange.praat import textgrid_text
from realtime_ser.exchange.tiers import end_of, session_tiers
from realtime_ser.session.store import SessionInfo, SessionState, Store
from realtime_ser.timeline.printed import PNG_SCALE, timeline_svg
from realtime_ser.timeline.style import CurveStyle

Option = Literal[
    "audio_range",
    "channel",
    "style",
    "frames",
    "without_profile",
    "spreadsheet",
    "uncorrected",
]
"""Option of a format: an attribute of :class:`ExportRequest`, or of a corpus's request."""

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
        Name of one of :data:`FORMATS`; ``None``: by the ending of the file.
    audio_range
        Part of the sound, for WAV and FLAC.
    style
        Style of the curves in the timeline.
    frames
        Whether a JSON document includes the updates.
    without_profile
        Whether tables hold the probabilities before the correction by a profile.
    spreadsheet
        Whether tables are for a spreadsheet whose locale has a decimal comma.
    """

    to: Path
    format: str | None = None
    audio_range: AudioRange = WHOLE
    style: CurveStyle = "areas"
    frames: bool = False
    without_profile: bool = False
    spreadsheet: bool = False


@dataclass(frozen=True, slots=True)
class ExportJob:
    """All that the writer of a format is given; ``files`` take their places when it returns."""

    store: Store
    info: SessionInfo
    request: ExportRequest
    files: AtomicFiles
    render_png: PngRenderer | None


Writer = Callable[[ExportJob], None]
"""Writes a session; the requested file is begun first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A format and what a person reads of it.

    Attributes
    ----------
    name
        Name on the command line.
    endings
        Endings of file names that choose it, as they are shown; the first is proposed, and none
        stands for a folder.
    title, purpose, hint
        Title, purpose in a few words, and the sentences beside its options.
    options
        Options that it takes.
    needs_sound
        Whether it is made of the sound that was kept.
    """

    name: str
    endings: tuple[str, ...]
    title: str
    purpose: str
    hint: str
    options: frozenset[Option] = frozenset()
    needs_sound: bool = False

    @property
    def ending(self) -> str:
        """Ending that is proposed; empty for a folder."""
        return self.endings[0] if self.endings else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFormat(ExportFormat):
    """A format of one session, and its writer."""

    write: Writer


def _write_sound(kind: Literal["wav", "flac"], job: ExportJob) -> None:
    request = job.request
    write_sound(require_sound(job.info), request.to, job.files, kind, request.audio_range)


def _write_tables(job: ExportJob) -> None:
    request = job.request
    write_session(
        job.store,
        job.info,
        request.to,
        job.files,
        without_profile=request.without_profile,
        spreadsheet=request.spreadsheet,
    )


def _write_json(job: ExportJob) -> None:
    request = job.request
    write_document(job.store, job.info, request.to, job.files, frames=request.frames)


def _write_elan(job: ExportJob) -> None:
    """Write the annotation file, the sound if kept, and the curves."""
    store, info, to = job.store, job.info, job.request.to
    file = job.files.begin(to)
    media = None
    if has_sound(info) and info.state is not SessionState.RUNNING:
        audio = require_sound(info)
        media = to.with_suffix(".wav" if fits_wav(audio) else ".flac")
        write_sound(audio, media, job.files, "wav" if media.suffix == ".wav" else "flac")
    curves = write_curves(store, info, to, job.files)
    text = eaf_text(session_tiers(store, info), info.metadata.started, to, media, curves)
    file.write_text(text, "utf-8", newline="\n")


def _write_png(job: ExportJob) -> None:
    file = job.files.begin(job.request.to)
    if job.render_png is None:
        raise UsageError("A PNG cannot be painted here: export .svg.")
    svg = timeline_svg(job.store, job.info, job.request.style)
    file.write_bytes(job.render_png(svg, PNG_SCALE))


def _write_svg(job: ExportJob) -> None:
    svg = timeline_svg(job.store, job.info, job.request.style)
    job.files.write(job.request.to, f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}')


def _write_page(job: ExportJob) -> None:
    job.files.write(job.request.to, session_page(job.store, job.info, job.request.style))


def _write_textgrid(job: ExportJob) -> None:
    tiers = session_tiers(job.store, job.info)
    job.files.write(job.request.to, textgrid_text(tiers, end_of(job.info, tiers)))


def _write_labels(job: ExportJob) -> None:
    job.files.write(job.request.to, labels_text(session_tiers(job.store, job.info)))


def _write_files(
    write: Callable[[Store, SessionInfo, Path, AtomicFiles], None], job: ExportJob
) -> None:
    write(job.store, job.info, job.request.to, job.files)


FORMATS: tuple[SessionFormat, ...] = (
    SessionFormat(
        name="csv",
        endings=(".csv",),
        title="Tables (CSV)",
        purpose="Spreadsheets, R, pandas: all updates and segments",
        hint=(
            "Three tables and a JSON beside them that says how the numbers came about: model, "
            "settings, device, clock."
        ),
        options=frozenset({"without_profile", "spreadsheet"}),
        write=_write_tables,
    ),
    SessionFormat(
        name="elan",
        endings=(".eaf",),
        title="ELAN",
        purpose="Annotation with audio and the curves beside it",
        hint=(
            "Segments, markers and labelled intervals as tiers. Where audio was kept it goes "
            "beside the file as WAV, and a CSV with the curves for ELAN's time-series viewer."
        ),
        write=_write_elan,
    ),
    SessionFormat(
        name="praat",
        endings=(".TextGrid",),
        title="Praat TextGrid",
        purpose="Phonetics: tiers of intervals and points",
        hint=(
            "A TextGrid with a tier for each channel's segments, for markers, and for each of your "
            "own tiers."
        ),
        write=_write_textgrid,
    ),
    SessionFormat(
        name="audacity",
        endings=(".txt",),
        title="Audacity labels",
        purpose="A label track to import over the audio",
        hint="File, Import, Labels in Audacity; all tiers on one track.",
        write=_write_labels,
    ),
    SessionFormat(
        name="nova",
        endings=(".annotation",),
        title="NOVA / SSI",
        purpose="Annotation of social signals: annotations and a stream",
        hint=(
            "An annotation for each channel and tier, and the probabilities of each channel as a "
            "stream of 12.5 samples a second."
        ),
        write=partial(_write_files, write_nova),
    ),
    SessionFormat(
        name="bids",
        endings=(),
        title="BIDS",
        purpose="Neuroimaging: a folder of derivative data",
        hint=(
            "derivatives/realtime-ser in the folder that you name, with the participant's events "
            "and steps. A second session joins the same folder."
        ),
        write=partial(_write_files, write_bids),
    ),
    SessionFormat(
        name="json",
        endings=(".json",),
        title="JSON",
        purpose="One document that holds everything, for programs",
        hint="All that is known of the session; columns, as pandas takes them.",
        options=frozenset({"frames"}),
        write=_write_json,
    ),
    SessionFormat(
        name="html",
        endings=(".html", ".htm"),
        title="Report (HTML)",
        purpose="One page that reads and prints well",
        hint=(
            "The timeline, the shares of the labels, transitions, pauses and segments, in one file "
            "without anything from outside."
        ),
        options=frozenset({"style"}),
        write=_write_page,
    ),
    SessionFormat(
        name="png",
        endings=(".png",),
        title="Picture (PNG)",
        purpose="The timeline for slides and papers, 300 dpi",
        hint="As wide as a page in print.",
        options=frozenset({"style"}),
        write=_write_png,
    ),
    SessionFormat(
        name="svg",
        endings=(".svg",),
        title="Drawing (SVG)",
        purpose="The timeline to edit, sharp at any size",
        hint="Opens in Inkscape, Illustrator and browsers; text stays text.",
        options=frozenset({"style"}),
        write=_write_svg,
    ),
    SessionFormat(
        name="wav",
        endings=(".wav",),
        title="Audio (WAV)",
        purpose="The session's sound, a stretch or a segment of it",
        hint="16 bit at the device's own rate; second 0 is the session's.",
        options=frozenset({"audio_range", "channel"}),
        needs_sound=True,
        write=partial(_write_sound, "wav"),
    ),
    SessionFormat(
        name="flac",
        endings=(".flac",),
        title="Audio (FLAC)",
        purpose="The same at about half the size, nothing lost",
        hint="16 bit at the device's own rate; second 0 is the session's.",
        options=frozenset({"audio_range", "channel"}),
        needs_sound=True,
        write=partial(_write_sound, "flac"),
    ),
)
"""Formats of a session, in the order in which they are offered."""

TIDY = ExportFormat(
    name="tidy",
    endings=(".csv",),
    title="Tidy table (CSV)",
    purpose="Statistics: a row for each interval and label",
    hint=(
        "A row for each participant, interval and label: mean probability, seconds of speech, lost "
        "seconds, share of certain steps. Without marked intervals, a session is one."
    ),
    options=frozenset({"spreadsheet"}),
)
"""Table of one session or several, which :func:`csv_tables.export_study` writes."""

CORPUS = ExportFormat(
    name="corpus",
    endings=(),
    title="Training corpus",
    purpose="Corrected segments as labelled clips, to train on",
    hint=(
        "A folder with a folder for each label and speaker, which realtime-ser-train reads. What "
        "you labelled by hand counts."
    ),
    options=frozenset({"channel", "uncorrected"}),
    needs_sound=True,
)
"""Folder of clips, which :func:`corpus.export_corpus` writes."""

_REFUSALS: Mapping[Option, str] = {
    "style": "Lines are drawn in {each}.",
    "audio_range": "A segment, a stretch or a channel is exported as {endings}.",
    "frames": "The frames go into {each}; a .csv holds them anyway.",
    "without_profile": "What a profile corrected is exported without it as {endings}.",
    "spreadsheet": "A table for spreadsheets is exported as {endings}.",
}
"""Sentences for options of a request that a format does not take."""


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
    The files, the requested file first; of a folder, the folder.

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
    _check_options(kind, request)
    with AtomicFiles(request.to) as files:
        kind.write(ExportJob(store, info, request, files, render_png))
    return files.paths if kind.endings else [request.to]


def chosen_format(
    path: Path, name: str | None, formats: Sequence[SessionFormat] = FORMATS
) -> SessionFormat:
    """Format of a name, or else of the ending of a file.

    Raises
    ------
    UsageError
        There is no such format; the sentence names those that exist.
    """
    if name is not None:
        require_format(name, formats)
        return next(kind for kind in formats if kind.name == name)
    known = {ending.lower(): kind for kind in formats for ending in kind.endings}
    ending = path.suffix.lower()
    if ending in known:
        return known[ending]
    near = nearest(ending, known)
    hint = f"; did you mean '{path.stem}{near}'?" if near else "."
    endings = ", ".join(kind.ending for kind in formats if kind.ending)
    raise UsageError(f"'{path.name}' ends in none of {endings}{hint}")


def require_format(name: str, formats: Iterable[ExportFormat]) -> None:
    """Refuse a name that no format has.

    Raises
    ------
    UsageError
        The sentence names the formats.
    """
    names = [kind.name for kind in formats]
    if name not in names:
        raise UsageError(f"There is no format '{name}': there are {', '.join(names)}.")


def endings_with(option: Option, article: str = "") -> str:
    """Endings of the formats that take an option, as a sentence names them."""
    endings = [f"{article}{kind.ending}" for kind in FORMATS if option in kind.options]
    *first, last = endings
    return f"{', '.join(first)} or {last}" if first else last


def _check_options(kind: SessionFormat, request: ExportRequest) -> None:
    default = ExportRequest(request.to)
    for option, sentence in _REFUSALS.items():
        given = getattr(request, option) != getattr(default, option)
        if given and option not in kind.options:
            words = sentence.format(endings=endings_with(option), each=endings_with(option, "a "))
            raise UsageError(words)
