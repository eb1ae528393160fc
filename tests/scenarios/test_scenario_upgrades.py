"""A data directory of an earlier release works on under this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.database import open_writer
from core.store.version import SCHEMA_VERSION, stored_version
from tests.support.homes import Home
from tests.support.old_stores import write_old_store


@pytest.fixture(params=["1", "2"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    write_old_store(home.path / "taskdeck.db", request.param)
    yield home
    home.end()


def test_a_reader_says_what_to_do_and_the_next_engine_brings_the_store_up_and_carries_it_on(
    old: Home,
) -> None:
    version = stored_version(old.path / "taskdeck.db")
    refused = old.run("jobs")
    assert refused.returncode == 4
    assert "error[store.older]" in refused.stderr
    assert "hint: run 'taskdeck serve --until-idle'" in refused.stderr
    assert "written by an older taskdeck" in old.run("doctor").stdout
    assert stored_version(old.path / "taskdeck.db") == version
    done = old.run("exec", "--detach", "--", "true")
    assert done.returncode == 0, done.stderr
    # The engine is a process of its own; what it says reaches the command that waits for it.
    assert f"from schema version {version} up to" in done.stderr
    assert f"{old.path}/taskdeck.db.version-{version}" in done.stderr
    old.waits_for("SELECT status FROM task WHERE key = 'q2'", ("failed",))
    assert old.run("stop").returncode == 0
    assert (
        f"{old.path}/taskdeck.db.version-{version} is the store before an upgrade" in old.run("doctor").stdout
    )


LOOKS = (
    ("orphans", "--plan"),
    ("orphans",),
    ("hold", "--where", "key:late", "--dry-run"),
    ("purge", "jobs", "--where", "status:failed", "--dry-run"),
    ("purge", "outputs", "--where", "status:failed", "--dry-run"),
)


def test_what_only_looks_brings_no_store_up(old: Home) -> None:
    before = (old.path / "taskdeck.db").read_bytes()
    for words in LOOKS:
        refused = old.run(*words)
        assert (refused.returncode, "error[store.older]" in refused.stderr) == (4, True), words
    assert (old.path / "taskdeck.db").read_bytes() == before
    assert "from schema version" in old.run("hold", "--where", "key:late").stderr


def test_a_change_without_an_engine_brings_the_store_up_too_and_says_so(old: Home) -> None:
    version = stored_version(old.path / "taskdeck.db")
    held = old.run("hold", "--where", "key:late", "--json")
    assert f"from schema version {version} up to" in held.stderr
    assert held.stdout.startswith("{")
    assert stored_version(old.path / "taskdeck.db") == SCHEMA_VERSION


def test_an_engine_killed_in_the_upgrade_is_followed_by_one_that_makes_it(old: Home) -> None:
    assert old.run("serve", TASKDECK_CRASH="upgrade.migrated").returncode == -9
    held = old.run("hold", "--where", "key:late", "--json")
    assert held.stdout.startswith("{"), held.stderr
    assert stored_version(old.path / "taskdeck.db") == SCHEMA_VERSION


def test_every_door_leaves_a_store_of_a_newer_release_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = home.path / "taskdeck.db"
    home.path.mkdir(mode=0o700)
    open_writer(path, synchronous="NORMAL", now=1).close()
    with sqlite3.connect(path) as store:
        store.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    before = path.read_bytes()
    for words in (("jobs",), ("serve",), ("hold", "1/task"), ("--plain",)):
        refused = home.run(*words)
        assert (refused.returncode, "error[store.newer]" in refused.stderr) == (4, True), refused.stderr
    assert path.read_bytes() == before
    assert sorted(home.path.glob("*.version-*")) == []
