"""Take a home over: exactly its owner is ended."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.app import lock, ownership
from core.app.lock import EngineLock, find_owner, is_held
from core.app.ownership import take_over
from core.host import find_process
from core.model.errors import Unavailable
from tests.support.homes import Home
from tests.support.waiting import DEADLINE, until_now

OWNER = """
import signal, sys
from pathlib import Path
from core.app.lock import EngineLock
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = EngineLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""
CHURN = """
import fcntl, sys
files = [open(f"{sys.argv[1]}/other-{sys.argv[2]}-{n}", "w") for n in range(60)]
while True:
    for how in (fcntl.LOCK_EX, fcntl.LOCK_UN):
        for file in files:
            fcntl.lockf(file, how)
"""
Own = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    """Start processes that own the lock."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", OWNER, str(tmp_path / "lock"), *words]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def test_the_owner_is_who_the_kernel_names(tmp_path: Path, own: Own) -> None:
    assert find_owner(tmp_path / "lock") is None
    owner = own()
    assert find_owner(tmp_path / "lock") == find_process(owner.pid)
    owner.kill()
    until_now(lambda: find_owner(tmp_path / "lock") is None, "nobody owns what a dead process held")


def test_a_lock_with_the_same_number_on_another_file_system_is_not_taken_for_it(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    own()
    monkeypatch.setattr("core.app.lock._is_locked", lambda process, descriptor, wanted: False)
    assert find_owner(tmp_path / "lock") is None


def test_who_has_the_file_open_is_not_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(f"{os.getpid()}\n")
    with path.open():
        assert find_owner(path) is None
        assert not is_held(path)


def test_an_owner_is_found_whatever_its_file_says(tmp_path: Path, own: Own) -> None:
    owner = own()
    (tmp_path / "lock").write_text("1\n")
    assert find_owner(tmp_path / "lock") == find_process(owner.pid)


def test_an_owner_is_found_among_many_locks_that_come_and_go(tmp_path: Path, own: Own) -> None:
    owner = own()
    others = [subprocess.Popen([sys.executable, "-c", CHURN, str(tmp_path), str(n)]) for n in range(2)]
    try:
        until_now(lambda: len(list(tmp_path.glob("other-*"))) == 120, "there are many locks")
        seen = [find_owner(tmp_path / "lock") for _ in range(1_000)]
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert set(seen) == {find_process(owner.pid)}


def test_an_owner_that_the_kernel_skips_in_its_list_is_found_by_its_name(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = own()
    monkeypatch.setattr(lock, "_listed", lambda _path: [])
    assert find_owner(tmp_path / "lock") == find_process(owner.pid)


async def test_a_free_home_is_just_locked(tmp_path: Path) -> None:
    told: list[str] = []
    lock = await take_over(tmp_path / "lock", patience=1, tell=told.append)
    assert told == []
    lock.release()


async def test_the_owner_is_ended_and_then_the_home_is_ours(tmp_path: Path, own: Own) -> None:
    owner, told = own(), list[str]()
    lock = await take_over(tmp_path / "lock", patience=DEADLINE, tell=told.append)
    assert owner.wait(DEADLINE) == -signal.SIGTERM
    assert find_owner(tmp_path / "lock") == find_process(os.getpid())
    assert [str(owner.pid) in words for words in told] == [True, True]
    lock.release()


async def test_an_owner_that_does_not_end_keeps_its_home(tmp_path: Path, own: Own) -> None:
    owner = own("deaf")
    with pytest.raises(Unavailable) as refused:
        await take_over(tmp_path / "lock", patience=0.1, tell=lambda _: None)
    assert refused.value.code == "engine.stays"
    assert owner.poll() is None


async def test_a_process_that_no_longer_owns_is_not_signalled(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = own("deaf")
    first = iter([find_process(stranger.pid)])
    monkeypatch.setattr(ownership, "find_owner", lambda _: next(first, None))
    sent: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda descriptor, number: sent.append(number))
    monkeypatch.setattr(ownership, "HANDOVER_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await take_over(tmp_path / "lock", patience=1, tell=lambda _: None)
    assert sent == []


async def test_of_two_contenders_one_wins_and_the_other_says_so(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "HANDOVER_SECONDS", 3_600)
    own()
    path = tmp_path / "lock"
    tries = [take_over(path, patience=DEADLINE, tell=lambda _: None) for _ in range(2)]
    async with asyncio.timeout(DEADLINE):
        ends = await asyncio.gather(*tries, return_exceptions=True)
    won = [end for end in ends if isinstance(end, EngineLock)]
    lost = [end for end in ends if isinstance(end, Unavailable)]
    assert (len(won), [error.code for error in lost]) == (1, ["engine.running"])
    assert f"process {os.getpid()}" in lost[0].message
    won[0].release()


async def test_what_a_dead_owner_left_behind_is_waited_for(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    monkeypatch.setattr(ownership, "find_owner", lambda _: None)
    asyncio.get_running_loop().call_later(0.1, os.close, descriptor)
    (await take_over(tmp_path / "lock", patience=DEADLINE, tell=lambda _: None)).release()


def test_an_engine_is_replaced_and_the_next_one_takes_its_children_up(place: Home, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = place.start("serve")
    before = place.has_engine()
    place.run("exec", "--detach", "--", "sh", "-c", f"until test -e {gate}; do sleep 0.05; done")
    place.waits_for("SELECT status FROM attempt", ("running",))
    second = place.start("serve", "--take-over")
    assert first.wait(DEADLINE) == 0
    assert place.has_engine() == second.pid
    gate.touch()
    place.waits_for("SELECT epoch, status FROM attempt", (1, "succeeded"))
    done = place.run("stop")
    assert done.stdout == f"the engine (process {second.pid}) has stopped\n"
    assert second.communicate()[1].decode().splitlines() == [
        f"asking the engine that runs (process {before}) to end",
        f"it has ended (process {before})",
    ]
