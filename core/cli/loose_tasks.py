"""Loose tasks of a command: wait for them, call them off, conclude.

Used by `exec` and `map`.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.app.signals import Interrupted
from core.cli.arguments import Common
from core.cli.claim_watch import ClaimWatch
from core.cli.group_counts import GroupCounts
from core.cli.output import emit, note, say, status
from core.cli.output_sinks import open_sink
from core.cli.progress import Meter
from core.cli.refusals import Left
from core.cli.summary import (
    EXHAUSTED,
    INCOMPLETE,
    cause_text,
    counts_text,
    cut_among,
    error_text,
    exit_status,
    failed_tasks,
    is_exhausted,
    is_whole,
    note_cut,
    say_failed,
)
from core.cli.task_output import OutputFollower
from core.cli.waiting import Interrupts, explaining_lost_engine, wait_with
from core.control.api import ControlAPI, Force, Target
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.text import safe_line
from core.model.views import TaskView
from core.render.times import duration_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The tasks of a command, one for each that was asked for, and those of them that it created.

    The others stood already under the key of their `once`; the command follows them and does not end them.
    """

    ids: tuple[int, ...]
    created: tuple[int, ...]

    @property
    def duplicates(self) -> int:
        """How many were not created."""
        return len(self.ids) - len(self.created)


class LooseTasks(Protocol):
    """What a command has submitted: one task, or a group."""

    title: str
    """What it is called in remarks."""
    way_back: tuple[str, ...]
    """The command that waits for it."""

    async def tick(self) -> bool:
        """Show how it goes on; True = much is going on."""

    def clear(self) -> None:
        """Remove what is shown for the moment only."""

    def target(self) -> Target:
        """Return what it is to the control."""

    async def conclude(self, ended: Mapping[str, int]) -> int:
        """Say how it ended; return the exit status."""


class OneTask:
    """The task of `exec`: its output is written as it comes, unless JSON is wanted."""

    def __init__(
        self, deck: ControlAPI, admitted: Admitted, *, arguments: Common, claims: ClaimWatch
    ) -> None:
        (task_id,) = admitted.ids
        self._duplicates = admitted.duplicates
        self.title = f"task {task_id}"
        self.way_back: tuple[str, ...] = ("wait", "--task", str(task_id))
        self._deck, self._id, self._arguments = deck, task_id, arguments
        self._meter = Meter(self.title, quiet=True, claims=claims)
        self._output = None if arguments.json else OutputFollower(deck, task_id, new_sink=open_sink)

    async def tick(self) -> bool:
        """Write what is new, or tell that the engine cannot work."""
        await self._meter.warn(self._deck)
        return self._output is not None and await self._output.step()

    def clear(self) -> None:
        """Do nothing: output stays."""

    def target(self) -> Target:
        """Return the task."""
        return Target(task_ids=(self._id,))

    async def conclude(self, ended: Mapping[str, int]) -> int:
        """Write the rest of the output, or all as JSON, and why it did not succeed."""
        if self._output is not None:
            await self._output.finish()
        detail = await self._deck.task(self._id)
        whole = is_whole(detail.output) if self._output is None else self._output.is_whole
        if self._arguments.json:
            emit(
                {
                    "task": self._id,
                    "status": detail.task.status,
                    "attempts": detail.task.attempts,
                    "output": detail.output,
                    "error": detail.task.error,
                    "partial": detail.task.partial,
                    "duplicates": self._duplicates,
                }
            )
        elif detail.task.status != "succeeded":
            note(f"{self.title} ", status(detail.task.status), f": {_why(detail.task)}")
            note(f"  run it again: {self._arguments.command('retry', '--task', str(self._id))}")
        elif detail.task.partial:
            note(f"{self.title} ", status("succeeded"), f", {safe_line(str(detail.task.status_reason))}")
        if is_exhausted(detail.task):
            return EXHAUSTED
        return exit_status(ended) or (0 if whole else INCOMPLETE)


def _why(task: TaskView) -> str:
    """Return why a task has not succeeded; who ended it and why, where no error did."""
    if task.error is None and (task.status_by or task.status_reason):
        return cause_text(task.status_by, task.status_reason)
    return error_text(task.error)


