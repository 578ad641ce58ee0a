"""Sessions that are made at once, with something of everything in them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import (
    STEP_S,
    Estimate,
    Marker,
    Segment,
    SegmentVoice,
    Sound,
    State,
    Update,
    VoiceMeasures,
)
from realtime_ser.recogniser.speaker_calibration import ModelIdentity
from realtime_ser.session.metadata import SessionMetadata
from realtime_ser.session.sinks import SoundSink

NOW = datetime(2026, 3, 1, 14, 2, 11, 123456, timezone(timedelta(hours=-3, minutes=-30)))
RATE = 8_000

MARKERS = (
    Marker(0.5, 'says "no" & <goes>\n', "k1"),
    Marker(3.2, "Größe — 日本語 👩‍🔬"),
    Marker(3.2, "=HYPERLINK()"),
    Marker(2.0, "overlaps", duration_s=3.25),
    Marker(4.0, "also", duration_s=4.0),
)
"""Moments, two at once, and stretches that overlap."""

SPEECH = {1: ((10, 40), (52, 80)), 2: ((30, 60),)}
"""Steps of the segments of each channel; their results are certain and not in turn."""


PROVENANCE = {"config": {"voice": {"measures": True}}}


def metadata(channels=(1,), **changes):
    source = SourceInfo("talk.wav", RATE, max(channels), live=False, duration_s=8.0)
    model = ModelIdentity("default", "1.0", "00ff")
    return replace(SessionMetadata(NOW, source, channels, LABELS, model, PROVENANCE), **changes)


def estimate(seed):
    values = np.random.default_rng(seed).dirichlet(np.ones(len(LABELS)) * 0.3)
    best = int(values.argmax())
    return Estimate(values.astype(np.float32), LABELS[best], float(values[best]), seed % 2 == 0)


def measures(step, *, spoken):
    """What the voice does: it rises, and activation is known from step 25 on."""
    if not spoken:
        return VoiceMeasures(None, -70.5, None, 0.75, None, None)
    activation = step / 128 if step >= 25 else None
    return VoiceMeasures(100.0 + step, -21.5, 4.25, 0.125, activation, -6.5)


def records(channels=(1,), steps=100):
    """Updates and segments of some channels: silence, speech, and lost steps 84 to 89."""
    made = []
    for step in range(steps):
        for channel in channels:
            runs = enumerate(SPEECH[channel], 1)
            number = next((n for n, (first, last) in runs if first <= step < last), None)
            state = State.SPEECH if number else State.LOST if 84 <= step < 90 else State.SILENCE
            said = estimate(1000 * channel + step) if number else None
            wall = NOW + timedelta(seconds=step * STEP_S)
            level = -20.0 if number else -70.0
            voice = None if state is State.LOST else measures(step, spoken=number is not None)
            made.append(
                Update(step, channel, state, number, said, level, wall_clock=wall, voice=voice)
            )
            if number and step == SPEECH[channel][number - 1][1] - 1:
                start_s = SPEECH[channel][number - 1][0] * STEP_S
                end_s = (step + 1) * STEP_S
                result = estimate(channel + number)
                did = SegmentVoice(128.0, 4.5, -21.5, 4.25, 0.125, None if number == 1 else 0.25)
                made.append(Segment(number, channel, start_s, end_s, end_s - start_s, result, did))
    return made


def sound(channels=1, seconds=8.0):
    """Samples whose value tells their place and channel, which FLAC keeps to the bit."""
    count = np.arange(round(seconds * RATE))
    return np.stack([(count % 1000 + 2000 * c) / 32768 for c in range(channels)], 1).astype("f4")


def keep(store, made=(), *, audio=False, **facts):
    """Keep a session and return what is known of it."""
    session_metadata = metadata(**facts)
    writer = store.begin(session_metadata)
    writer.feed(list(made))
    if audio:
        path = writer.folder / "audio.flac"
        writer.note_files(None, named=False, audio=path)
        sink = SoundSink(path, session_metadata.source)
        sink.feed([Sound(0, sound(session_metadata.source.channels))])
        sink.finish()
        sink.close()
    writer.finish()
    return store.session(writer.id)


def interview(store, *, audio=False, **facts):
    """Two named channels, markers, segments, lost time."""
    names = {1: "coach", 2: "Klientin „Ä“"}
    made = [*records((1, 2)), *MARKERS]
    facts = {"channels": (1, 2), "names": names, "title": "First <take>"} | facts
    return keep(store, made, audio=audio, **facts)


def interrupted(store):
    """A session whose program was killed while it kept sound."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from realtime_ser.base.records import Sound\n"
        "from realtime_ser.session.sinks import SoundSink\n"
        "from realtime_ser.session.store import Store\n"
        "from tests import kept_sessions as made\n"
        "metadata = made.metadata()\n"
        "writer = Store(Path(sys.argv[1])).begin(metadata)\n"
        "writer.feed(made.records())\n"
        "path = writer.folder / 'audio.flac'\n"
        "writer.note_files(None, named=False, audio=path)\n"
        "sink = SoundSink(path, metadata.source)\n"
        "sink.feed([Sound(0, made.sound())])\n"
        "sink.flush(); writer.flush(); os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store.folder)], timeout=60)
    assert done.returncode == 9
    store.recover()
    return store.sessions()[-1]
