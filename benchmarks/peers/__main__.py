"""Trains the peers, measures all on the same unheard speakers, and lets them hear one stream.

``fit NAME`` trains a peer, ``score`` measures all that were trained, and ``page`` lets each hear
the stream and writes the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import ResultTable, number
from benchmarks.measured import Figures, Measured, NotNowError
from benchmarks.page import add_keeping, write_table
from benchmarks.peers.clips import (
    CORPORA,
    FOLD,
    Stream,
    cut_features,
    fold_clips,
    labelled,
    stream_of,
)
from benchmarks.peers.cuts import Windows
from benchmarks.peers.systems import (
    PEERS,
    WHOLE_CLIP,
    WHOLE_CLIP_RUN,
    WHOLE_CLIP_TITLE,
    Classifier,
    Peer,
    load_whole_clip_model,
)
from benchmarks.programs import finish, python, running_process
from realtime_ser.base.labels import LABELS
from realtime_ser.recogniser.bundle import STEP_MODEL, Bundle, load_bundle
from training.corpora import Clip, title
from training.measure.clip_results import ClipResult, Evaluation, SegmentResult
from training.measure.live_path import evaluate_bundle
from training.measure.scoring import scores

OURS = ("default", "large")


_CLIPS, _GAP_S = 24, (1.0, 2.5)

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "1",
) | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True, slots=True)
class Places:
    """Corpora, a cache of what was made, Whisper's weights, and runs of ``realtime-ser-train``."""

    corpora: Path
    cache: Path
    weights: Path | None
    runs: Path

    def folder(self, name: str) -> Path:
        """Folder of a peer's classifier."""
        return self.runs / WHOLE_CLIP_RUN if name == WHOLE_CLIP else self.cache / name

    def own(self, name: str) -> Bundle:
        """Model of ours that has not heard the fold's test speakers.

        It is the one that ships where that is of the fold; else its recipe's run on the fold.
        """
        run = self.runs / f"{name}-fold{FOLD}-seed0"
        return load_bundle(name if _ships(name) else run / "bundle")


def _ships(name: str) -> bool:
    """Whether the model that ships has not heard the fold's test speakers."""
    return bool(load_bundle(name).manifest.recipe["fold"] == FOLD)


# --------------------------------------------------------------------------------------- training


def fit(peer: Peer, places: Places) -> None:
    """Train a peer on the fold's training speakers, with the validation speakers to choose by."""
    parts = fold_clips(places.corpora, places.cache)
    last = peer.train_windows if isinstance(peer.cutting, Windows) else None
    made = {}
    for part in ("train", "validation"):
        rows = cut_features(peer, parts[part], places.cache, places.weights, last)
        made[part] = labelled(parts[part], rows)
    places.folder(peer.name).mkdir(parents=True, exist_ok=True)
    peer.fit(made["train"], made["validation"], places.folder(peer.name))


# --------------------------------------------------------------------------------------- accuracy


def score(name: str, places: Places) -> Figures:
    """UAR by corpus on the fold's test speakers, with its interval."""
    clips = fold_clips(places.corpora, places.cache)["test"]
    if name in OURS:
        return _figures(scores(evaluate_bundle(places.own(name), clips, jobs=1))["corpora"])
    if name == WHOLE_CLIP:
        model = load_whole_clip_model(places.folder(name))
        rows = model.predict([clip.path for clip in clips])
        found = [(SegmentResult(row, 1),) for row in rows]
        return _figures(scores(_evaluation(name, clips, found))["corpora"])
    peer = PEERS[name]
    last = 1 if isinstance(peer.cutting, Windows) else None
    features = cut_features(peer, clips, places.cache, places.weights, last)
    found = results(peer.load(places.folder(name)), features)
    return _figures(scores(_evaluation(name, clips, found))["corpora"])


def results(
    classify: Classifier, features: Sequence[np.ndarray]
) -> list[tuple[SegmentResult, ...]]:
    """Results of the cuts of each clip, which count alike."""
    rows = np.concatenate([own for own in features if len(own)])
    answers = iter(np.asarray(classify(rows), np.float32))
    return [tuple(SegmentResult(next(answers), 1) for _ in own) for own in features]


def _evaluation(
    name: str, clips: Sequence[Clip], found: Sequence[tuple[SegmentResult, ...]]
) -> Evaluation:
    pairs = zip(clips, found, strict=True)
    return Evaluation(
        LABELS, tuple(ClipResult(clip, own, {}) for clip, own in pairs), {"name": name}
    )


def _figures(corpora: Mapping[str, Any]) -> Figures:
    found: Figures = {}
    for corpus in CORPORA:
        low, high = corpora[corpus]["uar_interval"]
        found |= {corpus: corpora[corpus]["uar"], f"{corpus} low": low, f"{corpus} high": high}
        found |= {f"{corpus} clips": corpora[corpus]["clips"]}
    return found


