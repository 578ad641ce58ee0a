"""Reference systems: published or measured figures on unseen speakers.

Numbers on random splits over clips, or of the best epoch on the test set, are not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

CLASSES: Mapping[str, int] = {"ravdess": 8, "crema_d": 6, "emodb": 6}
"""Number of classes for which the figures on each corpus hold."""

Measure = Literal["UAR", "accuracy"]


@dataclass(frozen=True, slots=True)
class Score:
    """Figure of a system on a corpus, 0 to 1."""

    value: float
    measure: Measure = "UAR"
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceSystem:
    """A system.

    Attributes
    ----------
    system
        Name of the system.
    parameters
        Number of parameters, as text.
    streams
        Ability to answer while somebody speaks, as text; empty if unknown.
    scores
        Figures by corpus.
    seen
        Whether the figures were measured on the same copies of the corpora as those of this
        project's models; otherwise they are the published ones.
    """

    system: str
    parameters: str
    streams: str
    scores: Mapping[str, Score]
    seen: bool = False


def _scores(
    ravdess: float | None = None,
    crema_d: float | None = None,
    measure: Measure = "UAR",
    note: str = "",
) -> dict[str, Score]:
    values = {"ravdess": ravdess, "crema_d": crema_d}
    return {
        name: Score(value, measure, note) for name, value in values.items() if value is not None
    }


REFERENCE_SYSTEMS: tuple[ReferenceSystem, ...] = (
    ReferenceSystem("MFCC + SVM", "–", "", _scores(0.35)),
    ReferenceSystem("log-mel CNN", "98 k", "", _scores(0.42)),
    ReferenceSystem("MFCC + LSTM", "0.8 M", "", _scores(0.31, 0.60)),
    ReferenceSystem("CNN-BiLSTM", "0.9 M", "", _scores(0.42, 0.63)),
    ReferenceSystem(
        "ResLSTM with attention (34 MFCC + 12 chroma)",
        "47 k",
        "needs the whole utterance",
        _scores(0.623, note="± 0.012"),
    ),
    ReferenceSystem(
        "openSMILE eGeMAPS functionals + SVM",
        "–",
        "per utterance",
        {
            "ravdess": Score(0.493),
            "crema_d": Score(0.58, note="fold 1"),
            "emodb": Score(0.66),
        },
        seen=True,
    ),
    ReferenceSystem(
        "causal 1-D CNN + LSTM on 40 MFCC from scratch, corpora pooled",
        "0.4 M",
        "yes",
        {
            "ravdess": Score(0.375, note="fold 1"),
            "crema_d": Score(0.593, note="fold 1"),
            "emodb": Score(0.59),
        },
        seen=True,
    ),
    ReferenceSystem(
        "BYOL-S frozen + linear",
        "0.6 M",
        "",
        {"ravdess": Score(0.61), "crema_d": Score(0.65, note="fold 1")},
        seen=True,
    ),
    ReferenceSystem(
        "BYOL-S frozen, 80 ms frames + causal LSTM",
        "0.8 M",
        "yes",
        {
            "ravdess": Score(0.566, note="fold 1, trained on it alone"),
            "crema_d": Score(0.68, note="fold 1"),
        },
        seen=True,
    ),
    ReferenceSystem("FRILL", "10 M", "fixed windows", _scores(crema_d=0.709, measure="accuracy")),
    ReferenceSystem("TRILL", "24 M", "fixed windows", _scores(crema_d=0.657, measure="accuracy")),
    ReferenceSystem("wav2vec2-base, frozen", "95 M", "no", _scores(0.543)),
    ReferenceSystem("HuBERT-base, frozen", "95 M", "no", _scores(0.654)),
    ReferenceSystem("HuBERT-base, fine-tuned", "95 M", "no", _scores(crema_d=0.720)),
    ReferenceSystem("HuBERT-large, frozen", "317 M", "no", _scores(0.700)),
    ReferenceSystem("WavLM-large, frozen", "317 M", "no", _scores(0.720)),
    ReferenceSystem("Whisper-large-v3 encoder, frozen", "637 M", "no", _scores(0.753)),
    ReferenceSystem(
        "TRILLsson 1, distilled", "5 M", "2 s windows", _scores(crema_d=0.813, measure="accuracy")
    ),
    ReferenceSystem(
        "xlsr-wav2vec2, fine-tuned, 5 folds",
        "317 M",
        "no",
        _scores(0.818, measure="accuracy"),
    ),
    ReferenceSystem(
        "people, who hear the voice alone",
        "–",
        "",
        {
            "ravdess": Score(0.67, "accuracy"),
            "crema_d": Score(0.40, "accuracy", "one listener; the majority of listeners: 0.42"),
        },
    ),
)


def comparable_systems(classes: Mapping[str, int]) -> list[ReferenceSystem]:
    """Reference systems with figures for these corpora, given the number of classes of each."""
    comparable = {name for name, count in classes.items() if CLASSES.get(name) == count}
    found = []
    for own in REFERENCE_SYSTEMS:
        scores = {name: score for name, score in own.scores.items() if name in comparable}
        if scores:
            found.append(ReferenceSystem(own.system, own.parameters, own.streams, scores, own.seen))
    return found
