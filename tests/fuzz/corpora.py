"""Folders of recordings as downloads and people leave them, and the tables beside them."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from random import Random

import soundfile

from tests.audio.sounds import RATE
from tests.fuzz.kind import FindingError, Kind, Place
from tests.fuzz.mutation import WORDS, changed_bytes, changed_text
from tests.fuzz.sounds import speech

_NAMES = (
    *("03-01-03-01-02-01-07.wav", "03-01-05-02-01-01-12.wav", "03-01-99-02-01-01-99.wav"),
    *("1001_DFA_ANG_XX.wav", "1040_ITH_SAD_X.wav", "03a01Fa.wav", "11b03Wb.wav"),
    *("OAF_back_angry.wav", "YAF_dog_ps.wav", "01.wav", "anna_01.wav", "._x.wav", "x.WAV", "x.mp3"),
    *("text.txt", ".DS_Store", "a\nb.wav", "\x1b[2J.wav", "é.wav", "x" * 200 + ".wav", " .wav"),
)
_FOLDERS = (
    *("angry", "happy", "suprised", "sad", "neutral", "own", "anna", "RAVDESS", "CREMA-D", "EmoDB"),
    *("TESS", "Actor_01", "AudioWAV", "__MACOSX", ".git", "crema_d_meta", "metadata.csv", "wav"),
)
_METADATA = "file,speaker,sex,language,intensity\nangry/anna/01.wav,anna,F,de,strong\n01.wav,b,,,\n"
_VOTES = '"",A,D,F,H,N,S,fileName,numResponses\n100001,1,0,0,2,5,0,1001_DFA_ANG_XX,8\n'
_ACTORS = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n"
_PREDICTIONS = (
    "corpus,clip,speaker,label,answer,angry,happy,sad\n"
    "own,01,anna,angry,angry,0.8,0.1,0.1\nown,02,bob,sad,,,,\n"
)


def _prepare(folder: Path) -> None:
    sound = speech()
    for number in range(5):
        soundfile.write(folder / f"{number}.wav", sound[4000 * number // 5 :][:12_000], RATE)


# ------------------------------------------------------------------------------------------- trees


def _make_tree(place: Place, chance: Random) -> None:
    root = place.input / "corpora"
    folders = [root]
    root.mkdir()
    for _ in range(chance.randint(1, 8)):
        folder = chance.choice(folders) / chance.choice((*_FOLDERS, *_FOLDERS, "a b", "ä"))
        with contextlib.suppress(OSError):
            folder.mkdir()
            folders.append(folder)
    whole = [path.read_bytes() for path in sorted(place.whole.iterdir())]
    for _ in range(chance.randint(1, 14)):
        with contextlib.suppress(OSError, ValueError):
            _add_file(chance.choice(folders), root, whole, chance)
    tables = (
        ("metadata.csv", _METADATA),
        ("tabulatedVotes.csv", _VOTES),
        ("VideoDemographics.csv", _ACTORS),
    )
    for name, text in tables:
        if chance.random() < 0.3:
            with contextlib.suppress(OSError):
                (chance.choice(folders) / name).write_bytes(changed_text(text, chance))


def _add_file(folder: Path, root: Path, whole: list[bytes], chance: Random) -> None:
    name = chance.choice(_NAMES) if chance.random() < 0.9 else chance.choice(WORDS)[:200] + ".wav"
    path: Path = folder / name
    if os.path.lexists(path) or path.parent != folder:  # a name that leads elsewhere is none
        return
    match chance.randrange(14):
        case 0:
            path.touch()
        case 1:
            path.symlink_to(chance.choice((root, folder, Path("nowhere"), Path("/dev/zero"), path)))
        case 2:
            os.mkfifo(path)
        case 3:
            with path.open("wb") as file:
                file.truncate(2**28)
        case 4:
            path.write_bytes(changed_bytes(chance.choice(whole), chance, 60))
        case 5:
            path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        case 6:
            (folder / os.fsdecode(b"\xff\xe9.wav")).write_bytes(chance.choice(whole))
        case _:
            path.write_bytes(chance.choice(whole))


def _take_tree(place: Place, chance: Random) -> None:
    from training.cli import main as train

    root = place.input / "corpora"
    arguments = ["corpora", "--corpora", str(root)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = train(arguments)
    if code not in (0, 1, 2) or (code and "error: " not in err.getvalue()):
        raise FindingError(f"exit code {code}: {err.getvalue()}")
    place.refused = code != 0
    if chance.random() < 0.1:
        place.command("analyze", root, "--jobs", "1", "--out", place.output)


TREES = Kind("corpora", _prepare, _make_tree, _take_tree)


# ------------------------------------------------------------------------------------------ tables


def _no_preparation(_folder: Path) -> None:
    pass


def _make_table(place: Place, chance: Random) -> None:
    (place.input / "metadata.csv").write_bytes(changed_text(_METADATA, chance))
    (place.input / "tabulatedVotes.csv").write_bytes(changed_text(_VOTES, chance))
    (place.input / "VideoDemographics.csv").write_bytes(changed_text(_ACTORS, chance))
    (place.input / "predictions.csv").write_bytes(changed_text(_PREDICTIONS, chance))


def _take_table(place: Place, _chance: Random) -> None:
    from training.corpora.crema_d import add_votes_and_sex
    from training.corpora.label_folders import read_label_folders
    from training.measure.predictions import read_predictions

    place.call(read_label_folders, place.input, "own")
    place.call(add_votes_and_sex, [], [place.input])
    place.call(read_predictions, place.input / "predictions.csv")


TABLES = Kind("tables", _no_preparation, _make_table, _take_table)
