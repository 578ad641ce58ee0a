"""Training gives the same on every installed backend of Keras."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

STREAMING = """
import numpy as np
import keras
from pathlib import Path
from tempfile import TemporaryDirectory
from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.features import FeatureParams
from realtime_ser.base.labels import LABELS
from realtime_ser.recogniser.bundle import Manifest
from training.corpora import Clip
from training.fitting import optimizer
from training.streaming.network import new_model
from training.streaming.architecture import Architecture
from training.streaming.batches import FrameBatches, LabelledSegment
from training.streaming.export import export_bundle
from training.streaming.recipe import WholeStage

keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
clips = [Clip("own", Path("a.wav"), "a", "1", label, "en", LABELS) for label in LABELS[:4]]
segments = [LabelledSegment(random.normal(-30, 9, (9, 8, 64)), 9 * [clip], 8) for clip in clips]
stage = WholeStage(batch_size=4, epochs=2, spec_augment=1, mixup=0.2)
batches = FrameBatches(segments, stage, 40, 0)
model = new_model(Architecture(channels=4, units=(16, 16), dense=8, lstm=8))
inputs, mask = keras.Input((None, 40), name="inputs"), keras.Input((8,), name="mask")
whole = keras.Model([inputs, mask], model(inputs) + mask[:, None, :])
loss = keras.losses.CategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
whole.compile(optimizer(stage, len(batches)), loss)
before = model.get_weights()
for epoch in range(2):
    batches.start_epoch(epoch)
    x, y, weights = batches[0]
    assert np.isfinite(float(whole.train_on_batch(x, y, sample_weight=weights)))
assert any((a != b).any() for a, b in zip(before, model.get_weights()))

manifest = Manifest(
    name="test", version="0", labels=LABELS, features=FeatureParams(), gate=GateConfig(),
    states={}, temperature=1.0, certainty_threshold=0.5, recipe={}, corpora=(), metrics={},
    files={},
)
with TemporaryDirectory() as folder:
    assert export_bundle(model, manifest, Path(folder)).graph < 1e-4
print(keras.backend.backend())
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_two_steps_train_and_a_bundle_is_written_on(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", STREAMING],
        env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend]
