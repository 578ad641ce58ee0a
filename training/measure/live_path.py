"""Evaluation of a bundle through the live path: gate, stream and reset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.records import STEP_S, Segment, Update
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.recogniser.pipeline import Pipeline
from training.corpora import Clip
from training.corpora.generated import GENERATED
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult, check_classes
from training.sound.examples import Example, SoundChange
from training.workers import map_in_processes

EARLY_SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds from the first voiced frame after which early decisions are evaluated."""


def evaluate_bundle(
    bundle: Bundle, clips: Sequence[Clip], *, jobs: int, change: SoundChange | None = None
) -> Evaluation:
    """Run clips through the live pipeline, a fresh one for each, in ``jobs`` processes.

    Parameters
    ----------
    bundle
        The model.
    clips
        Test clips.
    jobs
        Number of processes.
    change
        Change of each clip ahead of the gate; ``None``: as recorded.

    Raises
    ------
    SerError
        A clip cannot be read, or its corpus has a class that the bundle lacks.
    """
    examples = [Example(clip, change) for clip in clips]
    return Evaluation.of_bundle(
        bundle, evaluate_examples(bundle, examples, jobs, "Evaluating clips")
    )


def evaluate_examples(
    bundle: Bundle, examples: Sequence[Example], jobs: int, title: str
) -> list[ClipResult]:
    """Run changed or unchanged clips through the live pipeline; ``title`` names the progress."""
    check_classes(bundle.labels, [example.clip for example in examples])
    return map_in_processes(partial(_evaluate_example, bundle), examples, jobs, title)


def analyse(bundle: Bundle, samples: NDArray[np.float32]) -> list[Update | Segment]:
    """Records of a session that consists of ``samples``, shape ``(n,)`` at 16 kHz."""
    pipeline = Pipeline(bundle, bundle.manifest.gate)
    return pipeline.push(samples) + pipeline.finish()


def _evaluate_example(bundle: Bundle, example: Example) -> ClipResult:
    records = analyse(bundle, example.samples())
    updates = [record for record in records if isinstance(record, Update)]
    starts = [round(r.start_s / STEP_S) for r in records if isinstance(r, Segment)]
    first = next((u.step for u in updates if starts and u.step >= starts[0] and u.voiced), 0)
    # Whole steps, from the start of the one with the first voiced frame: no later sound counts.
    # A judge of voices rightly doubts those of the synthetic corpus, which has no others.
    of = partial(segment_results, every_voice=example.clip.corpus == GENERATED)
    early_segments = {
        seconds: of([u for u in updates if u.step < first + int(seconds / STEP_S)])
        for seconds in EARLY_SECONDS
    }
    return ClipResult(example.clip, of(updates), early_segments)


def segment_results(
    records: Sequence[Update | Segment], *, every_voice: bool = False
) -> tuple[SegmentResult, ...]:
    """Result of each segment in ``records``: the estimate of its last voiced step.

    With ``every_voice`` each counts, whatever its sound is like.
    """
    results: dict[int, SegmentResult] = {}
    for update in records:
        if not isinstance(update, Update) or not update.voiced:
            continue
        if update.segment is not None and update.estimate is not None:
            before = results.get(update.segment)
            voiced = update.voiced + (before.voiced if before else 0)
            results[update.segment] = SegmentResult(
                update.estimate.probabilities,
                voiced,
                every_voice or update.estimate.quality.usable,
            )
    return tuple(results.values())
