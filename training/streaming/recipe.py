"""Recipe of a streaming model."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import FRAME
from realtime_ser.recogniser.features import FeatureParams
from training.settings import BaseRecipe, FitSettings, NoMixedPrecision
from training.sound.augmentation import Augmentation
from training.streaming.architecture import Architecture
from training.streaming.noise_spectra import SpectralNoise

WHISPER_FEATURES = FeatureParams(n_fft=FRAME, n_mels=80, f_min=0.0, f_max=8000.0, n_mfcc=80)
"""Parameters of Whisper's log-mel spectrum; with as many coefficients as bands the DCT is exact."""


class EncoderStage(FitSettings):
    """Fit of the encoder to the output of a pretrained one, without labels.

    Attributes
    ----------
    pretrained
        Whether the CNN starts from a pretrained encoder's weights and learns to give its output.
        Otherwise the CNN starts from another run's weights, or from random ones, and this stage is
        left out.
    gain_db
        Range in dB, either way, of a random gain on each segment; the target stays.
    noise
        Noise under a share of the segments as recorded, drawn anew in every epoch; the target is
        that of the clean voice. ``null``: none.
    """

    pretrained: bool = True
    epochs: int = Field(default=4, ge=0)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=4e-4, gt=0)
    schedule: Literal["constant", "cosine", "plateau"] = "cosine"
    clip_norm: float | None = Field(default=1.0, gt=0)
    mixed_precision: NoMixedPrecision = False
    gain_db: float = Field(default=12.0, ge=0)
    noise: SpectralNoise | None = None


class LabelStage(FitSettings):
    """Fit to labels.

    Attributes
    ----------
    label_smoothing
        Spread over the classes that the corpus has.
    soft_labels
        Share of each label that listeners' votes make up, where a corpus has them.
    class_weights
        Whether to weight the loss by the inverse frequency of a class in its corpus.
    balance
        0 draws segments as they come; 1 draws each class of each corpus equally often.
    changed
        Relative frequency of a changed copy in the draw; 1: as often as the clip as recorded.
    prefix_ramp_s
        Time in seconds over which the weight of a segment's steps rises to full. Heads of
        statistics train on up to four steps of a segment, which all have full weight.
    result_weight
        Extra weight of the step that gives a segment's result, beside all its steps together.
    joined
        Share of the batches whose segments follow another one of the same speaker without a pause,
        so that a change within a segment is learned; not for heads of statistics, which forget by
        themselves.
    """

    epochs: int = Field(default=25, ge=0)
    batch_size: int = Field(default=64, ge=1)
    schedule: Literal["constant", "cosine", "plateau"] = "cosine"
    warm_up: float = Field(default=0.3, ge=0, lt=1)
    weight_decay: float = Field(default=0.05, ge=0)
    clip_norm: float | None = Field(default=5.0, gt=0)
    average: float = Field(default=0.99, ge=0, lt=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    soft_labels: float = Field(default=0.0, ge=0, le=1)
    class_weights: bool = False
    balance: float = Field(default=0.5, ge=0, le=1)
    changed: float = Field(default=1.0, gt=0)
    prefix_ramp_s: float = Field(default=1.2, gt=0)
    result_weight: float = Field(default=1.0, ge=0)
    joined: float = Field(default=0.0, ge=0, le=1)


class HeadStage(LabelStage):
    """Fit of the heads to labels behind the frozen encoder.

    Attributes
    ----------
    teachers, distillation
        Number of heads that first learn the labels from the pretrained encoder's own vectors, and
        share of each label that their mean probabilities then make up (Hinton et al., Distilling
        the Knowledge in a Neural Network, 2015).
    statistics_epochs
        Epochs of the heads of statistics; ``None``: as many as of those with an LSTM.
    levels, gain_db
        Number of further copies of each segment as recorded, at gains drawn within this range in dB
        either way. If there are any, each changed copy gets such a gain as well.
    noise
        Noise under a share of the further copies; ``null``: none. Needs ``levels``.
    """

    mixed_precision: NoMixedPrecision = False
    teachers: int = Field(default=2, ge=0)
    distillation: float = Field(default=0.7, ge=0, le=1)
    statistics_epochs: int | None = Field(default=None, ge=1)
    levels: int = Field(default=0, ge=0)
    gain_db: float = Field(default=12.0, ge=0)
    noise: SpectralNoise | None = None

    @model_validator(mode="after")
    def _check_noise(self) -> Self:
        if self.noise is not None and not self.levels:
            raise ValueError("'noise' comes with further levels: set 'levels' to 1 or more")
        return self


class WholeStage(LabelStage):
    """Fit of the whole network to labels, after the other stages or instead of them.

    Attributes
    ----------
    gain_db
        Each segment's level is changed by up to so much either way.
    spec_augment
        Masks of bands and of frames on the log-mel spectrum, ahead of the DCT: how many of each
        (Park et al., SpecAugment, Interspeech 2019).
    mixup
        Parameter of the beta distribution from which two segments' shares are drawn (Zhang et al.,
        mixup, ICLR 2018); 0: none.
    """

    epochs: int = Field(default=0, ge=0)
    learning_rate: float = Field(default=3e-4, gt=0)
    gain_db: float = Field(default=6.0, ge=0)
    spec_augment: int = Field(default=0, ge=0)
    mixup: float = Field(default=0.0, ge=0)


class StreamingRecipe(BaseRecipe):
    """Recipe of a streaming model.

    Attributes
    ----------
    features, gate
        Parameters of the features and of the speech gate.
    augmentation
        Training examples beside the clips as recorded.
    architecture
        Sizes of the network.
    encoder, head, whole
        The stages, in this order.
    refit
        Whether to fit all labels anew on training and validation speakers together, the latter
        without changed copies and streams, once temperature and threshold are chosen on the
        validation speakers; both values are kept.
    certainty
        Share of the validation speakers' segments whose results count as certain.
    int8
        Whether a bundle keeps most weights of a transformer in eight bits, rounded by training
        speech, instead of half precision; other encoders keep theirs as they are.
    """

    kind: Literal["streaming"] = "streaming"
    refit: bool = True
    features: FeatureParams = FeatureParams()
    gate: GateConfig = GateConfig()
    augmentation: Augmentation = Augmentation()
    architecture: Architecture = Architecture()
    encoder: EncoderStage = EncoderStage()
    head: HeadStage = HeadStage()
    whole: WholeStage = WholeStage()
    certainty: float = Field(default=0.7, gt=0, le=1)
    int8: bool = True

    @model_serializer(mode="wrap")
    def _without_default(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Recipes that say nothing of it keep their hashes, which bundles hold."""
        settings: dict[str, Any] = dump(self)
        if self.int8:
            settings.pop("int8", None)
        return settings

    @property
    def rounds_weights(self) -> bool:
        """Whether a bundle's weights are rounded to eight bits."""
        return self.int8 and self.architecture.transformer is not None

    @model_validator(mode="after")
    def _check_imitating(self) -> Self:
        if self.architecture.imitating is None:
            return self
        coefficients = WHISPER_FEATURES.n_mfcc
        if (self.features, self.architecture.coefficients) != (WHISPER_FEATURES, coefficients):
            raise ValueError(
                "'architecture.transformer' and 'architecture.residual' need the features of "
                "Whisper's encoder"
            )
        if self.head.epochs and self.head.teachers:
            raise ValueError(
                "'head.teachers' must be 0 with 'architecture.transformer' or "
                "'architecture.residual'"
            )
        return self
