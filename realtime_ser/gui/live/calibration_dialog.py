"""Makes a person's profile: listens to their normal voice, and keeps how the model hears it."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QLineEdit, QWidget

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError
from realtime_ser.engine.calibration import calibration_audio, make_profile
from realtime_ser.engine.model_choice import for_live
from realtime_ser.engine.open import open_source
from realtime_ser.gui.theme.style_watcher import set_size
from realtime_ser.gui.widgets.dialogs import TaskDialog
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, label, row, separator
from realtime_ser.gui.widgets.task import ReportProgress
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


class CalibrateDialog(TaskDialog):
    """Asks for a name, listens, and keeps the profile; until then nothing is changed.

    It listens to nothing while a session is busy with the microphone.
    """

    chosen = pyqtSignal(str)  # the name of the profile that corrects the next session

    def __init__(self, config: Config, *, busy: bool, parent: QWidget | None = None) -> None:
        super().__init__("Calibrate for a person", parent, heading="Calibrate for a person")
        self.title.setWordWrap(False)
        self._config = config
        self._profile: Profile | None = None
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
        self.progress.setAccessibleName("Voice that was heard")
        self.cancel = button("Cancel", "Stop listening; nothing is kept (Esc)", clicked=self.reject)
        self.begin = button("Listen", "Begin to listen (Enter)", "primary", clicked=self._listen)
        self.use = button(
            "Use from the next session",
            "Correct sessions by this profile",
            "primary",
            clicked=self._use,
        )
        self.begin.setDefault(True)
        self._lay_out()
        self.name.textChanged.connect(self._check_name)
        self._prepare(busy=busy)
        self.name.setFocus()

    # ------------------------------------------------------------------------------------- within

    def _prepare(self, *, busy: bool) -> None:
        """Say at once what stands in the way."""
        try:
            require_baseline(load_bundle(for_live(self._config).config.model))
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
        self.show_progress(0.0)
        self.run_task(lambda report: _calibrate(name, config, report))
        self.message.say("Listening: speak in your normal voice.")
        self.cancel.setFocus()

    def show_progress(self, share: float) -> None:
        """Show how much voice was heard."""
        super().show_progress(share)
        self.voice_time.setText(f"{share * SPEECH_S:.0f} of {SPEECH_S:.0f} s of voice")

    def show_busy(self, *, busy: bool) -> None:
        """Keep name and channel while it listens."""
        super().show_busy(busy=busy)
        self.voice_time.setVisible(busy)
        for widget in (self.name, self.channel, self.begin):
            widget.setEnabled(not busy)

    def succeeded(self, result: Profile) -> None:
        """Offer the profile."""
        self.show_busy(busy=False)
        self._profile = profile = result
        length = local_numbers(f"{profile.seconds:.1f} s")
        words = f"The profile '{profile.name}' was made of {length} of voice."
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

    def failed(self, error: Exception) -> None:
        """Say why, and let it be tried again."""
        super().failed(error)
        self.name.setFocus()

    def cancelled(self) -> None:
        """Close; nothing is kept."""
        self.done(self.DialogCode.Rejected.value)

    def _use(self) -> None:
        if self._profile is not None:
            self.chosen.emit(self._profile.name)
        self.accept()

    def _lay_out(self) -> None:
        set_size(self.voice_time, min_width=20)
        set_size(self, width=68)
        self.channel.setVisible(self.channel.count() > 1)
        self.voice_time.hide()
        self.use.hide()
        self.show_parts(
            self.intro,
            row(label("Name", buddy=self.name), (self.name, 1), self.channel),
            row((self.progress, 1), self.voice_time),
            self.message,
            separator(),
            self.limits,
            row(None, self.cancel, self.use, self.begin),
        )


def _calibrate(name: str, config: Config, report_progress: ReportProgress) -> Profile:
    """Listen, and keep the profile; in the task's thread."""
    config = for_live(config).config
    bundle = load_bundle(config.model)
    source = open_source(config.audio).source
    profile = make_profile(
        name, source, bundle, config, lambda heard_s: report_progress(heard_s / SPEECH_S)
    )
    write_profile(config, profile)
    return profile
