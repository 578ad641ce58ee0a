"""``realtime-ser monitor``: the live window, or the same in the terminal."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.text import channel_title, length_text, speech_text
from realtime_ser.commands.plain_output import drawing_stream
from realtime_ser.commands.shared import (
    FILE,
    Command,
    channels,
    device_setting,
    flag_setting,
    model_setting,
    names,
    pass_config,
    profile_setting,
    setting,
    several_setting,
)

if TYPE_CHECKING:
    from realtime_ser.base.config import Config
    from realtime_ser.base.records import Record
    from realtime_ser.outputs.delivery import LiveOutputs
    from realtime_ser.session.live import LiveSession

_SPARE_S = 40.0  # seconds of a screenshot that lie before what it shows: segments begin there


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise click.BadParameter(f"'{text}' must be a number of seconds above 0.")
    return seconds


def _pace(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"'{text}' must be a number, such as 0.5 or 2.") from None


@click.command(cls=Command, surplus_hint="; a file is given as --input FILE")
@setting("audio.input", "--input", "auto|mic|demo|FILE", "What to listen to (default: auto).")
@device_setting
@setting("audio.channels", "--channels", "1,2", "Channels to monitor (default: 1).", channels)
@setting("audio.channel_names", "--channel-names", "a,b", "What the channels are called.", names)
@click.option("--headless", is_flag=True, help="Show it in the terminal, without a window.")
@click.option("--duration", type=_seconds, metavar="S", help="End after so many seconds.")
@setting("audio.speed", "--speed", "X", "Pace of a file; 0: as fast as it goes.", _pace)
@click.option("--export", type=FILE, metavar="OUT.csv", help="Where to write the session.")
@flag_setting("session.record_audio", "--record-audio", lambda: True, "Keep the sound, as FLAC.")
@flag_setting("sessions.keep", "--no-keep", lambda: False, "Do not keep it among the sessions.")
@setting("study.name", "--study", "NAME", "The study that it belongs to.")
@setting("study.participant", "--participant", "CODE", "The participant's code.")
@setting("study.condition", "--condition", "NAME", "The study's condition.")
@flag_setting(
    "study.consent",
    "--consent",
    lambda: datetime.now().astimezone(),
    "The participant has agreed; the time is kept.",
)
@several_setting("outputs", "--out", "ADDRESS", "Send the results to other programs; repeatable.")
@several_setting("markers_from", "--markers-from", "ADDRESS", "Take markers of others; repeatable.")
@flag_setting("network.remote", "--remote", lambda: True, "Let other computers take part in that.")
@click.option("--screenshot", type=FILE, metavar="OUT.png", help="Picture of the final window.")
@profile_setting
@model_setting
@pass_config
def monitor(
    config: Config,
    *,
    headless: bool,
    duration: float | None,
    export: Path | None,
    screenshot: Path | None,
) -> None:
    """Listen to a microphone, or to a file that plays as one."""
    from realtime_ser.base.memory import limit_heap

    limit_heap()  # before there are threads
    if screenshot is not None:
        _check_screenshot(screenshot)
    if headless or not _can_show_window():
        _monitor_in_terminal(config, export, duration, screenshot)
        return
    from realtime_ser.gui.app.run import run

    try:
        code = run(
            config,
            export=export,
            screenshot=screenshot,
            duration_s=duration,
            completed=_print_report,
        )
    finally:
        if screenshot is not None and screenshot.exists():
            print(f"  {screenshot.resolve()}")
    click.get_current_context().exit(code)


def _can_show_window() -> bool:
    """Whether there is a display and the window's libraries; says so where there is not."""
    from realtime_ser.base.display import display_answers

    if not display_answers():
        _print_note("there is no display, so the monitor runs in the terminal.")
        return False
    try:
        import realtime_ser.gui.app.run  # noqa: F401 - whether it can be imported is the question
    except ImportError as error:
        _print_note(
            f"the window cannot be shown ({error}), so the monitor runs in the terminal; "
            "'realtime-ser doctor' tells more."
        )
        return False
    return True


def _print_note(words: str) -> None:
    print(f"realtime-ser: {words}", file=sys.stderr, flush=True)


