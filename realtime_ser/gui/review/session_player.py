"""Plays the kept sound with a cursor that moves along; in silence where there is no output."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from realtime_ser.audio.devices import portaudio
from realtime_ser.base.errors import DeviceError, SerError
from realtime_ser.gui.review.sound_store import sound_path
from realtime_ser.session.store import SessionInfo

_BLOCK_S = 0.02
_FRAME_MS = 16

NO_OUTPUT = "No sound output was found: the cursor moves in silence."


@dataclass(frozen=True, slots=True)
class _PlaybackClock:
    """Which second of the session is heard at which moment of the monotonic clock."""

    session_s: float
    monotonic_s: float

    def now(self) -> float:
        """The second that is heard now."""
        return self.session_s + time.monotonic() - self.monotonic_s


class SessionPlayer(QObject):
    """Plays stretches of a session.

    Parameters
    ----------
    info
        The session, whose sound was kept.
    """

    #: The second that is heard now.
    moved = pyqtSignal(float)

    #: It has begun or ended.
    state_changed = pyqtSignal(bool)

    #: A sentence that a person should read.
    message = pyqtSignal(str)

    _finished = pyqtSignal(int, str)

    def __init__(self, info: SessionInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._info = info
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._clock: _PlaybackClock | None = None
        self._start_s = self._end_s = 0.0
        self._run_number = 0
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._tick)
        self._finished.connect(self._on_finished)

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._timer.isActive()

    def play(self, start_s: float, end_s: float) -> None:
        """Play a stretch, from its first second on."""
        self.stop()
        self._start_s, self._end_s = start_s, end_s
        self._clock = None
        self._run_number += 1
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(self._run_number, self._stop, start_s, end_s),
            name="player",
            daemon=True,
        )
        self._thread.start()
        self._timer.start()
        self.state_changed.emit(True)

    def stop(self) -> None:
        """Stop at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._timer.isActive():
            self._timer.stop()
            self.state_changed.emit(False)

    def close(self) -> None:
        """Stop for good."""
        self._closed = True
        self.stop()

    def _tick(self) -> None:
        clock = self._clock
        if clock is not None:
            self.moved.emit(min(max(self._start_s, clock.now()), self._end_s))

    def _on_finished(self, number: int, words: str) -> None:
        """The thread tells, with a sentence if something was wrong, that a round is over."""
        if self._closed:
            return
        if words:
            self.message.emit(words)
        if number == self._run_number and self.playing and self._stop.is_set():
            self.moved.emit(self._end_s)
            self.stop()

    # ---------------------------------------------------------------------------- in the thread

    def _run(self, number: int, stop: threading.Event, start_s: float, end_s: float) -> None:
        words = ""
        try:
            with soundfile.SoundFile(sound_path(self._info)) as file:
                words = self._play(file, stop, start_s, end_s)
        except (SerError, OSError, soundfile.SoundFileError) as error:
            words = str(error)
        if not stop.is_set():
            stop.set()
            self._finished.emit(number, words)

    def _play(
        self,
        file: soundfile.SoundFile,
        stop: threading.Event,
        start_s: float,
        end_s: float,
    ) -> str:
        """Play to the end or until told to stop; says what was wrong."""
        rate = file.samplerate
        file.seek(min(round(start_s * rate), file.frames))
        left = round((end_s - start_s) * rate)
        try:
            sounddevice = portaudio()
            stream = sounddevice.OutputStream(samplerate=rate, channels=2, dtype="float32")
        except DeviceError as error:
            self._finished.emit(-1, str(error))
            self._play_silently(stop, start_s, end_s)
            return ""
        except sounddevice.PortAudioError:
            self._finished.emit(-1, NO_OUTPUT)
            self._play_silently(stop, start_s, end_s)
            return ""
        try:
            with stream:
                self._write_blocks(file, stream, stop, start_s, left)
        except sounddevice.PortAudioError as error:
            return f"The sound output went away ({error}): plug it in and press Play again."
        return ""

    def _write_blocks(
        self,
        file: soundfile.SoundFile,
        stream: Any,
        stop: threading.Event,
        start_s: float,
        left: int,
    ) -> None:
        rate, written = file.samplerate, 0
        size = max(1, round(_BLOCK_S * rate))
        while left > 0 and not stop.is_set():
            block = file.read(min(size, left), dtype="float32", always_2d=True)
            if not len(block):
                break
            stream.write(stereo(block))
            written, left = written + len(block), left - len(block)
            heard_s = start_s + written / rate - float(stream.latency)
            self._clock = _PlaybackClock(heard_s, time.monotonic())
        if not stop.is_set():
            stop.wait(float(stream.latency))
        if stop.is_set():
            stream.abort()

    def _play_silently(self, stop: threading.Event, start_s: float, end_s: float) -> None:
        self._clock = _PlaybackClock(start_s, time.monotonic())
        stop.wait(end_s - start_s)


def stereo(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples for two loudspeakers: one channel on both, two as they are, more of them mixed."""
    if block.shape[1] == 2:
        return np.ascontiguousarray(block)
    one = block.mean(axis=1, dtype=np.float32)
    return np.ascontiguousarray(np.stack([one, one], axis=1))
