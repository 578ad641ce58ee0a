"""The menu of the programs that take part in a session."""

from __future__ import annotations

import socket

import pytest

from realtime_ser.gui.app.window_manager import WindowManager


@pytest.fixture
def menu(qtbot, window, conduct):
    """The running session's menu, as it is when it is opened: ``menu()``."""
    controller = conduct(speed=1.0)
    manager = WindowManager(window, controller)
    qtbot.waitUntil(lambda: controller.view.position_s > 0.5, timeout=30000)
    submenu = window.actions_.menus["Other programs"]

    def opened():
        submenu.aboutToShow.emit()
        return {action.text().partition(": ")[0]: action for action in submenu.actions()}

    yield opened
    manager.close()


def test_every_output_can_be_switched_on_and_off(menu):
    entries = menu()
    assert {"lsl", "osc://127.0.0.1:9000", "ws://127.0.0.1:8765", "mqtt://127.0.0.1:1883"} <= set(
        entries
    )
    assert not any(entry.isChecked() for entry in entries.values())


def test_a_port_that_is_taken_is_said(qtbot, window, menu):
    taken = socket.socket()
    try:
        taken.bind(("127.0.0.1", 8765))
        taken.listen()
    except OSError:
        pass  # by another program, which is as good
    with taken:
        menu()["ws://127.0.0.1:8765"].trigger()
        qtbot.waitUntil(
            lambda: "port 8765 of 127.0.0.1" in window.statusline.message.text(), timeout=30000
        )
        entry = menu()["ws://127.0.0.1:8765"]
        assert entry.isChecked()
        assert "not connected" in entry.text()
        assert "port 8765" in entry.toolTip()
        entry.trigger()
        qtbot.waitUntil(lambda: menu()["ws://127.0.0.1:8765"].text().endswith("off"))


def test_what_is_heard_and_lost_stands_in_the_menu(qtbot, menu):
    menu()["osc://127.0.0.1:9000"].trigger()
    qtbot.waitUntil(
        lambda: (
            menu()["osc://127.0.0.1:9000"].text().endswith(" sent")
            and ": 0 sent" not in menu()["osc://127.0.0.1:9000"].text()
        ),
        timeout=30000,
    )
    menu()["osc://127.0.0.1:9000"].trigger()
    qtbot.waitUntil(lambda: menu()["osc://127.0.0.1:9000"].text().endswith(": off"))
    assert not menu()["osc://127.0.0.1:9000"].isChecked()
