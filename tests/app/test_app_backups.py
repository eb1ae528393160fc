"""Backups and restored homes are whole or not there, and checked."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from core.app.backups import restoring
from core.app.backups.checking import verify_backup
from core.app.backups.listing import list_backups
from core.app.backups.manifest import Manifest, read_manifest
from core.app.backups.outputs import Work
from core.app.backups.restoring import Restored, Wish, restore_backup
from core.app.backups.writing import Wanted, Written, write_backup
from core.files.new_folder import NewFolder
from core.model.commands.notices import ConfigureNotices, DraftNotices
from core.model.crash_points import POINTS
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError, Unavailable
from core.model.notices import Draft, Topic
from core.model.paths import Paths
from core.store.backups.reading import read_facts
from core.store.verify import verify_path
from core.store.version import SCHEMA_VERSION
from tests.app import kill_backups
from tests.support.commands import ROOT
from tests.support.deck import Deck
from tests.support.factories import task
from tests.support.file_limits import file_limit
from tests.support.old_stores import write_old_store

KILLS = (
    *(f"{point}:1" for point in POINTS if point.startswith(("backup.", "restore."))),
    *(f"backup.copying:{number}" for number in (2, 5)),
)
SPARSE = b"x" * 5_000 + b"\0" * 2**20 + b"end"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose engine was killed: attempts are open, and a later one is not in the store."""
    home = tmp_path_factory.mktemp("made") / "home"
    home.mkdir(mode=0o700)
    deck = Deck(home / "taskdeck.db")
    deck.enqueue(*(task(f"t{number}") for number in range(60)))
    deck.do(ConfigureNotices(sinks=("ops",)))
    deck.end_all(deck.claim(20)[:15])
    ((newest,),) = deck.rows("SELECT max(id) FROM event")
    told = Draft(sink="ops", topic=Topic.LOST, event=newest, at=1, text="t")
    deck.do(DraftNotices(after=0, upto=newest, drafts=(told,)))
    deck.db.close()
    (home / "config.toml").write_text("slots = 3\n")
    for name, files in {
        "1/1": ("out", "pid", "status", "ready"),
        "2/1": ("out", "order"),
        "70/1": ("out",),
    }.items():
        folder = home / "output" / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).write_text(f"{file} of {name}")
    with (home / "output" / "2" / "1" / "err").open("wb") as sparse:
        sparse.write(b"x" * 5_000)
        sparse.seek(2**20, os.SEEK_CUR)
        sparse.write(b"end")
    return home


def write(home: Path, target: Path, **wanted: object) -> Written:
    return asyncio.run(write_backup(Paths(home=home), target, Wanted(**wanted)))


def verify(folder: Path) -> Manifest:
    return asyncio.run(verify_backup(folder, Work(tell=lambda _: None, stop=Event())))


def restore(folder: Path, home: Path, **more: object) -> Restored:
    return asyncio.run(restore_backup(Wish(folder=folder, home=home, actor="cli", **more)))


def rows(path: Path, sql: str) -> list[tuple]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = db.execute(sql).fetchall()
    db.close()
    return found


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    write(made, tmp_path / "backup", outputs=True)
    return tmp_path / "backup"


def test_a_backup_holds_the_store_the_settings_and_what_its_attempts_wrote(made: Path, backup: Path):
    manifest = read_manifest(backup)
    assert verify(backup) == manifest
    assert manifest.is_checked
    assert (manifest.home, manifest.schema, list(manifest.settings)) == (
        str(made),
        SCHEMA_VERSION,
        ["config.toml"],
    )
    assert manifest.event == rows(made / "taskdeck.db", "SELECT max(id) FROM event")[0][0]
    found = sorted(str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file())
    assert found == [
        "config.toml",
        "manifest.json",
        "output.sha256",
        "output/1/1/out",
        "output/2/1/err",
        "output/2/1/order",
        "output/2/1/out",
        "store.db",
    ]
    assert (backup / "output/2/1/err").read_bytes() == SPARSE
    assert (backup / "output/2/1/err").stat().st_blocks * 512 < 2**19, "a hole stays one"
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.rglob("*"))} == {0}
    sums = subprocess.run(["sha256sum", "-c", "output.sha256"], cwd=backup, capture_output=True, check=False)
    assert sums.returncode == 0
    assert (backup / "output/1/1/out").stat().st_ino != (made / "output/1/1/out").stat().st_ino


