"""Recipe of an offline model, which takes a whole clip at once."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from realtime_ser.base.labels import LABELS
from training.settings import BaseRecipe, FitSettings, RecipeSection
from training.sound.augmentation import Augmentation
from training.sound.preprocess import Preprocessing

FeatureKind = Literal[
    "mfcc",
    "delta",
    "delta2",
    "chroma",
    "mel",
    "zcr",
    "rms",
    "contrast",
    "tonnetz",
    "encoder",
]


class PublishedResult(RecipeSection):
    """Figures that the authors of a system published.

    Attributes
    ----------
    accuracy, macro_f1
        Shares of 1; ``None`` where they give none.
    source
        Publication, and the measure there.
    """

    accuracy: float | None = Field(default=None, ge=0, le=1)
    macro_f1: float | None = Field(default=None, ge=0, le=1)
    source: str


class Features(RecipeSection):
    """Features of each clip.

    Attributes
    ----------
    kinds
        Features of a frame, in this order: MFCC, their first and second differences, chroma, mel
        spectrum in dB, zero-crossing rate, RMS, spectral contrast, tonnetz; or ``encoder`` alone:
        the vectors that a frozen pretrained encoder (BYOL-S) gives every 80 ms.
    sample_rate
        Hz to which clips are brought; ``null``: each keeps its own.
    n_mfcc, n_mels, n_fft, hop
        As in librosa.
    frames
        Clips are padded with zeros or cut to so many frames; ``null``: each batch is padded to its
        longest clip.
    summary
        ``mean``: one frame for each clip, their mean over time.
    standardise
        To mean 0 and deviation 1 of each feature over the ``training`` clips, or over ``all``, the
        test clips included: only to reproduce a publication.
    """

    kinds: tuple[FeatureKind, ...] = Field(default=("mfcc",), min_length=1)
    sample_rate: int | None = Field(default=22_050, ge=8_000)
    n_mfcc: int = Field(default=40, ge=1)
    n_mels: int = Field(default=128, ge=1)
    n_fft: int = Field(default=2048, ge=64)
    hop: int = Field(default=512, ge=16)
    frames: int | None = Field(default=None, ge=1)
    summary: Literal["mean"] | None = None
    standardise: Literal["none", "training", "all"] = "training"

    @property
    def mel_bands(self) -> slice:
        """Indices of the mel bands among the features of a frame; empty without mel bands."""
        widths = {"chroma": 12, "mel": self.n_mels, "zcr": 1, "rms": 1, "contrast": 7, "tonnetz": 6}
        start = 0
        for kind in self.kinds:
            if kind == "mel":
                return slice(start, start + self.n_mels)
            start += widths.get(kind, self.n_mfcc)
        return slice(0, 0)

    @model_validator(mode="after")
    def _check_kinds(self) -> Features:
        if "encoder" in self.kinds and len(self.kinds) > 1:
            raise ValueError("'encoder' stands alone: its frames are 80 ms long")
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("a kind is named twice")
        if self.n_mfcc > self.n_mels:
            raise ValueError("there cannot be more MFCC than mel bands")
        return self


class NetworkOptions(RecipeSection):
    """Options of every architecture.

    Attributes
    ----------
    pooling
        Pooling over time: ``as-described``, or ``attention``, a mean over time with learned
        weights, instead of flattening or of the LSTM's last state.
    l2
        Penalty on the squares of the weights of convolutions, LSTM and dense layers.
    """

    pooling: Literal["as-described", "attention"] = "as-described"
    l2: float = Field(default=0.0, ge=0)


class OfflineFit(FitSettings):
    """Settings of a fit to labels.

    Attributes
    ----------
    label_smoothing
        Share of each label that is spread over the classes its corpus has.
    soft_labels
        Share of each label that listeners' votes make up, where a corpus has them.
    class_weights
        Whether to weight the loss by the inverse frequency of a clip's label.
    mixup
        Parameter of the beta distribution from which two clips' shares are drawn (Zhang et al.,
        mixup, ICLR 2018); 0: none.
    spec_augment
        Number of masks of mel bands and of frames (Park et al., SpecAugment, Interspeech 2019);
        needs ``mel`` among the features.
    noise
        Deviation of the normal noise that is added to the inputs.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    soft_labels: float = Field(default=0.0, ge=0, le=1)
    class_weights: bool = False
    mixup: float = Field(default=0.0, ge=0)
    spec_augment: int = Field(default=0, ge=0)
    noise: float = Field(default=0.0, ge=0)

    @property
    def needs_validation(self) -> bool:
        """Whether early stopping or the learning rate depends on the validation loss."""
        return self.patience is not None or self.schedule == "plateau"


class OfflineRecipe(BaseRecipe):
    """Recipe of an offline model, which takes a whole clip at once.

    Where no stage needs validation clips, they train too.

    Attributes
    ----------
    published
        Figures that the authors published.
    labels
        The classes; clips of others are left out.
    dropped
        Classes by corpus whose clips are left out as well.
    copies
        Number of copies of each clip; above 1 only to reproduce a publication.
    oversampling
        Filling up of rarer labels with clips drawn at random: of the ``training`` clips, or
        ``before-split``, which puts copies of test clips into training, only to reproduce a
        publication.
    preprocessing
        Preprocessing of every clip ahead of the features, in training and afterwards.
    augmentation
        Training examples beside the clips as recorded.
    features
        Features of each clip.
    architecture
        A name of :data:`training.offline.architectures.ARCHITECTURES`, or a function of the user's
        as ``FILE.py:FUNCTION``.
    network
        Options of the architecture.
    fit, fine_tune
        Settings of the fit, and of a second one from there; ``None``: no second fit.
    """

    kind: Literal["offline"]
    published: PublishedResult | None = None
    labels: tuple[str, ...] = LABELS
    dropped: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    copies: int = Field(default=1, ge=1)
    oversampling: Literal["none", "training", "before-split"] = "none"
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    features: Features = Features()
    architecture: str
    network: NetworkOptions = NetworkOptions()
    fit: OfflineFit = OfflineFit()
    fine_tune: OfflineFit | None = None

    @property
    def stages(self) -> dict[str, OfflineFit]:
        """Fits by name, in their order."""
        more = {} if self.fine_tune is None else {"fine_tune": self.fine_tune}
        return {"fit": self.fit, **more}

    @field_validator("labels")
    @classmethod
    def _known_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [label for label in labels if label not in LABELS]
        if unknown:
            raise ValueError(f"there is no label {', '.join(unknown)}; choose of {LABELS}")
        if len(set(labels)) < 2:
            raise ValueError("a model needs two labels or more")
        return tuple(label for label in LABELS if label in labels)

    @model_validator(mode="after")
    def _check_spec_augment(self) -> OfflineRecipe:
        masked = any(stage.spec_augment for stage in self.stages.values())
        if masked and ("mel" not in self.features.kinds or self.features.summary):
            raise ValueError("spec_augment hides mel bands: it needs 'mel' and no summary")
        return self

    @model_validator(mode="after")
    def _check_augmentation(self) -> OfflineRecipe:
        if self.augmentation.streams is not None:
            raise ValueError("a model that hears one clip at once cannot learn from 'streams'")
        if self.augmentation.changes and self.features.sample_rate is None:
            raise ValueError("sound is changed at 16 kHz: set features.sample_rate, as to 16000")
        return self
