"""A tour of all windows, and of the page: a picture of every view, light and dark, at 1x and 2x.

    xvfb-run -a -s "-screen 0 2560x1440x24" python scripts/screenshots.py FOLDER [--only PART]

FOLDER holds recordings of real speech, such as a corpus; the documents show actors 1, 11, 20 and 21
of RAVDESS, whom ``large`` has not heard. Sessions are heard from them through the engine and the
model that ship, at dates that never change, and the windows show these sessions; only the words
around the live timeline (which microphone, how late) are set by hand. The page is seen in Chromium,
whose microphone plays a recording: its live pictures differ a little each time. Nothing but the
pictures stays.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import tour_page
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QDialog, QWidget
from tour_sessions import STUDY, FrozenClock, Recordings, analyse_recording, keep_sessions, record

from realtime_ser.audio.devices import InputDevice, full_name
from realtime_ser.base.config import Config
from realtime_ser.base.records import Marker, Record, Segment, State, Update
from realtime_ser.engine.model_choice import LARGE
from realtime_ser.gui.app.application import application
from realtime_ser.gui.app.log import CrashDialog
from realtime_ser.gui.app.preferences import Preferences
from realtime_ser.gui.app.window_manager import WindowManager
from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.library.files import FilesWindow
from realtime_ser.gui.library.sessions import SessionsWindow
from realtime_ser.gui.library.study import StudyDialog
from realtime_ser.gui.library.trend import TrendWindow
from realtime_ser.gui.live.banners import BannerText
from realtime_ser.gui.live.calibration_dialog import CalibrateDialog
from realtime_ser.gui.live.microphone_check import MicrophoneCheckDialog
from realtime_ser.gui.live.session_controller import SessionController
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.gui.live.top_bar import SourceChoice
from realtime_ser.gui.live.window import Comparison, MainWindow
from realtime_ser.gui.review.comparison import TakesWindow
from realtime_ser.gui.review.window import ReviewWindow
from realtime_ser.gui.timeline.sound_store import BLOCK_S
from realtime_ser.recogniser.bundle import load_bundle
from realtime_ser.session.store import open_store

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(tempfile.gettempdir()) / "tour"
"""Home of whoever takes the tour. Windows show paths: it is the same each time."""

THEMES = ("light", "dark")
MICROPHONE = InputDevice(0, "Built-in Microphone", "ALSA", 1, 48000, default=True)
INTERFACE = InputDevice(1, "USB interface", "ALSA", 2, 48000, default=False)
LATENCY_MS = 58.0  # as benchmarks measure it
LOUD_DBFS = -32.0
MOMENT_S = 99.0
"""Of the interview, when the live window is looked at."""

PAUSE_S = 2.4

_SHADE = 17
"""Step between two shades of what is not frequent, and from which share on a colour is so."""
_LEAST_SHARE = 0.0005


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings of real speech")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--voice", type=int, default=0, help="which of its voices comes first")
    parser.add_argument("--only", default="", help="part of the names of views")
    parser.add_argument("--scale", type=int, choices=(1, 2), help="of the screen; default: both")
    parser.add_argument("--shoot", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.shoot:
        return shoot(options.to, options.scale, options.only)
    if HOME.exists():
        raise SystemExit(f"{HOME} is left of another tour, or of something else: remove it first.")
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        try:
            prepare(options.folder.resolve(), options.voice)
            shutil.copytree(HOME, kept, dirs_exist_ok=True)
            for scale in (1, 2) if options.scale is None else (options.scale,):
                shutil.rmtree(HOME)
                shutil.copytree(kept, HOME)
                command = [sys.executable, __file__, str(options.folder), "--shoot"]
                command += ["--to", str(options.to), "--only", options.only]
                # Qt reads its scale once, when it starts.
                subprocess.run(
                    [*command, "--scale", str(scale)],
                    env={**os.environ, "QT_SCALE_FACTOR": str(scale)},
                    check=True,
                )
        finally:
            shutil.rmtree(HOME, ignore_errors=True)
    return 0


def prepare(folder: Path, voice: int) -> None:
    """Make recordings and sessions in the tour's home."""
    HOME.mkdir()
    os.environ |= {"HOME": str(HOME), "USERPROFILE": str(HOME), "TZ": "UTC"}
    for variable, place in {
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CACHE_HOME": ".cache",
        "XDG_DOCUMENTS_DIR": "Documents",
    }.items():
        os.environ[variable] = str(HOME / place)
    (HOME / "Documents").mkdir()
    FrozenClock.install()
    recordings = Recordings(HOME / "Recordings")
    record(folder, recordings, voice)
    keep_sessions(Config(), recordings)


