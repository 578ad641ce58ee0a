"""Fit of the judge that tells a voice from what is none, and what it is worth.

The judge learns from training speakers of joint fold 1, as recorded and changed, from whispers and
synthetic voices made of them, and from synthesised sounds; its thresholds are chosen on validation
speakers; test speakers, and sounds drawn anew, measure it through the live path.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.files import write_whole
from realtime_ser.base.labels import LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import STEP_S, Quality, Segment, Update
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.segmenter import Segmenter
from realtime_ser.recogniser.voice_features import FEATURES, SegmentFeatures
from realtime_ser.recogniser.voice_judge import (
    KINDS,
    NUMBERS,
    JudgeNumbers,
    VoiceJudge,
    shipped_judge,
)
from training.corpora import Clip, read_corpora, title
from training.folds import SplitPart, joint_fold, part_of
from training.measure.live_path import analyse
from training.measure.metrics import uar
from training.sound.augment import Augmenter
from training.sound.augmentation import (
    Augmentation,
    BandSettings,
    CodecSettings,
    NoiseSettings,
    RoomSettings,
)
from training.sound.nonvoices import HUMAN, NONVOICES, synthetic_voice, whispered
from training.sound.recordings import samples_16k
from training.sound.seeding import generator
from training.tables import table
from training.workers import map_in_processes

CORPORA = ("ravdess", "crema_d", "emodb", "nemo", "tess")
MEASURED = ("ravdess", "crema_d", "emodb")

_CHANGE = Augmentation(
    copies=1,
    rate=(0.82, 1.22),
    room=RoomSettings(),
    noise=NoiseSettings(
        snr_db=(2.0, 40.0), kinds=("white", "pink", "blue", "hum", "rain"), chance=0.6
    ),
    band=BandSettings(cutoff_hz=(3000.0, 6000.0)),
    codec=CodecSettings(),
    gain_db=15.0,
)
_HIDDEN = 32
_DECAY = 1.0
_DRAWN = 40_000
"""Steps of each half of the training: voices, and everything else."""

_MADE_SHARE = 0.25
"""Share of the clips of which a whisper is made, and of which a synthetic voice is."""
_LOST = {"recorded": 0.006, "changed": 0.02}
"""Greatest share of the validation segments that the network may lose."""

_FARTHEST = 4.0
"""Distance of an unusual voice by that of the farthest hundredth of the validation segments: other
languages and synthesised voices lie up to 3.3 times as far."""

_BALANCED_STRIDE = 3

Way: TypeAlias = Literal["recorded", "changed", "whispered", "synthetic"]


@dataclass(frozen=True, slots=True)
class VoiceSize:
    """Number of clips of each part, of sounds of each kind, and of processes."""

    clips: int
    sounds: int
    jobs: int


@dataclass(frozen=True, slots=True)
class JudgedSound:
    """A recording, or a synthesised sound.

    Attributes
    ----------
    part
        Part of the fold.
    kind
        Name of the corpus, or of the kind of sound.
    way
        How a recording is heard.
    seed
        Seed of all draws.
    clip
        The recording; ``None`` for a synthesised sound.
    """

    part: SplitPart
    kind: str
    way: Way
    seed: int
    clip: Clip | None = None

    @property
    def output(self) -> int:
        """Place in :data:`KINDS`."""
        if self.way == "whispered" or self.kind in HUMAN:
            return KINDS.index("unusual voice")
        return KINDS.index("no voice" if self.clip is None else "voice")

    def samples(self) -> NDArray[np.float32]:
        """The sound at 16 kHz, shape ``(n,)``."""
        key = f"{self.part} {self.kind} {self.seed} {self.clip.name if self.clip else ''}"
        random = generator(self.seed, "judged sound", key)
        change = Augmenter(_CHANGE, self.seed)
        if self.clip is not None:
            sound = samples_16k(self.clip.path)
            if self.way == "recorded":
                return sound
            if self.way == "whispered":
                sound = 0.05 * whispered(sound, random)
            if self.way == "synthetic":
                sound = 0.05 * synthetic_voice(sound, random)
            return change(sound, key)
        maker = {**NONVOICES, **HUMAN}[self.kind]
        sound = maker(random.uniform(2.0, 6.0), random)
        pause = np.zeros(round(random.uniform(0.0, 32_000.0)), np.float32)
        sound = np.concatenate([pause[: len(pause) * int(random.random() < 0.3)], sound])
        level = np.float32(10.0 ** (random.uniform(-45.0, -12.0) / 20.0))
        sound = np.clip(level * sound, -1.0, 1.0)
        return sound if random.random() < 0.4 else change(sound, key)


# -------------------------------------------------------------------------------------------- fit


def read_voices(root: Path) -> list[Clip]:
    """Clips of all corpora that the judge knows.

    Raises
    ------
    SerError
        A corpus is not there.
    """
    return [clip for contents in read_corpora(root, CORPORA) for clip in contents.clips]


def fit_judge(clips: Sequence[Clip], size: VoiceSize) -> JudgeNumbers:
    """Fit the judge to training speakers, and choose its thresholds on validation speakers.

    Raises
    ------
    SerError
        A clip cannot be read.
    """
    sounds = [
        *judged_sounds(clips, "train", size),
        *judged_sounds(clips, "validation", replace(size, clips=size.clips // 2)),
    ]
    vectors = map_in_processes(_vectors, sounds, size.jobs, "Hearing voices and other sounds")
    trained = [pair for pair in zip(sounds, vectors, strict=True) if pair[0].part == "train"]
    chosen = [pair for pair in zip(sounds, vectors, strict=True) if pair[0].part != "train"]
    numbers = _fit(trained)
    return _with_thresholds(numbers, chosen)


def judged_sounds(clips: Sequence[Clip], part: SplitPart, size: VoiceSize) -> list[JudgedSound]:
    """Recordings and synthesised sounds of a part; those of each corpus are as many."""
    return [*_recordings(clips, part, size.clips), *_synthesised(part, size.sounds)]


def _recordings(clips: Sequence[Clip], part: SplitPart, count: int) -> Iterator[JudgedSound]:
    fold, corpora = joint_fold(1), CORPORA if part == "train" else MEASURED
    for corpus in corpora:
        own = [one for one in clips if one.corpus == corpus and part_of(one, fold) == part]
        random = generator(0, "judged clips", part, corpus)
        for number in random.permutation(len(own))[: count // len(corpora)]:
            clip = own[int(number)]
            yield JudgedSound(part, corpus, "recorded", 0, clip)
            if part == "test":
                continue
            yield JudgedSound(part, corpus, "changed", 0, clip)
            for way in ("whispered", "synthetic"):
                if random.random() < _MADE_SHARE:
                    yield JudgedSound(part, corpus, way, 0, clip)


def _synthesised(part: SplitPart, count: int) -> Iterator[JudgedSound]:
    first = {"train": 0, "validation": 10_000, "test": 20_000}[part]
    for kind in (*NONVOICES, *HUMAN):
        for seed in range(first, first + (count if part == "train" else count // 2)):
            yield JudgedSound(part, kind, "recorded", seed)


def _vectors(sound: JudgedSound) -> NDArray[np.float32]:
    """Features at some steps of each segment, and its number, shape ``(steps, features + 1)``."""
    features, rows, number = SegmentFeatures(), list[NDArray[np.float64]](), 0
    for step in Segmenter(FeatureParams(), GateConfig()).push(sound.samples()):
        if step.segment_start is not None:
            features.restart()
            number += 1
        for span in step.spans:
            features.push(span)
        if step.voiced and step.speech and step.index % _BALANCED_STRIDE == 0:
            rows.append(np.append(features.vector(), number))
    return np.array(rows, np.float32).reshape(-1, len(FEATURES) + 1)


_Heard: TypeAlias = Sequence[tuple[JudgedSound, NDArray[np.float32]]]


def _fit(heard: _Heard) -> JudgeNumbers:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    inputs = np.concatenate([rows[:, :-1] for _, rows in heard]).astype(np.float64)
    outputs = np.repeat([sound.output for sound, _ in heard], [len(rows) for _, rows in heard])
    groups = np.repeat([_group(sound) for sound, _ in heard], [len(rows) for _, rows in heard])
    centre, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    values = (inputs - centre) / scale
    random = generator(0, "judged steps")
    names = [name for name in sorted(set(groups)) if name != "voice"]
    drawn = [random.choice(np.flatnonzero(groups == "voice"), _DRAWN)] + [
        random.choice(np.flatnonzero(groups == name), _DRAWN // len(names)) for name in names
    ]
    places = np.concatenate(drawn)
    network = MLPClassifier(
        (_HIDDEN,),
        alpha=_DECAY,
        batch_size=256,
        learning_rate_init=2e-3,
        max_iter=40,
        n_iter_no_change=40,
        random_state=0,
    )
    with warnings.catch_warnings():  # it stops after so many passes
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(values[places], outputs[places])
    mean, whitening = _spread(values[outputs == KINDS.index("voice")])
    return JudgeNumbers(
        features=FEATURES,
        centre=_rounded(centre),
        scale=_rounded(scale),
        weights=tuple(_rounded_rows(weights) for weights in network.coefs_),
        biases=tuple(_rounded(biases) for biases in network.intercepts_),
        voice_threshold=0.5,
        mean=_rounded(mean),
        whitening=_rounded_rows(whitening),
        distance_threshold=float("inf"),
    )


def _group(sound: JudgedSound) -> str:
    if sound.clip is None:
        return sound.kind
    return "whisper" if sound.way == "whispered" else "voice"


def _spread(voices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of voices, and the matrix that makes their spread round.

    How long they have been heard counts for nothing.
    """
    heard = FEATURES.index("heard")
    others = [place for place in range(len(FEATURES)) if place != heard]
    known = voices[voices[:, heard] > 0.0][:, others]
    covariance = np.cov(known.T)
    covariance += 0.02 * np.diag(np.diag(covariance))
    whitening = np.zeros((len(FEATURES), len(others)))
    whitening[others] = np.linalg.cholesky(np.linalg.inv(covariance))
    mean = np.zeros(len(FEATURES))
    mean[others] = known.mean(axis=0)
    return mean, whitening


