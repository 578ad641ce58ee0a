"""Evaluation within longer speech: clips in a stream, and switches of emotion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import SAMPLE_RATE, STEP, STEP_S, Update
from realtime_ser.recogniser.bundle import Bundle
from training.corpora import Clip
from training.measure.clip_results import ClipResult, Evaluation, check_classes
from training.measure.live_path import analyse, segment_results
from training.measure.paired import EvaluatedBundles, paired_by_corpus, pooled_evaluation
from training.measure.scoring import by_corpus
from training.sound.examples import StreamExample
from training.sound.seeding import generator
from training.sound.streams import Switch, TooLittleSpeechError, switches
from training.workers import map_in_processes

# ---------------------------------------------------------------------------------- long streams


@dataclass(frozen=True, slots=True)
class StreamTest:
    """Settings by which clips are joined to streams.

    Attributes
    ----------
    gap_s
        Shortest and longest silence between two clips: long enough for the gate to close.
    clips
        Number of clips in a stream.
    seed
        Seed of the order and of the silences.
    """

    gap_s: tuple[float, float] = (1.0, 3.0)
    clips: int = 60
    seed: int = 0


def evaluate_stream(
    bundle: Bundle, clips: Sequence[Clip], *, jobs: int, test: StreamTest | None = None
) -> Evaluation:
    """Run clips through the live pipeline, joined to long streams of changing speakers.

    A clip's result covers the steps within the clip, its segments averaged by voiced duration.

    Parameters
    ----------
    bundle
        The model.
    clips
        Test clips; those of a corpus share streams.
    jobs
        Number of processes.
    test
        The streams; by default those of :class:`StreamTest`.

    Raises
    ------
    SerError
        A clip cannot be read, or its corpus has a class that the bundle lacks.
    """
    test = test or StreamTest()
    check_classes(bundle.labels, clips)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        numbers[clip.corpus].append(number)
    parts = [part for mine in numbers.values() for part in _shuffled(mine, test)]
    examples = [
        StreamExample(tuple(clips[k] for k in part), test.gap_s, test.seed) for part in parts
    ]
    part_results = map_in_processes(
        partial(_evaluate_stream_example, bundle), examples, jobs, "Evaluating streams"
    )
    found = {
        k: result
        for part, results in zip(parts, part_results, strict=True)
        for k, result in zip(part, results, strict=True)
    }
    return Evaluation.of_bundle(bundle, [found[k] for k in range(len(clips))])


def stream_scores(
    evaluated: EvaluatedBundles, *, jobs: int, test: StreamTest | None = None
) -> dict[str, Any]:
    """Loss of UAR from separate clips to the same clips in long streams.

    Parameters
    ----------
    evaluated
        The models, with their evaluations on separate clips.
    jobs, test
        As in :func:`evaluate_stream`.

    Returns
    -------
    dict
        By corpus: ``uar`` and its interval, ``points_lost`` against the clips one by one with the
        interval of a paired bootstrap, and clips ``without_speech``.
    """
    test = test or StreamTest()
    streamed = [
        result
        for bundle, single in evaluated
        for result in evaluate_stream(bundle, single.clips, jobs=jobs, test=test).results
    ]
    corpora = {
        corpus: pair.figures_with_intervals()
        for corpus, pair in paired_by_corpus(pooled_evaluation(evaluated), streamed).items()
    }
    return {"gap_s": list(test.gap_s), "clips": test.clips, "seed": test.seed, "corpora": corpora}


def _shuffled(numbers: Sequence[int], test: StreamTest) -> Iterator[list[int]]:
    order = generator(test.seed, "order of a stream").permutation(np.array(numbers)).tolist()
    for start in range(0, len(order), test.clips):
        yield order[start : start + test.clips]


def _evaluate_stream_example(bundle: Bundle, example: StreamExample) -> list[ClipResult]:
    stream = example.stream()
    updates = [record for record in analyse(bundle, stream.samples) if isinstance(record, Update)]
    middles = np.array([update.step * STEP + STEP // 2 for update in updates], np.int64)
    owners = stream.owners(middles)
    of_clip: list[list[Update]] = [[] for _ in stream.spans]
    for update, owner in zip(updates, owners, strict=True):
        of_clip[owner].append(update)
    return [
        ClipResult(span.clip, segment_results(own), {})
        for span, own in zip(stream.spans, of_clip, strict=True)
    ]


# --------------------------------------------------------------------------------------- switches

HOLD_S = 0.4
"""Seconds for which a label must stay, or to the end, to count as having followed."""


@dataclass(frozen=True, slots=True)
class SwitchTest:
    """Number of switches for each corpus, least speech on each side, and seed."""

    count: int = 50
    side_s: float = 4.0
    seed: int = 0


def switch_scores(
    evaluated: EvaluatedBundles, *, jobs: int, test: SwitchTest | None = None
) -> dict[str, Any]:
    """Delay in seconds until the label follows a speaker from an emotion to another.

    A delay counts from the switch to the end of the 80 ms step from which the new label stays.
    Corpora without speakers of enough speech are left out.

    Parameters
    ----------
    evaluated
        The models, with evaluations that hold the clips of the switches.
    jobs
        Number of processes.
    test
        The switches of each model; by default those of :class:`SwitchTest`.

    Returns
    -------
    dict
        By corpus: number of ``switches``; share ``led`` in which the label just before was the
        first emotion; of these the share that ``followed``, the median delay ``median_s`` with
        switches that never followed counted as infinite (``None`` for infinity), and
        ``median_followed_s`` of the others.
    """
    test = test or SwitchTest()
    drawn: Counter[str] = Counter()
    led: defaultdict[str, list[float]] = defaultdict(list)
    for bundle, evaluation in evaluated:
        check_classes(bundle.labels, evaluation.clips)
        for corpus, results in by_corpus(evaluation.results).items():
            found = _switches([result.clip for result in results], test, bundle.manifest.gate)
            followed = map_in_processes(
                partial(_label_delay, bundle), found, jobs, "Evaluating switches"
            )
            drawn[corpus] += len(found)
            led[corpus] += [seconds for seconds in followed if seconds is not None]
    corpora = {corpus: _delays(led[corpus], count) for corpus, count in drawn.items() if count}
    return {
        "side_s": test.side_s,
        "seed": test.seed,
        "held_s": HOLD_S,
        "corpora": corpora,
    }


def _switches(clips: Sequence[Clip], test: SwitchTest, gate: GateConfig) -> Sequence[Switch]:
    """Switches among the clips of a corpus; empty if all speech is too short."""
    try:
        return switches(clips, test.count, test.seed, side_s=test.side_s, gate=gate)
    except TooLittleSpeechError:
        return []


def _label_delay(bundle: Bundle, switch: Switch) -> float | None:
    """Delay in seconds of the label; ``None`` if it was not the first emotion's just before."""
    samples, at = switch.sound()
    classes = switch.first[0].classes
    class_indices = np.array([bundle.labels.index(label) for label in classes])
    estimates = [
        (record.estimate.probabilities[class_indices], record.time_s)
        for record in analyse(bundle, samples)
        if isinstance(record, Update) and record.estimate is not None
    ]
    labels = [classes[int(np.argmax(probabilities))] for probabilities, _ in estimates]
    ends = np.array([end for _, end in estimates])
    ahead = [label for label, end in zip(labels, ends, strict=True) if end * SAMPLE_RATE <= at]
    if not ahead or ahead[-1] != switch.before:
        return None
    return delay(labels[len(ahead) :], ends[len(ahead) :] - at / SAMPLE_RATE, switch.after)


def delay(labels: Sequence[str], seconds: NDArray[np.float64], target: str) -> float:
    """Time in seconds from which a label stays; infinite if it never does.

    Parameters
    ----------
    labels
        Label of each step behind a switch.
    seconds
        Ends of the steps in seconds from the switch, shape ``(steps,)``.
    target
        The label to wait for.
    """
    least = round(HOLD_S / STEP_S)
    for number in range(len(labels)):
        stretch = labels[number : number + least]
        if all(label == target for label in stretch):
            return float(seconds[number])
    return float(np.inf)


def _delays(seconds: Sequence[float], drawn: int) -> dict[str, Any]:
    ended = [delay for delay in seconds if np.isfinite(delay)]
    median = float(np.median(seconds)) if seconds else np.inf
    return {
        "switches": drawn,
        "led": len(seconds) / drawn,
        "followed": len(ended) / len(seconds) if seconds else None,
        "median_s": median if np.isfinite(median) else None,
        "median_followed_s": float(np.median(ended)) if ended else None,
    }
