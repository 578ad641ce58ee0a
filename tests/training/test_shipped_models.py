"""The bundles that ship: their training graphs, their cards, and the recipes they come from."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import pytest

from realtime_ser.base.paths import shipped
from realtime_ser.recogniser.bundle import TRAINING_MODEL, load_bundle
from training.evaluate import EVALUATION
from training.recipe import check_recipe, recipe_digest
from training.report.card import CARD, card_text
from training.streaming.export import PARITY, ROUNDED_PARITY, parity
from training.streaming.network import StreamingSer
from training.streaming.quantisation import is_quantised

BUNDLES = sorted(path.parent for path in shipped("models").glob("*/bundle.json"))
each_bundle = pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)


@each_bundle
def test_the_training_graph_loads_and_gives_the_outputs_of_the_step(folder: Path) -> None:
    model = keras.models.load_model(folder / TRAINING_MODEL)
    assert isinstance(model, StreamingSer)
    limit = ROUNDED_PARITY if is_quantised(model) else PARITY
    parity(model, folder, 50).require(limit)


@each_bundle
def test_the_card_comes_from_the_figures_byte_for_byte(folder: Path) -> None:
    result = json.loads((folder / EVALUATION).read_bytes())
    assert card_text(load_bundle(folder), result) == (folder / CARD).read_text("utf-8")


@each_bundle
def test_the_recipe_is_known_by_its_hash(folder: Path) -> None:
    recipe = load_bundle(folder).manifest.recipe
    assert recipe_digest(check_recipe(recipe["settings"], str(folder))) == recipe["sha256"]
