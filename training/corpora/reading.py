"""Finds the clips of corpora below a folder, whatever their folders and audio format."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from realtime_ser.audio.file import FileSource
from realtime_ser.base.errors import AudioFileError, UsageError
from training.corpora.clip import Clip
from training.corpora.files import SkippedFile, audio_files, format_rank
from training.corpora.fingerprint import find_twins
from training.corpora.known import CORPORA, Corpus, title
from training.corpora.label_folders import read_label_folders, with_classes
from training.corpora.recognition import named_after, recognised_folder

_TAIL_BYTES = 64
_FEW_SPEAKERS = 2


@dataclass(frozen=True, slots=True)
class CorpusContents:
    """Clips of a corpus, and its files that are not used.

    Attributes
    ----------
    name
        Name of a known corpus, or of the user's folder.
    clips
        Clips in the order of their names, without duplicates.
    missing
        Number of official clips that are not there; 0 for a user's corpus.
    skipped
        Files that are not used.
    seconds
        Duration of all clips together.
    """

    name: str
    clips: tuple[Clip, ...]
    missing: int
    skipped: tuple[SkippedFile, ...]
    seconds: float

    @property
    def caution(self) -> str:
        """What is to be known before a split by speakers; empty: nothing."""
        speakers = sorted({clip.speaker for clip in self.clips})
        if len(speakers) > _FEW_SPEAKERS:
            return ""
        who = "one speaker" if len(speakers) == 1 else f"{len(speakers)} speakers"
        return (
            f"{title(self.name)} has {who} ({', '.join(speakers)}): what is measured on it says "
            "nothing of other voices"
        )


def read_corpora(
    root: Path, names: Sequence[str], *, keep_twins: bool = False
) -> list[CorpusContents]:
    """Read corpora, each from the folder of its name below ``root``, or from ``root`` itself.

    A name that is not in :data:`training.corpora.CORPORA` is a folder with one folder for each
    label (:mod:`training.corpora.label_folders`). With ``keep_twins`` nobody looks for the same
    recording in other clothes, which takes long and matters to a split alone.

    Raises
    ------
    UsageError
        A folder is missing, or holds no clips of the corpus.
    SerError
        A table beside the audio is damaged.
    """
    check_root(root)
    contents = [_read_corpus(root, name) for name in names]
    return contents if keep_twins else without_twins(contents)


def check_root(root: Path) -> None:
    """Refuse a folder of corpora that is none.

    Raises
    ------
    UsageError
        There is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}; name the one that holds the corpora.")


def corpus_folder(root: Path, name: str) -> Path | None:
    """Folder of a corpus below ``root``, or ``root`` itself; ``None`` where there is none.

    Known corpora are found however their names are written (``CREMA-D`` is ``crema_d``), or else by
    the names of their files.
    """
    expected_name = _normalised(name) if name in CORPORA else name
    for folder in [*subfolders(root), root]:
        for spelling in (folder.name, folder.resolve().name):
            if (_normalised(spelling) if name in CORPORA else spelling) == expected_name:
                return folder
    return recognised_folder(root, name, _named_folders(root)) if name in CORPORA else None


def _named_folders(root: Path) -> frozenset[Path]:
    """Folders below ``root`` that bear the name of a known corpus."""
    names = {_normalised(name) for name in CORPORA}
    return frozenset(folder for folder in subfolders(root) if _normalised(folder.name) in names)


def subfolders(root: Path) -> list[Path]:
    """Folders directly below ``root``, in order, but for hidden ones."""
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def table_folders(root: Path, corpus: Corpus) -> list[Path]:
    """Folders such as ``crema_d_meta/``, which hold tables apart from the audio."""
    expected_name = _normalised(corpus.name + "meta")
    return [path for path in subfolders(root) if _normalised(path.name) == expected_name]


