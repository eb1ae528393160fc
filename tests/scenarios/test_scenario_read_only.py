"""A read-only console on a home without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import CONSOLE
from tests.support.homes import Home
from tests.support.terminal import Terminal


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def test_a_read_only_console_shows_the_store_where_no_engine_runs_and_starts_none(place: Home) -> None:
    document = place.path.parent / "short.yaml"
    document.write_text("name: short\ntasks: [{key: only, uses: shell, with: {argv: ['true']}}]\n")
    assert place.run("run", str(document)).returncode == 0
    place.run("stop")
    place.has_none()
    with Terminal([*CONSOLE, "--read-only", "--home", str(place.path)], size=(120, 40)) as reader:
        reader.sees("READ-ONLY", "NO ENGINE")
        reader.press("2")
        reader.sees("short", "✓ succeeded")
        reader.press("3")
        reader.sees("only", "✓ succeeded")
        reader.press("1")
        reader.sees("✓ succeeded 1", "Jobs   not known without an engine")
        assert not place.owned
        # An engine that comes is found.
        place.start("serve")
        place.has_engine()
        reader.sees("slots 0/")
        reader.press("q")
        assert reader.ends() == 0
