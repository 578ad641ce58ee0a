"""What is said of a session before it starts: study, participant, condition, consent, channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PyQt6.QtCore import QDateTime, Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDateTimeEdit,
    QFormLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from realtime_ser.base.config import Config, parse_config
from realtime_ser.base.errors import UsageError
from realtime_ser.base.timebase import local_now
from realtime_ser.gui.theme.style_watcher import pad
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.localised import moment_format
from realtime_ser.gui.widgets.parts import (
    ChevronComboBox,
    MessageLabel,
    button,
    described,
    label,
    row,
    separator,
)
from realtime_ser.session.store import Store


class StudyDialog(Dialog):
    """Where the next session belongs, and who speaks in which channel.

    What ``config`` says of it is shown first; studies, participants and conditions of the store
    are offered, and the channels of the microphone by their words. After it was accepted,
    :meth:`config` has the settings for the session.
    """

    def __init__(
        self,
        config: Config,
        store: Store | None = None,
        channels: Sequence[str] = (),
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Study", parent, heading="Where the next session belongs")
        self._config = config
        self._channel_names = list(channels)
        self.text = label(
            "It is kept with the session, and in every export. Use a code, not a name, for the "
            "participant. What stays empty is not kept.",
            "muted",
            wrap=True,
        )
        study = config.study
        studies, participants, conditions = (
            (store.studies(), store.participants(), store.conditions()) if store else ([], [], [])
        )
        self.study = _field("Study", "The study that the session belongs to", study.name, studies)
        self.participant = _field(
            "Participant", "The participant's code, such as P07", study.participant, participants
        )
        self.condition = _field(
            "Condition", "The study's condition, such as noon", study.condition, conditions
        )
        self.agreed = QCheckBox("The participant has agreed")
        self.agreed.setToolTip("Only with this is a time of consent kept")
        tip = "When the participant agreed; arrow keys change it"
        self.consent = described(QDateTimeEdit(), "Time of consent", tip)
        self.consent.setDisplayFormat(moment_format(seconds=True))
        self.consent.setButtonSymbols(QDateTimeEdit.ButtonSymbols.NoButtons)
        self.now = button(
            "Consent given now",
            "Note this moment as the time of consent",
            clicked=self._set_consent_now,
        )
        self.channels = ChevronComboBox("Channels", "How many voices have a channel of their own")
        tip = "Channel of the microphone that the voice is on"
        self.places = (
            ChevronComboBox("Channel of the first voice", tip),
            ChevronComboBox("Channel of the second voice", tip),
        )
        self.names = (QLineEdit(), QLineEdit())
        self.message = MessageLabel()
        self.cancel = button("Cancel", "Change nothing (Esc)", clicked=self.reject)
        self.use = button(
            "Use for the next session", "Take this over", "primary", clicked=self.accept
        )
        self.use.setDefault(True)
        self._fill()
        self._lay_out()
        # Nobody agrees for somebody else.
        self.participant.currentTextChanged.connect(lambda _: self.agreed.setChecked(False))
        self.agreed.toggled.connect(self._show_consent)
        self.channels.currentIndexChanged.connect(self._show_channels)
        self._show_consent()
        self._show_channels()
        self.study.setFocus()

    def config(self) -> Config:
        """The settings, changed by the dialog.

        Raises
        ------
        UsageError
            Something in it does not go together; one sentence.
        """
        values: dict[str, Any] = self._config.model_dump()
        values["study"] = {
            "name": _text_or_none(self.study),
            "participant": _text_or_none(self.participant),
            "condition": _text_or_none(self.condition),
            "consent": self._consent_time(),
        }
        count = self.channels.currentData()
        numbers = tuple(place.currentData() for place in self.places[:count])
        if count > len(self.places):
            numbers = self._config.audio.channels
        elif len(set(numbers)) != len(numbers):
            raise UsageError("The two voices need a channel each.")
        names = [field.text().strip() for field in self.names[: len(numbers)]]
        if len(numbers) > len(self.names):
            names = list(self._config.audio.channel_names)
        elif any(names) and not all(names):
            raise UsageError("Name both channels, or none of them.")
        elif len(set(names)) != len(names) and any(names):
            raise UsageError("The two channels need different names.")
        values["audio"] |= {
            "channels": numbers,
            "channel_names": tuple(names) if any(names) else (),
        }
        return parse_config(values, "the study")

    def accept(self) -> None:
        """Close, if all goes together."""
        with self.message.reporting_errors():
            self.config()
            super().accept()

    def _fill(self) -> None:
        audio, consent = self._config.audio, self._config.study.consent
        self.agreed.setChecked(consent is not None)
        moment = consent or local_now()
        self.consent.setDateTime(QDateTime.fromSecsSinceEpoch(int(moment.timestamp())))
        first = audio.channels[0]
        second = audio.channels[1] if len(audio.channels) > 1 else first + 1
        choices = [("One voice", 1), ("Two voices, a channel each", 2)]
        if len(audio.channels) > len(self.names):
            choices.append((f"{len(audio.channels)} channels", len(audio.channels)))
        self.channels.fill(choices, len(audio.channels))
        unnamed = range(len(self._channel_names) + 1, max(2, *audio.channels, second) + 1)
        places = [*enumerate(self._channel_names, 1), *((one, str(one)) for one in unnamed)]
        for place, field, number, example in zip(
            self.places, self.names, (first, second), ("coach", "client"), strict=True
        ):
            place.fill([(f"Channel {words}", one) for one, words in places], number)
            field.setText(audio.names.get(number, ""))
            field.setPlaceholderText(f"such as {example}")
            field.setMaxLength(32)
            tip = "What the channel is called on the timeline and in exports"
            described(field, f"Name of the voice, such as {example}", tip)

    def _set_consent_now(self) -> None:
        self.agreed.setChecked(True)
        self.consent.setDateTime(QDateTime.currentDateTime())

    def _consent_time(self) -> datetime | None:
        """Time of consent, with the UTC offset of this place."""
        if not self.agreed.isChecked():
            return None
        before = self._config.study.consent
        seconds = self.consent.dateTime().toSecsSinceEpoch()
        if before is not None and int(before.timestamp()) == seconds:
            return before
        return datetime.fromtimestamp(seconds).astimezone()

    def _show_consent(self) -> None:
        self._form.setRowVisible(self.consent, self.agreed.isChecked())

    def _show_channels(self) -> None:
        count = self.channels.currentData()
        for place, voice in enumerate(self._voices):
            self._form.setRowVisible(voice, place < count <= len(self._voices))

    def _lay_out(self) -> None:
        self._form = QFormLayout()
        pad(self._form, 0, (2, 1))
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self._form.addRow("&Study", self.study)
        self._form.addRow("&Participant", self.participant)
        self._form.addRow("C&ondition", self.condition)
        self._form.addRow("Consent", row(self.agreed, None, self.now))
        self._form.addRow("&Time of it", self.consent)
        self._form.addRow(separator())
        self._form.addRow("&Channels", self.channels)
        self._voices = [
            row(place, (field, 1)) for place, field in zip(self.places, self.names, strict=True)
        ]
        for caption, voice in zip(("First voice", "Second voice"), self._voices, strict=True):
            self._form.addRow(caption, voice)
        self.show_parts(
            self.text,
            self._form,
            self.message,
            None,
            row(None, self.cancel, self.use),
            min_width=72,
        )


def _field(name: str, tip: str, value: str | None, known: list[str]) -> ChevronComboBox:
    """A field that takes any words, and offers those that were used before."""
    combo_box = ChevronComboBox(name, tip)
    combo_box.setEditable(True)
    combo_box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    combo_box.addItems(known)
    combo_box.setCurrentText(value or "")
    combo_box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    completer = combo_box.completer()
    if completer is not None:
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
    return combo_box


def _text_or_none(field: QComboBox) -> str | None:
    return field.currentText().strip() or None
