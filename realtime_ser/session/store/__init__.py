"""The session store: every session in one SQLite database, readable as NumPy columns.

- ``database``: place, opening, schema and migrations, damage, and the locks of running sessions.
- ``salvage``: what can be read of a damaged database.
- ``blobs``: updates as bytes, and bytes as columns.
- ``rows``: what each row may hold.
- ``values``: values that a reader returns.
- ``writer``: writing of a running session.
- ``reader``: selecting and reading sessions.
- ``store``: the whole, with beginning, changing and deleting of sessions.
"""

from realtime_ser.session.store.blobs import Columns
from realtime_ser.session.store.reader import Query, Reader
from realtime_ser.session.store.store import Store, open_store
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
    "open_store",
]
