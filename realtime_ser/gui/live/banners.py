"""What the window says across its width, in its middle and in the line at the bottom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QWidget

from realtime_ser.base.records import STEP_S
from realtime_ser.engine.smoothing import Smoother
from realtime_ser.gui.live.status_model import StatusModel, UiState, status_cells
from realtime_ser.gui.theme.style_watcher import reserve, set_size, style_of
from realtime_ser.gui.theme.theme import set_role
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import ElidedLabel, button, column, label, row

SHOWN_S = 20.0  # a loss is told for so long, and all losses within that time as one

#: Results that come later than this are worth a word, once they have for so long.
LATE_MS = 400.0
LATE_S = 3.0

#: Updates a second and channel below which the computer does not keep up.
MIN_UPDATES_PER_S = 0.88 / STEP_S


class BannerText(NamedTuple):
    """Icon, title, text and button of a banner."""

    glyph: str
    title: str
    text: str
    button: str = ""


class Banner(QWidget):
    """A line of words across the window, with at most one button."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ribbon")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.glyph = Glyph("ring", 2.25, "on_banner")
        self.title = label(role="bold")
        self.text = label(wrap=True)  # on a narrow window there is room for two lines
        self.button = button("", "What can be done about it", click_focus=False)
        parts = (self.glyph, self.title, (self.text, 1), self.button)
        self.setLayout(row(*parts, margins=(2, 0.5, 2, 0.5)))
        set_size(self, height=5)
        self._words: BannerText | None = None
        self.hide()

    def say(self, words: BannerText | None) -> None:
        """Change the words; without any, hide."""
        if words == self._words:
            return
        self._words = words
        if words is not None:
            self.glyph.show_glyph(words.glyph)
            self.title.setText(words.title)
            self.text.setText(words.text)
            self.button.setText(words.button)
            self.button.setAccessibleName(f"{words.button}: {words.title}")
            self.button.setVisible(bool(words.button))
        self.setVisible(words is not None)


