"""Finds the clips of corpora below a folder, whatever their folders and audio format."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime_ser.audio.file import FileSource
from realtime_ser.errors import AudioFileError, UsageError
from training.corpora.clip import Clip
from training.corpora.known import CORPORA, Corpus

#: Of two copies of a clip, the one whose extension comes first is taken.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")

_TAIL = 64


@dataclass(frozen=True, slots=True)
class Skipped:
    """An audio file that is not used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class CorpusContents:
    """What was found of a corpus.

    Attributes
    ----------
    corpus
        What is known of it.
    clips
        Its clips, in the order of their names, no recording twice.
    missing
        How many of its official clips are not there.
    skipped
        Audio files that are not used.
    """

    corpus: Corpus
    clips: tuple[Clip, ...]
    missing: int
    skipped: tuple[Skipped, ...]


def read_corpora(root: Path, names: Sequence[str]) -> list[CorpusContents]:
    """Read corpora, each from the folder of its name below ``root``, or from ``root`` itself.

    Raises
    ------
    UsageError
        An unknown corpus, or a folder that does not hold what was expected.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}; name the one that holds the corpora.")
    return [_read_corpus(root, _known(name)) for name in names]


def _known(name: str) -> Corpus:
    if name not in CORPORA:
        raise UsageError(f"There is no corpus '{name}'; choose among {', '.join(CORPORA)}.")
    return CORPORA[name]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read_corpus(root: Path, corpus: Corpus) -> CorpusContents:
    folder = _folder(root, corpus)
    found, skipped = _clips_in(folder, corpus)
    if not found:
        raise UsageError(f"{folder} holds no clip of {corpus.title}; {_expected(corpus)}.")
    missing = corpus.official_clips - len({(clip.speaker, clip.name) for clip in found})
    clips, second = _without_copies(found)
    clips, bad = _readable(clips)
    clips, again = _without_duplicates(clips)
    if corpus.complete is not None:
        clips = corpus.complete(clips, [folder, *_beside(root, corpus)])
    return CorpusContents(corpus, tuple(clips), max(0, missing), (*skipped, *second, *bad, *again))


def _folder(root: Path, corpus: Corpus) -> Path:
    wanted = _plain(corpus.name)
    for folder in [*sorted(path for path in root.iterdir() if path.is_dir()), root]:
        if _plain(folder.resolve().name) == wanted or _plain(folder.name) == wanted:
            return folder
    raise UsageError(
        f"{root} holds no folder {corpus.name} with {corpus.title}; {_expected(corpus)}."
    )


def _expected(corpus: Corpus) -> str:
    return f"expected are files such as {corpus.example}, as they come from {corpus.source}"


def _beside(root: Path, corpus: Corpus) -> list[Path]:
    """Folders such as ``crema_d_meta/``, which hold tables apart from the audio."""
    wanted = _plain(corpus.name + "meta")
    return [
        path for path in sorted(root.iterdir()) if path.is_dir() and _plain(path.name) == wanted
    ]


def _clips_in(folder: Path, corpus: Corpus) -> tuple[list[Clip], list[Skipped]]:
    clips, skipped = [], []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.name.startswith("."):
            continue
        match = corpus.pattern.search(path.relative_to(folder).with_suffix("").as_posix())
        if match is None:
            skipped.append(Skipped(path, f"its name is not that of a clip of {corpus.title}"))
        elif match["emotion"] not in corpus.emotions:
            skipped.append(Skipped(path, "its emotion is none of the eight"))
        else:
            clips.append(_clip(path, corpus, match))
    clips.sort(key=lambda clip: (clip.speaker, clip.name, _preference(clip.path)))
    return clips, skipped


def _clip(path: Path, corpus: Corpus, match: re.Match[str]) -> Clip:
    speaker = corpus.aliases.get(match["speaker"], match["speaker"])
    intensity = match.groupdict().get("intensity")
    return Clip(
        corpus=corpus.name,
        path=path,
        name=match["name"].replace("/", "_"),
        speaker=speaker,
        label=corpus.emotions[match["emotion"]],
        language=corpus.language,
        classes=corpus.labels,
        sex=corpus.sexes.get(speaker),
        intensity=corpus.intensities.get(intensity) if intensity else None,
    )


def _preference(path: Path) -> tuple[int, str]:
    return AUDIO_SUFFIXES.index(path.suffix.lower()), path.as_posix()


def _without_copies(clips: Iterable[Clip]) -> tuple[list[Clip], list[Skipped]]:
    """Take the first of those that bear the same name: corpora are often unpacked twice."""
    kept: dict[str, Clip] = {}
    skipped = []
    for clip in clips:
        first = kept.setdefault(clip.name, clip)
        if first is not clip:
            skipped.append(Skipped(clip.path, f"another copy of {first.path}"))
    return list(kept.values()), skipped


def _readable(clips: Iterable[Clip]) -> tuple[list[Clip], list[Skipped]]:
    good, skipped = [], []
    for clip in clips:
        try:
            FileSource(clip.path)
        except AudioFileError as error:
            skipped.append(Skipped(clip.path, str(error)))
        else:
            good.append(clip)
    return good, skipped


def _without_duplicates(clips: Sequence[Clip]) -> tuple[list[Clip], list[Skipped]]:
    """Leave out recordings that are there under two names.

    Of those with one label the first is kept; where the labels differ, nobody knows which is
    right, and all go.
    """
    skipped: dict[Clip, Skipped] = {}
    # Decoding everything takes minutes; one encoder makes files of one length and one end from
    # the same sound.
    for suspects in _alike(clips, _end):
        for same in _alike(suspects, _sound):
            first, *rest = same
            if len({clip.label for clip in same}) == 1:
                skipped |= {
                    clip: Skipped(clip.path, f"the same sound as {first.path}") for clip in rest
                }
            else:
                names = " and ".join(clip.name for clip in same)
                reason = f"the same sound under different emotions: {names}"
                skipped |= {clip: Skipped(clip.path, reason) for clip in same}
    return [clip for clip in clips if clip not in skipped], list(skipped.values())


def _alike(clips: Iterable[Clip], trait: Callable[[Path], Hashable]) -> list[list[Clip]]:
    groups: defaultdict[Hashable, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[trait(clip.path)].append(clip)
    return [group for group in groups.values() if len(group) > 1]


def _end(path: Path) -> Hashable:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        return size, file.read()


def _sound(path: Path) -> Hashable:
    digest = hashlib.sha256()
    try:
        for block in FileSource(path).blocks():
            digest.update(block.tobytes())
    except AudioFileError:
        return path  # damaged further in: like no other
    return digest.digest()
