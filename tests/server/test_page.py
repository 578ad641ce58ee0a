"""The page in a real browser: files, the microphone, keys, themes, small screens."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import urlsplit

import pytest
import soundfile
import soxr
from playwright.sync_api import expect, sync_playwright

from realtime_ser.base.config import Config
from realtime_ser.base.labels import COLORS, LABELS
from realtime_ser.base.paths import shipped
from realtime_ser.commands.main import main
from realtime_ser.outputs.asgi import Access
from realtime_ser.server.running import page_server
from realtime_ser.timeline.style import DARK, LIGHT
from realtime_ser.timeline.voice_tracks import SCALES
from tests.chromium import CHROMIUM, chromium

DEMO = shipped("demo.flac")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
expect.set_options(timeout=60_000)  # a busy machine is no fault of the page


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Sound of the browser's microphone."""
    samples, rate = soundfile.read(DEMO, dtype="float32")
    path = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    soundfile.write(path, soxr.resample(samples[: 20 * rate], rate, 48_000), 48_000, "PCM_16")
    return path


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright, spoken):
    with chromium(playwright, spoken) as started:
        yield started


@pytest.fixture
def open_page(browser, page_url):
    """Opens the page in a window of its own; it complains of nothing and asks nobody else."""
    contexts, troubles = [], []

    def see(request):
        if not request.url.startswith((page_url, "blob:")):
            troubles.append(request.url)

    def open_(url=page_url, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        if url == page_url:
            page.on("request", see)
        page.goto(url)
        expect(page.locator(".bar")).to_have_count(len(LABELS))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []


GRID_LINES = sum(len(scale.grid) for scale in SCALES) - 2  # a measure may lie along its line


def state(page, name):
    expect(page.locator(f"body[data-state={name}]")).to_be_attached(timeout=60_000)


def hear(page, path):
    page.set_input_files("#file", path)
    state(page, "done")


def saved(page, link):
    with page.expect_download() as download:
        page.click(link)
    return download.value.suggested_filename, download.value.path().read_bytes()


def colour(page, selector, name="background-color"):
    found = page.eval_on_selector(selector, f"one => getComputedStyle(one)['{name}']")
    return "#" + bytes(map(int, re.findall(r"\d+", found)[:3])).hex().upper()


def paints(page, *colours):
    """Wait until the timeline has pixels of all these colours."""
    page.wait_for_function(
        """wanted => {
          const context = canvas.getContext("2d");
          const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
          const found = new Set();
          for (let at = 0; at < data.length; at += 4)
            found.add(65536 * data[at] + 256 * data[at + 1] + data[at + 2]);
          return wanted.every(one => found.has(one));
        }""",
        arg=[int(colour[1:], 16) for colour in colours],
        timeout=60_000,
    )


def tracks_of_the_voice(page, theme=LIGHT):
    """Number of lines of the grid across the timeline, and of pixels of the voice in its lowest."""
    return page.evaluate(
        """([grid, voice, most]) => {
          const {width, height} = canvas;
          const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
          const count = (y, colour) => {
            let found = 0;
            for (let at = 4 * y * width; at < 4 * (y + 1) * width; at += 4)
              found += 65536 * data[at] + 256 * data[at + 1] + data[at + 2] === colour;
            return found;
          };
          const rows = [...Array(height).keys()];
          const lines = rows.filter(y => count(y, grid) > 0.4 * width);
          const from = lines.at(-most) ?? height;
          return [lines.length, rows.slice(from).reduce((sum, y) => sum + count(y, voice), 0)];
        }""",
        [int(theme.grid[1:], 16), int(theme.voice[1:], 16), GRID_LINES],
    )


def test_a_file_gives_the_tables_that_analyze_writes(open_page, tmp_path):
    page = open_page()
    hear(page, DEMO)
    assert main(["analyze", str(DEMO), "--out", str(tmp_path)]) == 0
    for link, table in (("#steps-file", "frames"), ("#segments-file", "segments")):
        name, data = saved(page, link)
        assert name == ("demo.csv" if table == "frames" else "demo.segments.csv")
        assert data == (tmp_path / f"demo.{table}.csv").read_bytes()
    text = (tmp_path / "demo.segments.csv").read_text(encoding="utf-8")
    segments = list(csv.DictReader(io.StringIO(text)))
    rows = page.locator("#segments tr")
    expect(rows).to_have_count(len(segments))
    for shown, segment in zip(rows.all_inner_texts(), segments, strict=True):
        usable = segment["quality"] in ("good", "telephone", "doubtful voice")
        assert segment["quality"] in shown
        assert (f"{round(100 * float(segment['confidence']))}\u202f%" in shown) == usable
    expect(page.locator("#summary")).to_contain_text("s of speech in")
    expect(page.locator("#leader")).to_have_text(re.compile("sounds "))
    paints(page, COLORS["neutral"], COLORS["angry"])


def test_a_file_may_be_dropped(open_page):
    page = open_page()
    handle = page.evaluate_handle(
        """data => {
          const found = new DataTransfer();
          found.items.add(new File([Uint8Array.from(data)], "talk.flac"));
          return found;
        }""",
        list(DEMO.read_bytes()),
    )
    page.dispatch_event("body", "drop", {"dataTransfer": handle})
    state(page, "done")
    expect(page.locator("#segments tr").first).to_be_visible()


def test_a_file_that_is_no_sound_is_told_and_the_next_is_heard(open_page, tmp_path):
    page = open_page()
    (tmp_path / "notes.wav").write_text("this is no sound")
    page.set_input_files("#file", tmp_path / "notes.wav")
    expect(page.get_by_role("alert")).to_contain_text("notes.wav")
    hear(page, DEMO)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_file_of_two_gigabytes_is_refused_before_it_is_sent(open_page, tmp_path):
    page, large = open_page(), tmp_path / "large.wav"
    with large.open("wb") as file:
        file.truncate(2_000_000_000)
    page.set_input_files("#file", large)
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(re.compile(r"large\.wav is larger than 1000 MB.*analyze'\.$"))
    state(page, "idle")


def test_the_microphone_gives_a_live_timeline_markers_and_a_table(open_page):
    page = open_page()
    page.get_by_role("button", name="Record").click()
    state(page, "speech")
    expect(page.locator("#leader")).to_have_text(re.compile("sounds "))
    expect(page.locator("#percent")).to_have_text(re.compile(r"\d+\u202f%"))
    paints(page, COLORS["neutral"])
    page.fill("#marker", "first question")
    page.get_by_role("button", name="Mark").click()
    page.locator("body").press("m")
    expect(page.locator("#segments tr").nth(1)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"\d+\u202f%, 00:"))
    expect(page.locator("#latency")).to_have_text(re.compile(r"sound to screen \d+ ms"))
    expect(page.locator("#rate")).to_have_text(re.compile("updates/s"))
    expect(page.locator("#given")).to_have_text(re.compile(" Hz, sound as the microphone gives it"))
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("body:not([data-state=paused])")).to_be_attached()
    page.get_by_role("button", name="Stop").click()
    state(page, "done")
    _, data = saved(page, "#steps-file")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [float(row["time_s"]) for row in rows] == [
        round(0.08 * (number + 1), 2) for number in range(len(rows))
    ]
    spoken = [row for row in rows if row["state"] == "speech"]
    assert len(spoken) > 25
    assert all(
        sum(float(row[label]) for label in LABELS) == pytest.approx(1, abs=1e-4) for row in spoken
    )
    # On a busy machine the browser leaves out sound, which is told as lost.
    assert {row["state"] for row in rows} - {"lost"} == {"silence", "speech", "paused"}
    _, data = saved(page, "#markers-file")
    marked = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [row["text"] for row in marked] == ["first question", ""]
    assert 0 < float(marked[0]["time_s"]) < float(marked[1]["time_s"]) < float(rows[-1]["time_s"])


