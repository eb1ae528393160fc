"""The README's table of keys comes from the key table."""

from __future__ import annotations

from pathlib import Path

from console.keymap import KEYS
from tests.shots.keytable import PARTS, printed

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_has_the_keys_of_the_key_table_else_run_make_shots() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "<!-- keys -->" in readme
    assert readme == printed(readme)


def test_every_part_of_the_key_table_is_in_the_readme() -> None:
    assert sorted(part for parts in PARTS.values() for part in parts) == sorted(KEYS)
