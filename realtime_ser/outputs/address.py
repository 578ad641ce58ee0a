"""Addresses of other programs, such as ``osc://127.0.0.1:9000``."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from realtime_ser.base.config import NetworkConfig
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import nearest_hint


@dataclass(frozen=True, slots=True)
class Address:
    """Address that a person gave, such as ``osc://127.0.0.1:9000``.

    Attributes
    ----------
    text
        The whole of it.
    scheme
        What stands before ``://``, or all where nothing does.
    host, port
        Host and port; empty and 0 for a scheme without.
    path
        What stands behind them, without the first slash.
    user
        Name of a user; empty for none.
    """

    text: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """What an address can begin with, and what a person reads of it.

    Attributes
    ----------
    scheme
        Beginning of the address.
    title
        Title in menus.
    port
        Port where none is given; ``None``: it takes neither host nor port.
    package, extra
        Package that it needs, as it is imported, and the extra that installs it; empty: none.
    """

    scheme: str
    title: str
    port: int | None = None
    package: str = ""
    extra: str = ""

    @property
    def example(self) -> str:
        """An address, as help and errors show it."""
        return self.scheme if self.port is None else f"{self.scheme}://127.0.0.1:{self.port}"


def parse_addresses(
    texts: Sequence[str], plugs: Sequence[Plug], network: NetworkConfig
) -> tuple[Address, ...]:
    """Read addresses, and see that they can be used.

    Raises
    ------
    UsageError
        One of them is not understood, stands twice, or is another computer's and
        ``network.remote`` is not set.
    SerError
        A package is missing.
    """
    addresses = tuple(_parse(text, plugs, network) for text in texts)
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            raise UsageError(f"'{address.text}' stands there twice: leave one out.")
    return addresses


def _parse(text: str, plugs: Sequence[Plug], network: NetworkConfig) -> Address:
    from realtime_ser.outputs.asgi import is_loopback

    scheme, separator, _ = text.partition("://")
    plug = next((plug for plug in plugs if plug.scheme == scheme), None)
    if plug is None:
        known = [plug.scheme for plug in plugs]
        hint = nearest_hint(scheme, known, f"; known are {', '.join(known)}.")
        raise UsageError(f"'{text}' begins with nothing known{hint}")
    if plug.package and importlib.util.find_spec(plug.package) is None:
        raise SerError(
            f"'{text}' needs {plug.package}: install it with "
            f"'pip install \"realtime-ser[{plug.extra}]\"'."
        )
    if plug.port is None:
        if separator:
            raise UsageError(f"'{text}' takes no address: say {plug.example}.")
        return Address(text, scheme)
    try:
        parts = urlsplit(text)
        port = parts.port
        given = plug.port if port is None else port
    except ValueError:
        raise UsageError(f"'{text}' is no address: say it as {plug.example}.") from None
    if not parts.hostname or not separator or parts.query or parts.fragment:
        raise UsageError(f"'{text}' is no address: say it as {plug.example}.")
    if parts.password is not None:
        raise UsageError(
            f"'{scheme}://...' must not hold a password, which would be kept with the session: "
            "a broker's is given as network.password or REALTIME_SER_MQTT_PASSWORD."
        )
    if not is_loopback(parts.hostname) and not network.remote:
        raise UsageError(
            f"'{text}' is not of this computer: set network.remote, or say --remote, if its "
            "results may leave it."
        )
    path = parts.path.strip("/")
    return Address(text, scheme, parts.hostname, given, path, parts.username or "")
