"""The session store: every session in one SQLite database, readable as NumPy columns.

- ``database``: place, opening, schema and migrations.
- ``blobs``: updates as bytes, and bytes as columns.
- ``values``: values that a reader returns.
- ``lock``: locks of running sessions.
- ``writer``: writing of a running session.
- ``query``, ``reader``: selecting and reading sessions.
- ``store``: the whole, with beginning, changing and deleting of sessions.
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
