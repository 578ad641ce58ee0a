"""Recipes: everything that makes a model, in one checked YAML file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from realtime_ser.base.errors import UsageError
from realtime_ser.base.yaml_file import YamlError, parse_yaml, read_yaml
from training.offline.recipe import OfflineRecipe
from training.streaming.recipe import StreamingRecipe

SHIPPED = Path(__file__).resolve().parent / "recipes"

Recipe: TypeAlias = StreamingRecipe | OfflineRecipe
_KINDS: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe with its file, its changes and its hash.

    Attributes
    ----------
    recipe
        The recipe, changes included.
    path
        The file.
    changes
        Settings that replace those of the file, such as ``split.scheme=joint``.
    digest
        SHA-256 of the whole recipe in effect.
    """

    recipe: Recipe
    path: Path
    changes: tuple[str, ...]
    digest: str

    @property
    def title(self) -> str:
        """The file's name and the changes, fit for the name of a folder."""
        return run_title(self.path.stem, self.changes)


def run_title(name: str, changes: Sequence[str]) -> str:
    """Name of a recipe's file and changes, as they begin the names of its runs' folders."""
    return "-".join([name, *(_folder_safe(change) for change in changes)])


def load_recipe(name: str, changes: Sequence[str] = ()) -> RecipeFile:
    """Read a shipped recipe by its name, or any by its path.

    Parameters
    ----------
    name
        Name or path.
    changes
        Settings that replace those of the file, each ``section.key=value`` with a YAML value.

    Raises
    ------
    UsageError
        There is no such recipe, or a setting in it is wrong.
    """
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if shipped.exists() else Path(name)
    try:
        data: Any = read_yaml(path)
    except OSError as error:
        known = ", ".join(recipe_names())
        raise UsageError(f"There is no recipe '{name}'; shipped ones are {known}.") from error
    except YamlError as error:
        raise UsageError(f"The recipe {path} {error}.") from error
    if not isinstance(data, dict):
        raise UsageError(f"The recipe {path} holds no settings; start from a shipped one.")
    for change in changes:
        _apply_change(data, change)
    recipe = check_recipe(data, f"the recipe {path}")
    return RecipeFile(recipe, path, tuple(changes), recipe_digest(recipe))


def check_recipe(data: object, where: str) -> Recipe:
    """Make a recipe of what a file holds.

    Raises
    ------
    UsageError
        A setting is wrong; the sentence names it, and ``where`` it was found.
    """
    try:
        return _KINDS.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        # Behind the kind, which pydantic puts first.
        place = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"In {where}, '{place}': {reason}.") from error


def recipe_names() -> list[str]:
    """Names of the shipped recipes."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def _apply_change(data: dict[str, Any], change: str) -> None:
    where, equals, value = change.partition("=")
    *sections, key = where.split(".")
    if not equals or not key:
        raise UsageError(f"'{change}' sets nothing; write it like split.scheme=joint.")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise UsageError(f"'{section}' in '{change}' is no section of the recipe.")
    try:
        data[key] = parse_yaml(value)
    except YamlError as error:
        raise UsageError(f"The value in '{change}' {error}.") from error


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of a whole recipe in effect, in hexadecimal."""
    text = json.dumps(recipe.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _folder_safe(text: str) -> str:
    return "".join(c if c.isalnum() or c in "=._" else "_" for c in text)