def shoot(to: Path, scale: int, only: str) -> int:
    """Take all pictures at one scale."""
    FrozenClock.install()
    application().setCursorFlashTime(0)
    camera = Camera(to, scale, only)
    tour = Tour(camera)
    for view in (tour.live, tour.states, tour.modes, tour.dialogs, tour.library, tour.review):
        view()
    if views := [name for name in tour_page.VIEWS if camera.wants(name)]:
        recording = Recordings(HOME / "Recordings")["interview"]
        tour_page.visit(recording, scale, views, camera.write)
    return 0


class Camera:
    """Takes a picture of a window in each theme."""

    def __init__(self, folder: Path, scale: int, only: str) -> None:
        self._folder = folder
        self._suffix = "" if scale == 1 else f"@{scale}x"
        self._only = only
        self.choose: Callable[[str], object] = lambda _: None

    def wants(self, name: str) -> bool:
        """Whether a view is among those that were asked for."""
        return self._only in name

    def take(self, name: str, window: QWidget, settle: Callable[[], object] = lambda: None) -> None:
        """Picture of a window; ``settle`` lets it come to rest in a theme."""
        if not self.wants(name):
            return
        for theme in THEMES:
            self.choose(theme)
            QTest.qWait(30)
            settle()
            QTest.qWait(30)
            self.write(name, theme, window.grab().toImage())
        self.choose(THEMES[0])

    def write(self, name: str, theme: str, picture: QImage) -> None:
        """Write a picture of a view in a theme."""
        path = self._folder / f"{name}_{theme}{self._suffix}.webp"
        # At this quality Qt's WebP loses nothing.
        if not rounded(picture).save(str(path), "WEBP", 100):
            raise SystemExit(f"Qt cannot write {path}: its WebP plugin is missing, or the folder.")


