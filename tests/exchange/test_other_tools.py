"""Annotation files of other tools and other days are read whole, or named and left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from realtime_ser.base.config import Config
from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.commands.main import main
from realtime_ser.exchange.audacity import read_labels
from realtime_ser.exchange.elan_reading import is_elan_text, read_eaf, read_elan_text
from realtime_ser.exchange.import_annotations import MANY, import_annotations
from realtime_ser.exchange.praat import read_textgrid
from realtime_ser.exchange.tiers import AnnotationTier, LabelledSpan, session_tiers
from realtime_ser.session.store import open_store
from tests.audio.sounds import trouble
from tests.kept_sessions import keep, records

ANGRY = LabelledSpan(0.0, 2.5, 'ärgerlich "laut"')
FEELING = AnnotationTier("Gefühl", (ANGRY,))
CLICKS = AnnotationTier("Klicks", (LabelledSpan(1.0625, 1.0625, "Tür"),), moments=True)


@pytest.fixture
def store():
    with open_store(Config()) as opened:
        yield opened


# ---------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize("name", ["d2_latin1.TextGrid", "d2_comment.TextGrid"])
def test_a_textgrid_of_another_encoding_or_with_comments(name):
    assert read_textgrid(trouble(name)) == [FEELING, CLICKS]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("short", [False, True], ids=["long", "short"])
def test_textgrids_of_all_encodings(encoding, short, tmp_path):
    text = trouble("d2_comment.TextGrid").read_text("utf-8")
    if short:
        text = (
            'File type = "ooTextFile"\r\n"TextGrid"\r\n\r\n0\r\n8\r\n<exists>\r\n2\r\n'
            '"IntervalTier"\r\n"Gefühl"\r\n0\r\n8 ! of 9 s\r\n2\r\n0\r\n2.5\r\n'
            '"ärgerlich ""laut"""\r\n2.5\r\n8\r\n""\r\n"TextTier"\r\n"Klicks"\r\n0\r\n8\r\n1\r\n'
            '1.0625\r\n"Tür"\r\n'
        )
    path = tmp_path / "x.TextGrid"
    path.write_bytes(text.encode(encoding))
    assert read_textgrid(path) == [FEELING, CLICKS]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_label_tracks_of_all_encodings(encoding, tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes("1.0\t2.5\tärgerlich\r\n3,5\t3,5\tTür\r\n".encode(encoding))
    labels, markers = read_labels(path)
    assert labels.spans == (LabelledSpan(1.0, 2.5, "ärgerlich"),)
    assert markers.spans == (LabelledSpan(3.5, 3.5, "Tür"),)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        *((encoding, "UTF-8") for encoding in ENCODINGS),
        *(("latin-1", "ISO-8859-1"), ("utf-8", "UTF-7000"), ("utf-8", "Shift_JIS")),
    ],
)
def test_elan_files_of_all_encodings(encoding, declared, tmp_path):
    text = trouble("d3_time_origin.eaf").read_text("utf-8").replace("UTF-8", declared)
    path = tmp_path / "x.eaf"
    path.write_bytes(text.encode(encoding))
    (tier,) = read_eaf(path)
    assert tier == AnnotationTier("Gefühl", (LabelledSpan(6.0, 7.0, "wütend"),))


# --------------------------------------------------------------------------------------------- ELAN


def test_slots_in_any_order_keep_their_times():
    (tier,) = read_eaf(trouble("d3_unsorted_slots.eaf"))
    spans = [(span.start_s, span.end_s, span.text) for span in tier.spans]
    assert spans == [(1.0, 2.0, "A"), (2.0, 3.0, "B"), (3.0, 6.0, "C")]


def eaf(tiers, slots=(1000, 4000), header=""):
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{n}" TIME_VALUE="{value}"/>'
        for n, value in enumerate(slots, 1)
    )
    return (
        f"<ANNOTATION_DOCUMENT>{header}<TIME_ORDER>{order}</TIME_ORDER>"
        '<TIER TIER_ID="words" LINGUISTIC_TYPE_REF="x"><ANNOTATION><ALIGNABLE_ANNOTATION '
        'ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>all'
        f"</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>{tiers}"
        "</ANNOTATION_DOCUMENT>"
    )


