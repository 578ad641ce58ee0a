"""Parts and dialogs that the windows share."""

import threading

from PyQt6.QtWidgets import QFileDialog, QLabel, QWidget

from realtime_ser.base.errors import SerError
from realtime_ser.gui.widgets.dialogs import TaskDialog, ask_target
from realtime_ser.gui.widgets.parts import ChevronComboBox, MessageLabel, column, row


class Working(TaskDialog):
    def __init__(self):
        super().__init__("Work", None)
        self.results = []
        self.show_parts(self.progress, self.message)

    def succeeded(self, result):
        self.show_busy(busy=False)
        self.results.append(result)


def shown(qtbot, dialog):
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    return dialog


def test_work_is_shown_while_it_runs_and_its_result_is_taken(qtbot):
    dialog, go = shown(qtbot, Working()), threading.Event()
    dialog.run_task(lambda advance: go.wait(10))
    assert dialog.progress.isVisible()
    go.set()
    qtbot.waitUntil(lambda: dialog.results == [True])
    assert not dialog.progress.isVisible()


def test_a_dialog_stays_until_its_work_has_ended(qtbot):
    dialog = shown(qtbot, Working())

    def work(advance):
        while True:
            advance(0.5)

    dialog.run_task(work)
    dialog.reject()
    assert dialog.isVisible()
    assert dialog.message.text() == "Ending…"
    qtbot.waitUntil(lambda: not dialog.progress.isVisible())
    dialog.reject()
    assert not dialog.isVisible()


def test_a_failure_is_told_in_the_dialog(qtbot):
    dialog = shown(qtbot, Working())

    def work(advance):
        raise SerError("There is no room: free some.")

    dialog.run_task(work)
    qtbot.waitUntil(lambda: "There is no room: free some." in dialog.message.text())
    assert not dialog.progress.isVisible()


def test_a_message_tells_what_a_block_could_not_do(qtbot):
    message = MessageLabel()
    qtbot.addWidget(message)
    with message.reporting_errors():
        raise SerError("Not so.")
    assert message.text() == "\u26a0 Not so."


def test_choices_are_changed_without_a_signal_and_keep_what_is_chosen(qtbot):
    box = ChevronComboBox()
    qtbot.addWidget(box)
    heard = []
    box.currentIndexChanged.connect(heard.append)
    box.fill([("Any", None), ("a", "A"), ("b", "B")], "B")
    assert (box.currentData(), heard) == ("B", [])
    box.fill([("Any", None), ("a", "A")], "B")
    assert box.currentData() is None


def test_parts_get_the_room_that_is_asked_for(qtbot):
    first, second = QLabel("a"), QLabel("b")
    line = row(first, None, (second, 2), (None, 0), spacing=2)
    assert [line.stretch(place) for place in range(line.count())] == [0, 1, 2, 0]
    host = QWidget()
    qtbot.addWidget(host)
    host.setLayout(column(line, margins=1))
    assert host.layout().getContentsMargins() == (8, 8, 8, 8)
    assert first.parent() is host


def test_a_target_gets_the_ending_of_its_format(qtbot, tmp_path):
    host, found = shown(qtbot, QWidget()), []
    ask_target(host, "Export to", "ELAN", ".eaf", tmp_path / "talk.eaf", found.append)
    (dialog,) = host.findChildren(QFileDialog)
    dialog.selectFile("other")
    dialog.accept()
    assert found == [tmp_path / "other.eaf"]
