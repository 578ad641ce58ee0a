"""What windows and dialogs have in common: a title, parts, and work that has to end first."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDropEvent
from PyQt6.QtWidgets import QDialog, QFileDialog, QFrame, QPushButton, QWidget

from realtime_ser.gui.theme.style_watcher import StyleWatcher, set_size
from realtime_ser.gui.theme.theme import Style
from realtime_ser.gui.widgets.parts import (
    MessageLabel,
    Part,
    VerticalScrollArea,
    column,
    label,
    progress_bar,
)
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence

_FRAME = 48  # pixels that a title bar and borders may take


class Window(QWidget):
    """A window of its own, which is deleted with its parent, in the program's theme."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(name)


class FileDrop(QObject):
    """Takes the files and folders that are dropped on a window."""

    #: Their paths.
    dropped = pyqtSignal(list)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take what lies on this computer's disks."""
        if not isinstance(event, QDropEvent):  # of which those of dragging are kinds
            return super().eventFilter(watched, event)
        mime = event.mimeData()
        urls = [] if mime is None else mime.urls()
        if paths := [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]:
            event.acceptProposedAction()
            if event.type() is QEvent.Type.Drop:
                self.dropped.emit(paths)
        return True


class Dialog(QDialog):
    """A dialog in the program's theme; its heading stands above its parts."""

    def __init__(self, name: str, parent: QWidget | None, *, heading: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        self.title = label(heading, "big bold", wrap=True)
        self._body: QWidget | None = None

    def show_parts(
        self,
        *parts: Part,
        min_width: float = 0.0,
        margins: float = 3.0,
        spacing: float = 2.0,
        default: QPushButton | None = None,
        restyled: Callable[[Style], None] | None = None,
    ) -> None:
        """Lay the parts out below the heading; the last one can be reached on any screen.

        Parameters
        ----------
        min_width, margins, spacing
            In units of the grid.
        default
            The button that Enter presses, and that has the focus first.
        restyled
            Called with the style, now and whenever it changes.
        """
        head = [self.title] if self.title.text() else []
        *above, last = parts
        stretches = any(part is None or isinstance(part, tuple) for part in above)
        self._body = QWidget()
        self._body.setLayout(column(*head, *above, spacing=spacing))
        self.setLayout(column((self._body, int(stretches)), last, margins=margins, spacing=spacing))
        if min_width:
            set_size(self, min_width=min_width)
        StyleWatcher(self, changed=restyled)
        if default is not None:
            default.setDefault(True)
            default.setFocus()

    def open(self) -> None:
        """Show the dialog over its window; it is deleted when it closes."""
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fit_screen()
        super().open()

    def _fit_screen(self) -> None:
        """Let what is above the last part scroll where the screen is too low for all."""
        screen, layout = self.screen(), self.layout()
        if screen is None or layout is None or self._body is None:
            return
        self.ensurePolished()
        room = screen.availableGeometry().height() - _FRAME
        if self.minimumSizeHint().height() > room:
            area = VerticalScrollArea()
            area.setFrameShape(QFrame.Shape.NoFrame)
            layout.replaceWidget(self._body, area)
            area.setWidget(self._body)
            bar = area.verticalScrollBar()
            width = self._body.minimumSizeHint().width()
            area.setMinimumWidth(width + (0 if bar is None else bar.sizeHint().width()))
            self.resize(self.sizeHint().width(), room)
        self.setMaximumHeight(room)


class TaskDialog(Dialog):
    """A dialog that works beside the window; it closes when the work has ended."""

    def __init__(self, name: str, parent: QWidget | None, *, heading: str = "") -> None:
        super().__init__(name, parent, heading=heading)
        self._task: Task | None = None
        self.progress = progress_bar()
        self.progress.hide()
        self.message = MessageLabel()

    def run_task(self, work: Callable[[ReportProgress], Any]) -> None:
        """Begin some work."""
        self._task = task = Task(work, self)
        task.progressed.connect(self.show_progress)
        task.succeeded.connect(self.succeeded)
        task.failed.connect(self.failed)
        task.cancelled.connect(self.cancelled)
        self.message.say("")
        self.show_busy(busy=True)
        task.start()

    def show_progress(self, share: float) -> None:
        """Show which share of the work is done."""
        self.progress.setValue(round(1000 * share))

    def show_busy(self, *, busy: bool) -> None:
        """Show whether there is work; what must not change meanwhile is disabled."""
        self.progress.setVisible(busy)

    def succeeded(self, result: Any) -> None:
        """Take the result of the work."""
        raise NotImplementedError

    def failed(self, error: Exception) -> None:
        """Say why the work has failed."""
        self.show_busy(busy=False)
        self.message.warn(error_sentence(error))

    def cancelled(self) -> None:
        """Take note that a person has ended the work."""
        self.show_busy(busy=False)

    def reject(self) -> None:
        """Close, or end the work."""
        if self._task is not None and self._task.running:
            self.message.say("Ending…")
            self._task.cancel()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Closing ends the work first."""
        if self._task is not None:
            self._task.cancel()
            self._task.wait()
        super().closeEvent(event)


def ask_files(
    parent: QWidget,
    title: str,
    filters: Sequence[str],
    chosen: Callable[[list[Path]], object],
    *,
    several: bool = True,
) -> None:
    """Ask for files that there are."""
    modes = QFileDialog.FileMode
    dialog = _file_dialog(parent, title, modes.ExistingFiles if several else modes.ExistingFile)
    dialog.setNameFilters(filters)
    dialog.filesSelected.connect(lambda names: chosen([Path(name) for name in names]))
    dialog.open()


def ask_folder(
    parent: QWidget,
    title: str,
    chosen: Callable[[Path], object],
    *,
    start: Path | None = None,
    accept: str = "",
) -> None:
    """Ask for a folder; ``accept`` are the words on the button, if not the usual ones."""
    dialog = _file_dialog(parent, title, QFileDialog.FileMode.Directory)
    if accept:
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, accept)
    if start is not None:
        dialog.setDirectory(str(start))
    dialog.fileSelected.connect(lambda name: chosen(Path(name)))
    dialog.open()


def ask_target(  # noqa: PLR0913
    parent: QWidget,
    title: str,
    kind: str,
    ending: str,
    proposed: Path,
    chosen: Callable[[Path], object],
    *,
    replaces: bool = False,
) -> None:
    """Ask where to write.

    Parameters
    ----------
    kind, ending
        What is written, for people, and how the file's name ends; empty for a folder.
    replaces
        Whether a file that is there is replaced, after a question; else whoever writes refuses.
    """
    dialog = _file_dialog(parent, title, QFileDialog.FileMode.AnyFile)
    dialog.setNameFilter(f"{kind} (*{ending})")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, not replaces)
    dialog.setDefaultSuffix(ending.removeprefix("."))
    if proposed.parent.is_dir():
        dialog.setDirectory(str(proposed.parent))
    dialog.selectFile(proposed.name)
    dialog.fileSelected.connect(lambda name: chosen(Path(name)))
    dialog.open()


def _file_dialog(parent: QWidget, title: str, mode: QFileDialog.FileMode) -> QFileDialog:
    """A file dialog of the platform; Qt's own one where the environment asks for it."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(mode)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    return dialog
