"""How the live window shows things: by menus, keys, clicks and the wheel."""

import functools
import shutil

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PyQt6.QtGui import QAction, QImage, QKeyEvent, QRegion, QWheelEvent
from PyQt6.QtWidgets import QApplication, QGraphicsView, QMenu

from realtime_ser.base.labels import COLORS, LABELS
from realtime_ser.base.records import Estimate, Marker, Segment, State, Update
from realtime_ser.gui.app.actions import LIVE
from realtime_ser.gui.app.preferences import Preferences
from realtime_ser.gui.live.status_model import StatusModel, UiState
from realtime_ser.recogniser.bundle import bundle_folder, load_bundle
from tests.gui.live.test_window import fill, playing, rows

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier

HAPPY, SAD = (COLORS[label].lower() for label in ("happy", "sad"))


def drawn(window):
    """The timeline, with no column left for later."""
    window.grab()
    return window.channels[1].plots.grab().toImage()


def colours(window):
    """Colours of the timeline."""
    image = drawn(window)
    return {
        image.pixelColor(x, y).name()
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    }


def speak(window, steps=200):
    """Speech that sounds happy and, a little, sad."""
    values = np.zeros(len(LABELS), np.float32)
    values[LABELS.index("happy")], values[LABELS.index("sad")] = 0.7, 0.3
    said = Estimate(values, "happy", 0.7, certain=True)
    window.feed([Update(step, 1, State.SPEECH, 1, said, -20.0) for step in range(steps)], 0.0)
    view = StatusModel(UiState.SPEECH, position_s=0.08 * steps, model="m", live=True)
    for moment in range(8):
        window.show_status(view, moment)
        window.tick(moment)
        QApplication.processEvents()


def wheel(widget, notches):
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place,
        widget.mapToGlobal(place),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_areas_instead_of_lines_by_a_key(qtbot, window):
    speak(window)
    qtbot.keyClick(window, Qt.Key.Key_A)
    assert window.preferences.stacked
    plots = window.channels[1].plots
    value_scale, box = plots.value_scale, plots.level_rect
    image = drawn(window)
    # Inside the area of happy, which is all below 70 %.
    place = (
        round(box.right()) - 30,
        round(value_scale.bottom - 0.5 * (value_scale.bottom - value_scale.top)),
    )
    assert image.pixelColor(*place).name() == HAPPY
    qtbot.keyClick(window, Qt.Key.Key_A)
    image = drawn(window)
    assert image.pixelColor(*place).name() != HAPPY


