"""Consoles on a home without an engine, and on a damaged store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.deck import Deck
from tests.support.commands import CONSOLE
from tests.support.damage import fill
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


@pytest.fixture
def damaged(place: Home) -> Iterator[Home]:
    """Give a home with a job and a task whose rows have a text and a blob for a moment."""
    place.path.mkdir(mode=0o700)
    deck = Deck(place.path / "taskdeck.db", fill=fill)
    deck.close()
    deck.path.chmod(0o600)
    with closing(sqlite3.connect(deck.path)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE job SET created_at = 'high' WHERE id = 2")
        db.execute("UPDATE task SET created_at = x'ff' WHERE id = 1")
    yield place
    # At its end a home is held to the rules of a store.
    deck.path.unlink()


def test_a_read_only_console_shows_the_sound_rows_of_a_damaged_store_and_names_the_others(
    damaged: Home,
) -> None:
    with Terminal([*CONSOLE, "--read-only", "--home", str(damaged.path)], size=(160, 40)) as reader:
        reader.sees("READ-ONLY", "NO ENGINE")
        reader.press("2")
        reader.sees(
            "! left out: row 2 of job breaks a rule of its table: `created_at`", "; and 1 more", "inbox"
        )
        reader.press("3")
        reader.sees("left out: row", "✗ failed", "exit: it broke")
        reader.press("q")
        assert reader.ends() == 0


@pytest.mark.parametrize("flags", [[], ["--read-only"]])
def test_a_console_names_rows_that_its_engine_cannot_tell_of(damaged: Home, flags: list[str]) -> None:
    damaged.start("serve")
    damaged.has_engine()
    with Terminal([*CONSOLE, *flags, "--home", str(damaged.path)], size=(160, 40)) as reader:
        reader.sees("slots 0/")
        reader.press("3")
        reader.sees("! left out: row", "✗ failed", "exit: it broke")
    damaged.run("stop")
    damaged.has_none()


def test_the_overview_in_lines_tells_of_sound_rows_and_names_the_others(damaged: Home) -> None:
    done = damaged.run("--plain")
    assert done.returncode == 0, done.stderr
    assert "task 3 c of job 1: failed" in done.stdout
    assert "\nleft out: row 2 of job breaks a rule of its table: `created_at`" in done.stdout
