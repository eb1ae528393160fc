"""Hostile texts on terminals of few colours or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.hostile_stage import Walk, fill, unseen, walked
from tests.support.homes import Home
from tests.support.hostile import hostile
from tests.support.terminal import kinds

COLOURS = ("SGR 38", "SGR 48", "SGR 3n", "SGR 4n", "SGR 9n", "SGR 10n")
FEW = hostile(40)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a home that holds a few hostile texts, served for the consoles that look at it."""
    home = Home(tmp_path_factory.mktemp("few") / "home")
    asyncio.run(fill(home.path, FEW))
    home.start("serve")
    home.has_engine()
    yield home.path
    home.end()


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "linux"])
async def test_without_colours_not_one_is_sent_and_everything_is_read(few: Path, term: str) -> None:
    capture, pictures = await walked(few, Walk.go_briefly, NO_COLOR="1", TERM=term)
    assert not {kind for kind in kinds(capture) if kind.startswith(COLOURS)}
    assert unseen(pictures["retries"], FEW) == []


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "linux"])
async def test_a_terminal_of_few_colours_gets_no_more_than_it_has(few: Path, term: str) -> None:
    capture, pictures = await walked(few, Walk.go_briefly, TERM=term)
    many = {kind for kind in kinds(capture) if kind.startswith(("SGR 38", "SGR 48"))}
    assert many <= ({"SGR 38;5", "SGR 48;5"} if term == "xterm-256color" else set())
    assert unseen(pictures["retries"], FEW) == []