def test_a_click_on_a_label_hides_its_line_and_another_shows_it(qtbot, window):
    speak(window)
    bars = window.channels[1].panel.bars
    sad = LABELS.index("sad")
    row = bars.height() // len(LABELS)
    assert SAD in colours(window)
    qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=QPoint(20, row * sad + row // 2))
    assert window.preferences.hidden == ("sad",)
    assert SAD not in colours(window)
    assert "sad 30\u202f%, hidden" in bars.accessibleDescription()
    qtbot.keyClick(window, Qt.Key.Key_4, ALT)
    assert SAD in colours(window)


def test_labels_are_hidden_with_the_keyboard_alone(qtbot, window):
    speak(window)
    bars = window.channels[1].panel.bars
    bars.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(bars, Qt.Key.Key_Down)
    qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert window.preferences.hidden == ("calm",)
    qtbot.keyClick(window, Qt.Key.Key_0, ALT)
    assert window.preferences.hidden == ()


def test_the_length_changes_by_keys_menu_and_wheel(qtbot, window):
    speak(window)
    qtbot.keyClick(window, Qt.Key.Key_Minus, CTRL)
    assert window.preferences.timeline_s == 120
    wheel(window.channels[1].plots.findChild(type(window.channels[1].plots._view)).viewport(), 2)
    assert window.preferences.timeline_s == 30
    hour = next(a for a in window.actions_.menus["Timeline length"].actions() if a.text() == "1 h")
    hour.trigger()
    assert hour.isChecked()
    assert "1 h" in window.statusline.message.text()
    qtbot.keyClick(window, Qt.Key.Key_Minus, CTRL)
    assert window.preferences.timeline_s == 3600


def test_an_hour_is_drawn_in_means_and_what_was_before_is_still_there(window):
    speak(window, steps=40_000)
    window.choose(timeline_s=3600.0)
    window.tick(20.0)
    plots = window.channels[1].plots
    box, value_scale = plots.level_rect, plots.value_scale
    image = drawn(window)
    y = round(value_scale.bottom - 0.7 * (value_scale.bottom - value_scale.top))
    columns = range(round(box.left()), round(box.right()))
    spans = [[image.pixelColor(x, row).name() for x in columns] for row in range(y - 2, y + 3)]
    # 3200 of 3600 seconds, as one line of happy.
    longest = max(span.count(HAPPY) for span in spans)
    assert longest == pytest.approx(len(columns) * 3200 / 3600, abs=6)


def test_one_painting_draws_no_more_columns_than_it_may(qtbot, window, monkeypatch):
    """A new length of the timeline comes part by part; a picture is whole at once."""
    speak(window, steps=2000)
    plots = window.channels[1].plots
    monkeypatch.setattr("realtime_ser.gui.live.plots._ALLOWANCE_S", 0.0)
    items = plots._items
    window.choose(timeline_s=120.0)
    window.tick(20.0)
    QApplication.processEvents()
    assert items[0].incomplete
    window.grab()
    assert not items[0].incomplete


def test_an_update_is_painted_before_the_time_axis_moves_by_a_pixel(qtbot, window):
    speak(window)
    plots, before = window.channels[1].plots, drawn(window)
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched, event):  # noqa: N802
            if event.type() is QEvent.Type.Paint:
                painted.append(event.region())
            return False

    viewport, watch = plots.findChild(QGraphicsView).viewport(), Watch()
    qtbot.wait(50)  # what was asked for before
    viewport.installEventFilter(watch)
    values = np.eye(len(LABELS), dtype=np.float32)[LABELS.index("angry")]
    said = Estimate(values, "angry", 1.0, certain=True)
    window.feed([Update(200, 1, State.SPEECH, 1, said, -10.0, voiced=4)], 7.0)
    window.tick(7.0)
    qtbot.waitUntil(lambda: bool(painted))
    viewport.removeEventFilter(watch)
    after = drawn(window)
    changed = [
        viewport.mapFrom(plots, QPoint(x, y))
        for x in range(after.width())
        for y in range(round(plots.value_scale.top), after.height())  # below the bars of segments
        if after.pixel(x, y) != before.pixel(x, y)
    ]
    assert changed
    region = functools.reduce(QRegion.united, painted)
    assert all(region.contains(place) for place in changed)
    assert region.boundingRect().width() < viewport.width() / 4


def test_a_column_more_is_painted_with_the_step_that_is_on_its_way(window):
    speak(window)
    plots = window.channels[1].plots
    axis = plots._plots[0].vb

    def shown_after(time_s, *steps):
        if steps:
            window.feed([Update(step, 1, State.SILENCE) for step in steps], time_s)
        plots.advance(time_s)
        return axis.viewRange()[0][1]

    column_s = 1.0 / (plots._px_per_s * plots.devicePixelRatioF())
    shown = shown_after(16.0, 200)
    assert shown_after(16.0 + column_s) == shown
    with_step = shown_after(16.0 + column_s, 201)
    assert with_step > shown
    assert shown_after(16.0 + 4.0 * column_s) > with_step, "several columns wait for nothing"
    late = shown_after(30.0, 202)
    assert shown_after(30.0 + max(column_s, 0.11)) > late, "nor does one when no step comes"


def test_the_moment_that_is_played_is_a_thin_line(window):
    speak(window)
    before = drawn(window)
    window.show_cursor(8.0)
    after = drawn(window)
    y = round(window.channels[1].plots.value_scale.top) + 10
    moved = [x for x in range(after.width()) if after.pixel(x, y) != before.pixel(x, y)]
    assert 1 <= len(moved) <= 4
    window.show_cursor(None)
    assert drawn(window).pixel(moved[0], y) == before.pixel(moved[0], y)