def _normalised(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read_corpus(root: Path, name: str) -> CorpusContents:
    corpus = CORPORA.get(name)
    folder = corpus_folder(root, name)
    if folder is None:
        raise UsageError(_no_folder(root, name))
    found, skipped = (
        read_label_folders(folder, name) if corpus is None else _known_clips(folder, corpus)
    )
    if not found:
        raise UsageError(f"{folder} holds no clip of {title(name)}; {_expected(name)}.")
    missing = 0
    if corpus is not None:
        missing = max(0, corpus.official_clips - len({(c.speaker, c.name) for c in found}))
    clips, second = _without_copies(found)
    clips, unreadable, seconds = _split_readable(clips)
    clips, duplicates = _without_duplicates(clips)
    if not clips:
        first = [*unreadable, *duplicates][0]
        raise UsageError(
            f"None of the clips in {folder} can be used; {first.path.name}: {first.reason}."
        )
    if corpus is None:
        clips = with_classes(clips)
    elif corpus.add_metadata is not None:
        clips = corpus.add_metadata(clips, [folder, *table_folders(root, corpus)])
    return CorpusContents(
        name,
        tuple(clips),
        missing,
        (*skipped, *second, *unreadable, *duplicates),
        sum(seconds[clip.path] for clip in clips),
    )


def _no_folder(root: Path, name: str) -> str:
    if name in CORPORA:
        return f"{root} holds no folder {name} with {title(name)}; {_expected(name)}."
    return (
        f"There is no corpus '{name}': neither is it one of {', '.join(CORPORA)}, nor does {root} "
        "hold a folder of that name."
    )


def _expected(name: str) -> str:
    if name not in CORPORA:
        return f"expected are files such as {name}/angry/SPEAKER/01.wav"
    corpus = CORPORA[name]
    return f"expected are files such as {corpus.example}, as they come from {corpus.source}"


def _known_clips(folder: Path, corpus: Corpus) -> tuple[list[Clip], list[SkippedFile]]:
    clips, skipped = [], []
    for path in audio_files(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        match = corpus.pattern.search(name)
        if corpus.copies and corpus.copies.search(name):
            skipped.append(SkippedFile(path, "a processed copy"))
        elif match is None:
            if named_after(path, folder) is None:  # or it lies beside another corpus's
                reason = f"its name is not that of a clip of {corpus.title}"
                skipped.append(SkippedFile(path, reason))
        elif match["emotion"] not in corpus.emotions:
            skipped.append(SkippedFile(path, "its emotion is none of the eight"))
        else:
            clips.append(_clip(path, corpus, match))
    clips.sort(key=lambda clip: (clip.speaker, clip.name, format_rank(clip.path)))
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
        sentence=match.groupdict().get("sentence"),
    )


def _without_copies(clips: Iterable[Clip]) -> tuple[list[Clip], list[SkippedFile]]:
    """Take the first of those that bear the same name: corpora are often unpacked twice."""
    kept: dict[str, Clip] = {}
    skipped = []
    for clip in clips:
        first = kept.setdefault(clip.name, clip)
        if first is not clip:
            skipped.append(SkippedFile(clip.path, "another copy of the same clip", first.path))
    return list(kept.values()), skipped


def _split_readable(
    clips: Iterable[Clip],
) -> tuple[list[Clip], list[SkippedFile], dict[Path, float]]:
    """Clips whose audio can be opened, the others, and how many seconds each lasts."""
    good, skipped, seconds = [], [], {}
    for clip in clips:
        try:
            source = FileSource(clip.path)
        except AudioFileError as error:
            reason = str(error).replace(f"{clip.path} ", "it ").rstrip(".")
            skipped.append(SkippedFile(clip.path, reason))
            continue
        lacking = [note.text for note in source.notes if note.lacks_sound]
        if lacking:
            skipped.append(SkippedFile(clip.path, f"it {lacking[0]}"))
            continue
        seconds[clip.path] = source.info.duration_s or 0.0
        good.append(clip)
    return good, skipped, seconds


def _without_duplicates(clips: Sequence[Clip]) -> tuple[list[Clip], list[SkippedFile]]:
    """Leave out duplicates, recordings under several names.

    Of duplicates with the same label the first is kept; with different labels, all are left out.
    """
    skipped: dict[Clip, SkippedFile] = {}
    # Decoding everything takes minutes; one encoder makes files of one length and one end from
    # the same sound.
    for suspects in _groups_of_equals(clips, _file_tail):
        for same in _groups_of_equals(suspects, _audio_digest):
            first, second, *_ = (clip.path for clip in same)
            if len({clip.label for clip in same}) == 1:
                skipped |= {
                    clip: SkippedFile(clip.path, "the same sound as another clip", first)
                    for clip in same[1:]
                }
            else:
                skipped |= {
                    clip: SkippedFile(
                        clip.path,
                        "the same sound under different emotions",
                        second if clip.path == first else first,
                    )
                    for clip in same
                }
    return [clip for clip in clips if clip not in skipped], list(skipped.values())


def without_twins(all_contents: Sequence[CorpusContents]) -> list[CorpusContents]:
    """Leave out recordings that are there again at another level, in another codec, or trimmed.

    Under another speaker or in another corpus they would be in training and test at once.
    """
    clips = [clip for contents in all_contents for clip in contents.clips]
    skipped: dict[Path, SkippedFile] = {}
    for twins in find_twins([clip.path for clip in clips]):
        first, second = clips[twins.first], clips[twins.second]
        if first.path in skipped or second.path in skipped:
            continue
        reason = "the same recording as another clip, at another level, in another codec or trimmed"
        if (first.corpus, first.speaker) != (second.corpus, second.speaker):
            reason += ", under another speaker"
        if first.label != second.label:
            reason += ", with another emotion"
            skipped[first.path] = SkippedFile(first.path, reason, second.path)
        skipped[second.path] = SkippedFile(second.path, reason, first.path)
    if not skipped:
        return list(all_contents)
    return [
        replace(
            contents,
            clips=tuple(clip for clip in contents.clips if clip.path not in skipped),
            skipped=(
                *contents.skipped,
                *(skipped[clip.path] for clip in contents.clips if clip.path in skipped),
            ),
        )
        for contents in all_contents
    ]


def _groups_of_equals(
    clips: Iterable[Clip], key_of: Callable[[Path], Hashable]
) -> list[list[Clip]]:
    groups: defaultdict[Hashable, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[key_of(clip.path)].append(clip)
    return [group for group in groups.values() if len(group) > 1]


def _file_tail(path: Path) -> Hashable:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        return size, file.read()


def _audio_digest(path: Path) -> Hashable:
    digest = hashlib.sha256()
    try:
        for block in FileSource(path).blocks():
            digest.update(block.tobytes())
    except AudioFileError:
        return path  # damaged further in: like no other
    return digest.digest()
