"""What the actions on kept sessions share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.session.store import Store

SESSION_ID = click.argument("name", metavar="ID")


@contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """The store; what the user should know of it is said."""
    from realtime_ser.session.store import open_store

    with open_store(config) as store:
        if store.notice is not None:
            print(store.notice, file=sys.stderr)
        yield store
