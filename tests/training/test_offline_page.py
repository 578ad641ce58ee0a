"""The page of the published systems tells what was measured, and how to measure it again."""

from __future__ import annotations

import re
import shlex

import pytest

from scripts.reference_systems import PAGE, RESULTS, TABLES, fill
from training.cli import _parser
from training.recipe import load_recipe

PAGE_TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [row for rows in TABLES.values() for row in rows]


def test_every_number_in_the_tables_is_that_of_the_results():
    assert fill(PAGE_TEXT) == PAGE_TEXT


def test_a_changed_result_changes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.reference_systems.RESULTS", tmp_path)
    for path in RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace('"mean": 0.', '"mean": 9.'), "utf-8")
    assert fill(PAGE_TEXT) != PAGE_TEXT


def test_every_result_is_on_the_page_and_there():
    linked = set(re.findall(r"\]\(results/([^)]+)\)", PAGE_TEXT))
    assert linked == {path.name for path in RESULTS.glob("*.json")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_command_of_the_page_can_be_given(row):
    assert f"\n{row.command}\n" in PAGE_TEXT
    _, *words = shlex.split(row.command)
    options = _parser().parse_args(words)
    file = load_recipe(options.recipe, options.set)
    assert file.title == row.name
    assert [int(seed) for seed in options.seed.split(",")] == list(row.seeds)
    assert [int(fold) for fold in options.folds.split(",")] == list(row.folds)


def test_what_was_published_stands_beside_what_was_found():
    for published in ("0.480, macro-F1 0.45", "0.790, macro-F1 0.79", "0.654", "0.666", "0.689"):
        assert f"| {published} |" in PAGE_TEXT
