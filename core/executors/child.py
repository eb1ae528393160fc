"""ChildExecutor: calls as supervised child processes that outlive the engine.

Used by the engine's runner, recovery and janitor.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import host
from core.executors.collector_process import CollectorProcess
from core.executors.exits import Exits
from core.executors.family import MARK, Family, mark_value, wrapper_among
from core.executors.observations import (
    Finished,
    Gone,
    LeftProcess,
    Living,
    NotStarted,
    Orphaned,
    Probed,
    ProcessEnd,
    Survivor,
    Vanished,
)
from core.executors.output_cap import OutputCap
from core.executors.outputs import OUT, PidFile, Started
from core.executors.spawning import reap, spawn, wrap
from core.executors.watch import Watch
from core.model.crash_points import crash_point
from core.model.errors import Bug, HandoffFailed, MachineShort
from core.model.ports import AttemptRef
from core.model.shortages import shortage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core.executors.outputs import Outputs
    from core.model.ports import ProcessCall
    from core.model.values import JsonValue

_NO_STATUS = "its wrapper ended without a status"
_REVOKED = "its start was called back"
_NOT_BEGUN = "its wrapper ended before the command began"
BLIND_SECONDS = 1.0
"""Pause before a process is looked for again where the machine is short of descriptors or memory."""
_DISK = "check free room and permissions of the data directory"


@dataclass(slots=True, kw_only=True)
class _Child:
    """One attempt that is watched."""

    family: Family
    unreaped: int | None = None
    """The pid of the wrapper until it is reaped; None for an adopted one."""
    reaped: int | None = None
    """The exit status of an own wrapper that has ended, minus n for signal n."""
    watch: Watch = field(default_factory=Watch)
    overflowed: bool = False
    orphaned: bool = False

    def reap(self) -> int | None:
        """Return the exit status of an own wrapper, once it has ended."""
        if self.unreaped is not None:
            self.reaped = reap(self.unreaped)
            if self.reaped is not None:
                self.unreaped = None
        return self.reaped


class ChildExecutor:
    """Start, watch, adopt and end the children of one store; used on one loop."""

    def __init__(self, outputs: Outputs, *, store: str, cap: OutputCap | None = None) -> None:
        self.outputs = outputs
        self._store = store
        self._exits = Exits(outputs, cap or OutputCap())
        self.collector = CollectorProcess()
        self._umask = host.current_umask()
        self._children: dict[AttemptRef, _Child] = {}
        self._sessions: dict[AttemptRef, host.Process] = {}
        """The wrappers of attempts that have ended, until they are forgotten."""

    def change_cap(self, cap: OutputCap) -> None:
        """Keep so much of the output of attempts that name nothing else, also of those that run."""
        self._exits.default = cap

    @property
    def living(self) -> int:
        """Return how many attempts are watched: running, or orphaned and still alive."""
        return len(self._children)

    def is_collector_lost(self) -> bool:
        """Return whether commands run, and the process that collects their output is gone."""
        return bool(self.living) and self.collector.pid > 0 and host.find_process(self.collector.pid) is None

    def start(self, ref: AttemptRef, call: ProcessCall) -> None:
        """Start a call; from here on `wait` returns its end.

        `argv[0]` is an absolute path. Raises `MachineShort` when the machine lacks something now (disk,
        descriptors, processes), `HandoffFailed` for another directory in its place, and `Invalid` for what
        no repetition fixes; either way no process was started.
        """
        streams, cap = (OUT, call.stderr) if call.stderr else (OUT,), self._exits.chosen(call)
        directory = self._prepare(ref, call, streams=streams, cap=cap)
        crash_point("child.prepared")
        argv = wrap(call.argv, directory=directory, umask=self._umask if call.umask is None else call.umask)
        env = {**call.env, MARK: mark_value(self._store, ref)}
        stdio = self.collector.collect(directory, streams, cap=cap.size, masks=call.masks)
        child = _Child(family=self._family(ref, None))
        try:
            child.unreaped = spawn(argv, cwd=call.cwd or "/", env=env, stdio=stdio, stdin=call.stdin)
        except MemoryError:
            # It may have begun all the same: then `wait` finds it.
            if self._revoked(ref):
                raise
        finally:
            stdio.close()
        self._children[ref] = child
        # It has started, also where it cannot be watched yet: `wait` tries again.
        with suppress(OSError, MemoryError):
            self._watch_wrapper(ref, child)

    async def wait(self, ref: AttemptRef) -> ProcessEnd:
        """Return how an attempt ended, own and adopted ones alike; a cancelled wait may be repeated.

        A dead wrapper without status gives `Vanished`: with the pids of its family if any live; a
        second wait then returns when they have ended as well.
        """
        child = self._children.get(ref)
        if child is None:
            raise Bug("process.unknown", "this attempt is not watched", facts=_facts(ref))
        while (end := await self._next_end(ref, child)) is None:
            continue
        if isinstance(end, Vanished) and end.pids:
            return end
        self._children.pop(ref, None)
        self.outputs.forget(ref)
        if child.family.leader is not None:
            self._sessions[ref] = child.family.leader
        return end

    async def _next_end(self, ref: AttemptRef, child: _Child) -> ProcessEnd | None:
        """Wait for what is watched of an attempt; return its end, None where more of it lives."""
        await child.watch.wait()
        try:
            return await self._end_seen(ref, child)
        except (MemoryError, OSError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and shortage(error) is None:
                raise
            # Too short of descriptors or memory to see anything: what is not seen has not ended.
            await asyncio.sleep(BLIND_SECONDS)
            return None

    async def _end_seen(self, ref: AttemptRef, child: _Child) -> ProcessEnd | None:
        end = self._end_of(ref, child)
        if end is not None or self._watch_wrapper(ref, child):
            return end
        pids = child.watch.add(await child.family.members())
        if pids and child.orphaned:
            return None
        if pids:
            child.orphaned = True
            return self._vanished(ref, child, pids)
        # Read again: the process that lived a moment ago may have been the wrapper writing it.
        return self._end_of(ref, child) or self._not_begun(ref, child) or self._vanished(ref, child)

    async def terminate(self, ref: AttemptRef) -> None:
        """Ask the whole family of an attempt to end (SIGTERM); one that has ended is fine."""
        if not self._revoked(ref):
            await self._family_of(ref).terminate()

    async def kill(self, ref: AttemptRef) -> None:
        """End the whole family of an attempt (SIGKILL), members that left its session included.

        Also finds what an attempt left behind after its end; one without survivors is fine.
        """
        self._revoked(ref)
        await self._family_of(ref).kill()

    async def survivors(self, ref: AttemptRef) -> tuple[Survivor, ...]:
        """Return the living processes of an attempt, by pid, members that left its session included."""
        return await self._family_of(ref).survivors()

    async def leftovers(self) -> dict[AttemptRef, tuple[LeftProcess, ...]]:
        """Return the living processes of attempts of this store that are not watched, by attempt."""
        return await asyncio.to_thread(self._left, dict(self._sessions), frozenset(self._children))

    def end(self, left: Sequence[LeftProcess]) -> None:
        """End these processes (SIGKILL)."""
        for one in left:
            with suppress(OSError):
                host.signal_process(one.process, signal.SIGKILL)

    def forget(self, ref: AttemptRef) -> None:
        """Forget the session of an attempt that has ended: what is found of it later is only listed."""
        self._sessions.pop(ref, None)

    async def probe(self, ref: AttemptRef) -> Probed:
        """Return what became of an attempt that a former engine started; for recovery.

        A command that has not begun, as its directory shows, is called back first; a directory that is
        gone shows nothing. After `Living` and `Orphaned` the attempt is watched.
        """
        if ref in self._children:
            raise Bug("process.watched", "this attempt is watched already", facts=_facts(ref))
        # Before `status`: what lives has not ended, whatever it wrote there itself.
        leader = self._verified(ref, self.outputs.read_pid(ref))
        living = self._watch_leader(ref, leader) if leader is not None else None
        if living is not None:
            return living
        finished = self._finished(ref)
        if finished is not None:
            return finished
        if await self._called_back(ref):
            return NotStarted(reason=_REVOKED)
        pid_file = self.outputs.read_pid(ref)
        if isinstance(pid_file, Started) and pid_file.boot != host.boot_id():
            return Gone(reason="the machine was started again")
        return await self._adopt(ref, pid_file)

    async def trim(self) -> None:
        """Hold the output of what runs below its cap; called every few seconds while `living`."""
        for ref, child in list(self._children.items()):
            # Once more while it is there: a kill may fail.
            if child.overflowed or not self._exits.within_cap(ref):
                child.overflowed = True
                await self.kill(ref)

    def close(self) -> None:
        """Stop watching; children go on, and waits never return."""
        for child in self._children.values():
            child.watch.close()
        self._children.clear()
        self.collector.close()
        self.outputs.process.close()

    def _prepare(self, ref: AttemptRef, call: ProcessCall, *, streams: Sequence[str], cap: OutputCap) -> Path:
        own = None if cap == self._exits.default else cap
        try:
            return self.outputs.prepare(ref, call.files, streams=streams, cap=own)
        except OSError as error:
            raise self._unprepared(ref, error) from error

    def _unprepared(self, ref: AttemptRef, error: OSError) -> HandoffFailed | MachineShort:
        short = shortage(error)
        if short is not None:
            return short
        if not str(error.filename).startswith(f"{self.outputs.root}{os.sep}"):
            # Nothing below `output` can be made: that stops every task, not this one alone.
            message = f"{error.filename} cannot be written: {error.strerror}"
            return MachineShort("output.unwritable", message, hint=_DISK, facts={"file": str(error.filename)})
        if isinstance(error, FileExistsError):
            # Left by another store in the same place: its files must not be taken for ours.
            message = f"{error.filename} exists already"
            return HandoffFailed(
                "output.taken", message, hint="move output/ of another store away", facts=_facts(ref)
            )
        return HandoffFailed(
            "output.unwritable", f"cannot write the attempt: {error.strerror}", hint=_DISK, facts=_facts(ref)
        )

    async def _adopt(self, ref: AttemptRef, pid_file: PidFile) -> Probed:
        leader = self._verified(ref, pid_file)
        family = self._family(ref, leader)
        members = await family.members()
        # Not the process that `pid` names: the command may have written another there.
        wrapper = wrapper_among(members, self.outputs.directory(ref))
        living = self._watch_leader(ref, wrapper) if wrapper is not None else None
        if living is not None:
            return living
        child = _Child(family=family, orphaned=True)
        pids = child.watch.add(members)
        if not pids:
            return self._finished(ref) or Gone(reason=_NO_STATUS)
        self._children[ref] = child
        return Orphaned(reason=_NO_STATUS, pids=pids)

    def _left(
        self, sessions: Mapping[AttemptRef, host.Process], watched: frozenset[AttemptRef]
    ) -> dict[AttemptRef, tuple[LeftProcess, ...]]:
        prefix = f"{MARK}={self._store}:"
        marked = host.marked(prefix)
        by_session = {leader.pid: ref for ref, leader in sessions.items()}
        # A process with the pid of a wrapper and another start: the number was given away.
        for process, _ in marked:
            if process.pid in by_session and sessions[by_session[process.pid]] != process:
                del by_session[process.pid]
        found: dict[AttemptRef, list[LeftProcess]] = {}
        for process, mark in marked:
            own = by_session.get(process.session)
            ref = _ref_of(mark.removeprefix(prefix)) if mark else own
            command = host.command_line(process) if ref is not None and ref not in watched else None
            if ref is not None and command is not None:
                left = LeftProcess(process=process, command=command, in_session=own == ref)
                found.setdefault(ref, []).append(left)
        return {ref: tuple(left) for ref, left in found.items()}

    def _watch_wrapper(self, ref: AttemptRef, child: _Child) -> bool:
        """Watch an own wrapper that has not been reaped; False if it has ended. Raises `OSError`."""
        if child.unreaped is None and child.family.leader is None and not child.orphaned:
            # It began although memory was short, and its pid is told by its directory alone.
            begun = self._verified(ref, self.outputs.read_pid(ref))
            child.unreaped = None if begun is None else begun.pid
        # One that has ended is known too: what it left is found by its session.
        leader = None if child.unreaped is None else host.find_child(child.unreaped)
        if leader is None:
            return False
        child.family = self._family(ref, leader)
        return bool(child.watch.add((leader,)))

    def _watch_leader(self, ref: AttemptRef, leader: host.Process) -> Living | None:
        child = _Child(family=self._family(ref, leader))
        if not child.watch.add((leader,)):
            return None
        self._children[ref] = child
        return Living(pid=leader.pid)

    def _end_of(self, ref: AttemptRef, child: _Child) -> ProcessEnd | None:
        reaped = child.reap()
        if child.overflowed:
            return self._exits.overflow(ref)
        if reaped is None:
            return self._exits.recorded(ref)
        if reaped < 0:
            return None
        # What the kernel says of the wrapper counts, whatever the command did to the files.
        return self._not_begun(ref, child) or self._exits.with_code(ref, reaped)

    def _not_begun(self, ref: AttemptRef, child: _Child) -> NotStarted | None:
        """Return why the command of an own wrapper that has ended never ran, if nothing of it lives."""
        if child.reaped is None or not self.outputs.is_ready(ref):
            return None
        if self.outputs.read_pid(ref) == "revoked":
            return NotStarted(reason=_REVOKED)
        # One that a signal ended may have been ended by what its task brings along.
        return NotStarted(reason=_NOT_BEGUN, short=child.reaped >= 0)

    def _vanished(self, ref: AttemptRef, child: _Child, pids: tuple[int, ...] = ()) -> Vanished:
        if child.reaped is None:
            return Vanished(reason=_NO_STATUS, pids=pids)
        number = -child.reaped
        reason = f"its wrapper was ended by {_signal_name(number)}"
        return Vanished(reason=reason, pids=pids, exit=self._exits.with_code(ref, 128 + number))

    def _finished(self, ref: AttemptRef) -> Finished | None:
        end = self._exits.recorded(ref)
        return None if end is None else Finished(end=end)

    def _revoked(self, ref: AttemptRef) -> bool:
        """Call a command back that has not begun; False if it has, or if the disk refuses."""
        with suppress(OSError):
            return self.outputs.revoke(ref)
        return False

    async def _called_back(self, ref: AttemptRef) -> bool:
        """Call the command of a former engine back, also where the disk takes no file."""
        with suppress(OSError):
            if not self.outputs.revoke(ref):
                return False
        if not self.outputs.is_ready(ref):
            return False
        # What has not begun may be past its look at `pid`: without a process it never will.
        await self._family(ref, None).kill()
        return self.outputs.is_ready(ref)

    def _family_of(self, ref: AttemptRef) -> Family:
        child = self._children.get(ref)
        if child is not None:
            return child.family
        return self._family(ref, self._verified(ref, self.outputs.read_pid(ref)))

    def _family(self, ref: AttemptRef, leader: host.Process | None) -> Family:
        return Family(leader=leader, mark=f"{MARK}={mark_value(self._store, ref)}")

    def _verified(self, ref: AttemptRef, pid_file: PidFile) -> host.Process | None:
        """Return the wrapper that `pid` names, dead or alive, unless the process shows it to be false."""
        if not isinstance(pid_file, Started) or pid_file.boot != host.boot_id():
            return None
        process = pid_file.process
        mark = self._family(ref, process).mark
        # A hostile command may have written the numbers of another process, which lacks the mark.
        if host.find_process(process.pid) == process and not host.carries_mark(process, mark):
            return None
        return process


def _facts(ref: AttemptRef) -> dict[str, JsonValue]:
    return {"task": ref.task_id, "epoch": ref.epoch}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _ref_of(text: str) -> AttemptRef | None:
    task, _, epoch = text.partition(":")
    return AttemptRef(task_id=int(task), epoch=int(epoch)) if task.isdecimal() and epoch.isdecimal() else None
