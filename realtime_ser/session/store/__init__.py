"""The session store: every session in one SQLite database, readable as NumPy columns.

- ``database``: where it lies, how it is opened, its schema and migrations.
- ``blobs``: updates as bytes, and bytes as columns.
- ``values``: what a reader gets.
- ``lease``: which sessions are running, in this program or another.
- ``writer``: one session that is being written.
- ``store``: everything else: find, read, change, delete.
"""

from realtime_ser.session.store.blobs import Columns
from realtime_ser.session.store.store import Store
from realtime_ser.session.store.values import ChannelInfo, Note, SessionInfo, SessionState
from realtime_ser.session.store.writer import SessionWriter

__all__ = [
    "ChannelInfo",
    "Columns",
    "Note",
    "SessionInfo",
    "SessionState",
    "SessionWriter",
    "Store",
]
