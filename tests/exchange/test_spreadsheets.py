"""Tables for spreadsheets whose locale has a decimal comma, and only where they are asked for."""

from __future__ import annotations

import codecs
import csv
import os
import re
import subprocess
import sys

import pytest

from realtime_ser.base.config import Config
from realtime_ser.base.records import Marker
from realtime_ser.commands.main import main
from realtime_ser.session.metadata import Study
from realtime_ser.session.store import Interval, open_store
from tests.kept_sessions import interview


@pytest.fixture
def info():
    """A session whose words look like numbers too."""
    with open_store(Config()) as store:
        info = interview(store, study=Study("Trial", "5.5", "6.5"))
        intervals = [Interval("1.5", 1.0, 2.0, "2.5", "3.5; and more")]
        store.annotate(info.id, markers=[Marker(0.5, "4.5")], intervals=intervals)
        return store.session(info.id)


def export(*arguments):
    return main(["sessions", "export", *map(str, arguments)])


def cells(path, delimiter):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def as_numbers(rows):
    """Cells with a point in the place of a comma between digits."""
    return [[re.sub(r"^(-?\d+),(\d+)$", r"\1.\2", cell) for cell in row] for row in rows]


def test_a_spreadsheet_reads_the_same_numbers_and_words(info, tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "comma").mkdir()
    assert export(info.id, "--to", tmp_path / "plain" / "talk.csv") == 0
    assert export(info.id, "--to", tmp_path / "comma" / "talk.csv", "--for-spreadsheets") == 0
    tables = sorted(path.name for path in (tmp_path / "plain").glob("*.csv"))
    assert len(tables) == 5
    for name in tables:
        bytes_ = (tmp_path / "comma" / name).read_bytes()
        assert bytes_.startswith(codecs.BOM_UTF8)
        (tmp_path / name).write_bytes(bytes_.removeprefix(codecs.BOM_UTF8))
        plain, comma = cells(tmp_path / "plain" / name, ","), cells(tmp_path / name, ";")
        assert as_numbers(comma) == plain
        number = re.compile(r"-?\d+\.\d+")
        words = {cell for row in comma for cell in row if number.fullmatch(cell)}
        assert words <= {"1.5", "2.5", "4.5"}, name
    sidecars = [(tmp_path / folder / "talk.json").read_bytes() for folder in ("plain", "comma")]
    assert sidecars[0] == sidecars[1]


def test_the_tidy_table_is_written_for_spreadsheets_too(info, tmp_path):
    plain, comma = tmp_path / "plain.csv", tmp_path / "comma.csv"
    assert export("--study", "Trial", "--tidy", plain) == 0
    assert export("--study", "Trial", "--tidy", comma, "--for-spreadsheets") == 0
    comma.write_bytes(comma.read_bytes().removeprefix(codecs.BOM_UTF8))
    rows = cells(comma, ";")
    assert as_numbers(rows) == cells(plain, ",")
    assert {row[1] for row in rows[1:]} == {"5.5"}, "a participant's code is no number"


@pytest.mark.parametrize("name", ["talk.eaf", "talk.json"])
def test_other_formats_refuse_it(info, tmp_path, capsys, name):
    assert export(info.id, "--to", tmp_path / name, "--for-spreadsheets") == 2
    assert "A table for spreadsheets is exported as .csv." in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_a_corpus_refuses_it(info, tmp_path, capsys):
    corpus = ["--to", tmp_path / "corpus", "--format", "corpus"]
    assert export(info.id, *corpus, "--for-spreadsheets") == 2
    assert "--for-spreadsheets" in capsys.readouterr().err


def test_without_it_no_locale_changes_a_byte(info, tmp_path):
    for language in ("C", "de_DE.UTF-8"):
        env = {**os.environ, "LC_ALL": language, "LANG": language}
        for name in ("table.csv", "talk.json", "talk.html", "talk.svg", "talk.TextGrid"):
            to = tmp_path / language / name
            to.parent.mkdir(exist_ok=True)
            command = [sys.executable, "-m", "realtime_ser", "sessions", "export", info.id]
            subprocess.run([*command, "--to", to], env=env, check=True, timeout=60)
    german = {path.name: path.read_bytes() for path in (tmp_path / "de_DE.UTF-8").iterdir()}
    assert german == {path.name: path.read_bytes() for path in (tmp_path / "C").iterdir()}
