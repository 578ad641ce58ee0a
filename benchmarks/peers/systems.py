"""The peers: what each judges, by which features, with which classifier.

Sizes and rates that a description leaves open are ours; so is the sampling rate of 16 kHz, which
all of them hear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.cuts import Cutting, Features, Segments, Sound, Windows
from realtime_ser.base.labels import LABELS
from realtime_ser.base.records import SAMPLE_RATE

if TYPE_CHECKING:
    from training.offline.model import OfflineModel

Rows: TypeAlias = NDArray[np.float32]
"""Features of cuts, shape ``(cuts, ...)``."""
Classifier: TypeAlias = Callable[[Rows], NDArray[np.floating]]
"""Gives probabilities over :data:`LABELS`, shape ``(cuts, labels)``."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCuts:
    """Features of cuts, the numbers of their labels, and the names of their corpora."""

    rows: Rows
    labels: NDArray[np.intp]
    corpora: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to hear emotion.

    Attributes
    ----------
    name, title
        Key, and words for a reader.
    cutting
        Which stretches it judges.
    features
        Makes the function of features, with all that it loads; the argument is the file of
        Whisper's weights.
    fit
        Trains on the first set, chooses by the second, and writes the classifier into a folder.
    load
        Reads it again.
    train_windows
        Of a clip's windows so many, the last ones, train.
    """

    name: str
    title: str
    cutting: Cutting
    features: Callable[[Path | None], Features]
    fit: Callable[[LabelledCuts, LabelledCuts, Path], None]
    load: Callable[[Path], Classifier]
    train_windows: int = 1


# ----------------------------------------------------------------------- convolutions over frames

_LEVEL_DB = -5.0
_TRIM_DB = 30.0


def _frames_features(length: int) -> Features:
    """40 MFCC of each frame, the sound trimmed, at a set peak, and filled up with zeros."""
    import librosa

    def features(sound: Sound) -> Rows:
        peak = float(np.abs(sound).max(initial=0.0))
        level = sound * (10.0 ** (_LEVEL_DB / 20.0) / peak) if peak > 0 else sound
        trimmed, _ = librosa.effects.trim(level, top_db=_TRIM_DB)
        whole = np.pad(trimmed, (0, length - len(trimmed)))
        found = librosa.feature.mfcc(y=whole, sr=SAMPLE_RATE, n_mfcc=40).T
        return found.astype(np.float32)

    return features


def _fit_convolutions(train: LabelledCuts, validation: LabelledCuts, folder: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    scaling = keras.layers.Normalization()
    scaling.adapt(train.rows)
    x = inputs = keras.Input(train.rows.shape[1:])
    x = scaling(x)
    for filters in (64, 128):
        x = keras.layers.Conv1D(filters, 5, padding="same", activation="relu")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling1D(2)(x)
        x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(128, activation="relu")(x)
    x = keras.layers.Dropout(0.3)(x)
    model = keras.Model(inputs, keras.layers.Dense(len(LABELS), activation="softmax")(x))
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping("val_loss", patience=6, restore_best_weights=True)
    model.fit(
        train.rows,
        train.labels,
        validation_data=(validation.rows, validation.labels),
        epochs=40,
        batch_size=64,
        callbacks=[stop],
        verbose=2,
    )
    model.save(folder / "model.keras")


def _load_convolutions(folder: Path) -> Classifier:
    import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    return lambda rows: model.predict(rows, verbose=0)


# ------------------------------------------------------------------------------- scikit-learn's


def _mean_features() -> Features:
    """Means over time of 40 MFCC, 12 chroma and 128 mel bands."""
    import librosa

    def features(sound: Sound) -> Rows:
        spectrum = np.abs(librosa.stft(sound))
        parts = [
            librosa.feature.mfcc(y=sound, sr=SAMPLE_RATE, n_mfcc=40),
            librosa.feature.chroma_stft(S=spectrum, sr=SAMPLE_RATE, tuning=0.0),
            librosa.feature.melspectrogram(y=sound, sr=SAMPLE_RATE),
        ]
        return np.concatenate([part.mean(axis=1) for part in parts]).astype(np.float32)

    return features


def _functionals() -> Features:
    """The 88 functionals of eGeMAPS v02."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)

    def features(sound: Sound) -> Rows:
        found = smile.process_signal(sound, SAMPLE_RATE).to_numpy(np.float32)[0]
        return np.nan_to_num(found)

    return features


