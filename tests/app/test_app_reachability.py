"""A living engine is found again when its files are removed."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from core.app.lock import EngineLock
from core.control.sockets import is_open
from core.files.identity import file_identity
from tests.support.homes import Home
from tests.support.waiting import DEADLINE, until_now


def serve(place: Home) -> subprocess.Popen[bytes]:
    engine = place.start("serve")
    assert engine.stdout
    assert engine.stdout.readline().startswith(b"serving ")
    return engine


def log(place: Home) -> str:
    return (place.path / "logs" / "engine.log").read_text()


def test_an_engine_comes_back_to_its_socket_its_lock_and_its_private_directory(place: Home) -> None:
    engine = serve(place)
    path, lock = place.path / "engine.sock", place.path / "engine.lock"

    path.unlink()
    until_now(lambda: is_open(path), "it listens again")
    assert place.run("exec", "--", "echo", "one").stdout == "one\n"

    # Another program's socket of that name.
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        theirs = file_identity(path)
        until_now(lambda: file_identity(path) not in (theirs, None), "the socket is its own again")
        until_now(lambda: is_open(path), "it listens again")

    # A file that is no socket may be anything: it is left alone, and said.
    path.unlink()
    path.write_text("mine")
    until_now(lambda: "is not a socket" in log(place), "the log says what is in the way")
    assert path.read_text() == "mine"
    refused = place.run("exec", "--", "true")
    assert refused.returncode == 4
    assert f"move the file {path} away" in refused.stderr
    path.unlink()
    until_now(lambda: is_open(path), "it listens again")

    lock.unlink()
    until_now(lambda: lock.exists() and place.owned, "the lock is there again")
    assert not EngineLock(lock).acquire()
    place.path.chmod(0o777)
    until_now(lambda: place.path.stat().st_mode & 0o777 == 0o755, "others cannot write there any more")
    assert place.engine == engine.pid
    assert place.run("exec", "--", "echo", "two").stdout == "two\n"
    assert place.rows("SELECT epoch FROM engine") == [(1,)]


def test_an_engine_whose_lock_another_one_took_ends_and_says_so(place: Home) -> None:
    engine = serve(place)
    lock = place.path / "engine.lock"
    made = place.path.parent / "made"
    with EngineLock(made) as other:
        assert other.acquire()
        # In one step: the engine never sees the name free.
        made.rename(lock)
        assert b"error[engine.fenced]" in engine.communicate(timeout=DEADLINE)[1]
    assert engine.returncode == 4


@pytest.mark.parametrize("what", ["taskdeck.db", ""], ids=["store", "directory"])
def test_an_engine_whose_store_is_gone_ends_instead_of_writing_where_nothing_is_kept(
    place: Home, tmp_path: Path, what: str
) -> None:
    engine = serve(place)
    (place.path / what).rename(tmp_path / "away")
    _, said = engine.communicate(timeout=DEADLINE)
    assert (engine.returncode, b"error[store.replaced]" in said) == (4, True), said
    away = tmp_path / "away"
    away.rename(place.path / what)
