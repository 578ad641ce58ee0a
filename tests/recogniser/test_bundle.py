"""A bundle is found by its name, its path, or its digest."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from realtime_ser.base.errors import BundleError
from realtime_ser.recogniser.bundle import (
    MANIFEST,
    STEP_MODEL,
    load_bundle,
    shipped_manifest,
    shipped_models,
)
from realtime_ser.recogniser.step_model import StepModel


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_bundle_is_found_by_its_name_and_its_digest(name: str) -> None:
    bundle = load_bundle(name)
    assert bundle.manifest.name == name
    assert shipped_manifest(bundle.digest) == bundle.manifest


def test_no_bundle_ships_with_another_digest() -> None:
    assert shipped_manifest("0" * 64) is None


def test_a_path_is_never_taken_for_a_name(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError):
        load_bundle(Path("default"))
    shutil.copytree(bundle_folder, "default")
    assert load_bundle(Path("default")).folder == Path("default")


def slice_of_nothing(graph: bytes) -> bytes:
    """Take from a graph's first slice its start, which LiteRT does not miss until it reads it."""
    base = np.frombuffer(graph, np.uint8).__array_interface__["data"][0]
    model = schema.Model.GetRootAs(graph, 0)
    part = model.Subgraphs(0)
    operators = (part.Operators(number) for number in range(part.OperatorsLength()))
    inputs = next(
        one.InputsAsNumpy()
        for one in operators
        if model.OperatorCodes(one.OpcodeIndex()).BuiltinCode()
        == schema.BuiltinOperator.STRIDED_SLICE
    )
    at = inputs.__array_interface__["data"][0] - base + inputs.itemsize
    return graph[:at] + b"\xff" * 4 + graph[at + 4 :]


def test_a_graph_that_ends_its_process_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((bundle_folder / MANIFEST).read_bytes())
    graph = slice_of_nothing((bundle_folder / STEP_MODEL).read_bytes())
    manifest["files"] = {STEP_MODEL: hashlib.sha256(graph).hexdigest()}
    (tmp_path / STEP_MODEL).write_bytes(graph)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    bundle = load_bundle(tmp_path)
    with pytest.raises(BundleError, match="its graph ends the process that runs it"):
        StepModel(bundle)
