"""The server's life: from the model and the port to its end."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from realtime_ser.base.config import Config
from realtime_ser.base.errors import UsageError, reason_text
from realtime_ser.engine.model_choice import for_files, for_live
from realtime_ser.outputs.asgi import Access, WebServer
from realtime_ser.recogniser.profiles import chosen_model
from realtime_ser.server.app import make_app
from realtime_ser.server.limits import Limits
from realtime_ser.server.service import Service
from realtime_ser.session.analysis.files import FileModel

_LONGEST_MESSAGE = 1 << 20  # bytes of a WebSocket's message


@contextmanager
def page_server(
    config: Config, access: Access, *, keep: bool = False, limits: Limits | None = None
) -> Iterator[str]:
    """Serve the page within the body of a ``with`` statement, which is given its address.

    Parameters
    ----------
    access
        Where the server listens, and who may use it.
    keep
        Whether sessions are stored.
    limits
        Bounds of what a page may ask for.

    Raises
    ------
    SerError
        The model, the port or the certificate cannot be used.
    """
    limits = limits or Limits()
    choice = for_live(config, limits.microphones)
    live = FileModel(choice.config, *chosen_model(choice.config))
    for_file = for_files(config)
    same = for_file.model == choice.config.model
    file = live if same else FileModel(for_file, *chosen_model(for_file))
    _require_certificate(access)
    with tempfile.TemporaryDirectory(prefix="realtime-ser-") as folder:
        service = Service(live, file, Path(folder), keep, choice.reason, limits)
        server = WebServer(
            make_app(service), access, ws_max_size=_LONGEST_MESSAGE, ws_per_message_deflate=False
        )
        server.start()
        try:
            yield _url(access, server)
        finally:
            server.stop()


def _url(access: Access, server: WebServer) -> str:
    """Address to open in a browser."""
    scheme = "http" if access.certificate is None else "https"
    every = access.host in ("0.0.0.0", "::")  # no address to open
    address = f"{socket.getfqdn()}:{server.port}" if every else server.address
    query = "" if access.token is None else f"?token={quote(access.token)}"
    return f"{scheme}://{address}/{query}"


def _require_certificate(access: Access) -> None:
    """Refuse a certificate that no browser could use, before the port is opened."""
    if access.certificate is None:
        return
    cert, key = access.certificate
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except OSError as error:  # ssl.SSLError among them
        raise UsageError(
            f"The certificate {cert} with the key {key} cannot be used ({reason_text(error)}): "
            "both must be PEM files that belong together."
        ) from error
