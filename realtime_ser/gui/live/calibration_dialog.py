"""Makes a person's profile: listens to their normal voice, and keeps how the model hears it."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QDialog, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.engine.open import choose_source
from realtime_ser.gui.theme.style_watcher import Dresser
from realtime_ser.gui.theme.theme import Look
from realtime_ser.gui.widgets.parts import Choice, Said, button, label, pad, row, rule
from realtime_ser.gui.widgets.task import Advance, Task, sentence_of
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle
from realtime_ser.recogniser.speaker_calibration import SPEECH_S, Profile
from realtime_ser.session.profiles.calibration import listen, make_profile, source_of_one
from realtime_ser.session.profiles.folder import profile_path, require_baseline, write_profile

_WHAT = (
    f"Let the person speak or read in their normal voice until {SPEECH_S:.0f} s of it were heard: "
    "no acting, nobody else. What is usual for this voice is then not taken for an emotion, in "
    "sessions for which the profile is chosen."
)

_WHAT_NOT = (
    "It holds one number a label, the microphone's name and the model's; no sound is kept. It "
    "recognises nobody and says nothing about who somebody is. It is for this model, and best on "
    "this microphone. It makes the labels neither certain nor true."
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A profile that is to be made."""

    name: str
    config: Config


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
        self._made: Profile | None = None
        self.title = label("Calibrate for a person", "big bold")
        self.what = label(_WHAT, wrap=True)
        self.what_not = label(_WHAT_NOT, "small muted", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(40)
        self.name.setPlaceholderText("A name or a code")
        self.name.setAccessibleName("Name of the profile")
        self.name.setToolTip("What to call the person, on this microphone")
        self.channel = Choice()
        self.channel.setAccessibleName("Channel")
        self.channel.setToolTip("The channel in which this person speaks")
        for number in config.audio.channels:
            name = config.audio.names.get(number, "")
            self.channel.addItem(f"Channel {number} {name}".strip(), number)
        self.heard = label("", "bold")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Voice that was heard")
        self.said = Said()
        self.cancel = button("Cancel", "Stop listening; nothing is kept (Esc)")
        self.begin = button("Listen", "Begin to listen (Enter)", "primary")
        self.use = button(
            "Use from the next session", "Correct sessions by this profile", "primary"
        )
        self.begin.setDefault(True)
        self._lay_out()
        self._connect()
        self._dresser = Dresser(self, self._wear, config.window.theme)
        self._prepare(busy=busy)
        self.name.setFocus()

    def reject(self) -> None:
        """Stop listening, then close; what was kept before stays."""
        if self._task is None:
            super().reject()
        else:
            self.cancel.setEnabled(False)
            self.said.say("Ending…")
            self._task.cancel()

    # ------------------------------------------------------------------------------------- within

    def _prepare(self, *, busy: bool) -> None:
        """Say at once what stands in the way."""
        try:
            require_baseline(load_bundle(bundle_folder(self._config.model)))
        except SerError as error:
            self._block(str(error))
        else:
            if busy:
                self._block("A session is listening to the microphone: stop it first.")
        self._named()

    def _block(self, words: str) -> None:
        self.said.warn(words)
        self.name.setEnabled(False)
        self.begin.hide()
        self.cancel.setText("Close")

    def _named(self) -> None:
        """What a name means: a new profile, or one in place of another."""
        name = self.name.text().strip()
        self.begin.setEnabled(bool(name))
        self.begin.setText("Listen")
        try:
            known = bool(name) and profile_path(self._config, name).exists()
        except SerError as error:
            self.begin.setEnabled(False)
            self.said.warn(str(error))
            return
        if known:
            self.begin.setText("Listen and replace")
            self.said.say(f"There is a profile '{name}' already: a new one takes its place.")
        elif self.name.isEnabled():
            self.said.say("")

    def _listen(self) -> None:
        audio = self._config.audio.model_copy(update={"channels": (self.channel.currentData(),)})
        config = self._config.model_copy(update={"audio": source_of_one(audio)})
        wish = _Wish(self.name.text().strip(), config)
        self._task = task = Task(lambda advance: _calibrate(wish, advance), self)
        task.advanced.connect(self._advanced)
        task.succeeded.connect(self._succeeded)
        task.failed.connect(self._failed)
        task.cancelled.connect(self._cancelled)
        self._advanced(0.0)
        self._show_listening(on=True)
        self.said.say("Listening: speak in your normal voice.")
        self.cancel.setFocus()
        task.start()

    def _advanced(self, share: float) -> None:
        self.progress.setValue(round(1000 * share))
        self.heard.setText(f"{share * SPEECH_S:.0f} of {SPEECH_S:.0f} s of voice")

    def _succeeded(self, profile: Profile) -> None:
        self._task, self._made = None, profile
        self._show_listening(on=False)
        words = f"The profile '{profile.name}' was made of {profile.seconds:.1f} s of voice."
        if profile.seconds < SPEECH_S:
            words += f" {SPEECH_S:.0f} s would make a steadier one."
        self.said.say(words)
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
        self.said.warn(sentence_of(error))
        self.name.setFocus()

    def _cancelled(self) -> None:
        self._task = None
        super().reject()

    def _show_listening(self, *, on: bool) -> None:
        self.progress.setVisible(on)
        self.heard.setVisible(on)
        for widget in (self.name, self.channel, self.begin):
            widget.setEnabled(not on)
        self.cancel.setEnabled(True)

    def _use(self) -> None:
        if self._made is not None:
            self.chosen.emit(self._made.name)
        self.accept()

    def _lay_out(self) -> None:
        caption = label("Name")
        caption.setBuddy(self.name)
        self._asking = row(caption, self.name, self.channel)
        self._asking.setStretchFactor(self.name, 1)
        self._telling = row(self.progress, self.heard)
        self._telling.setStretchFactor(self.progress, 1)
        self._buttons = row(None, self.cancel, self.use, self.begin)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.title)
        self._column.addWidget(self.what)
        self._column.addLayout(self._asking)
        self._column.addLayout(self._telling)
        self._column.addWidget(self.said)
        self._column.addWidget(rule())
        self._column.addWidget(self.what_not)
        self._column.addLayout(self._buttons)
        self.channel.setVisible(self.channel.count() > 1)
        for widget in (self.progress, self.heard, self.use):
            widget.hide()

    def _connect(self) -> None:
        self.name.textChanged.connect(self._named)
        self.begin.clicked.connect(self._listen)
        self.cancel.clicked.connect(self.reject)
        self.use.clicked.connect(self._use)

    def _wear(self, look: Look) -> None:
        pad(self._column, look, 3, 2)
        self.channel.set_look(look)
        for layout in (self._asking, self._telling, self._buttons):
            layout.setSpacing(look.grid(1))
        self.heard.setMinimumWidth(look.grid(20))
        self.setFixedWidth(look.grid(68))


def _calibrate(wish: _Wish, advance: Advance) -> Profile:
    """Listen, and keep the profile; in the task's thread."""
    bundle = load_bundle(bundle_folder(wish.config.model))
    source = choose_source(wish.config.audio).source
    voice = listen(source, bundle, wish.config, SPEECH_S, lambda s: advance(s / SPEECH_S))
    profile = make_profile(wish.name, source, bundle, voice)
    write_profile(wish.config, profile)
    return profile
