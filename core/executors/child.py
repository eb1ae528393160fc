"""Run calls as supervised child processes that outlive the engine."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import host
from core.executors.ends import (
    End,
    Finished,
    Found,
    Gone,
    Living,
    NotStarted,
    Orphaned,
    Overflowed,
    Survivor,
    Vanished,
)
from core.executors.outputs import OUT, PidFile, Started
from core.executors.punching import OutputCap, OverCap, drop_middle
from core.executors.spawning import reap, spawn
from core.executors.watching import Watch
from core.executors.wrapper import wrap
from core.model.crash import crash_point
from core.model.errors import Bug, HandoffFailed, Unavailable
from core.model.ports import ProcessExit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.executors.outputs import Outputs
    from core.model.ports import AttemptRef, ProcessCall
    from core.model.values import JsonValue

MARK = "TASKDECK_ATTEMPT"
"""Variable that every process of an attempt carries: `<store>:<task>:<epoch>`."""
_NO_STATUS = "its wrapper ended without a status"


@dataclass(slots=True, kw_only=True)
class _Child:
    """One attempt that is watched; `own` is the pid to reap, None for an adopted one."""

    leader: host.Process | None
    own: int | None = None
    watch: Watch = field(default_factory=Watch)
    overflowed: bool = False
    orphaned: bool = False


class ChildExecutor:
    """Start, watch, adopt and end the children of one store; used on one loop."""

    def __init__(self, outputs: Outputs, *, store: str, cap: OutputCap | None = None) -> None:
        self.outputs = outputs
        self._store = store
        self._cap = cap or OutputCap()
        self._umask = host.current_umask()
        self._children: dict[AttemptRef, _Child] = {}

    @property
    def living(self) -> int:
        """Return how many attempts are watched: running, or orphaned and still alive."""
        return len(self._children)

    def start(self, ref: AttemptRef, call: ProcessCall) -> None:
        """Start a call; from here on `wait` tells its end.

        `argv[0]` is an absolute path. Raises `HandoffFailed` when the machine lacks something now
        (disk, descriptors, processes) and `Invalid` for what no repetition mends; either way the
        command has not run.
        """
        directory = self._prepare(ref, call.files)
        crash_point("child.prepared")
        argv = wrap(call.argv, directory=directory, umask=self._umask)
        env = {**call.env, MARK: self._value(ref)}
        pid = spawn(argv, cwd=call.cwd or "/", env=env)
        child = _Child(leader=host.find_process(pid), own=pid)
        self._children[ref] = child
        if child.leader is None:
            return
        try:
            child.watch.add((child.leader,))
        except OSError as error:
            # Without a descriptor nobody would hear of its end: call it back, or else end it.
            if not self._revoked(ref):
                host.kill_family(child.leader, self._mark(ref))
            del self._children[ref]
            raise HandoffFailed("process.watch", f"the process cannot be watched: {error}") from error

    async def wait(self, ref: AttemptRef) -> End:
        """Return how an attempt ended, own and adopted ones alike; a cancelled wait may be repeated.

        A dead wrapper without status gives `Vanished`: with the pids of its family if any live; a
        second wait then returns when they have ended as well.
        """
        child = self._children.get(ref)
        if child is None:
            raise Bug("process.unknown", "this attempt is not watched", facts=_facts(ref))
        while True:
            await child.watch.wait()
            end = self._end(ref, child)
            if end is None:
                survivors = await asyncio.to_thread(host.family, child.leader, self._mark(ref))
                pids = child.watch.add(survivors)
                if pids and child.orphaned:
                    continue
                if pids:
                    child.orphaned = True
                    return Vanished(reason=_NO_STATUS, pids=pids)
                # Looked at again: whoever lived a moment ago may have been the wrapper writing it.
                end = self._end(ref, child)
            self._children.pop(ref, None)
            return end or Vanished(reason=_NO_STATUS)

    async def terminate(self, ref: AttemptRef) -> None:
        """Ask the whole family of an attempt to end (SIGTERM); one that has ended is fine."""
        if self._revoked(ref):
            return
        leader = self._leader(ref)
        for process in await asyncio.to_thread(host.family, leader, self._mark(ref)):
            host.signal_process(process, signal.SIGTERM)

    async def kill(self, ref: AttemptRef) -> None:
        """End the whole family of an attempt (SIGKILL), members that left its session included.

        Also finds what an attempt left behind after its end; one without survivors is fine.
        """
        self._revoked(ref)
        await asyncio.to_thread(host.kill_family, self._leader(ref), self._mark(ref))

    async def survivors(self, ref: AttemptRef) -> tuple[Survivor, ...]:
        """Return who lives of an attempt, by pid, members that left its session included."""
        return await asyncio.to_thread(_described, self._leader(ref), self._mark(ref))

    async def probe(self, ref: AttemptRef) -> Found:
        """Say what became of an attempt that a former engine started; for recovery.

        The command of an attempt without `pid` is called back first. After `Living` and `Orphaned`
        the attempt is watched. Raises `Unavailable` if the directory cannot be written.
        """
        if ref in self._children:
            raise Bug("process.watched", "this attempt is watched already", facts=_facts(ref))
        code = self.outputs.read_status(ref)
        if code is not None:
            return Finished(end=self._exit(ref, code))
        try:
            revoked = self.outputs.revoke(ref)
        except OSError as error:
            raise Unavailable("output.unwritable", f"cannot write an attempt: {error}") from error
        pid_file = self.outputs.read_pid(ref)
        if revoked or pid_file == "revoked":
            return NotStarted(reason="its start was called back")
        if isinstance(pid_file, Started) and pid_file.boot != host.boot_id():
            return self._finished(ref) or Gone(reason="the machine was started again")
        return await self._adopt(ref, pid_file)

    async def trim(self) -> None:
        """Hold the output of what runs below its cap; called every few seconds while `living`."""
        for ref, child in list(self._children.items()):
            if self.outputs.size(ref) <= self._cap.size or child.overflowed:
                continue
            if not self._trimmed(ref):
                child.overflowed = True
                await self.kill(ref)

    def close(self) -> None:
        """Stop watching; children go on, and waits never return."""
        for child in self._children.values():
            child.watch.close()
        self._children.clear()

    def _prepare(self, ref: AttemptRef, files: Mapping[str, bytes]) -> Path:
        try:
            return self.outputs.prepare(ref, files)
        except FileExistsError as error:
            # Left by another store in the same place: its files must not be taken for ours.
            raise HandoffFailed("output.taken", f"{error.filename} exists already") from error
        except OSError as error:
            raise HandoffFailed("output.unwritable", f"cannot write the attempt: {error.strerror}") from error

    async def _adopt(self, ref: AttemptRef, pid_file: PidFile) -> Found:
        known = self._believed(ref, pid_file)
        living = self._watch_leader(ref, known) if known is not None else None
        if living is not None:
            return living
        finished = self._finished(ref)
        if finished is not None:
            return finished
        survivors = await asyncio.to_thread(host.family, known, self._mark(ref))
        oldest = _oldest_leader(survivors) if known is None else None
        living = self._watch_leader(ref, oldest) if oldest is not None else None
        if living is not None:
            return living
        child = _Child(leader=known, orphaned=True)
        pids = child.watch.add(survivors)
        if not pids:
            return self._finished(ref) or Gone(reason=_NO_STATUS)
        self._children[ref] = child
        return Orphaned(reason=_NO_STATUS, pids=pids)

    def _watch_leader(self, ref: AttemptRef, leader: host.Process) -> Living | None:
        child = _Child(leader=leader)
        if not child.watch.add((leader,)):
            return None
        self._children[ref] = child
        return Living(pid=leader.pid)

    def _end(self, ref: AttemptRef, child: _Child) -> ProcessExit | Overflowed | NotStarted | None:
        reaped = None
        if child.own is not None:
            reaped = reap(child.own)
            child.own = None if reaped is not None else child.own
        if child.overflowed:
            return Overflowed(size=self.outputs.size(ref), cap=self._cap.size)
        code = self.outputs.read_status(ref)
        if code is not None:
            return self._exit(ref, code)
        if reaped is None or reaped < 0:
            return None
        pid_file = self.outputs.read_pid(ref)
        if isinstance(pid_file, Started):
            # The disk was too full for `status`, but the wrapper also ends with it.
            return self._exit(ref, reaped)
        return NotStarted(reason="its start was called back")

    def _finished(self, ref: AttemptRef) -> Finished | None:
        code = self.outputs.read_status(ref)
        return None if code is None else Finished(end=self._exit(ref, code))

    def _exit(self, ref: AttemptRef, code: int) -> ProcessExit | Overflowed:
        size = self.outputs.size(ref)
        capped = size > self._cap.size
        if capped and not self._trimmed(ref):
            return Overflowed(size=size, cap=self._cap.size)
        return ProcessExit(code=code, out=self.outputs.directory(ref) / OUT, size=size, capped=capped)

    def _trimmed(self, ref: AttemptRef) -> bool:
        """Return whether the output was brought below its cap; False = the task has to fail."""
        if self._cap.policy is OverCap.FAIL:
            return False
        try:
            return drop_middle(self.outputs.directory(ref) / OUT, self._cap.size)
        except OSError:
            return False

    def _revoked(self, ref: AttemptRef) -> bool:
        """Call a command back that has not begun; False if it has, or if the disk refuses."""
        if not self.outputs.directory(ref).is_dir():
            return False
        with suppress(OSError):
            return self.outputs.revoke(ref)
        return False

    def _leader(self, ref: AttemptRef) -> host.Process | None:
        child = self._children.get(ref)
        if child is not None:
            return child.leader
        return self._believed(ref, self.outputs.read_pid(ref))

    def _believed(self, ref: AttemptRef, pid_file: PidFile) -> host.Process | None:
        """Return the wrapper that `pid` names, dead or alive, unless the process shows it to be a lie."""
        if not isinstance(pid_file, Started) or pid_file.boot != host.boot_id():
            return None
        process = pid_file.process
        # A hostile command may have written the numbers of another process, which lacks the mark.
        if host.find_process(process.pid) == process and not host.carries_mark(process, self._mark(ref)):
            return None
        return process

    def _value(self, ref: AttemptRef) -> str:
        return f"{self._store}:{ref.task_id}:{ref.epoch}"

    def _mark(self, ref: AttemptRef) -> str:
        return f"{MARK}={self._value(ref)}"


def _described(leader: host.Process | None, mark: str) -> tuple[Survivor, ...]:
    family = sorted(host.family(leader, mark), key=lambda process: process.pid)
    commands = [(process.pid, host.command_line(process)) for process in family]
    return tuple(Survivor(pid=pid, command=command) for pid, command in commands if command is not None)


def _oldest_leader(family: frozenset[host.Process]) -> host.Process | None:
    """Return the wrapper of a family whose `pid` says nothing: who began first, if it leads a session."""
    oldest = min(family, key=lambda process: (process.start, process.pid), default=None)
    return oldest if oldest is not None and oldest.session == oldest.pid else None


def _facts(ref: AttemptRef) -> dict[str, JsonValue]:
    return {"task": ref.task_id, "epoch": ref.epoch}
