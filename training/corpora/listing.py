"""Listing of the corpora below a folder, and instructions for getting the rest."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.labels import LABELS
from training.corpora.files import AUDIO_SUFFIXES, SkippedFile, audio_files
from training.corpora.known import CORPORA, LANGUAGES, Corpus, title
from training.corpora.label_folders import COLUMNS, METADATA, label_level
from training.corpora.reading import (
    CorpusContents,
    check_root,
    corpus_folder,
    read_corpora,
    subfolders,
    table_folders,
)
from training.tables import table

OWN = "own"
"""Stands for a corpus of one's own in :func:`describe_corpus`."""

_WIDTH = 100
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class _CorpusRow:
    """A corpus that was looked for: its contents, or the fault that they cannot be read for."""

    name: str
    contents: CorpusContents | None = None
    fault: str = ""


def corpora_table(root: Path) -> str:
    """Tables of the corpora below a folder: clips, missing clips and skipped files.

    Corpora that are missing, or cannot be read, have rows as well.

    Raises
    ------
    UsageError
        The folder is missing, or holds no corpus at all.
    """
    check_root(root)
    rows = [_corpus_row(root, name) for name in [*CORPORA, *_own_names(root)]]
    if not any(row.contents or row.fault for row in rows):
        raise UsageError(
            f"{root} holds no corpus; expected are folders such as {', '.join(CORPORA)}, or one "
            "with a folder for each label."
        )
    contents_found = [row.contents for row in rows if row.contents]
    sections = [
        _size_table(rows),
        *(
            [_label_table(contents_found), _skipped_list(root, contents_found)]
            if contents_found
            else []
        ),
        "\n".join(_wrapped(f"{c.caution}.") for c in contents_found if c.caution),
        "\n".join(_wrapped(f"{title(row.name)}: {row.fault}") for row in rows if row.fault),
        _other_folders(root, rows),
        _absent_corpora([row.name for row in rows if not row.contents and not row.fault]),
    ]
    return "\n\n".join(section for section in sections if section)


def describe_corpus(name: str) -> str:
    """Source, terms, size and layout of a corpus, as text.

    Parameters
    ----------
    name
        Name of a known corpus, or ``own`` for the user's own recordings.

    Raises
    ------
    UsageError
        The name is neither.
    """
    if name == OWN:
        return _describe_own()
    if name not in CORPORA:
        raise UsageError(
            f"Nothing is known of a corpus '{name}'; choose among {', '.join(CORPORA)}, or {OWN} "
            "for recordings of your own."
        )
    return _describe_known(CORPORA[name])


# ----------------------------------------------------------------------------------------- listing


def _corpus_row(root: Path, name: str) -> _CorpusRow:
    if corpus_folder(root, name) is None:
        return _CorpusRow(name)
    try:
        (contents,) = read_corpora(root, [name])
    except SerError as error:
        return _CorpusRow(name, fault=str(error))
    return _CorpusRow(name, contents)


def _own_names(root: Path) -> list[str]:
    """Names of the folders with labels that are not those of a known corpus."""
    if any(corpus_folder(root, name) == root for name in CORPORA):
        return []
    if any(label_level(path, root) == 0 for path in audio_files(root)):
        return [root.resolve().name]
    taken = _known_folders(root)
    return [
        folder.name
        for folder in subfolders(root)
        if folder not in taken
        and any(label_level(path, folder) is not None for path in audio_files(folder))
    ]


def _known_folders(root: Path) -> set[Path]:
    """Folders of known corpora, with those of their tables."""
    folders = {corpus_folder(root, name) for name in CORPORA}
    tables = {folder for corpus in CORPORA.values() for folder in table_folders(root, corpus)}
    return {folder for folder in folders | tables if folder}


def _size_table(rows: Sequence[_CorpusRow]) -> str:
    header = ["corpus", "language", "clips", "official", "missing", "skipped", "speakers", "hours"]
    return table(header, [_size_cells(row) for row in rows], words=2)


def _size_cells(row: _CorpusRow) -> list[str]:
    known = CORPORA.get(row.name)
    official = str(known.official_clips) if known else "-"
    contents = row.contents
    if contents is None:
        state = "cannot be read" if row.fault else "not there"
        return [title(row.name), state, "-", official, *["-"] * 4]
    return [
        title(row.name),
        ", ".join(sorted({_language(clip.language) for clip in contents.clips})),
        str(len(contents.clips)),
        official,
        str(contents.missing) if known else "-",
        str(len(contents.skipped)),
        str(len({clip.speaker for clip in contents.clips})),
        f"{contents.seconds / 3600:.2f}",
    ]


