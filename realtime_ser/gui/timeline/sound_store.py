"""The kept sound around what is visible, read in a thread and remembered for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from realtime_ser.audio.seekable import seekable_file
from realtime_ser.base.errors import AudioFileError, SerError
from realtime_ser.base.records import FRAME, HOP, SAMPLE_RATE
from realtime_ser.exchange.audio import has_sound, require_sound
from realtime_ser.recogniser.bundle import shipped_manifest
from realtime_ser.recogniser.features import FeatureParams, LogMel
from realtime_ser.session.store import SessionInfo, SessionState
from realtime_ser.timeline.sound_blocks import (
    BLOCK_S,
    BLOCK_SAMPLES,
    CEILING_DB,
    FLOOR_DB,
    MOST_BLOCKS,
    ChannelBlocks,
    SoundBlock,
)

_PAD = SAMPLE_RATE // 10  # what the resampler needs around a block
_CACHED_BLOCKS = 2 * MOST_BLOCKS


class SoundStore(QObject):
    """Blocks of a session's sound; those that are asked for come when they are ready.

    Parameters
    ----------
    info
        The session.

    Attributes
    ----------
    fault
        Reason why there is nothing to see; one sentence, or empty.
    features
        Feature parameters of the session's model, where that model ships, else the usual ones.
    """

    blocks_ready = pyqtSignal()

    _block_read = pyqtSignal()

    def __init__(self, info: SessionInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.fault = ""
        self._info = info
        self._channels = tuple(channel.number for channel in info.channels)
        self._blocks: OrderedDict[int, ChannelBlocks] = OrderedDict()
        self._requested: list[int] = []
        self._lock = threading.Lock()
        self._busy = False
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sound")
        self._file: soundfile.SoundFile | None = None
        self._copies = ExitStack()
        manifest = shipped_manifest(info.metadata.model.sha256)
        self.features = FeatureParams() if manifest is None else manifest.features
        self._log_mel = LogMel(self.features)
        self._block_read.connect(self._announce)

    @property
    def available(self) -> bool:
        """Whether sound was kept."""
        return has_sound(self._info)

    def blocks_between(self, start_s: float, end_s: float, channel: int) -> dict[int, SoundBlock]:
        """Blocks of a stretch that are ready, by their numbers; the others are read from now on."""
        first, last = int(max(0.0, start_s) // BLOCK_S), int(max(0.0, end_s) // BLOCK_S)
        numbers = range(first, last + 1)
        with self._lock:
            ready = {number: self._blocks[number] for number in numbers if number in self._blocks}
            for number in ready:
                self._blocks.move_to_end(number)
            self._requested = [number for number in numbers if number not in self._blocks]
            start = bool(self._requested) and not self._busy and not self.fault and not self._closed
            self._busy = self._busy or start
        if start:
            self._pool.submit(self._read_requested)
        return {number: blocks[channel] for number, blocks in ready.items() if channel in blocks}

    def close(self) -> None:
        """Stop reading."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._file is not None:
            self._file.close()
        self._copies.close()

    def _announce(self) -> None:
        if not self._closed:  # what was under way in the thread comes too late
            self.blocks_ready.emit()

    # ---------------------------------------------------------------------------- in the thread

    def _read_requested(self) -> None:
        while not self._closed:
            with self._lock:
                if not self._requested:
                    self._busy = False
                    return
                number = self._requested.pop(0)
            try:
                blocks = self._read(number)
            except (SerError, OSError, soundfile.SoundFileError) as error:
                self.fault = str(error)
                with self._lock:
                    self._busy = False
                self._block_read.emit()
                return
            with self._lock:
                self._blocks[number] = blocks
                while len(self._blocks) > _CACHED_BLOCKS:
                    self._blocks.popitem(last=False)
            self._block_read.emit()

    def _read(self, number: int) -> ChannelBlocks:
        if self._file is None:
            path = self._copies.enter_context(seekable_file(sound_path(self._info)))
            self._file = soundfile.SoundFile(path)
        rate = self._file.samplerate
        pad = -(-_PAD * rate // SAMPLE_RATE)
        begin = number * BLOCK_S * rate
        before = min(pad, begin)
        end = min(begin + BLOCK_S * rate + pad, self._file.frames)
        if end <= begin:
            return dict.fromkeys(self._channels, self._block(np.zeros(0, np.float32), rate, 0))
        self._file.seek(begin - before)
        native = self._file.read(end - begin + before, dtype="float32", always_2d=True)
        skip = round(before * SAMPLE_RATE / rate)
        # A channel that the sound lacks is silent.
        columns = {channel: native[:, channel - 1 : channel] for channel in self._channels}
        return {
            channel: self._block(column.reshape(-1), rate, skip)
            for channel, column in columns.items()
        }

    def _block(self, native: NDArray[np.float32], rate: int, skip: int) -> SoundBlock:
        samples = np.asarray(
            native
            if rate == SAMPLE_RATE or not len(native)
            else soxr.resample(native, rate, SAMPLE_RATE),
            np.float32,
        )[skip:]
        mel = np.zeros((0, self.features.n_mels), np.uint8)
        span = samples[: BLOCK_SAMPLES + FRAME - HOP]
        if len(span) >= FRAME:
            scaled = (self._log_mel.spectrum(span) - FLOOR_DB) / (CEILING_DB - FLOOR_DB)
            mel = np.clip(scaled * 255.0, 0, 255).astype(np.uint8)
        whole = np.round(np.clip(samples[:BLOCK_SAMPLES], -1, 1) * 32767).astype(np.int16)
        return SoundBlock(whole, mel)


def sound_path(info: SessionInfo) -> Path:
    """The kept sound of a session, whole.

    Raises
    ------
    SerError
        It cannot be used.
    """
    if info.state is SessionState.RUNNING:
        raise SerError("The sound is shown when the session has ended.")
    if info.audio is None:
        raise AudioFileError("No sound was kept.")
    return require_sound(info)