def refs(tier, parent, *pairs):
    rows = "".join(
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{ref}">'
        f"<ANNOTATION_VALUE>{name}!</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        for name, ref in pairs
    )
    return f'<TIER TIER_ID="{tier}" PARENT_REF="{parent}" LINGUISTIC_TYPE_REF="y">{rows}</TIER>'


def test_dependent_tiers_have_the_time_of_those_they_depend_on(tmp_path):
    path = tmp_path / "x.eaf"
    deep = refs("mood", "parts", ("m1", "p2"))
    path.write_text(eaf(deep + refs("parts", "words", ("p1", "a1"), ("p2", "a1"), ("p3", "a1"))))
    words, mood, parts = read_eaf(path)
    assert words.spans == (LabelledSpan(1.0, 4.0, "all"),)
    assert [(s.start_s, s.end_s, s.text) for s in parts.spans] == [
        *((1.0, 2.0, "p1!"), (2.0, 3.0, "p2!"), (3.0, 4.0, "p3!"))
    ]
    assert mood.spans == (LabelledSpan(2.0, 3.0, "m1!"),)


def test_times_in_frames_are_times(tmp_path):
    path = tmp_path / "x.eaf"
    path.write_text(eaf("", (25, 50), '<HEADER TIME_UNITS="PAL-frames"/>'))
    assert read_eaf(path)[0].spans == (LabelledSpan(1.0, 2.0, "all"),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (eaf(refs("mood", "words", ("m1", "a9"))), "'m1' on the tier 'mood' refers to no 'a9'"),
        (eaf("", (4000, 1000)), "'all' on the tier 'words' ends at 1 s, before it starts at 4 s"),
        (eaf("", (1000,)), "it has no 'ts2'"),
        (eaf("", (1000, 2000), '<HEADER TIME_UNITS="hours"/>'), "its times are in hours"),
        ("<html/>", "its root is <html>"),
    ],
)
def test_nothing_is_imported_by_halves(text, named, store, tmp_path):
    info = keep(store, records())
    path = tmp_path / "x.eaf"
    path.write_text(text)
    with pytest.raises(SerError) as refused:
        import_annotations(store, info, path)
    assert named in str(refused.value)
    assert store.intervals(info.id) == []


def test_what_elan_exports_as_text_is_read():
    path = trouble("d4_elan_tab.txt")
    assert is_elan_text(path.read_text("utf-8"))
    wanted = AnnotationTier("Gefühl", (LabelledSpan(1.0, 2.0, "wütend"),))
    assert read_elan_text(path) == [wanted]


