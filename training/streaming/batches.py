"""Batches of speech segments: without labels for the encoder, with labels for the heads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_FRAMES, STEP_S
from realtime_ser.recogniser.features import dct_matrix
from training.batching import (
    Batch,
    BucketedBatches,
    bucket_length,
    mix,
    soft_label,
    spec_augment,
    stack_padded,
)
from training.corpora import Clip
from training.streaming.gated_segments import GatedSegment
from training.streaming.noise_spectra import with_noise
from training.streaming.recipe import EncoderStage, LabelStage, WholeStage

ABSENT_LOGIT = -1e9
"""Added to the logits of classes that a corpus does not have."""


def class_mask(classes: Sequence[str], labels: Sequence[str] = LABELS) -> NDArray[np.float32]:
    """0 for a corpus's own classes, :data:`ABSENT_LOGIT` for others, shape ``(labels,)``."""
    return _mask(tuple(classes), tuple(labels)).copy()


@cache
def _mask(classes: tuple[str, ...], labels: tuple[str, ...]) -> NDArray[np.float32]:
    return np.where(np.isin(labels, classes), 0.0, ABSENT_LOGIT).astype(np.float32)


def mfcc(log_mel: NDArray[np.float32], coefficients: int) -> NDArray[np.float32]:
    """MFCC of log-mel steps ``(steps, 8, bands)`` as one sequence ``(8 steps, coefficients)``."""
    basis = dct_matrix(coefficients, log_mel.shape[-1]).astype(np.float32)
    return (log_mel @ basis.T).reshape(-1, coefficients)


class ImitationBatches(BucketedBatches):
    """Batches of MFCC at changed levels, with the pretrained encoder's vectors as targets."""

    def __init__(
        self,
        segments: Sequence[GatedSegment],
        targets: Sequence[NDArray[np.float16]],
        coefficients: int,
        stage: EncoderStage,
        seed: int,
    ) -> None:
        self._segments = segments
        self._targets = targets
        self._coefficients = coefficients
        self._gain_db = stage.gain_db
        self._noise = stage.noise
        super().__init__([len(target) for target in targets], stage.batch_size, seed)

    def __getitem__(self, index: int) -> Batch:
        """Frames, targets and weights of one batch."""
        chosen = self._batches[index]
        targets = [self._targets[k] for k in chosen]
        steps = bucket_length([len(target) for target in targets])
        gains = self.random.uniform(-self._gain_db, self._gain_db, len(chosen))
        frames = [
            self._frames(self._segments[k], gain) for k, gain in zip(chosen, gains, strict=True)
        ]
        weights = [np.ones((len(target), 1)) for target in targets]
        return (
            stack_padded(frames, steps * STEP_FRAMES),
            stack_padded(targets, steps),
            stack_padded(weights, steps)[..., 0],
        )

    def _frames(self, segment: GatedSegment, gain_db: float) -> NDArray[np.float32]:
        """MFCC of a segment in noise, where one is drawn, and at a changed level."""
        log_mel = segment.log_mel
        if self._noise is not None and segment.recorded:
            log_mel = with_noise(log_mel, self._noise, self.random)
        return mfcc(log_mel + np.float32(gain_db), self._coefficients)


@dataclass(frozen=True, slots=True)
class LabelledSegment:
    """A segment with the labels to learn.

    Attributes
    ----------
    inputs
        Encoded steps, shape ``(steps, units)``, or log-mel frames, shape ``(steps, 8, bands)``.
    clips
        Clip of each step: the same one throughout, unless the example joins several.
    last_voiced
        Index of the step that gives the segment's result.
    soft_targets
        Probabilities by the distillation heads at every step, shape ``(steps, labels)``.
    share
        Share of each label that the soft targets make up.
    changed
        Whether the segment is from a changed copy of its clip.
    """

    inputs: NDArray[np.floating]
    clips: Sequence[Clip]
    last_voiced: int
    soft_targets: NDArray[np.float32] | None = None
    share: float = 0.0
    changed: bool = False

    @property
    def clip(self) -> Clip:
        """Clip of the result."""
        return self.clips[self.last_voiced]

    def followed_by(self, other: LabelledSegment) -> LabelledSegment:
        """Segment up to its result, joined with another one without a pause."""
        end = self.last_voiced + 1
        soft_targets = None
        if self.soft_targets is not None and other.soft_targets is not None:
            soft_targets = np.concatenate([self.soft_targets[:end], other.soft_targets])
        return replace(
            other,
            inputs=np.concatenate([self.inputs[:end], other.inputs]),
            clips=[*self.clips[:end], *other.clips],
            last_voiced=end + other.last_voiced,
            soft_targets=soft_targets,
        )


