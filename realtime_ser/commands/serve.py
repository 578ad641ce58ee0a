"""``realtime-ser serve``: a page in the browser on the same engine."""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import UsageError
from realtime_ser.commands.shared import FILE, Command, model_setting, pass_config

if TYPE_CHECKING:
    from realtime_ser.base.config import Config


@click.command(cls=Command)
@click.option(
    "--host", default="127.0.0.1", metavar="NAME", help="Interface (default: this machine alone)."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, metavar="N", help="Default: 8765."
)
@click.option("--keep", is_flag=True, help="Keep what is heard among the sessions; never sound.")
@click.option("--token", metavar="TEXT", help="Secret of the address; made beyond this machine.")
@click.option("--tls-cert", type=FILE, metavar="PEM", help="Certificate, for other machines.")
@click.option("--tls-key", type=FILE, metavar="PEM", help="Key of the certificate.")
@model_setting
@pass_config
def serve(
    config: Config,
    *,
    host: str,
    port: int,
    keep: bool,
    token: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """Show a page in the browser that hears files and the browser's microphone."""
    from realtime_ser.engine.model_choice import for_live
    from realtime_ser.outputs.asgi import Access, is_loopback
    from realtime_ser.server.limits import Limits
    from realtime_ser.server.running import page_server
    from realtime_ser.session.live import prepare_store

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("TLS needs both files: give --tls-cert and --tls-key.")
    certificate = None if tls_cert is None or tls_key is None else (tls_cert, tls_key)
    token = token or config.network.secret
    if not is_loopback(host):
        token = token or secrets.token_urlsafe(16)
    for words in prepare_store(config).notices if keep else ():
        print(f"realtime-ser: {words}", file=sys.stderr)
    with page_server(config, Access(host, port, token, certificate), keep=keep) as url:
        if certificate is None and not is_loopback(host):
            words = "browsers of other computers give no microphone to a page without TLS"
            print(f"realtime-ser: {words}: they hear files, or give --tls-cert.", file=sys.stderr)
        if (reason := for_live(config, Limits().microphones).reason) is not None:
            print(f"realtime-ser: {reason}", file=sys.stderr)
        kept = "Sessions are kept, without sound" if keep else "Nothing is kept"
        print(f"Open {url}\n{kept}; Ctrl+C ends it.", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
