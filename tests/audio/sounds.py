"""Sounds as files of many kinds, and what programs, phones and copies make of them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 16_000


def tone(seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    """Make a sweep whose every stretch differs, so that nothing can be repeated unnoticed."""
    time_s = np.arange(round(seconds * rate)) / rate
    sweep = np.sin(2 * np.pi * (200 + 150 * time_s) * time_s) * (0.2 + 0.1 * time_s / seconds)
    return np.round(sweep * 32767).astype(np.int16)


def encoded(samples: np.ndarray, kind: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    """Encode through libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def by_ffmpeg(
    path: Path, samples: np.ndarray, codec: str, kind: str | None = None, rate: int = RATE, **more
) -> Path:
    """Encode through FFmpeg; ``more`` are options of the container."""
    with av.open(str(path), "w", format=kind, options=more) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            stream.bit_rate = 64_000
        resampler = av.AudioResampler(
            stream.codec_context.format, "mono", rate, stream.codec_context.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate, frame.pts = RATE, 0
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def wav(samples: np.ndarray, riff: int | None = None, data: int | None = None) -> bytes:
    """Encode as WAV of 16 bit whose header announces some sizes."""
    body = samples.astype("<i2").tobytes()
    riff = len(body) + 36 if riff is None else riff
    data = len(body) if data is None else data
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    sizes = struct.pack("<I", riff), struct.pack("<I", data)
    return b"RIFF" + sizes[0] + b"WAVEfmt " + form + b"data" + sizes[1] + body


def read_float(path: Path) -> np.ndarray:
    """Read a file of the test by libsndfile alone."""
    return soundfile.read(path, dtype="float32")[0]


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """Replace some bytes."""
    return data[:at] + new + data[at + len(new) :]


def trouble(name: str) -> Path:
    """Name one of the files that other programs made."""
    return Path(__file__).parent.parent / "data" / "real_trouble" / name
