"""What people mark in other tools comes back into the session, and nothing comes twice."""

from __future__ import annotations

import csv
import warnings

import pympi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from praatio import textgrid
from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.point_tier import PointTier

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.base.records import Marker
from realtime_ser.base.text import one_line
from realtime_ser.commands.main import main
from realtime_ser.exchange.elan import eaf_text
from realtime_ser.exchange.elan_reading import read_eaf
from realtime_ser.exchange.import_annotations import import_annotations
from realtime_ser.exchange.praat import read_textgrid, textgrid_text
from realtime_ser.exchange.registry import ExportRequest, export
from realtime_ser.exchange.tiers import session_tiers
from realtime_ser.session.metadata import Study
from realtime_ser.session.store import Interval, Store, open_store
from tests.kept_sessions import NOW, interview, keep, records

FORMATS = ("eaf", "TextGrid", "txt")


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


def sessions(*arguments):
    return main(["sessions", *map(str, arguments)])


# --------------------------------------------------------------------------- intervals in the store


def test_intervals_are_kept_changed_and_deleted(store):
    info = keep(store, records())
    later = Interval("phase", 2.0, 3.0, "stress", "why", 1)
    first = Interval("phase", 0.5, 2.0, "calm")
    stored = store.annotate(info.id, [Marker(1.0, "m")], [later, first])
    assert store.intervals(info.id) == [first, later]
    assert [m.text for m in store.markers(info.id)] == ["m"]
    moved = Interval("phase", 2.5, 4.0, "stress", "why", None, "user", stored[0].key)
    store.change_interval(moved)
    assert store.intervals(info.id) == [first, moved]
    store.delete_interval(moved)
    assert store.intervals(info.id) == [first]
    for change in (store.change_interval, store.delete_interval):
        with pytest.raises(UsageError, match="not in the store any more"):
            change(moved)
    store.delete([info])
    other = keep(store)
    assert store.intervals(other.id) == []


@pytest.mark.parametrize(
    "wrong", [("", 0.0, 1.0), ("t", 1.0, 1.0), ("t", -0.1, 1.0), ("t", 0.0, float("inf"))]
)
def test_an_impossible_interval_is_refused_with_all_others(store, wrong):
    info = keep(store)
    with pytest.raises(UsageError, match="The interval 'x'"):
        store.annotate(
            info.id, [Marker(1.0, "m")], [Interval("t", 0, 1, "ok"), Interval(*wrong, "x")]
        )
    assert store.intervals(info.id) == []
    assert store.markers(info.id) == []


# ------------------------------------------------------------------------------------------ reading


def test_elan_annotations_come_into_the_session(store, tmp_path):
    info = interview(store)
    path = tmp_path / "talk.eaf"
    export(store, info, ExportRequest(path))
    segment = store.segments(info.id)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eaf = pympi.Eaf(str(path))
    eaf.add_tier("Phase")
    eaf.add_annotation("Phase", 1000, 2500, "Frage „eins“ & <zwei>")
    eaf.add_tier("mood@coach")
    eaf.add_annotation("mood@coach", 100, 350, "müde")
    eaf.add_annotation("markers", 6000, 6040, "door")
    start = round(1000 * segment.start_s)
    eaf.remove_annotation("segments@coach", start + 1)
    eaf.add_annotation("segments@coach", start, round(1000 * segment.end_s), "bored")
    eaf.to_file(str(tmp_path / "edited.eaf"))
    before = store.markers(info.id)
    found = import_annotations(store, info, tmp_path / "edited.eaf")
    assert [(m.time_s, m.text) for m in found.markers] == [(6.0, "door")]
    assert store.markers(info.id) == [*before, *found.markers]
    by_hand = [Interval("Phase", 1.0, 2.5, "Frage „eins“ & <zwei>", source="edited.eaf")]
    by_hand += [Interval("mood", 0.1, 0.35, "müde", channel=1, source="edited.eaf")]
    corrected = Interval(
        "corrected segments", segment.start_s, segment.end_s, "bored", "", 1, "edited.eaf"
    )
    assert set(store.intervals(info.id)) == {*by_hand, corrected}
    again = import_annotations(store, info, tmp_path / "edited.eaf")
    assert (again.markers, again.intervals) == ((), ())


def test_praat_tiers_come_into_the_session(store, tmp_path):
    info = keep(store, records())
    grid = textgrid.Textgrid(0, 8.0)
    spans = [(0.5, 1.25, 'sagt "nein"'), (1.25, 3.0, "été")]
    grid.addTier(IntervalTier("Phase", spans, 0, 8.0))
    grid.addTier(PointTier("clicks", [(2.125, "klick")], 0, 8.0))
    for kind in ("long_textgrid", "short_textgrid"):
        path = tmp_path / f"{kind}.TextGrid"
        grid.save(str(path), kind, includeBlankSpaces=True)
        tiers = read_textgrid(path)
        assert [tier.name for tier in tiers] == ["Phase", "clicks"]
    path.write_bytes(path.read_text("utf-8").encode("utf-16"))  # Praat's way with accents
    import_annotations(store, info, path)
    (marker,) = store.markers(info.id)
    assert (marker.time_s, marker.text, marker.source) == (2.125, "klick", path.name)
    assert store.intervals(info.id) == [
        Interval("Phase", 0.5, 1.25, 'sagt "nein"', source=path.name),
        Interval("Phase", 1.25, 3.0, "été", source=path.name),
    ]


