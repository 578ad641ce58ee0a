"""A file that a page sends: received within bounds, heard, and removed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from anyio import fail_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from realtime_ser.audio.file import FileSource
from realtime_ser.audio.source import require_channels
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.files import writing
from realtime_ser.base.text import one_line
from realtime_ser.engine.offline import analyse
from realtime_ser.server.limits import LimitError
from realtime_ser.server.messages import Message
from realtime_ser.server.page_session import PageSession
from realtime_ser.server.service import Service

_AT_ONCE = 1 << 20  # bytes that are written at a time
_LONGEST_NAME = 120


async def hear_upload(service: Service, request: Request) -> Response:
    """Messages of the file in the body of a request, one a line, as it is heard.

    The query has its ``name``, and the ``channel`` to hear.
    """
    resources = ExitStack()
    try:
        resources.enter_context(service.place("files", service.limits.files, "file"))
        service.limits.require_size(int(request.headers.get("content-length") or 0))
        channel = _channel(request.query_params.get("channel", "1"))
        folder = Path(
            resources.enter_context(
                tempfile.TemporaryDirectory(dir=service.folder, ignore_cleanup_errors=True)
            )
        )
        path = folder / _file_name(request.query_params.get("name", ""))
        await _receive(service, request, path)
    except BaseException as error:
        resources.close()
        if isinstance(error, SerError):
            status = 413 if isinstance(error, LimitError) else 400
            return JSONResponse({"type": "error", "words": str(error)}, status)
        if isinstance(error, ClientDisconnect):
            return Response(status_code=400)  # nobody reads it any more
        raise
    lines = _lines(service, path, channel, resources)
    return StreamingResponse(lines, media_type="application/x-ndjson")


async def _receive(service: Service, request: Request, path: Path) -> None:
    """Write the body of a request, and count it: a page may have said less than it sends."""
    size, waiting, chunks = 0, bytearray(), request.stream()
    with writing(path), path.open("wb") as file:
        while True:
            try:
                with fail_after(service.limits.idle_s):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise LimitError(
                    f"The file stopped coming for {service.limits.idle_s:.0f} s: send it again."
                ) from None
            size += len(chunk or b"")
            service.limits.require_size(size)
            waiting += chunk or b""
            if chunk is None or len(waiting) >= _AT_ONCE:
                await to_thread.run_sync(_write, file, bytes(waiting))
                waiting.clear()
            if chunk is None:
                return


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()


async def _lines(
    service: Service, path: Path, channel: int, resources: ExitStack
) -> AsyncIterator[bytes]:
    """Hear a file in a thread, and let go of it whatever happens."""
    blocks = _hear(service, path, channel)
    try:
        if service.file_threads.available_tokens < 1:
            yield _line({"type": "progress", "share": 0.0, "waiting": True})
        while True:
            lines = await to_thread.run_sync(next, blocks, None, limiter=service.file_threads)
            if lines is None:
                return
            yield lines
    finally:
        blocks.close()
        resources.close()


def _hear(service: Service, path: Path, channel: int) -> Generator[bytes]:
    """Lines of each block of a file; an error is the last of them."""
    try:
        yield from _hear_file(service, path, channel)
    except SerError as error:
        words = str(error).replace(str(path), path.name).replace("--channels", "'Channel'")
        yield _line({"type": "error", "words": words})


def _hear_file(service: Service, path: Path, channel: int) -> Generator[bytes]:
    source = FileSource(path)
    require_channels(source.info, (channel,))
    service.limits.require_duration(source.info.duration_s or 0.0)
    model = service.file_model(channel)
    session = PageSession(model, source.info)
    keeper = service.keeper(model, source.info)
    try:
        yield b"".join(map(_line, session.start()))
        for records, share in analyse(source, model.pipelines(source.info.native_rate)):
            if keeper is not None:
                keeper.feed(records)
            lines = b"".join(map(_line, session.feed(records)))
            yield lines + _line({"type": "progress", "share": round(share, 4)})
    finally:
        kept, loss = (None, None) if keeper is None else keeper.finish()
    notes = [note.sentence(path.name) for note in source.notes]
    yield _line(session.finish([*notes, *([loss] if loss else [])], kept))


def _line(message: Message) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def _channel(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise UsageError(f"'{one_line(text)[:20]}' is no channel: say a number from 1.")
    return int(text)


def _file_name(name: str) -> str:
    """Last part of a file's name, as far as any system can hold it."""
    last = one_line(name.replace("\\", "/").rpartition("/")[2]).lstrip(".")
    stem, dot, ending = last.rpartition(".")
    keep = _LONGEST_NAME - len(dot + ending)
    return f"{stem[:keep]}{dot}{ending}"[:_LONGEST_NAME] or "sound"
