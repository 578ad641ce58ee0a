"""What a page sends to the server: frames of a WebSocket, and files."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import anyio
from starlette.types import Message

from realtime_ser.base.config import Config
from realtime_ser.recogniser.profiles import chosen_model
from realtime_ser.server.app import make_app
from realtime_ser.server.limits import Limits
from realtime_ser.server.service import Service
from realtime_ser.session.analysis.files import FileModel
from tests.audio.sounds import RATE
from tests.fuzz.kind import FindingError, Kind, Place, check_sentence
from tests.fuzz.mutation import LONGEST, changed_bytes, changed_json
from tests.fuzz.sounds import speech

_BLOCK = 4096
_TEXT, _BYTES = "text", "bytes"
_STARTED = {"type": "start", "rate": RATE, "name": "Built-in Microphone"}
_MARK = {"type": "mark", "text": "question", "time_s": 0.5}
_OBJECTS = (_STARTED, _STARTED, _MARK, {"type": "stop"})


def _prepare(folder: Path) -> None:
    (folder / "speech.raw").write_bytes((speech() / 32768.0).astype("<f4").tobytes())


def _make(place: Place, chance: Random) -> None:
    """Change, repeat, leave out or swap some frames of a recording."""
    samples = (place.whole / "speech.raw").read_bytes()
    blocks = [samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK)]
    frames: list[tuple[str, bytes]] = [(_TEXT, json.dumps(_STARTED).encode())]
    frames += [
        (_BYTES, struct.pack("<d", number * _BLOCK / 4) + block)
        for number, block in enumerate(blocks)
    ]
    frames.insert(4, (_TEXT, json.dumps(_MARK).encode()))
    frames.append((_TEXT, b'{"type": "stop"}'))
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(frames)) if chance.random() < 0.6 else chance.choice((0, 4, -1))
        kind, data = frames[at]
        match chance.randrange(8):
            case 0:
                del frames[at]
            case 1:
                frames.insert(at, frames[chance.randrange(len(frames))])
            case 2:
                frames[at] = (chance.choice((_TEXT, _BYTES)), data)
            case 3:
                frames[at] = (kind, data[: chance.randrange(len(data) + 1)])
            case _ if kind == _TEXT:
                frames[at] = (kind, changed_json(chance.choice(_OBJECTS), chance))
            case _:
                frames[at] = (kind, changed_bytes(data, chance, 16))
        if not frames:
            break
    for number, (kind, data) in enumerate(frames):
        (place.input / f"{number:03d}.{kind}").write_bytes(data[:LONGEST])


def _take(place: Place, chance: Random) -> None:
    service = _service(str(place.data))
    frames = [
        {
            "type": "websocket.receive",
            path.suffix[1:]: path.read_bytes()
            if path.suffix == f".{_BYTES}"
            else path.read_bytes().decode("utf-8", "replace"),
        }
        for path in sorted(place.input.iterdir())
    ]
    sent = anyio.run(_answers, service, frames)
    for message in sent:
        if message["type"] == "websocket.send":
            told = json.loads(message["text"], parse_constant=_no_constant)
            if told["type"] == "error":
                place.refused = True
                check_sentence(told["words"])


def _no_constant(text: str) -> None:
    raise FindingError(f"no browser reads {text}")


@cache
def _service(folder: str) -> Service:
    config = Config(model="default")
    model = FileModel(config, *chosen_model(config))
    return Service(model, model, Path(folder), limits=Limits(idle_s=5.0))


async def _answers(service: Service, frames: Sequence[Message]) -> list[Message]:
    """Messages of the server to a page that sends some frames and goes away."""
    waiting: list[Any] = [{"type": "websocket.connect"}, *frames]
    sent: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep(0)
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/microphone",
        "raw_path": b"/microphone",
        "root_path": "",
        "scheme": "ws",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "subprotocols": [],
    }
    await make_app(service)(scope, receive, send)
    return sent


FRAMES = Kind("frames", _prepare, _make, _take)