def test_nothing_is_written_over_what_is_there(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("full", "file", "link"):
        with pytest.raises(Conflict) as refused, monkeypatch.context() as patch:
            # Seen before any work is done.
            patch.setattr(NewFolder, "open", lambda _: pytest.fail("a folder is made"))
            write(made, tmp_path / name)
        assert refused.value.code == "backup.exists"
    for name in ("no/where", "a\0b"):
        with pytest.raises(Invalid) as unfit:
            write(made, tmp_path / name)
        assert unfit.value.code == "backup.folder"
    with pytest.raises(Unavailable) as missing:
        write(tmp_path, tmp_path / "new")
    assert missing.value.code == "store.missing"
    write(made, tmp_path / "empty")
    assert verify(tmp_path / "empty").outputs is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full", "link"]


def test_a_folder_that_another_process_writes_is_busy_and_one_that_was_left_is_removed(
    made: Path, tmp_path: Path
):
    other, told = NewFolder(tmp_path / "b"), []
    other.open()
    with pytest.raises(Conflict) as refused:
        write(made, tmp_path / "b")
    assert refused.value.code == "backup.busy"
    assert [one.trouble for one in list_backups(tmp_path)] == ["being written"]
    os.close(other._lock)
    (left,) = list_backups(tmp_path)
    assert left.folder == other.unfinished
    assert "was killed" in left.trouble
    write(made, tmp_path / "b", note=told.append)
    assert [str(other.unfinished) in line for line in told] == [True]
    assert [one.folder for one in list_backups(tmp_path)] == [tmp_path / "b"]


def test_another_folder_that_comes_first_keeps_its_name(made: Path, tmp_path: Path):
    new = NewFolder(tmp_path / "b")
    new.open()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "kept").touch()
    with pytest.raises(FileExistsError):
        new.place()
    new.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let this process write no file larger than 64 KiB."""
    with file_limit(65_536):
        yield


@pytest.mark.usefixtures("small_files")
def test_where_there_is_no_room_nothing_is_left(made: Path, tmp_path: Path):
    with pytest.raises(Unavailable) as refused:
        write(made, tmp_path / "b")
    assert refused.value.code == "backup.unwritable"
    assert "65,536 bytes at the most where this runs (`ulimit -f`)" in refused.value.message
    assert list(tmp_path.iterdir()) == []
    assert verify_path(made / "taskdeck.db") == ()


def test_a_restore_that_a_limit_of_file_sizes_ends_says_so_and_leaves_nothing(made: Path, tmp_path: Path):
    write(made, tmp_path / "b")
    with file_limit(65_536), pytest.raises(Unavailable) as refused:
        restore(tmp_path / "b", tmp_path / "home")
    assert (refused.value.code, refused.value.hint) == (
        "restore.unwritable",
        "nothing is left of it; raise `ulimit -f`",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_disk_without_room_for_the_store_is_refused_before_anything_is_written(
    made: Path, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.app.backups.target.free_bytes", lambda _: 1_000)
    for what, work in (
        ("backup", lambda: write(made, tmp_path / "b")),
        ("restore", lambda: restore(backup, tmp_path / "b")),
    ):
        with pytest.raises(Unavailable) as refused:
            work()
        assert refused.value.code == f"{what}.room"
    assert not (tmp_path / "b").exists()


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_backup_is_named_and_not_restored(backup: Path, tmp_path: Path):
    for name in ("store.db", "config.toml", "output.sha256", "output/2/1/out"):
        before = (backup / name).read_bytes()
        damage(backup / name)
        for work in (lambda: verify(backup), lambda: restore(backup, tmp_path / "home")):
            with pytest.raises(Invalid) as refused:
                work()
            assert refused.value.code == "backup.broken"
        (backup / name).unlink()
        for work in (lambda: verify(backup), lambda: restore(backup, tmp_path / "home")):
            with pytest.raises(Invalid, match=f"is damaged: {name}: No such file") as refused:
                work()
            assert refused.value.code == "backup.broken"
        (backup / name).write_bytes(before)
    assert not (tmp_path / "home").exists()
    assert verify(backup).event


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"},
        {"files": {"store.db": {"size": 1, "sha256": "0" * 64}, "../x": {"size": 1, "sha256": "0" * 64}}},
        {"event": -1},
        {"store_id": "?"},
        {"outputs": 3},
        {"event": 3},
    ],
)
def test_a_manifest_that_is_none_is_refused(backup: Path, change: dict):
    path = backup / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(Invalid) as refused:
        verify(backup)
    assert refused.value.code == "backup.broken"
    assert ("../x" in change.get("files", {})) == ("are not those of a backup" in refused.value.message)


def test_a_manifest_that_is_too_large_is_not_said_to_be_missing(backup: Path):
    (backup / "manifest.json").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(Invalid, match="cannot be read, or has more than 1 MiB"):
        read_manifest(backup)


def test_settings_that_cannot_be_read_are_named(made: Path, tmp_path: Path):
    (made / "keymap.toml").mkdir()
    try:
        with pytest.raises(Invalid) as refused:
            write(made, tmp_path / "backup")
    finally:
        (made / "keymap.toml").rmdir()
    assert refused.value.code == "backup.unreadable"
    assert str(made / "keymap.toml") in refused.value.message
    assert not (tmp_path / "backup").exists()


def test_checksums_choose_no_file_outside_of_the_outputs(backup: Path, tmp_path: Path):
    (tmp_path / "secret").touch()
    sums = backup / "output.sha256"
    sums.write_text(sums.read_text() + f"{'0' * 64}  output/1/1/../../../secret\n")
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["outputs"]["sums"] = {
        "size": 1,
        "sha256": subprocess.run(["sha256sum", sums], capture_output=True, text=True, check=True).stdout[:64],
    }
    (backup / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Invalid, match="names no file of an attempt"):
        verify(backup)


def test_a_newer_backup_is_refused_and_what_is_none_is_named(backup: Path, tmp_path: Path):
    manifest = json.loads((backup / "manifest.json").read_text())
    for change, code in (({"version": 2}, "backup.newer"), ({"schema": SCHEMA_VERSION + 1}, "store.newer")):
        (backup / "manifest.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(Unavailable) as newer:
            restore(backup, tmp_path / "home")
        assert newer.value.code == code
    with pytest.raises(NotFound):
        verify(tmp_path)
    (backup / "manifest.json").write_text("{")
    (listed,) = list_backups(tmp_path)
    assert "not JSON" in listed.trouble
    with pytest.raises(Invalid):
        list_backups(tmp_path / "none")


def test_a_store_with_faults_is_not_backed_up_unless_asked(made: Path, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    deck = Deck(home / "taskdeck.db")
    deck.enqueue(task("a"))
    deck.db.execute("UPDATE counter SET n = n + 1")
    deck.db.close()
    with pytest.raises(Unavailable) as refused:
        write(home, tmp_path / "b")
    assert refused.value.code == "backup.unsound"
    assert not (tmp_path / "b").exists()
    assert not write(home, tmp_path / "b", check=False).manifest.is_checked
    with pytest.raises(Unavailable):
        verify(tmp_path / "b")
    with pytest.raises(Unavailable):
        restore(tmp_path / "b", tmp_path / "n")
    restore(tmp_path / "b", tmp_path / "n", check=False)


def test_a_restored_store_is_one_of_its_own_and_claims_nothing(made: Path, backup: Path, tmp_path: Path):
    before = read_facts(backup / "store.db")
    restored = restore(backup, tmp_path / "home")
    assert (restored.running, restored.paused) == (5, 1)
    found = {
        str(path.relative_to(tmp_path / "home")) for path in (tmp_path / "home").rglob("*") if path.is_file()
    }
    assert found == {
        "taskdeck.db",
        "config.toml",
        "engine.lock",
        "output/1/1/out",
        "output/2/1/err",
        "output/2/1/order",
        "output/2/1/out",
    }
    store = tmp_path / "home" / "taskdeck.db"
    assert verify_path(store) == ()
    ((store_id, epoch),) = rows(store, "SELECT store_id, epoch FROM engine")
    ((old_epoch,),) = rows(made / "taskdeck.db", "SELECT epoch FROM engine")
    assert store_id == restored.store_id != before.store_id
    assert epoch > old_epoch
    assert rows(store, "SELECT status FROM notice") == [("dropped",)]
    told = rows(store, "SELECT kind, actor FROM event WHERE id > (SELECT max(id) - 4 FROM event)")
    assert {kind for kind, _ in told} >= {"store.restored", "pool.paused", "engine.stopped"}
    assert all(actor.endswith("(cli)") for kind, actor in told if kind != "capacity.configured")
    ours = rows(store, f"SELECT * FROM event WHERE id <= {before.event}")
    assert ours == rows(made / "taskdeck.db", "SELECT * FROM event")
    assert (tmp_path / "home" / "config.toml").read_text() == (made / "config.toml").read_text()


def test_a_restored_store_is_as_it_was_if_asked(backup: Path, tmp_path: Path):
    assert restore(backup, tmp_path / "home", pause=False).paused == 0
    assert rows(
        tmp_path / "home" / "taskdeck.db", "SELECT count(*) FROM pool WHERE paused_at IS NOT NULL"
    ) == [(0,)]


def test_a_home_that_holds_something_is_left_alone(backup: Path, made: Path, tmp_path: Path):
    for home in (made, backup):
        with pytest.raises(Conflict) as refused:
            restore(backup, home)
        assert refused.value.code == "restore.exists"


@pytest.mark.parametrize("version", ["1", "4"])
def test_an_older_store_is_backed_up_as_it_is_and_brought_up_when_it_is_restored(
    version: str, tmp_path: Path
):
    home = tmp_path / "home"
    write_old_store(home / "taskdeck.db", version)
    assert write(home, tmp_path / "b").manifest.schema == int(version)
    assert verify(tmp_path / "b").schema == int(version)
    assert restore(tmp_path / "b", tmp_path / "new").paused == 1
    assert verify_path(tmp_path / "new" / "taskdeck.db") == ()
    assert not list((tmp_path / "new").glob("taskdeck.db.version-*"))
    assert read_facts(home / "taskdeck.db").schema == int(version)


def test_a_kill_leaves_no_backup_and_no_home_or_whole_ones(made: Path, backup: Path, tmp_path: Path):
    folder = tmp_path / "killed"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, kill_backups.__file__, str(made), str(backup), str(folder), *KILLS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [word for point in KILLS for word in (point, "killed")], done.stderr
    for point in KILLS:
        target = folder / point
        assert target.exists() == (".placed" in point), point
        if not target.exists():
            assert NewFolder(target).unfinished.exists()
            (write if point.startswith("backup.") else restore)(
                made if point.startswith("backup.") else backup, target
            )
        if point.startswith("backup."):
            assert verify(target)
        else:
            assert verify_path(target / "taskdeck.db") == ()
    assert not list(folder.glob(".*")), "what was killed is removed by the next"
    assert verify_path(made / "taskdeck.db") == ()


def test_a_kill_while_a_restored_older_store_is_brought_up_leaves_no_home(tmp_path: Path) -> None:
    home, old, folder = tmp_path / "home", tmp_path / "old", tmp_path / "killed"
    folder.mkdir()
    write_old_store(home / "taskdeck.db", str(SCHEMA_VERSION - 1))
    write(home, old)
    upgrades = tuple(f"{point}:1" for point in POINTS if point.startswith("upgrade."))
    done = subprocess.run(
        [sys.executable, kill_backups.__file__, str(home), str(old), str(folder), *upgrades],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [word for point in upgrades for word in (point, "killed")], done.stderr
    for point in upgrades:
        assert not (folder / point).exists()
        restore(old, folder / point)
        assert verify_path(folder / point / "taskdeck.db") == ()
        assert read_facts(folder / point / "taskdeck.db").schema == SCHEMA_VERSION
    assert not list(folder.glob(".*")), "what was killed is removed by the next"
    assert read_facts(home / "taskdeck.db").schema == SCHEMA_VERSION - 1


def test_a_restore_that_is_stopped_leaves_nothing(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def cancelled() -> None:
        loop = asyncio.get_running_loop()

        def stopped(_: Path, stop: Event) -> None:
            loop.call_soon_threadsafe(work.cancel)
            stop.wait()
            raise TaskdeckError("backup.stopped", "x")

        monkeypatch.setattr(restoring, "check_store", stopped)
        work = asyncio.ensure_future(restore_backup(Wish(folder=backup, home=tmp_path / "home", actor="cli")))
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]
