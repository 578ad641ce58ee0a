"""A server of the page in this process, and what a client needs to talk to it."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from realtime_ser.base.config import Config
from realtime_ser.outputs.asgi import Access
from realtime_ser.server.limits import Limits
from realtime_ser.server.running import page_server


@pytest.fixture(scope="module")
def page_url():
    with page_server(Config(), Access()) as url:
        yield url


@pytest.fixture
def serve():
    """Start a server with bounds of its own; it ends with the test."""
    from contextlib import ExitStack

    with ExitStack() as servers:

        def start(access=None, *, config=None, keep=False, **limits):
            server = page_server(
                config or Config(), access or Access(), keep=keep, limits=Limits(**limits)
            )
            return servers.enter_context(server)

        yield start


def block(first, samples=()):
    """A block of sound as the page sends it."""
    return struct.pack("<d", first) + np.asarray(samples, "<f4").tobytes()
