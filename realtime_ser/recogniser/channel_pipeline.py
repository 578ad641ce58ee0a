"""One channel's way from native samples to records, for the live engine and for whole files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from realtime_ser.audio.resample import Resampler
from realtime_ser.base.records import SAMPLE_RATE, Segment, State, Update
from realtime_ser.recogniser.pipeline import Pipeline


class ChannelPipeline:
    """Resampler and pipeline of one channel, in step with the native sample count.

    Parameters
    ----------
    channel
        Which of the source's channels, from 1.
    rate
        Native rate in Hz.
    pipeline
        What hears it.
    """

    def __init__(self, channel: int, rate: int, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._index = channel - 1
        self._rate = rate
        self._resampler = Resampler(rate)

    def push(self, samples: NDArray[np.float32]) -> list[Update | Segment]:
        """Take the source's next samples, shape ``(n, channels)``.

        What comes out does not depend on how they were cut into blocks.
        """
        return self.pipeline.push(self._resampler.push(samples[:, self._index]))

    def gap(self, native_position: int, state: State) -> list[Update | Segment]:
        """Lost or paused time up to native sample ``native_position``."""
        target = self._position(native_position)
        return self._flush(target) + self.pipeline.gap(target, state)

    def finish(self, native_position: int) -> list[Update | Segment]:
        """The end of the sound, after ``native_position`` samples."""
        return self._flush(self._position(native_position)) + self.pipeline.finish()

    def _flush(self, target: int) -> list[Update | Segment]:
        rest = self._resampler.flush()
        return self.pipeline.push(rest[: max(0, target - self.pipeline.position)])

    def _position(self, native_position: int) -> int:
        return round(native_position * SAMPLE_RATE / self._rate)
