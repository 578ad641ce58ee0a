"""Which sessions are kept, where, and for how long; what is said of it when one begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from realtime_ser.base.config import Config
from realtime_ser.base.errors import StoreError
from realtime_ser.base.paths import store_folder
from realtime_ser.base.text import count_text
from realtime_ser.session.metadata import Beginning
from realtime_ser.session.store import SessionInfo, SessionWriter, Store


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of beginning a session in the store.

    Attributes
    ----------
    writer
        Takes its records; ``None``: it is not kept.
    news
        What the user should know of the other sessions; a sentence each.
    error
        Why it is not kept although it should be; one sentence.
    """

    writer: SessionWriter | None = None
    news: tuple[str, ...] = ()
    error: str | None = None


def open_store(config: Config) -> Store:
    """The store that the settings name.

    Raises
    ------
    StoreError
        It cannot be used.
    """
    return Store(store_folder(config.sessions))


def keep(config: Config, beginning: Beginning) -> Kept:
    """Begin a session in the store, after what has to be done there when a program starts."""
    if not config.sessions.keep:
        return Kept()
    news: list[str] = []
    try:
        with open_store(config) as store:
            if store.notice is not None:
                news.append(store.notice)
            news += [_interrupted(info) for info in store.recover()]
            if config.sessions.retention_days is not None:
                news += _expired(store, config.sessions.retention_days)
            return Kept(store.begin(beginning), tuple(news))
    except StoreError as error:
        return Kept(None, tuple(news), str(error))


def _interrupted(info: SessionInfo) -> str:
    started = info.beginning.started.astimezone()
    today = started.date() == datetime.now().astimezone().date()
    moment = started.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
    return (
        f"The session of {moment} was interrupted; all but its last second is kept: "
        f"realtime-ser sessions show {info.id}"
    )


def _expired(store: Store, days: float) -> list[str]:
    over = store.expire(days)
    if not over:
        return []
    count = count_text(len(over), "session")
    was = "was" if len(over) == 1 else "were"
    return [f"{count} older than {days:g} days {was} deleted, as sessions.retention_days says."]
