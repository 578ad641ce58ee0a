"""Corpora of acted emotional speech: the known ones, and their clips on a disk."""

from __future__ import annotations

from training.corpora.clip import Clip
from training.corpora.files import AUDIO_SUFFIXES, SkippedFile
from training.corpora.known import CORPORA, Corpus, title
from training.corpora.reading import CorpusContents, read_corpora

__all__ = [
    "AUDIO_SUFFIXES",
    "CORPORA",
    "Clip",
    "Corpus",
    "CorpusContents",
    "SkippedFile",
    "read_corpora",
    "title",
]
