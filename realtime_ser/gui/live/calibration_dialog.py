"""Makes a person's profile: listens to their normal voice, and keeps how the model hears it."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.engine.calibration import (
    calibration_audio,
    make_profile,
)
from realtime_ser.engine.open import open_source
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    MessageLabel,
    button,
    label,
    row,
    separator,
)
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.recogniser.profiles import profile_path, require_baseline, write_profile
from realtime_ser.recogniser.speaker_calibration import SPEECH_S, Profile

_INTRO = (
    f"Let the person speak or read in their normal voice until {SPEECH_S:.0f} s of it were heard: "
    "no acting, nobody else. What is usual for this voice is then not taken for an emotion, in "
    "sessions for which the profile is chosen."
)

_LIMITS = (
    "It holds one number a label, the microphone's name and the model's; no sound is kept. It "
    "recognises nobody and says nothing about who somebody is. It is for this model, and best on "
    "this microphone. It makes the labels neither certain nor true."
)


class CalibrateDialog(QDialog):
    """Asks for a name, listens, and keeps the profile; until then nothing is changed.

    Parameters
    ----------
    config
        All settings: the model, the gate, and the microphone or file.
    busy
        Whether a session holds the microphone.
    """

    #: A person wants the next session corrected by the profile of this name.
    chosen = pyqtSignal(str)

    def __init__(self, config: Config, *, busy: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Calibrate for a person")
        self._config = config
        self._task: Task | None = None
        self._profile: Profile | None = None
        self.title = label("Calibrate for a person", "big bold")
        self.intro = label(_INTRO, wrap=True)
        self.limits = label(_LIMITS, "small muted", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(40)
        self.name.setPlaceholderText("A name or a code")
        self.name.setAccessibleName("Name of the profile")
        self.name.setToolTip("What to call the person, on this microphone")
        self.channel = ChevronComboBox("Channel", "The channel in which this person speaks")
        for number in config.audio.channels:
            name = config.audio.names.get(number, "")
            self.channel.addItem(f"Channel {number} {name}".strip(), number)
        self.voice_time = label("", "bold")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Voice that was heard")
        self.message = MessageLabel()
        self.cancel = button("Cancel", "Stop listening; nothing is kept (Esc)")
        self.begin = button("Listen", "Begin to listen (Enter)", "primary")
        self.use = button(
            "Use from the next session", "Correct sessions by this profile", "primary"
        )
        self.begin.setDefault(True)
        self._lay_out()
        self._connect()
        StyleWatcher(self, config.window.theme)
        self._prepare(busy=busy)
        self.name.setFocus()

    def reject(self) -> None:
        """Stop listening, then close; what was kept before stays."""
        if self._task is None:
            super().reject()
        else:
            self.cancel.setEnabled(False)
            self.message.say("Ending…")
            self._task.cancel()

    # ------------------------------------------------------------------------------------- within

    def _prepare(self, *, busy: bool) -> None:
        """Say at once what stands in the way."""
        try:
            require_baseline(load_bundle(self._config.model))
        except SerError as error:
            self._disable(str(error))
        else:
            if busy:
                self._disable("A session is listening to the microphone: stop it first.")
        self._check_name()

    def _disable(self, words: str) -> None:
        self.message.warn(words)
        self.name.setEnabled(False)
        self.begin.hide()
        self.cancel.setText("Close")

    def _check_name(self) -> None:
        """What a name means: a new profile, or one in place of another."""
        name = self.name.text().strip()
        self.begin.setEnabled(bool(name))
        self.begin.setText("Listen")
        try:
            known = bool(name) and profile_path(self._config, name).exists()
        except SerError as error:
            self.begin.setEnabled(False)
            self.message.warn(str(error))
            return
        if known:
            self.begin.setText("Listen and replace")
            self.message.say(f"There is a profile '{name}' already: a new one takes its place.")
        elif self.name.isEnabled():
            self.message.say("")

    def _listen(self) -> None:
        audio = self._config.audio.model_copy(update={"channels": (self.channel.currentData(),)})
        config = self._config.model_copy(update={"audio": calibration_audio(audio)})
        name = self.name.text().strip()
        self._task = task = Task(lambda report: _calibrate(name, config, report), self)
        task.progressed.connect(self._show_progress)
        task.succeeded.connect(self._succeeded)
        task.failed.connect(self._failed)
        task.cancelled.connect(self._cancelled)
        self._show_progress(0.0)
        self._show_listening(on=True)
        self.message.say("Listening: speak in your normal voice.")
        self.cancel.setFocus()
        task.start()

    def _show_progress(self, share: float) -> None:
        self.progress.setValue(round(1000 * share))
        self.voice_time.setText(f"{share * SPEECH_S:.0f} of {SPEECH_S:.0f} s of voice")

    def _succeeded(self, profile: Profile) -> None:
        self._task, self._profile = None, profile
        self._show_listening(on=False)
        words = f"The profile '{profile.name}' was made of {profile.seconds:.1f} s of voice."
        if profile.seconds < SPEECH_S:
            words += f" {SPEECH_S:.0f} s would make a steadier one."
        self.message.say(words)
        self.name.setEnabled(False)
        self.begin.hide()
        self.use.show()
        self.use.setDefault(True)
        self.use.setFocus()
        self.cancel.setText("Close")
        self.cancel.setToolTip("Close; the profile is kept (Esc)")

    def _failed(self, error: Exception) -> None:
        self._task = None
        self._show_listening(on=False)
        self.message.warn(error_sentence(error))
        self.name.setFocus()

    def _cancelled(self) -> None:
        self._task = None
        super().reject()

    def _show_listening(self, *, on: bool) -> None:
        self.progress.setVisible(on)
        self.voice_time.setVisible(on)
        for widget in (self.name, self.channel, self.begin):
            widget.setEnabled(not on)
        self.cancel.setEnabled(True)

    def _use(self) -> None:
        if self._profile is not None:
            self.chosen.emit(self._profile.name)
        self.accept()

    def _lay_out(self) -> None:
        caption = label("Name")
        caption.setBuddy(self.name)
        name_row = row(caption, self.name, self.channel)
        name_row.setStretchFactor(self.name, 1)
        progress_row = row(self.progress, self.voice_time)
        progress_row.setStretchFactor(self.progress, 1)
        set_size(self.voice_time, min_width=20)
        set_size(self, width=68)
        column = QVBoxLayout(self)
        pad(column, 3, 2)
        column.addWidget(self.title)
        column.addWidget(self.intro)
        column.addLayout(name_row)
        column.addLayout(progress_row)
        column.addWidget(self.message)
        column.addWidget(separator())
        column.addWidget(self.limits)
        column.addLayout(row(None, self.cancel, self.use, self.begin))
        self.channel.setVisible(self.channel.count() > 1)
        for widget in (self.progress, self.voice_time, self.use):
            widget.hide()

    def _connect(self) -> None:
        self.name.textChanged.connect(self._check_name)
        self.begin.clicked.connect(self._listen)
        self.cancel.clicked.connect(self.reject)
        self.use.clicked.connect(self._use)


def _calibrate(name: str, config: Config, report_progress: ReportProgress) -> Profile:
    """Listen, and keep the profile; in the task's thread."""
    bundle = load_bundle(config.model)
    source = open_source(config.audio).source
    profile = make_profile(
        name, source, bundle, config, lambda heard_s: report_progress(heard_s / SPEECH_S)
    )
    write_profile(config, profile)
    return profile
