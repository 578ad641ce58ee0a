"""A browser's microphone over a WebSocket: sound in, messages out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anyio import fail_after, to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from realtime_ser.audio.source import SourceInfo
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Record
from realtime_ser.base.text import one_line
from realtime_ser.server.limits import LimitError
from realtime_ser.server.messages import Message
from realtime_ser.server.microphone import (
    HIGHEST_RATE,
    LOWEST_RATE,
    BrowserBlock,
    BrowserMicrophone,
)
from realtime_ser.server.page_session import PageSession
from realtime_ser.server.service import Service
from realtime_ser.session.metadata import SessionHealth

_REFUSED = 1008  # code of a WebSocket that is closed because of what it sent
_LONGEST_NAME = 120


async def hear_microphone(service: Service, websocket: WebSocket) -> None:
    """Hear a browser's microphone until the page says ``stop``, or goes away.

    Its first message is ``{"type": "start", "rate": 48000, "name": "Built-in Microphone"}``, then
    blocks of sound come (see :mod:`realtime_ser.server.microphone`), and ``{"type": "mark",
    "text": "...", "time_s": 12.5}``.
    """
    await websocket.accept()
    try:
        with service.place("microphones", service.limits.microphones, "microphone"):
            await _Conversation(service, websocket).run()
    except WebSocketDisconnect:
        return
    except SerError as error:
        await _refuse(websocket, str(error))


async def _refuse(websocket: WebSocket, words: str) -> None:
    """Say why it ends, if the page still listens."""
    if websocket.client_state is not WebSocketState.CONNECTED:
        return
    try:
        await websocket.send_json({"type": "error", "words": words})
        await websocket.close(_REFUSED)
    except (WebSocketDisconnect, RuntimeError):
        return  # it went away meanwhile


class _Conversation:
    """One page that records."""

    def __init__(self, service: Service, websocket: WebSocket) -> None:
        self._service = service
        self._websocket = websocket

    async def run(self) -> None:
        name, rate = _started(await self._receive())
        service = self._service
        source = SourceInfo(name, rate, 1, live=True)
        model = service.live_model()
        pipelines = await to_thread.run_sync(model.pipelines, rate, limiter=service.live_threads)
        self._microphone = BrowserMicrophone(pipelines, rate, service.limits)
        self._session = PageSession(model, source)
        self._keeper = service.keeper(model, source, self._health)
        self._ended = False
        kept = loss = None
        try:
            await self._send(self._session.start())
            await self._hear()
            await self._feed(self._microphone.finish())
            self._ended = True
        finally:
            if self._keeper is not None:
                if not self._ended:
                    self._keeper.feed(self._microphone.finish())
                kept, loss = await to_thread.run_sync(self._keeper.finish)
        await self._send([self._session.finish([loss] if loss else [], kept)])
        await self._websocket.close()

    async def _hear(self) -> None:
        """Take sound and markers until the page stops."""
        threads = self._service.live_threads
        while True:
            message = await self._receive()
            if isinstance(message, bytes):
                block = BrowserBlock.of(message)
                await self._feed(
                    await to_thread.run_sync(self._microphone.push, block, limiter=threads)
                )
            elif message.get("type") == "mark":
                time_s = message.get("time_s")
                if not isinstance(time_s, int | float):
                    raise SerError("The page sent a marker without a time: load it anew.")
                await self._feed([self._microphone.mark(str(message.get("text", "")), time_s)])
            elif message.get("type") == "stop":
                return
            else:
                raise SerError("The page sent something that means nothing here: load it anew.")

    async def _receive(self) -> bytes | dict[str, Any]:
        """Next message: sound, or an object."""
        idle_s = self._service.limits.idle_s
        try:
            with fail_after(idle_s):
                message = await self._websocket.receive()
        except TimeoutError:
            raise LimitError(
                f"The page sent no sound for {idle_s:.0f} s, so the recording was ended."
            ) from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        data = message.get("bytes")
        if data is not None:
            return bytes(data)
        try:
            found = json.loads(message["text"])
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise SerError("The page sent text where sound belongs: load it anew.")
        return found

    async def _feed(self, records: Sequence[Record]) -> None:
        if self._keeper is not None:
            self._keeper.feed(records)
        await self._send(self._session.feed(records))

    async def _send(self, messages: Sequence[Message] | Any) -> None:
        for message in messages:
            text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            await self._websocket.send_text(text)

    def _health(self) -> SessionHealth:
        return SessionHealth(dropped_samples=self._microphone.lost)


def _started(message: bytes | dict[str, Any]) -> tuple[str, int]:
    """Name and native rate of the microphone, from the first message."""
    if isinstance(message, bytes) or message.get("type") != "start":
        raise SerError("The page must say how it records before it sends sound: load it anew.")
    rate = message.get("rate")
    if not isinstance(rate, int) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SerError(
            f"The page's microphone must have a rate of {LOWEST_RATE:,} to {HIGHEST_RATE:,} Hz: "
            "choose another."
        )
    name = one_line(str(message.get("name") or ""))[:_LONGEST_NAME]
    return name or "browser microphone", rate
