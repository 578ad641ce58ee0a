"""Pipelines of several channels of one source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime_ser.base.config import GateConfig
from realtime_ser.base.records import Segment, State, Update
from realtime_ser.recogniser.bundle import Bundle, Decoder
from realtime_ser.recogniser.pipeline import ChannelPipeline, Pipeline
from realtime_ser.recogniser.step_model import StepModel


class ChannelPipelines:
    """Pipelines of channels, all at the same native sample; for one thread.

    Parameters
    ----------
    bundle
        The model, which the pipelines share.
    gate
        Settings of the speech gate; each channel has its own gate.
    channels
        Numbers of the channels, from 1.
    rate
        Native rate of the source in Hz.
    decoder
        The bundle's decoder; ``None``: over all labels, without a profile.
    model
        The bundle's step model, where sources after one another share it.

    Attributes
    ----------
    channels
        Numbers of the channels, from 1.
    position
        Native samples of the session so far, lost and paused ones counted.
    """

    def __init__(
        self,
        bundle: Bundle,
        gate: GateConfig,
        channels: Sequence[int],
        rate: int,
        decoder: Decoder | None = None,
        model: StepModel | None = None,
    ) -> None:
        model = model or StepModel(bundle)
        self.channels = tuple(channels)
        self.position = 0
        self._pipelines = [
            ChannelPipeline(Pipeline(bundle, gate, channel, decoder, model), rate)
            for channel in channels
        ]

    def push(self, samples: NDArray[np.float32]) -> list[Update | Segment]:
        """Take the source's next samples, shape ``(n, channels)``, and return all records."""
        self.position += len(samples)
        return [record for one in self._pipelines for record in one.push(samples)]

    def gap(self, position: int, state: State) -> list[Update | Segment]:
        """Advance to native sample ``position`` without sound: lost or paused time."""
        self.position = position
        return [record for one in self._pipelines for record in one.gap(position, state)]

    def finish(self) -> list[Update | Segment]:
        """Close the running segments at the end of the sound."""
        return [record for one in self._pipelines for record in one.finish(self.position)]
