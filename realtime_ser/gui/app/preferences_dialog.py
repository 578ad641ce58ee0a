"""The dialog of what is remembered: how things look, the number keys, how long sessions stay."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSlider,
    QVBoxLayout,
)

from realtime_ser.base.text import duration_text
from realtime_ser.gui.app.preferences import PRESETS, SPANS_S, preferences_path
from realtime_ser.gui.live.menus import THEMES
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.gui.theme.style_watcher import StyleWatcher, pad, set_size
from realtime_ser.gui.widgets.parts import ChevronComboBox, button, label, row, separator

_TICKS_PER_S = 10
_LONGEST_S = 3.0

_RETENTIONS = (0.0, 7.0, 30.0, 90.0, 180.0, 365.0)
"""Days for which sessions may be kept; 0: until they are deleted."""


class PreferencesDialog(QDialog):
    """Changes hold at once, in the window behind it, and are remembered.

    Parameters
    ----------
    window
        The live window, which shows them and tells of them.
    retention_days
        For how long sessions are kept now; ``None``: until a person deletes them.
    """

    def __init__(self, window: MainWindow, retention_days: float | None) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._window = window
        self.setWindowTitle("Settings")
        self.title = label("Settings", "big bold")
        self.theme = ChevronComboBox("Theme", "Dark, light, or as the system is")
        self.span = ChevronComboBox(
            "Length of the timeline", "Seconds on the timeline (Ctrl++ and Ctrl+-, or the wheel)"
        )
        self.retention = ChevronComboBox(
            "Sessions are kept", "For how long sessions stay in the store (sessions.retention_days)"
        )
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing_label = QLabel()
        self.stacked = QCheckBox("Stacked areas instead of lines")
        self.pauses = QCheckBox("Pause listening while the last seconds are played")
        self.presets = [QLineEdit() for _ in PRESETS]
        self.defaults = button("Usual texts", "Put back the texts that the keys had at first")
        self.close_button = button("Close", "Close; everything is remembered (Esc)", "primary")
        self.close_button.setDefault(True)
        self._fill()
        self._fill_retention(retention_days or 0.0)
        self._lay_out()
        self._connect()
        StyleWatcher(self)
        self.theme.setFocus()

    def done(self, result: int) -> None:
        """Close, whichever field is being written in."""
        self._save_presets()
        super().done(result)

    def _fill(self) -> None:
        preferences = self._window.preferences
        for text, theme in THEMES:
            self.theme.addItem(text.replace("&", ""), theme)
        self.theme.setCurrentIndex(self.theme.findData(preferences.theme))
        spans = sorted({*SPANS_S, preferences.timeline_s})
        for seconds in spans:
            self.span.addItem(duration_text(seconds), seconds)
        self.span.setCurrentIndex(spans.index(preferences.timeline_s))
        self.smoothing.setRange(0, round(_LONGEST_S * _TICKS_PER_S))
        self.smoothing.setPageStep(5)
        self.smoothing.setValue(round(preferences.smoothing_s * _TICKS_PER_S))
        self.smoothing.setAccessibleName("Smoothing of the display")
        self.smoothing.setToolTip(
            "How calmly label and bars follow; what is stored is never smoothed"
        )
        self.stacked.setChecked(preferences.stacked)
        self.stacked.setToolTip("How the timeline shows probabilities (A)")
        self.pauses.setChecked(preferences.replay_pauses)
        self.pauses.setToolTip(
            "A microphone hears the loudspeaker: leave it on, unless you wear headphones"
        )
        for number, (field, text) in enumerate(
            zip(self.presets, preferences.presets, strict=True), 1
        ):
            field.setText(text)
            field.setMaxLength(200)
            field.setAccessibleName(f"Text of the marker on key {number}")
            field.setToolTip(f"What pressing {number} notes")
        self._show_smoothing()

    def _fill_retention(self, days: float) -> None:
        choices = sorted({*_RETENTIONS, days})
        for one in choices:
            self.retention.addItem(f"for {one:g} days" if one else "until you delete them", one)
        self.retention.setCurrentIndex(choices.index(days))

    def _lay_out(self) -> None:
        grid = QGridLayout()
        pad(grid, 0, (1.5, 1))
        set_size(self.smoothing_label, min_width=5)
        set_size(self, min_width=72)
        for line, (name, widget) in enumerate(
            (("Theme", self.theme), ("Timeline", self.span), ("Smoothing", None))
        ):
            caption = label(name)
            grid.addWidget(caption, line, 0)
            if widget is None:
                caption.setBuddy(self.smoothing)
                grid.addLayout(row(self.smoothing, self.smoothing_label, spacing=1.5), line, 1)
            else:
                caption.setBuddy(widget)
                grid.addWidget(widget, line, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.stacked, 3, 1)
        grid.addWidget(self.pauses, 4, 1)
        caption = label("Sessions")
        caption.setBuddy(self.retention)
        grid.addWidget(caption, 5, 0)
        retention = row(
            self.retention,
            label(
                "Older ones are deleted for good, audio included, when the next session starts.",
                "small muted",
                wrap=True,
            ),
            spacing=1.5,
        )
        retention.setStretch(1, 1)
        grid.addLayout(retention, 5, 1)
        grid.setColumnStretch(1, 1)
        keys = QGridLayout()
        pad(keys, 0, (1.5, 1))
        for index, field in enumerate(self.presets):
            column, line = divmod(index, 5)
            caption = label(f"{index + 1}", "bold")
            caption.setBuddy(field)
            keys.addWidget(caption, line, 2 * column)
            keys.addWidget(field, line, 2 * column + 1)
        keys.addWidget(self.defaults, 4, 3)
        self.rule_words = label(
            "Press a key: a marker at the moment it goes down. Hold it for half a second or "
            "longer: an interval. Ctrl and the key begin a long interval, and end it.",
            "small muted",
            wrap=True,
        )
        self.place = label(f"Kept in {preferences_path()}", "small muted", wrap=True)
        page = QVBoxLayout(self)
        pad(page, 3, 2)
        page.addWidget(self.title)
        page.addLayout(grid)
        page.addWidget(separator())
        page.addWidget(label("Markers on the number keys", "bold"))
        page.addLayout(keys)
        page.addWidget(self.rule_words)
        page.addWidget(separator())
        page.addWidget(self.place)
        page.addLayout(row(None, self.close_button))

    def _connect(self) -> None:
        choose = self._window.choose
        self.theme.activated.connect(lambda _: choose(theme=self.theme.currentData()))
        self.span.activated.connect(lambda _: choose(timeline_s=self.span.currentData()))
        self.smoothing.valueChanged.connect(self._set_smoothing)
        self.stacked.toggled.connect(lambda on: choose(stacked=on))
        self.pauses.toggled.connect(lambda on: choose(replay_pauses=on))
        for field in self.presets:
            field.editingFinished.connect(self._save_presets)
        self.defaults.clicked.connect(self._restore_presets)
        self.retention.activated.connect(
            lambda _: choose(retention_days=self.retention.currentData())
        )
        self.close_button.clicked.connect(self.accept)

    def _set_smoothing(self, tenths: int) -> None:
        self._window.choose(smoothing_s=tenths / _TICKS_PER_S)
        self._show_smoothing()

    def _show_smoothing(self) -> None:
        tenths = self.smoothing.value()
        self.smoothing_label.setText(f"{tenths / _TICKS_PER_S:.1f} s" if tenths else "off")

    def _restore_presets(self) -> None:
        for field, text in zip(self.presets, PRESETS, strict=True):
            field.setText(text)
        self._save_presets()

    def _save_presets(self) -> None:
        texts = tuple(field.text().strip() for field in self.presets)
        if texts != self._window.preferences.presets:
            self._window.choose(presets=texts)
