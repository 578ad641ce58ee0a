"""A bare machine gets what the program needs, and an installed program has all its files."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMMANDS = PROJECT["scripts"] | PROJECT["gui-scripts"]
LOCKS = ["run", "test"]
EXTRAS = ["lsl", "mqtt", "parquet", "dask"]
REACHED_BY_NAME = {"websockets"}  # uvicorn's
linux = pytest.mark.skipif(sys.platform != "linux", reason="speaks of Debian and Ubuntu")


def declared(extra: str | None = None) -> list[Requirement]:
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return [Requirement(text) for text in texts]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def locked(lock: str) -> list[Requirement]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    pins = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [Requirement(line.split(" --hash=")[0]) for line in pins.splitlines()]


# ------------------------------------------------------------------------------------------ locks


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_address(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--\w+-url|--find-links|--\w+-host)\b", text, re.MULTILINE)
    assert " @ " not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_each_package_by_version_and_hash(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    for line in re.findall(r"^\w.*$", text, re.MULTILINE):
        assert re.match(r"[\w.-]+==\S+( ; .*)? \\$", line), line
    for block in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]


def test_the_tests_run_the_versions_that_users_get():
    assert {str(pin) for pin in locked("run")} <= {str(pin) for pin in locked("test")}


@pytest.mark.parametrize(
    ("lock", "extras"), [("run", [None]), ("test", [None, *EXTRAS, "train", "test"])], ids=LOCKS
)
def test_a_lock_holds_what_the_project_asks_for(lock, extras):
    pins = {canonicalize_name(pin.name): pin for pin in locked(lock)}
    for wanted in [requirement for extra in extras for requirement in declared(extra)]:
        pinned = next(iter(pins[canonicalize_name(wanted.name)].specifier)).version
        assert wanted.specifier.contains(pinned), f"{wanted} is pinned to {pinned}: make lock"


def test_the_readme_and_the_set_up_name_the_same_downloads():
    script = (ROOT / "scripts" / "setup.sh").read_text("utf-8")
    size = {
        lock: int(mb) for lock, mb in re.findall(r"^ +(\w+)\) size=(\d+)", script, re.MULTILINE)
    }
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"the program: {size['run']} MB" in readme
    assert f"TensorFlow included: {size['test'] / 1000:.1f} GB" in readme


def test_tensorflow_comes_with_training_only():
    heavy = {"tensorflow", "keras", "librosa", "numba", "scipy"}
    assert not heavy & names(locked("run"))
    assert heavy <= names(locked("test"))


# ----------------------------------------------------------------------------------- requirements


def third_party(folder: str) -> dict[str, set[str]]:
    """What the modules of a folder import, and the packages that may have installed it."""
    modules = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module.split(".")[0])
    # pydantic pins its own core; to name that as well would only let the two fall apart.
    modules -= sys.stdlib_module_names | {"realtime_ser", "training", "pydantic_core"}
    # Of parselmouth Python 3.11 does not know which package has it.
    packages = {"parselmouth": ["praat-parselmouth"], **importlib.metadata.packages_distributions()}
    return {module: set(map(canonicalize_name, packages[module])) for module in modules}


@pytest.mark.parametrize(
    ("folder", "allowed", "needed"),
    [
        ("realtime_ser", [None, *EXTRAS], None),
        ("training", [None, "train", "sweep"], "train"),
    ],
    ids=["program", "training"],
)
def test_what_is_imported_is_declared_and_what_is_declared_is_imported(folder, allowed, needed):
    imported = third_party(folder)
    declarations = set().union(*(names(declared(extra)) for extra in allowed))
    assert not {module for module, packages in imported.items() if not packages & declarations}
    assert names(declared(needed)) - REACHED_BY_NAME <= set().union(*imported.values())


# ---------------------------------------------------------------------------------- installation


def run_module(*words: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build the sdist, and of it the wheel, as `make release` does."""
    folder = tmp_path_factory.mktemp("release")
    run_module("build", "--no-isolation", "--outdir", folder, ROOT)
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def installed(release: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel, away from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    (wheel,) = (path for path in release if path.suffix == ".whl")
    run_module("pip", "install", *options, "--target", folder, wheel)
    return folder


def test_what_is_released_is_fit_for_an_index(release):
    assert [path.name.partition("-0.")[0] for path in release] == ["realtime_ser"] * 2
    said = run_module("twine", "check", "--strict", *release)
    assert said.count("PASSED") == 2


def test_an_installed_program_analyses_its_demo(installed, tmp_path):
    demo = installed / "realtime_ser" / "demo.flac"
    done = subprocess.run(
        [sys.executable, "-m", "realtime_ser", "analyze", demo, "--out", tmp_path / "results"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "summary.csv").read_text("utf-8").count("\n") == 2


def test_the_menu_entry_names_a_program_and_an_icon_that_are_installed(installed):
    share = installed / "share"
    entry = (share / "applications" / "realtime-ser.desktop").read_text("utf-8")
    named = dict(line.split("=", 1) for line in entry.splitlines() if "=" in line)
    assert named["Exec"] in PROJECT["gui-scripts"]
    assert (installed / "bin" / named["Exec"]).is_file()
    icons = {path.suffix for path in share.glob(f"icons/hicolor/*/apps/{named['Icon']}.*")}
    assert icons == {".svg", ".png"}


def test_an_installed_program_has_its_files(installed):
    for name in (
        "realtime_ser/config.yaml",
        "realtime_ser/demo.flac",
        "realtime_ser/models/default/bundle.json",
        "realtime_ser/outputs/live.schema.json",
        "realtime_ser/models/default/model.tflite",
        "realtime_ser/models/default/CARD.md",
    ):
        assert (installed / name).is_file(), name
    recipes = {path.name for path in (ROOT / "training" / "recipes").glob("*.yaml")}
    assert recipes
    assert {path.name for path in (installed / "training" / "recipes").glob("*.yaml")} == recipes
    models = {path.name for path in (installed / "realtime_ser" / "models").iterdir()}
    assert models == {"default", "large", "open", "voice.json"}


def test_an_installed_program_holds_nothing_else(installed):
    tops = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert tops <= {"realtime_ser", "training", "bin", "share"}


def test_an_installed_program_reads_its_own_files(installed, tmp_path):
    code = (
        "from realtime_ser.base.config import Config, load_config\n"
        "from realtime_ser.base.paths import shipped\n"
        "assert load_config(shipped('config.yaml')) == Config()\n"
        "print(shipped('config.yaml'), shipped('models'), sep='\\n')\n"
    )
    python = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(python, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    package = installed / "realtime_ser"
    assert done.stdout.splitlines() == [str(package / "config.yaml"), str(package / "models")]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_explains_itself(command, installed, tmp_path):
    module, function = COMMANDS[command].split(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


# -------------------------------------------------------------------------------- a bare machine


class Machine:
    """Debian's tools as the set-up meets them: they answer from lists and note what is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.write("dpkg-query", f"cat {folder}/installed")
        self.write("apt-get", f'echo "$@" >>{self.notes}')
        self.write("id", "echo 0")
        for tool in ("bash", "cat", "env", "grep", "mktemp", "rm", "sed", "tail", "uname"):
            found = subprocess.run(["which", tool], capture_output=True, text=True).stdout.strip()
            (folder / tool).symlink_to(found)
        self.install()

    def write(self, tool: str, body: str) -> None:
        path = self.folder / tool
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def install(self, *packages: str) -> None:
        rows = [f"installed {package}\n" for package in packages]
        (self.folder / "installed").write_text("deinstall nothing\n" + "".join(rows))

    def set_up(self, purpose: str = "run", *packages: str) -> str:
        """What the script says; what it asks of apt-get is in :attr:`asked`."""
        script = ROOT / "scripts" / "system_packages.sh"
        done = subprocess.run(
            [str(script), purpose, *packages],
            env={"PATH": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    @property
    def asked(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    @property
    def wanted(self) -> set[str]:
        """Packages that apt-get was asked to install."""
        words = " ".join(line for line in self.asked if line.startswith("install")).split()
        return {word for word in words[1:] if not word.startswith("-")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Machine(folder)


@linux
def test_root_gets_the_missing_packages(machine):
    machine.set_up("run", "python3.11-venv")
    assert {"libportaudio2", "libasound2-plugins", "libxcb-cursor0"} < machine.wanted
    assert "python3.11-venv" in machine.wanted
    assert not {"pulseaudio", "espeak-ng", "xvfb", "mosquitto", "chromium"} & machine.wanted
    assert machine.asked[0].startswith("update")
    assert "--no-remove" in machine.asked[1]


@linux
def test_the_tests_get_a_sound_server_and_a_voice(machine):
    machine.set_up("test")
    assert {"pulseaudio", "pulseaudio-utils", "espeak-ng", "xvfb", "mosquitto"} < machine.wanted
    assert "squashfs-tools" in machine.wanted


@linux
def test_pipewire_stays(machine):
    machine.install("pipewire-pulse")
    machine.set_up("test")
    assert "pulseaudio-utils" in machine.wanted
    assert "pulseaudio" not in machine.wanted


@linux
def test_what_is_there_is_not_installed_again(machine):
    machine.set_up("test")
    there = machine.wanted - {"libglib2.0-0"} | {"libglib2.0-0t64"}
    machine.install(*there)
    machine.notes.unlink()
    assert machine.set_up("test") == ""
    assert machine.asked == []


@linux
def test_a_user_without_rights_is_told_the_command(machine):
    machine.write("id", "echo 1000")
    said = machine.set_up()
    assert "apt-get install" in said
    assert "libportaudio2" in said
    assert machine.asked == []


@linux
def test_a_package_server_that_fails_stops_nothing(machine):
    machine.write("apt-get", "echo 'no network' >&2; exit 100")
    said = machine.set_up()
    assert "no network" in said
    assert "apt-get install" in said


@linux
def test_another_system_is_told_what_is_needed(machine):
    (machine.folder / "apt-get").unlink()
    said = machine.set_up("test")
    assert "PortAudio" in said
    assert "espeak-ng" in said


@linux
def test_a_python_that_does_not_fit_is_refused_in_one_sentence(tmp_path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        [str(ROOT / "scripts" / "setup.sh"), "run"],
        env={**os.environ, "PYTHON": str(old)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "3.11, 3.12 or 3.13" in done.stderr
    assert len(done.stderr.splitlines()) == 1
