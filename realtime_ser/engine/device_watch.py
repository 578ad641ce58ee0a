"""Loss of samples in a microphone, and reconnection of a device that went away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from realtime_ser.audio.block_queue import AudioBlock, BlockQueue
from realtime_ser.audio.source import Source
from realtime_ser.base.errors import DeviceError, FormatError
from realtime_ser.base.timebase import SessionClock, TimeBase, clock_s

SILENT_DEVICE_S = 1.0  # a microphone that delivers nothing for so long is taken to be gone
SLOW_DEVICE_S = 4.0
"""A device that was just opened may take so long to begin, as Bluetooth headsets do."""


_JUMP_S = 0.1
"""Distance from the clock, in seconds, from which a block is not where it seems to be.

No less is lost where the device reports nothing: on a busy machine blocks are late for a while.
"""

_HELD_S, _HELD_RESUMED_S, _HELD_AT_MOST_S = 0.5, 1.0, 3.0
"""Sound after a doubtful block by which its time is found, in seconds."""

_OVERDUE_S = 0.3
_AGREE_S = 0.025  # a sound server hands blocks out in bursts
_SHORTEST_GAP_S = 0.005


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block whose time is known.

    Attributes
    ----------
    block
        The block, with its ADC time.
    lost
        Native samples that are missing before it.
    away
        Whether those are missing because the device was away or the program stood still.
    """

    block: AudioBlock
    lost: int
    away: bool = False


class DeviceWatch:
    """Watch over a live source: lost samples, silence of the device, reconnection.

    A file is never silent and loses nothing, so the watch leaves it alone. Losses are counted by
    the ADC times of the session's clock. Those are not to be trusted just after the device lost
    samples, came back, or stood still with a program that was stopped or a computer that slept: the
    blocks are held until half a second of them agree on their time.

    Attributes
    ----------
    reconnecting
        Whether the device has gone, and has not delivered since what can be placed in time.
    gone
        Whether the device has to be opened again.
    """

    def __init__(self, source: Source, queue: BlockQueue, clock: SessionClock) -> None:
        self.reconnecting = False
        self.gone = False
        self._source = source
        self._queue = queue
        self._clock = clock
        self._time = TimeBase(source.info.native_rate)
        self._held: list[AudioBlock] = []
        self.opened()

    @property
    def holds(self) -> bool:
        """Whether there are blocks whose time is not known yet."""
        return bool(self._held)

    def opened(self) -> None:
        """Note that the device was opened just now."""
        self._heard_s = self._looked_s = clock_s()
        self._delivering = False

    def place(self, block: AudioBlock | None, position: int) -> list[PlacedBlock]:
        """Blocks whose time is known, after native sample ``position``; ``None``: no block came."""
        self._look()
        if block is None:
            overdue = clock_s() - self._heard_s > _OVERDUE_S
            return self.release(position) if overdue else []
        self._heard_s = clock_s()
        self._delivering = True
        if block.adc_s is None or not (self._held or self._is_doubtful(block, position)):
            return [PlacedBlock(block, block.lost)]
        self._held.append(block)
        if self._agree() or (self._may_be_late(self._held) and self._is_in_time(position)):
            return self.release(position)
        return []

    def _look(self) -> None:
        """Give the device its time where it was this program that stood still."""
        now_s = clock_s()
        if now_s - self._looked_s > SILENT_DEVICE_S:
            self._heard_s = now_s
        self._looked_s = now_s

    def release(self, position: int) -> list[PlacedBlock]:
        """Blocks that were held, placed as well as can be.

        Sound of time that was already counted as lost, which a stream may deliver before it is
        closed, is left out.
        """
        held, self._held = self._held, []
        starts = self._starts(held)
        while held:
            first_s = self._first_adc_s(held, starts)
            missing_s = first_s - self._clock.adc_time(self._time.sample(position))
            missing_s += self._clock.uncounted_s
            if not self.reconnecting or missing_s > -_SHORTEST_GAP_S:
                return self._placed(held, starts, first_s, missing_s, position)
            ends_s = starts[0] + self._time.seconds(len(held[0].samples))
            held, starts = held[1:], [start_s - ends_s for start_s in starts[1:]]
        return []

    def _placed(
        self,
        held: Sequence[AudioBlock],
        starts: Sequence[float],
        first_s: float,
        missing_s: float,
        position: int,
    ) -> list[PlacedBlock]:
        away = self.reconnecting or not any(block.overflow for block in held)
        shortest_s = _JUMP_S if self._may_be_late(held) else _SHORTEST_GAP_S
        self.reconnecting = False
        missing = self._time.native_at(missing_s) if missing_s > shortest_s else 0
        if missing:
            self._clock.interrupt(self._time.seconds(position + missing))
        placed = [
            PlacedBlock(replace(block, adc_s=first_s + start_s), block.lost)
            for block, start_s in zip(held, starts, strict=True)
        ]
        return [replace(placed[0], lost=max(held[0].lost, missing), away=away), *placed[1:]]

    def _is_doubtful(self, block: AudioBlock, position: int) -> bool:
        if self.reconnecting or block.overflow or block.adc_s is None:
            return True
        expected = self._clock.adc_time(self._time.sample(position + block.lost))
        return self._clock.settled and abs(block.adc_s - expected) > _JUMP_S

    def _may_be_late(self, held: Sequence[AudioBlock]) -> bool:
        """Whether nothing but their times speaks for a loss before blocks that are held."""
        return not (self.reconnecting or any(block.overflow for block in held))

    def _is_in_time(self, position: int) -> bool:
        """Whether the last block that is held is where the clock expects it."""
        first_s = self._clock.adc_time(self._time.sample(position + self._held[0].lost))
        return abs(_offset(self._held[-1], self._starts(self._held)[-1]) - first_s) <= _JUMP_S

    def _agree(self) -> bool:
        """Whether what is held is enough to say when it was."""
        held, starts = self._held, self._starts(self._held)
        length_s = starts[-1] + self._time.seconds(len(held[-1].samples))
        if length_s < (_HELD_RESUMED_S if self.reconnecting else _HELD_S):
            return False
        late = [_offset(*pair) for pair in zip(held, starts, strict=True)][len(held) // 2 :]
        return max(late) - min(late) < _AGREE_S or length_s > _HELD_AT_MOST_S

    def _first_adc_s(self, held: Sequence[AudioBlock], starts: Sequence[float]) -> float:
        """ADC time of the first sample that is held, by the later half of the blocks."""
        offsets = [_offset(*pair) for pair in zip(held, starts, strict=True)]
        return min(offsets[len(offsets) // 2 :])

    def _starts(self, held: Sequence[AudioBlock]) -> list[float]:
        """Seconds from the first sample that is held to the first of each block."""
        starts, samples = [], 0
        for number, block in enumerate(held):
            samples += block.lost if number else 0
            starts.append(self._time.seconds(samples))
            samples += len(block.samples)
        return starts

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
        silent_s = clock_s() - self._heard_s
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
            if self._source.reopen(self._queue):
                self.opened()
        except FormatError:
            raise
        except DeviceError as error:
            return str(error)
        return None


def _offset(block: AudioBlock, start_s: float) -> float:
    assert block.adc_s is not None
    return block.adc_s - start_s
