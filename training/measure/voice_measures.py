"""What the measures of a voice are worth: F0 and syllables against Praat, activation by speaker.

Praat comes with ``praat-parselmouth``, which has no wheel for Linux on 64-bit ARM.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import SAMPLE_RATE, STEP, STEP_FRAMES, STEP_S
from realtime_ser.recogniser.activation import RunningBaseline, VoiceStep
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.recogniser.pitch import CEILING_HZ, FLOOR_HZ
from realtime_ser.recogniser.segmenter import Segmenter
from realtime_ser.recogniser.voice_measures import StepFacts, VoiceMeter
from training.corpora import Clip, read_corpora, title
from training.sound.recordings import samples_16k
from training.sound.seeding import generator
from training.tables import table
from training.workers import map_in_processes

PAGE = "voice_measures.md"
"""Page of the tables."""

CORPORA = ("ravdess", "crema_d", "emodb", "nemo", "tess")
_CLIPS = 40
"""Clips of each corpus that are held against Praat: 200 of all."""

_ACTED = {"ravdess": ("normal", "strong"), "crema_d": ("low", "high")}
"""Words of the corpora that play the same emotion at two intensities."""

_GROSS = 0.2
_TAIL_S = 0.6
_LEAST_CLIPS = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """What the meter said of a clip.

    Attributes
    ----------
    f0_hz
        Of each step, NaN without a voice.
    syllables
        Number of nuclei.
    speaking_s
        Time that is no pause, in seconds.
    voiced
        What activation is made of, of each step with an F0.
    """

    f0_hz: NDArray[np.float64]
    syllables: int
    speaking_s: float
    voiced: tuple[VoiceStep, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A clip by the program and by Praat: F0 of each step, syllables, seconds of speaking."""

    heard: Heard
    f0_hz: NDArray[np.float64]
    syllables: int
    speaking_s: float


def measure_voice(root: Path, jobs: int) -> dict[str, str]:
    """Tables of what was measured, by their names in the documentation.

    Raises
    ------
    SerError
        A corpus is not there, or Praat is not installed.
    """
    try:
        import parselmouth  # noqa: F401 - the processes need it
    except ImportError as error:
        raise SerError(
            "Praat is not installed: install praat-parselmouth; some systems have to build it."
        ) from error
    contents = {one.name: one.clips for one in read_corpora(root, CORPORA, keep_twins=True)}
    drawn = {name: _drawn(name, clips) for name, clips in contents.items()}
    chosen = [clip for clips in drawn.values() for clip in clips]
    compared = map_in_processes(compare, chosen, jobs, "Pitch and syllables")
    by_corpus: defaultdict[str, list[Compared]] = defaultdict(list)
    for clip, one in zip(chosen, compared, strict=True):
        by_corpus[title(clip.corpus)].append(one)
    by_corpus["all"] = compared
    return {
        "pitch": _pitch_table(by_corpus),
        "syllables": _syllable_table(by_corpus),
        "activation": _activation_table({name: contents[name] for name in _ACTED}, jobs),
    }


def _drawn(name: str, clips: Sequence[Clip]) -> list[Clip]:
    order = generator(0, "measures", name).permutation(len(clips))
    return [clips[place] for place in order[:_CLIPS]]


# -------------------------------------------------------------------------------------- comparison


def hear(path: Path) -> Heard:
    """Measure a recording, as the live path does, to some silence behind its end."""
    return _heard(_with_tail(samples_16k(path)))


def compare(clip: Clip) -> Compared:
    """Measure a clip by the program and by Praat."""
    samples = _with_tail(samples_16k(clip.path))
    heard = _heard(samples)
    syllables, speaking_s = praat_syllables(samples)
    return Compared(heard, praat_f0(samples, len(heard.f0_hz)), syllables, speaking_s)


