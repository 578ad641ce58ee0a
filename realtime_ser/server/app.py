"""The routes of the server."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from realtime_ser.base.labels import FACES
from realtime_ser.server.appearance import about, theme_css
from realtime_ser.server.guard import PageGuard
from realtime_ser.server.live import hear_microphone
from realtime_ser.server.service import Service
from realtime_ser.server.upload import hear_upload

_STATIC = Path(__file__).parent / "static"


def make_app(service: Service) -> Starlette:
    """The page and what it talks to."""

    async def post_file(request: Request) -> Response:
        return await hear_upload(service, request)

    async def connect_microphone(websocket: WebSocket) -> None:
        await hear_microphone(service, websocket)

    async def get_about(_: Request) -> Response:
        return JSONResponse(about(service))

    async def get_theme(_: Request) -> Response:
        return Response(theme_css(), media_type="text/css")

    return Starlette(
        routes=[
            Route("/about.json", get_about),
            Route("/theme.css", get_theme),
            Route("/files", post_file, methods=["POST"]),
            WebSocketRoute("/microphone", connect_microphone),
            Mount("/faces", StaticFiles(directory=FACES)),
            Mount("/", StaticFiles(directory=_STATIC, html=True)),
        ],
        middleware=[Middleware(PageGuard)],
    )
