"""A kept session in its window, driven by clicks and keys."""

from __future__ import annotations

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QPoint, Qt
from PyQt6.QtGui import QContextMenuEvent, QHelpEvent
from PyQt6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QMenu, QToolTip

from realtime_ser.base.records import Marker
from realtime_ser.gui.app.help import ShortcutsDialog
from realtime_ser.gui.library.exporting import ExportDialog
from realtime_ser.gui.review import summary
from realtime_ser.gui.review.annotation_list import ItemDialog
from realtime_ser.gui.theme.theme import palette
from realtime_ser.gui.widgets.bars import Bars
from realtime_ser.session.store import Interval
from realtime_ser.session.store.values import CORRECTED
from realtime_ser.timeline.signal_tracks import ProbabilityTrack, SignalTrack
from realtime_ser.timeline.style import DARK, LIGHT
from realtime_ser.timeline.tracks import MarkerTrack, RulerTrack, SegmentTrack, TierTrack
from tests import kept_sessions as made

LEFT = Qt.MouseButton.LeftButton
KEY = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


def rested(axis):
    return lambda: (axis.start_s, axis.end_s) == axis.target_range


def dialog_of(window):
    """The dialog that is open."""
    (found,) = (one for one in window.findChildren(ItemDialog) if one.isVisible())
    return found


def accept(qtbot, dialog):
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(button, LEFT)


# ------------------------------------------------------------------------------------ looking at it


def test_the_wheel_zooms_at_the_pointer_down_to_a_tenth_of_a_second(qtbot, store, review, pointer):
    window = review(made.keep(store, made.records(steps=2000)))
    mouse, axis = pointer(window), window.review_view.axis
    place = mouse.canvas.viewport.x(3.0)
    for _ in range(30):
        at_s = mouse.canvas.viewport.time(place)
        mouse.wheel(at_s, 1)
    qtbot.waitUntil(rested(axis), timeout=4000)
    assert axis.span_s == pytest.approx(0.1)
    assert mouse.canvas.viewport.x(3.0) == pytest.approx(place, abs=2.0)
    before = axis.start_s
    mouse.wheel(3.0, -1, SHIFT)
    qtbot.waitUntil(rested(axis))
    assert axis.start_s > before
    assert axis.span_s == pytest.approx(0.1)
    qtbot.keyClick(mouse.canvas, KEY.Key_F)
    qtbot.waitUntil(rested(axis))
    assert (axis.start_s, axis.end_s) == (0.0, axis.duration_s)


def test_a_drag_moves_and_the_overview_shows_and_sets_what_is_visible(
    qtbot, store, review, pointer
):
    window = review(made.keep(store, made.records(steps=2000)))
    mouse, axis, overview = pointer(window), window.review_view.axis, window.review_view.overview
    axis.show(40.0, 60.0)
    mouse.drag(mouse.row(ProbabilityTrack), 50.0, 45.0)
    assert axis.start_s == pytest.approx(45.0, abs=0.05)
    qtbot.mouseClick(overview, LEFT, pos=overview.rect().center())
    qtbot.waitUntil(rested(axis))
    assert (axis.start_s + axis.end_s) / 2 == pytest.approx(80.0, abs=0.5)
    qtbot.keyClick(overview, KEY.Key_Up)
    qtbot.waitUntil(rested(axis))
    assert axis.span_s == pytest.approx(10.0)


@pytest.mark.parametrize("curve_style", ["areas", "lines"])
def test_scrolling_draws_the_new_columns_alone_and_shows_what_drawing_anew_shows(
    store, review, monkeypatch, curve_style
):
    window = review(made.keep(store, made.records(steps=2000)))
    canvas, axis = window.review_view.canvas, window.review_view.axis
    drawn, column_image = [], SignalTrack.column_image

    def noted(track, viewport, *arguments):
        drawn.append(viewport.columns)
        return column_image(track, viewport, *arguments)

    monkeypatch.setattr(SignalTrack, "column_image", noted)
    canvas.set_curve_style(curve_style)
    axis.show(40.0, 60.0)
    canvas.grab()
    whole = sum(drawn)
    drawn.clear()
    for by_s in (0.37, 2.05, -0.61, -3.03, 1.7):
        axis.pan(by_s)
        canvas.grab()
    assert 0 < sum(drawn) < 0.5 * whole
    for by_s in (-35.0, 30.0, 19.0):
        axis.pan(by_s)
        canvas.grab()
    scrolled = canvas.grab().toImage()
    canvas.set_curve_style(curve_style)
    assert scrolled == canvas.grab().toImage()


