"""A tour of the window: pictures of its states, dark and light, small and large, 1x and 2x.

    python scripts/screenshots.py FOLDER [--model BUNDLE] [--only PART]

What is heard is the demo recording, through the model; only the words around it (which microphone,
which fault) are set by hand. Works with a display and without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from PyQt6.QtCore import QPointF
from PyQt6.QtTest import QTest

from realtime_ser.audio.devices import InputDevice, full_name
from realtime_ser.audio.file import FileSource
from realtime_ser.config import WindowConfig
from realtime_ser.gui.application import application
from realtime_ser.gui.live.sources import Source
from realtime_ser.gui.live.states import Panorama, Situation
from realtime_ser.gui.live.window import MainWindow
from realtime_ser.model import Bundle, bundle_folder, load_bundle
from realtime_ser.monitor import Monitor
from realtime_ser.records import Marker, Record, Segment, Update
from realtime_ser.resources import shipped
from realtime_ser.session.summary import Tally

SIZES = {"720p": (1280, 720), "4k": (3840, 2160), "narrow": (860, 640)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--only", default="", help="part of the pictures' names")
    parser.add_argument("--scale", type=int, choices=(1, 2), help="of the screen; default: both")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.scale is None:
        # Qt reads its scale once, when it starts.
        for scale in (1, 2):
            command = [
                sys.executable,
                __file__,
                *(sys.argv[1:] if arguments is None else arguments),
            ]
            subprocess.run(
                [*command, "--scale", str(scale)],
                env={**os.environ, "QT_SCALE_FACTOR": str(scale)},
                check=True,
            )
        return 0
    tour = Tour(load_bundle(bundle_folder(options.model)))
    for theme in ("dark", "light"):
        for name, size in SIZES.items():
            if options.scale == 2 and name == "4k":
                continue  # 7680 x 4320 shows nothing that 2560 x 1440 does not
            for state, window in tour.states(WindowConfig(theme=theme), size):
                title = f"{state}_{theme}_{name}_{options.scale}x"
                if options.only in title:
                    window.picture(options.folder / f"{title}.png")
                window.close()
    return 0


MICROPHONE = InputDevice(0, "Built-in Microphone", "ALSA", 1, 48000, default=True)


class Tour:
    """Windows in each state."""

    def __init__(self, bundle: Bundle) -> None:
        application()
        self._labels = bundle.labels
        self._one = _listen(FileSource(shipped("demo.flac"), speed=0, demo=True), bundle, (1,))
        with tempfile.TemporaryDirectory() as folder:
            self._two = _listen(_interview(Path(folder) / "two.wav"), bundle, (1, 2))
        tally = Tally()
        for record in self._one:
            tally.add(record)
        self._summary = tally.summary()
        manifest = bundle.manifest
        self._view = Panorama(
            Situation.SPEECH,
            source=full_name(MICROPHONE),
            live=True,
            latency_ms=94.0,
            updates_per_s=12.5,
            model=f"model {manifest.name} {manifest.version}",
            folder="Documents/Realtime SER",
        )

    def states(
        self, config: WindowConfig, size: tuple[int, int]
    ) -> Iterator[tuple[str, MainWindow]]:
        """Name and window of each state."""
        end = self._latest(lambda update: update.speech and _certain(update))
        view = replace(self._view, position_s=end)
        listening = self._latest(lambda update: not update.speech)
        quiet = replace(view, situation=Situation.LISTENING, position_s=listening)
        unsure = self._latest(lambda update: update.speech and not _certain(update))
        lost = f"{full_name(MICROPHONE)} refuses to record: close other programs that use it."
        plain = {
            "speech": view,
            "listening": quiet,
            "uncertain": replace(view, position_s=unsure),
            "paused": replace(quiet, situation=Situation.PAUSED),
            "reconnecting": replace(quiet, situation=Situation.RECONNECTING),
            "ended": replace(quiet, situation=Situation.ENDED),
            "recording": replace(view, recording=True, dropped_samples=480, overflows=1),
            "demo": replace(view, demo=True, fallback=True, live=False, duration_s=60.0),
            "fault": replace(view, fault="Cannot write session.csv (no space left on device)."),
        }
        for name, shown in plain.items():
            window = self._window(config, size, shown, self._one)
            if shown.situation is Situation.ENDED:
                window.conclude(self._summary)
                _settle(window, shown)
            yield name, window
        empty = {
            "idle": Panorama(Situation.IDLE),
            "opening": Panorama(Situation.OPENING),
            "no_microphone": Panorama(Situation.NO_MICROPHONE),
            "failed": Panorama(Situation.FAILED, message=lost),
        }
        for name, shown in empty.items():
            yield name, self._window(config, size, shown, ())
        yield "two_channels", self._window(config, size, view, self._two)
        window = self._window(config, size, view, self._one)
        plots = window.channels[1].plots
        plots.point_at(QPointF(0.8 * plots.width(), 0.4 * plots.height()))
        yield "hover", window

    def _latest(self, wanted: Callable[[Update], bool]) -> float:
        """Time of a step in the last third of the demo that is as wanted, else the last one's."""
        updates = [record for record in self._one if isinstance(record, Update)]
        fitting = [update for update in updates[: len(updates) - 12] if wanted(update)]
        return (fitting or updates)[-1].time_s

    def _window(
        self,
        config: WindowConfig,
        size: tuple[int, int],
        view: Panorama,
        records: Sequence[Record],
    ) -> MainWindow:
        window = MainWindow(config)
        window.resize(*size)
        window.show()
        QTest.qWait(1)
        channels = sorted({r.channel for r in records if isinstance(r, Update)}) or [1]
        window.begin(self._labels, channels, rate=0.0)
        marks = [
            Marker(view.position_s - 20.0, "second question"),
            Marker(view.position_s - 6.0, ""),
        ]
        window.feed([r for r in [*records, *marks] if _time(r) <= view.position_s], 0.0)
        window.topbar.sources.show_devices([MICROPHONE])
        if view.live:
            window.topbar.sources.show_source(Source("mic"), full_name(MICROPHONE))
        _settle(window, view)
        return window


def _settle(window: MainWindow, view: Panorama) -> None:
    """Show a state until nothing moves any more."""
    for moment in range(20):
        window.show_view(view, moment / 4)
        window.tick(moment / 4)
        QTest.qWait(1)


def _listen(source: FileSource, bundle: Bundle, channels: Sequence[int]) -> list[Record]:
    monitor = Monitor(source, bundle, channels=channels)
    records = monitor.subscribe()
    monitor.start()
    heard = list(records)
    monitor.stop()
    return heard


def _interview(path: Path) -> FileSource:
    """Two channels that take turns."""
    sound, rate = soundfile.read(shipped("demo.flac"), dtype="float32", always_2d=True)
    other = np.roll(sound[:, :1], len(sound) // 2, axis=0)
    soundfile.write(path, np.hstack([sound[:, :1], other]), rate)
    return FileSource(path, speed=0)


def _certain(update: Update) -> bool:
    return update.estimate is not None and update.estimate.certain


def _time(record: Record) -> float:
    if isinstance(record, Update | Marker):
        return record.time_s
    return record.end_s + 0.5 if isinstance(record, Segment) else 0.0


if __name__ == "__main__":
    sys.exit(main())
