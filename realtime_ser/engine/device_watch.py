"""Loss of samples in a microphone, and reconnection of a device that went away."""

from __future__ import annotations

import time

from realtime_ser.audio.ring import AudioBlock, RingBuffer
from realtime_ser.audio.source import Source
from realtime_ser.base.errors import DeviceError, FormatError
from realtime_ser.base.timebase import SessionClock, TimeBase

SILENT_DEVICE_S = 1.0  # a microphone that delivers nothing for so long is taken to be gone
SLOW_DEVICE_S = 4.0
"""A device that was just opened may take so long to begin, as Bluetooth headsets do."""


class DeviceWatch:
    """Watch over a live source: lost samples, silence of the device, reconnection.

    A file is never silent and loses nothing, so the watch leaves it alone. Losses are counted by
    the ADC times of the session's clock.

    Attributes
    ----------
    reconnecting
        Whether the device has gone and has not delivered since.
    gone
        Whether the device has to be opened again.
    """

    def __init__(self, source: Source, ring: RingBuffer, clock: SessionClock) -> None:
        self.reconnecting = False
        self.gone = False
        self._source = source
        self._ring = ring
        self._clock = clock
        self._time = TimeBase(source.info.native_rate)
        self.opened()

    def opened(self) -> None:
        """Note that the device was opened just now."""
        self._heard_s = time.monotonic()
        self._delivering = False

    def lost_before(self, block: AudioBlock, position: int) -> int:
        """Native samples that are missing between native sample ``position`` and a block.

        Samples for which the ring had no room are counted by the block; samples lost in the device
        follow from the block's ADC time, after an overflow or a reconnection.
        """
        resumed, self.reconnecting = self.reconnecting, False
        self._heard_s = time.monotonic()
        self._delivering = True
        if block.adc_s is None or not (block.overflow or resumed):
            return block.lost
        expected = self._clock.adc_time(self._time.sample(position))
        if resumed:
            self._clock.forget_device()
        return block.lost + max(0, self._time.native_at(block.adc_s - expected))

    def lost_in_silence(self, now_s: float, position: int) -> int | None:
        """Native samples that are lost by now, where the device delivers none.

        ``None`` as long as the device may only be late. The last second is never counted, since it
        may still come.

        Parameters
        ----------
        now_s
            Time of the session now, in seconds.
        position
            Native samples of the session so far.
        """
        silent_s = time.monotonic() - self._heard_s
        self.gone = silent_s > (SILENT_DEVICE_S if self._delivering else SLOW_DEVICE_S)
        if not (self.gone or (self.reconnecting and silent_s > SILENT_DEVICE_S)):
            return None
        self.reconnecting = True
        return max(0, self._time.native_at(now_s - SILENT_DEVICE_S) - position)

    def reopen(self) -> str | None:
        """Open the device again; return the reason of a failure in a sentence, or ``None``.

        Raises
        ------
        FormatError
            The device is back, and cannot go on with the session.
        """
        try:
            if self._source.reopen(self._ring):
                self.opened()
        except FormatError:
            raise
        except DeviceError as error:
            return str(error)
        return None
