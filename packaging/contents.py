"""What a frozen program holds: the packages it needs, their licences, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("lsl", "mqtt")  # whoever has no Python cannot add them

_LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
_RULE = "=" * 100

_HEAD = """\
Realtime SER is under the MIT licence (LICENSE.txt). This folder also holds the packages and
libraries below, each under its own licence. PyQt6 is under the GNU General Public License, version
3: whoever hands this folder on does so under that licence, and gives its source code too. The
shipped models have terms of their own, in _internal/realtime_ser/models/*/CARD.md. The package av
holds FFmpeg and the codecs that it was built with, under the GNU Lesser General Public License,
version 3 or later, and under the licences of those codecs.
"""


def needed() -> list[str]:
    """Names of all packages that the program needs, its own first, in the order of the alphabet."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    found: set[str] = set()
    waiting = [(Requirement(text), "") for text in wanted]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if name in found or (marker is not None and not marker.evaluate({"extra": extra})):
            continue
        found.add(name)
        waiting += [(Requirement(text), "") for text in importlib.metadata.requires(name) or []]
    return [canonicalize_name(project["name"]), *sorted(found)]


def left_out() -> list[str]:
    """Modules of every other installed package: those of training and of the tests."""
    keep = set(needed())
    return sorted(
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if not keep & {canonicalize_name(package) for package in packages}
    )


def third_party(libraries: Iterable[Path]) -> str:
    """Names, versions and licences of what is not the project's own.

    Parameters
    ----------
    libraries
        Shared libraries that come from the system.
    """
    parts = [_HEAD, *map(_package, needed()[1:]), *_interpreter(), *_system(libraries)]
    return f"\n{_RULE}\n".join(parts)


def _package(name: str) -> str:
    distribution = importlib.metadata.distribution(name)
    about = distribution.metadata
    classifiers = [text for text in about.get_all("Classifier") or [] if "License ::" in text]
    short = about.get("License-Expression") or "; ".join(
        text.rpartition(" :: ")[2] for text in classifiers
    )
    short = short or (about.get("License") or "see its text").partition("\n")[0]
    texts = [
        Path(str(distribution.locate_file(file))).read_text("utf-8", "replace").strip()
        for file in distribution.files or []
        if ".dist-info/" in file.as_posix()
        and file.suffix not in (".py", ".pyc")
        and _LICENCE.search(file.as_posix())
    ]
    return "\n\n".join([f"{about['Name']} {distribution.version}: {short}", *texts])


def _interpreter() -> Iterator[str]:
    folder = Path(sysconfig.get_path("stdlib"))
    for path in (folder / "LICENSE.txt", folder.parent.parent / "LICENSE.txt"):
        if path.is_file():
            yield f"Python {sysconfig.get_python_version()}\n\n{path.read_text('utf-8').strip()}"
            return


def _system(libraries: Iterable[Path]) -> Iterator[str]:
    """Licences of a Debian system's libraries; elsewhere there are none."""
    if shutil.which("dpkg-query") is None:
        return
    patterns = [f"*/{library.name}*" for library in libraries]
    found = subprocess.run(
        ["dpkg-query", "-S", *patterns], capture_output=True, text=True, check=False
    )
    packages = {line.partition(":")[0] for line in found.stdout.splitlines()}
    for package in sorted(packages):
        path = Path("/usr/share/doc") / package / "copyright"
        if path.is_file():
            yield f"{package}, of the system\n\n{path.read_text('utf-8', 'replace').strip()}"
