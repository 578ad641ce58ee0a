"""What every answer of the page's server has in common, on top of who may use it at all."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime_ser.outputs.asgi import TOKEN_COOKIE

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; media-src blob:; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""What every answer tells the browser: nothing from elsewhere, and nothing for others."""


class PageGuard:
    """Adds the headers, lets the browser keep the token, and takes sound from the own page alone.

    Other pages of this computer, at another port, may look but send nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        answer = self._app if scope["type"] == "lifespan" else self._answer(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await answer(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            words = "Only the server's own page may use it: open it by its address."
            return JSONResponse({"type": "error", "words": words}, 403)
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if scope["type"] == "http" and scope["path"] == "/" and token:
            # It has been checked, and leaves the address.
            answer = RedirectResponse("/", 303)
            secure = scope["scheme"] == "https"
            answer.set_cookie(
                TOKEN_COOKIE, token[0], httponly=True, samesite="strict", secure=secure
            )
            return answer
        return self._app
