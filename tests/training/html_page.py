"""Reads a page as a browser would, and complains where it is not well formed."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """Contents of a page.

    Attributes
    ----------
    text
        All of its words.
    tables
        Rows of cells of each table.
    attributes
        Of every element, with its tag.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" in self._open:
            return
        self._words.append(data)
        if "td" in self._open or "th" in self._open:
            cell = f"{self.tables[-1][-1][-1]} {data}"
            self.tables[-1][-1][-1] = " ".join(cell.split())

    @property
    def ids(self) -> list[str]:
        """Names of elements, in order."""
        return [facts["id"] or "" for _, facts in self.attributes if "id" in facts]

    def values(self, name: str) -> list[str]:
        """Values of an attribute, in order."""
        return [facts[name] or "" for _, facts in self.attributes if name in facts]

    def row(self, first: str, table: int | None = None) -> list[str]:
        """The first row that begins with a cell, of all tables or of one."""
        tables = self.tables if table is None else [self.tables[table]]
        return next(row for rows in tables for row in rows if row and row[0] == first)


def check_alone(html: str) -> Page:
    """Make sure that a page needs nothing but itself, and give what it holds."""
    page = Page(html)
    tags = {tag for tag, _ in page.attributes}
    assert not tags & {"script", "link", "img", "iframe", "object", "base"}
    assert "http" not in html
    assert "@import" not in html
    links = page.values("href")
    assert links
    assert all(link.startswith("#") for link in links)
    assert {link.removeprefix("#") for link in links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    return page
