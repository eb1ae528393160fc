"""Command lines in this process and in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.app.lock import is_held
from core.cli.main import main
from tests.cli.cli_stage import STORED, Deck, Ended
from tests.support.homes import STAYS, Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty data directory, named by TASKDECK_HOME; a detached engine ends with the test."""
    path = tmp_path / "home"
    monkeypatch.setenv("TASKDECK_HOME", str(path))
    monkeypatch.setenv("TASKDECK_LINGER", STAYS)
    yield path
    if is_held(path / "engine.lock"):
        main(["stop", "--kill"])


@pytest.fixture
def deck(home: Path, capfd: pytest.CaptureFixture[str]) -> Deck:
    """Run command lines in this process, each test on a data directory of its own."""

    def run(*words: str) -> Ended:
        capfd.readouterr()
        status = main(list(words))
        out, err = capfd.readouterr()
        return Ended(status=status, out=out, err=err)

    return run


@pytest.fixture(scope="session")
def stored_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that holds the job STORED; nobody changes it."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "stored.json").write_text(json.dumps(STORED))
    place = Home(folder / "home")
    ran = place.run("run", str(folder / "stored.json"))
    assert ran.returncode == 1, ran.stderr
    stop = place.run("stop")
    # An engine that a command started may have ended by itself already.
    assert stop.returncode in (0, 4), stop.stderr
    place.end()
    return place.path


@pytest.fixture
def stored(stored_home: Path, monkeypatch: pytest.MonkeyPatch, deck: Deck) -> Deck:
    """Run reading command lines on the stored job, which has the id 2."""
    monkeypatch.setenv("TASKDECK_HOME", str(stored_home))
    return deck


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, object], str]:
    """Write a document into a file and return its path."""

    def write(name: str, document: object) -> str:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """Return a data directory with the `CONFIG` of the test's file."""
    one = Home(tmp_path / "home")
    one.path.mkdir(mode=0o700)
    (one.path / "config.toml").write_text(request.module.CONFIG)
    yield one
    one.end()


@pytest.fixture
def quiet(request: pytest.FixtureRequest, deck: Deck, home: Path) -> Deck:
    """Run command lines in this process where no engine is running, and the store has the `CONFIG`."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(request.module.CONFIG)
    assert deck("budgets", "unfreeze").status == 0
    return deck
