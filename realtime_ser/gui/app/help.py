"""The dialogs of the Help menu: keys, purpose and limits, diagnostics, versions and licences."""

from __future__ import annotations

import itertools
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from pathlib import Path

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, QSize, Qt, QUrl
from PyQt6.QtWidgets import (
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QTableWidget,
    QWidget,
)

from realtime_ser import __version__
from realtime_ser.base.config import Config
from realtime_ser.gui.app.log import log_path
from realtime_ser.gui.theme.style_watcher import set_size, style_of
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.parts import (
    MessageLabel,
    button,
    column,
    copy_text,
    label,
    row,
    text_view,
)
from realtime_ser.gui.widgets.tables import fill_table, header_of, set_up_table
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence

# ------------------------------------------------------------------------------------------- keys


class ShortcutsDialog(Dialog):
    """Lists keys and what they do in two columns, with more words below."""

    def __init__(
        self,
        title: str,
        rows: Sequence[tuple[str, str]],
        footer: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, parent)
        self.text = QLabel(_table(rows))
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.footers = [label(words, "small muted", wrap=True) for words in footer]
        self._scroller = QScrollArea()
        self._scroller.setWidget(self.text)
        self._scroller.setAccessibleName("Keys")
        self.close_button = button("Close", "Close (Esc)", "primary", clicked=self.reject)
        self.show_parts(
            (self._scroller, 1),
            *self.footers,
            row(None, self.close_button),
            margins=2,
            spacing=1,
            default=self.close_button,
            restyled=self._fit,
        )

    def _fit(self, style: Style) -> None:
        self.text.ensurePolished()
        self.text.adjustSize()
        owner = self.parentWidget()
        window = None if owner is None else owner.window()
        size = self.text.size() + QSize(style.grid(7), style.grid(10 + 3 * len(self.footers)))
        if window is not None and window.isVisible():
            size = size.boundedTo(window.size() - QSize(style.grid(4), style.grid(4)))
        self.resize(size)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    half = -(-len(rows) // 2)
    lines = []
    for pair in itertools.zip_longest(rows[:half], rows[half:], fillvalue=("", "")):
        cells = [_cell(f"<b>{escape(key)}</b>", 16) + _cell(escape(text), 32) for key, text in pair]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _cell(words: str, padding_px: int) -> str:
    return f"<td style='padding-right: {padding_px}px; white-space: nowrap'>{words}</td>"


# ------------------------------------------------------------------------------ purpose and limits

NOTICE_VERSION = 1  # of the notice; a higher one is shown again to those who have read a lower one

_PARTS = {
    "What it is for": (
        "It listens to a voice and says what it sounds like, as a model hears it that has "
        "learned from actors: for research, training and self-observation."
    ),
    "What it cannot do": (
        "It does not know what a person feels, and it is often wrong, more so with voices, "
        "languages and rooms that it has not learned from. It is not a medical device, and no "
        "decision about a person may rest on it. Judging people at work or in education with "
        "it is prohibited in the European Union, and wrong everywhere."
    ),
    "Whoever is heard must know": (
        "Tell everybody whose voice may be heard, and ask them first. The window and its title "
        "say all the time that it listens."
    ),
    "What is kept": (
        "Each session's numbers are kept on this computer until you delete them. Sound is kept "
        "only when you ask for it; the last 30 seconds stay in memory, to be played again. "
        "Nothing leaves this computer."
    ),
}


class WelcomeDialog(Dialog):
    """The notice, for which listening waits the first time.

    Accepted when it was read; rejected when the person would rather not start.
    """

    def __init__(self, *, first: bool, parent: QWidget | None = None) -> None:
        name = "Purpose, limits and consent"
        super().__init__(name, parent, heading="Before you listen" if first else name)
        set_size(self, width=72)
        self.leave = button("Quit", "Do not start", clicked=self.reject)
        self.leave.setVisible(first)
        words = "I have read this" if first else "Close"
        self.read = button(words, "Close this notice (Enter)", "primary", clicked=self.accept)
        self.show_parts(
            *(
                column(label(heading, "bold"), label(words, wrap=True), spacing=0.5)
                for heading, words in _PARTS.items()
            ),
            label("More is in docs/data_protection.md.", "small muted"),
            row(None, self.leave, self.read),
            default=self.read,
        )


# ------------------------------------------------------------------------------------- diagnostics

_TAIL = 40  # lines of the log that are added


class DiagnosticsDialog(Dialog):
    """Examines the machine beside the window, and offers the findings for copying."""

    def __init__(self, config: Config, parent: QWidget | None = None) -> None:
        super().__init__("Diagnostics", parent, heading="Diagnostics")
        self.text = label(
            "Versions, devices, folders and the last lines of the log: nothing of what was heard. "
            "Look through it before you send it: names of devices and folders are in it.",
            wrap=True,
        )
        self.findings = text_view("Findings", "What was found")
        self.findings.setPlaceholderText("Looking at this machine…")
        self.findings.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.findings.setObjectName("monospaced")
        set_size(self.findings, min_height=44)
        self.message = MessageLabel()
        self.copy = button("Copy", "Copy all of it", "primary", clicked=self._copy)
        self.copy.setEnabled(False)
        self.close_button = button("Close", "Close (Esc)", clicked=self.reject)
        self.show_parts(
            self.text,
            self.findings,
            self.message,
            row(None, self.close_button, self.copy),
            min_width=96,
        )
        self._task = Task(lambda advance: _examination_text(config, advance), self)
        self._task.succeeded.connect(self._show)
        self._task.failed.connect(lambda error: self.message.warn(error_sentence(error)))
        self._task.start()

    def done(self, result: int) -> None:
        """Close; the examination ends at its next step."""
        self._task.cancel()
        self._task.wait()
        super().done(result)

    def _show(self, text: str) -> None:
        self.findings.setPlainText(text)
        self.copy.setEnabled(True)
        self.copy.setFocus()

    def _copy(self) -> None:
        copy_text(self.findings.toPlainText())
        self.message.say("Copied.")


def _examination_text(config: Config, advance: ReportProgress) -> str:
    from realtime_ser.engine.doctor import run_checks

    lines = [f"realtime-ser {__version__}, Qt {QT_VERSION_STR}, {platform.platform()}", ""]
    for finding in run_checks(config):
        advance(0.0)
        lines.append(f"{finding.verdict:6}{finding.subject:18}{finding.words}")
    try:
        log_lines = log_path().read_text(encoding="utf-8").splitlines()[-_TAIL:]
    except OSError as error:
        log_lines = [f"the log cannot be read: {error}"]
    return "\n".join([*lines, "", "Last lines of the log:", *log_lines])


# --------------------------------------------------------------------------- versions and licences


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
    waiting = ["realtime-ser", *loaded]
    while waiting:
        name = waiting.pop().lower()
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or an extra that was not asked for
        found[name] = Package(package.metadata["Name"], package.version, _licence_of(package))
        needed = [line for line in package.requires or () if "extra ==" not in line]
        waiting += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed]
    found.pop("realtime-ser", None)
    return [found[name] for name in sorted(found)]


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


class AboutDialog(Dialog):
    """Version of the program, its model with its card, and the licences of its packages."""

    def __init__(self, model: str, card: Path, parent: QWidget | None = None) -> None:
        super().__init__("About", parent, heading=f"Realtime SER {__version__}")
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
        self.table = QTableWidget(0, 3)
        set_up_table(self.table, "Packages, their versions and licences")
        set_size(self.table, min_height=20)
        self.table.setToolTip("What the program is made of")
        self.table.setHorizontalHeaderLabels(["Package", "Version", "Licence"])
        header = header_of(self.table)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        fill_table(self.table, [(part.name, part.version, part.licence) for part in parts()])
        self.close_button = button("Close", "Close (Esc)", "primary", clicked=self.accept)
        self.show_parts(
            self.text,
            self.model,
            self.table,
            row(None, self.close_button),
            min_width=84,
            default=self.close_button,
            restyled=self._show_model,
        )
        style = style_of(self)
        self.resize(style.grid(84), style.grid(70))

    def _show_model(self, style: Style) -> None:
        self.model.setText(
            f'{escape(self._model)} <a style="color: {style.theme.accent}" href="{self._link}">'
            "Its card</a> says how good it is, and its terms of use."
        )
