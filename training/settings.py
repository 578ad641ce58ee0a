"""Sections that all recipes share: fit, split, and the common settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)


def _ascending(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the first number of a range must not exceed the second")
    return limits


Range: TypeAlias = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Lowest and highest value of a random draw."""

Chance: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""Probability, 0 to 1."""


def _single_precision(mixed: bool) -> bool:
    if mixed:
        raise ValueError("this stage computes in single precision: set it under 'whole' alone")
    return mixed


NoMixedPrecision: TypeAlias = Annotated[bool, AfterValidator(_single_precision)]
"""The setting ``mixed_precision`` of a stage that always computes in single precision."""


class RecipeSection(BaseModel):
    """A section of a recipe, frozen; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FitSettings(RecipeSection):
    """Settings of a fit.

    Attributes
    ----------
    epochs, batch_size, learning_rate
        Number of epochs, sequences in a batch, and step size of the optimizer.
    schedule
        ``constant``; ``cosine``: a rise over the share ``warm_up`` of all batches, then a cosine
        decay; ``plateau``: a fifth whenever the validation loss has not fallen for three epochs.
    weight_decay
        0: Adam; otherwise AdamW.
    clip_norm
        Largest norm of a gradient; ``None``: any.
    average
        Momentum of the running mean of the weights, which is the result; 0: the last weights.
    patience
        Epochs without a better validation loss after which the fit ends, with the best epoch's
        weights, not their mean; ``None``: it runs to its end.
    mixed_precision
        Compute in half precision where there is a GPU; without one, nothing changes. Of a streaming
        recipe's stages, ``whole`` alone may.
    """

    epochs: int = Field(default=20, ge=0)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warm_up: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    patience: int | None = Field(default=None, ge=1)
    mixed_precision: bool = False


class Split(RecipeSection):
    """Split into training, validation and test.

    Attributes
    ----------
    scheme
        ``joint``: the six joint folds by speaker (:mod:`training.folds`); ``speaker-out``: each
        fold tests one speaker; ``cross-corpus``: each fold tests one whole corpus of those under
        ``test``, and none of them trains; ``listed``: the speakers under ``test`` and
        ``validation``; ``clips``: clips at random, stratified by label, so that speakers are on
        both sides: only to reproduce a publication.
    test, validation
        Speakers by corpus; for ``cross-corpus`` the lists stay empty.
    withheld_sentences
        Sentences by corpus, in its own codes, that nobody learns from: of training and validation
        they are left out, so that they are tested with speakers who were not heard either.
    test_share, validation_share
        Shares of the clips for ``clips``; that for validation is taken of the clips that are not
        tested.
    seed
        Seed of the draw for ``clips``; ``None``: the run's seed.
    """

    scheme: Literal["joint", "speaker-out", "cross-corpus", "listed", "clips"] = "joint"
    test: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    validation: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    withheld_sentences: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    test_share: float = Field(default=0.2, gt=0, lt=1)
    validation_share: float = Field(default=0.0, ge=0, lt=1)
    seed: int | None = None

    @model_serializer(mode="wrap")
    def _without_what_withholds_nothing(
        self, dump: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        """Settings as of a recipe from before sentences could be withheld, whose hash stays."""
        settings: dict[str, Any] = dump(self)
        if not self.withheld_sentences:
            settings.pop("withheld_sentences", None)
        return settings


class BaseRecipe(RecipeSection):
    """Settings that recipes of all kinds share.

    Attributes
    ----------
    name, version
        Name and version of the model.
    title
        Title for reports, a line.
    corpora
        Folders to read: known corpora, or folders with a folder for each label.
    split
        Split into training, validation and test.
    """

    name: str
    version: str = "1.0"
    title: str = ""
    corpora: tuple[str, ...] = Field(min_length=1)
    split: Split = Split()
