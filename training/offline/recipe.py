"""Recipe of a model that hears a whole clip at once."""

from __future__ import annotations

from typing import Literal

from training.settings import BaseRecipe, Fit


class OfflineRecipe(BaseRecipe):
    """How a model that hears a whole clip at once is made.

    Attributes
    ----------
    fit
        How its weights are fitted.
    """

    kind: Literal["offline"]
    fit: Fit = Fit()
