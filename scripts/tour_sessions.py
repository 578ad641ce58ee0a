"""What the tour of the windows shows: sessions that the program heard from real speech.

Clips of a folder become recordings, and recordings become kept sessions through the very engine
that runs in the window, at dates of their own. No sound leaves the temporary folder.
"""

from __future__ import annotations

import datetime as calendar
import importlib
import os
import pkgutil
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import realtime_ser
from realtime_ser.audio.file import FileSource
from realtime_ser.audio.opening import AUDIO_FILES
from realtime_ser.base.config import Config, parse_config
from realtime_ser.base.records import Record
from realtime_ser.engine.monitor import Monitor
from realtime_ser.engine.status import Phase
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.session.live import LiveSession
from realtime_ser.session.store import Interval, open_store
from realtime_ser.session.store import store as keeping

NOW = datetime(2026, 3, 20, 15, 4, 10).astimezone()
"""The day of the tour."""

STUDY = "Voice in coaching"

_LEAST_CLIPS = 40
"""So many clips make a voice."""

_ROOM_LEVEL = 2e-4
"""Level of the room between two clips, where digital silence would not look like a room."""


class FrozenClock(datetime):
    """A clock that stands still where it was set, so that pictures can be compared."""

    moment = NOW

    @classmethod
    def now(cls, tz: calendar.tzinfo | None = None) -> datetime:
        """The moment that was set."""
        return cls.moment if tz is None else cls.moment.astimezone(tz)

    @classmethod
    def install(cls) -> None:
        """Show it to every module of the program, and let IDs come in a fixed order."""
        for found in pkgutil.walk_packages(realtime_ser.__path__, "realtime_ser."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
        for name, module in list(sys.modules.items()):
            if name.startswith("realtime_ser") and getattr(module, "datetime", None) is datetime:
                module.datetime = cls  # type: ignore[attr-defined]
        keeping.secrets = random.Random(5)  # type: ignore[assignment]


# ------------------------------------------------------------------------------------- recordings


@dataclass(frozen=True, slots=True)
class Recordings:
    """Where the recordings lie that sessions are heard from."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / f"{name}.wav"

    def write_recording(self, name: str, sound: NDArray[np.float32], rate: int) -> None:
        """Write one; shape ``(n,)`` or ``(n, channels)``."""
        soundfile.write(self[name], sound, rate)


def clips_by_voice(folder: Path) -> list[list[Path]]:
    """Clips by who speaks, as far as names of files tell; one voice where they do not."""
    clips = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_FILES)
    found: dict[str, list[Path]] = defaultdict(list)
    for clip in clips:
        stem = clip.stem
        found[stem.rpartition("-")[2] if "-" in stem else stem.partition("_")[0]].append(clip)
    several = [found[name] for name in sorted(found) if len(found[name]) >= _LEAST_CLIPS]
    if not clips:
        raise SystemExit(f"There is no recording in {folder}: name a folder of real speech.")
    return several or [clips]


def join_clips(clips: Iterable[Path], seed: int) -> tuple[NDArray[np.float32], int]:
    """Clips one after another, each at a speaking level, with pauses between."""
    chance = np.random.default_rng(seed)
    parts: list[NDArray[np.float32]] = []
    rate = 0
    for clip in clips:
        sound, own = soundfile.read(clip, dtype="float32", always_2d=True)
        rate = rate or own
        if own != rate:
            continue
        voice = _trimmed(sound[:, 0], rate)
        level = float(np.sqrt(np.mean(voice**2))) or 1.0
        pause = np.zeros(round(chance.uniform(0.7, 1.9) * rate), np.float32)
        parts += [pause, np.clip(voice * (0.08 / level), -0.97, 0.97)]
    whole = np.concatenate([*parts, np.zeros(rate, np.float32)])
    return (whole + _ROOM_LEVEL * chance.standard_normal(len(whole))).astype(np.float32), rate


def _trimmed(voice: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Without the silence at both ends, which some corpora have a second of."""
    loud = np.flatnonzero(np.abs(voice) > 0.05 * np.abs(voice).max(initial=0.0))
    if not len(loud):
        return voice
    room = rate // 10
    return voice[max(0, loud[0] - room) : loud[-1] + room]


def record(folder: Path, to: Recordings, voice: int) -> None:
    """Make all recordings of the tour; ``voice`` says which of the voices comes first."""
    to.folder.mkdir(parents=True)
    speakers = clips_by_voice(folder)
    first, second, third = (speakers[(voice + number) % len(speakers)] for number in (0, 1, 2))

    def chosen(clips: Sequence[Path], count: int, seed: int) -> list[Path]:
        return random.Random(seed).sample(clips, min(count, len(clips)))

    def write_recording(name: str, clips: Sequence[Path], seed: int) -> None:
        to.write_recording(name, *join_clips(clips, seed))

    write_recording("interview", chosen(first, 44, 2), 2)
    for week in range(8):
        write_recording(f"week {week + 1}", chosen(first, 12, 100 + week), week)
    write_recording("diary", chosen(third, 14, 7), 7)
    write_recording("reading", chosen(second, 12, 8), 8)
    write_recording("talk", chosen(third, 16, 9), 9)
    # Neighbours in the list of a voice's clips share their sentence, in the usual corpora.
    step = max(2, len(first) // 10 * 2)
    write_recording("take 1", first[0::step], 11)
    write_recording("take 2", first[1::step], 11)
    coach, rate = join_clips(chosen(second, 30, 21), 21)
    client, _ = join_clips(chosen(first, 30, 22), 22)
    to.write_recording("coaching", _alternate(coach, client, rate), rate)


def _alternate(
    one: NDArray[np.float32], other: NDArray[np.float32], rate: int
) -> NDArray[np.float32]:
    """Two channels; who does not speak is hardly heard."""
    turn = 7 * rate
    length = min(len(one), len(other)) // turn * turn
    pair = np.stack([one[:length], other[:length]], axis=1)
    for number, start in enumerate(range(0, length, turn)):
        pair[start : start + turn, 1 - number % 2] *= 0.0004
    return pair


# ---------------------------------------------------------------------------------------- sessions


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """A session that is to be heard."""

    recording: str
    started: datetime
    title: str
    participant: str = ""
    condition: str = ""
    study: str = STUDY
    note: str = ""
    audio: bool = False
    names: tuple[str, ...] = ()
    marks: tuple[tuple[float, str, float], ...] = ()


def session_plans() -> list[SessionPlan]:
    """All sessions of the tour, in the order of their dates."""
    weeks = [
        SessionPlan(
            f"week {week + 1}",
            _at(NOW.date() - timedelta(weeks=8 - week), 10, 12),
            f"Week {week + 1}",
            "P07",
            "morning" if week % 2 else "evening",
        )
        for week in range(8)
    ]
    today = NOW.date()
    others = [
        SessionPlan("diary", _at(today - timedelta(days=3), 18, 31), "Voice diary", study=""),
        SessionPlan(
            "reading",
            _at(today - timedelta(days=2), 9, 5),
            "Reading aloud",
            "P03",
            "baseline",
            note="Had a cold; repeat in April.",
        ),
        SessionPlan(
            "take 1", _at(today - timedelta(days=1), 16, 2), "Speech, take 1", "P03", audio=True
        ),
        SessionPlan(
            "take 2", _at(today - timedelta(days=1), 16, 9), "Speech, take 2", "P03", audio=True
        ),
        SessionPlan(
            "coaching",
            _at(today, 9, 15),
            "Coaching, hour 3",
            "P12",
            names=("coach", "client"),
            audio=True,
            marks=((12.0, "question", 0.0), (34.5, "laughter", 0.0)),
        ),
        SessionPlan(
            "interview",
            _at(today, 11, 2),
            "Interview, second visit",
            "P07",
            "morning",
            note="Window open until minute 1: some traffic.",
            audio=True,
            marks=(
                (8.2, "question", 0.0),
                (21.0, "answer", 6.5),
                (47.4, "laughter", 0.0),
                (71.0, "task begins", 0.0),
                (103.6, "task ends", 0.0),
            ),
        ),
    ]
    return weeks + others


def keep_sessions(config: Config, recordings: Recordings) -> None:
    """Hear and keep all sessions, one of which is broken off."""
    for plan in session_plans():
        run_session(config, plan, recordings)
    FrozenClock.moment = NOW
    with open_store(config) as store:
        interview = next(i for i in store.sessions() if i.metadata.source.name == "interview.wav")
        store.annotate(
            interview.id,
            intervals=[
                Interval("phase", 2.0, 44.0, "warm-up"),
                Interval("phase", 44.0, 71.0, "talk"),
                Interval("phase", 71.0, 103.6, "task"),
            ],
        )
    command = [sys.executable, __file__, str(recordings["talk"])]
    killed = subprocess.run(command, check=False)
    if killed.returncode not in (-signal.SIGKILL, 1):
        raise SystemExit(f"The session that was to be killed has ended with {killed.returncode}.")


def run_session(config: Config, plan: SessionPlan, recordings: Recordings) -> None:
    """Run a session from its first sample to its last, and keep it."""
    FrozenClock.moment = plan.started
    session = LiveSession(_config(config, plan, recordings[plan.recording]))
    heard = session.monitor.subscribe()
    session.start()
    for time_s, text, duration_s in plan.marks:
        session.monitor.mark(text, "", duration_s, time_s)
    for _ in heard:
        pass
    session.stop()
    with open_store(config) as store:
        store.rename(str(session.id), plan.title)
        if plan.note:
            store.add_note(str(session.id), plan.note)


def _config(config: Config, plan: SessionPlan, path: Path) -> Config:
    made = config.model_dump()
    made["audio"] |= {
        "input": str(path),
        "speed": 0,
        "channels": tuple(range(1, len(plan.names) + 1)) or (1,),
        "channel_names": plan.names,
    }
    made["session"]["record_audio"] = plan.audio
    made["study"] = {
        "name": plan.study or None,
        "participant": plan.participant or None,
        "condition": plan.condition or None,
        "consent": plan.started - timedelta(minutes=4) if plan.participant else None,
    }
    return parse_config(made, "the tour")


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute).astimezone()


def _run_killed_session(recording: Path) -> None:
    """Hear a session, and be killed before it is complete."""
    FrozenClock.install()
    FrozenClock.moment = NOW - timedelta(minutes=17)
    keeping.secrets = random.Random(6)  # type: ignore[assignment]
    plan = SessionPlan(recording.stem, FrozenClock.moment, "", "P12", "noon", audio=True)
    session = LiveSession(_config(Config(), plan, recording))
    session.start(41.0)
    while session.monitor.status.phase is not Phase.ENDED:
        time.sleep(0.05)
    time.sleep(2.0)  # what is older than a second is on the disk
    os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


# ------------------------------------------------------------------------------------- one hearing


def analyse_recording(path: Path, bundle: Bundle, channels: Sequence[int] = (1,)) -> list[Record]:
    """All that the engine says of a recording."""
    monitor = Monitor(FileSource(path, speed=0), bundle, channels=channels)
    records = monitor.subscribe()
    monitor.start()
    heard = list(records)
    monitor.stop()
    return heard


if __name__ == "__main__":
    _run_killed_session(Path(sys.argv[1]))