def _with_tail(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([samples, np.zeros(round(_TAIL_S * SAMPLE_RATE), np.float32)])


def _heard(samples: NDArray[np.float32]) -> Heard:
    segmenter, meter = Segmenter(FeatureParams(), GateConfig()), VoiceMeter()
    facts: list[StepFacts] = []
    voiced: list[VoiceStep] = []
    f0_hz: list[float] = []
    for step in segmenter.push(samples):
        measures = meter.push(step)
        facts += meter.since(step.index)
        f0_hz.append(measures.f0_hz or np.nan)
        if measures.f0_hz is not None and measures.hf500_db is not None:
            octaves = float(np.log2(measures.f0_hz))
            voiced.append(VoiceStep(octaves, step.level_dbfs, measures.hf500_db))
    return Heard(
        np.array(f0_hz),
        sum(one.syllables for one in facts),
        STEP_S * sum(not one.paused for one in facts),
        tuple(voiced),
    )


def praat_f0(samples: NDArray[np.float32], steps: int) -> NDArray[np.float64]:
    """Praat's F0 of each step in Hz, NaN where less than half of its 10 ms are voiced."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE)
    pitch = sound.to_pitch_ac(
        time_step=STEP_S / STEP_FRAMES, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ
    )
    times = (np.arange(steps * STEP_FRAMES) + 0.5) * STEP / STEP_FRAMES / SAMPLE_RATE
    values = np.array([pitch.get_value_at_time(time_s) for time_s in times])
    frames = values.reshape(steps, STEP_FRAMES)
    voiced = np.count_nonzero(~np.isnan(frames), axis=1) >= STEP_FRAMES / 2
    f0_hz = np.full(steps, np.nan)
    f0_hz[voiced] = np.nanmedian(frames[voiced], axis=1)
    return f0_hz


def praat_syllables(samples: NDArray[np.float32]) -> tuple[int, float]:
    """Syllable nuclei and seconds of speaking by de Jong & Wempe's script, second version."""
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE)
    intensity = call(sound, "To Intensity", 50, 0, "yes")
    lowest = call(intensity, "Get minimum", 0, 0, "Parabolic")
    loudest = call(intensity, "Get maximum", 0, 0, "Parabolic")
    nearly_loudest = call(intensity, "Get quantile", 0, 0, 0.99)
    threshold = max(nearly_loudest - 25.0, lowest)
    silence = -25.0 - (loudest - nearly_loudest)
    grid = call(intensity, "To TextGrid (silences)", silence, 0.3, 0.1, "silent", "sounding")
    spoken = list(_sounding(grid))
    matrix = call(intensity, "Down to Matrix")
    contour = call(matrix, "To Sound (slice)", 1)
    peaks = call(contour, "To PointProcess (extrema)", 1, "yes", "no", "Sinc70")
    times = [
        call(peaks, "Get time from index", place + 1)
        for place in range(call(peaks, "Get number of points"))
    ]
    levels = [call(contour, "Get value at time", 1, time_s, "Cubic") for time_s in times]
    tops = [
        (time_s, level) for time_s, level in zip(times, levels, strict=True) if level > threshold
    ]
    pitch = call(sound, "To Pitch (ac)", 0.02, 30, 4, "no", 0.03, 0.25, 0.01, 0.35, 0.25, 450)
    nuclei = 0
    for (time_s, level), (after_s, _) in pairwise(tops):
        dip = call(intensity, "Get minimum", time_s, after_s, "None")
        has_f0 = not np.isnan(call(pitch, "Get value at time", time_s, "Hertz", "Linear"))
        inside = any(start <= time_s <= end for start, end in spoken)
        nuclei += level - dip > 2.0 and has_f0 and inside
    return nuclei, sum(end - start for start, end in spoken)


def _sounding(grid: Any) -> Iterator[tuple[float, float]]:
    from parselmouth.praat import call

    for place in range(1, call(grid, "Get number of intervals", 1) + 1):
        if call(grid, "Get label of interval", 1, place) == "sounding":
            yield tuple(
                call(grid, f"Get {end} time of interval", 1, place) for end in ("start", "end")
            )


def _pitch_table(by_corpus: Mapping[str, Sequence[Compared]]) -> str:
    rows = []
    for name, clips in by_corpus.items():
        own = np.concatenate([one.heard.f0_hz for one in clips])
        praat = np.concatenate([one.f0_hz for one in clips])
        both = ~np.isnan(own) & ~np.isnan(praat)
        ratio = own[both] / praat[both]
        rows.append(
            [
                *(name, str(len(clips)), f"{both.sum():,}"),
                f"{np.mean(np.abs(ratio - 1.0) > _GROSS):.1%}",
                f"{np.median(np.abs(12.0 * np.log2(ratio))):.3f}",
                f"{np.isnan(own[~np.isnan(praat)]).mean():.1%}",
                f"{(~np.isnan(own[np.isnan(praat)])).mean():.1%}",
            ]
        )
    header = ["corpus", "clips", "steps", "gross error", "median semitones", "missed", "added"]
    return table(header, rows)


