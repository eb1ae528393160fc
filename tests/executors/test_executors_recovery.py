"""Tests of recovery: observations of attempts by a new engine."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import host
from core.executors.child import ChildExecutor
from core.executors.observations import Finished, Gone, Living, NotStarted, Orphaned, Overflowed, Vanished
from core.executors.output_cap import OutputCap
from core.executors.outputs import Outputs, Started, write_new
from core.executors.spawning import wrap
from core.model.errors import Bug
from core.model.plans import OnOverflow
from core.model.ports import AttemptRef, ProcessExit
from tests.executors.written import written

ENGINE = """
import asyncio, sys
from pathlib import Path
from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.model.ports import AttemptRef, ProcessCall

async def main(root, store, task, script):
    executor = ChildExecutor(Outputs(Path(root)), store=store)
    ref = AttemptRef(task_id=int(task), epoch=1)
    executor.start(ref, ProcessCall(argv=("/bin/sh", "-c", script), env={"PATH": "/usr/bin:/bin"}))
    print("started", flush=True)
    await executor.wait(ref)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def crashed_engine(outputs, ref, mark, checkout, until):
    """Return a starter of a script by an engine of its own, killed once `ready` is true."""

    async def start(script: str, ready) -> None:
        store = mark.partition("=")[2].split(":")[0]
        command = [sys.executable, "-c", ENGINE, str(outputs.root), store, str(ref.task_id), script]
        engine = _popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True)
        assert engine.stdout is not None
        assert await asyncio.to_thread(engine.stdout.readline) == "started\n"
        await until(ready)
        engine.kill()
        engine.wait()
        engine.stdout.close()

    return start


async def test_a_living_child_is_adopted_and_its_exit_status_recorded(
    executor, outputs, ref, crashed_engine, tmp_path, until
):
    os.mkfifo(tmp_path / "go")
    script = f"echo before; read line <{tmp_path}/go; echo after; exit 7"
    await crashed_engine(script, lambda: written(outputs, ref) == "before\n")
    found = await executor.probe(ref)
    assert isinstance(found, Living)
    assert executor.living == 1
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    end = await executor.wait(ref)
    assert isinstance(end, ProcessExit)
    assert (end.code, end.out.read_text()) == (7, "before\nafter\n")


@pytest.fixture
def outputs(tmp_path):
    (tmp_path / "home").mkdir()
    return Outputs(tmp_path / "home" / "output")


@pytest.fixture
def moved_home(outputs, store):
    """Return what moves the home, and gives an executor of the moved one."""
    executors = []

    def move() -> ChildExecutor:
        home = outputs.root.parent.rename(outputs.root.parents[1] / "moved")
        executors.append(ChildExecutor(Outputs(home / "output"), store=store))
        return executors[-1]

    yield move
    for one in executors:
        one.close()


WAITS = "echo $$; read line <{0}/go; echo after; exit 7"


async def test_a_home_that_is_moved_takes_the_end_of_what_runs_along(
    moved_home, outputs, ref, crashed_engine, tmp_path
):
    os.mkfifo(tmp_path / "go")
    await crashed_engine(WAITS.format(tmp_path), lambda: written(outputs, ref))
    executor = moved_home()
    assert isinstance(await executor.probe(ref), Living)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    end = await executor.wait(ref)
    assert isinstance(end, ProcessExit)
    assert (end.code, end.lost, end.out.read_text().splitlines()[1:]) == (7, False, ["after"])


async def test_what_ended_after_its_home_was_moved_is_found_there(
    moved_home, outputs, ref, crashed_engine, tmp_path, until
):
    os.mkfifo(tmp_path / "go")
    await crashed_engine(WAITS.format(tmp_path), lambda: written(outputs, ref))
    executor = moved_home()
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    await until(lambda: executor.outputs.read_status(ref) is not None)
    found = await executor.probe(ref)
    assert isinstance(found, Finished)
    assert (found.end.code, found.end.lost) == (7, False)


