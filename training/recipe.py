"""Recipes: everything that makes a model, in one checked YAML file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime_ser.config import GateConfig
from realtime_ser.errors import UsageError
from realtime_ser.features import FeatureParams
from training.architecture import Architecture

SHIPPED = Path(__file__).resolve().parent / "recipes"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderStage(_Section):
    """Learning to imitate the teacher, without labels.

    Attributes
    ----------
    epochs, batch_size, learning_rate
        The schedule: cosine decay after a short warm-up, Adam.
    gain_db
        Each segment's level is changed by up to so much either way; its target is not.
    """

    epochs: int = Field(default=4, ge=0)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=4e-4, gt=0)
    gain_db: float = Field(default=12.0, ge=0)


class HeadStage(_Section):
    """Learning the labels behind the frozen encoder.

    Attributes
    ----------
    epochs, batch_size, learning_rate, weight_decay
        The schedule: cosine decay after a warm-up, AdamW.
    label_smoothing
        Spread over the classes that the corpus has.
    balance
        0 draws segments as they come; 1 draws each class of each corpus equally often.
    prefix_ramp_s
        Every step is trained to give the label; its weight rises to full over this time.
    result_weight
        Extra weight of the step that gives a segment's result, beside all its steps together.
    average
        Momentum of the running mean of the weights, which is what is kept.
    teachers, distillation
        So many heads first learn the labels from the pretrained encoder's own vectors; their mean
        answer then makes up this share of each label (Hinton et al., Distilling the Knowledge in a
        Neural Network, 2015).
    """

    epochs: int = Field(default=25, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    balance: float = Field(default=0.5, ge=0, le=1)
    prefix_ramp_s: float = Field(default=1.2, gt=0)
    result_weight: float = Field(default=1.0, ge=0)
    average: float = Field(default=0.99, ge=0, lt=1)
    teachers: int = Field(default=2, ge=0)
    distillation: float = Field(default=0.7, ge=0, le=1)


class Recipe(_Section):
    """How a model is made.

    Attributes
    ----------
    name, version
        Of the bundle.
    corpora
        Which are read.
    fold
        Joint fold whose test speakers are withheld.
    refit
        Whether, after temperature and threshold were chosen on the validation speakers, the head
        and its teachers are trained anew on training and validation speakers together; both values
        are kept.
    certainty
        Share of the validation clips that are to be called certain.
    """

    name: str
    version: str
    corpora: tuple[str, ...] = Field(min_length=1)
    fold: int = Field(default=1, ge=1, le=6)
    refit: bool = True
    features: FeatureParams = FeatureParams()
    gate: GateConfig = GateConfig()
    architecture: Architecture = Architecture()
    encoder: EncoderStage = EncoderStage()
    head: HeadStage = HeadStage()
    certainty: float = Field(default=0.7, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe and the file it was read from."""

    recipe: Recipe
    path: Path
    digest: str


def load_recipe(name: str) -> RecipeFile:
    """Read a shipped recipe by its name, or any by its path.

    Raises
    ------
    UsageError
        There is no such recipe, or a setting in it is wrong.
    """
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if shipped.exists() else Path(name)
    try:
        raw = path.read_bytes()
        data: Any = yaml.safe_load(raw)
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise UsageError(f"There is no recipe '{name}'; shipped ones are {known}.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"The recipe {path} is not valid YAML; mend it.") from error
    try:
        return RecipeFile(Recipe.model_validate(data), path, hashlib.sha256(raw).hexdigest())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"In the recipe {path}, '{where}': {first['msg']}.") from error