def test_blind_mode_hides_what_is_heard_and_the_session_goes_on(qtbot, window, conduct, tmp_path):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_B, CTRL)
    assert window.blind.isVisible()
    for hidden in (window.channels[1], window.topbar, window.statusline, window.menuBar()):
        assert not hidden.isVisible()
    qtbot.waitUntil(lambda: controller.view.ui_state is UiState.SPEECH, timeout=20000)
    assert window.blind.title.text() == "Listening"  # not "speech": that would be a result
    assert "sound is not" in window.blind.storage.text()
    for key in (Qt.Key.Key_F11, Qt.Key.Key_F10, Qt.Key.Key_Escape):
        qtbot.keyClick(window, key)  # none of them shows the results by mistake
    assert window.blind.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_3)  # whoever leads the study marks on
    qtbot.waitUntil(lambda: len(window.timeline.markers) == 1, timeout=5000)
    qtbot.keyClick(window, Qt.Key.Key_B, CTRL)
    assert window.channels[1].isVisible()
    assert not window.blind.isVisible()
    window.close()
    assert len(rows(tmp_path / "session.csv")) == window.timeline.channels[1].pyramid.last_step + 1


def test_letters_of_any_alphabet_are_no_trouble(qtbot, window):
    for letter in ("\u0444", "\u05d0", "\u304b"):
        event = QKeyEvent(QEvent.Type.KeyPress, ord(letter), Qt.KeyboardModifier.NoModifier, letter)
        QApplication.sendEvent(window, event)
    assert window.isVisible()


def test_the_presenter_fills_the_screen_until_escape(qtbot, window):
    fill(window)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    window.tick(10.0)
    (poster,) = window.presenter.posters
    assert poster.title.text() == "sounds surprised?"
    assert poster.title.font().pixelSize() >= 40
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    assert window.channels[1].isVisible()


def test_the_compact_window_stays_on_top_and_its_keys_work(qtbot, window, conduct):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    qtbot.keyClick(window, Qt.Key.Key_F10)
    small = window.compact
    qtbot.waitExposed(small)
    assert not window.isVisible()
    assert small.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    qtbot.waitUntil(lambda: small.title.text().startswith("sounds "), timeout=20000)
    assert "Listening" in small.windowTitle()
    assert "demo" in small.state.text()
    qtbot.keyClick(small, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: small.state.text().startswith("Paused"), timeout=5000)
    small.close()
    assert window.isVisible()


def test_the_title_says_all_the_time_that_it_listens(qtbot, window, conduct):
    controller = conduct()
    qtbot.waitUntil(playing(controller), timeout=20000)
    assert window.windowTitle().startswith("\u25cf Listening (demo)")
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.windowTitle().startswith("Paused"), timeout=5000)


def test_before_the_first_session_nothing_claims_to_listen_or_to_record(window):
    assert window.windowTitle().startswith("Idle")
    bar = window.topbar
    for hidden in (
        bar.recording,
        bar.recording_light,
        bar.pause,
        window.statusline.recording_light,
        window.progress,
    ):
        assert not hidden.isVisible()
    assert bar.start.isVisible()
    assert "Press Start" in window.card.text.text()


def test_loss_and_delay_are_explained_with_what_to_do(qtbot, window, click):
    def show(now_s, **facts):
        view = StatusModel(UiState.LISTENING, live=True, model="m", rate=48000, **facts)
        window.show_status(view, now_s)

    show(0.0)
    assert not window.overload.isVisible()
    show(1.0, dropped_samples=480, overflows=1)
    assert window.overload.title.text() == "10 ms of sound lost"
    assert "Close other programs" in window.overload.text.text()
    click(window.overload.button)
    show(2.0, dropped_samples=480, overflows=1)
    assert not window.overload.isVisible()
    show(3.0, dropped_samples=960, overflows=1)  # the ring was full this time
    assert "audio.buffer_s" in window.overload.text.text()
    show(60.0, dropped_samples=960, overflows=1)
    assert not window.overload.isVisible()
    for comparison in range(61, 66):
        show(float(comparison), dropped_samples=960, overflows=1, latency_ms=900.0)
    assert window.overload.title.text() == "Results come late"


