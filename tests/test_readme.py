"""What the documents show works, and what they point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from realtime_ser.exchange.registry import FORMATS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_table_of_endings_has_every_format() -> None:
    cells = re.findall(r"^\| ((?:`\.\w+` )+)\|", README, re.MULTILINE)
    listed = re.findall(r"`(.+?)`", " ".join(cells))
    assert sorted(listed) == sorted(kind.ending for kind in FORMATS if kind.ending)


def test_the_ten_lines_of_python_run(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    assert len(example.strip().splitlines()) <= 10
    exec(compile(example, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 100
    assert all(re.match(r" *\d+\.\d\d s  \w+ +\d+\.\d%", line) for line in lines)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for target in [*re.findall(r"\]\(([^)#]+)[^)]*\)", text), *pictures]:
        if not target.startswith(("http:", "https:")):
            assert (document.parent / target).exists(), target
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    places = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= places


@pytest.mark.parametrize("page", ["features.md", "reliability.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    source = "\n".join(path.read_text("utf-8") for path in ROOT.glob("tests/**/*.py"))
    known = set(re.findall(r"def (test_\w+)\(", source))
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text("utf-8")))
    assert named
    assert named <= known
