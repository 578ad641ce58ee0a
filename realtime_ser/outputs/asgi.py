"""A web server beside the session: a thread, an address, and the guard at its door.

Without a token only programs and pages of this computer get in. A page of the web cannot: its
``Origin`` is not of this computer, and a name that was made to point here is not in ``Host``.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import ipaddress
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit

from realtime_ser.base.errors import OutputError, UsageError, reason_text
from realtime_ser.outputs.contract import limit_send_buffer

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN_COOKIE = "realtime-ser-token"
"""Cookie by which a browser may carry the token, so that it leaves the address."""

SHORTEST_TOKEN = 16
"""Fewest characters of a token."""

_STOP_S = 3.0
_TICK_S = 1.0  # the date in the headers of answers is as old at most
_BACKLOG = 64


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this computer's own, which no other can reach."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """Address of a server, and who may use it.

    Attributes
    ----------
    host, port
        Address to listen at; port 0 is one that is free.
    token
        Secret that each request must carry, as ``?token=``, as ``Authorization: Bearer`` or as
        the cookie :data:`TOKEN_COOKIE`; ``None``: programs and pages of this computer need none.
    certificate
        Files of a TLS certificate and its key; ``None``: plain HTTP.

    Raises
    ------
    UsageError
        Another computer could reach the address, and there is no token; or the token is short.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    certificate: tuple[Path, Path] | None = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise UsageError(f"The token must have {SHORTEST_TOKEN} characters at least.")
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"Other computers can reach {self.host}: give a token that they must know, or "
                "listen at 127.0.0.1."
            )

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and sentence with which a request is turned away; ``None``: it may pass."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if self.token is not None:
            given = _given_token(scope, headers)
            if hmac.compare_digest(given.encode(), self.token.encode()):
                return None
            return 401, "The token is missing or wrong: add ?token=... to the address."
        if not is_loopback(_host_of(f"//{headers.get('host', '')}")):
            return 403, "This server answers at 127.0.0.1 and localhost only."
        origin = headers.get("origin")
        if origin is not None and not is_loopback(_host_of(origin)):
            return 403, f"A page of {origin} may not use this server without a token."
        return None


def _given_token(scope: Scope, headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    query: bytes = scope["query_string"]
    given = parse_qs(query.decode("latin-1")).get("token")
    if given:
        return given[0]
    cookie = SimpleCookie(headers.get("cookie", "")).get(TOKEN_COOKIE)
    return "" if cookie is None else cookie.value


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


class Guard:
    """ASGI application that lets another answer those requests alone that may pass."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a WebSocket."""
        refusal = None if scope["type"] == "lifespan" else self._access.refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, sentence = refusal
        kind = "http.response"
        if scope["type"] == "websocket":
            await receive()  # its request to connect
            kind = "websocket.http.response"
        plain = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": f"{kind}.start", "status": status, "headers": plain})
        await send({"type": f"{kind}.body", "body": sentence.encode()})


class WebServer:
    """Server of an ASGI application in a thread of its own.

    Parameters
    ----------
    app
        The application; it is guarded by ``access``.
    options
        Further settings of :class:`uvicorn.Config`.

    Attributes
    ----------
    port
        Port at which it listens.
    """

    def __init__(self, app: ASGIApp, access: Access, **options: object) -> None:
        self._app = Guard(app, access)
        self._access = access
        self._options = options
        self.port = access.port
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Host and port, as they stand in a URL."""
        host = self._access.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def start(self) -> None:
        """Begin to listen; return when the address is taken.

        Raises
        ------
        OutputError
            The address cannot be used.
        """
        import uvicorn

        self._socket = listening_socket(self._access.host, self._access.port)
        self.port = self._socket.getsockname()[1]
        key = self._access.certificate
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=None if key is None else key[0],
            ssl_keyfile=None if key is None else key[1],
            **self._options,  # type: ignore[arg-type]  # uvicorn's own to check
        )
        self._server = _server_of(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="web server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Let go of all connections and of the address; safe to call twice."""
        server, thread = self._server, self._thread
        if server is None or thread is None or self._socket is None:
            return
        server.end()
        thread.join(_STOP_S)
        self._socket.close()
        self._thread = None


class _Server(Protocol):
    """Server of uvicorn that another thread ends."""

    def run(self, sockets: list[socket.socket]) -> None:
        """Serve until the end."""

    def end(self) -> None:
        """End soon."""


def _server_of(config: uvicorn.Config) -> _Server:
    """Server that is told to end, and lets go of those too who read nothing of what waits."""
    import asyncio

    import uvicorn

    class PatientServer(uvicorn.Server):
        """By itself uvicorn looks ten times a second whether it is to end."""

        def __init__(self) -> None:
            super().__init__(config)
            self._ended = asyncio.Event()
            self._loop: asyncio.AbstractEventLoop | None = None

        async def main_loop(self) -> None:
            self._loop = asyncio.get_running_loop()
            while not await self.on_tick(0):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), _TICK_S)

        def end(self) -> None:
            self.should_exit = True
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._ended.set)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)  # so that they are told

    return PatientServer()


def listening_socket(host: str, port: int) -> socket.socket:
    """Socket that listens at an address; :class:`OutputError` where that is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        server = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise port_error(host, port, error) from error
    limit_send_buffer(server)  # and so that of its connections
    return server


def port_error(host: str, port: int, error: OSError) -> OutputError:
    """Error of an address that cannot be used."""
    known = error.errno in errno.errorcode  # not where a name was not found
    reason = os.strerror(error.errno) if known and error.errno else reason_text(error)
    return OutputError(
        f"Cannot listen at port {port} of {host}: {reason.lower()}; choose another port, or end "
        "the program that uses it."
    )
