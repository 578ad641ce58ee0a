"""Lab Streaming Layer: a stream of numbers for each channel, and one of markers.

Samples are stamped with the ADC time of their step's end on LSL's own clock, so that a recorder
lines them up with other devices without knowing this program.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from realtime_ser.base.errors import OutputError
from realtime_ser.base.records import STEP_S, IntervalOpened, Marker, Segment, State, Update
from realtime_ser.base.text import UNNAMED_MARKER, channel_title
from realtime_ser.base.timebase import clock_s
from realtime_ser.outputs.contract import LiveDescription, LiveEvent
from realtime_ser.outputs.objects import MEASURES

STREAM_TYPE, MARKERS_TYPE = "Affect", "Markers"
"""Types of the two kinds of streams."""

SOURCE_PREFIX = "realtime-ser-"
"""Beginning of the source IDs of all streams of the program."""

_QUIET = "[log]\nlevel = -2\n"
_OWN_COMPUTER = f"[multicast]\nResolveScope = machine\n{_QUIET}"
"""Settings of liblsl with which only programs of this computer find a stream."""

_OWN_QUESTIONS = f"[multicast]\nTTLOverride = 0\n{_QUIET}"
"""Those with which it looks for streams on this computer alone, and finds them all."""

_LINGER_S = 0.3
_READINGS = 5
_DRIFT_S = 0.0005  # differences below come of reading the clocks


def load_lsl(*, remote: bool, searching: bool) -> Any:
    """The library; the first call in the program decides.

    Parameters
    ----------
    remote
        Whether programs of other computers may take part.
    searching
        Whether streams of others are looked for.

    Raises
    ------
    OutputError
        The library behind the package is missing.
    """
    try:
        import pylsl
    except (ImportError, RuntimeError, OSError) as error:  # none, or one of another computer
        raise OutputError(
            "The library of the Lab Streaming Layer is missing: install liblsl (conda-forge has it "
            "for 64-bit ARM too), and let PYLSL_LIB be the path of its file."
        ) from error
    if not remote:
        pylsl.set_config_content(_OWN_QUESTIONS if searching else _OWN_COMPUTER)
    return pylsl


class LslClock:
    """Difference between the clock of LSL and the monotonic clock of ADC times."""

    def __init__(self, lsl: Any) -> None:
        self._lsl = lsl
        self._ahead_s = math.nan

    def ahead_s(self) -> float:
        """Seconds that LSL's clock is ahead now: it stands still while the computer sleeps."""
        readings = [self._reading() for _ in range(_READINGS)]
        _, measured_s = min(readings)
        if not abs(measured_s - self._ahead_s) < _DRIFT_S:
            self._ahead_s = measured_s
        return self._ahead_s

    def _reading(self) -> tuple[float, float]:
        """Length of a reading, and the difference in its middle, both in seconds."""
        before = clock_s()
        lsl_s: float = self._lsl.local_clock()
        after = clock_s()
        return after - before, lsl_s - (before + after) / 2


class LslOutput:
    """Outlets of a session.

    Parameters
    ----------
    remote
        Whether programs of other computers may find them.
    searching
        Whether streams of others are looked for as well.
    """

    dropped = 0

    def __init__(self, *, remote: bool, searching: bool) -> None:
        self._remote = remote
        self._searching = searching
        self._clock: LslClock | None = None
        self._numbers: dict[int, Any] = {}
        self._markers: Any = None
        self._words = MarkerWords((), {})
        self._labels = 0

    @property
    def listeners(self) -> int | None:
        """Number of streams that somebody records or reads."""
        outlets = [*self._numbers.values(), *([] if self._markers is None else [self._markers])]
        return sum(bool(outlet.have_consumers()) for outlet in outlets)

    def open(self, description: LiveDescription) -> None:
        """Announce the streams."""
        lsl = load_lsl(remote=self._remote, searching=self._searching)
        self._clock = LslClock(lsl)
        self._labels = len(description.labels)
        self._words = MarkerWords(description.channels, description.names)
        self._numbers = {
            channel: lsl.StreamOutlet(_numbers_info(lsl, description, channel))
            for channel in description.channels
        }
        self._markers = lsl.StreamOutlet(_markers_info(lsl, description))

    def send(self, events: Sequence[LiveEvent]) -> None:
        """Push a sample for each update, and a word for each marker."""
        assert self._clock is not None
        assert self._markers is not None
        ahead_s = self._clock.ahead_s()
        for event in events:
            if isinstance(event.content, Update):
                sample = _sample(event.content, self._labels)
                outlet = self._numbers[event.content.channel]
                outlet.push_sample(sample, event.adc_s + ahead_s)
            for word, time_s in self._words.feed(event.content):
                since_s = time_s - event.time_s
                self._markers.push_sample([word], event.adc_s + since_s + ahead_s)

    def close(self) -> None:
        """Take the streams away, when the last samples are on their way."""
        if self.listeners:
            time.sleep(_LINGER_S)
        self._numbers, self._markers = {}, None


