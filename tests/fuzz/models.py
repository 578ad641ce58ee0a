"""Model bundles: the manifest, the files, and the graph itself."""

from __future__ import annotations

import faulthandler
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from realtime_ser.base.errors import BundleError
from realtime_ser.base.paths import shipped
from realtime_ser.base.records import STEP_FRAMES
from realtime_ser.recogniser.bundle import MANIFEST, STEP_MODEL, load_bundle
from realtime_ser.recogniser.graph_trial import reason_of
from realtime_ser.recogniser.step_model import StepModel
from realtime_ser.recogniser.trial_process import try_graph
from tests.audio.sounds import RATE
from tests.fuzz.kind import Kind, Place
from tests.fuzz.mutation import INTEGERS, changed_bytes, changed_json, changed_text
from tests.fuzz.sounds import speech

_PLACES = "places.json"
"""File with the places of a graph's integers: all but weights."""


def _prepare(folder: Path) -> None:
    """Copy the default bundle, with its graph alone."""
    shipped_folder = shipped("models") / "default"
    manifest = json.loads((shipped_folder / MANIFEST).read_bytes())
    manifest["files"] = {STEP_MODEL: manifest["files"][STEP_MODEL]}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    shutil.copyfile(shipped_folder / STEP_MODEL, folder / STEP_MODEL)
    soundfile.write(folder / "speech.wav", speech(), RATE)
    places = sorted(set(_integers((folder / STEP_MODEL).read_bytes())))
    (folder / _PLACES).write_text(json.dumps(places))


def _make_bundle(place: Place, chance: Random) -> None:
    manifest = json.loads((place.whole / MANIFEST).read_text("utf-8"))
    if chance.random() < 0.15:  # the files
        graph = (place.whole / STEP_MODEL).read_bytes()
        changed = chance.choice((b"", graph[: chance.randrange(len(graph))], b"x" + graph[1:]))
        if chance.random() < 0.8:
            (place.input / STEP_MODEL).write_bytes(changed)
        text = json.dumps(manifest)
    else:
        os.link(place.whole / STEP_MODEL, place.input / STEP_MODEL)
        text = changed_json(manifest, chance).decode("utf-8", "surrogateescape")
    (place.input / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))


def _take(place: Place, chance: Random) -> None:
    sound = place.whole / "speech.wav"
    run = place.process if chance.random() < 0.002 else place.command
    run("analyze", sound, "--jobs", "1", "--model", place.input)


BUNDLES = Kind("bundles", _prepare, _make_bundle, _take)


# ------------------------------------------------------------------------------------------ graphs


def _integers(graph: bytes) -> Iterator[int]:
    """Places of the integers in a graph's tables and vectors: all but its weights."""
    from ai_edge_litert import schema_py_generated as schema

    base = np.frombuffer(graph, np.uint8).__array_interface__["data"][0]
    model = schema.Model.GetRootAs(graph, 0)
    codes = [model.OperatorCodes(number) for number in range(model.OperatorCodesLength())]
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    part = model.Subgraphs(0)
    tensors = [part.Tensors(number) for number in range(part.TensorsLength())]
    operators = [part.Operators(number) for number in range(part.OperatorsLength())]
    options = [one.BuiltinOptions() for one in operators]
    tables = [one._tab for one in (*codes, *buffers, part, *tensors, *operators)]
    for start in (0, *(table.Pos for table in (*tables, *filter(None, options)))):
        yield from range(start, start + 64, 4)
    vectors = [part.InputsAsNumpy(), part.OutputsAsNumpy()]
    vectors += [one.ShapeAsNumpy() for one in tensors]
    vectors += [
        vector for one in operators for vector in (one.InputsAsNumpy(), one.OutputsAsNumpy())
    ]
    for vector in vectors:
        if isinstance(vector, np.ndarray):  # 0 where there is none
            start = vector.__array_interface__["data"][0] - base
            yield from range(start, start + vector.nbytes, vector.itemsize)


def _make_graph(place: Place, chance: Random) -> None:
    graph = bytearray((place.whole / STEP_MODEL).read_bytes())
    places = json.loads((place.whole / _PLACES).read_text("utf-8"))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.choice(places)
        size = chance.choice((1, 1, 2, 4))
        old = int.from_bytes(graph[at : at + size], "little")
        value = chance.choice(
            (old ^ 1 << chance.randrange(8 * size), chance.choice(INTEGERS), old - 1, old + 1)
        )
        graph[at : at + size] = (value % 256**size).to_bytes(size, "little")
    changed = bytes(graph)
    if chance.random() < 0.1:
        changed = changed_bytes(changed, chance, chance.choice((None, 4096)))
    if chance.random() < 0.02:
        changed = changed_text("TFL3", chance)
    (place.input / STEP_MODEL).write_bytes(changed)
    manifest = json.loads((place.whole / MANIFEST).read_text("utf-8"))
    manifest["files"] = {STEP_MODEL: hashlib.sha256(changed).hexdigest()}
    (place.input / MANIFEST).write_text(json.dumps(manifest))


def _take_graph(place: Place, chance: Random) -> None:
    """Try it as the program does, but in a fork, which is quicker; run it where it is harmless."""
    if chance.random() < 0.005:
        place.process("analyze", place.whole / "speech.wav", "--jobs", "1", "--model", place.input)
        return
    reason = _tried_in_a_fork(place.input)
    if reason is not None:
        place.call(_refuse, reason)
        return
    bundle = load_bundle(place.input)
    model = StepModel(bundle, tried=True)
    random, state = np.random.default_rng(0), model.initial_state()
    for _ in range(20):
        spectrum = random.uniform(-100, 20, (STEP_FRAMES, bundle.manifest.features.n_mels))
        state = (place.call(model.step, spectrum, state) or (None, model.initial_state()))[1]


def _tried_in_a_fork(folder: Path) -> str | None:
    """Why a graph is refused; ``None``: it is not."""
    words = folder.parent / "temp" / "words.txt"
    process = os.fork()
    if not process:
        os.dup2(os.open(words, os.O_WRONLY | os.O_CREAT), 1)
        faulthandler.disable()
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"))
        os._exit(try_graph(folder))
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    said = words.read_text("utf-8")
    words.unlink()
    return reason_of(folder, code, said)


def _refuse(reason: str) -> None:
    raise BundleError(reason)


GRAPHS = Kind("graphs", _prepare, _make_graph, _take_graph, memory_mb=2000)
