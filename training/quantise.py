"""Rounds the weights of a bundle that is made already."""

from __future__ import annotations

from pathlib import Path

import keras

from realtime_ser.base.errors import UsageError
from realtime_ser.recogniser.bundle import TRAINING_MODEL, load_bundle
from training.evaluate import ClipReader, recipe_and_parts
from training.streaming.export import Parity, export_bundle
from training.streaming.quantisation import is_quantised
from training.streaming.rounding_speech import speech_to_round_by


def quantise_bundle(target: str, read: ClipReader, *, cache: Path, jobs: int) -> Parity:
    """Round weights of a bundle with a transformer to eight bits, by its training speakers.

    Parameters
    ----------
    target
        Folder of the bundle, which is written anew, or the name of a shipped one.
    read
        Function that reads the clips of its recipe.
    cache, jobs
        Folder of the cache, and number of processes.

    Raises
    ------
    UsageError
        There is no transformer in it, its weights are rounded, or it names no training speakers.
    ParityError
        Its step would not give what its training graph gives; it stays as it is.
    """
    bundle = load_bundle(target)
    recipe, parts = recipe_and_parts(bundle, read)
    if recipe.kind != "streaming" or recipe.architecture.transformer is None:
        raise UsageError(f"{bundle.folder} has no transformer; name a bundle like 'large'.")
    model = keras.models.load_model(bundle.folder / TRAINING_MODEL)
    if is_quantised(model):
        raise UsageError(f"The weights of {bundle.folder} are rounded already; nothing is to do.")
    speech = speech_to_round_by(parts["train"], recipe, cache, jobs)
    return export_bundle(model, bundle.manifest, bundle.folder, speech)