class MarkerWords:
    """Words of the stream of markers, with their times in the session in seconds."""

    def __init__(self, channels: Sequence[int], names: Mapping[int, str]) -> None:
        self._prefixes = {
            channel: f"{channel_title(channel, names)} " if len(channels) > 1 else ""
            for channel in channels
        }
        self._segments: dict[int, int] = {}
        self._open: set[tuple[str, float]] = set()

    def feed(self, content: object) -> Iterator[tuple[str, float]]:
        """Words of a record."""
        if isinstance(content, Update):
            yield from self._begun(content)
        elif isinstance(content, Segment):
            estimate, prefix = content.estimate, self._prefixes[content.channel]
            quality = estimate.quality
            label = estimate.label if quality.usable else quality.value
            words = f"segment {content.number} end {label} {estimate.confidence:.2f}"
            yield prefix + words, content.end_s
        elif isinstance(content, IntervalOpened):
            marker = content.marker
            self._open.add((marker.code, marker.time_s))
            yield f"{_name(marker)} begin", marker.time_s
        elif isinstance(content, Marker):
            yield from self._marked(content)

    def _begun(self, update: Update) -> Iterator[tuple[str, float]]:
        """A segment's start, once its first step of speech is there."""
        number = update.segment
        if number is not None and self._segments.get(update.channel) != number:
            self._segments[update.channel] = number
            words = f"segment {number} begin"
            yield self._prefixes[update.channel] + words, update.time_s - STEP_S

    def _marked(self, marker: Marker) -> Iterator[tuple[str, float]]:
        key, name = (marker.code, marker.time_s), _name(marker)
        if key in self._open:
            self._open.remove(key)
            yield f"{name} end", marker.time_s + marker.duration_s
        elif marker.duration_s:
            yield f"{name} begin", marker.time_s
            yield f"{name} end", marker.time_s + marker.duration_s
        else:
            yield name, marker.time_s


def _name(marker: Marker) -> str:
    return marker.text or marker.code or UNNAMED_MARKER


def _sample(update: Update, labels: int) -> list[float]:
    """Numbers of an update in the order of the channels of the stream."""
    estimate = update.estimate
    if estimate is None:
        numbers = [math.nan] * (labels + 2)
    else:
        certain = float(estimate.certain)
        numbers = [*estimate.probabilities.tolist(), float(estimate.confidence), certain]
    heard = update.state in (State.SPEECH, State.SILENCE)
    measured = [measure.read(update) if heard else None for measure in MEASURES]
    return [
        *numbers,
        float(update.speech),
        *(math.nan if value is None else float(value) for value in measured),
    ]


def _numbers_info(lsl: Any, description: LiveDescription, channel: int) -> Any:
    columns = [
        *((label, "probability", "Probability") for label in description.labels),
        ("confidence", "probability", "Probability"),
        ("certain", "boolean", "Decision"),
        ("speech", "boolean", "Decision"),
        *((measure.name, measure.unit, measure.kind) for measure in MEASURES),
    ]
    title = channel_title(channel, description.names)
    info = lsl.StreamInfo(
        f"Realtime SER {title}",
        STREAM_TYPE,
        len(columns),
        1.0 / STEP_S,
        lsl.cf_float32,
        f"{SOURCE_PREFIX}{description.session}-{channel}",
    )
    described = info.desc().append_child("channels")
    for label, unit, kind in columns:
        column = described.append_child("channel")
        for key, value in (("label", label), ("unit", unit), ("type", kind)):
            column.append_child_value(key, value)
    _describe_origin(info, description)
    return info


def _markers_info(lsl: Any, description: LiveDescription) -> Any:
    info = lsl.StreamInfo(
        "Realtime SER markers",
        MARKERS_TYPE,
        1,
        lsl.IRREGULAR_RATE,
        lsl.cf_string,
        f"{SOURCE_PREFIX}{description.session}-markers",
    )
    column = info.desc().append_child("channels").append_child("channel")
    for key, value in (("label", "marker"), ("unit", "text"), ("type", "Marker")):
        column.append_child_value(key, value)
    _describe_origin(info, description)
    return info


def _describe_origin(info: Any, description: LiveDescription) -> None:
    acquisition = info.desc().append_child("acquisition")
    model = f"{description.model.name} {description.model.version}"
    for key, value in (
        ("manufacturer", "Realtime SER"),
        ("model", model),
        ("session", description.session),
        ("source", description.source.name),
    ):
        acquisition.append_child_value(key, value)
