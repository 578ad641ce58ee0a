"""Clips of joint fold 1, the features of their cuts, and a stream of them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.cuts import Features, Sound
from benchmarks.peers.systems import LabelledCuts, Peer
from realtime_ser.base.labels import LABELS
from training.cache import Arrays, combined_hash, compute_cached, content_hash
from training.corpora import Clip, read_corpora
from training.folds import SplitParts, joint_fold, part_of
from training.sound.recordings import samples_16k, speech_bounds
from training.sound.streams import join_with_gaps

FOLD = 1
CORPORA = ("ravdess", "crema_d")

_VERSION = b"2"
"""To be raised whenever cuts or features differ under the same name."""


def fold_clips(corpora: Path, cache: Path) -> SplitParts:
    """Clips of the fold by part; the list is kept, since to find twins takes minutes."""
    kept = cache / "clips.pickle"
    if kept.exists():
        parts: SplitParts = pickle.loads(kept.read_bytes())
        return parts
    fold = joint_fold(FOLD)
    parts = {"train": [], "validation": [], "test": []}
    for contents in read_corpora(corpora, CORPORA):
        for clip in contents.clips:
            parts[part_of(clip, fold)].append(clip)
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(pickle.dumps(parts))
    return parts


def cut_features(
    peer: Peer, clips: Sequence[Clip], cache: Path, weights: Path | None, last: int | None = None
) -> list[NDArray[np.float32]]:
    """Features of the cuts of each clip, or of the ``last`` ones, from the cache where possible."""
    features = peer.features(weights)
    name = f"{peer.name} {last}".encode()
    digests = [combined_hash(_VERSION, name, content_hash(clip.path)) for clip in clips]
    work = partial(_of_clip, peer, features, last)
    found = compute_cached(work, clips, digests, cache / "features", 1, f"Features of {peer.name}")
    return [arrays["rows"] for arrays in found]


def _of_clip(peer: Peer, features: Features, last: int | None, clip: Clip) -> Arrays:
    sound = samples_16k(clip.path)
    cuts = peer.cutting.of_clip(sound, speech_bounds(sound)[1])
    return {"rows": np.array([features(cut) for cut in cuts[-(last or 0) :]], np.float32)}


def labelled(clips: Sequence[Clip], rows: Sequence[NDArray[np.float32]]) -> LabelledCuts:
    """All cuts of clips with the labels and corpora of the clips."""
    labels = np.array([LABELS.index(clip.label) for clip in clips])
    corpora = np.array([clip.corpus for clip in clips])
    counts = [len(own) for own in rows]
    return LabelledCuts(
        np.concatenate([own for own in rows if len(own)]),
        np.repeat(labels, counts),
        np.repeat(corpora, counts),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Clips with silences between them, as one microphone would hear them.

    ``spans`` are the first and the last sample of the speech in each clip.
    """

    samples: Sound
    spans: NDArray[np.intp]


def stream_of(clips: Sequence[Clip], count: int, gap_s: tuple[float, float]) -> Stream:
    """A stream of ``count`` clips, drawn once and for all."""
    random = np.random.default_rng(0)
    chosen = [clips[k] for k in random.choice(len(clips), count, replace=False)]
    joined = join_with_gaps(chosen, gap_s, seed=0)
    spans = []
    for span in joined.spans:
        first, last = speech_bounds(samples_16k(span.clip.path))
        spans.append((span.start + first, span.start + last))
    return Stream(joined.samples, np.array(spans))
