"""The program without Python: the package is built once, started, and held to the ordinary one."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.programs import display
from realtime_ser.base.paths import shipped

ROOT = Path(__file__).resolve().parent.parent
ORDINARY = [sys.executable, "-m", "realtime_ser"]
MOST_MB = 430
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="the recipes of other systems are not run"),
]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the folder that `make package` hands out, away from the checkout."""
    out = tmp_path_factory.mktemp("package")
    build = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    build += ["--distpath", str(out / "dist"), "--workpath", str(out / "work")]
    build += [str(ROOT / "packaging" / "realtime-ser.spec")]
    env = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(out / "settings")}
    done = subprocess.run(build, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return out / "dist" / "realtime-ser"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Environment without Python, a display, or a microphone."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "QT_", "DISPLAY", "WAYLAND_DISPLAY", "PULSE", "XDG_RUNTIME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return kept | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run(command: list[str | Path], env: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Rows of all tables of a folder, without what the clock of the machine says."""
    found = {}
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.pop("wall_clock", None)
            row.pop("latency_ms", None)
        found[path.relative_to(folder).as_posix()] = rows
    return found


def test_it_says_its_version(package, env, tmp_path):
    said = run([package / "realtime-ser", "--version"], env, tmp_path)
    assert said == run([*ORDINARY, "--version"], dict(os.environ), ROOT)


def test_the_doctor_finds_what_it_finds_in_the_ordinary_program(package, env, tmp_path):
    def verdicts(said: str) -> list[list[str]]:
        return [line.split()[:2] for line in said.splitlines()]

    with display() as (variables, _):
        frozen = run([package / "realtime-ser", "doctor"], env | variables, tmp_path)
        ordinary = run([*ORDINARY, "doctor"], env | variables, ROOT)
    assert verdicts(frozen) == verdicts(ordinary)
    assert "Qt starts on xcb" in frozen


def test_recordings_are_analysed_in_two_processes_to_the_same_tables(package, env, tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name in ("one.flac", "two.flac"):
        shutil.copyfile(shipped("demo.flac"), sounds / name)
    for name, program in {"frozen": [package / "realtime-ser"], "ordinary": ORDINARY}.items():
        command = [*program, "analyze", sounds, "--jobs", "2", "--out", tmp_path / name]
        run(command, env, ROOT)
    names = sorted(path.name for path in (tmp_path / "ordinary").glob("*.csv"))
    assert len(names) > 4
    assert sorted(path.name for path in (tmp_path / "frozen").glob("*.csv")) == names
    for name in names:
        frozen, ordinary = (tmp_path / folder / name for folder in ("frozen", "ordinary"))
        assert frozen.read_bytes() == ordinary.read_bytes(), name


def test_the_monitor_in_a_terminal_leaves_the_same_tables(package, env, tmp_path):
    found = []
    for name, program in {"frozen": [package / "realtime-ser"], "ordinary": ORDINARY}.items():
        (tmp_path / name).mkdir()
        session = ["--headless", "--input", "demo", "--duration", "3"]
        export = ["--export", tmp_path / name / "session.csv"]
        run([*program, "monitor", *session, *export], env, ROOT)
        found.append(tables(tmp_path / name))
    frozen, ordinary = found
    assert len(frozen["session.csv"]) > 30
    assert frozen == ordinary


def test_a_model_of_ones_own_is_tried_in_a_process_of_its_own(
    package, env, bundle_folder, tmp_path
):
    bundle = shutil.copytree(bundle_folder, tmp_path / "own")
    command = [package / "realtime-ser", "doctor", "--model", bundle]
    assert str(bundle) in run(command, env, tmp_path)


@pytest.fixture
def screen(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """Environment with a display."""
    with display() as (variables, _):
        yield env | variables


def test_its_window_says_that_it_is_shown_and_closes_when_asked(package, screen, tmp_path):
    log = tmp_path / "home" / ".local" / "state" / "realtime-ser" / "log" / "realtime-ser.log"
    command = [package / "realtime-ser-window", "--input", "demo"]
    with subprocess.Popen(command, env=screen, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            end_s = time.monotonic() + 60.0
            while not (log.exists() and "the window is shown" in log.read_text("utf-8")):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < end_s
                time.sleep(0.05)
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "ERROR" not in log.read_text("utf-8")


def test_it_holds_neither_training_nor_tests_and_stays_small(package):
    files = [path for path in package.rglob("*") if path.is_file() and not path.is_symlink()]
    names = {part.lower() for path in files for part in path.relative_to(package).parts}
    heavy = ("tensorflow", "keras", "librosa", "scipy", "matplotlib", "sklearn", "pytest", "h5py")
    assert not [name for name in names if name.startswith(heavy)]
    assert b"tensorflow" not in (package / "realtime-ser").read_bytes()
    assert sum(path.stat().st_size for path in files) < MOST_MB * 1e6


def test_it_carries_the_licences_of_what_it_holds(package):
    said = (package / "THIRD_PARTY.txt").read_text("utf-8")
    for words in (
        "PyQt6 6.",
        "GPL-3.0-only",
        "GNU GENERAL PUBLIC LICENSE",
        "GNU LESSER GENERAL PUBLIC LICENSE",
        "numpy 2.",
        "soxr ",
        "Python 3.",
    ):
        assert words in said, words
    assert (package / "LICENSE.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., str]:
    """Pack a folder that is as small as can be; what is said comes back."""
    folder = tmp_path / "dist" / "realtime-ser"
    folder.mkdir(parents=True)
    program = folder / "realtime-ser"
    program.write_text("#!/bin/sh\necho realtime-ser 1.2.3\n")
    program.chmod(0o755)
    shutil.copy(ROOT / "packaging" / "AppRun", folder)

    def act(**variables: str) -> str:
        command = [str(ROOT / "packaging" / "linux.sh"), str(folder.parent)]
        env = {"PATH": "/usr/bin:/bin", **variables}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return act


def test_an_appimage_is_a_runtime_with_the_folder_behind_it(pack, tmp_path):
    if shutil.which("mksquashfs") is None or shutil.which("appimagetool") is not None:
        pytest.skip("made by mksquashfs where appimagetool is not installed")
    runtime = tmp_path / "runtime"
    runtime.write_bytes(b"\x7fELF" * 1000)
    made = Path(pack(APPIMAGE_RUNTIME=str(runtime)).splitlines()[-1])
    assert made.name == f"realtime-ser-1.2.3-{os.uname().machine}.AppImage"
    assert os.access(made, os.X_OK)
    assert made.read_bytes().startswith(runtime.read_bytes() + b"hsqs")
    listing = ["unsquashfs", "-offset", str(runtime.stat().st_size), "-ls", str(made)]
    held = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    assert {"squashfs-root/AppRun", "squashfs-root/realtime-ser"} <= set(held)


def test_without_a_runtime_there_is_an_archive_and_it_says_what_is_missing(pack, tmp_path):
    said = pack()
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as held:
        assert {"realtime-ser/AppRun", "realtime-ser/realtime-ser"} <= set(held.getnames())
    if shutil.which("appimagetool") is None:
        assert "No AppImage" in said
        assert not list((tmp_path / "dist").glob("*.AppImage"))


def test_it_brings_a_menu_entry_and_its_icon(package):
    for name in ("realtime-ser.desktop", "realtime-ser.svg", "realtime-ser.png"):
        assert (package / name).read_bytes() == (ROOT / "packaging" / name).read_bytes()
    assert (package / "realtime-ser-window").exists()