def _syllable_table(by_corpus: Mapping[str, Sequence[Compared]]) -> str:
    rows = []
    for name, clips in by_corpus.items():
        own = np.array([one.heard.syllables for one in clips])
        praat = np.array([one.syllables for one in clips])
        rates = np.array(
            [
                (one.heard.syllables / one.heard.speaking_s, one.syllables / one.speaking_s)
                for one in clips
                if one.heard.speaking_s and one.speaking_s
            ]
        )
        rows.append(
            [
                *(name, str(len(clips)), f"{own.mean():.2f}", f"{praat.mean():.2f}"),
                f"{np.abs(own - praat).mean():.2f}",
                f"{np.corrcoef(own, praat)[0, 1]:.2f}",
                *(f"{rate:.2f}" for rate in rates.mean(axis=0)),
            ]
        )
    header = ["corpus", "clips", "syllables", "Praat's", "difference", "correlation"]
    return table([*header, "a second", "Praat's a second"], rows)


# -------------------------------------------------------------------------------------- activation


def _activation_table(contents: Mapping[str, Sequence[Clip]], jobs: int) -> str:
    rows = []
    for corpus, clips in contents.items():
        used = [clip for clip in clips if clip.intensity in _ACTED[corpus] or _is_neutral(clip)]
        heard = map_in_processes(hear, [clip.path for clip in used], jobs, title(corpus))
        speakers: defaultdict[str, list[tuple[Clip, Heard]]] = defaultdict(list)
        for clip, one in zip(used, heard, strict=True):
            if one.voiced:
                speakers[clip.speaker].append((clip, one))
        for against in ("the speaker's neutral speech", "the session so far"):
            areas = []
            for speaker, own in speakers.items():
                values = _by_profile(own) if "neutral" in against else _by_session(speaker, own)
                areas += _area(values, *_ACTED[corpus])
            low, high = np.percentile(areas, (25, 75))
            quiet, loud = _ACTED[corpus]
            rows.append(
                [
                    *(f"{title(corpus)}, {loud} against {quiet}", against, str(len(areas))),
                    *(f"{np.mean(areas):.3f}", f"{low:.2f} to {high:.2f}"),
                ]
            )
    header = ["corpus", "baseline", "speakers", "mean area", "middle half"]
    return table(header, rows, words=2)


def _is_neutral(clip: Clip) -> bool:
    return clip.label == "neutral"


def _by_profile(own: Sequence[tuple[Clip, Heard]]) -> list[tuple[str | None, float]]:
    """Intensity and activation of clips against the neutral ones of their speaker."""
    running = RunningBaseline()
    for clip, heard in own:
        if _is_neutral(clip):
            _feed(running, heard)
    return [
        (clip.intensity, value)
        for clip, heard in own
        if not _is_neutral(clip) and (value := _activation(running, heard)) is not None
    ]


def _by_session(speaker: str, own: Sequence[tuple[Clip, Heard]]) -> list[tuple[str | None, float]]:
    """Intensity and activation of clips that are heard one after the other, in an order by lot."""
    running, values = RunningBaseline(), []
    for place in generator(0, "session", speaker).permutation(len(own)):
        clip, heard = own[place]
        value = _activation(running, heard)
        if value is not None and not _is_neutral(clip):
            values.append((clip.intensity, value))
        _feed(running, heard)
    return values


def _feed(running: RunningBaseline, heard: Heard) -> None:
    for step in heard.voiced:
        running.feed(step)


def _activation(running: RunningBaseline, heard: Heard) -> float | None:
    """Mean activation of a clip; ``None``: there is no baseline yet."""
    baseline = running.so_far()
    if baseline is None:
        return None
    return float(np.mean([baseline.activation(step) for step in heard.voiced]))


def _area(values: Sequence[tuple[str | None, float]], quiet: str, loud: str) -> list[float]:
    """Area under the curve of one speaker; empty: too few clips."""
    low, high = ([value for word, value in values if word == wanted] for wanted in (quiet, loud))
    if min(len(low), len(high)) < _LEAST_CLIPS:
        return []
    above = np.array(high)[:, None] - np.array(low)
    return [float(np.mean((above > 0) + 0.5 * (above == 0)))]