def _check_screenshot(path: Path) -> None:
    """Find out before the session, not after it, that its picture cannot be made."""
    from realtime_ser.base.files import writing

    if path.suffix.lower() != ".png":
        raise UsageError(f"The screenshot '{path}' must have a name that ends in .png.")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not path.stat().st_size:
            path.unlink()
    if importlib.util.find_spec("PyQt6") is None:
        raise SerError("The screenshot needs PyQt6: install it with 'pip install PyQt6 pyqtgraph'.")


# ------------------------------------------------------------------------------------ in a terminal


def _monitor_in_terminal(
    config: Config, export: Path | None, duration_s: float | None, screenshot: Path | None
) -> None:
    from collections import deque

    from realtime_ser.base.records import STEP_S
    from realtime_ser.commands import terminal
    from realtime_ser.engine.status import Phase
    from realtime_ser.outputs.delivery import LiveOutputs
    from realtime_ser.session.live import LiveSession

    session = LiveSession(config, export)
    outputs = LiveOutputs(session)
    for words in (session.notice, *session.notices):
        if words:
            _print_note(words)
    steps = (config.window.timeline_s + _SPARE_S) / STEP_S * len(config.audio.channels)
    last: deque[Record] | None = deque(maxlen=round(steps)) if screenshot else None
    stream = drawing_stream(sys.stderr if _takes_stdout(config) else sys.stdout)
    terminal.run(session, stream, outputs, duration_s=duration_s, keep=last)
    _print_report(session, outputs)
    if not session.monitor.source.info.live:
        _print_file_notes(session)
    if screenshot is not None and last is not None:
        _draw_screenshot(session, list(last), screenshot)
    if session.error:
        raise SerError(session.error)
    if session.monitor.status.phase is Phase.FAILED:
        raise SerError("The engine stopped because of a fault in the program.")


def _print_file_notes(session: LiveSession) -> None:
    from realtime_ser.audio.file import FileSource

    source = session.monitor.source
    if isinstance(source, FileSource):
        for note in source.notes:
            if not note.lacks_sound:  # or it is the error at the end
                _print_note(note.sentence(source.path))


def _draw_screenshot(session: LiveSession, records: Sequence[Record], path: Path) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from realtime_ser.gui.app.run import render_screenshot

    manifest = session.monitor.bundle.manifest
    render_screenshot(
        records,
        session.monitor.labels,
        session.monitor.status,
        path,
        source=session.monitor.source.info,
        model=f"model {manifest.name} {manifest.version}",
    )
    print(f"  {path.resolve()}")


# ------------------------------------------------------------------------------------------- report


def _takes_stdout(config: Config) -> bool:
    """Whether standard output belongs to the results, and all words go to standard error."""
    return "json" in config.outputs


def _print_report(session: LiveSession, outputs: LiveOutputs | None = None) -> None:
    """Print how a finished session went, and where its files lie."""
    lines = [*_report_lines(session)]
    states = () if outputs is None else outputs.all_states
    if states:
        lines += ["Other programs:"]
        lines += [f"  {state.address}: {state.counts_text}" for state in states]
    stream = sys.stderr if _takes_stdout(session.config) else sys.stdout
    print("\n".join(lines), file=stream, flush=True)


def _report_lines(session: LiveSession) -> Iterator[str]:
    channels = session.stop()
    status, info = session.monitor.status, session.monitor.source.info
    demo = ", synthesised speech" if info.demo else ""
    yield f"{length_text(status.position_s)} of {info.name}{demo}"
    for number, channel in channels.items():
        title = channel_title(number, session.config.audio.names)
        name = f"{title}: " if len(session.monitor.channels) > 1 else ""
        words = speech_text(
            channel.speech_s,
            channel.segments,
            channel.shares,
            channel.left_out_s,
            channel.certain_share,
        )
        yield f"  {name}{words}"
        if channel.lost_s:
            yield f"  {name}{channel.lost_s:.1f} s were lost"
        if channel.latency_ms is not None:
            median, most = channel.latency_ms
            yield f"  {name}latency {median:.0f} ms (median), {most:.0f} ms (95 %)"
    if info.live:
        yield f"  {status.dropped_samples:,} samples dropped"
    yield "Files:"
    for path in session.files.existing():
        yield f"  {path.resolve()}"
    audio = session.audio
    if audio is not None and audio.exists() and audio.parent != session.files.steps.parent:
        yield f"  {audio.resolve()}"
    if session.id is not None:
        yield f"{'Kept' if session.is_kept else 'Kept in part'} in {session.folder}:"
        yield f"  realtime-ser sessions show {session.id}"
