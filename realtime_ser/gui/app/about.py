"""Versions and licences of the program, of what it is made of, and of the model."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
    requires,
)
from pathlib import Path

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt, QUrl
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from realtime_ser import __version__
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size, style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.widgets.parts import button, label, row


@dataclass(frozen=True, slots=True)
class Package:
    """A package that the program is made of."""

    name: str
    version: str
    licence: str


def parts() -> list[Package]:
    """The packages that it needs, what those need, and what is loaded now, by name."""
    found: dict[str, Package] = {}
    packages = packages_distributions()
    loaded = [name for module in sys.modules for name in packages.get(module, ())]
    waiting = [*_requirements_of("realtime-ser"), *loaded]
    while waiting:
        name = waiting.pop()
        if name.lower() in found:
            continue
        if name.lower() == "realtime-ser":
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or an extra that was not asked for
        found[name.lower()] = Package(
            package.metadata["Name"], package.version, _licence_of(package)
        )
        waiting += _requirements_of(name)
    return [found[name] for name in sorted(found)]


def _requirements_of(name: str) -> Iterator[str]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        if "extra ==" not in line:
            yield re.split(r"[^\w.-]", line, maxsplit=1)[0]


def _licence_of(package: Distribution) -> str:
    facts = package.metadata
    if "License-Expression" in facts:
        return facts["License-Expression"]
    classified = [
        line.rpartition(" :: ")[2]
        for line in facts.get_all("Classifier") or ()
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    if classified:
        return ", ".join(classified)
    # Some put the whole text there.
    text = facts["License"].strip() if "License" in facts else ""
    return text.splitlines()[0][:60] if text else "not stated"


class AboutDialog(QDialog):
    """Version of the program, its model, and the licences of its packages.

    Parameters
    ----------
    model
        Name and version of the model, and what it was trained on.
    card
        Where its card lies.
    """

    def __init__(self, model: str, card: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About")
        self.title = label(f"Realtime SER {__version__}", "big bold")
        self.text = label(
            "Which emotions a voice carries, shown and recorded while it speaks. MIT licence; "
            f"PyQt6 is under the GPL. Python {platform.python_version()}, Qt {QT_VERSION_STR}, "
            f"PyQt {PYQT_VERSION_STR}, {platform.system()} {platform.machine()}.",
            wrap=True,
        )
        self._model, self._link = model, escape(QUrl.fromLocalFile(str(card)).toString())
        self.model = label("", "muted", wrap=True)
        self.model.setTextFormat(Qt.TextFormat.RichText)
        self.model.setToolTip(str(card))
        self.model.setOpenExternalLinks(True)
        self.model.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        rows = parts()
        self.table = QTableWidget(len(rows), 3)
        self.table.setAccessibleName("Packages, their versions and licences")
        self.table.setToolTip("What the program is made of")
        self.table.setHorizontalHeaderLabels(["Package", "Version", "Licence"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        side = self.table.verticalHeader()
        top = self.table.horizontalHeader()
        assert side is not None
        assert top is not None
        side.hide()
        top.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        top.setStretchLastSection(True)
        top.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for index, part in enumerate(rows):
            for place, words in enumerate((part.name, part.version, part.licence)):
                self.table.setItem(index, place, QTableWidgetItem(words))
        self.close_button = button("Close", "Close (Esc)", "primary")
        self.close_button.setDefault(True)
        self.close_button.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        set_size(self, min_width=84)
        set_size(self.table, min_height=20)
        for widget in (self.title, self.text, self.model, self.table):
            column.addWidget(widget)
        column.addLayout(row(None, self.close_button))
        StyleWatcher(self, changed=self._show_model)
        style = style_of(self)
        self.resize(style.grid(84), style.grid(70))
        self.close_button.setFocus()

    def _show_model(self, style: Style) -> None:
        self.model.setText(
            f'{escape(self._model)} <a style="color: {style.theme.accent}" href="{self._link}">'
            "Its card</a> says how good it is, and its terms of use."
        )