def test_a_microphone_that_is_denied_is_told_with_what_to_do(playwright, page_url):
    with chromium(playwright, None) as browser:
        page = browser.new_page()
        page.goto(page_url)
        page.get_by_role("button", name="Record").click()
        expect(page.get_by_role("alert")).to_contain_text(re.compile("microphone.*press Record"))
        state(page, "idle")


def test_when_the_server_goes_away_what_was_heard_stays(open_page):
    with page_server(Config(), Access()) as url:
        page = open_page(url)
        page.get_by_role("button", name="Record").click()
        state(page, "speech")
    state(page, "done")
    expect(page.get_by_role("alert")).to_contain_text("The connection to the server broke")
    _, data = saved(page, "#steps-file")
    assert b",speech," in data


def test_keys_are_enough(open_page):
    page = open_page()
    page.locator("body").press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the timeline"
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached[:2] == ["record", "choose"]
    assert {"microphones", "choose-here", "channel"} <= set(reached)
    hear(page, DEMO)
    slider = page.get_by_role("slider", name="Timeline")
    slider.focus()
    for key in ("End", "Home", "ArrowRight", "PageDown"):
        before = slider.get_attribute("aria-valuenow")
        page.keyboard.press(key)
        assert slider.get_attribute("aria-valuenow") != before
    page.get_by_role("button", name="Go to 00:11.0").press("Enter")
    expect(slider).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight" if _ < 1 else "ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"00:12\.\d, sounds \w+ \d+"))
    expect(page.locator("#card")).to_be_visible()


