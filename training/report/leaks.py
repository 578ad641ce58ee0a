"""Leaks of test clips into training, by a recipe's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def leaks(recipe: Mapping[str, Any]) -> list[str]:
    """Sentences on the test clips' leaks into training, for recipes that reproduce any."""
    found = []
    if recipe["split"]["scheme"] == "clips":
        found.append(
            "Clips were drawn at random, so that the same speakers are in training and test."
        )
    if recipe.get("copies", 1) > 1:
        found.append(
            f"Each recording is there {recipe['copies']} times, so that most test clips have a "
            "twin in training."
        )
    if recipe.get("oversampling") == "before-split":
        found.append(
            "Rarer labels were filled up with copies before the split, so that copies of test "
            "clips are in training."
        )
    if recipe.get("features", {}).get("standardise") == "all":
        found.append("Features were standardised over the test clips too.")
    return found