def _language(code: str) -> str:
    return LANGUAGES.get(code, code)


def _label_table(contents_found: Sequence[CorpusContents]) -> str:
    counts = [Counter(clip.label for clip in contents.clips) for contents in contents_found]
    rows = [
        [title(contents.name), *(str(count[label] or "-") for label in LABELS)]
        for contents, count in zip(contents_found, counts, strict=True)
    ]
    return table(["clips of", *LABELS], rows)


def _skipped_list(root: Path, contents_found: Sequence[CorpusContents]) -> str:
    lines = []
    for contents in contents_found:
        by_reason: defaultdict[str, list[SkippedFile]] = defaultdict(list)
        for item in contents.skipped:
            by_reason[item.reason].append(item)
        for reason, items in by_reason.items():
            lines.append(_wrapped(f"{title(contents.name)}, {len(items)}: {reason}"))
            lines += [f"    {_skipped_path(root, item)}" for item in items[:_EXAMPLES]]
            if len(items) > _EXAMPLES:
                lines.append(f"    and {len(items) - _EXAMPLES} more")
    return "\n".join(["Skipped:", *lines]) if lines else ""


def _skipped_path(root: Path, item: SkippedFile) -> str:
    path = item.path.relative_to(root).as_posix()
    return f"{path} (see {item.other.relative_to(root).as_posix()})" if item.other else path


def _other_folders(root: Path, rows: Sequence[_CorpusRow]) -> str:
    known = _known_folders(root) | {corpus_folder(root, row.name) for row in rows}
    used = set(known)
    used |= {parent for folder in used if folder for parent in folder.parents}
    others = [folder.name for folder in subfolders(root) if folder not in used]
    if not others or root in known:
        return ""
    return _wrapped(
        f"No corpus, for they bear no known name and hold no folder named after an emotion: "
        f"{', '.join(others)}"
    )


def _absent_corpora(names: Sequence[str]) -> str:
    if not names:
        return ""
    return _wrapped(
        f"Not there: {', '.join(names)}. 'realtime-ser-train corpora --how {names[0]}' tells where "
        "to get it."
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


# ------------------------------------------------------------------------------------ descriptions


def _describe_known(corpus: Corpus) -> str:
    use = "commercial use allowed" if corpus.commercial else "no commercial use"
    if corpus.measured_only:
        use += "; to measure with, nothing that ships learns from it"
    people = f"{corpus.official_speakers} speakers, {LANGUAGES[corpus.language]}"
    facts = {
        "source": corpus.source,
        "licence": f"{corpus.licence} ({use})",
        "size": f"{corpus.official_clips} clips of these labels, {people}",
        "download": corpus.download,
        "labels": ", ".join(corpus.labels),
        "get it": corpus.instructions,
        "layout": f"{corpus.example} and so on, below the folder that --corpora names; the "
        f"folders between do not matter, and {', '.join(AUDIO_SUFFIXES)} will do",
    }
    return _definition_list(corpus.title, facts)


def _describe_own() -> str:
    facts = {
        "layout": "a folder for each label, below the folder that --corpora names: "
        "my_corpus/angry/SPEAKER/01.wav, my_corpus/SPEAKER/angry/01.wav or "
        "my_corpus/angry/SPEAKER_01.wav",
        "labels": f"{', '.join(LABELS)}; the folder may also be called anger, happiness, joy, "
        "sadness, fear, surprise and the like",
        "audio": f"{', '.join(AUDIO_SUFFIXES)}, of any rate; the first channel is heard",
        "speakers": "tell them apart, for a model scores too well on a voice that it has heard; "
        "files that tell none are taken for one unknown speaker's",
        "more": f"my_corpus/{METADATA}, if you like: a CSV file with the column file and any of "
        f"{', '.join(COLUMNS)}; what it says goes before what folders say",
        "recipe": "name the folder under corpora: in a recipe, such as corpora: [my_corpus]",
    }
    return _definition_list("Your own recordings", facts)


def _definition_list(heading: str, facts: Mapping[str, str]) -> str:
    lines = [
        textwrap.fill(
            text,
            _WIDTH,
            initial_indent=f"  {term:<10}",
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for term, text in facts.items()
    ]
    return "\n".join([heading, *lines])
