"""Pages of experiments tell what was measured, and how to measure it again."""

from __future__ import annotations

import re
import shlex
from types import ModuleType

import pytest

from scripts import experiments, reference_systems
from scripts.pages import fill_tables
from training.cli import _parser
from training.recipe import load_recipe

PAGES = (reference_systems, experiments)
ROWS = [(page, row) for page in PAGES for rows in page.TABLES.values() for row in rows]


def text_of(page: ModuleType) -> str:
    return page.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_number_in_the_tables_is_that_of_the_results(page):
    assert page.fill(text_of(page)) == text_of(page)


@pytest.mark.parametrize("page", PAGES)
def test_a_changed_result_changes_the_page(page, tmp_path, monkeypatch):
    kept = list(page.RESULTS.glob("*.json"))
    monkeypatch.setattr(page, "RESULTS", tmp_path)
    for path in kept:
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace('"mean": 0.', '"mean": 9.'), "utf-8")
    assert page.fill(text_of(page)) != text_of(page)


def test_empty_tables_are_filled_and_nothing_between_them_is_lost():
    page = "<!-- table: a -->\n<!-- end -->\nwords\n<!-- table: b -->\nold\n<!-- end -->\n"
    filled = "<!-- table: a -->\nA\n<!-- end -->\nwords\n<!-- table: b -->\nB\n<!-- end -->\n"
    assert fill_tables(page, str.upper) == filled


@pytest.mark.parametrize("page", PAGES)
def test_every_result_is_on_the_page_and_there(page):
    linked = set(re.findall(rf"\]\({page.RESULTS.name}/([^)]+)\)", text_of(page)))
    assert linked == {path.name for path in page.RESULTS.glob("*.json")}


@pytest.mark.parametrize(("page", "row"), ROWS, ids=lambda value: getattr(value, "name", None))
def test_every_command_of_the_page_can_be_given(page, row):
    assert f"\n{row.command}\n" in text_of(page)
    _, *words = shlex.split(row.command)
    options = _parser().parse_args(words)
    file = load_recipe(options.recipe, options.set)
    assert file.title == row.name
    assert [int(seed) for seed in options.seed.split(",")] == list(row.seeds)
    assert [int(fold) for fold in options.folds.split(",")] == list(row.folds)


def test_what_was_published_stands_beside_what_was_found():
    text = text_of(reference_systems)
    for published in ("0.480, macro-F1 0.45", "0.790, macro-F1 0.79", "0.654", "0.666", "0.689"):
        assert f"| {published} |" in text
