"""The part of the tour that is seen in a browser: the page of ``realtime-ser serve``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import soundfile
from playwright.sync_api import Browser, Page, sync_playwright
from PyQt6.QtGui import QImage

from realtime_ser.base.config import Config
from realtime_ser.outputs.asgi import Access
from realtime_ser.server.running import page_server

sys.path.append(str(Path(__file__).resolve().parent.parent))
from tests.chromium import chromium

VIEWS = ("page", "page_live", "page_file", "page_phone")

_LIVE_S = 61.0
"""Seconds of the recording that the live page has heard: its timeline is full."""

_FILE_S = 45.0
_READ_AT = 0.62  # of the timeline's width, where the pointer is

Write = Callable[[str, str, QImage], None]
"""Takes the name of a view, a theme, and the picture."""


def visit(recording: Path, scale: int, views: Sequence[str], write: Write) -> None:
    """Take pictures of some of :data:`VIEWS`, light and dark."""
    excerpt = recording.with_name("excerpt.wav")
    sound, rate = soundfile.read(recording, dtype="float32", frames=-1)
    soundfile.write(excerpt, sound[: round(_FILE_S * rate)], rate)
    try:
        with (
            page_server(Config(), Access()) as url,
            sync_playwright() as playwright,
            chromium(playwright, recording) as browser,
        ):
            if "page" in views:
                _picture(_open(browser, url, scale), "page", write)
            if "page_file" in views:
                page = _open(browser, url, scale)
                page.set_input_files("#file", excerpt)
                page.wait_for_selector("[data-state=done]")
                box = page.locator("#timeline").bounding_box()
                assert box is not None
                page.mouse.move(box["x"] + _READ_AT * box["width"], box["y"] + 0.5 * box["height"])
                _picture(page, "page_file", write)
            for view, size in (("page_live", (1280, 720)), ("page_phone", (360, 740))):
                if view in views:
                    page = _open(browser, url, scale, size)
                    _record(page, _LIVE_S if view == "page_live" else _LIVE_S / 2)
                    _picture(page, view, write, _wait_for_voice)
                    page.click("#record")
                    page.wait_for_selector("[data-state=done]")
    finally:
        excerpt.unlink()


def _open(browser: Browser, url: str, scale: int, size: tuple[int, int] = (1280, 720)) -> Page:
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale
    )
    page.set_default_timeout(120_000.0)  # a busy computer takes its time
    page.goto(url)
    page.wait_for_selector("#record:enabled")
    return page


def _record(page: Page, seconds: float) -> None:
    """Record for so many seconds, with a marker."""
    page.click("#record")
    page.wait_for_timeout(1000.0 * (seconds - 41.0 if seconds > 50.0 else seconds / 2))
    page.fill("#marker", "question")
    page.click("#mark")
    page.wait_for_timeout(1000.0 * (41.0 if seconds > 50.0 else seconds / 2))
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")


def _wait_for_voice(page: Page) -> None:
    """Wait until somebody has begun to speak."""
    page.wait_for_selector("[data-state=listening]")
    page.wait_for_selector("[data-state=speech]")
    page.wait_for_timeout(800)


def _picture(
    page: Page, view: str, write: Write, settle: Callable[[Page], object] = lambda _: None
) -> None:
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_timeout(150)
        settle(page)
        write(view, theme, QImage.fromData(page.screenshot()))
