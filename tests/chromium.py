"""Debian's Chromium, driven by Playwright, with a file as its microphone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium")


@contextmanager
def chromium(playwright: Playwright, microphone: Path | None) -> Iterator[Browser]:
    """Run the browser; its microphone plays a WAV over and over, or is denied."""
    allowed = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM,
        headless=False,  # Playwright's own headless browser refuses microphones
        args=["--headless=new", "--no-sandbox", *(allowed if microphone else ())],
    )
    try:
        yield browser
    finally:
        browser.close()
