"""Analysis of files by the workers of a Dask cluster, in batches."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from realtime_ser.base.errors import SerError, UsageError
from realtime_ser.session.analysis.analyzer import AnalysisSettings, Analyzer, Outcome
from realtime_ser.session.analysis.inputs import InputFile, OutputPaths
from realtime_ser.session.analysis.processes import WatchCallback, Work

if TYPE_CHECKING:
    from distributed import Client, Future

_BATCH = 16
"""Files that a worker is given at once: few enough that little is done again when it dies."""

_AHEAD = 2  # batches a worker thread, so that none waits for the driver

_Batch: TypeAlias = list[tuple[int, InputFile]]


def dask_address(engine: str) -> str | None:
    """Address of the scheduler of an engine ``dask://HOST:PORT``; ``None``: a cluster of its own.

    Raises
    ------
    UsageError
        There is no such engine, or Dask is not installed.
    """
    name, found, address = engine.partition("://")
    if name != "dask" or (found and not address.rpartition(":")[2].isdecimal()):
        raise UsageError(
            f"There is no engine '{engine}': say dask, or dask://HOST:PORT with the address of a "
            "scheduler."
        )
    if find_spec("distributed") is None:
        raise UsageError(
            f"The engine '{engine}' needs a library that is not installed: "
            "'pip install \"realtime-ser[dask]\"'."
        )
    return f"tcp://{address}" if found else None


def share_out_by_dask(
    work: Work,
    settings: AnalysisSettings,
    address: str | None,
    jobs: int,
    watch: WatchCallback,
) -> Iterator[tuple[int, Outcome]]:
    """Number and outcome of each file as they come, from the workers of a cluster.

    Recordings and results must lie at the same paths for each worker.

    Parameters
    ----------
    address
        The scheduler's; ``None``: a cluster of ``jobs`` processes on this machine.

    Raises
    ------
    SerError
        The scheduler cannot be reached or is lost, or the workers have another program.
    """
    from distributed import Client, LocalCluster

    # Of a worker that is gone its batch is taken again, whether it was under way or to be fetched.
    logging.getLogger("distributed.client").setLevel(logging.ERROR)
    with ExitStack() as opened:
        if address is None:
            cluster = opened.enter_context(
                LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            )
            address = cluster.scheduler_address
        try:
            client = opened.enter_context(closing(Client(address, timeout="20s")))
        except OSError as error:
            raise SerError(
                f"There is no Dask scheduler at {address}: start one with 'dask scheduler', or "
                "check the address."
            ) from error
        yield from _Batches(client, work, settings, watch).outcomes()


class _Batches:
    """Batches that are under way.

    A batch whose workers die again and again is taken once more file by file: the one that ends
    its worker fails alone.
    """

    def __init__(
        self, client: Client, work: Work, settings: AnalysisSettings, watch: WatchCallback
    ) -> None:
        from distributed import as_completed

        self._client = client
        self._work = work
        self._settings = settings
        self._watch = watch
        self._running: dict[Future, _Batch] = {}
        self._ended = as_completed()

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        self._fill()
        for future in self._ended:
            batch = self._running.pop(future)
            yield from self._outcomes(future, batch)
            self._watch({})
            self._fill()

    def _fill(self) -> None:
        """Give the workers as much as they can do next; new ones count at once."""
        most = _AHEAD * max(1, sum(self._client.nthreads().values()))
        while len(self._running) < most and (batch := list(islice(self._work, _BATCH))):
            self._submit(batch)

    def _submit(self, batch: _Batch) -> None:
        items = [_everywhere(item) for _, item in batch]
        future = self._client.submit(_analyze_batch, self._settings, items, pure=False)
        self._running[future] = batch
        self._ended.add(future)

    def _outcomes(self, future: Future, batch: _Batch) -> Iterator[tuple[int, Outcome]]:
        from distributed import KilledWorker

        if future.status == "finished":
            for (index, _), outcome in zip(batch, future.result(), strict=True):
                yield index, outcome
            return
        error = future.exception() if future.status == "error" else None
        if not isinstance(error, KilledWorker):
            reason = "the scheduler is gone" if error is None else f"{error!r}"
            raise SerError(
                f"The Dask cluster gave no results ({reason}): see that its workers run the same "
                "program. What was done is kept, and the same command goes on."
            ) from error
        if len(batch) > 1:
            for one in batch:
                self._submit([one])
        else:
            ((index, item),) = batch
            words = f"{item.title} ended the workers that analysed it, perhaps for lack of memory."
            yield index, Outcome(item.title, error=words)


def _everywhere(item: InputFile) -> InputFile:
    """A file by its path from the root, under the name that it has here."""
    outputs, intervals = item.outputs, item.intervals
    return replace(
        item,
        path=item.path.absolute(),
        outputs=None if outputs is None else OutputPaths(outputs.name.absolute()),
        intervals=None if intervals is None else intervals.absolute(),
        name=item.title,
    )


# --------------------------------------------------------------------------------------- in workers


class _OfThread(threading.local):
    """Analyser of a worker's thread between two batches."""

    settings: AnalysisSettings | None = None
    analyzer: Analyzer


_OF_THREAD = _OfThread()


def _analyze_batch(settings: AnalysisSettings, items: Sequence[InputFile]) -> list[Outcome]:
    if _OF_THREAD.settings != settings:
        folder = Path(tempfile.mkdtemp(prefix="realtime-ser-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _OF_THREAD.analyzer = Analyzer(replace(settings, folder=folder))
        _OF_THREAD.settings = settings
    return [_OF_THREAD.analyzer.analyze(item, lambda _: None) for item in items]
