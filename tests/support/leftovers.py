"""Processes that a test started and did not end."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from core import host

MARK = "SUITE_TEST"
"""Variable that says which test a process belongs to."""
_PATIENCE = 30.0
"""Seconds for processes that are about to end by themselves."""
_MARKED = re.compile(rb"(?:^|\0)%s=(\d+)\." % MARK.encode())
"""The mark of a process; the number is that of the process that runs its test."""
_MOST = 1 << 17
_FEW = 300
"""Ids that are tried in less time than all processes of a machine are listed."""
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """How the processes of one test are known: by its mark, or by a folder of its own."""

    mark: str
    folder: Path | None
    newest: int
    """The newest process of the machine before."""


def mark_next(name: str) -> str:
    """Let the children to come carry a mark of their own; return it."""
    os.environ[MARK] = f"{os.getpid()}.{next(_numbers)} {name}"
    return os.environ[MARK]


def newest_process() -> int:
    """Return the process id that was given last."""
    return int(os.pread(_load(), 100, 0).split()[-1])


@cache
def _load() -> int:
    """Return what tells it; opened once, because every test asks twice."""
    return os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)


def left_by(traces: Traces) -> list[host.Process]:
    """Return the processes that still run although their test is over."""
    now = newest_process()
    if now == traces.newest:
        return []
    # Process ids start again at the top; otherwise nothing older can belong to this test.
    oldest = traces.newest if now > traces.newest else 0
    return [process for process in _processes_after(oldest) if _belongs(process, traces)]


def expect_none(traces: Traces) -> None:
    """Fail the test whose processes still run, and end them."""
    deadline = time.monotonic() + _PATIENCE
    while (left := left_by(traces)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left:
        story = "; ".join(f"{process.pid}: {host.command_line(process)}" for process in left)
        kill(left)
        pytest.fail(f"left running: {story}")


def living_on(folder: Path) -> list[host.Process]:
    """Return the processes that name a folder, stand in it or write into it."""
    return [process for process in _processes_after(0) if _touches(process, folder)]


def kill(left: Iterable[host.Process]) -> None:
    """End processes at once, but none that only has the number of one of them."""
    for process in left:
        if host.find_process(process.pid) == process:
            os.kill(process.pid, signal.SIGKILL)


def _processes_after(oldest: int) -> Iterator[host.Process]:
    """Yield the younger processes, but none of another process that runs tests: that one looks for it."""
    own, above = os.getpid(), _above()
    for pid in _ids_after(oldest):
        if pid == own or pid in above:
            continue
        environ = _told(pid, "environ")
        # Without both it is the system's, or has ended.
        if not environ and not _told(pid, "cmdline"):
            continue
        marked = _MARKED.search(environ)
        if marked is None or int(marked[1]) == own:
            process = host.find_process(pid)
            if process is not None:
                yield process


def _ids_after(oldest: int) -> Iterator[int]:
    """Yield the ids of younger processes; where few were given, they are tried instead of read from a list.

    Most of them were given to threads, and each test asks.
    """
    newest = newest_process()
    while 0 < oldest < newest <= oldest + _FEW:
        yield from (pid for pid in range(oldest + 1, newest + 1) if _is_process(pid))
        # One of them may have started another meanwhile.
        oldest, newest = newest, newest_process()
    if oldest != newest:
        listed = (int(one.name) for one in os.scandir("/proc") if one.name.isdigit())
        yield from (pid for pid in listed if pid > oldest)


def _is_process(pid: int) -> bool:
    try:
        os.close(os.pidfd_open(pid))
    except OSError:
        # There is none, or it is a thread.
        return False
    return True


@cache
def _above() -> frozenset[int]:
    """Return the processes that started this one: what they were given may name its folder of tests."""
    found, pid = set[int](), os.getppid()
    while pid and pid not in found:
        found.add(pid)
        status = _told(pid, "stat").rpartition(b")")[2].split()
        pid = int(status[1]) if status else 0
    return frozenset(found)


def _belongs(process: host.Process, traces: Traces) -> bool:
    if host.carries_mark(process, f"{MARK}={traces.mark}"):
        return True
    return traces.folder is not None and _touches(process, traces.folder)


def _touches(process: host.Process, folder: Path) -> bool:
    # `home` is not `home2`.
    name = re.compile(re.escape(os.fsencode(folder)) + rb"(?![\w.-])")
    if any(name.search(_told(process.pid, text)) for text in ("cmdline", "environ")):
        return True
    with suppress(OSError):
        links = (Path(f"/proc/{process.pid}/{link}").readlink() for link in ("cwd", "fd/1", "fd/2"))
        return any(name.search(os.fsencode(link)) for link in links)
    return False


def _told(pid: int, name: str) -> bytes:
    """Return what the kernel tells of a process; nothing of one that has ended or hides it."""
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _MOST)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
