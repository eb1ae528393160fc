"""The engine lock: one owner, freed by the kernel."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

import core
from core.app.lock import EngineLock, is_held
from core.model.errors import Unavailable
from tests.support.file_limits import file_limit
from tests.support.waiting import until_now


def test_one_of_two_gets_the_lock(tmp_path: Path) -> None:
    first, second = EngineLock(tmp_path / "lock"), EngineLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_lock_that_cannot_name_its_owner_is_not_taken_and_says_why(tmp_path: Path) -> None:
    with file_limit(0), pytest.raises(Unavailable) as refused:
        EngineLock(tmp_path / "lock").acquire()
    assert (refused.value.code, refused.value.hint) == ("lock.unusable", "raise `ulimit -f`")
    lock = EngineLock(tmp_path / "lock")
    assert lock.acquire()
    lock.release()


def test_a_held_lock_is_seen_without_being_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    lock = EngineLock(path)
    lock.acquire()
    assert is_held(path)
    lock.release()
    assert not is_held(path)


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from core.app.lock import EngineLock;"
        " lock = EngineLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        assert not EngineLock(path).acquire()
        owner.kill()
    lock = EngineLock(path)
    assert lock.acquire()
    lock.release()


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path / "lock")
    assert lock.acquire()
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.release()
        # The parent of a vfork goes on a moment before the kernel has closed what exec does not keep.
        until_now(lambda: EngineLock(tmp_path / "lock").acquire(), "the child lets go of what it inherited")
        child.kill()


def test_a_lock_that_cannot_be_opened_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable) as refused:
        EngineLock(tmp_path / "lock").acquire()
    assert refused.value.code == "lock.unusable"
    assert not (tmp_path / "elsewhere").exists()


async def test_what_a_dead_owner_left_behind_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    path.write_text(f"{_dead_pid()}\n")
    asyncio.get_running_loop().call_later(0.2, os.close, descriptor)
    async with core.open_engine(home=tmp_path, slots=1) as deck:
        assert (await deck.control.status()).slots == 1


async def test_a_living_owner_is_not_waited_for(tmp_path: Path) -> None:
    async with core.open_engine(home=tmp_path, slots=1):
        assert EngineLock(tmp_path / "engine.lock").owner_lives()
        with pytest.raises(Unavailable) as refused:
            async with core.open_engine(home=tmp_path):
                pass
        assert refused.value.code == "engine.running"


def _dead_pid() -> int:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    return process.pid