@pytest.mark.parametrize(("scheme", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_the_page_follows_the_theme_of_the_desktop(open_page, scheme, theme):
    page = open_page(color_scheme=scheme)
    assert colour(page, "body") == theme.background
    assert colour(page, "body", "color") == theme.text
    hear(page, DEMO)
    paints(page, theme.muted)  # words of the axes
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    other = DARK if scheme == "light" else LIGHT
    paints(page, other.muted)


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_nothing_is_wider_than_the_screen(open_page, width):
    page = open_page(viewport={"width": width, "height": 800})
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(fits)
    page.get_by_role("button", name="Record").click()
    state(page, "speech")
    assert page.evaluate(fits)
    page.get_by_role("button", name="Stop").click()
    hear(page, DEMO)
    assert page.evaluate(fits)


def test_everything_to_press_has_a_name_and_the_page_a_language(open_page):
    page = open_page()
    hear(page, DEMO)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, audio, [tabindex]")]
          .filter(one => one.checkVisibility())
          .filter(one => !(one.textContent.trim() || one.ariaLabel || one.labels?.length
                           || one.title || one.controls))
          .map(one => one.outerHTML)"""
    )
    assert nameless == []
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("[aria-live=polite]").count() == 1
    expect(page.get_by_role("table", name="Segments of speech")).to_be_visible()
    expect(page.get_by_role("table", name="Probabilities")).to_be_visible()
    assert urlsplit(page.url).query == ""


def test_what_the_voice_does_is_drawn_and_read_as_in_the_window(open_page, serve):
    page = open_page(color_scheme="light")
    hear(page, DEMO)
    paints(page, LIGHT.voice)
    lines, voiced = tracks_of_the_voice(page)
    slider = page.get_by_role("slider", name="Timeline")
    page.get_by_role("button", name="Go to 00:11.0").press("Enter")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    words = (
        r"pitch \d+ Hz, loudness \u2212\d+ LUFS, rate \d\.\d syllables/s, activation [+\u2212]\d"
    )
    expect(slider).to_have_attribute("aria-valuetext", re.compile(words))
    for name in ("pitch", "loudness", "rate", "activation"):
        expect(page.locator("#card dt", has_text=name)).to_be_visible()
    url = serve(config=Config.model_validate({"voice": {"measures": False}}))
    without = open_page(url, color_scheme="light")
    hear(without, DEMO)
    paints(without, LIGHT.voice)
    assert lines - tracks_of_the_voice(without)[0] >= GRID_LINES
    assert voiced > 500
    without.get_by_role("button", name="Go to 00:11.0").press("Enter")
    expect(without.locator("#card")).to_be_visible()
    expect(without.locator("#card dt", has_text="pitch")).to_have_count(0)


def test_what_the_voice_does_is_drawn_live(open_page):
    page = open_page(color_scheme="light")
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#segments tr").first).to_be_visible(timeout=60_000)
    lines, voiced = tracks_of_the_voice(page)
    assert lines >= GRID_LINES
    assert voiced > 50


def test_the_pointer_reads_a_moment_and_leaves_the_whole(open_page):
    page = open_page()
    hear(page, DEMO)
    expect(page.locator("#previous")).to_have_text("on average")
    box = page.locator("#timeline").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator("#card")).to_contain_text("neutral")
    expect(page.locator("#previous")).to_have_text("\u00a0")
    page.mouse.move(0, 0)
    expect(page.locator("#card")).to_be_hidden()
    expect(page.locator("#previous")).to_have_text("on average")


def test_a_token_opens_the_page_and_leaves_the_address(open_page, serve):
    page = open_page(serve(Access(token="a secret of 16 letters")))
    assert "?" not in page.url
    hear(page, DEMO)
    page.get_by_role("button", name="Record").click()
    state(page, "speech")


def test_the_page_says_that_it_listens_and_what_is_kept(open_page, serve):
    page = open_page()
    expect(page.locator("#welcome")).to_contain_text("Record listens to this browser's microphone")
    expect(page.locator("#welcome")).to_contain_text("Nothing is kept")
    page = open_page(serve(keep=True))
    expect(page.locator("#welcome")).to_contain_text("kept among the sessions of this server")
    page.get_by_role("button", name="Record").click()
    state(page, "listening")
    expect(page.locator("#state")).to_have_text("Listening")
    assert page.title() == "● Listening – Realtime SER"
