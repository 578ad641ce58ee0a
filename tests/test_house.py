"""Style, types, and which room may lean on which."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from realtime_ser.base.config import AUTO, Config, load_config
from realtime_ser.base.paths import shipped

ROOT = Path(__file__).resolve().parent.parent
GUI = "realtime_ser.gui"
COMMANDS = "realtime_ser.commands"
TRAINING = {"training", "tensorflow", "keras", "librosa"}
WINDOW = {GUI, "PyQt6", "pyqtgraph"}
#: All rooms of the program from the bottom up: a room leans on those before it alone.
ROOMS = (
    "base",
    "audio",
    "recogniser",
    "engine",
    "session",
    "timeline",
    "exchange",
    "outputs",
    "server",
    "api",
    "gui",
    "commands",
    "__main__",
)
#: Likewise those of the part that makes models; they may lean on any room of the program but the
#: window.
TRAINING_ROOMS = (
    "settings",
    "tables",
    "workers",
    "cache",
    "corpora",
    "batching",
    "folds",
    "sound",
    "run_folder",
    "at_once",
    "fitting",
    "job",
    "measure",
    "streaming",
    "offline",
    "recipe",
    "report",
    "evaluate",
    "languages",
    "quantise",
    "run",
    "sweep",
    "cli",
)
HOUSES = {"realtime_ser": ROOMS, "training": TRAINING_ROOMS}


def parse(*folders: str) -> dict[str, ast.Module]:
    """Syntax trees of all modules below some folders, by their dotted names."""
    trees = {}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def imports(tree: ast.AST) -> set[str]:
    """Dotted names that code imports; of ``from a import b`` both ``a`` and ``a.b``."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imports_when_loaded(tree: ast.Module) -> set[str]:
    """What a module imports without a call: nothing in its functions, nothing for types alone."""
    names = set()
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= imports(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            nodes += ast.iter_child_nodes(node)
    return names


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


TREES = parse("realtime_ser", "training")
PROGRAM = [module for module in TREES if within(module, {"realtime_ser"})]
HEADLESS = [module for module in PROGRAM if not within(module, {GUI, "realtime_ser.__main__"})]


def room(name: str) -> str:
    """The folder or file directly below a top package that a dotted name lies in."""
    return ".".join(name.split(".")[:2])


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["style", "layout"])
def test_ruff_finds_nothing(command):
    ruff = [sys.executable, "-m", "ruff", *command]
    done = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(600)
def test_mypy_finds_nothing():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", PROGRAM)
def test_the_program_does_without_training(module):
    assert not {name for name in imports(TREES[module]) if within(name, TRAINING)}


@pytest.mark.parametrize("module", [name for name in TREES if not within(name, {GUI})])
def test_nothing_leans_on_the_window(module):
    tree = TREES[module]
    # A command opens the window, but only when it is asked to.
    names = imports_when_loaded(tree) if room(module) == COMMANDS else imports(tree)
    assert not {name for name in names if within(name, WINDOW)}


@pytest.mark.parametrize("house", HOUSES)
def test_every_room_has_its_floor(house):
    rooms = {room(name).partition(".")[2] for name in TREES if within(name, {house})} - {""}
    assert rooms == set(HOUSES[house])


def test_the_map_has_the_rooms_of_the_program_on_their_floors():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = [name for name in ROOMS if (ROOT / "realtime_ser" / name).is_dir()]
    found = [name for line in text.splitlines() for name in folders if f"| `{name}/` |" in line]
    assert found == folders[::-1]


@pytest.mark.parametrize("module", [name for name in TREES if "." in name])
def test_arrows_run_one_way(module):
    house, _, own = room(module).partition(".")
    floor = HOUSES[house].index(own)
    above = {f"{house}.{name}" for name in HOUSES[house][floor + 1 :]}
    assert not {name for name in imports(TREES[module]) if within(name, above)}


def test_modules_import_each_other_in_no_circle():
    waiting = {
        module: imports_when_loaded(tree) & TREES.keys() - {module}
        for module, tree in TREES.items()
    }
    while waiting:
        ready = {module for module, needs in waiting.items() if not needs & waiting.keys()}
        assert ready, f"a circle among {sorted(waiting)}"
        waiting = {module: needs for module, needs in waiting.items() if module not in ready}


@pytest.fixture(scope="session")
def brought_along() -> dict[str, list[str]]:
    """What each module is the first to load, of all that a headless run must do without."""
    unwanted = [*TRAINING, "PyQt6", "pyqtgraph", "matplotlib", "numba"]
    code = (
        "import importlib, sys\n"
        "before = set()\n"
        f"for module in {HEADLESS!r}:\n"
        "    importlib.import_module(module)\n"
        f"    loaded = {{name for name in {unwanted!r} if name in sys.modules}}\n"
        "    print(module, *loaded - before)\n"
        "    before = loaded\n"
    )
    python = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(python, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    return {module: brought for module, *brought in rows}


@pytest.mark.parametrize("module", HEADLESS)
def test_a_headless_run_loads_nothing_heavy(module, brought_along):
    assert brought_along[module] == []


def test_help_comes_without_numpy():
    code = (
        "import sys; from realtime_ser.commands.main import main; main(['--help']); "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_config_yaml_names_every_setting_with_its_default():
    path = shipped("config.yaml")
    assert load_config(path) == Config(model=AUTO)  # tests have another default

    def keys(value: object) -> object:
        return {k: keys(v) for k, v in value.items()} if isinstance(value, dict) else None

    assert keys(yaml.safe_load(path.read_text("utf-8"))) == keys(Config().model_dump())


PACKAGES = sorted(ROOT.glob("realtime_ser/**/__init__.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_a_package_names_what_lies_in_it(package):
    text = ast.get_docstring(ast.parse(package.read_text("utf-8"))) or ""
    named = re.findall(r"``([a-z_]+)``", text)
    beside = {path.stem for path in package.parent.iterdir()}
    assert set(named) <= beside


def test_no_class_name_stands_for_two_things():
    places = defaultdict(set)
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name.removeprefix("_")].add(module)
    assert not {name: found for name, found in places.items() if len(found) > 1}