def test_two_models_hear_one_microphone_and_only_the_first_is_stored(
    qtbot, window, conduct, tmp_path
):
    other = tmp_path / "other"
    shutil.copytree(bundle_folder("default"), other)
    text = (other / "bundle.json").read_text()
    (other / "bundle.json").write_text(text.replace('"name": "default"', '"name": "other"'))
    controller = conduct(speed=0.0)
    with qtbot.waitSignal(controller.finished, timeout=60000):
        pass
    controller.compare(str(other))
    with qtbot.waitSignal(controller.finished, timeout=60000):
        controller.start()
    named = f"other {load_bundle(other).manifest.version}"
    assert window.comparison_views[1].panel.caption.text().startswith(named)
    assert window.channels[1].panel.caption.text().startswith("default ")
    assert f"and, not stored, {named}" in window.statusline.cells[3].text()
    first, comparison = window.timeline.channels[1], window.comparison.channels[1]
    assert first.pyramid.last_step == comparison.pyramid.last_step
    one, two = (t.pyramid.columns.probabilities for t in (first, comparison))
    assert np.array_equal(one, two, equal_nan=True)  # the same model under another name
    assert len(rows(tmp_path / "session-2.csv")) == first.pyramid.last_step + 1


def test_every_action_says_what_it_does_and_has_its_own_keys(window):
    keys = [action.keys for action in LIVE if action.keys]
    assert len(keys) == len(set(keys))
    assert all(action.tip for action in LIVE)
    for menu in window.findChildren(QMenu):
        letters = [action.text().lower().partition("&")[2][:1] for action in menu.actions()]
        assert len(set(letters) - {""}) == len([letter for letter in letters if letter]), letters
    assert all(action.toolTip() for action in window.actions_.all())
    listed = dict(LIVE.key_rows())
    assert {"Ctrl+E", "M", "Space", "1 to 9"} <= listed.keys()
    used = [
        action.shortcut().toString()
        for action in window.findChildren(QAction)
        if not action.shortcut().isEmpty()
    ]
    assert len(used) == len(set(used))


def test_a_setting_that_makes_no_sense_is_left_out_and_the_others_count():
    preferences = Preferences().changed({"timeline_s": 7200, "stacked": True, "unknown": 1})
    assert preferences.timeline_s == 60
    assert preferences.stacked


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("span_s", [10.0, 60.0, 600.0])
def test_what_grows_step_by_step_looks_as_if_drawn_at_once(window, stacked, span_s):
    window.choose(timeline_s=span_s, stacked=stacked)
    window.tick(0.0)
    random = np.random.default_rng(1)
    said = [Estimate(row, "sad", 0.6, certain=True) for row in random.dirichlet(np.ones(8), 97)]
    count = 120 if span_s < 60.0 else 360  # whole pixels at each length
    for step in range(count):
        number, place = divmod(step, 53)
        levels = {"level_dbfs": -60.0 + step * 7 % 55, "voiced": step * 3 % 5}
        if place < 40:
            records = [Update(step, 1, State.SPEECH, number + 1, said[step % 97], **levels)]
        else:
            records = [Update(step, 1, State.LOST if place > 50 else State.SILENCE, **levels)]
        if place == 40:
            end_s = 0.08 * step
            records.append(Segment(number + 1, 1, end_s - 3.2, end_s, 3.0, said[step % 97]))
        if step % 70 == 30:
            records.append(Marker(0.08 * step, "", "here"))
        window.feed(records, 0.08 * step)
        if step % 3:  # some frames bring one step, some two
            window.tick(0.08 * step)
            QApplication.processEvents()
    for _ in range(8):
        window.tick(0.08 * count)
        QApplication.processEvents()
    grown = pixels(drawn(window))
    window.choose(stacked=not stacked)
    window.choose(stacked=stacked)  # forgets all that was drawn
    assert np.abs(grown - pixels(drawn(window))).max() <= 2  # of 255: dashes add up otherwise


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return rows.reshape(image.height(), -1)[:, : 3 * image.width()].astype(int)
