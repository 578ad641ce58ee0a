"""Keys of the window as a whole, whichever control has the focus."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QWidget

_PLAIN_MODIFIERS = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.KeypadModifier,
    # On some keyboards the digits lie above other keys.
    Qt.KeyboardModifier.ShiftModifier,
)


class Keyboard(QObject):
    """Watches windows for Space, Escape and the digits 1 to 9, as far as no control wants them.

    A digit is told when its key goes down and when it comes up; also when the window loses the
    keyboard in between.
    """

    space = pyqtSignal()
    escape = pyqtSignal()
    pressed = pyqtSignal(int)
    released = pyqtSignal(int)
    ctrl_pressed = pyqtSignal(int)  # control and a digit

    def __init__(self, *windows: QWidget) -> None:
        super().__init__(windows[0])
        self._held: set[int] = set()
        for window in windows:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the window's keys, and leave all others."""
        if isinstance(event, QKeyEvent):
            down = event.type() is QEvent.Type.KeyPress
            if down or event.type() is QEvent.Type.KeyRelease:
                return self._handle_key(event, down=down)
        elif event is not None and event.type() is QEvent.Type.WindowDeactivate:
            for digit in sorted(self._held):
                self._held.discard(digit)
                self.released.emit(digit)
        return super().eventFilter(watched, event)

    def _handle_key(self, event: QKeyEvent, *, down: bool) -> bool:
        digit = event.key() - Qt.Key.Key_0.value
        if 1 <= digit <= 9:
            return self._handle_digit(digit, event, down=down)
        # Compared as numbers: letters of many alphabets are no members of Qt.Key.
        signals = {int(Qt.Key.Key_Space): self.space, int(Qt.Key.Key_Escape): self.escape}
        signal = signals.get(event.key())
        if signal is None or event.modifiers() != Qt.KeyboardModifier.NoModifier:
            return False
        if down and not event.isAutoRepeat():
            signal.emit()
        return True

    def _handle_digit(self, digit: int, event: QKeyEvent, *, down: bool) -> bool:
        if event.isAutoRepeat():
            return digit in self._held
        if not down:
            if digit not in self._held:
                return False
            self._held.discard(digit)
            self.released.emit(digit)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.ctrl_pressed.emit(digit)
        elif event.modifiers() in _PLAIN_MODIFIERS:
            self._held.add(digit)
            self.pressed.emit(digit)
        else:
            return False
        return True