@pytest.mark.parametrize(
    "line",
    [
        "Gefühl\tAnna\t00:00:01.000\t00:00:02.000\twütend",
        "Gefühl\t\t00:00:01.000\t00:00:02.000\t00:00:01.000\twütend",
        "Gefühl\tAnna\t1.0\t2.0\t1.0\twütend",
        "Gefühl\tAnna\t1000\t2000\twütend",
        "Gefühl\tAnna\t00:00:01.000\t1.0\t1000\t00:00:02.000\t2.0\t2000\twütend",
        "Gefühl\t\t00:00:01.000\t1.0\t1000\t00:00:02.000\t2.0\t2000\t00:00:01.000\t1.0\t1000\twütend",
        "Tier\tWho\tBegin Time - ss.msec\tEnd Time - ss.msec\tText\nGefühl\tAnna\t1.0\t2.0\twütend",
    ],
)
def test_elan_text_in_all_its_notations(line, store, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(line + "\n", "utf-8")
    assert is_elan_text(line)
    assert read_elan_text(path)[0].spans == (LabelledSpan(1.0, 2.0, "wütend"),)
    info = keep(store, records())
    (interval,) = import_annotations(store, info, path).intervals
    assert (interval.tier, interval.label) == ("Gefühl", "wütend")
    assert import_annotations(store, info, path).known == 1


def test_a_line_that_is_none_is_named(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("Gefühl\tAnna\t1.0\t2.0\twütend\nand\tso\ton\there\n", "utf-8")
    with pytest.raises(SerError, match=r"at line 2 \(it has no times\)"):
        read_elan_text(path)


# ----------------------------------------------------------------------------------- label tracks


@pytest.mark.parametrize("name", ["d6_clock.txt", "d6_spaces.txt"])
def test_a_label_track_as_text_editors_leave_it(name):
    labels, markers = read_labels(trouble(name))
    assert labels.spans == (LabelledSpan(1.0, 2.5, "lacht"),)
    assert markers.spans == ()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("01:02:03.5 01:02:04,5 a b  c", (3723.5, 3724.5, "a b c")),
        ("2:03 2:04 x", (123.0, 124.0, "x")),
        ("1e0\t2\t", (1.0, 2.0, "")),
        ("1.0\t2.0\ta\tb", (1.0, 2.0, "a b")),
    ],
)
def test_times_as_people_write_them(line, wanted, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(f"{line}\n")
    assert read_labels(path)[0].spans == (LabelledSpan(*wanted),)


@pytest.mark.parametrize("line", ["nan\t2\tx", "1\tinf\tx", "1_0\t20\tx", "1", "1:99x 2 x"])
def test_a_label_that_is_none_is_named_with_its_line(line, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(f"1\t2\tfine\n\n{line}\n")
    with pytest.raises(SerError, match=r"is not a label track \(line 3: "):
        read_labels(path)


def test_a_span_without_length_becomes_a_marker(store, tmp_path):
    info = keep(store, records())
    path = tmp_path / "x.eaf"
    path.write_text(eaf("", (2000, 2000)))
    found = import_annotations(store, info, path)
    assert [(m.time_s, m.text) for m in found.markers] == [(2.0, "all")]


# ------------------------------------------------------------------------------------- large files


def test_some_thousands_are_asked_for_first(store, tmp_path, capsys):
    info = keep(store, records())
    path = tmp_path / "many.txt"
    path.write_text("".join(f"{n / 1000}\t{n / 1000 + 0.01}\tx{n % 7}\n" for n in range(MANY + 1)))
    with pytest.raises(UsageError, match="5,001 markers and intervals, more than people label"):
        import_annotations(store, info, path)
    asked = []
    with pytest.raises(UsageError, match="Nothing was imported"):
        import_annotations(store, info, path, agree=lambda count: bool(asked.append(count)))
    assert asked == [MANY + 1]
    assert store.intervals(info.id) == []
    arguments = ["sessions", "import", str(path), "--into", info.id]
    assert main(arguments) == 2
    assert main([*arguments, "--yes"]) == 0
    assert len(store.intervals(info.id)) == MANY + 1
    assert import_annotations(store, info, path).known == MANY + 1
    capsys.readouterr()


def test_overlapping_spans_are_spread_in_little_time(store):
    from realtime_ser.session.store import Interval

    info = keep(store, records())
    intervals = [Interval("t", 0.5, 7.0, f"x{n}") for n in range(3000)]
    store.annotate(info.id, intervals=intervals)
    tiers = [tier for tier in session_tiers(store, info) if tier.name.startswith("t")]
    assert len(tiers) == 3000
    assert tiers[1].name == "t (2)"


LARGE = """
import resource, sys, time
from pathlib import Path
from realtime_ser.exchange.elan_reading import read_eaf
from realtime_ser.exchange.praat import read_textgrid
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = Path(sys.argv[1])
start = time.process_time()
tiers = (read_eaf if path.suffix == ".eaf" else read_textgrid)(path)
spent = time.process_time() - start
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(sum(len(tier.spans) for tier in tiers), spent, grown / 1024)
"""


def measured(path):
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


def large_eaf(path, count):
    with path.open("w", encoding="utf-8") as file:
        file.write("<ANNOTATION_DOCUMENT><TIME_ORDER>\n")
        for n in range(count + 1):
            file.write(f'<TIME_SLOT TIME_SLOT_ID="ts{n}" TIME_VALUE="{10 * n}"/>\n')
        file.write('</TIME_ORDER><TIER TIER_ID="words" LINGUISTIC_TYPE_REF="x">\n')
        for n in range(count):
            file.write(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" TIME_SLOT_REF1="ts{n}" '
                f'TIME_SLOT_REF2="ts{n + 1}"><ANNOTATION_VALUE>word {n % 50}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
            )
        file.write("</TIER></ANNOTATION_DOCUMENT>")
    return path


def large_textgrid(path, count):
    with path.open("w", encoding="utf-8") as file:
        file.write('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1e6\n')
        file.write('tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n class = "IntervalTier"\n')
        file.write(f'name = "words"\nxmin = 0\nxmax = 1e6\nintervals: size = {count}\n')
        for n in range(count):
            file.write(
                f"intervals [{n}]:\n    xmin = {n / 100}\n    xmax = {(n + 1) / 100}\n"
                f'    text = "word {n % 50}"\n'
            )
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by the system's own way")
@pytest.mark.parametrize("make", [large_eaf, large_textgrid])
def test_large_files_take_time_and_memory_in_proportion(make, tmp_path):
    ending = "eaf" if make is large_eaf else "TextGrid"
    few, many = (make(tmp_path / f"{n}.{ending}", n) for n in (10_000, 80_000))
    (count, little_s, _), (all_count, much_s, grown_mb) = measured(few), measured(many)
    assert (count, all_count) == (10_000, 80_000)
    assert much_s < 16 * little_s + 0.5
    assert grown_mb < 10 * many.stat().st_size / 1e6


@pytest.mark.parametrize("time", ["1e308", "-1e308", "1e999", "9" * 30])
def test_a_time_that_no_recording_has_is_refused(time, tmp_path):
    grid, labels, eaf = (tmp_path / name for name in ("x.TextGrid", "x.txt", "x.eaf"))
    text = trouble("d2_comment.TextGrid").read_text("utf-8")
    grid.write_text(text.replace("1.0625", time), "utf-8")
    labels.write_text(f"0.5\t{time}\tlaut\n", "utf-8")
    text = trouble("d3_unsorted_slots.eaf").read_text("utf-8")
    eaf.write_text(text.replace('TIME_VALUE="3000"', f'TIME_VALUE="{time}"'), "utf-8")
    for read, path in ((read_textgrid, grid), (read_labels, labels), (read_eaf, eaf)):
        with pytest.raises(SerError, match=path.name):
            read(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.eaf", "<ANNOTATION><REF_ANNOTATION ANNOTATION_REF='a1'/></ANNOTATION>", "outside"),
        ("x.eaf", "<ALIGNABLE_ANNOTATION TIME_SLOT_REF1='a' TIME_SLOT_REF2='b'/>", "outside"),
        ("x.txt", "Gefühl\tAnna\t00:00:01.000\n", "line 1 .it has no end"),
        ("x.txt", f"Gefühl\tAnna\t{'9' * 400}\t1.0\tlaut\n", "which no recording has"),
        (
            "x.TextGrid",
            'File type = "ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"a\nb"\n"c"',
            "no kind",
        ),
    ],
)
def test_what_lies_in_a_wrong_place_is_refused_in_a_sentence(name, content, words, tmp_path):
    path = tmp_path / name
    whole = f"<ANNOTATION_DOCUMENT>{content}</ANNOTATION_DOCUMENT>" if name == "x.eaf" else content
    path.write_text(whole, "utf-8")
    read = {"x.eaf": read_eaf, "x.txt": read_elan_text, "x.TextGrid": read_textgrid}[name]
    with pytest.raises(SerError, match=words) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)