def test_what_praat_writes_itself_is_read(store, tmp_path):
    praat = pytest.importorskip("parselmouth.praat")
    grid = praat.call("Create TextGrid", 0.0, 8.0, "phase clicks", "clicks")
    praat.call(grid, "Insert boundary", 1, 2.5)
    praat.call(grid, "Set interval text", 1, 1, 'Größe "1" 日本')
    praat.call(grid, "Insert point", 2, 1.0625, "item [1]: no")
    for command in ("Save as text file", "Save as short text file"):
        info = keep(store, records())
        path = tmp_path / f"{command}.TextGrid"
        praat.call(grid, command, str(path))
        import_annotations(store, info, path)
        (interval,) = store.intervals(info.id)
        assert (interval.start_s, interval.end_s) == (0.0, 2.5)
        assert (interval.tier, interval.label) == ("phase", 'Größe "1" 日本')
        (marker,) = store.markers(info.id)
        assert (marker.time_s, marker.text) == (1.0625, "item [1]: no")


def test_audacity_labels_come_into_the_session(store, tmp_path):
    info = keep(store, records())
    path = tmp_path / "labels.txt"
    lines = "1.500000\t2,250000\tlachen\r\n\\\t100.0\t2000.0\r\n3.000000\t3.000000\tda\r\n4\t4\r\n"
    path.write_text(f"\ufeff{lines}", "utf-8")
    found = import_annotations(store, info, path)
    assert [(m.time_s, m.text) for m in found.markers] == [(3.0, "da"), (4.0, "")]
    assert store.intervals(info.id) == [Interval("labels", 1.5, 2.25, "lachen", source=path.name)]
    again = import_annotations(store, info, path)
    assert (again.markers, again.intervals, again.known) == ((), (), 3)


@pytest.mark.parametrize("ending", FORMATS)
def test_what_was_exported_is_known(store, tmp_path, ending, capsys):
    info = interview(store)
    store.annotate(
        info.id,
        [Marker(7.9, "")],
        [Interval("phase", 0.0, 4.0, "a"), Interval("phase", 3.0, 7.9999, "b", "c", 2)],
    )
    path = tmp_path / f"talk.{ending}"
    assert sessions("export", info.id, "--to", path) == 0
    before = store.markers(info.id), store.intervals(info.id)
    capsys.readouterr()
    assert sessions("import", path, "--into", info.id) == 0
    assert f"Nothing new imported into {info.id}; 11 were there already." in capsys.readouterr().out
    assert (store.markers(info.id), store.intervals(info.id)) == before


def test_subdivisions_without_times_share_the_time_out(tmp_path):
    slots = [("ts1", "1000"), ("ts2", None), ("ts3", None), ("ts4", "4000")]
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + (f' TIME_VALUE="{t}"/>' if t else "/>")
        for name, t in slots
    )
    spans = "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" TIME_SLOT_REF1="ts{n}" '
        f'TIME_SLOT_REF2="ts{n + 1}"><ANNOTATION_VALUE>{n}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
        for n in (1, 2, 3)
    )
    path = tmp_path / "x.eaf"
    path.write_text(
        f"<ANNOTATION_DOCUMENT><TIME_ORDER>{order}</TIME_ORDER>"
        f'<TIER TIER_ID="words">{spans}</TIER></ANNOTATION_DOCUMENT>'
    )
    (tier,) = read_eaf(path)
    assert [span.start_s for span in tier.spans] == [1.0, 2.0, 3.0]


def test_imported_intervals_are_rows_of_the_tidy_table(store, tmp_path):
    info = keep(store, records((1, 2)), channels=(1, 2), study=Study("Trial"))
    by_hand = [
        Interval("phase", 0.8, 3.2, "stress"),
        Interval("mood", 4.0, 5.0, "low", channel=2),
        Interval("corrected segments", 0.8, 3.2, "calm", channel=1),
    ]
    store.annotate(info.id, intervals=by_hand)
    assert sessions("export", "--study", "Trial", "--tidy", tmp_path / "tidy.csv") == 0
    with (tmp_path / "tidy.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["channel"], row["interval"]) for row in rows} == {
        *(("1", "phase: stress"), ("2", "phase: stress"), ("2", "mood: low"))
    }
    assert {r["speech_s"] for r in rows if r["channel"] == "1"} == {"2.40"}


