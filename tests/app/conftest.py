"""Data directories whose processes end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import Home


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    """Return a data directory of its own."""
    home = Home(tmp_path / "home")
    yield home
    home.end()
