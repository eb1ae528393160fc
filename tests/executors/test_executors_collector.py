"""Output goes whole through its pipe into its file."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import host
from core.executors import output_collector
from core.executors.child import ChildExecutor
from core.executors.output_cap import OutputCap
from core.executors.output_collector import KEPT, MOST, Collector, Stream
from core.executors.outputs import LOST, OUT, Started
from core.model.ports import AttemptRef, ProcessCall, ProcessExit
from tests.executors.written import written
from tests.support import waiting


@pytest.mark.parametrize(
    "again",
    [
        "echo second >/dev/stderr",
        "echo second | tee /dev/stderr >/dev/null",
        "echo second >/dev/stdout",
        "echo second >/dev/fd/2",
        "echo second >/proc/self/fd/1",
    ],
)
async def test_what_was_written_stays_whatever_the_task_opens(executor, outputs, ref, sh, again):
    executor.start(ref, sh(f"echo first; {again}; echo third"))
    await executor.wait(ref)
    assert written(outputs, ref) == "first\nsecond\nthird\n"


@pytest.mark.parametrize(
    "loss",
    [
        "rm {0}/out",
        "rm -r {0}",
        "rm -r {1}",
        "mv {0}/out {0}/mine; echo other >{0}/out",
        "ln -sf /etc/hostname {0}/out",
        "rm {0}/out; mkdir {0}/out",
        "rm {0}/out; mkfifo {0}/out",
    ],
)
async def test_an_output_that_its_command_removes_or_replaces_is_marked(executor, outputs, ref, sh, loss):
    executor.start(ref, sh(f"echo first; {loss.format(outputs.directory(ref), outputs.root)}; echo second"))
    end = await executor.wait(ref)
    assert (end.code, end.lost) == (0, True)
    # Its home is not made again, what is missing is.
    assert outputs.is_lossy(ref)


async def test_nothing_is_lost_of_a_command_that_wrote_nothing(executor, outputs, ref, sh):
    executor.start(ref, sh(f"rm -r {outputs.directory(ref)}"))
    assert not (await executor.wait(ref)).lost
    assert not outputs.directory(ref).exists()


async def test_a_command_has_its_three_descriptors_and_no_other(executor, ref):
    program = "import os; print([n for n in range(64) if os.path.exists(f'/dev/fd/{n}')])"
    executor.start(ref, ProcessCall(argv=(sys.executable, "-I", "-S", "-c", program)))
    end = await executor.wait(ref)
    assert end.out.read_text() == "[0, 1, 2]\n"


async def test_a_leftover_that_holds_the_pipe_delays_no_end_and_loses_no_byte(
    executor, outputs, ref, sh, mark
):
    executor.start(ref, sh("sleep 64 & head -c 300000 /dev/zero; echo end"))
    async with asyncio.timeout(waiting.DEADLINE):
        end = await executor.wait(ref)
    assert (end.code, end.size) == (0, 300_004)
    assert not (outputs.directory(ref) / LOST).exists()
    assert len(host.family(None, mark)) == 1


async def test_a_leftover_that_never_stops_writing_ends_at_the_cap(outputs, ref, sh, mark, until):
    executor = ChildExecutor(outputs, store=mark.partition("=")[2].split(":")[0], cap=OutputCap(size=100_000))
    try:
        executor.start(ref, sh("yes & echo $!"))
        assert isinstance(await executor.wait(ref), ProcessExit)
        await until((outputs.directory(ref) / LOST).exists)
        size = outputs.size(ref)
        # The pipe is still emptied: a writer that waited for ever would be another fault.
        (process,) = host.family(None, mark)
        before = _written_by(process)
        await until(lambda: _written_by(process) > before + 1_000_000)
        assert outputs.size(ref) == size
    finally:
        host.kill_family(None, mark)
        executor.close()


async def test_a_collector_that_was_killed_is_replaced_and_the_loss_is_marked(
    executor, outputs, ref, sh, until, tmp_path
):
    executor.start(ref, sh(f"echo one; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done"))
    await until(lambda: written(outputs, ref) == "one\n")
    os.kill(executor.collector.pid, 9)
    await until(lambda: host.find_process(executor.collector.pid) is None)
    (tmp_path / "go").touch()
    assert (await executor.wait(ref)).code == 0
    assert (outputs.directory(ref) / LOST).exists()
    second = AttemptRef(task_id=ref.task_id, epoch=2)
    executor.start(second, sh("echo two"))
    assert (await executor.wait(second)).out.read_text() == "two\n"
    assert not (outputs.directory(second) / LOST).exists()


async def test_a_signal_that_comes_while_output_is_awaited_costs_none_of_it(
    executor, outputs, ref, sh, mark, until, tmp_path
):
    executor.start(ref, sh(f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo late"))
    await until(lambda: isinstance(outputs.read_pid(ref), Started))
    os.kill(executor.collector.pid, signal.SIGSTOP)
    try:
        (tmp_path / "go").touch()
        wrapper = outputs.read_pid(ref).process
        await until(lambda: host.family(None, mark) == {wrapper} and _sleeps(wrapper))
        os.kill(wrapper.pid, signal.SIGTERM)
        await until(lambda: not _has_pending(wrapper))
    finally:
        os.kill(executor.collector.pid, signal.SIGCONT)
    end = await executor.wait(ref)
    assert (end.code, end.lost, end.out.read_text()) == (0, False, "late\n")


@dataclass(slots=True, kw_only=True)
class Attended:
    """One attempt of a collector in a thread of this process."""

    collector: Collector
    sink: int
    asking: socket.socket
    control: socket.socket
    directory: Path

    @property
    def stream(self) -> Stream:
        return next(iter({*self.collector.streams.values(), *self.collector.full}))


@pytest.fixture
def attend(tmp_path: Path) -> Iterator[object]:
    """Return a starter of an attempt that writes to the file of a path."""
    threads: list[tuple[threading.Thread, Attended]] = []

    def start(path: Path | str, flags: int) -> Attended:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asking, answering = socket.socketpair()
        source, sink = os.pipe()
        file = os.open(path, flags)
        collector = Collector(theirs)
        one = Attended(collector=collector, sink=sink, asking=asking, control=control, directory=tmp_path)
        socket.send_fds(control, [b"1000000 " + os.fsencode(tmp_path)], [answering.fileno(), source, file])
        for descriptor in (source, file):
            os.close(descriptor)
        answering.close()
        # A daemon: a failed test must not wait for it.
        thread = threading.Thread(target=collector.run, daemon=True)
        thread.start()
        threads.append((thread, one))
        return one

    yield start
    for thread, one in threads:
        with suppress(OSError):
            os.close(one.sink)
        one.asking.close()
        one.control.close()
        thread.join(waiting.DEADLINE)
        assert not thread.is_alive()


async def test_a_full_disk_delays_output_and_end_and_loses_nothing(attend, tmp_path, until):
    one = attend("/dev/full", os.O_WRONLY)
    data = os.urandom(KEPT // 2)
    # A pipe that is not read would take 64 KiB of it.
    await asyncio.to_thread(_write_all, one.sink, data)
    one.asking.send(b"\n")
    os.close(one.sink)
    await until(lambda: bool(one.collector.full) and one.stream.ended and one.stream.attempt.asked)
    one.asking.setblocking(False)
    with pytest.raises(BlockingIOError):
        one.asking.recv(1)
    room = os.open(tmp_path / OUT, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(room, one.stream.file)
    os.close(room)
    await until(lambda: not one.collector.attempts)
    assert one.asking.recv(1) == b"\n"
    assert (tmp_path / OUT).read_bytes() == data
    assert not (tmp_path / LOST).exists()


async def test_a_file_that_takes_nothing_costs_the_output_and_not_the_task(attend, tmp_path, until):
    one = attend("/dev/null", os.O_RDONLY)
    await asyncio.to_thread(_write_all, one.sink, bytes(300_000))
    one.asking.send(b"\n")
    assert await asyncio.to_thread(one.asking.recv, 1) == b"\n"
    assert (tmp_path / LOST).exists()


def test_attempts_wait_while_the_collector_is_short_of_descriptors():
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    collector = Collector(theirs)
    collector.limit = MOST
    collector.hear()
    assert not collector.hearing
    collector.limit = MOST + 1
    collector.hear()
    assert collector.hearing
    control.close()
    collector.run()


def test_a_collector_loads_nothing_that_takes_as_long_as_its_interpreter():
    program = "import sys; sys.path.append(sys.argv[1]); import output_collector; print(*sys.modules)"
    folder = str(Path(output_collector.__file__).parent)
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, folder], stdout=subprocess.PIPE, check=True, text=True
    )
    slow = {"collections", "contextlib", "enum", "functools", "pathlib", "re", "signal", "socket", "typing"}
    assert "output_collector" in said.stdout.split()
    assert not slow.intersection(said.stdout.split())


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _written_by(process: host.Process) -> int:
    lines = Path(f"/proc/{process.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def _sleeps(process: host.Process) -> bool:
    return _status(process)["State"].startswith("S")


def _has_pending(process: host.Process) -> bool:
    status = _status(process)
    return bool(int(status["SigPnd"], 16) | int(status["ShdPnd"], 16))


def _status(process: host.Process) -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