# ----------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("3600\t3601\ttoo late", "at 1:00:00.000"),
        ("8.4\t8.5\ttoo late", "at 00:08.400"),
        ("7.9\t3601.25\ttoo late", "up to 1:00:01.250"),
        ("-1.5\t2\ttoo late", "1.500 s before its start"),
    ],
)
def test_a_time_outside_the_session_is_told_and_nothing_is_imported(
    store, tmp_path, capsys, label, place
):
    info = keep(store, records())
    path = tmp_path / "other.txt"
    path.write_text(f"1.0\t2.0\tfine\n{label}\n")
    assert sessions("import", path, "--into", info.id) == 2
    assert capsys.readouterr().err == (
        f"realtime-ser: error: other.txt holds 'too late' {place}, but the session {info.id} "
        "ends at 00:08.000: is it another session's file? Nothing was imported.\n"
    )
    assert store.intervals(info.id) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.eaf", b"<ANNOTATION_DOCUMENT"),
        ("a.eaf", b"<html/>"),
        ("a.eaf", b'<x><TIER TIER_ID="x"><ALIGNABLE_ANNOTATION/></TIER></x>'),
        ("a.TextGrid", b"hello"),
        ("a.TextGrid", b'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 4'),
        ("a.TextGrid", b"\x00\xff\x80ooBinaryFile"),
        ("a.txt", b"some words\n"),
        ("a.txt", b"2\t1\tbackwards\n"),
        ("a.txt", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(store, tmp_path, capsys, name, content):
    info = keep(store, records())
    path = tmp_path / name
    path.write_bytes(content)
    assert sessions("import", path, "--into", info.id) == 1
    said = capsys.readouterr().err
    assert str(path) in said
    assert said.count("\n") == 1
    assert store.intervals(info.id) == []


def test_mistakes_of_the_command_line_are_told(store, tmp_path, capsys):
    info = keep(store)
    assert sessions("import", tmp_path / "gone.eaf", "--into", info.id) == 1
    assert "Cannot read" in capsys.readouterr().err
    assert sessions("import", tmp_path / "a.csv", "--into", info.id) == 2
    assert "'a.csv' ends in none of .eaf, .TextGrid, .txt" in capsys.readouterr().err
    assert sessions("import", tmp_path / "a.eaf", "--into", "nono") == 2
    assert "There is no session 'nono'" in capsys.readouterr().err
    with pytest.raises(SerError):
        import_annotations(store, info, tmp_path)


# -------------------------------------------------------------------------------------- round trips

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times_ms = st.integers(0, 8000)


@st.composite
def labelled(draw):
    start, end = sorted(draw(st.lists(times_ms, min_size=2, max_size=2, unique=True)))
    tier = draw(st.sampled_from(["phase", "mood", "a@b", "segments", "markers", 'q"<&>']))
    label, text = draw(texts), draw(texts)
    return Interval(
        tier, start / 1000, end / 1000, label, text, draw(st.sampled_from([None, 1, 2]))
    )


marked = st.builds(
    lambda ms, text, code, duration: Marker(ms / 1000, text, code, duration / 1000),
    times_ms,
    texts,
    texts,
    st.one_of(st.just(0), st.integers(1, 3000)),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(intervals=st.lists(labelled(), max_size=6), markers=st.lists(marked, max_size=6))
def test_what_is_written_is_read_as_it_was(tmp_path_factory, intervals, markers):
    folder = tmp_path_factory.mktemp("round")
    with Store(folder / "store") as store:
        info = interview(store)
        store.annotate(info.id, markers, intervals)
        tiers = session_tiers(store, info)
        assert len({tier.name for tier in tiers}) == len(tiers)
        for tier in tiers:
            ends = [0.0, *(span.end_s for span in tier.spans)]
            for span, before in zip(tier.spans, ends, strict=False):
                assert span.start_s >= before
        path = folder / "x.eaf"
        path.write_text(eaf_text(tiers, NOW, path), "utf-8")
        check(read_eaf(path), tiers, shorter=True)
        path = folder / "x.TextGrid"
        end_s = max([8.0, *(span.end_s for tier in tiers for span in tier.spans)])
        path.write_text(textgrid_text(tiers, end_s), "utf-8")
        check(read_textgrid(path), tiers, shorter=False)
        for ending in FORMATS:
            export(store, info, ExportRequest(folder / f"y.{ending}"))
            found = import_annotations(store, info, folder / f"y.{ending}")
            assert (found.markers, found.intervals) == ((), ())


def check(found, tiers, *, shorter):
    """The same tiers with the same spans, to the millisecond; ELAN's moments have a length."""
    assert [tier.name for tier in found] == [tier.name for tier in tiers]
    for tier, expected in zip(found, tiers, strict=True):
        assert [span.text for span in tier.spans] == [span.text for span in expected.spans]
        for span, written in zip(tier.spans, expected.spans, strict=True):
            assert span.start_s == pytest.approx(written.start_s, abs=1e-3)
            if not (shorter and expected.moments):
                assert span.end_s == pytest.approx(written.end_s, abs=1e-3)


@settings(max_examples=50)
@given(st.text(max_size=30))
def test_one_line_is_one_line(text):
    line = one_line(text)
    assert line == one_line(line)
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