async def test_a_new_home_in_the_old_place_gets_nothing_of_what_runs(
    moved_home, outputs, ref, crashed_engine, tmp_path, until
):
    os.mkfifo(tmp_path / "go")
    await crashed_engine(WAITS.format(tmp_path), lambda: written(outputs, ref))
    executor = moved_home()
    directory = outputs.prepare(ref, {})
    write_new(directory / "pid", f"4194303 1 {host.boot_id()}\n".encode())
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    await until(lambda: executor.outputs.read_status(ref) is not None)
    assert {path.name for path in directory.iterdir()} == {"out", "pid", "ready"}
    assert not outputs.size(ref)


async def test_a_child_is_found_without_its_pid_file_wherever_its_home_went(
    moved_home, outputs, ref, crashed_engine, tmp_path
):
    os.mkfifo(tmp_path / "go")
    await crashed_engine(WAITS.format(tmp_path), lambda: written(outputs, ref))
    executor = moved_home()
    (executor.outputs.directory(ref) / "pid").unlink()
    assert isinstance(await executor.probe(ref), Living)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await executor.wait(ref)).code == 7


async def test_a_directory_that_its_command_replaced_has_its_end(outputs, ref, crashed_engine):
    directory = outputs.directory(ref)
    script = f"mv {directory} {directory}.old; mkdir {directory}; exit 3"
    await crashed_engine(script, lambda: outputs.read_status(ref) is not None)
    assert outputs.read_status(ref) == 3


@pytest.mark.parametrize(("script", "code"), [("echo out; exit 7", 7), ("echo out; kill -SEGV $$", 139)])
async def test_an_end_that_nobody_watched_is_found(executor, outputs, ref, crashed_engine, script, code):
    await crashed_engine(script, lambda: outputs.read_status(ref) is not None)
    found = await executor.probe(ref)
    assert isinstance(found, Finished)
    assert (found.end.code, found.end.out.read_text()) == (code, "out\n")
    assert executor.living == 0


async def test_a_dead_wrapper_leaves_an_orphan_that_is_watched_and_can_be_ended(
    executor, outputs, ref, crashed_engine, until
):
    await crashed_engine("echo $$; sleep 80; :", lambda: written(outputs, ref))
    child = int(written(outputs, ref))
    await _kill_wrapper(outputs, ref, until)
    found = await executor.probe(ref)
    assert isinstance(found, Orphaned)
    assert child in found.pids
    waiting = asyncio.create_task(executor.wait(ref))
    await executor.kill(ref)
    assert await waiting == Vanished(reason=found.reason)
    assert executor.living == 0


async def test_an_orphan_that_ends_by_itself_is_vanished(
    executor, outputs, ref, crashed_engine, tmp_path, until
):
    os.mkfifo(tmp_path / "go")
    await crashed_engine(f"echo $$; read line <{tmp_path}/go", lambda: written(outputs, ref))
    await _kill_wrapper(outputs, ref, until)
    assert isinstance(await executor.probe(ref), Orphaned)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert isinstance(await executor.wait(ref), Vanished)


async def test_a_grandchild_in_its_own_session_is_found_by_its_mark(
    executor, outputs, ref, crashed_engine, until
):
    script = "setsid sh -c 'echo $$; exec sleep 81' & wait"
    await crashed_engine(script, lambda: written(outputs, ref))
    grandchild = int(written(outputs, ref))
    wrapper = _started(outputs, ref).process
    _kill_in_order(host.family(wrapper, "NONE=1"))
    await until(lambda: not host.family(wrapper, "NONE=1"))
    found = await executor.probe(ref)
    assert isinstance(found, Orphaned)
    assert found.pids == (grandchild,)
    await executor.kill(ref)
    await until(lambda: host.find_process(grandchild) is None)
    assert isinstance(await executor.wait(ref), Vanished)


async def test_a_member_that_cleared_its_environment_is_found_by_its_session(
    executor, outputs, ref, crashed_engine, until, mark
):
    await crashed_engine(
        "env -i /bin/sh -c 'echo $$; exec /bin/sleep 82' & wait", lambda: written(outputs, ref)
    )
    cleared = int(written(outputs, ref))
    _kill_in_order(host.family(None, mark))
    await until(lambda: not host.family(None, mark))
    found = await executor.probe(ref)
    assert isinstance(found, Orphaned)
    assert found.pids == (cleared,)
    await executor.kill(ref)


