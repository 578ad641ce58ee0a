"""What is known of each corpus: where it comes from, and how its file names are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from realtime_ser.base.labels import LABELS
from training.corpora.clip import Clip
from training.corpora.crema_d import add_votes_and_sex


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus in its official layout.

    Attributes
    ----------
    name, title
        Key, and what people call it.
    language
        ISO 639-1 code.
    licence, commercial
        Under what terms it comes, and whether they allow commercial use.
    source
        Its official place.
    how
        What to fetch there.
    example
        A clip below the folder of the corpora, in the official layout; the folders between do not
        matter.
    files
        Pattern of a speaker's files in one folder, for a shell.
    official_clips, official_speakers
        Number of clips that the complete corpus has of its :attr:`labels`, and of its speakers.
    download
        How much there is to fetch, and who says so.
    pattern
        Matches the end of a clip's path without extension; groups ``speaker``, ``emotion``, and
        where there is one ``intensity``.
    emotions
        Label of each emotion's code; codes without a class are left out.
    sexes
        Sex of each speaker.
    intensities
        Word for each intensity's code.
    aliases
        Other spellings of a speaker.
    add_metadata
        Adds what lies in other files of the corpus, looked for in the given folders.
    """

    name: str
    title: str
    language: str
    licence: str
    commercial: bool
    source: str
    how: str
    example: str
    files: str
    official_clips: int
    official_speakers: int
    download: str
    pattern: re.Pattern[str]
    emotions: Mapping[str, str]
    sexes: Mapping[str, str] = field(default_factory=dict)
    intensities: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    add_metadata: Callable[[Sequence[Clip], Sequence[Path]], list[Clip]] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes it has, in the order of ``LABELS``."""
        return tuple(label for label in LABELS if label in self.emotions.values())


def _sexes(female: str, male: str) -> dict[str, str]:
    return dict.fromkeys(female.split(), "female") | dict.fromkeys(male.split(), "male")


def _ends_with(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|/)(?P<name>{pattern})$")


_KNOWN = (
    Corpus(
        name="ravdess",
        title="RAVDESS",
        language="en",
        licence="CC BY-NC-SA 4.0",
        commercial=False,
        source="https://zenodo.org/records/1188976",
        how="Fetch Audio_Speech_Actors_01-24.zip and unpack it.",
        example="ravdess/Actor_01/03-01-01-01-01-01-01.wav",
        files="03-01-*-{speaker}.*",
        official_clips=1440,
        official_speakers=24,
        download="0.2 GB, by its Zenodo page",
        pattern=_ends_with(
            r"03-01-(?P<emotion>0[1-8])-(?P<intensity>0[12])-0[12]-0[12]-(?P<speaker>\d\d)"
        ),
        emotions={
            "01": "neutral",
            "02": "calm",
            "03": "happy",
            "04": "sad",
            "05": "angry",
            "06": "fearful",
            "07": "disgust",
            "08": "surprised",
        },
        sexes={f"{actor:02}": "male" if actor % 2 else "female" for actor in range(1, 25)},
        intensities={"01": "normal", "02": "strong"},
    ),
    Corpus(
        name="crema_d",
        title="CREMA-D",
        language="en",
        licence="ODbL 1.0, contents DbCL 1.0",
        commercial=True,
        source="https://github.com/CheyneyComputerScience/CREMA-D",
        how="Clone it with git-lfs; listeners' votes are read from "
        "processedResults/tabulatedVotes.csv and the actors' sex from VideoDemographics.csv, there "
        "or in a folder crema_d_meta/ beside it.",
        example="crema_d/AudioWAV/1001_DFA_ANG_XX.wav",
        files="{speaker}_*",
        official_clips=7442,
        official_speakers=91,
        download="0.6 GB for AudioWAV/ alone, by the catalogue of TensorFlow Datasets",
        pattern=_ends_with(
            r"(?P<speaker>1\d{3})_[A-Z]{3}_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
            r"_(?P<intensity>LO|MD|HI|XX?)"
        ),
        emotions={
            "ANG": "angry",
            "DIS": "disgust",
            "FEA": "fearful",
            "HAP": "happy",
            "NEU": "neutral",
            "SAD": "sad",
        },
        intensities={"LO": "low", "MD": "medium", "HI": "high"},
        add_metadata=add_votes_and_sex,
    ),
    Corpus(
        name="emodb",
        title="EmoDB",
        language="de",
        licence="CC0 1.0, as audeering/emodb on GitHub gives it",
        commercial=True,
        source="http://emodb.bilderbar.info",
        how="Fetch the archive and unpack it; boredom is left out: it is none of the eight "
        "emotions.",
        example="emodb/wav/03a01Fa.wav",
        files="{speaker}???[WEAFTN]*",
        official_clips=454,
        official_speakers=10,
        download="0.04 GB packed, by a copy on Hugging Face",
        pattern=_ends_with(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-f]?"),
        emotions={
            "W": "angry",
            "E": "disgust",
            "A": "fearful",
            "F": "happy",
            "T": "sad",
            "N": "neutral",
        },
        sexes=_sexes(female="08 09 13 14 16", male="03 10 11 12 15"),
    ),
    Corpus(
        name="tess",
        title="TESS",
        language="en",
        licence="CC BY-NC-ND 4.0",
        commercial=False,
        source="https://doi.org/10.5683/SP2/E8H2MF",
        how="Fetch the data set and unpack it.",
        example="tess/OAF_Fear/OAF_back_fear.wav",
        files="{speaker}_*",
        official_clips=2800,
        official_speakers=2,
        download="0.2 GB packed, by a copy on Hugging Face",
        pattern=_ends_with(
            r"(?P<speaker>OAF?|YAF)_[a-z-]+_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)"
        ),
        emotions={
            "angry": "angry",
            "disgust": "disgust",
            "fear": "fearful",
            "happy": "happy",
            "neutral": "neutral",
            "ps": "surprised",
            "sad": "sad",
        },
        sexes=_sexes(female="OAF YAF", male=""),
        aliases={"OA": "OAF"},  # OA_bite_neutral
    ),
    Corpus(
        name="nemo",
        title="nEMO",
        language="pl",
        licence="CC BY-NC-SA 4.0",
        commercial=False,
        source="https://github.com/amu-cai/nEMO",
        how="Fetch the data set and unpack its samples.",
        example="nemo/samples/EB0_anger_1.wav",
        files="{speaker}_*",
        official_clips=4481,
        official_speakers=9,
        download="0.5 GB, by its copy on Hugging Face",
        pattern=_ends_with(
            r"(?P<speaker>[A-Z]{2}\d)"
            r"_(?P<emotion>anger|fear|happiness|neutral|sadness|surprised)_\d+"
        ),
        emotions={
            "anger": "angry",
            "fear": "fearful",
            "happiness": "happy",
            "neutral": "neutral",
            "sadness": "sad",
            "surprised": "surprised",
        },
        sexes=_sexes(female="EB0 IC0 KD0 MK0", male="KS0 MP0 SM0 TP0 WR0"),
    ),
    Corpus(
        name="savee",
        title="SAVEE",
        language="en",
        licence="free for research, not to be passed on",
        commercial=False,
        source="http://kahlan.eps.surrey.ac.uk/savee/",
        how="Register, fetch AudioData.zip and unpack it; names like DC_a01.wav will do as well.",
        example="savee/AudioData/DC/a01.wav",
        files="{speaker}_*",
        official_clips=480,
        official_speakers=4,
        download="size not known",
        pattern=_ends_with(r"(?P<speaker>DC|JE|JK|KL)[_/](?P<emotion>sa|su|[adfhn])\d\d"),
        emotions={
            "a": "angry",
            "d": "disgust",
            "f": "fearful",
            "h": "happy",
            "n": "neutral",
            "sa": "sad",
            "su": "surprised",
        },
        sexes=_sexes(female="", male="DC JE JK KL"),
    ),
)

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "German", "pl": "Polish"}
"""Names of languages by their ISO 639-1 codes."""

CORPORA: Mapping[str, Corpus] = {corpus.name: corpus for corpus in _KNOWN}
"""The corpora that can be read, by name."""


def title(name: str) -> str:
    """How a corpus is called in tables and figures; one that is not known goes by its folder."""
    return CORPORA[name].title if name in CORPORA else name
