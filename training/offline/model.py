"""A trained offline model: recipe, front end and network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from realtime_ser.base.errors import UsageError
from realtime_ser.base.files import whole_file, writing
from training.batching import bucket_length, stack_padded
from training.corpora import Clip
from training.offline.features import features_of
from training.offline.frontend import ClipFrames, FrontEnd
from training.offline.recipe import OfflineRecipe
from training.run_folder import OFFLINE_MODEL, Run
from training.sound.examples import Example
from training.workers import map_in_processes

_BATCH = 128


@dataclass(frozen=True, slots=True, eq=False)
class OfflineModel:
    """A model that takes a whole clip at once.

    Attributes
    ----------
    recipe
        Recipe of the model.
    front_end
        Front end, from features to the network's inputs.
    network
        Network that gives probabilities over :attr:`labels`.
    """

    recipe: OfflineRecipe
    front_end: FrontEnd
    network: keras.Model

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes in the order of the network's outputs."""
        return self.recipe.labels

    def predict(self, paths: Sequence[Path], jobs: int = 1) -> NDArray[np.float32]:
        """Probabilities of recordings, shape ``(recordings, labels)``.

        Raises
        ------
        AudioFileError
            A recording cannot be read.
        """
        examples = [Example(_unlabelled_clip(path)) for path in paths]
        recipe = self.recipe
        extract_features = partial(
            features_of, settings=recipe.features, preprocessing=recipe.preprocessing
        )
        feature_rows = map_in_processes(extract_features, examples, jobs, "Hearing recordings")
        return self.probabilities(self.front_end.inputs(feature_rows))

    def probabilities(self, inputs: ClipFrames) -> NDArray[np.float32]:
        """Probabilities of clips as the network takes them, shape ``(clips, labels)``.

        Only clips of one length share a batch, so that nobody's padding changes an answer.
        """
        frames = [self.recipe.features.frames or bucket_length([len(own)]) for own in inputs]
        out = np.empty((len(inputs), len(self.labels)), np.float32)
        order = sorted(range(len(inputs)), key=frames.__getitem__)
        for length, group in groupby(order, key=frames.__getitem__):
            same_length = list(group)
            for start in range(0, len(same_length), _BATCH):
                chosen = same_length[start : start + _BATCH]
                batch = stack_padded([inputs[k] for k in chosen], length)
                out[chosen] = self.network.predict_on_batch(batch)
        return out

    def save(self, run: Run) -> None:
        """Write front end and network into a run's folder.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        self.front_end.save(run)
        path = run.folder / OFFLINE_MODEL
        advice = "make room, and the same command goes on: what is trained already is kept"
        with (
            writing(path, advice),
            whole_file(path) as draft,
            tempfile.TemporaryDirectory(dir=path.parent) as folder,
        ):
            self.network.save(Path(folder) / path.name)  # Keras wants its own ending
            (Path(folder) / path.name).replace(draft)


def _unlabelled_clip(path: Path) -> Clip:
    """A recording of which nothing is known."""
    return Clip("", path, path.stem, speaker="", label="", language="", classes=())


def load_offline(run: Run) -> OfflineModel:
    """The model that a run made.

    Raises
    ------
    UsageError
        The folder holds no run of an offline recipe, or one that has not come to its model.
    """
    try:
        recipe = OfflineRecipe.model_validate(run.record.recipe)
    except ValidationError as error:
        raise UsageError(f"{run.folder} is not the run of an offline recipe.") from error
    front_end = FrontEnd.load(recipe.features, run)
    path = run.folder / OFFLINE_MODEL
    try:
        network = keras.saving.load_model(path, compile=False)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be loaded: delete it and run the same recipe again, which writes it "
            "anew without training (layers of one's own must be registered with "
            "keras.saving.register_keras_serializable)."
        ) from error
    return OfflineModel(recipe, front_end, network)
