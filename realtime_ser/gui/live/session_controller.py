"""Joins the window to a session: what a person asks for goes one way, what is heard the other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QObject, Qt, QTimer, pyqtSignal

from realtime_ser.audio.devices import InputDevice, NoMicrophoneError
from realtime_ser.base.config import AUTO, Config
from realtime_ser.base.errors import SerError
from realtime_ser.base.records import Record, Sound, State, Update
from realtime_ser.engine.status import Phase
from realtime_ser.exchange.csv_tables import export_session
from realtime_ser.gui.live.markers import MarkerController
from realtime_ser.gui.live.replay import ReplayController
from realtime_ser.gui.live.session_worker import (
    RunningSession,
    SessionWorker,
    complete_session,
)
from realtime_ser.gui.live.status_model import StatusModel, UiState, status_model
from realtime_ser.gui.live.timing import RateMeter
from realtime_ser.gui.live.top_bar import SourceChoice
from realtime_ser.gui.live.window import Comparison, MainWindow
from realtime_ser.gui.widgets.dialogs import ask_files, ask_target
from realtime_ser.gui.widgets.task import ReportProgress, Task, error_sentence
from realtime_ser.outputs.address import parse_addresses
from realtime_ser.outputs.delivery import OutputState
from realtime_ser.outputs.marker_inputs import MarkerInputState
from realtime_ser.outputs.registry import OUTPUTS
from realtime_ser.recogniser.bundle import Bundle
from realtime_ser.recogniser.profiles import with_profile
from realtime_ser.session.sinks import TableFiles
from realtime_ser.session.statistics import ChannelSummary
from realtime_ser.session.store import Store

#: Time between two frames, at most and at least; a frame is due with the next pixel.
_FRAME_MS, _LEAST_FRAME_MS = 50, 16

#: Time between two renewals of the words around the timeline.
_STATUS_INTERVAL_S = 0.1


class SessionController(QObject):
    """Runs one session after another in a window.

    Parameters
    ----------
    config
        All settings; the picker changes a copy.
    export
        Frames CSV of the first session; later ones get a number.
    duration_s
        When each session ends, in seconds of its clock.
    """

    ending = pyqtSignal()  # a session has ended by itself; the window still shows its last moment
    finished = pyqtSignal()  # a session is over: it has ended, was stopped, or did not open
    completed = pyqtSignal(object)  # a session's files are complete
    started = pyqtSignal(object)  # a session has begun
    sound_received = pyqtSignal(int, object)  # its rate in Hz, samples of the first channel

    def __init__(
        self,
        window: MainWindow,
        config: Config,
        export: Path | None = None,
        duration_s: float | None = None,
    ) -> None:
        super().__init__()
        self.error: Exception | None = None  # why the last session did not open or has failed
        self.view = StatusModel()  # what the window shows
        self.wanted = config  # of the next session, but for what was chosen in the window
        self.comparison: str | None = None  # the model that the next session is compared with
        self.session: str | None = None  # the ID of the session that runs, or of the last one
        self._window = window
        self._export = export
        self._duration_s = duration_s
        self._attempts = 0
        self._worker = SessionWorker()
        self._running: RunningSession | None = None
        self._store_folder: Path | None = None
        self._latest_files: TableFiles | None = None
        self._opening = False
        self._told: set[str] = set()
        self._closing = False
        self._finishing = False
        self._rescanning = False
        self._open_next = False
        self._rate_meter = RateMeter(1)
        self._marker_controller = MarkerController(window)
        self._replay_controller = ReplayController(window)
        self._status_shown_s = float("-inf")
        self._told_error: str | None = None
        self._frame_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self.tick)
        self._connect()

    def begin(self) -> None:
        """Open a session, and keep the window moving."""
        self.start()
        self._worker.list_inputs(refresh=False)
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
        self._show_status(StatusModel(UiState.OPENING))
        self._worker.open(self.config, self._next_export(), self._duration_s, self.comparison)

    def stop(self) -> None:
        """End the session; :attr:`finished` follows when its files are complete."""
        if self._running is not None and not self._closing:
            self._marker_controller.finish()
            self._closing = True
            self._worker.close(self._running)

    def finish(self) -> None:
        """End everything, and return when all is on the disk."""
        if self._finishing:
            return
        self._finishing = True
        self._timer.stop()
        self._replay_controller.stop()
        self.stop()
        self._worker.finish()
        # The worker's last words are waiting in the queue.
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
        return self._window.preferences.apply_to(self.wanted)

    def record(self, *, on: bool) -> None:
        """Keep the sound of the next session, or do not."""
        session = self.wanted.session.model_copy(update={"record_audio": on})
        self.wanted = self.wanted.model_copy(update={"session": session})
        self._announce_next("its sound will be kept" if on else "its sound will not be kept")

    def set_config(self, config: Config) -> None:
        """Take other settings for the next sessions: study, channels and their names."""
        self.wanted = config
        study = config.study
        words = " · ".join(filter(None, (study.name, study.participant, study.condition)))
        if len(config.audio.channels) > 1:
            words = f"{words or 'no study'}, {len(config.audio.channels)} voices"
        self._announce_next(words or "it belongs to no study")

    def use_model(self, name: str) -> None:
        """Hear the next session with another model, or with the one that fits this computer."""
        self.wanted = self.wanted.model_copy(update={"model": name})
        chosen = "chosen for this computer" if name == AUTO else Path(name).name
        self._announce_next(f"model {chosen}")

    def use_profile(self, name: str | None) -> None:
        """Correct the next session for a person; ``None``: for nobody."""
        self.wanted = with_profile(self.wanted, name)
        self._announce_next(f"corrected for {name}" if name else "not corrected for a person")

    def compare(self, name: str | None) -> None:
        """Let a second model hear the next session too; ``None``: no longer."""
        self.comparison = name
        words = name and f"compared with {Path(name).name}, which is shown and not stored"
        self._announce_next(words or "one model")

    @property
    def program_states(self) -> Sequence[OutputState | MarkerInputState]:
        """How the programs fare that take part in the session; of none where none runs."""
        return () if self._running is None else self._running.outputs.all_states

    def send_to(self, address: str, on: bool) -> None:
        """Send this session and the next to other programs, or no longer."""
        others = tuple(one for one in self.wanted.outputs if one != address)
        outputs = (*others, address) if on else others
        parse_addresses(outputs, OUTPUTS, self.wanted.network)
        self.wanted = self.wanted.model_copy(update={"outputs": outputs})
        if self._running is not None and not self._closing:
            self._running.outputs.switch(address, on=on)

    def _tell_programs(self, running: RunningSession) -> None:
        """Say once why a program is not reached."""
        error = running.outputs.error
        if error is not None and error != self._told_error:
            self._window.statusline.say(error)
        self._told_error = error

    def _announce_next(self, words: str) -> None:
        self._window.statusline.say(f"next session: {words}")

    def choose(self, source: SourceChoice) -> None:
        """Listen to something else from now on, or from the next start."""
        choice = {"input": source.input, "device": source.device}
        audio = self.wanted.audio.model_copy(update=choice)
        self.wanted = self.wanted.model_copy(update={"audio": audio})
        self._window.topbar.sources.show_source(source, "")
        failed = self.view.ui_state in (UiState.NO_MICROPHONE, UiState.FAILED)
        if self._running is not None or failed:
            self.start()

    def rescan(self) -> None:
        """Look for microphones again; where one was missing, use the one that is found."""
        if self._running is not None and self._running.session.monitor.source.info.live:
            self._window.statusline.say("stop first: a microphone is open")
        else:
            self._rescanning = True
            self._worker.list_inputs(refresh=True)

    def export_to(self, path: Path) -> None:
        """Export the session as far as it is stored; a file that a person chose is replaced."""
        files, folder, session = self._latest_files, self._store_folder, self.session
        if files is None:
            return
        if folder is None or session is None:
            self._export_failed(
                SerError(f"This session is not kept in the store: copy {files.steps} instead.")
            )
            return
        to = path if path.suffix.lower() == ".csv" else path.with_name(f"{path.name}.csv")

        def export(_: ReportProgress) -> Path:
            with Store(folder) as store:
                info = store.session(session)
                return export_session(store, info, to, overwrite=to.exists()).steps

        task = Task(export, self)
        task.succeeded.connect(lambda to: self._window.statusline.say(f"exported to {to}"))
        task.failed.connect(self._export_failed)
        task.start()

    def _export_failed(self, error: Exception) -> None:
        self._window.warn("The export was not written", error_sentence(error))

    def ask_export(self) -> None:
        """Ask where to export to."""
        if self._latest_files is not None:
            proposed, title = self._latest_files.beside(".export.csv"), "Export the session so far"
            ask_target(self._window, title, "CSV", ".csv", proposed, self.export_to, replaces=True)

    def ask_file(self) -> None:
        """Ask for a recording that plays as a microphone."""
        ask_files(
            self._window,
            "Play a recording as a microphone",
            ["Sound (*.wav *.flac *.ogg *.mp3)", "All files (*)"],
            lambda paths: self.choose(SourceChoice(str(paths[0]))),
            several=False,
        )

    def tick(self) -> None:
        """One frame: take in what has come, and show it."""
        self._frame_s = now_s = time.monotonic()
        if self._running is not None:
            phase = self._running.session.monitor.status.phase
            if not self._closing:
                self._drain(self._running, now_s)
            if phase in (Phase.ENDED, Phase.FAILED) and not self._closing:
                self._window.tick(now_s)
                self.ending.emit()
                self.stop()
            elif now_s - self._status_shown_s >= _STATUS_INTERVAL_S:
                self._status_shown_s = now_s
                self._show_status(self._describe(self._running))
                self._tell_advice(self._running)
                self._tell_programs(self._running)
        if self._window.on_screen:
            self._window.tick(now_s)
        if self._timer.isActive():
            pixel_ms = round(1000 * self._window.next_pixel_s)
            self._timer.start(min(max(_LEAST_FRAME_MS, pixel_ms), _FRAME_MS))

    def _tell_advice(self, running: RunningSession) -> None:
        new = [words for words in running.session.advice if words not in self._told]
        if new:
            self._told.update(new)
            self._window.statusline.say(" ".join(new))

    def _take_in(self) -> None:
        """Updates have come: show them at once, as far as a screen keeps up with that."""
        since_ms = 1000 * (time.monotonic() - self._frame_s)
        if self._timer.isActive():
            self._timer.start(max(0, round(_LEAST_FRAME_MS - since_ms)))

    # ------------------------------------------------------------------- what the worker has done

    def _opened(self, running: RunningSession) -> None:
        self._opening = False
        self._told = set()
        self._running = running
        self._latest_files = running.session.files
        self._store_folder = running.session.folder
        self.session = running.session.id
        if self._finishing:
            self._closed(complete_session(running))  # the worker takes no more orders
            return
        monitor = running.session.monitor
        info = monitor.source.info
        self._rate_meter = RateMeter(len(monitor.channels))
        self._marker_controller.begin(monitor)
        self._replay_controller.begin(monitor)
        audio, comparison = self.wanted.audio, None
        if running.comparison is not None:
            other = running.comparison.bundle
            names = _model_name(other), _model_name(monitor.bundle)
            comparison = Comparison(names[0], other.labels, names[1])
        self._window.begin(
            monitor.labels,
            monitor.channels,
            rate=1.0 if info.live else audio.speed,
            names=audio.names,
            comparison=comparison,
        )
        source = SourceChoice("demo") if info.demo else SourceChoice(audio.input, audio.device)
        self._window.topbar.sources.show_source(source, info.name)
        if running.session.notices:
            self._window.statusline.say(" ".join(running.session.notices))
        self._show_status(self._describe(running))
        self.started.emit(running.session)
        self._take_in()  # what has come before this session was known here

    def _closed(self, summaries: Mapping[int, ChannelSummary]) -> None:
        running, self._running = self._running, None
        self._closing = False
        if running is not None:
            self._store_folder, self.session = running.session.folder, running.session.id
            self.completed.emit(running.session)
            self._window.show_summaries(summaries)
            self._drain(running, time.monotonic())
            view = self._describe(running)
            fault = view.message if view.ui_state is UiState.FAILED else view.fault
            if fault:
                self.error = SerError(fault)
            self._show_status(view)
        if self._open_next:
            self._open_next = False
            self.start()
        else:
            self.finished.emit()

    def _failed(self, error: Exception) -> None:
        self._opening = self._closing = self._open_next = False
        self._running = None
        self.error = error
        missing = isinstance(error, NoMicrophoneError)
        ui_state = UiState.NO_MICROPHONE if missing else UiState.FAILED
        known = isinstance(error, SerError)
        message = str(error) if known else "Something unexpected went wrong; the log tells more."
        self._show_status(StatusModel(ui_state, message=message))
        self.finished.emit()
        if not known:
            raise error

    def _listed(self, devices: Sequence[InputDevice]) -> None:
        self._window.topbar.sources.show_devices(devices)
        rescanned, self._rescanning = self._rescanning, False
        if not rescanned:
            return
        missing = self.view.ui_state is UiState.NO_MICROPHONE or self.view.fallback
        if missing and devices:
            self.start()
        elif missing:
            self._window.statusline.say("still no microphone found")

    # -------------------------------------------------------------------------------------- words

    def _drain(self, running: RunningSession, now_s: float) -> None:
        records: list[Record] = []
        for record in running.records.drain():
            if isinstance(record, Sound):
                self._replay_controller.feed(record)
                first = running.session.monitor.channels[0] - 1
                rate = running.session.monitor.source.info.native_rate
                self.sound_received.emit(rate, record.samples[:, first])
            else:
                records.append(record)
        if running.comparison is not None:
            self._window.feed_comparison(running.comparison.drain())
        self._rate_meter.feed([record for record in records if isinstance(record, Update)], now_s)
        if records:
            self._window.feed(records, now_s)

    def _describe(self, running: RunningSession) -> StatusModel:
        session, other = running.session, running.comparison
        monitor = session.monitor
        view = status_model(monitor.status, monitor.source.info, self._rate_meter)
        ui_state = view.ui_state
        if self._running is None and ui_state is not UiState.FAILED:
            ui_state = UiState.ENDED
        elif ui_state is UiState.ENDED:
            ui_state = UiState.LISTENING  # until its files are complete
        states = [view.smoother.state for view in self._window.channels.values()]
        if ui_state is UiState.LISTENING and State.SPEECH in states:
            ui_state = UiState.SPEECH
        return replace(
            view,
            ui_state=ui_state,
            fallback=session.notice is not None,
            recording=session.recording,
            fault=session.write_error or "",
            model=f"model {_model_name(monitor.bundle)}",
            model_reason=session.model_reason or "",
            comparison="" if other is None else _model_name(other.bundle),
            participant=session.config.study.participant or "",
            folder=str(session.files.steps.parent),
        )

    def _show_status(self, view: StatusModel) -> None:
        self.view = view
        self._window.show_status(view, time.monotonic())

    def _next_export(self) -> Path | None:
        self._attempts += 1
        first = self._export
        if first is None or self._attempts == 1:
            return first
        paths = (first.with_stem(f"{first.stem}-{number}") for number in itertools.count(2))
        return next(path for path in paths if not TableFiles(path).existing())

    def _connect(self) -> None:
        worker, window, bar = self._worker, self._window, self._window.topbar
        worker.opened.connect(self._opened)
        worker.closed.connect(self._closed)
        worker.failed.connect(self._failed)
        worker.listed.connect(self._listed)
        worker.arrived.connect(self._take_in)
        window.closing.connect(self.finish)
        keys, actions = window.keyboard, window.actions_
        keys.space.connect(self.toggle)
        actions.bind(
            {
                "toggle": self.toggle,
                "stop": self.stop,
                "mark": lambda: self.mark(bar.pop_text()),
                "replay": self._replay_controller.toggle,
                "export": self.ask_export,
                "rescan": self.rescan,
                "record": lambda on: self.record(on=on),
            }
        )
        actions["record"].setChecked(self.wanted.session.record_audio)
        bar.start.clicked.connect(self.start)
        bar.rescan.clicked.connect(self.rescan)
        bar.sources.chosen.connect(self.choose)
        bar.sources.file_requested.connect(self.ask_file)
        window.demo.button.clicked.connect(self.rescan)
        window.notice.button.clicked.connect(self.toggle)
        window.card.rescan.clicked.connect(self.rescan)
        window.card.retry.clicked.connect(self.start)
        window.card.demo.clicked.connect(lambda: self.choose(SourceChoice("demo")))


def _model_name(bundle: Bundle) -> str:
    return f"{bundle.manifest.name} {bundle.manifest.version}"
