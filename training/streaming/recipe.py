"""Recipe of a streaming model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from realtime_ser.base.config import GateConfig
from realtime_ser.recogniser.features import FeatureParams
from training.settings import BaseRecipe, FitSettings, NoMixedPrecision
from training.sound.augment import Augmentation
from training.streaming.architecture import Architecture
from training.streaming.noise_spectra import SpectralNoise


class EncoderStage(FitSettings):
    """Fit of the encoder to the output of a pretrained one, without labels.

    Attributes
    ----------
    pretrained
        Whether there is one: then the CNN starts from its weights and learns to give its output.
        Otherwise the CNN starts from another run's weights, or from random ones, and this stage is
        left out.
    gain_db
        Each segment's level is changed by up to so much either way; its target is not.
    noise
        What a share of the segments as recorded is heard in, anew in every epoch; the target is
        that of the clean voice. ``null``: nothing.
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
        Whether a class's loss weighs the more, the rarer it is in its corpus.
    balance
        0 draws segments as they come; 1 draws each class of each corpus equally often.
    changed
        How often a changed copy is drawn, against its clip as recorded at one level.
    prefix_ramp_s
        Every step is trained to give the label; its weight rises to full over this time. Answers
        from statistics learn at up to four steps of a segment, which all weigh in full.
    result_weight
        Extra weight of the step that gives a segment's result, beside all its steps together.
    joined
        Share of the batches whose segments are heard behind another one of the same speaker without
        a pause, so that a change within a stretch of speech is learned; not for heads of
        statistics, which forget by themselves.
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
        So many heads first learn the labels from the pretrained encoder's own vectors; their mean
        answer then makes up this share of each label (Hinton et al., Distilling the Knowledge in a
        Neural Network, 2015).
    statistics_epochs
        Epochs of heads of statistics; ``None``: as many as those with an LSTM.
    levels, gain_db
        Each segment as recorded is learned at so many further levels, drawn within so much either
        way, and where there are any, each changed copy at such a level too.
    noise
        What a share of those at further levels is heard in; ``null``: nothing.
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
        What the model hears.
    augmentation
        What it trains on beside the clips as recorded.
    architecture
        Its sizes.
    encoder, head, whole
        The stages, in this order.
    refit
        Whether, after temperature and threshold were chosen on the validation speakers, all that
        learns labels is trained anew on training and validation speakers together, the latter
        without changed copies and streams; both values are kept.
    certainty
        Share of the validation speakers' segments that are to be called certain.
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
