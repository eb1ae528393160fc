"""An engine of another version is named, drained, replaced or ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.version import VERSION
from tests.support.homes import ROOT, Home
from tests.support.terminal import Terminal

EDITED = {"VERSION": "core/model/version.py", "PROTOCOL": "core/control/wire.py"}


def copy_package(folder: Path, **edits: str) -> Path:
    """Copy the package under test, with other values of some constants (`file.py` by `NAME = old`)."""
    folder.mkdir()
    shutil.copy(ROOT / "_taskdeck.py", folder / "_taskdeck.py")
    (folder / "core").mkdir()
    edited = {Path(EDITED[name]).parent for name in edits}
    for room in ("console", "themes", *(f"core/{path.name}" for path in (ROOT / "core").glob("[!_]*"))):
        if Path(room) in edited:
            # With what is compiled already; the edited files are compiled again.
            shutil.copytree(ROOT / room, folder / room)
        else:
            (folder / room).symlink_to(ROOT / room)
    shutil.copy(ROOT / "core/__init__.py", folder / "core")
    for name, line in edits.items():
        path = folder / EDITED[name]
        lines = path.read_text().splitlines()
        changed = [f"{name} = {line}" if text.startswith(f"{name} = ") else text for text in lines]
        assert changed != lines
        path.write_text("\n".join(changed) + "\n")
    return folder


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Home]:
    """Return a home on which the package of an older version works."""
    home = Home(tmp_path / "home", package=copy_package(tmp_path / "old", VERSION='"0.0.1"'))
    yield home
    home.end()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Home]:
    """Return a home on which a package works that speaks another protocol."""
    package = copy_package(tmp_path / "strange", VERSION='"9.0.0"', PROTOCOL="99")
    home = Home(tmp_path / "home", package=package)
    yield home
    home.end()


def ours(home: Home) -> Home:
    """Return the same home for the version under test."""
    return Home(home.path)


def test_the_console_offers_to_drain_an_older_engine_and_starts_its_own(older: Home) -> None:
    older.start("serve")
    old = older.has_engine()
    home = ours(older)
    settings: dict[str, str | None] = {"TASKDECK_HOME": str(home.path), "PYTHONPATH": str(home.package)}
    with Terminal(home.argv(), size=(120, 30), environ=settings) as terminal:
        terminal.sees("the engine is 0.0.1")
        terminal.press("E")
        terminal.sees("drain it, then start a new one?")
        terminal.press("y")
        terminal.until(lambda: home.owned and home.engine != old, "another engine serves")
        terminal.sees("an engine is back")
        terminal.press("q")
        assert terminal.ends() == 0
    home.end()


def test_the_doctor_names_an_older_engine_and_commands_work_with_it(older: Home) -> None:
    older.start("serve")
    older.has_engine()
    home = ours(older)
    said = home.run("doctor").stdout
    assert f"the engine has version 0.0.1, this is {VERSION}: run 'taskdeck stop --drain'" in said
    assert home.run("exec", "--", "true").returncode == 0
    assert home.run("stop", "--drain").returncode == 0
    home.end()


def test_an_engine_that_speaks_another_protocol_is_named_and_can_be_stopped(stranger: Home) -> None:
    stranger.start("serve")
    engine = stranger.has_engine()
    home = ours(stranger)
    refused = home.run("exec", "--", "true")
    assert refused.returncode != 0
    assert "error[engine.protocol]" in refused.stderr
    assert home.run("stop", "--drain").stderr.startswith("error[engine.protocol]")
    stopped = home.run("stop")
    assert stopped.stdout == f"the engine (process {engine}) has stopped\n", stopped.stderr
    assert not home.owned
    home.end()
