"""The generated parts of the pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Settings
from tests.pages.generated import PARTS, names_in, pages, renewed
from tests.pages.settings_table import settings_table

PAGES = [page.name for page in pages()]


@pytest.mark.parametrize("page", pages(), ids=PAGES)
def test_generated_parts_are_as_the_code_is_else_run_make_pages(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == renewed(text)


def test_every_part_stands_on_one_page() -> None:
    named = [name for page in pages() for name in names_in(page.read_text(encoding="utf-8"))]
    assert sorted(named) == sorted(PARTS)


def test_what_stands_between_the_marks_is_replaced_and_the_rest_kept() -> None:
    text = "before\n<!-- generated: states of a job -->\nold\n<!-- /generated -->\nafter\n"
    fresh = renewed(text)
    assert "old" not in fresh
    assert "stateDiagram-v2" in fresh
    assert (fresh.startswith("before\n"), fresh.endswith("\nafter\n")) == (True, True)
    assert renewed(fresh) == fresh
    with pytest.raises(KeyError):
        renewed("<!-- generated: moon -->\n<!-- /generated -->")


def test_every_setting_says_what_it_does() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    assert [row for row in rows if row.endswith("|  |")] == []
