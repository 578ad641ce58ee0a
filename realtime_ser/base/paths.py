"""Paths of shipped files, of the session folder, of the store and of the cache."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from realtime_ser.base.config import Config, SessionsConfig

PACKAGE = Path(__file__).resolve().parent.parent


def shipped(name: str) -> Path:
    """Path of a shipped file or folder: ``config.yaml``, ``models`` or ``demo.flac``.

    In an installed program they lie in the package; in a checkout, the first two at its top level.
    """
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


def session_folder(config: Config) -> Path:
    """Folder of the tables of sessions whose files were given no name."""
    return config.session.folder or Path(platformdirs.user_documents_dir()) / "Realtime SER"


def store_folder(settings: SessionsConfig) -> Path:
    """Folder of the kept sessions."""
    return settings.folder or Path(platformdirs.user_data_dir("realtime-ser", appauthor=False))


def cache_folder() -> Path:
    """Folder of what the program could find out anew."""
    return Path(platformdirs.user_cache_dir("realtime-ser", appauthor=False))
