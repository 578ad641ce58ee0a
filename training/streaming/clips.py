"""Clips as the model hears them: what the live gate lets through, cached on the disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.resample import Resampler
from realtime_ser.config import GateConfig
from realtime_ser.errors import AudioFileError, OutputError, SerError
from realtime_ser.features import FeatureParams
from realtime_ser.records import SAMPLE_RATE, STEP_FRAMES
from realtime_ser.segmenter import Segmenter
from realtime_ser.vad import GATE_FRAME
from training.corpora import Clip
from training.workers import spread

_VERSION = 1
"""To be raised whenever gate or features give other results for the same parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class GatedSegment:
    """A speech segment of a clip, as the gate cut it.

    Attributes
    ----------
    clip
        The clip it is from.
    log_mel
        Log-mel frames in dB, shape ``(steps, 8, n_mels)``.
    last_voiced
        Index within the segment of its last voiced step, whose estimate is the result.
    voiced_s
        Sum of its voiced gate frames in seconds.
    first_step
        Number within the clip of its first step.
    """

    clip: Clip
    log_mel: NDArray[np.float32]
    last_voiced: int
    voiced_s: float
    first_step: int


def samples_16k(path: Path) -> NDArray[np.float32]:
    """First channel of a recording at 16 kHz, shape ``(n,)``, resampled as the live path does it.

    Raises
    ------
    AudioFileError
        It cannot be read to its end.
    """
    source = FileSource(path)
    resampler = Resampler(source.info.native_rate)
    blocks = [resampler.push(block[:, 0]) for block in source.blocks()]
    return np.concatenate([*blocks, resampler.flush()])


def gated_segments(
    clips: Sequence[Clip], features: FeatureParams, gate: GateConfig, cache: Path, jobs: int
) -> list[GatedSegment]:
    """Speech segments of clips, in the clips' order; a clip without speech gives none.

    Each clip's segments are kept in ``cache`` under a hash of the recording and of all parameters,
    and written in one go: an interrupted run goes on where it stopped.

    Parameters
    ----------
    clips
        What to cut.
    features, gate
        Parameters of the log-mel spectrum and of the gate.
    cache
        Folder of the cache; may be shared by any runs.
    jobs
        Number of processes.

    Raises
    ------
    OutputError
        The cache cannot be written; what is in it stays.
    SerError
        Recordings cannot be read; all others are in the cache by then.
    """
    parameters = _digest_of_parameters(features, gate)
    entries = [cache / name[:2] / f"{name}.npz" for name in _names(clips, parameters)]
    stored = [_load(entry) for entry in entries]
    lacking = [k for k, segments in enumerate(stored) if segments is None]
    faults = spread(
        partial(_store, features, gate),
        [(clips[k].path, entries[k]) for k in lacking],
        jobs,
        "Cutting speech out of clips",
    )
    _raise_first([fault for fault in faults if fault])
    for k in lacking:
        stored[k] = _read(entries[k])
    return [
        GatedSegment(clip, *segment)
        for clip, segments in zip(clips, stored, strict=True)
        for segment in segments or ()
    ]


def _raise_first(faults: Sequence[str]) -> None:
    if faults:
        others = f" ({len(faults) - 1} other clips have faults too)" if len(faults) > 1 else ""
        raise SerError(f"{faults[0]}{others}")


def _digest_of_parameters(features: FeatureParams, gate: GateConfig) -> bytes:
    digest = hashlib.sha256(str(_VERSION).encode())
    digest.update(TypeAdapter(FeatureParams).dump_json(features))
    digest.update(gate.model_dump_json().encode())
    return digest.digest()


def _names(clips: Sequence[Clip], parameters: bytes) -> list[str]:
    try:
        return [
            hashlib.sha256(parameters + hashlib.sha256(clip.path.read_bytes()).digest()).hexdigest()
            for clip in clips
        ]
    except OSError as error:
        raise AudioFileError(f"{error.filename} cannot be read: {error.strerror}.") from error


_Cut = tuple[NDArray[np.float32], int, float, int]
"""A segment's log-mel frames, last voiced step, voiced seconds and first step."""


def _store(features: FeatureParams, gate: GateConfig, work: tuple[Path, Path]) -> str | None:
    """Cut one recording and cache its segments; a recording's fault is returned."""
    path, entry = work
    try:
        cuts = _cut(samples_16k(path), features, gate)
    except AudioFileError as error:
        return str(error)
    try:
        _write(entry, cuts, features.n_mels)
    except OSError as error:
        raise OutputError(
            f"The cache {entry.parent.parent} cannot be written ({error.strerror}); make room or "
            "name another folder, and what is cached already will be used."
        ) from error
    return None


def _cut(samples: NDArray[np.float32], features: FeatureParams, gate: GateConfig) -> list[_Cut]:
    cuts: list[_Cut] = []
    fed: list[NDArray[np.float64]] = []
    first = last = voiced = 0

    def close() -> None:
        if fed:
            log_mel = np.concatenate(fed).astype(np.float32)
            cuts.append((log_mel, last - first, voiced * GATE_FRAME / SAMPLE_RATE, first))
            fed.clear()

    for step in Segmenter(features, gate).push(samples):
        if step.closes:
            close()
        if step.begins is not None:
            first, voiced = step.begins, 0
        if step.speech:
            fed.append(step.fed)
            voiced += step.voiced
            last = step.index if step.voiced else last
    close()
    return cuts


def _write(entry: Path, cuts: Sequence[_Cut], n_mels: int) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    none = np.empty((0, STEP_FRAMES, n_mels), np.float32)
    draft, name = tempfile.mkstemp(dir=entry.parent, suffix=".part")
    try:
        with os.fdopen(draft, "wb") as file:
            np.savez(
                file,
                log_mel=np.concatenate([none, *(cut[0] for cut in cuts)]),
                steps=np.array([len(cut[0]) for cut in cuts], np.int64),
                last_voiced=np.array([cut[1] for cut in cuts], np.int64),
                voiced_s=np.array([cut[2] for cut in cuts], np.float64),
                first_step=np.array([cut[3] for cut in cuts], np.int64),
            )
        Path(name).replace(entry)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _load(entry: Path) -> list[_Cut] | None:
    """Cached segments; ``None`` where there are none, or where a pulled plug left half a file."""
    try:
        return _read(entry)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def _read(entry: Path) -> list[_Cut]:
    with entry.open("rb") as file, np.load(file) as arrays:
        ends = np.cumsum(arrays["steps"])
        log_mel = arrays["log_mel"]
        rows = zip(
            arrays["steps"],
            ends,
            arrays["last_voiced"],
            arrays["voiced_s"],
            arrays["first_step"],
            strict=True,
        )
        return [
            (log_mel[end - steps : end], int(last), float(voiced), int(first))
            for steps, end, last, voiced, first in rows
        ]