def rounded(picture: QImage) -> QImage:
    """The picture in fewer shades, at half the size on disk.

    Colours of grounds, lines and texts stay exactly as they are; what lies between them, at the
    edges of letters and in a spectrogram, keeps sixteen levels of red, green and blue.
    """
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    size = picture.width() * picture.height()
    codes = np.frombuffer(picture.constBits().asstring(4 * size), np.uint32) & 0xFFFFFF
    shade = (np.arange(256, dtype=np.uint32) + _SHADE // 2) // _SHADE * _SHADE
    near = shade[codes >> 16] << 16 | shade[codes >> 8 & 255] << 8 | shade[codes & 255]
    often = np.bincount(codes, minlength=1 << 24) >= _LEAST_SHARE * size
    pixels = np.where(often[codes], codes, near).astype(np.uint32) | np.uint32(0xFF000000)
    return QImage(pixels.tobytes(), picture.width(), picture.height(), picture.format()).copy()


class Tour:
    """All views, group by group, with what is shown in them."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._recordings = Recordings(HOME / "Recordings")
        self._bundle = load_bundle(LARGE)
        self._heard = analyse_recording(self._recordings["interview"], self._bundle)
        manifest = self._bundle.manifest
        self._model = f"{manifest.name} {manifest.version}"
        config = Config.model_validate({"window": {"theme": THEMES[0]}})
        self._window = MainWindow(config.window, Preferences(theme="light", notice=1))
        self._controller = SessionController(self._window, config)
        self._window_manager = WindowManager(self._window, self._controller)
        self._camera.choose = lambda theme: self._window.choose(theme=theme)
        self._window.show()
        self._window.topbar.sources.show_devices([MICROPHONE, INTERFACE])
        self._view = StatusModel(
            UiState.SPEECH,
            source=full_name(MICROPHONE),
            live=True,
            latency_ms=LATENCY_MS,
            updates_per_s=12.5,
            model=f"model {self._model}",
            folder="Documents/Realtime SER",
        )

    # ------------------------------------------------------------------------------ the live window

    def live(self) -> None:
        """The timeline as lines and as areas, with two voices, and with two models."""
        window = self._window
        view = self._fill(self._heard)
        self._take("live", view)
        window.actions_["stacked"].trigger()
        self._take("live_areas", view)
        window.actions_["stacked"].trigger()
        self._view_two_channels()
        self._view_two_models()

    def _view_two_channels(self) -> None:
        two = analyse_recording(self._recordings["coaching"], self._bundle, (1, 2))
        view = replace(self._fill(two, 68.0, (1, 2), {1: "coach", 2: "client"}), recording=True)
        self._window.topbar.sources.show_source(SourceChoice("mic"), full_name(INTERFACE))
        self._take("two_channels", view)

    def _view_two_models(self) -> None:
        other = load_bundle("open")
        comparison = analyse_recording(self._recordings["interview"], other)
        name = f"{other.manifest.name} {other.manifest.version}"
        view = self._fill(self._heard, comparison=Comparison(name, other.labels, self._model))
        self._window.feed_comparison(r for r in comparison if _record_time_s(r) <= view.position_s)
        self._take("two_models", replace(view, comparison=name))

    def states(self) -> None:
        """What the window says when it does not hear, and when it plays."""
        window = self._window
        view = self._fill(self._heard)
        window.feed(_paused(self._heard, view.position_s), 0.0)
        start = view.position_s - 30.0
        view = replace(view, ui_state=UiState.PAUSED, position_s=view.position_s + PAUSE_S)
        self._take("paused", view)
        text = "The last 30 s, from memory: they were not written. Listening is paused meanwhile."
        window.replay.say(BannerText("play", "Replay", text, "Stop"))
        window.show_cursor(start + 11.6)
        self._take("replay", view)
        window.replay.say(None)
        window.show_cursor(None)
        window.begin(self._bundle.labels, (1,), rate=1.0)
        window.topbar.sources.show_devices([])
        window.topbar.sources.show_source(SourceChoice("auto"), "")
        self._take("no_microphone", StatusModel(UiState.NO_MICROPHONE))
        window.topbar.sources.show_devices([MICROPHONE, INTERFACE])

    def modes(self) -> None:
        """The same session in a corner of the screen, across a room, and hidden."""
        window, acts = self._window, self._window.actions_
        view = self._fill(self._heard)
        acts["compact"].trigger()
        self._take("compact", view, window.compact)
        acts["compact"].trigger()
        for name in ("presenter", "blind"):
            acts[name].trigger()
            window.showNormal()
            window.resize(1280, 720)
            self._take(name, replace(view, recording=name == "blind"))
            acts[name].trigger()

    # ----------------------------------------------------------------------------------- dialogs

    def dialogs(self) -> None:
        """What is opened over the live window."""
        acts = self._window.actions_
        self._show(self._fill(self._heard))
        self._window.choose(notice=0)
        self._window_manager.welcome(lambda: None)
        self._take_dialog("first_run")
        self._window.choose(notice=1)
        self._check()
        self._calibrate()
        acts["study"].trigger()
        self._fill_study(self._dialog())
        self._take_dialog("study")
        acts["settings"].trigger()
        self._take_dialog("settings", self._settings_follow)
        for action, name in (("keys", "shortcuts"), ("about", "about")):
            acts[action].trigger()
            self._take_dialog(name)
        self._crash()
        self._window_manager.offer_interrupted()
        self._take_dialog("interrupted")

    def _check(self) -> None:
        dialog = MicrophoneCheckDialog(self._controller.config, running=True, parent=self._window)
        dialog.open()
        sound, rate = soundfile.read(self._recordings["interview"], dtype="float32")
        stop = round((MOMENT_S + 0.2) * rate)
        for place in range(stop - 14 * rate, stop, rate // 20):
            dialog.push(rate, sound[place : place + rate // 20])
        self._take_dialog("input_check")

    def _calibrate(self) -> None:
        """A profile, made of the interview."""
        config = self._controller.config
        heard = {"input": str(self._recordings["interview"]), "speed": 0.0}
        audio = config.audio.model_copy(update=heard)
        dialog = CalibrateDialog(
            config.model_copy(update={"audio": audio}), busy=False, parent=self._window
        )
        dialog.open()
        QTest.keyClicks(dialog.name, "P07")
        QTest.mouseClick(dialog.begin, Qt.MouseButton.LeftButton)
        _wait(dialog.use.isVisible)
        self._take_dialog("calibrate")

    def _fill_study(self, dialog: Any) -> None:
        assert isinstance(dialog, StudyDialog)
        dialog.study.setCurrentText(STUDY)
        dialog.participant.setCurrentText("P12")
        dialog.condition.setCurrentText("morning")
        dialog.agreed.click()
        dialog.channels.setCurrentIndex(1)
        for field, name in zip(dialog.names, ("coach", "client"), strict=True):
            QTest.keyClicks(field, name)
        dialog.adjustSize()

    def _crash(self) -> None:
        """A real fault, told as the program tells it."""
        try:
            self._window.show_open_intervals([(1, "question", None)])  # type: ignore[list-item]
        except TypeError as error:
            trace = traceback.format_exception(error.with_traceback(error.__traceback__.tb_next))
            lines = "".join(trace).replace(f"{ROOT}{os.sep}", "")
            kept = "The session goes on and its files are in Documents/Realtime SER."
            fault = f"{type(error).__name__}: {error}"
            CrashDialog(fault, lines, kept, HOME / "realtime-ser.log", self._window).open()
        self._take_dialog("crash")

    def _dialog(self) -> QDialog:
        (dialog,) = (d for d in self._window.findChildren(QDialog) if d.isVisible())
        return dialog

    def _settings_follow(self) -> None:
        """Choose the theme where a person would."""
        dialog: Any = self._dialog()
        dialog.theme.setCurrentIndex(dialog.theme.findData(self._window.preferences.theme))

    def _take_dialog(self, name: str, settle: Callable[[], object] = lambda: None) -> None:
        dialog = self._dialog()
        self._camera.take(name, dialog, settle)
        if name == "first_run":
            dialog.blockSignals(True)  # refusing it closes the program
        dialog.reject()
        QTest.qWait(1)

    # ------------------------------------------------------------------------- sessions and files

    def library(self) -> None:
        """The table of sessions, what is opened from it, and many files at once."""
        self._window.actions_["sessions"].trigger()
        sessions = self._open_window(SessionsWindow)
        sessions.table.choose([self._id("interview")])
        self._camera.take("sessions", sessions)
        QTest.mouseClick(sessions.export, Qt.MouseButton.LeftButton)
        (export,) = (d for d in sessions.findChildren(ExportDialog) if d.isVisible())
        export.choose("elan")
        self._camera.take("export", export)
        export.reject()
        trend = sessions.show_trend()
        assert isinstance(trend, TrendWindow)
        self._camera.take("trend", trend)
        trend.close()
        (self._recordings.folder / "damaged.wav").write_bytes(b"RIFF")
        self._window_manager.files([self._recordings.folder])
        files = self._open_window(FilesWindow)
        _wait(lambda: files.model.rows and not files.analysis_queue.running)
        self._camera.take("files", files)
        files.close()
        sessions.close()

    # ------------------------------------------------------------------------------------- review

    def review(self) -> None:
        """A session looked at, corrected, and compared."""
        self._window_manager.review(self._id("interview"))
        review = self._open_window(ReviewWindow)
        review_view = review.review_view
        review_view.tabs.setCurrentWidget(review_view.summary)
        _wait(lambda: review_view.summary.ready)
        review_view.axis.place_cursor(MOMENT_S)
        self._camera.take("review", review, lambda: _wait_for_sound(review))
        review_view.tabs.setCurrentWidget(review_view.segments)
        segment = review_view.segments.model.rows[8]
        review_view.choose_segment(segment)
        review_view.axis.show(segment.start_s - 2.0, segment.start_s + 8.0)
        review_view.axis.place_cursor(segment.start_s + 0.6)
        QTest.keyClick(review, Qt.Key.Key_A)
        self._camera.take("review_zoomed", review, lambda: _wait_for_sound(review))
        QTest.keyClick(review, Qt.Key.Key_A)
        self._annotate(review)
        self._takes()
        review.close()

    def _annotate(self, review: ReviewWindow) -> None:
        review_view = review.review_view
        for number, key in ((10, Qt.Key.Key_4), (12, Qt.Key.Key_3)):
            review_view.choose_segment(review_view.segments.model.rows[number])
            QTest.keyClick(review, key)
        review_view.tabs.setCurrentWidget(review_view.marks)
        segment = review_view.segments.model.rows[10]
        review_view.axis.show(segment.start_s - 9.0, segment.start_s + 25.0)
        correction = review_view.annotations.correction(segment)
        assert correction is not None
        review_view.canvas.select(correction.number)
        self._camera.take("annotation", review, lambda: _wait_for_sound(review))

    def _takes(self) -> None:
        with closing(open_store(Config())) as store:
            takes = TakesWindow(Config(), store)
            takes.choose(0, self._id("take 1"))
            takes.choose(1, self._id("take 2"))
            takes.show()
            QTest.mouseClick(takes.onset, Qt.MouseButton.LeftButton)
            self._camera.take("takes", takes)
            takes.close()

    # ------------------------------------------------------------------------------------- within

    def _fill(
        self,
        records: Sequence[Record],
        position_s: float = MOMENT_S,
        channels: Sequence[int] = (1,),
        names: dict[int, str] | None = None,
        comparison: Comparison | None = None,
    ) -> StatusModel:
        """Begin a session in the window, up to a moment when somebody speaks."""
        window = self._window
        window.resize(1280, 720)
        window.begin(self._bundle.labels, channels, rate=0.0, names=names, comparison=comparison)
        moments = [
            record.time_s
            for record in records
            if isinstance(record, Update)
            and record.time_s <= position_s
            and record.estimate is not None
            and record.estimate.certain
            and record.level_dbfs > LOUD_DBFS
        ]
        view = replace(self._view, position_s=moments[-1])
        marks = [
            Marker(view.position_s - 41.0, "question"),
            Marker(view.position_s - 33.0, "answer", "2", 12.0),
            Marker(view.position_s - 6.5, "laughter"),
        ]
        window.feed([r for r in [*records, *marks] if _record_time_s(r) <= view.position_s], 0.0)
        window.topbar.sources.show_source(SourceChoice("mic"), full_name(MICROPHONE))
        return view

    def _take(self, name: str, view: StatusModel, window: QWidget | None = None) -> None:
        self._camera.take(name, window or self._window, lambda: self._show(view))

    def _show(self, view: StatusModel) -> None:
        """Show a state until nothing moves any more."""
        for moment in range(20):
            self._window.show_status(view, moment / 4)
            self._window.tick(moment / 4)
            QTest.qWait(1)

    def _open_window(self, kind: type[Any]) -> Any:
        return next(
            w for w in self._window_manager.windows if isinstance(w, kind) and w.isVisible()
        )

    def _id(self, recording: str) -> str:
        with closing(open_store(Config())) as store:
            name = f"{recording}.wav"
            return next(i.id for i in store.sessions() if i.metadata.source.name == name)


def _wait_for_sound(window: ReviewWindow) -> None:
    """Come to rest; blocks of sound are read in a thread."""
    sound, axis = window.review_view.sound, window.review_view.axis
    channel = next(iter(window.content.channels))
    blocks = range(int(axis.start_s // BLOCK_S), int(axis.end_s // BLOCK_S) + 1)
    _wait(lambda: len(sound.blocks_between(axis.start_s, axis.end_s, channel)) == len(blocks))
    QTest.qWait(200)


def _paused(records: Sequence[Record], from_s: float) -> list[Update]:
    """What comes while nobody is heard."""
    return [
        Update(record.step, record.channel, State.PAUSED)
        for record in records
        if isinstance(record, Update) and from_s < record.time_s <= from_s + PAUSE_S
    ]


def _wait(until: Callable[[], object]) -> None:
    while not until():
        QTest.qWait(20)


def _record_time_s(record: Record) -> float:
    if isinstance(record, Update | Marker):
        return record.time_s
    return record.end_s + 0.5 if isinstance(record, Segment) else 0.0


if __name__ == "__main__":
    sys.exit(main())