def _encoder_features(weights: Path | None) -> Features:
    """Mean and deviation over time of the last layer of Whisper's encoder."""
    import tensorflow as tf

    from training.streaming.whisper_encoder import PublishedEncoder, log_mel
    from training.streaming.whisper_weights import read_weights

    if weights is None:
        raise SystemExit("Whisper's encoder is needed: name its weights with --teacher.")
    encoder = PublishedEncoder(read_weights(weights))

    @tf.function
    def summary(frames: Any) -> Any:
        mask = tf.ones((1, tf.shape(frames)[1] // 2))
        last = encoder(frames, mask)[-1][0]
        return tf.concat([tf.reduce_mean(last, 0), tf.math.reduce_std(last, 0)], 0)

    def features(sound: Sound) -> Rows:
        frames = log_mel(sound)[None]
        return np.asarray(summary(tf.constant(frames)), np.float32)

    return features


_SOFTNESS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of regularisation to choose from."""


def _fit_best(models: Mapping[float, Any], train: LabelledCuts, validation: LabelledCuts) -> Any:
    """The model with the best mean UAR of the corpora on validation, fitted once more with it."""
    from sklearn.metrics import balanced_accuracy_score

    def score(model: Any) -> float:
        found = model.fit(train.rows, train.labels).predict(validation.rows)
        own = [validation.corpora == corpus for corpus in np.unique(validation.corpora)]
        uars = [balanced_accuracy_score(validation.labels[one], found[one]) for one in own]
        return float(np.mean(uars))

    scores = {value: score(model) for value, model in models.items()}
    best = max(scores, key=lambda value: scores[value])
    print({f"{value:g}": round(found, 3) for value, found in scores.items()}, flush=True)
    rows = np.concatenate([train.rows, validation.rows])
    return models[best].fit(rows, np.concatenate([train.labels, validation.labels]))


def _save(model: Any, folder: Path) -> None:
    import joblib  # type: ignore[import-untyped]

    joblib.dump(model, folder / "model.joblib")


def _fit_perceptron(train: LabelledCuts, validation: LabelledCuts, folder: Path) -> None:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        alpha: make_pipeline(
            StandardScaler(),
            MLPClassifier((300,), alpha=alpha, batch_size=256, max_iter=60, random_state=0),
        )
        for alpha in (0.01, 1.0, 10.0)
    }
    _save(_fit_best(models, train, validation), folder)


def _fit_linear_svm(train: LabelledCuts, validation: LabelledCuts, folder: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    models = {
        c: make_pipeline(StandardScaler(), LinearSVC(C=c, class_weight="balanced", random_state=0))
        for c in _SOFTNESS
    }
    _save(_fit_best(models, train, validation), folder)


def _fit_logistic(train: LabelledCuts, validation: LabelledCuts, folder: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = {
        c: make_pipeline(
            StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=300)
        )
        for c in _SOFTNESS[:-1]
    }
    _save(_fit_best(models, train, validation), folder)


def _load_fitted(folder: Path) -> Classifier:
    import joblib

    model = joblib.load(folder / "model.joblib")

    def classify(rows: Rows) -> NDArray[np.floating]:
        if hasattr(model, "predict_proba"):
            found: NDArray[np.floating] = model.predict_proba(rows)
            return found
        # A support vector machine gives distances; their softmax keeps their order.
        odds = np.exp(model.decision_function(rows))
        return odds / odds.sum(axis=1, keepdims=True)

    return classify


# -------------------------------------------------------------------------- reference system C


def load_whole_clip_model(run: Path) -> OfflineModel:
    """Model of an offline run of ``realtime-ser-train``."""
    from training.offline.model import load_offline
    from training.run_folder import Run

    return load_offline(Run(run))


def load_whole_clip(run: Path) -> tuple[Features, Classifier]:
    """Features and network of an offline run, for sound at 16 kHz."""
    import soxr

    from training.offline.features import extract

    model = load_whole_clip_model(run)
    settings = model.recipe.features
    rate = settings.sample_rate or SAMPLE_RATE

    def features(sound: Sound) -> Rows:
        return extract(soxr.resample(sound, SAMPLE_RATE, rate), rate, settings)

    return features, lambda rows: model.probabilities(model.front_end.inputs(list(rows)))


# ------------------------------------------------------------------------------------------- all

_WINDOW_S = 7.1

PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "convolutions",
            "7.1 s windows, librosa's MFCC, Keras CNN by `model.predict`",
            Windows(_WINDOW_S, _WINDOW_S),
            lambda _: _frames_features(round(_WINDOW_S * SAMPLE_RATE)),
            _fit_convolutions,
            _load_convolutions,
        ),
        Peer(
            "means",
            "3 s windows each 0.5 s, means of librosa's features, perceptron",
            Windows(3.0, 0.5),
            lambda _: _mean_features(),
            _fit_perceptron,
            _load_fitted,
            train_windows=3,
        ),
        Peer(
            "egemaps",
            "openSMILE's eGeMAPS of the gated segment, linear SVM",
            Segments(),
            lambda _: _functionals(),
            _fit_linear_svm,
            _load_fitted,
        ),
        Peer(
            "whisper",
            "Whisper base's encoder over 3 s each 0.5 s, logistic regression",
            Windows(3.0, 0.5),
            _encoder_features,
            _fit_logistic,
            _load_fitted,
        ),
    )
}
"""Peers that are fitted here, by name; reference system C is a run of ``realtime-ser-train``."""

WHOLE_CLIP = "whole-clip"
WHOLE_CLIP_TITLE = "Reference system C: CNN + LSTM on whole clips"
WHOLE_CLIP_RUN = (
    "c_cnn_lstm-copies=1-split.scheme=joint-corpora=_ravdess_crema_d_"
    "-features.sample_rate=48000-fold1-seed0"
)
"""Folder of that run."""
