"""Which sessions are kept, where, and for how long; what is said of it when one begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from realtime_ser.base.config import Config
from realtime_ser.base.errors import StoreError
from realtime_ser.base.paths import store_folder
from realtime_ser.base.text import count_text
from realtime_ser.session.metadata import SessionMetadata
from realtime_ser.session.store import SessionInfo, Store, StoreWriter


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What came of beginning a session in the store.

    Attributes
    ----------
    writer
        Takes its records; ``None``: it is not kept.
    notices
        What the user should know of the other sessions; a sentence each.
    error
        Why it is not kept although it should be; one sentence.
    """

    writer: StoreWriter | None = None
    notices: tuple[str, ...] = ()
    error: str | None = None


def open_store(config: Config) -> Store:
    """The store that the settings name.

    Raises
    ------
    StoreError
        It cannot be used.
    """
    return Store(store_folder(config.sessions))


def open_in_store(config: Config, metadata: SessionMetadata) -> StoredSession:
    """Begin a session in the store, after what has to be done there when a program starts."""
    if not config.sessions.keep:
        return StoredSession()
    notices: list[str] = []
    try:
        with open_store(config) as store:
            if store.notice is not None:
                notices.append(store.notice)
            notices += [_interrupted_notice(info) for info in store.recover()]
            if config.sessions.retention_days is not None:
                notices += _delete_expired(store, config.sessions.retention_days)
            return StoredSession(store.begin(metadata), tuple(notices))
    except StoreError as error:
        return StoredSession(None, tuple(notices), str(error))


def _interrupted_notice(info: SessionInfo) -> str:
    started = info.metadata.started.astimezone()
    today = started.date() == datetime.now().astimezone().date()
    moment = started.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
    return (
        f"The session of {moment} was interrupted; all but its last second is kept: "
        f"realtime-ser sessions show {info.id}"
    )


def _delete_expired(store: Store, days: float) -> list[str]:
    deleted = store.expire(days)
    if not deleted:
        return []
    count = count_text(len(deleted), "session")
    was = "was" if len(deleted) == 1 else "were"
    return [f"{count} older than {days:g} days {was} deleted, as sessions.retention_days says."]