def _with_thresholds(numbers: JudgeNumbers, heard: _Heard) -> JudgeNumbers:
    """Numbers with the thresholds that lose few segments of validation speakers."""
    judge = VoiceJudge(numbers)
    measures: defaultdict[Way, list[tuple[float, float]]] = defaultdict(list)
    for sound, rows in heard:
        if sound.clip is None or sound.way not in _LOST:
            continue
        for number in sorted(set(rows[:, -1].tolist())):
            last = rows[rows[:, -1] == number][-1, :-1].astype(np.float64)
            probabilities, distance = judge.measure(last)
            measures[sound.way].append((float(probabilities[0]), distance))
    lowest = [
        float(np.quantile([voice for voice, _ in measures[way]], _LOST[way]))
        for way in ("recorded", "changed")
    ]
    farthest = float(np.quantile([distance for _, distance in measures["recorded"]], 0.99))
    return numbers.model_copy(
        update={
            "voice_threshold": round(float(np.clip(min(lowest), 0.2, 0.6)), 4),
            "distance_threshold": round(_FARTHEST * farthest, 3),
        }
    )


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values.tolist())


def _rounded_rows(values: NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    return tuple(_rounded(row) for row in values)


# ---------------------------------------------------------------------------------------- measure


@dataclass(frozen=True, slots=True)
class HeardSound:
    """What the live path made of a sound.

    Attributes
    ----------
    speech, certain_before, certain
        Number of speech steps, of those whose confidence reaches the threshold, and of certain
        ones.
    qualities
        Quality and voiced duration of each segment.
    label, label_before
        The label of the segments that count, and of all, among those of the clip's corpus;
        ``None``: there is none.
    """

    speech: int
    certain_before: int
    certain: int
    qualities: tuple[tuple[Quality, float], ...]
    label: str | None
    label_before: str | None


def measure_judge(clips: Sequence[Clip], bundle: Bundle, size: VoiceSize) -> dict[str, Any]:
    """What the judge that ships does to a model's results: kinds of sounds, and corpora.

    Raises
    ------
    SerError
        A clip cannot be read.
    """
    sounds = judged_sounds(clips, "test", size)
    heard = map_in_processes(partial(_hear, bundle), sounds, size.jobs, "Measuring the judge")
    groups: defaultdict[str, list[tuple[JudgedSound, HeardSound]]] = defaultdict(list)
    for sound, result in zip(sounds, heard, strict=True):
        groups[sound.kind].append((sound, result))
    return {
        "kinds": {
            kind: _kind_figures([result for _, result in groups[kind]])
            for kind in (*NONVOICES, *HUMAN)
        },
        "speech": {name: _speech_figures(groups[name]) for name in MEASURED},
    }


def measure_recordings(bundle: Bundle, folder: Path, jobs: int) -> dict[str, Any]:
    """What the judge makes of recordings that nothing learned from: a folder for each kind.

    Raises
    ------
    SerError
        A recording cannot be read.
    """
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    heard = map_in_processes(partial(_hear_file, bundle), paths, jobs, "Hearing recordings")
    groups: defaultdict[str, list[HeardSound]] = defaultdict(list)
    for path, result in zip(paths, heard, strict=True):
        groups[path.parent.name].append(result)
    return {kind: _kind_figures(results) for kind, results in groups.items()}


def _hear_file(bundle: Bundle, path: Path) -> HeardSound:
    return _heard(bundle, samples_16k(path), bundle.labels)


def _hear(bundle: Bundle, sound: JudgedSound) -> HeardSound:
    classes = bundle.labels if sound.clip is None else sound.clip.classes
    return _heard(bundle, sound.samples(), classes)


def _heard(bundle: Bundle, samples: NDArray[np.float32], classes: Sequence[str]) -> HeardSound:
    records = analyse(bundle, samples)
    estimates = [
        record.estimate for record in records if isinstance(record, Update) and record.estimate
    ]
    segments = [record for record in records if isinstance(record, Segment)]
    usable = [segment for segment in segments if segment.estimate.quality.usable]
    threshold = bundle.manifest.certainty_threshold
    return HeardSound(
        len(estimates),
        sum(estimate.confidence >= threshold for estimate in estimates),
        sum(estimate.certain for estimate in estimates),
        tuple((segment.estimate.quality, segment.voiced_s) for segment in segments),
        _label(bundle, usable, classes),
        _label(bundle, segments, classes),
    )


def _label(bundle: Bundle, segments: Sequence[Segment], classes: Sequence[str]) -> str | None:
    if not segments:
        return None
    weights = [segment.voiced_s for segment in segments]
    values = [segment.estimate.probabilities for segment in segments]
    mean = np.average(values, axis=0, weights=weights)
    return max(classes, key=lambda name: mean[bundle.labels.index(name)])


def _kind_figures(heard: Sequence[HeardSound]) -> dict[str, float]:
    speech = sum(one.speech for one in heard)
    return {
        "sounds": len(heard),
        "speech_s": round(speech * STEP_S, 1),
        "certain_before": _share(sum(one.certain_before for one in heard), speech),
        "certain": _share(sum(one.certain for one in heard), speech),
    }


def _speech_figures(heard: Sequence[tuple[JudgedSound, HeardSound]]) -> dict[str, Any]:
    qualities = [quality for _, one in heard for quality, _ in one.qualities]
    speech = sum(result.speech for _, result in heard)
    intended = _codes(sound.clip.label if sound.clip else None for sound, _ in heard)
    return {
        "clips": len(heard),
        "segments": len(qualities),
        "segments_lost": _share(sum(not quality.usable for quality in qualities), len(qualities)),
        "lost_by": {
            str(quality): qualities.count(quality) for quality in Quality if not quality.usable
        },
        "certain_before": _share(sum(one.certain_before for _, one in heard), speech),
        "certain": _share(sum(one.certain for _, one in heard), speech),
        "uar_before": round(uar(intended, _codes(one.label_before for _, one in heard)), 4),
        "uar": round(uar(intended, _codes(one.label for _, one in heard)), 4),
    }


def _codes(labels: Iterable[str | None]) -> NDArray[np.intp]:
    return np.array([-1 if label is None else LABELS.index(label) for label in labels], np.intp)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def judge_tables(measured: Mapping[str, Any]) -> str:
    """Tables of what was measured, in Markdown."""
    kinds = kind_table(measured["kinds"])
    speech = table(
        ["speech of test speakers", "segments", "left out", "UAR before", "UAR now", "certain"],
        [
            [
                title(name),
                str(one["segments"]),
                f"{one['segments_lost']:.1%}",
                f"{one['uar_before']:.3f}",
                f"{one['uar']:.3f}",
                f"{one['certain_before']:.1%} to {one['certain']:.1%}",
            ]
            for name, one in measured["speech"].items()
        ],
    )
    return f"{kinds}\n\n{speech}"


def kind_table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Table of the kinds of sounds that are no speech, in Markdown."""
    return table(
        ["sound", "recordings", "called speech", "certain before", "certain now"],
        [
            [
                kind,
                str(one["sounds"]),
                f"{one['speech_s']:.0f} s",
                f"{one['certain_before']:.1%}",
                f"{one['certain']:.1%}",
            ]
            for kind, one in figures.items()
        ],
    )


def write_judge(numbers: JudgeNumbers) -> None:
    """Put numbers in the place of those that ship.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    entries = (
        f"  {json.dumps(name)}: {json.dumps(value)}"
        for name, value in numbers.model_dump(mode="json").items()
    )
    text = "{\n" + ",\n".join(entries) + "\n}\n"
    write_whole(shipped("models") / NUMBERS, text, "fit it in a checkout that can be written")
    shipped_judge.cache_clear()


def write_measures(bundle: Bundle, tables: str) -> None:
    """Put the tables of what was measured into the documentation of the checkout.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    model = f"{bundle.manifest.name} {bundle.manifest.version}"
    text = f"{_PAGE.format(model=model)}\n{tables}\n"
    path = shipped("models").parent / "docs" / "voice_judge.md"
    write_whole(path, text, "measure it in a checkout that can be written")


_PAGE = """# What the judge of voices is worth

Written by `realtime-ser-train voice --corpora CORPORA --write`, with `--recordings FOLDER` for the
last table; measured with the model {model} through the live path. What is tested are test speakers
of joint fold 1, and sounds from other draws than those that the judge learned from. "Before" is
what the model's confidence alone would call certain. A model that learned from all speakers knows
the test speakers: of its UAR, the difference alone counts here.

Features and judge take some 0.2 ms a step of 80 ms on one core.
"""

RECORDINGS = """## Recordings of people who do not speak

The judge learned from none of these recordings: from synthesised sounds of some of these kinds,
and of the others not at all. [Training](training.md) says whose they are."""
