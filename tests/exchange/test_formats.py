"""Each export is opened by a reader that the program has no part in."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
import warnings
from collections import Counter
from dataclasses import asdict, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pympi
import pytest
import soundfile
from praatio import textgrid

from realtime_ser.base.config import Config
from realtime_ser.base.errors import FileTakenError, OutputError, SerError, UsageError
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import STEP_S, Marker
from realtime_ser.commands.main import main
from realtime_ser.commands.sessions.export import draw_png
from realtime_ser.exchange.audio import AudioRange, segment_range
from realtime_ser.exchange.registry import CORPUS, FORMATS, TIDY, ExportRequest, export
from realtime_ser.session.metadata import Study
from realtime_ser.session.statistics import speech_statistics
from realtime_ser.session.store import Interval, SessionState, open_store
from tests.kept_sessions import (
    MARKERS,
    RATE,
    SPEECH,
    interrupted,
    interview,
    keep,
    records,
    sound,
)

SVG = "{http://www.w3.org/2000/svg}"
QUOTED = 'says "no" & <goes>'


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


@pytest.fixture
def talk(store):
    """Two named channels with sound, markers and intervals by hand."""
    info = interview(store, audio=True)
    store.annotate(
        info.id,
        intervals=[
            Interval("phase", 0.0, 4.0, "Ruhe"),
            Interval("phase", 3.0, 7.9, "stress", "a comment"),
            Interval("mood", 1.0, 2.0, "böse", channel=2),
        ],
    )
    return store.session(info.id)


def written(store, info, path, **request):
    return export(store, info, ExportRequest(path, **request), draw_png)


def sessions(*arguments):
    return main(["sessions", *map(str, arguments)])


# -------------------------------------------------------------------------------------------- ELAN


def checked_eaf(path):
    """The root of an annotation file that keeps the rules of EAF 3.0."""
    root = ElementTree.parse(path).getroot()
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    places = [order.index(child.tag) for child in root]
    assert places == sorted(places)
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root[1]}
    assert len(slots) == len(root[1])
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.get("LINGUISTIC_TYPE_ID"): kind for kind in root.iter("LINGUISTIC_TYPE")}
    tiers = {tier.get("TIER_ID"): tier for tier in root.iter("TIER")}
    assert len(tiers) == len(list(root.iter("TIER")))
    ids = [a[0].get("ANNOTATION_ID") for a in root.iter("ANNOTATION")]
    assert len(ids) == len(set(ids))
    for tier in tiers.values():
        kind = types[tier.get("LINGUISTIC_TYPE_REF")]
        parent = tier.get("PARENT_REF")
        if parent is None:
            assert kind.get("CONSTRAINTS") is None
            end = -1
            for span in tier.iter("ALIGNABLE_ANNOTATION"):
                start = slots[span.get("TIME_SLOT_REF1")]
                assert start >= end, "annotations of a tier do not overlap"
                end = slots[span.get("TIME_SLOT_REF2")]
                assert end > start
        else:
            assert kind.get("CONSTRAINTS") == "Symbolic_Association"
            owned = {a.get("ANNOTATION_ID") for a in tiers[parent].iter("ALIGNABLE_ANNOTATION")}
            refs = [a.get("ANNOTATION_REF") for a in tier.iter("REF_ANNOTATION")]
            assert len(refs) == len(set(refs))
            assert set(refs) <= owned
    return root


def eaf(path):
    checked_eaf(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pympi.Eaf(str(path))


def test_elan_gets_segments_markers_and_intervals_to_the_millisecond(talk, store, tmp_path):
    path = tmp_path / "Größe 1.eaf"
    written(store, talk, path)
    found = eaf(path)
    for channel, speaker in ((1, "coach"), (2, "Klientin „Ä“")):
        segments = [s for s in store.segments(talk.id) if s.channel == channel]
        assert found.get_annotation_data_for_tier(f"segments@{speaker}") == [
            (round(1000 * s.start_s), round(1000 * s.end_s), s.estimate.label) for s in segments
        ]
        assert found.tiers[f"segments@{speaker}"][2]["PARTICIPANT"] == speaker
        said = found.get_ref_annotation_data_for_tier(f"confidence@{speaker}")
        assert [row[2] for row in said] == [f"{s.estimate.confidence:.3f}" for s in segments]
        certain = found.get_ref_annotation_data_for_tier(f"certainty@{speaker}")
        names = ["certain" if s.estimate.certain else "uncertain" for s in segments]
        assert [row[2] for row in certain] == names
    moments = found.get_annotation_data_for_tier("markers")
    assert [(start, text) for start, _, text in moments] == [
        (500, f"k1: {QUOTED}"),
        (3200, "Größe — 日本語 👩‍🔬"),
    ]
    assert found.get_annotation_data_for_tier("markers (2)")[0][::2] == (3200, "=HYPERLINK()")
    assert found.get_annotation_data_for_tier("marked intervals") == [(2000, 5250, "overlaps")]
    assert found.get_annotation_data_for_tier("marked intervals (2)") == [(4000, 8000, "also")]
    assert found.get_annotation_data_for_tier("phase") == [(0, 4000, "Ruhe")]
    assert found.get_annotation_data_for_tier("phase (2)") == [(3000, 7900, "stress: a comment")]
    assert found.get_annotation_data_for_tier("mood@Klientin „Ä“") == [(1000, 2000, "böse")]


def test_elan_finds_sound_and_curves_beside_the_annotations(talk, store, tmp_path):
    path = tmp_path / "out" / "Größe 1.eaf"
    names = ["Größe 1_curves_1.csv", "Größe 1_curves_2.csv", "Größe 1_tsconf.xml", "Größe 1.pfsx"]
    files = written(store, talk, path)
    assert {file.name for file in files} == {path.name, "Größe 1.wav", *names}
    assert {file.name for file in path.parent.iterdir()} == {file.name for file in files}
    header = checked_eaf(path).find("HEADER")
    media = header.find("MEDIA_DESCRIPTOR")
    assert local(media.get("MEDIA_URL")) == path.with_suffix(".wav")
    assert (path.parent / media.get("RELATIVE_MEDIA_URL")).exists()
    samples, rate = soundfile.read(path.with_suffix(".wav"), dtype="float32", always_2d=True)
    assert rate == RATE
    np.testing.assert_array_equal(samples, sound(2))
    linked = [local(link.get("LINK_URL")) for link in header.iter("LINKED_FILE_DESCRIPTOR")]
    assert [link.name for link in linked] == [names[2], names[0], names[1]]
    # ELAN takes the tracks of sources that are linked, under the very same address.
    sources = ElementTree.parse(linked[0]).getroot().findall("tracksource")
    links = [link.get("LINK_URL") for link in header.iter("LINKED_FILE_DESCRIPTOR")]
    assert [source.get("source-url") for source in sources] == links[1:]
    panels = ElementTree.parse(path.with_suffix(".pfsx")).getroot()
    assert panels.find("pref/Int").text == "2"
    for channel, (source, panel) in enumerate(
        zip(sources, panels.findall("prefList"), strict=True), 1
    ):
        tracks = [track.get("name") for track in source.findall("track")]
        assert [text.text for text in panel] == tracks
        rows = np.loadtxt(local(source.get("source-url")), delimiter=",", comments="#")
        columns = store.columns(talk.id, channel)
        time = rows[:, int(source.get("time-column"))]
        np.testing.assert_allclose(time, columns.time_s, atol=1e-3)
        for index, track in enumerate(source.findall("track")):
            assert track.get("name").startswith(f"{LABELS[index]}@")
            column = int(track.find("sample-position/pos").get("col"))
            np.testing.assert_allclose(
                rows[:, column], columns.probabilities[:, index], atol=1e-6, equal_nan=True
            )


def local(url):
    return Path(unquote(urlsplit(url).path))


# ------------------------------------------------------------------------------------------- Praat


def test_praat_gets_tiers_without_gaps_and_points(talk, store, tmp_path):
    call = pytest.importorskip("parselmouth.praat").call
    parselmouth = pytest.importorskip("parselmouth")
    path = tmp_path / "talk.TextGrid"
    written(store, talk, path)
    grid = parselmouth.read(str(path))
    assert call(grid, "Get start time") == 0.0
    assert call(grid, "Get end time") == pytest.approx(talk.duration_s, abs=1e-3)
    names = [call(grid, "Get tier name", n + 1) for n in range(call(grid, "Get number of tiers"))]
    tiers = dict(zip(names, range(1, 100), strict=False))
    segments = [s for s in store.segments(talk.id) if s.channel == 1]
    tier = tiers["segments@coach"]
    count = call(grid, "Get number of intervals", tier)
    rows = [
        (
            call(grid, "Get start time of interval", tier, n),
            call(grid, "Get end time of interval", tier, n),
            call(grid, "Get label of interval", tier, n),
        )
        for n in range(1, count + 1)
    ]
    assert rows[0][0] == 0.0
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    labelled = [row for row in rows if row[2]]
    for row, segment in zip(labelled, segments, strict=True):
        assert row[:2] == pytest.approx((segment.start_s, segment.end_s), abs=1e-6)
        assert row[2] == segment.estimate.label
    tier = tiers["markers"]
    texts = [call(grid, "Get label of point", tier, n) for n in (1, 2)]
    assert texts == [f"k1: {QUOTED}", "Größe — 日本語 👩‍🔬"]
    assert call(grid, "Get time of point", tier, 1) == pytest.approx(0.5, abs=1e-6)
    # a second reader, of the program's own language
    again = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert list(again.tierNames) == names
    assert tuple(again.getTier("phase (2)").entries[0]) == (3.0, 7.9, "stress: a comment")


# ------------------------------------------------------------------------------ Audacity, JSON, CSV


def test_audacity_gets_one_label_a_line(talk, store, tmp_path):
    path = tmp_path / "labels.txt"
    written(store, talk, path)
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    assert all(len(line) == 3 for line in lines)
    times = [(float(start), float(end)) for start, end, _ in lines]
    assert times == sorted(times)
    found = {text: time for time, (_, _, text) in zip(times, lines, strict=True)}
    assert found[f"k1: {QUOTED}"] == (0.5, 0.5)
    assert found["phase: Ruhe"] == (0.0, 4.0)
    assert found["Klientin „Ä“: mood: böse"] == (1.0, 2.0)
    segment = store.segments(talk.id)[0]
    times = [time for time, line in zip(times, lines, strict=True) if "coach: " in line[2]]
    assert times[0] == pytest.approx((segment.start_s, segment.end_s), abs=1e-6)


def test_json_holds_everything_and_the_frames_if_they_are_wished(talk, store, tmp_path):
    store.add_note(talk.id, "a dog barked")
    written(store, talk, tmp_path / "short.json")
    short = json.loads((tmp_path / "short.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert short["session"]["channels"] == {"1": "coach", "2": "Klientin „Ä“"}
    assert [marker["text"] for marker in short["markers"]] == [m.text for m in MARKERS]
    assert [interval["label"] for interval in short["intervals"]] == ["Ruhe", "böse", "stress"]
    assert [note["text"] for note in short["notes"]] == ["a dog barked"]
    assert len(short["segments"]) == 3
    assert set(short["segments"][0]["probabilities"]) == set(LABELS)
    assert "frames" not in short
    assert str(store.folder) not in (tmp_path / "short.json").read_text("utf-8")
    written(store, talk, tmp_path / "long.json", frames=True)
    long = json.loads((tmp_path / "long.json").read_text("utf-8"), parse_constant=pytest.fail)
    for channel, frames in enumerate(long.pop("frames"), 1):
        columns = store.columns(talk.id, channel)
        assert frames.pop("channel") == channel
        assert {len(values) for values in frames.values()} == {len(columns)}
        np.testing.assert_allclose(frames["time_s"], columns.time_s, atol=1e-9)
        first = int(np.flatnonzero(columns.speech)[0])
        assert frames["happy"][first - 1] is None
        expected = float(columns.probabilities[first, LABELS.index("happy")])
        assert frames["happy"][first] == pytest.approx(expected, abs=1e-6)
        assert frames["state"][84:90] == ["lost"] * 6
    assert long == short


def test_formula_like_cells_stay_escaped_in_csv(talk, store, tmp_path):
    written(store, talk, tmp_path / "talk.csv")
    assert ",'=HYPERLINK()," in (tmp_path / "talk.markers.csv").read_text("utf-8")


# -------------------------------------------------------------------------------------------- sound


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_sound_is_exported_to_the_sample(talk, store, tmp_path, ending):
    samples = sound(2)
    for name, audio_range, expected in (
        ("whole", AudioRange(), samples),
        ("stretch", AudioRange(1.5, 2.0), samples[12_000:16_000]),
        ("channel", AudioRange(channel=2), samples[:, 1:]),
        ("segment", segment_range(store, talk, 2, None), samples[33_280:51_200, :1]),
    ):
        path = tmp_path / f"{name}.{ending}"
        written(store, talk, path, audio_range=audio_range)
        found, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert rate == RATE
        np.testing.assert_array_equal(found, expected)
        assert soundfile.info(path).format == ending.upper()


def test_praat_gets_no_interval_without_a_length(talk, store, tmp_path):
    """What was dragged to touch its neighbour differs from it in the last bit of a number."""
    ends = [(0.0, 0.6), (0.1 * 6, 1.0), (1.0004, 1.0007), (1.0007000001, 1.0007000002)]
    assert ends[1][0] != 0.6
    store.annotate(talk.id, intervals=[Interval("tier", *span, "a") for span in ends])
    path = tmp_path / "talk.TextGrid"
    written(store, talk, path)
    tier = textgrid.openTextgrid(str(path), includeEmptyIntervals=False).getTier("tier")
    assert [entry.label for entry in tier.entries] == ["a"] * 4


def test_praat_hears_the_exported_sound(talk, store, tmp_path):
    parselmouth = pytest.importorskip("parselmouth")
    written(store, talk, tmp_path / "talk.wav")
    heard = parselmouth.Sound(str(tmp_path / "talk.wav"))
    assert heard.n_channels == 2
    assert heard.total_duration == pytest.approx(8.0, abs=1e-3)
    np.testing.assert_allclose(heard.values.T, sound(2), atol=1e-6)


def test_a_session_that_ended_at_once_has_no_sound_for_elan(store, tmp_path):
    info = keep(store)
    (store.folder / info.id).mkdir()
    path = store.folder / info.id / "audio.flac"
    soundfile.write(path, sound(seconds=0.0), RATE)
    info = replace(info, audio=path)
    files = written(store, info, tmp_path / "short.eaf")
    assert [f.suffix for f in files] == [".eaf", ".csv", ".xml", ".pfsx"]
    assert checked_eaf(tmp_path / "short.eaf").find("HEADER/MEDIA_DESCRIPTOR") is None
    with pytest.raises(SerError, match="has no sound to export"):
        written(store, info, tmp_path / "short.wav")


def test_what_is_not_in_the_sound_is_told(talk, store, tmp_path):
    with pytest.raises(UsageError, match=r"lasts 8\.000 s"):
        written(store, talk, tmp_path / "a.wav", audio_range=AudioRange(9.0, 10.0))
    with pytest.raises(UsageError, match="no channel 3"):
        written(store, talk, tmp_path / "a.wav", audio_range=AudioRange(channel=3))
    with pytest.raises(UsageError, match="Several channels have a segment 1"):
        segment_range(store, talk, 1, None)
    with pytest.raises(UsageError, match="no segment 9; they go up to 2"):
        segment_range(store, talk, 9, None)
    assert list(tmp_path.glob("a.*")) == []


def test_the_sound_of_an_interrupted_session_is_mended(store, tmp_path):
    info = interrupted(store)
    assert info.state is SessionState.INTERRUPTED
    written(store, info, tmp_path / "whole.wav")
    found, _ = soundfile.read(tmp_path / "whole.wav", dtype="float32", always_2d=True)
    assert 4.0 < len(found) / RATE <= 8.0
    np.testing.assert_array_equal(found, sound()[: len(found)])
    written(store, info, tmp_path / "talk.eaf")
    assert eaf(tmp_path / "talk.eaf").get_annotation_data_for_tier("segments")
    assert "interrupted" in page_text(store, info, tmp_path)


# ----------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("style", ["areas", "lines"])
def test_the_picture_is_svg_of_everything(talk, store, tmp_path, style):
    path = tmp_path / "talk.svg"
    written(store, talk, path, style=style)
    root = ElementTree.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    for words in ("First <take>", "coach", "100\u202f%", f"k1: {QUOTED}", "Ruhe", "phase", "level"):
        assert words in texts, words
    assert set(LABELS) <= set(texts)
    results = [s.estimate for s in store.segments(talk.id)]
    for result in results:
        name = result.label if result.certain else f"{result.label}?"
        assert any(text and text.startswith(name) for text in texts)
    shapes = {"areas": "polygon", "lines": "polyline"}[style]
    runs = sum(len(runs) for runs in SPEECH.values())
    assert len(list(root.iter(f"{SVG}{shapes}"))) >= runs * len(LABELS)
    _, _, width, height = map(float, root.get("viewBox").split())
    for shape in root.iter(f"{SVG}polygon"):
        points = [tuple(map(float, pair.split(","))) for pair in shape.get("points").split()]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_the_png_shows_colours_of_what_was_said(talk, store, tmp_path):
    path = tmp_path / "talk.png"
    written(store, talk, path)
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[1] > 3000
    assert pixels.shape[0] < pixels.shape[1]
    colours = {tuple(c) for c in (pixels[::4, ::4, :3] * 255).astype(int).reshape(-1, 3).tolist()}
    assert (255, 255, 255) in colours
    assert (0xD5, 0x5E, 0x00) in colours, "angry"
    assert (0x00, 0x72, 0xB2) in colours, "sad"


def test_a_long_session_is_broken_into_rows(store, tmp_path):
    info = keep(store, records(steps=2000))
    written(store, info, tmp_path / "long.svg")
    texts = [t.text for t in ElementTree.parse(tmp_path / "long.svg").getroot().iter(f"{SVG}text")]
    assert texts.count("level") == 3
    assert texts.count("00:01:00") == 2, "where one row ends, and the next begins"
    assert texts.count("00:03:00") == 1


# --------------------------------------------------------------------------------------------- page


class Page(HTMLParser):
    """Text of a page, and whether its elements are closed in order."""

    EMPTY = ("meta", "br", "link", "img", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.parts, self.attributes = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.parts.append(data)


def page(store, info, tmp_path):
    path = tmp_path / f"{info.id}.html"
    written(store, info, path)
    return Page(path.read_text("utf-8"))


def page_text(store, info, tmp_path):
    return " ".join(page(store, info, tmp_path).parts)


def test_the_page_tells_what_the_voice_did(talk, store, tmp_path):
    text = page_text(store, talk, tmp_path)
    voice = speech_statistics(store, talk)[0].voice
    columns = store.columns(talk.id, 1)
    f0 = columns.voice["f0_hz"][columns.label >= 0]
    assert voice.f0_hz == pytest.approx(np.median(f0))
    low, high = np.percentile(f0, (5, 95))
    assert voice.f0_range_semitones == pytest.approx(12 * math.log2(high / low))
    first, second = (one for one in store.segments(talk.id) if one.channel == 1)
    assert (first.voice.activation, second.voice.activation) == (None, 0.25)
    assert (voice.activation, voice.loudness_lufs) == pytest.approx((0.25, -21.5))
    for words in (
        *("What the voice did", f"{voice.f0_hz:.0f} Hz", "\u221222 LUFS", "4.2 syllables/s"),
        *("+0.25", "pitch", "loudness", "rate", "activation"),
    ):
        assert words in text, words


def test_the_page_is_silent_about_a_voice_that_was_not_measured(store, tmp_path):
    plain = [replace(one, voice=None) for one in records()]
    info = keep(store, plain, provenance={"config": {"voice": {"measures": False}}})
    text = page_text(store, info, tmp_path)
    assert "What the voice" not in text
    assert "LUFS" not in text


def test_the_page_tells_the_session_and_needs_nothing_else(talk, store, tmp_path):
    store.add_note(talk.id, "<script>alert(1)</script>")
    found = page(store, talk, tmp_path)
    text = " ".join(found.parts)
    for words in ("First <take>", talk.id, "coach", QUOTED, "Ruhe", "Limits of use", "talk.wav"):
        assert words in text, words
    for heading in ("Timeline", "Share of speaking time", "Most certain moments", "Markers"):
        assert heading in found.parts
    assert "<script>alert(1)</script>" in text, "as text"
    for name, value in found.attributes:
        assert name not in ("src", "href", "onload"), name
        assert "url(" not in (value or "")
        if name != "xmlns":
            assert "//" not in (value or "")
    first = speech_statistics(store, talk)[0]
    share = round(100 * next(iter(first.shares.values())))
    assert f"{share}\u202f%" in text


def test_the_digest_counts_what_the_segments_say(talk, store):
    first, second = speech_statistics(store, talk)
    segments = [s for s in store.segments(talk.id) if s.channel == 1]
    assert first.speech_s == pytest.approx(58 * STEP_S)
    assert first.lost_s == pytest.approx(6 * STEP_S)
    assert sum(first.shares.values()) == pytest.approx(1.0)
    labels = [s.estimate.label for s in segments]
    assert dict(first.transitions) == {(labels[0], labels[1]): 1}
    assert first.pauses.count == 1
    assert first.pauses.longest_s == pytest.approx(12 * STEP_S)
    assert first.pauses.longest_at_s == pytest.approx(40 * STEP_S)
    columns = store.columns(talk.id, 1)
    for moment in first.moments:
        inside = columns.segment == moment.segment
        assert moment.confidence == columns.confidence[inside].max()
        index = int(np.flatnonzero(np.isclose(columns.time_s, moment.time_s))[0])
        assert columns.confidence[index] == moment.confidence
    assert [m.confidence for m in first.moments] == sorted(
        (m.confidence for m in first.moments), reverse=True
    )
    assert second.pauses is None
    assert second.segments == 1


def test_lost_time_between_segments_is_no_pause(store):
    made = records(steps=84)
    lost = [u for u in records() if getattr(u, "step", 0) >= 84]
    late = keep(store, [*made, *lost])
    assert speech_statistics(store, late)[0].pauses.count == 1
    assert math.isclose(speech_statistics(store, late)[0].lost_s, 6 * STEP_S)


# ------------------------------------------------------------------------------- nothing to export


@pytest.mark.parametrize("kind", [kind.name for kind in FORMATS if not kind.needs_sound])
def test_an_empty_session_is_exported_too(store, tmp_path, kind):
    info = keep(store)
    path = tmp_path / f"empty.{kind}"
    path = path if kind != "csv" else tmp_path / "empty.csv"
    assert written(store, info, path, format=kind)[0] == path
    if kind == "elan":
        assert eaf(path).get_annotation_data_for_tier("segments") == []
    elif kind == "praat":
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
        assert grid.getTier("segments").entries == ()
        assert grid.maxTimestamp > 0
    elif kind == "html":
        assert "There was no speech." in Page(path.read_text("utf-8")).parts
    elif kind == "png":
        assert matplotlib.image.imread(path, "png").size


# ---------------------------------------------------------------------------------- NOVA and BIDS


def ssi_rows(path):
    """Rows of the data behind the header of an annotation."""
    with path.with_name(f"{path.name}~").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


def test_nova_has_segments_by_class_tiers_and_a_stream(store, talk, tmp_path):
    paths = written(store, talk, tmp_path / "talk.annotation")
    assert paths[0] == tmp_path / "talk.annotation"
    header = ElementTree.parse(paths[0]).getroot()
    classes = {item.get("id"): item.get("name") for item in header.iter("item")}
    assert list(classes.values())[: len(LABELS)] == list(talk.metadata.labels)
    segments = store.segments(talk.id, talk.channels[0].number)
    rows = ssi_rows(paths[0])
    assert int(header.find("info").get("size")) == len(rows) == len(segments)
    for (start, end, number, confidence), segment in zip(rows, segments, strict=True):
        assert float(start) == pytest.approx(segment.start_s, abs=0.001)
        assert float(end) == pytest.approx(segment.end_s, abs=0.001)
        assert float(confidence) == pytest.approx(segment.estimate.confidence, abs=0.001)
        usable = segment.estimate.quality.usable
        assert classes[number] == (segment.estimate.label if usable else segment.estimate.quality)
    phases = [path for path in paths if "phase" in path.name and path.suffix == ".annotation"]
    assert sorted(row[2] for path in phases for row in ssi_rows(path)) == [
        "Ruhe",
        "stress: a comment",
    ]
    layout = ElementTree.parse(tmp_path / "talk.stream").getroot()
    values = np.fromfile(tmp_path / "talk.stream~", "<f4").reshape(-1, len(LABELS))
    assert int(layout.find("chunk").get("num")) == len(values)
    columns = store.columns(talk.id, talk.channels[0].number)
    np.testing.assert_array_equal(values[columns.step], columns.probabilities)


def test_bids_derivatives_satisfy_the_validator(store, talk, tmp_path):
    made = [*records((1, 2)), *MARKERS]
    study = Study("calm", "P-07", "morning walk")
    again = keep(store, made, channels=(1, 2), study=study)
    store.annotate(again.id, intervals=[Interval("phase", 0.0, 4.0, "Ruhe\tund mehr")])
    folder = tmp_path / "data"
    for one in (talk, again):
        assert written(store, one, folder, format="bids") == [folder]
    dataset = folder / "derivatives" / "realtime-ser"
    checked = subprocess.run(
        [Path(sys.executable).with_name("bids-validator-deno"), "--format", "json", dataset],
        capture_output=True,
        text=True,
    )
    issues = json.loads(checked.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    (events,) = dataset.glob("sub-P07/ses-*/beh/*_task-morningwalk_events.tsv")
    with events.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    kinds = Counter(row["trial_type"] for row in rows)
    told = json.loads(events.with_suffix(".json").read_text())
    assert set(rows[0]) <= set(told)
    spoken = [row for row in rows if row["trial_type"] == "segments"]
    by_place = {(one.channel, round(one.start_s, 2)): one.voice for one in store.segments(again.id)}
    for row in spoken:
        voice = by_place[int(row["channel"]), round(float(row["onset"]), 2)]
        for name, value in asdict(voice).items():
            assert row[name] == ("n/a" if value is None else f"{value:g}")
    assert {row["f0_hz"] for row in rows if row["trial_type"] != "segments"} == {"n/a"}
    assert kinds["segments"] == len(store.segments(again.id))
    assert kinds["phase"] == 1
    assert kinds["markers"] + kinds["marked intervals"] == len(store.markers(again.id))
    for channel in again.channels:
        name = f"*_recording-channel{channel.number}_physio.tsv.gz"
        (steps,) = dataset.glob(f"sub-P07/ses-*/beh/{name}")
        about = json.loads(steps.with_name(steps.name.replace(".tsv.gz", ".json")).read_text())
        values = np.genfromtxt(steps, delimiter="\t", missing_values="n/a")
        columns = store.columns(again.id, channel.number)
        assert values.shape == (columns.step[-1] + 1, len(about["Columns"]))
        np.testing.assert_allclose(
            values[columns.step, : len(LABELS)], columns.probabilities, atol=1e-6
        )
        for name in columns.voice.dtype.names:
            measured = values[columns.step, about["Columns"].index(name)]
            np.testing.assert_allclose(measured, columns.voice[name], atol=1e-5)
            assert np.isfinite(measured).any()
            assert about[name]["Units"]


def test_bids_has_no_columns_of_the_voice_where_it_was_not_measured(store, tmp_path):
    plain = [replace(one, voice=None) for one in records()]
    info = keep(store, plain, provenance={"config": {"voice": {"measures": False}}})
    written(store, info, tmp_path, format="bids")
    (events,) = tmp_path.rglob("*_events.tsv")
    assert "f0_hz" not in events.read_text(encoding="utf-8")
    (about,) = tmp_path.rglob("*_physio.json")
    assert json.loads(about.read_text())["Columns"][-1] == "level_dbfs"


def test_no_two_formats_share_a_name_or_an_ending():
    names = [kind.name for kind in (*FORMATS, TIDY, CORPUS)]
    endings = [ending.lower() for kind in FORMATS for ending in kind.endings]
    assert len(set(names)) == len(names)
    assert len(set(endings)) == len(endings)


def test_mistakes_get_one_sentence_and_the_right_exit_code(store, tmp_path, capsys):
    info = keep(store, records())

    def fails(*arguments):
        code = sessions("export", info.id, *arguments)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return code, said

    code, said = fails("--to", tmp_path / "a.wav")
    assert code == 1
    assert "has no sound to export: record with 'realtime-ser monitor --record-audio'." in said
    code, said = fails("--to", tmp_path / "a.efa")
    assert code == 2
    assert "ends in none of .csv, .eaf, .TextGrid" in said
    assert "did you mean 'a.eaf'?" in said
    code, said = fails("--to", tmp_path / "a.txt", "--format", "elam")
    assert code == 2
    assert "There is no format 'elam': there are csv, elan, praat" in said
    code, said = fails("--to", tmp_path / "a.svg", "--segment", "1")
    assert code == 2
    assert "exported as .wav or .flac" in said
    code, said = fails("--to", tmp_path / "a.wav", "--start", "1:x")
    assert code == 2
    assert "must be a time such as" in said
    code, said = fails("--to", tmp_path / "a.wav", "--channel", "coach")
    assert code == 2
    assert "no channel 'coach': it has 1" in said
    assert list(tmp_path.glob("a.*")) == []


def test_the_command_line_exports_by_extension(talk, tmp_path, capsys):
    for ending in ("json", "eaf", "TextGrid", "txt", "png", "svg", "html", "wav", "flac"):
        path = tmp_path / ending / f"talk.{ending}"
        path.parent.mkdir()
        assert sessions("export", talk.id, "--to", path) == 0
        assert str(path) in capsys.readouterr().out
        assert path.stat().st_size
    audio_range = tmp_path / "part.flac"
    times = ("--start", "0:01", "--end", "0:02.5", "--channel", "coach")
    assert sessions("export", talk.id, "--to", audio_range, *times) == 0
    assert soundfile.info(audio_range).frames == 1.5 * RATE
    assert soundfile.info(audio_range).channels == 1


# --------------------------------------------------------------------------------- nothing is lost


def test_nothing_is_replaced_and_nothing_half_is_left(talk, store, tmp_path):
    (tmp_path / "talk.wav").write_text("mine")
    with pytest.raises(FileTakenError, match=r"talk\.wav exists already"):
        written(store, talk, tmp_path / "talk.eaf")
    assert (tmp_path / "talk.wav").read_text() == "mine"
    assert [path.name for path in tmp_path.glob("talk*")] == ["talk.wav"]
    with pytest.raises(FileTakenError):
        written(store, talk, tmp_path / "talk.wav")


def test_a_disk_that_refuses_is_told(talk, store, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match=r"/file\b"):
        written(store, talk, tmp_path / "file" / "talk.eaf")


def test_a_running_session_is_exported_as_far_as_it_is_stored(store, tmp_path):
    from tests.kept_sessions import metadata

    writer = store.begin(metadata())
    writer.feed([*records(), Marker(1.0, "now")])
    writer.flush()
    info = store.session(writer.id)
    written(store, info, tmp_path / "now.eaf")
    assert eaf(tmp_path / "now.eaf").get_annotation_data_for_tier("markers")[0][2] == "now"
    with pytest.raises(SerError, match="is running: end it first"):
        written(store, info, tmp_path / "now.wav")
    writer.finish()


def test_png_needs_somebody_who_paints(talk, store, tmp_path):
    with pytest.raises(UsageError, match=r"export \.svg"):
        export(store, talk, ExportRequest(tmp_path / "a.png"))
    assert not (tmp_path / "a.png").exists()
    assert matplotlib.image.imread(io.BytesIO(draw_png(minimal_svg(), 2.0))).shape[:2] == (10, 20)


def minimal_svg():
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 5" width="10" height="5"/>'
