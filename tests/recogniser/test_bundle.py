"""A bundle is found by its name, its path, or its digest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from realtime_ser.base.errors import BundleError
from realtime_ser.recogniser.bundle import load_bundle, shipped_manifest, shipped_models


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
