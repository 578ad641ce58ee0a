"""The training graph over whole segments, compared with the stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # type: ignore[import-untyped]

from realtime_ser.base.records import SAMPLE_RATE
from realtime_ser.recogniser.bundle import TRAINING_MODEL, Bundle
from realtime_ser.recogniser.gate import GATE_FRAME
from training.corpora import Clip
from training.measure.clip_results import ClassPredictions, ClipResult, Evaluation, SegmentResult
from training.measure.metrics import bootstrap, interval, uar
from training.measure.scoring import by_corpus, corpus_classes
from training.streaming.gated_segments import GatedSegment, gated_segments


def evaluate_graph(bundle: Bundle, clips: Sequence[Clip], *, cache: Path, jobs: int) -> Evaluation:
    """Run the bundle's training graph over each gated segment of clips at once.

    Parameters
    ----------
    bundle
        The model.
    clips
        Test clips.
    cache
        Folder of gated clips, shared by all runs.
    jobs
        Processes that cut the clips.

    Raises
    ------
    SerError
        A clip cannot be read, or the cache cannot be written.
    """
    manifest = bundle.manifest
    segments = gated_segments(
        list(dict.fromkeys(clips)), manifest.features, manifest.gate, cache, jobs
    )
    logits = _logits_at_results(bundle, segments) if segments else []
    clip_results = results_by_clip(segments, logits, manifest.temperature)
    return Evaluation.of_bundle(
        bundle, [ClipResult(clip, tuple(clip_results.get(clip, ())), {}) for clip in clips]
    )


def results_by_clip(
    segments: Sequence[GatedSegment], logits: Iterable[NDArray[np.floating]], temperature: float
) -> dict[Clip, list[SegmentResult]]:
    """Results of each clip's segments, given the logits, shape ``(labels,)``, of each segment."""
    clip_results: defaultdict[Clip, list[SegmentResult]] = defaultdict(list)
    for segment, row in zip(segments, logits, strict=True):
        probabilities = softmax(row.astype(np.float64) / temperature)
        voiced = round(segment.voiced_s * SAMPLE_RATE / GATE_FRAME)
        clip_results[segment.clip].append(SegmentResult(probabilities.astype(np.float32), voiced))
    return clip_results


def _logits_at_results(
    bundle: Bundle, segments: Sequence[GatedSegment]
) -> list[NDArray[np.float32]]:
    """Logits, shape ``(labels,)``, of each segment's last voiced step."""
    # Keras takes seconds to load.
    import keras

    from training.streaming.batches import mfcc
    from training.streaming.inference import run_causal
    from training.streaming.network import StreamingSer

    model: StreamingSer = keras.models.load_model(bundle.folder / TRAINING_MODEL, compile=False)
    coefficients = bundle.manifest.features.n_mfcc
    steps = [len(segment.log_mel) for segment in segments]
    vectors = run_causal(
        model.encoder,
        steps,
        lambda k: mfcc(segments[k].log_mel, coefficients),
        lambda _, own: own,
    )
    return run_causal(
        model.head,
        steps,
        lambda k: vectors[k],
        lambda k, rows: rows[segments[k].last_voiced],
    )


def compare_with_graph(stream: Evaluation, graph: Evaluation) -> dict[str, Any]:
    """UAR of the training graph on the same clips, and its differences from the stream.

    Returns
    -------
    dict
        By corpus: ``uar`` of the graph with its interval, ``largest_difference`` of a clip's
        probability, and ``equal_labels``, the share of the clips to which both give one label.
    """
    heard = [_with_all_segments(result) for result in stream.results]  # the graph judges no sound
    pairs = zip(by_corpus(heard).items(), by_corpus(graph.results).values(), strict=True)
    return {
        "corpora": {
            name: _compare_corpus(stream, stream_results, graph_results)
            for (name, stream_results), graph_results in pairs
        }
    }


def _with_all_segments(result: ClipResult) -> ClipResult:
    segments = tuple(replace(segment, usable=True) for segment in result.segments)
    return replace(result, segments=segments)


def _compare_corpus(
    stream: Evaluation, stream_results: Sequence[ClipResult], graph_results: Sequence[ClipResult]
) -> dict[str, Any]:
    clips = [result.clip for result in stream_results]
    class_indices, labels = corpus_classes(stream, clips)
    streamed, whole = (
        ClassPredictions.from_segments([r.segments for r in side], class_indices)
        for side in (stream_results, graph_results)
    )
    everything = np.arange(len(stream.labels))
    shares = [
        ClassPredictions.from_segments([r.segments for r in side], everything)
        for side in (stream_results, graph_results)
    ]
    # Silence against an answer differs by as much as can be.
    gaps = np.where(
        streamed.answered | whole.answered,
        np.nan_to_num(np.abs(shares[0].posteriors - shares[1].posteriors).max(axis=1), nan=1.0),
        0.0,
    )
    speakers = [clip.speaker for clip in clips]
    return {
        "uar": uar(labels, whole.predictions),
        "uar_interval": interval(bootstrap(labels, whole.predictions, speakers).uar),
        "largest_difference": float(gaps.max()),
        "equal_labels": float(np.mean(streamed.predictions == whole.predictions)),
    }