def test_nothing_covers_the_timeline_while_it_is_dragged(qtbot, store, review, pointer):
    window = review(made.keep(store, made.records(steps=2000)))
    mouse, axis = pointer(window), window.review_view.axis
    axis.show(40.0, 60.0)
    at = mouse.at(mouse.row(ProbabilityTrack), 50.0)
    qtbot.mouseMove(mouse.canvas, at)
    assert mouse.canvas.card.isVisible()
    qtbot.mousePress(mouse.canvas, LEFT, pos=at)
    qtbot.mouseMove(mouse.canvas, at - QPoint(30, 0))
    assert mouse.canvas.card.isHidden()
    qtbot.mouseRelease(mouse.canvas, LEFT, pos=at - QPoint(30, 0))
    qtbot.mouseMove(mouse.canvas, at - QPoint(10, 0))
    assert mouse.canvas.card.isVisible()


def test_the_values_under_the_pointer_are_read_off(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    mouse = pointer(window)
    qtbot.mouseMove(mouse.canvas, mouse.at(mouse.row(ProbabilityTrack), 2.0))
    update = next(update for update in store.updates(info.id) if update.step == 25)
    rows = dict(mouse.canvas.card.rows)
    assert rows[update.estimate.label] == f"{round(100 * update.estimate.confidence)}\u202f%"
    assert mouse.canvas.card.isVisible()
    qtbot.mouseMove(mouse.canvas, mouse.at(mouse.row(ProbabilityTrack), 6.9))
    assert mouse.canvas.card.rows[0][1] == "sound lost"


def test_a_tooltip_says_what_a_bar_is(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    mouse = pointer(window)
    segment = store.segments(info.id)[1]
    at = mouse.at(mouse.row(SegmentTrack), segment.start_s + 0.5)
    event = QHelpEvent(QEvent.Type.ToolTip, at, mouse.canvas.mapToGlobal(at))
    QApplication.sendEvent(mouse.canvas, event)
    assert QToolTip.text().startswith(f"segment 2: {segment.estimate.label}")
    assert QToolTip.text().endswith("00:04.16 – 00:06.40 (2.24 s)")


def test_channels_have_their_names_and_timelines(qtbot, store, review):
    window = review(made.interview(store))
    titles = [
        row.track.title
        for row in window.review_view.canvas.rows
        if isinstance(row.track, SegmentTrack | ProbabilityTrack)
    ]
    assert titles == ["coach", "probability", "Klientin „Ä“", "probability"]
    window.resize(900, 480)
    top = window.review_view.canvas.y()
    qtbot.waitUntil(
        lambda: window.review_view.canvas.height() > window.review_view.canvas.parent().height()
    )
    qtbot.keyClick(window.review_view.canvas, KEY.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert window.review_view.canvas.y() < top


def test_lines_and_areas_take_turns_and_the_theme_is_followed(qtbot, store, review):
    window = review(made.interview(store))
    canvas = window.review_view.canvas

    def seen():
        image = window.review_view.canvas.grab().toImage()
        return image.pixelColor(2, 2).name().upper(), image

    areas = seen()[1]
    qtbot.keyClick(canvas, KEY.Key_A)
    assert seen()[1] != areas
    assert window.buttons["style"].text() == "Areas"
    qtbot.mouseClick(window.buttons["style"], LEFT)
    assert seen()[1] == areas
    for theme in (LIGHT, DARK):
        QApplication.setPalette(palette(theme))
        qtbot.waitUntil(lambda theme=theme: seen()[0] == theme.background)


def test_what_comes_to_a_running_session_is_read_again(qtbot, store, review):
    records = made.records()
    writer = store.begin(made.metadata())
    writer.feed(records[:50])
    writer.flush()
    window = review(store.session(writer.id))
    assert "still running" in window.review_view.message.text()
    before_s = window.review_view.axis.duration_s
    writer.feed(records[50:])
    writer.flush()
    qtbot.keyClick(window, KEY.Key_F5)
    assert window.review_view.axis.duration_s > before_s
    assert window.review_view.segments.model.rowCount() == 2
    writer.finish()


def test_the_keys_are_listed(qtbot, store, review):
    window = review(made.keep(store, made.records()))
    qtbot.keyClick(window, KEY.Key_F1)
    (sheet,) = (one for one in window.findChildren(ShortcutsDialog) if one.isVisible())
    assert "correct the segment" in sheet.text.text()
    assert "3 happy" in sheet.footers[0].text()
    sheet.close()


def test_export_opens_with_this_session(qtbot, store, review):
    window = review(made.interview(store))
    qtbot.mouseClick(window.buttons["export"], LEFT)
    (dialog,) = (one for one in window.findChildren(ExportDialog) if one.isVisible())
    assert "First <take>" in dialog.title.text()
    dialog.close()


# --------------------------------------------------------------------------- segments and summary


def test_the_table_is_filtered_and_sorted_and_a_click_goes_there(qtbot, store, review):
    info = made.interview(store)
    window = review(info)
    panel, axis = window.review_view.segments, window.review_view.axis
    segments = sorted(store.segments(info.id), key=lambda segment: segment.start_s)
    assert panel.model.rowCount() == 3
    qtbot.keyClick(window, KEY.Key_F, CTRL)
    qtbot.keyClicks(panel.text, "klientin")
    assert panel.model.rowCount() == 1
    panel.text.clear()
    panel.certainty.setCurrentText("uncertain")
    sure = [segment.estimate.certain for segment in segments]
    assert panel.model.rowCount() == sure.count(False)
    panel.certainty.setCurrentText("certain or not")
    header = panel.table.horizontalHeader()
    column = next(n for n, c in enumerate(panel.model.columns) if c.title == "prob.")
    place = header.sectionViewportPosition(column) + 8
    qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(place, 8))
    shown = [panel.model.index(row, column).data() for row in range(3)]
    wanted = sorted(round(100 * segment.estimate.confidence) for segment in segments)
    assert [int(words.split("\u202f")[0]) for words in shown] in (wanted, wanted[::-1])
    last = panel.model.place(segments[-1])
    box = panel.table.visualRect(panel.model.index(last, 0))
    qtbot.mouseClick(panel.table.viewport(), LEFT, pos=box.center())
    assert axis.cursor_s == segments[-1].start_s
    axis.seek(segments[0].start_s + 0.5)
    chosen = panel.table.selectionModel().currentIndex().row()
    assert panel.model.rows[chosen].start_s == segments[0].start_s


def test_the_summary_is_that_of_the_session_and_its_moments_are_clicked(qtbot, store, review):
    info = made.keep(store, made.records())
    window = review(info)
    review_view = window.review_view
    qtbot.mouseClick(
        review_view.tabs.tabBar(), LEFT, pos=review_view.tabs.tabBar().tabRect(2).center()
    )
    qtbot.waitUntil(lambda: review_view.summary.ready, timeout=5000)
    links = [
        button
        for button in review_view.summary.findChildren(type(window.buttons["play"]))
        if button.isVisible()
    ]
    longest = next(button for button in links if button.text().startswith("longest pause"))
    assert "1.0 s" in longest.text()
    qtbot.mouseClick(longest, LEFT)
    assert review_view.axis.cursor_s == pytest.approx(3.2)
    (shares,) = review_view.summary.findChildren(Bars)
    label = store.segments(info.id)[0].estimate.label
    row = shares.height() * window.content.labels.index(label) // len(window.content.labels)
    qtbot.mouseClick(shares, LEFT, pos=QPoint(20, row + 4))
    assert review_view.tabs.currentWidget() is review_view.segments
    assert {one.estimate.label for one in review_view.segments.model.rows} == {label}


def test_the_summary_follows_what_a_person_corrects(qtbot, store, review):
    info = made.keep(store, made.records())
    review_view = review(info).review_view
    panel = review_view.summary
    panel.begin()
    qtbot.waitUntil(lambda: panel.ready, timeout=5000)
    for segment in store.segments(info.id):
        assert review_view.annotations.correct(segment, "angry")
    place = review_view.content.labels.index("angry")

    def angry_alone():
        (shares,) = panel.findChildren(Bars)
        return shares.values[place] == pytest.approx(1.0)

    qtbot.waitUntil(angry_alone, timeout=5000)


# ------------------------------------------------------------------------------------ annotation


def test_a_wrong_segment_is_corrected_by_a_click_and_a_key(qtbot, store, review, pointer):
    info = made.interview(store)
    window = review(info)
    mouse = pointer(window)
    segment = next(s for s in store.segments(info.id) if (s.channel, s.number) == (2, 1))
    row = mouse.row(SegmentTrack, title="Klientin „Ä“")
    mouse.click(row, (segment.start_s + segment.end_s) / 2)
    assert window.review_view.axis.cursor_s == segment.start_s
    qtbot.keyClick(mouse.canvas, KEY.Key_3)
    wanted = Interval(CORRECTED, segment.start_s, segment.end_s, "happy", channel=2)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(mouse.canvas, KEY.Key_5)
    assert [one.label for one in store.intervals(info.id)] == ["angry"]
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    qtbot.keyClick(window, KEY.Key_Z, CTRL)
    assert store.intervals(info.id) == []
    qtbot.mouseClick(window.buttons["redo"], LEFT)
    assert store.intervals(info.id) == [wanted]
    qtbot.keyClick(mouse.canvas, KEY.Key_0)
    assert store.intervals(info.id) == []


def test_a_right_click_offers_what_the_keys_do(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    mouse = pointer(window)
    segment = store.segments(info.id)[0]
    at = mouse.at(mouse.row(SegmentTrack), segment.start_s + 0.5)
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, at, mouse.canvas.mapToGlobal(at), Qt.KeyboardModifier(0)
    )
    QApplication.sendEvent(mouse.canvas, event)
    (menu,) = (one for one in window.review_view.findChildren(QMenu) if one.isVisible())
    next(one for one in menu.actions() if one.text().startswith("sad")).trigger()
    menu.close()
    assert [one.label for one in store.intervals(info.id)] == ["sad"]


def test_an_interval_is_drawn_named_moved_stretched_and_deleted(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    mouse = pointer(window)
    row = mouse.row(TierTrack, tier="emotion")
    mouse.drag(row, 1.0, 3.0)
    dialog = dialog_of(window)
    dialog.label.setCurrentText("calm")
    dialog.tier.setCurrentText("phase")
    accept(qtbot, dialog)
    (drawn,) = store.intervals(info.id)
    assert (drawn.tier, drawn.label) == ("phase", "calm")
    assert (drawn.start_s, drawn.end_s) == pytest.approx((1.0, 3.0), abs=0.02)
    row = mouse.row(TierTrack, tier="phase")
    mouse.drag(row, 2.0, 3.0)
    (moved,) = store.intervals(info.id)
    assert (moved.start_s, moved.end_s) == pytest.approx((2.0, 4.0), abs=0.05)
    mouse.drag(row, 4.0, 5.5)
    (longer,) = store.intervals(info.id)
    assert (longer.start_s, longer.end_s) == pytest.approx((moved.start_s, 5.5), abs=0.05)
    qtbot.keyClick(mouse.canvas, KEY.Key_4)
    assert [one.label for one in store.intervals(info.id)] == ["sad"]
    qtbot.keyClick(mouse.canvas, KEY.Key_Delete)
    assert store.intervals(info.id) == []
    for _ in range(5):
        qtbot.mouseClick(window.buttons["undo"], LEFT)
    assert store.intervals(info.id) == []
    assert not window.buttons["undo"].isEnabled()


def test_an_interval_is_made_by_keys_alone(qtbot, store, review):
    info = made.keep(store, made.records())
    window = review(info)
    canvas = window.review_view.canvas
    for _ in range(5):
        qtbot.keyClick(canvas, KEY.Key_Right)
    qtbot.keyClick(canvas, KEY.Key_B)
    qtbot.keyClick(canvas, KEY.Key_Right, SHIFT)
    qtbot.keyClick(canvas, KEY.Key_E)
    qtbot.keyClick(canvas, KEY.Key_2)
    (interval,) = store.intervals(info.id)
    assert interval.label == "calm"
    assert (interval.start_s, interval.end_s) == pytest.approx((0.4, 1.36))


def test_a_marker_is_set_written_moved_and_found_in_the_list(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    mouse, review_view = pointer(window), window.review_view
    mouse.click(mouse.row(ProbabilityTrack), 2.0)
    at_s = review_view.axis.cursor_s
    qtbot.keyClick(mouse.canvas, KEY.Key_M)
    (marker,) = store.markers(info.id)
    assert marker.time_s == at_s
    step = round(at_s / 0.08 - 0.5)
    update = next(one for one in store.updates(info.id) if one.step == step)
    assert marker.wall_clock == update.wall_clock
    qtbot.keyClick(mouse.canvas, KEY.Key_Return)
    dialog = dialog_of(window)
    qtbot.keyClicks(dialog.text, "laughs")
    qtbot.keyClick(dialog.text, KEY.Key_Return)
    assert [one.text for one in store.markers(info.id)] == ["laughs"]
    mouse.drag(mouse.row(MarkerTrack), at_s, at_s + 3.0)
    (moved,) = store.markers(info.id)
    assert moved.time_s == pytest.approx(at_s + 3.0, abs=0.05)
    later_s = moved.time_s - marker.time_s
    assert (moved.wall_clock - marker.wall_clock).total_seconds() == pytest.approx(later_s)
    review_view.tabs.setCurrentWidget(review_view.marks)
    review_view.axis.seek(0.0)
    marks = review_view.marks.table
    box = marks.visualRect(marks.model().index(0, 0))
    qtbot.mouseClick(marks.viewport(), LEFT, pos=box.center())
    assert review_view.axis.cursor_s == moved.time_s
    qtbot.keyClick(marks, KEY.Key_Return)
    dialog_of(window).reject()
    qtbot.keyClick(marks, KEY.Key_Delete)
    assert store.markers(info.id) == []


def test_a_change_that_cannot_be_stored_is_told_and_undone(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    store.add_marker(info.id, Marker(2.0, "here"))
    window = review(info)
    mouse = pointer(window)
    (key,) = store.keyed_markers(info.id)
    store.delete_marker(key)
    mouse.drag(mouse.row(MarkerTrack), 2.0, 4.0)
    assert "not in the store any more" in window.review_view.message.text()
    assert not window.buttons["undo"].isEnabled()
    qtbot.keyClick(window, KEY.Key_F5)
    assert len(window.review_view.annotations) == 0


def test_what_the_store_refuses_is_not_said_to_be_done(qtbot, store, review, pointer):
    info = made.keep(store, made.records())
    window = review(info)
    review_view, mouse = window.review_view, pointer(window)
    store.delete([info])  # as another window would
    mouse.click(mouse.row(SegmentTrack), 2.0)
    for key in (KEY.Key_M, KEY.Key_3, KEY.Key_F5, KEY.Key_E):
        review_view.say("")
        qtbot.keyClick(mouse.canvas, key, CTRL if key == KEY.Key_E else NONE)
        assert f"no session '{info.id}'" in review_view.message.text()
    assert len(review_view.annotations) == 0
    assert not window.buttons["undo"].isEnabled()


def test_the_times_are_dragged_to_select_and_a_key_shows_the_selection(
    qtbot, store, review, pointer
):
    window = review(made.keep(store, made.records()))
    mouse, axis = pointer(window), window.review_view.axis
    mouse.drag(mouse.row(RulerTrack), 4.0, 2.0)
    assert axis.selection == pytest.approx((2.0, 4.0), abs=0.05)
    assert "selected" in window.review_view.visible_range.text()
    qtbot.keyClick(mouse.canvas, KEY.Key_Z)
    qtbot.waitUntil(rested(axis))
    assert axis.span_s == pytest.approx(2.2, abs=0.1)
    qtbot.keyClick(mouse.canvas, KEY.Key_Escape)
    assert axis.selection is None


def test_a_summary_whose_window_goes_meanwhile_is_not_shown(qtbot, store, review, monkeypatch):
    window = review(made.keep(store, made.records()))
    panel = window.review_view.summary

    def words_of_a_panel_that_goes(text, _role):
        if not sip.isdeleted(panel):
            sip.delete(panel)
        return QLabel(text)

    monkeypatch.setattr(summary, "label", words_of_a_panel_that_goes)
    panel.begin()
    qtbot.waitUntil(lambda: sip.isdeleted(panel))


def test_a_session_without_an_update_opens(store, review, pointer):
    window = review(made.keep(store))
    assert window.review_view.segments.model.rowCount() == 0
    assert window.review_view.annotations.stack.isClean()
    assert pointer(window).row(ProbabilityTrack).channel.moment(0.0) is None
