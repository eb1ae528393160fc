"""The table of keys has all keys."""

from __future__ import annotations

from console.key_table import KEYS
from tests.pages.key_table import PARTS


def test_every_part_of_the_key_table_is_on_the_page() -> None:
    assert sorted(part for parts in PARTS.values() for part in parts) == sorted(KEYS)