async def test_nothing_left_is_gone(executor, outputs, ref, crashed_engine, until, mark):
    await crashed_engine("echo x; sleep 83", lambda: written(outputs, ref))
    host.kill_family(None, mark)
    await until(lambda: not host.family(None, mark))
    assert isinstance(await executor.probe(ref), Gone)
    assert executor.living == 0


async def test_who_never_started_is_called_back_for_good(executor, outputs, ref):
    outputs.prepare(ref, {})
    assert isinstance(await executor.probe(ref), NotStarted)
    assert outputs.read_pid(ref) == "revoked"
    assert isinstance(await executor.probe(ref), NotStarted)


async def test_a_directory_that_is_not_there_shows_nothing(executor, outputs, ref):
    assert isinstance(await executor.probe(ref), Gone)
    assert not outputs.root.exists()


async def test_a_start_before_the_machine_was_started_again_is_unknown(executor, outputs, ref, monkeypatch):
    outputs.prepare(ref, {})
    monkeypatch.setattr(host, "boot_id", lambda: "0" * 36)
    assert isinstance(await executor.probe(ref), Gone)


async def test_a_full_disk_does_not_hide_that_nothing_began(executor, outputs, ref, monkeypatch):
    outputs.prepare(ref, {})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("core.executors.outputs.write_new", full)
    assert isinstance(await executor.probe(ref), NotStarted)


def test_of_recovery_and_wrapper_exactly_one_wins(outputs, tmp_path):
    ran = tmp_path / "ran"
    winners = {"recovery": 0, "wrapper": 0}
    for number in range(300):
        one = AttemptRef(task_id=1, epoch=number + 1)
        directory = outputs.prepare(one, {})
        argv = wrap(("/bin/mkdir", str(ran)), directory=directory, umask=0o022)
        wrapper = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        # The moment moves through the start of the shell, 0.2 to 2 ms, so that both get to win.
        deadline = time.monotonic() + (number % 50) * 0.0001
        while time.monotonic() < deadline:
            pass
        revoked = outputs.revoke(one)
        wrapper.wait()
        assert ran.exists() != revoked
        assert (outputs.read_status(one) is None) == revoked
        winners["recovery" if revoked else "wrapper"] += 1
        if ran.exists():
            ran.rmdir()
    assert min(winners.values()) > 0, winners


def test_two_wrappers_of_one_attempt_run_the_command_once(outputs, tmp_path):
    ran = tmp_path / "ran"
    for number in range(50):
        one = AttemptRef(task_id=2, epoch=number + 1)
        command = ("/bin/sh", "-c", f"echo once >>{ran}")
        argv = wrap(command, directory=outputs.prepare(one, {}), umask=0o022)
        contenders = [subprocess.Popen(argv, stdin=subprocess.DEVNULL) for _ in range(2)]
        for contender in contenders:
            contender.wait()
        assert ran.read_text() == "once\n"
        ran.unlink()


async def test_a_second_call_back_changes_nothing(outputs, ref):
    assert outputs.revoke(ref) is False
    outputs.prepare(ref, {})
    assert outputs.revoke(ref) is True
    assert outputs.revoke(ref) is True
    assert {path.name for path in outputs.directory(ref).iterdir()} == {"pid", "out", "ready"}


async def test_a_reused_pid_is_neither_watched_nor_killed(executor, outputs, ref, until):
    bystander = _popen(["sleep", "84"], start_new_session=True)
    try:
        process = await until(lambda: host.find_process(bystander.pid))
        _write_pid(outputs, ref, f"{bystander.pid} {process.start - 1} {host.boot_id()}\n")
        assert isinstance(await executor.probe(ref), Gone)
        await executor.kill(ref)
        await executor.terminate(ref)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_a_hostile_pid_file_with_true_numbers_of_another_is_not_believed(executor, outputs, ref, until):
    bystander = _popen(["sleep", "85"], start_new_session=True)
    try:
        process = await until(lambda: host.find_process(bystander.pid))
        _write_pid(outputs, ref, f"{process.pid} {process.start} {host.boot_id()}\n")
        assert isinstance(await executor.probe(ref), Gone)
        await executor.kill(ref)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_an_attempt_of_an_earlier_boot_is_gone(executor, outputs, ref):
    _write_pid(outputs, ref, f"{os.getpid()} 1 00000000-0000-0000-0000-000000000000\n")
    assert isinstance(await executor.probe(ref), Gone)


