"""The session store: every session in one SQLite database, readable as NumPy columns.

- ``database``: where it lies, how it is opened, its schema and migrations.
- ``blobs``: updates as bytes, and bytes as columns.
- ``values``: what a reader gets.
- ``lease``: which sessions are running, in this program or another.
- ``writer``: one session that is being written.
- ``query``, ``reader``: which sessions are wanted, and reading them.
- ``store``: all of it, and beginning, changing and deleting sessions.
"""

from realtime_ser.session.store.blobs import Columns
from realtime_ser.session.store.query import Query
from realtime_ser.session.store.reader import Reader
from realtime_ser.session.store.store import Store
from realtime_ser.session.store.values import ChannelInfo, Interval, Note, SessionInfo, SessionState
from realtime_ser.session.store.writer import StoreWriter

__all__ = [
    "ChannelInfo",
    "Columns",
    "Interval",
    "Note",
    "Query",
    "Reader",
    "SessionInfo",
    "SessionState",
    "Store",
    "StoreWriter",
]
