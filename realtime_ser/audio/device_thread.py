"""The thread that talks to the sound system, so that no other waits for a server or a driver.

PortAudio is one for the whole process and bears one caller at a time. A call returns when the
system answers, and that may be never: a sound server that hangs, a driver that waits for a device
that is gone. All calls but those of a stream that plays are therefore made here, one after the
other; whoever asked waits as long as is reasonable and then goes on. What was abandoned ends when
the system answers again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from realtime_ser.base.errors import DeviceError
from realtime_ser.base.quiet import catching_abort

ANSWER_S = 5.0
"""Seconds after which a sound system does not answer; a headset may need four to wake up."""

T = TypeVar("T")


class NoAnswerError(DeviceError):
    """The sound system does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "The sound system does not answer: unplug the microphone and plug it in again, or "
            "restart the computer's sound; a recording plays with 'realtime-ser --input FILE'."
        )


class BrokenSoundError(DeviceError):
    """The sound system's own code has given up, or does not even begin."""

    def __init__(self) -> None:
        super().__init__(
            "The sound system cannot be used, since its settings are broken: mend them (ALSA's are "
            "/etc/asound.conf, ~/.asoundrc and ALSA_CONFIG_PATH), or play a recording: "
            "'realtime-ser --input FILE'."
        )


class DeviceThread:
    """Makes the calls to the sound system, one after the other.

    Attributes
    ----------
    streams
        Streams that are open; touched in the thread alone.
    """

    def __init__(self) -> None:
        self.streams: set[Any] = set()
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._given_up = 0
        self._broken = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Call ``work`` when all earlier calls have returned; return at once."""
        future: Future[T] = Future()
        if self._broken:
            future.set_exception(BrokenSoundError())
            return future
        with self._changed:
            if self._thread is None:
                # A daemon, since it may hang for ever in the sound system.
                self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
                self._thread.start()
        self._calls.put((future, work))
        future.add_done_callback(lambda _: self._notify())
        return future

    def wait(
        self, future: Future[T], timeout_s: float, late: Callable[[T], None] | None = None
    ) -> T:
        """Result of a call, if it comes within ``timeout_s`` seconds.

        Parameters
        ----------
        late
            Takes the result if it comes later.

        Raises
        ------
        NoAnswerError
            It does not, or :meth:`give_up` was called. A call that has not begun never will.
        """
        with self._changed:
            before = self._given_up
            self._changed.wait_for(lambda: future.done() or self._given_up != before, timeout_s)
        if future.done():
            return future.result()
        self.abandon(future, late)
        raise NoAnswerError

    def abandon(self, future: Future[T], late: Callable[[T], None] | None = None) -> None:
        """Leave a call to itself; ``late`` takes its result, in the thread, if it has begun."""
        if not future.cancel() and late is not None:
            self.submit(lambda: late(future.result()))

    def give_up(self) -> None:
        """Let everybody who waits now go on without an answer: the program is to end."""
        with self._changed:
            self._given_up += 1
            self._changed.notify_all()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            future, work = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with catching_abort(partial(self._break, future)):
                    result = work()
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                future.set_exception(error)
            else:
                future.set_result(result)

    def _break(self, future: Future[Any]) -> None:
        self._broken = True
        future.set_exception(BrokenSoundError())


sound_system = DeviceThread()
"""The one thread for PortAudio, of which a process has one."""
