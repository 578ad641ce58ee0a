"""What a person has chosen in the windows, kept from one start to the next.

A JSON file in the user's configuration folder. It holds only what was changed there; everything
else comes from ``config.yaml``. A value that cannot be understood is left out, the others count.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.base.config import Config, WindowConfig
from realtime_ser.base.errors import OutputError
from realtime_ser.base.files import write_whole
from realtime_ser.gui.theme.theme import ThemeChoice

_log = logging.getLogger(__name__)

VERSION = 1  # of the file's layout

SPANS_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Lengths of the timeline that menus and keys step through, in seconds."""

THEMES: tuple[tuple[str, ThemeChoice], ...] = (
    ("Like the &system", "system"),
    ("&Dark", "dark"),
    ("&Light", "light"),
)

PRESETS = (
    "question",
    "answer",
    "laughter",
    "interruption",
    "task begins",
    "task ends",
    "noise",
    "unclear",
    "other",
)
"""Texts of the markers on the number keys, where nobody has changed them."""

_MarkerText = Annotated[str, Field(max_length=200)]


class Preferences(BaseModel):
    """All choices; ``None``: as the configuration says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    theme: ThemeChoice = "system"
    timeline_s: float = Field(default=60.0, ge=10, le=3600)
    smoothing_s: float = Field(default=0.4, ge=0, le=5)
    stacked: bool = False  # the timeline shows areas
    hidden: tuple[str, ...] = ()  # labels that the timeline leaves out
    presets: tuple[_MarkerText, ...] = Field(default=PRESETS, min_length=9, max_length=9)
    gate_mode: int | None = Field(default=None, ge=0, le=3)
    noise_margin_db: float | None = Field(default=None, ge=0, le=40)
    retention_days: float | None = Field(default=None, ge=0, le=36500)  # 0: until deleted
    replay_pauses: bool = True  # listening pauses while the last seconds are played
    notice: int = 0  # number of the notice that was read last
    geometry: str = ""  # place and size of the live window, in Qt's own form, Base64

    @classmethod
    def from_config(cls, config: WindowConfig) -> Preferences:
        """Those of a configuration."""
        return cls(theme=config.theme, timeline_s=config.timeline_s, smoothing_s=config.smoothing_s)

    def changed(self, values: Mapping[str, Any]) -> Preferences:
        """The same with other values; one that does not fit is left out."""
        known = {name: value for name, value in values.items() if name in type(self).model_fields}
        current = self.model_dump()
        try:
            return type(self).model_validate(current | known)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors()}
            _log.warning("left out of the settings: %s", ", ".join(sorted(wrong)))
            return type(self).model_validate(
                current | {name: value for name, value in known.items() if name not in wrong}
            )

    def apply_to(self, config: Config) -> Config:
        """A configuration with the sensitivity of the gate and the retention that hold here."""
        chosen = {"mode": self.gate_mode, "noise_margin_db": self.noise_margin_db}
        changes = {name: value for name, value in chosen.items() if value is not None}
        sessions, days = config.sessions, self.retention_days
        if days is not None:
            sessions = sessions.model_copy(update={"retention_days": days or None})
        gate = config.gate.model_copy(update=changes)
        return config.model_copy(update={"gate": gate, "sessions": sessions})


#: Each brings a file of the version before to the version that it stands for.
_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def preferences_path() -> Path:
    """Path of the preferences' file."""
    return Path(platformdirs.user_config_dir("realtime-ser", appauthor=False)) / "window.json"


def _version_of(data: Mapping[str, Any]) -> int:
    version = data.get("version")
    return max(1, version) if isinstance(version, int) else 1


class PreferencesFile:
    """File of the preferences."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """What it holds, in today's layout; nothing where there is none that can be read.

        One that is no JSON is set aside: what is chosen next would replace all that it held.
        """
        try:
            data: Any = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            _log.warning("the settings %s cannot be read: %s", self.path, error)
            return {}
        except (ValueError, RecursionError) as error:
            damaged_path = self.path.with_suffix(".damaged.json")
            _log.warning("the settings are damaged (%s) and set aside as %s", error, damaged_path)
            with contextlib.suppress(OSError):  # told when a choice cannot be written
                self.path.replace(damaged_path)
            return {}
        if not isinstance(data, dict):
            return {}
        kept: dict[str, Any] = data
        for number in range(_version_of(kept), VERSION):
            kept = _MIGRATIONS[number + 1](kept)
        return kept

    def write(self, changes: Mapping[str, Any]) -> None:
        """Keep some choices; all others in the file stay, also those of a newer program.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        data = self.read()
        version = max(VERSION, _version_of(data))
        text = json.dumps(data | {**changes, "version": version}, indent=1, ensure_ascii=False)
        write_whole(self.path, text, "the settings hold until the program ends")


class PreferenceStore(QObject):
    """Reads the preferences at the start, above the configuration, and writes each change."""

    failed = pyqtSignal(str)  # a choice could not be written; one sentence, told once

    def __init__(self, config: WindowConfig) -> None:
        super().__init__()
        self._file = PreferencesFile(preferences_path())
        self._failure_reported = False
        self.preferences = Preferences.from_config(config).changed(self._file.read())

    def keep(self, values: Mapping[str, Any]) -> None:
        """Remember some choices."""
        self.preferences = self.preferences.changed(values)
        try:
            self._file.write(values)
        except OutputError as error:
            _log.warning("%s", error)
            if not self._failure_reported:
                self._failure_reported = True
                self.failed.emit(str(error))
