"""A try of the microphone: its level, and what the speech gate makes of it."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QCoreApplication, QRectF, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QSlider, QWidget

from realtime_ser.audio.block_queue import BlockQueue
from realtime_ser.audio.devices import SILENCE_ADVICE
from realtime_ser.audio.resample import Resampler
from realtime_ser.base.config import AudioConfig, Config, GateConfig
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import SAMPLE_RATE, SILENCE_DBFS
from realtime_ser.base.text import decibels
from realtime_ser.engine.open import OpenedSource, open_source
from realtime_ser.gui.live.modes import LevelBar
from realtime_ser.gui.theme.style_watcher import pad, set_size, style_of
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.icons import Glyph
from realtime_ser.gui.widgets.parts import MessageLabel, button, label, row, separator, slider
from realtime_ser.gui.widgets.task import Task, error_sentence
from realtime_ser.recogniser.gate import GATE_FRAME, SpeechGate
from realtime_ser.recogniser.segmenter import level_dbfs
from realtime_ser.timeline.signal_tracks import level_share
from realtime_ser.timeline.style import CLIPPED

_FRAME_MS = 33
_HISTORY_S = 10.0
_PEAK_DECAY_DB = 0.25  # a gate frame
_RECENT_FRAMES = round(3.0 * SAMPLE_RATE / GATE_FRAME)

#: Words of the gate's modes, from the one that lets least through.
_MODES = ("only clear speech", "usual", "faint speech too", "nearly everything")


class GateTrial:
    """Level and gate of one channel, frame by frame. No Qt.

    Attributes
    ----------
    levels, voiced
        Of the last ten seconds, a value each 20 ms: dBFS, and whether the gate was open.
    peak
        The highest level of late, in dBFS.
    """

    def __init__(self, gate: GateConfig) -> None:
        length = round(_HISTORY_S * SAMPLE_RATE / GATE_FRAME)
        self.levels: deque[float] = deque(maxlen=length)
        self.voiced: deque[bool] = deque(maxlen=length)
        self.clipped: deque[bool] = deque(maxlen=_RECENT_FRAMES)
        self.peak = SILENCE_DBFS
        self._rate = 0
        self._remainder: NDArray[np.float32] = np.zeros(0, np.float32)
        self.set_gate(gate)

    @property
    def open(self) -> bool:
        """Whether the gate is open."""
        return self._gate.open

    def set_gate(self, gate: GateConfig) -> None:
        """Judge with other settings from now on."""
        self._gate = SpeechGate(gate)

    def push(self, rate: int, samples: NDArray[np.float32]) -> None:
        """Take samples of any rate, shape ``(n,)``."""
        if rate != self._rate:
            self._rate = rate
            self._resampler = Resampler(rate)
            self._remainder = self._remainder[:0]
        sound = np.concatenate([self._remainder, self._resampler.push(samples)])
        whole = len(sound) // GATE_FRAME * GATE_FRAME
        self._remainder = sound[whole:]
        for frame in sound[:whole].reshape(-1, GATE_FRAME):
            self._gate.push(frame)
            level = level_dbfs(frame)
            self.peak = max(level, self.peak - _PEAK_DECAY_DB)
            self.levels.append(level)
            self.voiced.append(self._gate.open)
            self.clipped.append(bool(np.abs(frame).max() >= CLIPPED))

    def advice(self) -> str:
        """Advice on the level; empty while too little was heard."""
        if len(self.levels) < _RECENT_FRAMES:
            return ""
        if any(self.clipped):
            return "Too loud: the sound is cut off. Turn the microphone down, or move away from it."
        recent = list(zip(self.levels, self.voiced, strict=True))[-_RECENT_FRAMES:]
        if max(level for level, _ in recent) <= SILENCE_DBFS + 1:
            return f"Pure silence: {SILENCE_ADVICE}."
        speech_levels = [level for level, voiced in recent if voiced]
        if not speech_levels:
            return "Say something: no speech is heard."
        if float(np.percentile(speech_levels, 90)) < -45.0:
            return "Rather quiet: come closer, or turn the microphone up."
        return "Good."


class _LevelHistory(QWidget):
    """Levels of the last seconds; where the gate was open they are full, else outlines."""

    def __init__(self, gate_trial: GateTrial) -> None:
        super().__init__()
        self._gate_trial = gate_trial
        set_size(self, height=10)
        self.setAccessibleName("The last ten seconds")
        self.setToolTip("Level of the last ten seconds; the lane below shows what counts as speech")

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: ARG002
        """Draw them."""
        style, gate_trial = style_of(self), self._gate_trial
        theme = style.theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.panel))
        width = self.width() / (gate_trial.levels.maxlen or 1)
        lane = style.grid(1.25)
        height = self.height() - lane - 2
        left = self.width() - width * len(gate_trial.levels)
        shares = level_share(np.array(gate_trial.levels))
        for index, (share, voiced) in enumerate(zip(shares, gate_trial.voiced, strict=True)):
            x = left + width * index
            color = QColor(theme.accent if voiced else theme.wave)
            painter.fillRect(QRectF(x, height * (1 - share), width + 0.5, height * share), color)
            if voiced:
                box = QRectF(x, self.height() - lane, width + 0.5, lane)
                painter.fillRect(box, QColor(theme.accent))
        painter.end()


class MicrophoneCheckDialog(Dialog):
    """Level meter, a lamp for the gate, and sliders for its sensitivity.

    It hears the running session, which hands over its sound by :meth:`push`, or else opens the
    source itself while it is shown.
    """

    chosen = pyqtSignal(dict)  # settings by their names, for the next session

    def __init__(self, config: Config, *, running: bool, parent: QWidget | None = None) -> None:
        super().__init__("Check the microphone", parent, heading="Check the microphone")
        self._config = config
        self.gate_trial = GateTrial(config.gate)
        self._source: Any = None
        self._queue: BlockQueue | None = None
        self._opening: Task | None = None
        self.source = label("", "muted", wrap=True)
        self.level = LevelBar(2)
        self.number = label("–")
        self.gate_light = Glyph("ring", 3, "muted")
        self.gate = label("No speech", "bold")
        self.advice = label("", wrap=True)
        self.history = _LevelHistory(self.gate_trial)
        self.mode = slider(
            "Sensitivity", "How readily sound counts as speech (gate.mode)", len(_MODES) - 1, 1
        )
        self.mode.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.margin = slider(
            "Above the background",
            "Speech must exceed a steady background by so much (gate.noise_margin_db)",
            20,
            2,
        )
        self.mode_words, self.margin_words = QLabel(), QLabel()
        self.message = MessageLabel()
        self.restore = button(
            "Usual values",
            "Put back what config.yaml ships with",
            clicked=lambda: self._set_values(Config().gate),
        )
        self.cancel = button("Cancel", "Change nothing (Esc)", clicked=self.reject)
        self.use = button(
            "Use from the next session", "Remember this sensitivity", "primary", clicked=self._use
        )
        self.use.setDefault(True)
        self._set_values(config.gate)
        self._show_values()
        self._lay_out()
        self.mode.valueChanged.connect(self._apply_values)
        self.margin.valueChanged.connect(self._apply_values)
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._show)
        self._timer.start()
        if running:
            self.source.setText("Hears the session that runs.")
        else:
            self._open()
        self.adjustSize()
        self.mode.setFocus()

    def push(self, rate: int, samples: NDArray[np.float32]) -> None:
        """Take sound of the running session, shape ``(n,)``."""
        self.gate_trial.push(rate, samples)

    def done(self, result: int) -> None:
        """Close, and let go of the microphone."""
        self._timer.stop()
        if self._queue is not None:
            self._queue.close()  # a file that waits for room would never stop
        if self._source is not None:
            self._source.stop()
            self._source = None
        elif self._opening is not None:
            self._opening.succeeded.connect(_stop_source)
        super().done(result)

    def _open(self) -> None:
        self.source.setText("Opening…")
        audio = self._config.audio.model_copy(update={"speed": 1.0})  # to be looked at
        # It may outlive the dialog, where the sound system does not answer.
        self._opening = Task(lambda _: _start_source(audio), QCoreApplication.instance())
        self._opening.succeeded.connect(self._opened)
        self._opening.failed.connect(self._refused)
        self._opening.start()

    def _refused(self, error: Exception) -> None:
        self.source.clear()
        self.message.warn(error_sentence(error))

    def _opened(self, opened: tuple[OpenedSource, BlockQueue]) -> None:
        choice, self._queue = opened
        self._source, info = choice.source, choice.source.info
        words = " No microphone was found." if choice.notice else ""
        name = "the demo recording" if info.demo else info.name
        self.source.setText(f"Hears {name}.{words} Nothing of this is kept.")

    def _show(self) -> None:
        self._read()
        gate_trial = self.gate_trial
        level = gate_trial.levels[-1] if gate_trial.levels else SILENCE_DBFS
        self.level.show_level(level, gate_trial.peak)
        self.number.setText(decibels(round(gate_trial.peak), "dBFS"))
        shown = ("waves", "accent") if gate_trial.open else ("ring", "muted")
        self.gate_light.show_glyph(*shown)
        self.gate.setText("Speech" if gate_trial.open else "No speech")
        self.advice.setText(gate_trial.advice())
        self.history.update()

    def _read(self) -> None:
        if self._queue is None or self._source is None:
            return
        first = self._config.audio.channels[0] - 1
        rate = self._source.info.native_rate
        try:
            while blocks := self._queue.read(0.0):
                for block in blocks:
                    self.gate_trial.push(rate, block.samples[:, first])
        except SerError as error:
            self.message.warn(str(error))
            self._queue = None

    def _lay_out(self) -> None:
        set_size(self, width=76)
        set_size(self.number, min_width=9)
        set_size(self.mode_words, min_width=17)
        set_size(self.advice, min_height=3)
        sliders = ((self.mode, self.mode_words), (self.margin, self.margin_words))
        grid = QGridLayout()
        pad(grid, 0, (1.5, 1))
        for line, (scale, words) in enumerate(sliders):
            grid.addWidget(label(scale.accessibleName(), buddy=scale), line, 0)
            grid.addWidget(scale, line, 1)
            grid.addWidget(words, line, 2)
        grid.setColumnStretch(1, 1)
        self.show_parts(
            self.source,
            row((self.level, 1), self.number),
            self.history,
            row(self.gate_light, self.gate, None),
            self.advice,
            separator(),
            grid,
            label(
                "The model has learned with the usual values: others change which parts of speech "
                "it hears. Each session keeps those that it was heard with.",
                "small muted",
                wrap=True,
            ),
            self.message,
            row(self.restore, None, self.cancel, self.use),
            spacing=1.5,
        )

    def _set_values(self, gate: GateConfig) -> None:
        self.mode.setValue(3 - gate.mode)
        self.margin.setValue(round(gate.noise_margin_db))

    def _gate(self) -> GateConfig:
        values = {"mode": 3 - self.mode.value(), "noise_margin_db": float(self.margin.value())}
        return self._config.gate.model_copy(update=values)

    def _apply_values(self) -> None:
        self._show_values()
        self.gate_trial.set_gate(self._gate())

    def _show_values(self) -> None:
        self.mode_words.setText(_MODES[self.mode.value()])
        margin = self.margin.value()
        self.margin_words.setText(f"{margin} dB" if margin else "off")

    def _use(self) -> None:
        gate = self._gate()
        self.chosen.emit({"gate_mode": gate.mode, "noise_margin_db": gate.noise_margin_db})
        self.accept()


def _start_source(audio: AudioConfig) -> tuple[OpenedSource, BlockQueue]:
    """Open the source of the settings, and let it write into a queue."""
    choice = open_source(audio)
    info = choice.source.info
    queue = BlockQueue(2 * info.native_rate, blocking=not info.live)
    choice.source.start(queue)
    return choice, queue


def _stop_source(opened: tuple[OpenedSource, BlockQueue]) -> None:
    """Let go of a source that was opened when nobody wanted it any more."""
    choice, queue = opened
    queue.close()
    choice.source.stop()