# ----------------------------------------------------------------------------------------- speed


def listen(name: str, places: Places) -> Figures:
    """What a process takes that hears the stream, and when its labels come."""
    arguments = (
        ("own", str(places.own(name).folder))
        if name in OURS
        else ("peer", name, str(places.folder(name)), str(places.weights or ""))
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.npz"
        stream = _stream(places)
        np.savez(path, samples=stream.samples, spans=stream.spans)
        command = python("-m", "benchmarks.peers.replay", str(path), *arguments)
        with running_process(command, _ONE_THREAD) as process:
            said = finish(process, timeout_s=900)
    found: Figures = json.loads(said.rpartition("seen ")[2])
    return found


def _stream(places: Places) -> Stream:
    kept = places.cache / "stream.npz"
    if not kept.exists():
        clips = fold_clips(places.corpora, places.cache)["test"]
        made = stream_of(clips, _CLIPS, _GAP_S)
        np.savez(kept, samples=made.samples, spans=made.spans)
    with np.load(kept) as arrays:
        return Stream(arrays["samples"], arrays["spans"])


# ------------------------------------------------------------------------------------------ page


def names() -> tuple[str, ...]:
    """All that are compared, ours last."""
    first, second, *others = PEERS
    return (first, second, WHOLE_CLIP, *others, *OURS)


def table(measured: Measured, places: Places) -> ResultTable:
    """Table of all on the same audio."""
    rows = []
    for name in names():
        scored = measured.get(f"score of {name}", partial(score, name, places))
        heard = measured.get(f"replay to {name}", partial(listen, name, places))
        rows.append(
            (
                _title(name),
                f"{heard['delay_p50_ms']:.0f}",
                f"{heard['delay_p95_ms']:.0f}",
                number(heard["labels_per_s"]),
                number(heard["core_percent"]),
                f"{heard['memory_mb']:.0f}",
                *(
                    f"{scored[corpus]:.3f} [{scored[f'{corpus} low']:.3f}, "
                    f"{scored[f'{corpus} high']:.3f}]"
                    for corpus in CORPORA
                ),
            )
        )
    seconds = len(_stream(places).samples) / 16_000
    clips = {corpus: f"{scored[f'{corpus} clips']:,.0f} clips" for corpus in CORPORA}
    return ResultTable(
        f"Speed: one stream of {seconds:.0f} s at 16 kHz, {_CLIPS} clips of the test speakers with "
        f"silences of {_GAP_S[0]:g} to {_GAP_S[1]:g} s, heard by each in a process of its own with "
        "one thread, in blocks of 20 ms; a block is there when its last sample was spoken. Time "
        "to the label: from the end of the speech in a clip to the first label that rests on all "
        "of it; what capturing takes (see above) comes on top, for all alike. Labels a second: "
        "while somebody speaks. Memory: the most that the process held. UAR: of that very label, "
        "or of the means over a clip's segments where it has several, on all clips of the test "
        f"speakers of joint fold {FOLD}, each clip by itself, with a 95 % bootstrap interval over "
        f"the speakers. {' '.join(_of_fold(name, places) for name in OURS)}",
        (
            "system",
            "to the label, p50, ms",
            "p95, ms",
            "labels a second",
            "% of a core",
            "memory, MB",
            *(f"UAR, {title(corpus)}, {clips[corpus]}" for corpus in CORPORA),
        ),
        tuple(rows),
    )


def _of_fold(name: str, places: Places) -> str:
    """Which model of ours was taken."""
    manifest = places.own(name).manifest
    model = f"`{name}` is {{}} of that fold (step model {manifest.files[STEP_MODEL][:8]})."
    return model.format("the model that ships, which is" if _ships(name) else "its recipe's model")


def _title(name: str) -> str:
    if name in OURS:
        return f"**`{name}`**, ours"
    return WHOLE_CLIP_TITLE if name == WHOLE_CLIP else PEERS[name].title


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("task", choices=("fit", "score", "page"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--corpora", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cache", type=Path, default=Path("runs/peers"), metavar="DIR")
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="Whisper base's encoder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR")
    add_keeping(parser)
    options = parser.parse_args(arguments)
    places = Places(options.corpora, options.cache, options.teacher, options.runs)
    if options.task == "fit":
        for name in options.names or PEERS:
            fit(PEERS[name], places)
        return 0
    measured = Measured(options.keep, options.most)
    try:
        if options.task == "score":
            for name in options.names or names():
                print(name, measured.get(f"score of {name}", partial(score, name, places)))
        else:
            command = "python -m benchmarks.peers page --corpora CORPORA --teacher NPZ --runs RUNS"
            made = table(measured, places)
            others = [measured.others(name) for name in measured.got if "replay" in name]
            write_table(options.page, "peers", made, command, others)
    except NotNowError:
        print("More is to be measured; run the same command again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
