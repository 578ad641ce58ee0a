"""A short run of each kind; and what goes wrong is found, kept, and found again."""

from __future__ import annotations

import sys
from random import Random

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.misbehaving import MISBEHAVING
from tests.fuzz.mutation import changed_bytes, changed_json, changed_text
from tests.fuzz.registry import KINDS
from tests.fuzz.trials import Tally, try_inputs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")

_SEED, _COUNT = 7, 50


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", KINDS)
def test_whatever_a_file_holds_is_taken_or_refused_in_a_sentence(name, tmp_path):
    tally = try_inputs(KINDS[name], _SEED, range(_COUNT), tmp_path)
    assert [finding.words for finding in tally.findings] == []
    assert tally.tried == _COUNT


@pytest.mark.parametrize("words", [words for words in MISBEHAVING if words])
def test_what_a_program_must_never_do_is_a_finding(words, tmp_path):
    tally = try_inputs(MISBEHAVING[words], 1, range(4), tmp_path)
    assert tally.tried == 4
    assert 0 < len(tally.findings) < 4
    assert all(words in finding.words for finding in tally.findings)
    first = tally.findings[0]
    again = try_inputs(MISBEHAVING[words], 1, range(first.number, first.number + 1))
    assert [one.number for one in again.findings] == [first.number]
    kept = [path.read_text() for path in tmp_path.glob("*/input/number.txt")]
    assert len(kept) == len(tally.findings)
    told = [path.read_text() for path in tmp_path.glob("*/finding.txt")]
    assert any(text.startswith(first.command) for text in told)


def test_a_refusal_is_counted_and_is_no_finding():
    tally = try_inputs(MISBEHAVING[""], 1, range(5))
    assert (tally.tried, tally.findings) == (5, [])
    assert 0 < tally.refused < 5


@pytest.mark.parametrize("change", [changed_bytes, changed_text, changed_json])
def test_the_same_seed_gives_the_same_input(change):
    whole = {changed_bytes: bytes(300), changed_text: "a: 1\nb: [2, 3]\n", changed_json: {"a": [1]}}
    made = [change(whole[change], Random("1/config/7")) for _ in range(2)]
    assert made[0] == made[1]
    others = {change(whole[change], Random(f"1/config/{number}")) for number in range(50)}
    assert len(others) > 30


def test_the_page_has_a_row_of_each_kind_that_was_tried(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{command.BEGIN}\n{command.END}\nafter\n")
    machine = {"processor": "a", "system": "b", "Python": "3"}
    for kind, tried in (("recipes", 10), ("config", 20), ("recipes", 10_000)):
        command.write_page(page, Tally(KINDS[kind], 1, tried, 5, 60.0), machine)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [[" config ", " 20 "], [" recipes ", " 10,000 "]]