class MessageCard(QFrame):
    """A message in the middle of the window, with its next step."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.glyph = Glyph("ring", 4)
        self.title = label(role="big bold")
        self.text = label(wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.rescan = button("Rescan", "Look for microphones again (F5)", "primary")
        self.retry = button("Try again", "Open the session again (Space)", "primary")
        self.demo = button(
            "Play the demo recording", "Play synthesised speech as if it were a microphone"
        )
        head = row(self.glyph, (self.title, 1))
        steps = row(self.rescan, self.retry, self.demo, None)
        self.setLayout(column(head, self.text, steps, margins=3.0, spacing=2.0))
        set_size(self, width=64)
        self.hide()

    def show_status(self, status: StatusModel) -> None:
        """Show the message for a state; hide where there is none."""
        state = status.ui_state
        texts = {
            UiState.OPENING: "One moment.",
            UiState.IDLE: "Press Start, or Space, to begin a session.",
            UiState.NO_MICROPHONE: "Plug one in and press Rescan.",
            UiState.FAILED: status.message,
        }
        self.setVisible(state in texts)
        if state not in texts:
            return
        missing, failed = state is UiState.NO_MICROPHONE, state is UiState.FAILED
        self.glyph.show_glyph(state.glyph)
        self.title.setText(state.sentence)
        self.text.setText(texts[state])
        self.rescan.setVisible(missing)
        self.retry.setVisible(failed)
        self.demo.setVisible(missing or failed)
        self.raise_()


def state_banner_text(status: StatusModel) -> BannerText | None:
    """Banner for a state; ``None`` where the state needs none."""
    if status.fault:
        return BannerText("warning", "Not being written", status.fault)
    match status.ui_state:
        case UiState.PAUSED:
            text = "Nothing is heard. Press Space to go on."
            return BannerText("pause", "Paused", text, "Resume")
        case UiState.RECONNECTING:
            reason = status.message or f"{status.source} is silent. Check its plug."
            words = f"{reason} The session goes on by itself."
            return BannerText("broken", "Reconnecting", words)
        case UiState.ENDED:
            files = f"in {status.folder}" if status.folder else "complete"
            words = f"Its files are {files}. Press Start for a new session."
            return BannerText("square", "Session ended", words)
        case _ if status.warning:
            return BannerText("warning", "Microphone", status.warning)
        case _:
            return None


def demo_banner_text(status: StatusModel) -> BannerText | None:
    """Banner of the demo recording; ``None`` for other sources."""
    if not status.demo:
        return None
    if status.fallback:
        words = "No microphone found. Plug one in and press Rescan."
        return BannerText("demo", "Demo recording", words, "Rescan")
    words = "Synthesised speech plays as if it were a microphone."
    return BannerText("demo", "Demo recording", words)


def quality_banner_text(status: StatusModel, smoothers: Iterable[Smoother]) -> BannerText | None:
    """Banner on a sound that has not been usable for long; ``None``: it is usable."""
    if status.ui_state not in (UiState.LISTENING, UiState.SPEECH):
        return None
    worst = max(smoothers, key=lambda smoother: smoother.unusable_s)
    words = worst.advice
    if words is None:
        return None
    return BannerText("warning", worst.quality.value.capitalize(), words)


class OverloadMonitor:
    """Notices when sound is lost or results come late, and says what to do.

    What was put away by a person stays away until something new happens.
    """

    def __init__(self) -> None:
        self._dropped = self._overflows = self._away = 0
        self._lost_samples = self._overflowed = self._away_samples = 0
        self._last_loss_s = float("-inf")
        self._late_since_s: float | None = None
        self._dismissed: str | None = None
        self._shown_title = ""

    def dismiss(self) -> None:
        """Say no more of what is being said."""
        self._dismissed = self._shown_title
        self._lost_samples = self._overflowed = self._away_samples = 0
        self._last_loss_s = float("-inf")

    def feed(self, status: StatusModel, now_s: float) -> BannerText | None:
        """Banner for a state at ``now_s`` on the monotonic clock; ``None``: none."""
        self._count_losses(status, now_s)
        monitored = status.ui_state in _MONITORED_STATES
        found = self._current_overload(status, now_s) if monitored else None
        self._shown_title = found.title if found is not None else ""
        if self._shown_title != self._dismissed:
            self._dismissed = None
            return found
        return None

    def _count_losses(self, status: StatusModel, now_s: float) -> None:
        lost = status.dropped_samples - self._dropped
        overflowed = status.overflows - self._overflows
        away = status.away_samples - self._away
        self._dropped, self._overflows = status.dropped_samples, status.overflows
        self._away = status.away_samples
        if now_s - self._last_loss_s > SHOWN_S:
            self._lost_samples = self._overflowed = self._away_samples = 0
        if status.ui_state not in _MONITORED_STATES:
            return  # a microphone that went away has a banner of its own
        if lost > 0 or overflowed > 0:
            self._dismissed = None
            self._last_loss_s = now_s
            self._lost_samples += max(0, lost)
            self._overflowed += max(0, overflowed)
            self._away_samples += max(0, away)

    def _current_overload(self, status: StatusModel, now_s: float) -> BannerText | None:
        if now_s - self._last_loss_s <= SHOWN_S:
            return _overload(_loss_text(self._lost_samples, status.rate), self._loss_advice())
        late = (status.latency_ms or 0.0) > LATE_MS
        pace = status.updates_per_s
        slow = status.live and pace is not None and pace < MIN_UPDATES_PER_S
        if not (late or slow):
            self._late_since_s = None
            return None
        if self._late_since_s is None:
            self._late_since_s = now_s
        if now_s - self._late_since_s < LATE_S:
            return None
        if slow:
            return _overload(
                "This computer does not keep up",
                "Close other programs; nothing is lost while the buffer holds.",
            )
        return _overload(
            "Results come late",
            "Wireless microphones and busy sound servers add delay: a cable, or closing "
            "programs that use sound, helps. Times in the files stay right.",
        )

    def _loss_advice(self) -> str:
        why = "The program could not follow. Close other programs, or raise audio.buffer_s"
        if 2 * self._away_samples > self._lost_samples:
            why = "The microphone was away, the program stopped, or the computer asleep"
        elif self._overflowed:
            why = "The system did not hand the sound over in time. Close other programs"
        return f"{why}; the gap is kept as lost, never guessed."


_MONITORED_STATES = frozenset({UiState.LISTENING, UiState.SPEECH, UiState.PAUSED})


def _overload(title: str, text: str) -> BannerText:
    return BannerText("warning", title, text, "Hide")


def _loss_text(samples: int, rate: int) -> str:
    if not samples:
        return "Sound may be lost"
    seconds = samples / rate if rate else 0.0
    if not seconds:
        return local_numbers(f"{samples:,} samples lost")
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms of sound lost"
    return local_numbers(f"{seconds:.1f} s lost")


# -------------------------------------------------------------------------------- the status line

_TIPS = (
    "From a sound at the microphone to its probabilities, median of the last seconds",
    "Each update covers 80 ms of sound",
    "Samples that the microphone or this computer lost",
    "Whose session it is, where that was said, and the model in use",
    "Sound is kept only when you ask for it",
)

_MODEL = 3  # place of the model's cell

#: How long a message stays, and how much longer for each of its letters.
_MESSAGE_MS = 5000
_LETTER_MS = 60

_NARROW = 130  # below this width, in units of the grid, there is no room for all

#: The longest that each changing cell gets to say, so that nothing beside it jumps.
_WIDEST_TEXTS = ("latency 0000 ms", "00.0 updates/s", "0 dropped")


class StatusLine(QWidget):
    """Five cells of fixed places."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusline")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cells = [label(role="small muted") for _ in _TIPS]
        self.recording_light = Glyph("record", 1.25, "recording_light")
        self.message = ElidedLabel()
        set_role(self.message, "small bold")
        set_size(self, height=3.5)
        for cell, tip in zip(self.cells, _TIPS, strict=True):
            cell.setToolTip(tip)
        *cells, stored = self.cells
        end = row(self.recording_light, stored)
        self.setLayout(row(*cells, (self.message, 1), end, margins=(2, 0, 2, 0), spacing=3.0))
        for cell, words in zip(self.cells, _WIDEST_TEXTS, strict=False):
            reserve(cell, [words], font="small")
        self._clear_timer = QTimer(self)
        self._clear_timer.setSingleShot(True)
        self._clear_timer.timeout.connect(self.message.clear)

    def say(self, text: str) -> None:
        """Show a message for as long as it takes to read; all of a long one is in its tooltip."""
        self.message.setText(text)
        self._clear_timer.start(_MESSAGE_MS + _LETTER_MS * len(text))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave out the pace on a narrow window."""
        super().resizeEvent(event)
        self.cells[1].setVisible(self.width() / style_of(self).grid(1) >= _NARROW)

    def show_status(self, status: StatusModel) -> None:
        """Show a state."""
        for cell, words in zip(self.cells, status_cells(status), strict=True):
            cell.setText(words)
        self.cells[_MODEL].setToolTip(f"{_TIPS[_MODEL]}. {status.model_reason}".strip(". "))
        self.recording_light.setVisible(status.recording)
        set_role(self.cells[-1], "small bold" if status.recording else "small muted")
        lost = status.dropped_samples or status.overflows
        set_role(self.cells[2], "small danger" if lost else "small muted")
