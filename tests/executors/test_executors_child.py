"""Children started, watched and ended by the engine that started them."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
import signal
import stat
import sys
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from core import host
from core.executors import child
from core.executors.child import ChildExecutor
from core.executors.family import Family
from core.executors.observations import NotStarted, Overflowed, Vanished
from core.executors.output_cap import OutputCap
from core.executors.outputs import Outputs, Started
from core.model.errors import Bug, HandoffFailed, Invalid, MachineShort
from core.model.plans import OnOverflow
from core.model.ports import AttemptRef, ProcessCall, ProcessExit
from core.model.records import replace
from tests.executors.written import written
from tests.support.waiting import DEADLINE


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)],
)
async def test_the_exit_status_is_what_a_shell_says(executor, outputs, ref, sh, script, code):
    executor.start(ref, sh(script))
    end = await executor.wait(ref)
    assert isinstance(end, ProcessExit)
    assert end.code == code
    assert (outputs.directory(ref) / "status").read_bytes() == f"exit {code}\n".encode()
    assert executor.living == 0


async def test_output_and_errors_are_complete_and_in_order(executor, outputs, ref, sh):
    executor.start(ref, sh("i=0; while [ $i -lt 2000 ]; do echo $i; echo e$i >&2; i=$((i+1)); done"))
    end = await executor.wait(ref)
    expected = "".join(f"{i}\ne{i}\n" for i in range(2000))
    assert end.out.read_text() == expected
    assert end.size == len(expected)
    assert (end.dropped, end.lost) == (0, False)


async def test_a_signal_leaves_no_word_of_the_wrapper_in_the_output(executor, outputs, ref, sh):
    executor.start(ref, sh("echo mine; kill -SEGV $$"))
    end = await executor.wait(ref)
    assert end.out.read_bytes() == b"mine\n"


async def test_arguments_arrive_as_they_are(executor, ref):
    hostile = ["", " ", "-n", "$(id)", "`id`", ";", "a\nb", "*", "'", '"', "\\", "é\udcff", "|", "--"]
    program = "import sys, os; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    executor.start(ref, ProcessCall(argv=(_python(), "-c", program, *hostile)))
    end = await executor.wait(ref)
    assert end.out.read_bytes().split(b"\0") == [os.fsencode(value) for value in hostile]


async def test_the_environment_is_exactly_the_given_one_and_the_mark(executor, ref, mark, monkeypatch):
    monkeypatch.setenv("CANARY_OF_THE_ENGINE", "leaked")
    program = "import os; print(repr(sorted(os.environb.items())))"
    given = {"A": "1", "code": "kept", "start": "kept", "WITH_LINES": "a\nb=c"}
    executor.start(ref, ProcessCall(argv=(_python(), "-c", program), env=given))
    end = await executor.wait(ref)
    seen = dict(eval(end.out.read_text()))
    allowed = {b"PWD", b"LC_CTYPE", b"_", b"SHLVL", b"OLDPWD"}
    found = {key: value for key, value in seen.items() if key not in allowed}
    name, _, value = mark.partition("=")
    assert found == {os.fsencode(k): os.fsencode(v) for k, v in {**given, name: value}.items()}


async def test_a_child_has_its_own_session_no_input_and_no_descriptor_of_the_engine(executor, ref, tmp_path):
    with (tmp_path / "engine.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        program = (
            "import os, sys; print(os.getsid(0), os.readlink('/proc/self/fd/0'));"
            "print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')"
            " if os.path.exists(f'/proc/self/fd/{n}')])"
        )
        executor.start(ref, ProcessCall(argv=(_python(), "-c", program)))
        end = await executor.wait(ref)
    first, second = end.out.read_text().splitlines()
    session, stdin = first.split()
    assert int(session) != os.getsid(0)
    assert stdin == "/dev/null"
    assert "engine.lock" not in second


@pytest.mark.parametrize("mask", [0o000, 0o077])
async def test_everything_is_private_whatever_the_umask_and_the_child_keeps_its_own(
    outputs, ref, sh, tmp_path, mask
):
    before = os.umask(mask)
    try:
        executor = ChildExecutor(outputs, store="umask")
        call = sh(f"umask; : > {tmp_path}/made")
        executor.start(ref, ProcessCall(argv=call.argv, env=call.env, files={"script": b"x"}))
        end = await executor.wait(ref)
    finally:
        os.umask(before)
    assert int(end.out.read_text(), 8) == mask
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o666 & ~mask
    for path in [outputs.root, *outputs.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    # A machine that is busy may take so long that times are kept.
    names = {path.name for path in outputs.directory(ref).iterdir() if path.suffix != ".times"}
    assert names == {
        "pid",
        "out",
        "ready",
        "status",
        "script",
    }


async def test_the_pid_file_names_the_wrapper_its_start_and_the_boot(executor, outputs, ref, sh, until):
    executor.start(ref, sh("sleep 60"))
    started = await until(lambda: _started(outputs, ref))
    assert started.boot == host.boot_id()
    assert host.find_process(started.process.pid) == started.process


async def test_terminate_reaches_the_whole_tree_and_the_wrapper_records_the_end(
    executor, outputs, ref, sh, until, mark
):
    executor.start(ref, sh("sleep 61 & (sleep 62; :) & sleep 63"))
    await until(lambda: len(host.family(None, mark)) >= 5)
    await executor.terminate(ref)
    end = await executor.wait(ref)
    assert end.code == 143
    await until(lambda: not host.family(None, mark))


async def test_who_handles_the_polite_signal_decides_the_exit_status(executor, outputs, ref, sh, until):
    executor.start(ref, sh("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"))
    await until(lambda: written(outputs, ref) == "ready\n")
    await executor.terminate(ref)
    assert (await executor.wait(ref)).code == 5


async def test_kill_ends_who_ignores_signals_and_who_left_the_session(
    executor, outputs, ref, sh, until, mark
):
    executor.start(
        ref, sh("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo away; sleep 64; :' & sleep 65; :")
    )
    await until(lambda: written(outputs, ref) == "away\n")
    sessions = {process.session for process in host.family(None, mark)}
    assert len(sessions) == 2
    await executor.kill(ref)
    # Its wrapper was left to tell.
    assert (await executor.wait(ref)).code == 137
    await until(lambda: not host.family(None, mark))


async def test_a_wrapper_that_cannot_tell_is_killed_as_well(executor, outputs, ref, sh, until, mark):
    executor.start(ref, sh("echo ready; sleep 66; :"))
    await until(lambda: written(outputs, ref) == "ready\n")
    os.kill(_started(outputs, ref).process.pid, signal.SIGSTOP)
    await executor.kill(ref)
    assert isinstance(await executor.wait(ref), Vanished)
    await until(lambda: not host.family(None, mark))


async def test_kill_finds_members_that_cleared_their_environment(executor, outputs, ref, sh, until):
    executor.start(ref, sh("env -i /bin/sh -c 'echo $$; exec /bin/sleep 66' & wait"))
    pid = int(await until(lambda: written(outputs, ref)))
    await executor.kill(ref)
    await executor.wait(ref)
    await until(lambda: host.find_process(pid) is None)


async def test_kill_ends_what_an_ended_attempt_left_behind(executor, outputs, ref, sh, until, mark):
    executor.start(ref, sh("sleep 67 >/dev/null 2>&1 & exit 0"))
    assert (await executor.wait(ref)).code == 0
    assert host.family(None, mark)
    await executor.kill(ref)
    await until(lambda: not host.family(None, mark))


async def test_a_stop_before_the_start_calls_the_command_back(executor, outputs, ref, sh, tmp_path):
    # The wrapper cannot run while this test holds the loop, or it was faster: both ends are right.
    executor.start(ref, sh(f"touch {tmp_path}/ran; sleep 68"))
    await executor.terminate(ref)
    async with asyncio.timeout(DEADLINE):
        await executor.kill(ref)
        end = await executor.wait(ref)
    assert isinstance(end, NotStarted | Vanished | ProcessExit)
    if isinstance(end, NotStarted):
        assert not (tmp_path / "ran").exists()


async def test_the_wrapper_leaves_without_a_word_when_pid_exists(
    executor, outputs, ref, sh, tmp_path, monkeypatch
):
    prepare = Outputs.prepare

    def revoked(self: Outputs, *args: object, **how: object) -> Path:
        made = prepare(self, *args, **how)
        assert self.revoke(ref)
        return made

    monkeypatch.setattr(Outputs, "prepare", revoked)
    executor.start(ref, sh(f"touch {tmp_path}/ran"))
    assert isinstance(await executor.wait(ref), NotStarted)
    assert not (tmp_path / "ran").exists()
    assert outputs.read_status(ref) is None


async def test_a_killed_wrapper_is_vanished_first_with_its_living_family_then_without(
    executor, outputs, ref, sh, until
):
    executor.start(ref, sh("echo $$; sleep 69; :"))
    child = int(await until(lambda: written(outputs, ref)))
    os.kill(_started(outputs, ref).process.pid, signal.SIGKILL)
    first = await executor.wait(ref)
    assert isinstance(first, Vanished)
    assert first.reason == "its wrapper was ended by SIGKILL"
    assert first.exit.code == 137
    assert child in first.pids
    assert executor.living == 1
    await executor.kill(ref)
    assert await executor.wait(ref) == replace(first, pids=())
    assert executor.living == 0


async def test_what_cannot_be_watched_for_want_of_descriptors_is_watched_later(
    executor, ref, sh, tmp_path, until, monkeypatch
):
    tries = []

    def short(process: host.Process) -> int | None:
        tries.append(process)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, "too many open files")
        return open_pidfd(process)

    open_pidfd = host.open_pidfd
    monkeypatch.setattr(host, "open_pidfd", short)
    monkeypatch.setattr(child, "BLIND_SECONDS", 0)
    os.mkfifo(tmp_path / "go")
    executor.start(ref, sh(f"echo x >>{tmp_path}/ran; read line <{tmp_path}/go; exit 9"))
    waiting = asyncio.create_task(executor.wait(ref))
    await until(lambda: len(tries) == 3)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await waiting).code == 9
    assert (tmp_path / "ran").read_text() == "x\n"


async def test_a_cancelled_wait_loses_nothing(executor, outputs, ref, sh, tmp_path):
    os.mkfifo(tmp_path / "go")
    executor.start(ref, sh(f"read line <{tmp_path}/go; exit 9"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await executor.wait(ref)
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await executor.wait(ref)).code == 9


async def test_many_at_once_leave_no_descriptor_and_no_unreaped_child(executor, outputs, sh):
    # The socket to the collector stays open.
    executor.start(AttemptRef(task_id=9_999, epoch=1), sh(":"))
    await executor.wait(AttemptRef(task_id=9_999, epoch=1))
    _reap_others()
    before = _descriptors()
    refs = [AttemptRef(task_id=10_000 + n, epoch=1) for n in range(60)]
    for number, one in enumerate(refs):
        executor.start(one, sh(f"exit {number}"))
    ends = await asyncio.gather(*map(executor.wait, refs))
    assert [end.code for end in ends] == list(range(60))
    assert _descriptors() <= before
    assert _reap_others() == 0


async def test_a_directory_of_another_store_is_not_taken_over(executor, outputs, ref, sh):
    outputs.prepare(ref, {})
    (outputs.directory(ref) / "status").write_bytes(b"exit 0\n")
    with pytest.raises(HandoffFailed) as refusal:
        executor.start(ref, sh("exit 3"))
    assert refusal.value.code == "output.taken"
    assert executor.living == 0


async def test_what_no_repetition_fixes_is_invalid_and_never_runs(executor, outputs, ref, sh, tmp_path):
    missing = ProcessCall(argv=("/bin/true",), cwd=str(tmp_path / "missing"))
    with pytest.raises(Invalid) as refusal:
        executor.start(ref, missing)
    assert refusal.value.code == "process.cwd"
    shutil.rmtree(outputs.directory(ref))
    with pytest.raises(Invalid) as refusal:
        executor.start(ref, ProcessCall(argv=("/bin/true", "x" * 200_000)))
    assert refusal.value.code == "process.too_big"
    shutil.rmtree(outputs.directory(ref))
    with pytest.raises(Invalid) as refusal:
        executor.start(ref, ProcessCall(argv=("/bin/true", "a\0b")))
    assert refusal.value.code == "process.text"


async def test_a_machine_without_descriptors_bounces(executor, ref, sh, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Below every free number: whatever is closed meanwhile, nothing more can be opened.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(MachineShort):
            executor.start(ref, sh("exit 0"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert executor.living == 0


async def test_to_wait_for_an_unknown_attempt_is_a_bug(executor, ref):
    with pytest.raises(Bug):
        await executor.wait(ref)


async def test_huge_output_keeps_head_and_tail_while_it_runs(outputs, ref, sh, until):
    executor = ChildExecutor(outputs, store="cap", cap=OutputCap(size=200_000))
    executor.start(
        ref, sh("echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last; sleep 70; :")
    )
    await until(lambda: written(outputs, ref).endswith("last\n"))
    await executor.trim()
    outputs.use.begin_walk(())
    outputs.use.walk()
    outputs.use.end_walk()
    assert outputs.use.total < 300_000
    assert outputs.read(ref, offset=0).data.startswith(b"first\nxxx")
    assert written(outputs, ref).endswith("xxx\nlast\n")
    await executor.kill(ref)
    await executor.wait(ref)


async def test_output_over_the_cap_is_trimmed_at_the_end_as_well(outputs, ref, sh):
    executor = ChildExecutor(outputs, store="cap", cap=OutputCap(size=200_000))
    executor.start(ref, sh("head -c 3000000 /dev/zero | tr '\\0' x"))
    end = await executor.wait(ref)
    assert (end.code, end.size) == (0, 3_000_000)
    assert 200_000 <= end.size - end.dropped <= 200_000 + 2 * 4_096
    assert end.out.stat().st_blocks * 512 < 300_000


async def test_a_cap_that_fails_ends_the_running_task(outputs, ref, sh, until):
    executor = ChildExecutor(outputs, store="cap", cap=OutputCap(size=1000, policy=OnOverflow.FAIL))
    executor.start(ref, sh("head -c 5000 /dev/zero; sleep 71; :"))
    await until(lambda: outputs.size(ref) == 5000)
    await executor.trim()
    assert await executor.wait(ref) == Overflowed(size=5000, cap=1000)


async def test_a_cap_that_fails_also_fails_who_ended_by_itself(outputs, ref, sh):
    executor = ChildExecutor(outputs, store="cap", cap=OutputCap(size=1000, policy=OnOverflow.FAIL))
    executor.start(ref, sh("head -c 5000 /dev/zero"))
    assert await executor.wait(ref) == Overflowed(size=5000, cap=1000)


def _started(outputs, ref) -> Started | None:
    found = outputs.read_pid(ref)
    return found if isinstance(found, Started) else None


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _reap_others() -> int:
    reaped = 0
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return reaped
        if not pid:
            return reaped
        reaped += 1


def _python() -> str:
    return str(Path(sys.executable).absolute())


async def test_a_kill_over_the_cap_that_fails_is_tried_again(outputs, ref, sh, until, monkeypatch):
    executor = ChildExecutor(outputs, store="cap", cap=OutputCap(size=1000, policy=OnOverflow.FAIL))
    executor.start(ref, sh("head -c 5000 /dev/zero; sleep 73; :"))
    await until(lambda: outputs.size(ref) == 5000)
    kill = AsyncMock(side_effect=[OSError("Too many open files"), None])
    with monkeypatch.context() as patched:
        patched.setattr(Family, "kill", kill)
        with pytest.raises(OSError):
            await executor.trim()
        await executor.trim()
        assert kill.await_count == 2
    await executor.kill(ref)
    assert await executor.wait(ref) == Overflowed(size=5000, cap=1000)


async def test_a_family_for_which_no_thread_can_look_has_not_ended(
    executor, outputs, ref, sh, until, monkeypatch
):
    look, errors = Family.members, [RuntimeError("can't start new thread"), MemoryError()]

    async def members(self: Family) -> frozenset[host.Process]:
        if errors:
            raise errors.pop()
        return await look(self)

    monkeypatch.setattr(child, "BLIND_SECONDS", 0)
    monkeypatch.setattr(Family, "members", members)
    executor.start(ref, sh("sleep 64"))
    await until(lambda: isinstance(outputs.read_pid(ref), Started))
    await until(lambda: not outputs.is_ready(ref))
    os.kill(outputs.read_pid(ref).process.pid, 9)
    end = await executor.wait(ref)
    assert isinstance(end, Vanished)
    assert end.pids
    assert not errors
    await executor.kill(ref)
