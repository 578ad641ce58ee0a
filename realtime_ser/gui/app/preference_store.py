"""Preferences of the windows, from start to start."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.base.config import WindowConfig
from realtime_ser.base.errors import OutputError
from realtime_ser.gui.app.preferences_file import Preferences, PreferencesFile, preferences_path

_log = logging.getLogger(__name__)


class PreferenceStore(QObject):
    """Reads the preferences at the start, and writes each change.

    Attributes
    ----------
    preferences
        Those of the last time, above those of the configuration.
    """

    #: A choice could not be written; one sentence, told once.
    failed = pyqtSignal(str)

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
