"""The store when a program starts, and when a session begins."""

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
class PreparedStore:
    """State of the store before a session begins.

    Attributes
    ----------
    usable
        Whether sessions are to be kept, and can be.
    notices
        Notices of recovered and deleted sessions; a sentence each.
    error
        Reason why sessions cannot be kept although they should be; one sentence.
    """

    usable: bool = False
    notices: tuple[str, ...] = ()
    error: str | None = None


def open_store(config: Config) -> Store:
    """Open the store that the settings name.

    Raises
    ------
    StoreError
        The store cannot be used.
    """
    return Store(store_folder(config.sessions))


def prepare_store(config: Config) -> PreparedStore:
    """Recover interrupted sessions and delete expired ones, if sessions are kept."""
    if not config.sessions.keep:
        return PreparedStore()
    notices: list[str] = []
    try:
        with open_store(config) as store:
            if store.notice is not None:
                notices.append(store.notice)
            notices += [_interrupted_notice(info) for info in store.recover()]
            if config.sessions.retention_days is not None:
                notices += _delete_expired(store, config.sessions.retention_days)
    except StoreError as error:
        return PreparedStore(notices=tuple(notices), error=str(error))
    return PreparedStore(usable=True, notices=tuple(notices))


def begin_session(config: Config, metadata: SessionMetadata) -> StoreWriter:
    """Begin a session in the store.

    Raises
    ------
    StoreError
        The store cannot be used.
    """
    with open_store(config) as store:
        return store.begin(metadata)


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