class LabelBatches(BucketedBatches):
    """Batches of segments with the classes of their corpora, and soft labels at every step.

    Parameters
    ----------
    segments
        Segments to draw from.
    stage
        Settings of the draw, the labels and the weights.
    seed
        Seed of the draw; ``None``: each segment once, for validation.
    """

    def __init__(
        self, segments: Sequence[LabelledSegment], stage: LabelStage, seed: int | None
    ) -> None:
        self._segments = segments
        self._drawn = seed is not None
        self._stage = stage
        counts = Counter((s.clip.corpus, s.clip.label) for s in segments)
        occurrences = np.array([counts[s.clip.corpus, s.clip.label] for s in segments])
        draw_weights = np.where([s.changed for s in segments], stage.changed, 1.0)
        chances = draw_weights * occurrences**-stage.balance
        self._chances = chances / chances.sum()
        weights = 1.0 / occurrences if stage.class_weights else np.ones(len(segments))
        self._class_weights = weights / weights.mean()
        self._of_speaker: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for number, segment in enumerate(segments):
            self._of_speaker[segment.clip.corpus, segment.clip.speaker].append(number)
        super().__init__([len(s.inputs) for s in segments], stage.batch_size, seed or 0)

    def _draw_indices(self) -> NDArray[np.intp]:
        count = len(self._segments)
        if not self._drawn:
            return np.arange(count)
        return self.random.choice(count, size=count, p=self._chances)

    def __getitem__(self, index: int) -> Batch:
        """Inputs, soft labels and weights of one batch."""
        numbers = self._batches[index]
        chosen = [self._segments[k] for k in numbers]
        if self._drawn and self.random.random() < self._stage.joined:
            chosen = [self._with_predecessor(segment) for segment in chosen]
        steps = bucket_length([len(segment.inputs) for segment in chosen])
        masks = np.stack([class_mask(segment.clip.classes) for segment in chosen])
        labels = stack_padded([self._soft_labels(segment) for segment in chosen], steps)
        weights = stack_padded(
            [
                self._class_weights[k] * self._weights(segment)[:, None]
                for k, segment in zip(numbers, chosen, strict=True)
            ],
            steps,
        )[..., 0]
        inputs = self._inputs([segment.inputs for segment in chosen], steps)
        return self._finish_batch({"inputs": inputs, "mask": masks}, labels, weights)

    def _with_predecessor(self, segment: LabelledSegment) -> LabelledSegment:
        """A segment behind another one of its speaker, without a pause."""
        own = self._of_speaker[segment.clip.corpus, segment.clip.speaker]
        return self._segments[own[self.random.integers(len(own))]].followed_by(segment)

    def _inputs(self, chosen: Sequence[NDArray[np.floating]], steps: int) -> NDArray[np.float32]:
        return stack_padded(chosen, steps)

    def _finish_batch(
        self,
        inputs: dict[str, NDArray[np.float32]],
        labels: NDArray[np.float32],
        weights: NDArray[np.float32],
    ) -> Batch:
        return inputs, labels, weights

    def _weights(self, segment: LabelledSegment) -> NDArray[np.float64]:
        starts_clip = np.array([a is not b for a, b in pairwise((None, *segment.clips))])
        first = np.maximum.accumulate(np.where(starts_clip, np.arange(len(starts_clip)), 0))
        time_s = STEP_S * (np.arange(len(starts_clip)) - first + 1)
        ramp = np.minimum(1.0, time_s / self._stage.prefix_ramp_s)
        weights: NDArray[np.float64] = ramp / ramp.sum()
        results = [*(np.flatnonzero(starts_clip)[1:] - 1), segment.last_voiced]
        weights[results] += self._stage.result_weight / len(results)
        return weights

    def _soft_labels(self, segment: LabelledSegment) -> NDArray[np.float64]:
        """Labels of each step, shape ``(steps, labels)``."""
        clips = {id(clip): clip for clip in segment.clips}
        stage = self._stage
        soft = {
            number: soft_label(clip, LABELS, stage.soft_labels, stage.label_smoothing)
            for number, clip in clips.items()
        }
        labels: NDArray[np.float64] = np.stack([soft[id(clip)] for clip in segment.clips])
        if segment.soft_targets is not None:
            labels = (1.0 - segment.share) * labels + segment.share * segment.soft_targets
        return labels


class FrameBatches(LabelBatches):
    """Batches for the whole network: MFCC of log-mel frames that are augmented first.

    For validation they stay as they are.
    """

    def __init__(
        self,
        segments: Sequence[LabelledSegment],
        stage: WholeStage,
        coefficients: int,
        seed: int | None,
    ) -> None:
        unchanged = {"gain_db": 0.0, "spec_augment": 0, "mixup": 0.0}
        self._whole = stage.model_copy(update=unchanged) if seed is None else stage
        self._coefficients = coefficients
        super().__init__(segments, stage, seed)

    def _inputs(self, chosen: Sequence[NDArray[np.floating]], steps: int) -> NDArray[np.float32]:
        gains = self.random.uniform(-self._whole.gain_db, self._whole.gain_db, len(chosen))
        frames = []
        for log_mel, gain in zip(chosen, gains, strict=True):
            masked = spec_augment(log_mel, self._whole.spec_augment, self.random)
            frames.append(mfcc(masked + np.float32(gain), self._coefficients))
        return stack_padded(frames, steps * STEP_FRAMES)

    def _finish_batch(
        self,
        inputs: dict[str, NDArray[np.float32]],
        labels: NDArray[np.float32],
        weights: NDArray[np.float32],
    ) -> Batch:
        if not self._whole.mixup:
            return inputs, labels, weights
        partners = self.random.permutation(len(labels))
        drawn = self.random.beta(self._whole.mixup, self._whole.mixup, len(labels))
        share = np.maximum(drawn, 1.0 - drawn).astype(np.float32)  # a row's own part is the larger
        masks = np.maximum(inputs["mask"], inputs["mask"][partners])
        mixed = {"inputs": mix(inputs["inputs"], partners, share), "mask": masks}
        return mixed, mix(labels, partners, share), weights
