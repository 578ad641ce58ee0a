"""The dialog of what is remembered: how things look, the number keys, how long sessions stay."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QFormLayout, QGridLayout, QLabel, QLineEdit

from realtime_ser.base.text import duration_text
from realtime_ser.gui.app.preferences import PRESETS, SPANS_S, THEMES, preferences_path
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.theme.style_watcher import pad, set_size
from realtime_ser.gui.widgets.dialogs import Dialog
from realtime_ser.gui.widgets.localised import local_numbers
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, label, row, separator, slider

_TICKS_PER_S = 10
_LONGEST_S = 3.0

_RETENTIONS = (0.0, 7.0, 30.0, 90.0, 180.0, 365.0)
"""Days for which sessions may be kept; 0: until they are deleted."""


class PreferencesDialog(Dialog):
    """Changes hold at once, in the window behind the dialog, and are remembered."""

    def __init__(self, window: MainWindow, retention_days: float | None) -> None:
        super().__init__("Settings", window, heading="Settings")
        self._window = window
        self.theme = ChevronComboBox("Theme", "Dark, light, or as the system is")
        self.span = ChevronComboBox(
            "Length of the timeline", "Seconds on the timeline (Ctrl++ and Ctrl+-, or the wheel)"
        )
        self.retention = ChevronComboBox(
            "Sessions are kept", "For how long sessions stay in the store (sessions.retention_days)"
        )
        self.smoothing = slider(
            "Smoothing of the display",
            "How calmly label and bars follow; what is stored is never smoothed",
            round(_LONGEST_S * _TICKS_PER_S),
            5,
        )
        self.smoothing_label = QLabel()
        self.stacked = QCheckBox("Stacked areas instead of lines")
        self.pauses = QCheckBox("Pause listening while the last seconds are played")
        self.presets = [QLineEdit() for _ in PRESETS]
        self.defaults = button(
            "Usual texts",
            "Put back the texts that the keys had at first",
            clicked=self._restore_presets,
        )
        self.close_button = button(
            "Close", "Close; everything is remembered (Esc)", "primary", clicked=self.accept
        )
        self._fill(retention_days or 0.0)
        self._lay_out()
        self._connect()
        self.theme.setFocus()

    def done(self, result: int) -> None:
        """Close, whichever field is being written in."""
        self._save_presets()
        super().done(result)

    def _fill(self, retention_days: float) -> None:
        preferences = self._window.preferences
        themes = [(text.replace("&", ""), theme) for text, theme in THEMES]
        self.theme.fill(themes, preferences.theme)
        spans_s = sorted({*SPANS_S, preferences.timeline_s})
        self.span.fill([(duration_text(one), one) for one in spans_s], preferences.timeline_s)
        retentions = [
            (f"for {days:g} days" if days else "until you delete them", days)
            for days in sorted({*_RETENTIONS, retention_days})
        ]
        self.retention.fill(retentions, retention_days)
        self.smoothing.setValue(round(preferences.smoothing_s * _TICKS_PER_S))
        self.stacked.setChecked(preferences.stacked)
        self.stacked.setToolTip("How the timeline shows probabilities (A)")
        self.pauses.setChecked(preferences.replay_pauses)
        self.pauses.setToolTip(
            "A microphone hears the loudspeaker: leave it on, unless you wear headphones"
        )
        for number, field in enumerate(self.presets, 1):
            field.setText(preferences.presets[number - 1])
            field.setMaxLength(200)
            field.setAccessibleName(f"Text of the marker on key {number}")
            field.setToolTip(f"What pressing {number} notes")
        self._show_smoothing()

    def _lay_out(self) -> None:
        set_size(self.smoothing_label, min_width=5)
        form = QFormLayout()
        pad(form, 0, (1.5, 1))
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        smoothing = row((self.smoothing, 1), self.smoothing_label, spacing=1.5)
        words = "Older ones are deleted for good, audio included, when the next session starts."
        retention = row(self.retention, (label(words, "small muted", wrap=True), 1), spacing=1.5)
        form.addRow(label("Theme", buddy=self.theme), row(self.theme, None))
        form.addRow(label("Timeline", buddy=self.span), row(self.span, None))
        form.addRow(label("Smoothing", buddy=self.smoothing), smoothing)
        form.addRow("", row(self.stacked, None))
        form.addRow("", row(self.pauses, None))
        form.addRow(label("Sessions", buddy=self.retention), retention)
        keys = QGridLayout()
        pad(keys, 0, (1.5, 1))
        for index, field in enumerate(self.presets):
            block, place = divmod(index, 5)
            keys.addWidget(label(f"{index + 1}", "bold", buddy=field), place, 2 * block)
            keys.addWidget(field, place, 2 * block + 1)
        keys.addWidget(self.defaults, 4, 3)
        self.show_parts(
            form,
            separator(),
            label("Markers on the number keys", "bold"),
            keys,
            label(
                "Press a key: a marker at the moment it goes down. Hold it for half a second or "
                "longer: an interval. Ctrl and the key begin a long interval, and end it.",
                "small muted",
                wrap=True,
            ),
            separator(),
            label(f"Kept in {preferences_path()}", "small muted", wrap=True),
            row(None, self.close_button),
            min_width=72,
            default=self.close_button,
        )

    def _connect(self) -> None:
        choose = self._window.choose
        self.theme.activated.connect(lambda _: choose(theme=self.theme.currentData()))
        self.span.activated.connect(lambda _: choose(timeline_s=self.span.currentData()))
        self.smoothing.valueChanged.connect(lambda ticks: choose(smoothing_s=ticks / _TICKS_PER_S))
        self.smoothing.valueChanged.connect(self._show_smoothing)
        self.stacked.toggled.connect(lambda on: choose(stacked=on))
        self.pauses.toggled.connect(lambda on: choose(replay_pauses=on))
        for field in self.presets:
            field.editingFinished.connect(self._save_presets)
        self.retention.activated.connect(
            lambda _: choose(retention_days=self.retention.currentData())
        )

    def _show_smoothing(self) -> None:
        tenths = self.smoothing.value()
        words = local_numbers(f"{tenths / _TICKS_PER_S:.1f} s")
        self.smoothing_label.setText(words if tenths else "off")

    def _restore_presets(self) -> None:
        for field, text in zip(self.presets, PRESETS, strict=True):
            field.setText(text)
        self._save_presets()

    def _save_presets(self) -> None:
        texts = tuple(field.text().strip() for field in self.presets)
        if texts != self._window.preferences.presets:
            self._window.choose(presets=texts)
