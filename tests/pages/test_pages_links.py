"""Tests that links and file names on the pages exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages.blocks import anchors, links
from tests.pages.generated import ROOT, pages

NAMES = [page.name for page in pages()]
# Files that a page names: `core/x.py`, `tests/y/`, `console/z.py`.
_NAMED = re.compile(r"`((?:core|console|tests|docs|themes|\.ci)/[\w./-]*)`")
README_LINES = 150


def broken_links(page: Path) -> list[str]:
    return [
        target for target in links(page.read_text(encoding="utf-8")) if not _leads_somewhere(page, target)
    ]


def _leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith(("https://", "http://")):
        return True
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in anchors(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", pages(), ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", pages(), ids=NAMES)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(_NAMED.findall(page.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not _is_there(name)) == []


def _is_there(name: str) -> bool:
    path = ROOT / name.rstrip("/")
    return path.exists() or path.with_suffix(".py").exists()


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_every_page_is_reached_from_the_readme() -> None:
    reached = set(links((ROOT / "README.md").read_text(encoding="utf-8")))
    names = [page.relative_to(ROOT).as_posix() for page in pages()]
    assert [name for name in names if name != "README.md" and name not in reached] == []


def test_the_check_sees_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Here\n")
    page = tmp_path / "a.md"
    page.write_text("[x](b.md#here) [y](b.md#there) [z](c.md) [w](#gone) [v](https://example.org)\n")
    assert broken_links(page) == ["b.md#there", "c.md", "#gone"]
