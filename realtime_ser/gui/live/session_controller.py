"""Joins the window to a session: what a person asks for goes one way, what is heard the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QObject, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QFileDialog

from realtime_ser.audio.devices import InputDevice, NoMicrophoneError
from realtime_ser.base.config import Config
from realtime_ser.base.errors import OutputError, SerError
from realtime_ser.base.records import Record, Sound, State, Update
from realtime_ser.engine.monitor import Phase
from realtime_ser.gui.live.export import export_session
from realtime_ser.gui.live.marker_controller import Marking
from realtime_ser.gui.live.rate_meter import Pace
from realtime_ser.gui.live.replay_controller import Replaying
from realtime_ser.gui.live.session_worker import Completed, Driver, Running, Wish, complete
from realtime_ser.gui.live.sources import Source
from realtime_ser.gui.live.status_model import Panorama, Situation
from realtime_ser.gui.live.window import MainWindow, Second
from realtime_ser.recogniser.bundle import Manifest
from realtime_ser.session.profiles.folder import with_profile
from realtime_ser.session.sinks import Files

#: Time between two frames, and between two renewals of the words around the timeline.
_FRAME_MS = 33
_WORDS_S = 0.1

#: What the window says of each phase of the engine.
SITUATIONS = {
    Phase.IDLE: Situation.LISTENING,
    Phase.LISTENING: Situation.LISTENING,
    Phase.PAUSED: Situation.PAUSED,
    Phase.RECONNECTING: Situation.RECONNECTING,
    Phase.ENDED: Situation.ENDED,
    Phase.FAILED: Situation.FAILED,
}


class Conductor(QObject):
    """Runs one session after another in a window.

    Parameters
    ----------
    window
        Where they are shown.
    config
        All settings; the picker changes a copy.
    export
        Frames CSV of the first session; later ones get a number.
    duration_s
        When each session ends, in seconds of its clock.

    Attributes
    ----------
    error
        Why the last session did not open or has failed; ``None`` if neither.
    """

    #: A session has ended by itself; the window still shows its last moment.
    ending = pyqtSignal()

    #: A session is over: it has ended, was stopped, or did not open.
    over = pyqtSignal()

    #: A session's files are complete.
    completed = pyqtSignal(object)

    #: A session has begun.
    began = pyqtSignal(object)

    #: Sound of the session: its rate in Hz, and samples of the first channel.
    heard = pyqtSignal(int, object)

    def __init__(
        self,
        window: MainWindow,
        config: Config,
        export: Path | None = None,
        duration_s: float | None = None,
    ) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.view = Panorama()
        self._window = window
        self._config = config
        self._export = export
        self._duration_s = duration_s
        self._attempts = 0
        self._driver = Driver()
        self._running: Running | None = None
        self._session: str | None = None
        self._latest: Files | None = None
        self._opening = False
        self._closing = False
        self._finishing = False
        self._open_next = False
        self._pace = Pace(1)
        self._second: str | None = None
        self._marking = Marking(window)
        self._replaying = Replaying(window)
        self._worded_s = float("-inf")
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self.tick)
        self._connect()

    def begin(self) -> None:
        """Open a session, and keep the window moving."""
        self.start()
        self._driver.list_inputs(again=False)
        self._timer.start()

    def start(self) -> None:
        """Open a session with the present settings, once the one that runs is complete."""
        if self._opening or self._finishing:
            return
        if self._running is not None:
            self._open_next = True
            self.stop()
            return
        self._opening = True
        self.error = None
        self._say(Panorama(Situation.OPENING))
        config = self._window.settings.applied(self._config)
        wish = Wish(config, self._next_export(), self._duration_s, self._second)
        self._driver.open(wish)

    def stop(self) -> None:
        """End the session; :attr:`over` follows when its files are complete."""
        if self._running is not None and not self._closing:
            self._marking.finish()
            self._closing = True
            self._driver.close(self._running)

    def finish(self) -> None:
        """End everything, and return when all is on the disk."""
        if self._finishing:
            return
        self._finishing = True
        self._timer.stop()
        self._replaying.stop()
        self.stop()
        self._driver.finish()
        # The driver's last words are waiting in the queue.
        QCoreApplication.sendPostedEvents(self, 0)
        QCoreApplication.processEvents()

    def toggle(self) -> None:
        """Start, pause or go on."""
        if self._running is None:
            self.start()
        elif self._running.session.monitor.status.phase is Phase.PAUSED:
            self._running.session.monitor.resume()
        else:
            self._running.session.monitor.pause()

    def mark(self, text: str) -> None:
        """Set a marker at this moment."""
        if self._running is not None:
            self._running.session.monitor.mark(text)

    @property
    def config(self) -> Config:
        """The settings of the next session."""
        return self._window.settings.applied(self._config)

    @property
    def session(self) -> str | None:
        """ID of the session that runs, or of the last one; ``None``: none was kept."""
        return self._session

    def record(self, *, on: bool) -> None:
        """Keep the sound of the next session, or do not."""
        session = self._config.session.model_copy(update={"record_audio": on})
        self._config = self._config.model_copy(update={"session": session})
        self._tell_next("its sound will be kept" if on else "its sound will not be kept")

    @property
    def wanted(self) -> Config:
        """The settings of the next session, but for what was chosen in the window."""
        return self._config

    def adopt(self, config: Config) -> None:
        """Take other settings for the next sessions: study, channels and their names."""
        self._config = config
        study = config.study
        said = [study.name, study.participant, study.condition]
        words = " · ".join(word for word in said if word)
        if len(config.audio.channels) > 1:
            words = f"{words or 'no study'}, {len(config.audio.channels)} voices"
        self._tell_next(words or "it belongs to no study")

    def use_model(self, name: str) -> None:
        """Hear the next session with another model."""
        self._config = self._config.model_copy(update={"model": name})
        self._tell_next(f"model {Path(name).name}")

    def use_profile(self, name: str | None) -> None:
        """Correct the next session for a person; ``None``: for nobody."""
        self._config = with_profile(self._config, name)
        self._tell_next(f"corrected for {name}" if name else "not corrected for a person")

    def compare(self, name: str | None) -> None:
        """Let a second model hear the next session too; ``None``: no longer."""
        self._second = name
        if name is None:
            self._tell_next("one model")
        else:
            self._tell_next(f"compared with {Path(name).name}, which is shown and not stored")

    @property
    def second(self) -> str | None:
        """The model that the next session is compared with."""
        return self._second

    def _tell_next(self, words: str) -> None:
        self._window.statusline.say(f"next session: {words}")

    def choose(self, source: Source) -> None:
        """Listen to something else from now on, or from the next start."""
        audio = self._config.audio.model_copy(
            update={"input": source.input, "device": source.device}
        )
        self._config = self._config.model_copy(update={"audio": audio})
        self._window.topbar.sources.show_source(source, "")
        failed = self.view.situation in (Situation.NO_MICROPHONE, Situation.FAILED)
        if self._running is not None or failed:
            self.start()

    def rescan(self) -> None:
        """Look for microphones again; where one was missing, use the one that is found."""
        self._driver.list_inputs(again=True)

    def rescan_now(self) -> None:
        """The same from the menu, where it may be asked for at any time."""
        if self._running is not None and self._running.session.monitor.source.info.live:
            self._window.statusline.say("stop first: a microphone is open")
        else:
            self.rescan()

    def export_to(self, path: Path) -> None:
        """Copy the session so far."""
        if self._latest is None:
            return
        try:
            copies = export_session(self._latest, path)
        except OutputError as error:
            self._window.warn("The export was not written", str(error))
        else:
            self._window.statusline.say(f"exported to {copies.frames}")

    def ask_export(self) -> None:
        """Ask where to export to."""
        if self._latest is None:
            return
        start = self._latest.beside(".export.csv")
        dialog = QFileDialog(self._window, "Export the session so far", str(start.parent))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("CSV (*.csv)")
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(start.name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.export_to(Path(name)))
        dialog.open()

    def ask_file(self) -> None:
        """Ask for a recording that plays as a microphone."""
        dialog = QFileDialog(self._window, "Play a recording as a microphone")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Sound (*.wav *.flac *.ogg *.mp3)", "All files (*)"])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.choose(Source(name)))
        dialog.open()

    def tick(self) -> None:
        """One frame: take in what has come, and show it."""
        now_s = time.monotonic()
        if self._running is not None and not self._closing:
            phase = self._running.session.monitor.status.phase
            self._take(self._running, now_s)
            if phase in (Phase.ENDED, Phase.FAILED):
                self._window.tick(now_s)
                self.ending.emit()
                self.stop()
            elif now_s - self._worded_s >= _WORDS_S:
                self._worded_s = now_s
                self._say(self._describe(self._running))
        if self._window.awake:
            self._window.tick(now_s)

    # ------------------------------------------------------------------- what the driver has done

    def _opened(self, running: Running) -> None:
        self._opening = False
        self._running = running
        self._latest = running.session.files
        self._session = running.session.id
        if self._finishing:
            self._closed(complete(running))  # the driver takes no more orders
            return
        monitor = running.session.monitor
        info = monitor.source.info
        self._pace = Pace(len(monitor.channels))
        self._marking.begin(monitor)
        self._replaying.begin(monitor)
        rate = 1.0 if info.live else self._config.audio.speed
        audio = self._config.audio
        second = running.second
        self._window.begin(
            monitor.labels,
            monitor.channels,
            rate=rate,
            names=audio.names,
            second=None
            if second is None
            else Second(
                _model_name(second.bundle.manifest),
                second.bundle.labels,
                _model_name(monitor.bundle.manifest),
            ),
        )
        source = Source("demo") if info.demo else Source(audio.input, audio.device)
        self._window.topbar.sources.show_source(source, info.name)
        if running.session.news:
            self._window.statusline.say(" ".join(running.session.news))
        self._say(self._describe(running))
        self.began.emit(running.session)

    def _closed(self, completed: Completed) -> None:
        running, self._running = self._running, None
        self._closing = False
        self.completed.emit(completed.session)
        if running is not None:
            self._window.conclude(completed.summary)
            self._take(running, time.monotonic())
            view = self._describe(running)
            if view.situation is Situation.FAILED:
                self.error = SerError(view.message)
            self._say(view)
        if self._open_next:
            self._open_next = False
            self.start()
        else:
            self.over.emit()

    def _failed(self, error: Exception) -> None:
        self._opening = self._closing = self._open_next = False
        self._running = None
        self.error = error
        missing = isinstance(error, NoMicrophoneError)
        situation = Situation.NO_MICROPHONE if missing else Situation.FAILED
        known = isinstance(error, SerError)
        message = str(error) if known else "Something unexpected went wrong; the log tells more."
        self._say(Panorama(situation, message=message))
        self.over.emit()
        if not known:
            raise error

    def _listed(self, devices: Sequence[InputDevice]) -> None:
        self._window.topbar.sources.show_devices(devices)
        missing = self.view.situation is Situation.NO_MICROPHONE or self.view.fallback
        if missing and devices:
            self.start()
        elif missing:
            self._window.statusline.say("still no microphone found")

    # -------------------------------------------------------------------------------------- words

    def _take(self, running: Running, now_s: float) -> None:
        records: list[Record] = []
        for record in running.records.drain():
            if isinstance(record, Sound):
                self._replaying.feed(record)
                first = running.session.monitor.channels[0] - 1
                rate = running.session.monitor.source.info.native_rate
                self.heard.emit(rate, record.samples[:, first])
            else:
                records.append(record)
        if running.second is not None:
            self._window.feed_second(running.second.drain())
        self._pace.feed([record for record in records if isinstance(record, Update)], now_s)
        if records:
            self._window.feed(records, now_s)

    def _describe(self, running: Running) -> Panorama:
        session = running.session
        monitor, status = session.monitor, session.monitor.status
        info, manifest = monitor.source.info, monitor.bundle.manifest
        situation = Situation.ENDED if self._running is None else SITUATIONS[status.phase]
        if status.phase is Phase.FAILED:
            situation = Situation.FAILED
        elif status.phase is Phase.ENDED and self._running is not None:
            situation = Situation.LISTENING  # until its files are complete
        speaking = any(
            view.readout.state is State.SPEECH for view in self._window.channels.values()
        )
        if situation is Situation.LISTENING and speaking:
            situation = Situation.SPEECH
        return Panorama(
            situation=situation,
            source=info.name,
            demo=info.demo,
            fallback=session.notice is not None,
            live=info.live,
            recording=session.recording,
            message=status.error or "",
            fault=session.write_error or "",
            position_s=status.position_s,
            duration_s=info.duration_s,
            latency_ms=self._pace.latency_ms(),
            updates_per_s=self._pace.updates_per_s(),
            dropped_samples=status.dropped_samples,
            overflows=status.overflows,
            rate=info.native_rate,
            model=f"model {_model_name(manifest)}",
            second="" if running.second is None else _model_name(running.second.bundle.manifest),
            participant=session.config.study.participant or "",
            folder=str(session.files.frames.parent),
        )

    def _say(self, view: Panorama) -> None:
        self.view = view
        self._window.show_view(view, time.monotonic())

    def _next_export(self) -> Path | None:
        self._attempts += 1
        if self._export is None or self._attempts == 1:
            return self._export
        number = 2
        while Files(path := self._export.with_stem(f"{self._export.stem}-{number}")).existing():
            number += 1
        return path

    def _connect(self) -> None:
        driver, window, bar = self._driver, self._window, self._window.topbar
        driver.opened.connect(self._opened)
        driver.closed.connect(self._closed)
        driver.failed.connect(self._failed)
        driver.listed.connect(self._listed)
        window.closing.connect(self.finish)
        keys, acts = window.keyboard, window.actions_
        keys.space.connect(self.toggle)
        for name, act in (
            ("toggle", self.toggle),
            ("stop", self.stop),
            ("mark", lambda: self.mark(bar.take_text())),
            ("replay", self._replaying.toggle),
            ("export", self.ask_export),
            ("rescan", self.rescan_now),
            ("record", lambda on: self.record(on=on)),
        ):
            acts.bind(name, act)
        acts["record"].setChecked(self._config.session.record_audio)
        bar.start_pressed.connect(self.start)
        bar.pause_pressed.connect(self.toggle)
        bar.stop_pressed.connect(self.stop)
        bar.mark_pressed.connect(self.mark)
        bar.export_pressed.connect(self.ask_export)
        bar.rescan.clicked.connect(self.rescan)
        bar.sources.chosen.connect(self.choose)
        bar.sources.file_wanted.connect(self.ask_file)
        window.demo.pressed.connect(self.rescan)
        window.notice.pressed.connect(self.toggle)
        window.card.rescan_pressed.connect(self.rescan)
        window.card.retry_pressed.connect(self.start)
        window.card.demo_pressed.connect(lambda: self.choose(Source("demo")))


def _model_name(manifest: Manifest) -> str:
    return f"{manifest.name} {manifest.version}"