@pytest.mark.parametrize(
    "text", ["", "12", "-1 5 x\n", "1 1\n", "99999999999999999999 1 " + "0" * 36 + "\n", "\0" * 9, "x" * 9999]
)
async def test_a_pid_file_that_says_nothing_is_gone_when_nobody_bears_the_mark(executor, outputs, ref, text):
    _write_pid(outputs, ref, text)
    assert outputs.read_pid(ref) == "unreadable"
    assert isinstance(await executor.probe(ref), Gone)


async def test_a_child_that_spoilt_its_pid_file_is_found_by_its_mark(
    executor, outputs, ref, crashed_engine, tmp_path, until
):
    os.mkfifo(tmp_path / "go")
    path = outputs.directory(ref) / "pid"
    script = f"echo 1 1 1 >{path}; echo done; read line <{tmp_path}/go; exit 4"
    await crashed_engine(script, lambda: written(outputs, ref))
    assert isinstance(await executor.probe(ref), Living)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await executor.wait(ref)).code == 4


@pytest.mark.parametrize(
    "text",
    [b"", b"exit", b"exit 7", b"exit 7\n\n", b"exit 07\n", b"exit -1\n", b"exit 256\n", b"exit 7\n" * 99],
)
async def test_a_status_that_is_not_one_complete_line_says_nothing(executor, outputs, ref, text):
    _write_pid(outputs, ref, f"4194303 1 {host.boot_id()}\n")
    write_new(outputs.directory(ref) / "status", text)
    assert isinstance(await executor.probe(ref), Gone)


async def test_a_status_that_is_a_link_or_a_pipe_says_nothing_and_blocks_nobody(
    executor, outputs, ref, tmp_path
):
    _write_pid(outputs, ref, f"4194303 1 {host.boot_id()}\n")
    (tmp_path / "elsewhere").write_bytes(b"exit 0\n")
    status = outputs.directory(ref) / "status"
    status.symlink_to(tmp_path / "elsewhere")
    assert isinstance(await executor.probe(ref), Gone)
    status.unlink()
    os.mkfifo(status)
    assert isinstance(await executor.probe(ref), Gone)


async def test_a_found_end_is_held_to_the_cap(outputs, ref, crashed_engine):
    await crashed_engine("head -c 5000 /dev/zero", lambda: outputs.read_status(ref) is not None)
    executor = ChildExecutor(outputs, store="x", cap=OutputCap(size=1000, policy=OnOverflow.FAIL))
    assert await executor.probe(ref) == Finished(end=Overflowed(size=5000, cap=1000))


async def test_to_probe_what_is_watched_is_a_bug(executor, outputs, ref, sh, until):
    executor.start(ref, sh("sleep 86"))
    # What has not begun yet does not carry the mark by which a fixture ends it.
    await until(lambda: isinstance(outputs.read_pid(ref), Started))
    with pytest.raises(Bug):
        await executor.probe(ref)


async def test_a_place_that_is_no_directory_shows_nothing(executor, outputs, ref):
    outputs.root.write_text("a file where a directory should be")
    assert isinstance(await executor.probe(ref), Gone)


async def _kill_wrapper(outputs, ref, until) -> None:
    wrapper = _started(outputs, ref).process
    os.kill(wrapper.pid, signal.SIGKILL)
    await until(lambda: host.find_process(wrapper.pid) is None)


def _started(outputs, ref) -> Started:
    found = outputs.read_pid(ref)
    assert isinstance(found, Started)
    return found


def _write_pid(outputs, ref, text: str) -> None:
    directory: Path = outputs.prepare(ref, {})
    (directory / "ready").write_bytes(b"")
    (directory / "pid").write_text(text)


def _popen(command: list[str], **how) -> subprocess.Popen:
    return subprocess.Popen(command, **how)


def _kill_in_order(family: frozenset[host.Process]) -> None:
    # The wrapper first: it would write down the end of the command as its status.
    for process in sorted(family, key=lambda one: (one.start, one.pid)):
        host.signal_process(process, signal.SIGKILL)
