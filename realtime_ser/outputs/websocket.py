"""JSON objects as text frames of a WebSocket, to any number of listeners."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from realtime_ser.base.timebase import clock_s
from realtime_ser.outputs.asgi import Access, WebServer
from realtime_ser.outputs.contract import LiveDescription, LiveEvent
from realtime_ser.outputs.marker_inputs import Reception, moment_of
from realtime_ser.outputs.objects import hello_object, json_text

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

PATH = "/live"
"""Path of the WebSocket; ``/`` leads there too."""

_CAPACITY = 750  # texts that wait for one listener
_MOST_LISTENERS = 50
_LONGEST_TEXT = 4096  # bytes that a listener may say at once


class _ListenerQueue:
    """Texts on their way to one listener; all but :attr:`dropped` lives in the server's loop."""

    def __init__(self, first: str) -> None:
        self.dropped = 0
        self._texts = deque([first])
        self._news = asyncio.Event()
        self._news.set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of texts that are not on their way yet."""
        return len(self._texts)

    def put(self, texts: Sequence[str]) -> None:
        """Add texts; the oldest go where they are too many."""
        self._texts.extend(texts)
        while len(self._texts) > _CAPACITY:
            self._texts.popleft()
            self.dropped += 1
        self._news.set()

    def close(self) -> None:
        """End the texts."""
        self._closed = True
        self._news.set()

    async def texts(self) -> AsyncIterator[str]:
        """Texts, as they come."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._texts:
                yield self._texts.popleft()
            if self._closed:
                return


class WebSocketOutput:
    """Server to which listeners connect; each has a queue of its own.

    Parameters
    ----------
    access
        Address, and who may listen.
    reception
        Takes the markers that listeners set.
    name
        What the source of such a marker is called.
    """

    def __init__(self, access: Access, reception: Reception, name: str) -> None:
        self._access = access
        self._reception = reception
        self._name = name
        self._server: WebServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hello = ""
        self._listeners: tuple[
            _ListenerQueue, ...
        ] = ()  # replaced, since another thread walks along it
        self._lost = 0  # by listeners that have gone

    @property
    def listeners(self) -> int | None:
        """Number of programs that listen now."""
        return len(self._listeners)

    @property
    def dropped(self) -> int:
        """Number of texts that a listener was too slow for."""
        return self._lost + sum(listener.dropped for listener in self._listeners)

    @property
    def port(self) -> int:
        """Port at which it listens."""
        return self._access.port if self._server is None else self._server.port

    def open(self, description: LiveDescription) -> None:
        """Begin to listen for connections."""
        from starlette.applications import Starlette
        from starlette.routing import WebSocketRoute

        self._hello = json_text(hello_object(description))
        routes = [WebSocketRoute(path, self._serve) for path in ("/", PATH)]
        # Half a kilobyte each 80 ms is not worth the processor's time to make it shorter.
        server = WebServer(
            Starlette(routes=routes),
            self._access,
            ws_max_size=_LONGEST_TEXT,
            ws_per_message_deflate=False,
        )
        server.start()
        self._server = server

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Hand records to all who listen now, without a wait."""
        if self._loop is not None and self._listeners:
            self._soon(self._hand_out, [event.json_line for event in events])

    def close(self) -> None:
        """Let all listeners go, when they have had what is on its way to them."""
        server, self._server = self._server, None
        if server is not None:
            self._soon(self._dismiss)
            server.stop()
        self._loop = None

    def _soon(self, action: Callable[..., None], *arguments: object) -> None:
        """Do something in the server's loop, if that still runs."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, *arguments)

    def _hand_out(self, texts: Sequence[str]) -> None:
        for listener in self._listeners:
            listener.put(texts)

    def _dismiss(self) -> None:
        for listener in self._listeners:
            listener.close()

    async def _serve(self, socket: WebSocket) -> None:
        """Talk to one listener until one of both ends it."""
        from starlette.websockets import WebSocketDisconnect

        await socket.accept()
        if len(self._listeners) >= _MOST_LISTENERS:
            await socket.close(1013, "Too many listeners: close one.")
            return
        self._loop = asyncio.get_running_loop()
        listener = _ListenerQueue(self._hello)
        self._listeners = (*self._listeners, listener)
        hearing = asyncio.create_task(self._hear(socket))
        hearing.add_done_callback(lambda _: listener.close())
        try:
            async for text in listener.texts():
                await socket.send_text(text)
            if not hearing.done():
                await socket.close(1000, "The session has ended.")
        except WebSocketDisconnect:
            pass  # it has gone
        finally:
            hearing.cancel()
            self._listeners = tuple(one for one in self._listeners if one is not listener)
            self._lost += listener.dropped + listener.waiting

    async def _hear(self, socket: WebSocket) -> None:
        """Take the markers of a listener, until it goes."""
        async for text in socket.iter_text():
            words, at_s = read_message(text)
            self._reception.take(words, at_s, self._name)


def read_message(text: str) -> tuple[str, float]:
    """Text of a marker, and its moment on the monotonic clock in seconds.

    The message is an object of type ``marker`` with ``text``, and ``wall_clock`` unless it is of
    now; or the text alone.
    """
    now_s = clock_s()
    try:
        fields = json.loads(text)
    except ValueError:
        return text, now_s
    if not isinstance(fields, dict) or fields.get("type") != "marker":
        return text, now_s
    words = str(fields.get("text", ""))
    try:
        unix_s = datetime.fromisoformat(str(fields["wall_clock"])).timestamp()
    except (KeyError, ValueError, OverflowError):
        return words, now_s
    return words, min(moment_of(unix_s), now_s)