class Group:
    """The tasks of `map`, with their progress."""

    def __init__(
        self, deck: ControlAPI, admitted: Admitted, *, name: str, arguments: Common, claims: ClaimWatch
    ) -> None:
        self.title = f"group {name}"
        self.way_back: tuple[str, ...] = ("wait", f"group:{name}")
        self._deck, self._arguments = deck, arguments
        self._where = In(field="group", values=(name,))
        self._name = name
        self._meter = Meter(name, quiet=arguments.json, claims=claims)
        self._duplicates = admitted.duplicates
        self._ids = admitted.created or admitted.ids
        self._counts = GroupCounts(deck, self._ids)

    async def tick(self) -> bool:
        """Show the counts."""
        await self._meter.warn(self._deck)
        if not self._meter.silent:
            self._meter.show(await self._counts.update())
        return False

    def clear(self) -> None:
        """Remove the progress."""
        self._meter.clear()

    def target(self) -> Target:
        """Return all of the group."""
        return Target(filter=Filter(noun=Noun.TASKS, terms=(self._where,)))

    async def conclude(self, ended: Mapping[str, int]) -> int:
        """Write the counts, the first that failed, and whose output is not whole."""
        cut = await cut_among(self._deck, self._ids)
        if self._arguments.json:
            emit(
                {
                    "group": self._name,
                    "tasks": dict(ended),
                    "duration_ms": self._meter.elapsed_ms,
                    "duplicates": self._duplicates,
                    "cut": list(cut),
                }
            )
            note_cut(cut, arguments=self._arguments)
            return exit_status(ended)
        say(f"{self._name}: {counts_text(ended)} in {duration_text(self._meter.elapsed_ms)}")
        if ended.get("failed"):
            failed = await failed_tasks(self._deck, self._where)
            say_failed(failed, arguments=self._arguments, where=f"group:{self._name}")
        note_cut(cut, arguments=self._arguments)
        return exit_status(ended)


class Following:
    """Waits for what was submitted; a signal calls it off, a second one kills it, a third one leaves it."""

    def __init__(
        self, deck: ControlAPI, tasks: LooseTasks, *, admitted: Admitted, arguments: Common, actor: str
    ) -> None:
        self._deck, self._tasks, self._ids, self._arguments = (
            deck,
            tasks,
            tuple(dict.fromkeys(admitted.ids)),
            arguments,
        )
        self._created = admitted.created
        self._actor = actor

    async def to_the_end(self, received: Interrupts) -> int:
        """Return the exit status; raise `Left` when it was called off, and has ended, or is left."""
        try:
            return await self._tasks.conclude(await self._wait(received))
        except Interrupted as interrupted:
            why = interrupted
        except BrokenPipeError:
            # As a program ends whose reader has gone.
            await self._call_off(signal.SIGPIPE, Force.ASK)
            raise
        if why.number is signal.SIGHUP:
            # The terminal is gone, and the work is not for it alone.
            raise self._left("the engine continues") from None
        if not self._created:
            raise self._left("another command submitted it, and the engine continues it") from None
        # Those that stood already are not called off, and may go on for long.
        self._ids = self._created
        note(f"cancelling {self._tasks.title}; once more kills it")
        raise await self._until_called_off(why.number, received) from None

    async def _until_called_off(self, number: signal.Signals, received: Interrupts) -> Left:
        force = Force.ASK
        while True:
            await self._call_off(number, force)
            try:
                ended = await self._wait(received)
            except Interrupted as again:
                if force is Force.KILL:
                    return self._left("it is being killed")
                number, force = again.number, Force.KILL
                note(f"killing {self._tasks.title}")
                continue
            await self._tasks.conclude(ended)
            return Left(f"interrupted ({number.name}): {self._tasks.title} was called off", hint="")

    async def _wait(self, received: Interrupts) -> Mapping[str, int]:
        try:
            with explaining_lost_engine(self._tasks.title, *self._tasks.way_back, arguments=self._arguments):
                return await wait_with(self._deck.wait_tasks(self._ids), self._tasks.tick, received)
        finally:
            self._tasks.clear()

    async def _call_off(self, number: signal.Signals, force: Force) -> None:
        if not self._created:
            return
        reason = f"the command was interrupted ({number.name})"
        await self._deck.cancel(self._tasks.target(), reason=reason, force=force, actor=self._actor)

    def _left(self, what: str) -> Left:
        way_back = self._arguments.command(*self._tasks.way_back)
        return Left(f"left {self._tasks.title}; {what}", hint=f"wait for it: {way_back}")
