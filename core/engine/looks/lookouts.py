"""Lookouts: what the engine looks out for, as the store says.

Owned by the engine; heard by both loops of looks. Between two looks nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from core.engine.attempts.attempt import Tools
from core.engine.attempts.resolved_input import InputResolver
from core.engine.background import BackgroundTasks
from core.engine.looks.file_looks import FileLooks
from core.engine.looks.poll_looks import PollLooks
from core.engine.pauses import GrowingPause
from core.engine.set_aside import Note
from core.model.ports import Alarms, Clock
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.reports.lookouts import Lookout

_WHAT, _ALARM = "the list of what is looked for", "lookouts"
PAGE = 500


class Stored(Protocol):
    """Where lookouts are read: the store's reports."""

    async def some(self, task_ids: Sequence[int]) -> list[Lookout]:
        """Return those of these tasks for whose answer the engine looks."""

    async def files(self, *, after: int = 0, limit: int = PAGE) -> list[Lookout]:
        """Return a page of tasks that wait for files, in order of id."""

    async def polls(self, *, after: int = 0, limit: int = PAGE) -> list[Lookout]:
        """Return a page of tasks whose polls ask again, in order of id."""


class Looks(Protocol):
    """A loop of looks."""

    def add(self, lookout: Lookout) -> None:
        """Look for this from now on, as it says now."""

    def forget(self, task_id: int) -> None:
        """Look for it no more; unknown tasks are fine."""

    async def end(self) -> None:
        """Look for nothing any more, and return when no look is under way."""

    def __len__(self) -> int:
        """Return how many tasks are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """The loops of looks."""

    files: Looks
    polls: Looks


class Lookouts:
    """Tell the loops what to look for: at the start all, then what each commit changed."""

    def __init__(self, stored: Stored, loops: Loops, *, clock: Clock, alarms: Alarms, note: Note) -> None:
        self._stored = stored
        self._loops = loops
        self._clock = clock
        self._alarms = alarms
        self._note = note
        self._work = BackgroundTasks()
        self._pause = GrowingPause()
        self._changed: set[int] = set()
        self._is_open = self._is_reading = False

    @property
    def any(self) -> bool:
        """Return whether anything is looked for."""
        return bool(len(self._loops.files) or len(self._loops.polls) or self._is_reading or self._changed)

    async def open(self) -> None:
        """Look for all that waits."""
        self._is_open = True
        await _each(self._stored.files, self._loops.files.add)
        await _each(self._stored.polls, self._loops.polls.add)

    async def end(self) -> None:
        """Look for nothing any more, and return when no look is under way."""
        self._is_open = False
        self._alarms.disarm(_ALARM)
        await self._work.end()
        await self._loops.files.end()
        await self._loops.polls.end()

    def hear(self, report: Report) -> None:
        """Read again what a commit changed."""
        if report.lookouts and self._is_open:
            self._changed.update(report.lookouts)
            self._begin()

    def _begin(self) -> None:
        if self._is_open and not self._is_reading:
            self._is_reading = True
            self._work.start(self._read(), self._ended)

    def _ended(self, done: asyncio.Task[None]) -> None:
        self._is_reading = False
        if done.cancelled():
            return
        self._note(_WHAT, done.exception())
        if done.exception() is not None:
            self._alarms.arm(_ALARM, self._clock.now() + self._pause.next(), self._begin)
            return
        self._pause.reset()
        if self._changed:
            # What changes while this is read is read once more.
            self._begin()

    async def _read(self) -> None:
        task_ids = sorted(self._changed)
        self._changed.clear()
        try:
            found = {one.task_id: one for one in await self._stored.some(task_ids)}
        except BaseException:
            # Nothing else names them until they change.
            self._changed.update(task_ids)
            raise
        for task_id in task_ids:
            self._take(task_id, found.get(task_id))

    def _take(self, task_id: int, lookout: Lookout | None) -> None:
        self._loops.files.forget(task_id)
        self._loops.polls.forget(task_id)
        if lookout is not None:
            loop = self._loops.polls if lookout.path is None else self._loops.files
            loop.add(lookout)


async def _each(read: Callable[..., Awaitable[Sequence[Lookout]]], add: Callable[[Lookout], None]) -> None:
    after = 0
    while page := await read(after=after, limit=PAGE):
        after = page[-1].task_id
        for lookout in page:
            add(lookout)


class LookTools(NamedTuple):
    """What looks are made with, and who hears of their errors."""

    tools: Tools
    inputs: InputResolver
    alarms: Alarms
    note: Note


def new_lookouts(stored: Stored, journal: Journal, by: LookTools) -> Lookouts:
    """Return the lookouts of an engine, with both loops."""
    files = FileLooks(journal, clock=by.tools.clock, alarms=by.alarms, note=by.note)
    polls = PollLooks(journal, by.tools, by.inputs, alarms=by.alarms, note=by.note)
    loops = Loops(files=files, polls=polls)
    return Lookouts(stored, loops, clock=by.tools.clock, alarms=by.alarms, note=by.note)
