"""A protected home at a terminal: changed only after changes are armed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import CONSOLE
from tests.support.homes import Home
from tests.support.terminal import Terminal

STATUS = "SELECT status FROM job WHERE id = 2"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "config.toml").write_text("protected = true\nslots = 1\n")
    yield home
    home.end()


def opened(place: Home, *flags: str) -> Terminal:
    return Terminal([*CONSOLE, *flags, "--home", str(place.path)], size=(120, 40))


def test_a_job_is_cancelled_on_a_protected_home_only_after_changes_were_armed(place: Home) -> None:
    document = place.path.parent / "long.yaml"
    document.write_text("name: long\ntasks: [{key: wait, uses: shell, with: {argv: [sleep, '300']}}]\n")
    place.start("serve")
    place.has_engine()
    place.start("run", str(document))
    place.waits_for(STATUS, ("running",))
    with opened(place, "--read-only") as reader:
        reader.sees("READ-ONLY", "slots 1/1")
        reader.press("W")
        reader.sees("this console is read-only")
        reader.press("q")
        assert reader.ends() == 0
    with opened(place) as terminal:
        terminal.sees("READ-ONLY", "slots 1/1")
        terminal.press("2")
        terminal.sees("long", "READ-ONLY")
        terminal.press("x")
        terminal.sees("protected: W arms changes for 5 minutes")
        terminal.press("W")
        # The question names the home, however long its path is.
        question = " ".join(terminal.sees("[y/N]").split())
        assert "is protected: arm changes for 5 minutes? [y/N]" in question
        terminal.press("y")
        terminal.sees("WRITE 04:5")
        terminal.press("x")
        terminal.sees("Cancel job 2 (long)?", "type 1 to confirm")
        assert place.rows(STATUS) == [("running",)]
        terminal.press("1")
        place.waits_for(STATUS, ("cancelled",))
        terminal.press("W")
        terminal.sees("READ-ONLY")
        terminal.press("q")
        assert terminal.ends() == 0
