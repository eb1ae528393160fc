"""Retention: takes what has ended and is not kept.

Run by an alarm of the engine; makes room for outputs when the janitor asks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from core.engine.housekeeping.archive import Archive
from core.engine.housekeeping.forgetting import ForgettableFacts, Forgetting
from core.engine.housekeeping.output_quota import Made, OutputQuota
from core.engine.housekeeping.purging import TASKS_PER_BATCH, PurgeFacts, PurgeOrder, Purging
from core.engine.housekeeping.shrinking import Shrinking
from core.engine.set_aside import Note
from core.executors.output_use import OutputUse
from core.logs import get_logger
from core.model.commands.purges import NoteRetention, PurgeCause, RetentionStep, SweepPayloads
from core.model.commands.work import ENGINE
from core.model.ports import Alarms, Clock
from core.model.purges import why_job_stays, why_loose_stays
from core.model.retention import (
    NEVER,
    SECOND_LOOK_MS,
    STEP_MS,
    EndedJob,
    EndedTask,
    Forgettable,
    Keep,
    RetentionPolicy,
    RetentionState,
)
from core.model.values import JsonObject
from core.rules.retention import job_is_due, outputs_are_due, task_is_due
from core.store.archive import ArchivedRows
from core.store.journal import Journal
from core.store.reports.retention import WINDOW

EVERY_SECONDS = 3_600.0
"""Between two passes."""
AT_ONCE = 100
"""Tasks, or jobs, that are named together."""
BUSY_SHARE = 4.0
"""How many times as long as a step took it rests after it while tasks run."""
OUTPUT_SHARE = 1.0
"""The same of a step that removes outputs: most of it another process waits for the disk."""
REST_MOST = 2.0
PAYLOAD_MS = 120_000
_ALARM = "retention"

_log = get_logger(__name__)


R = TypeVar("R")
_Work: TypeAlias = Coroutine[None, None, None]


class _Read(Protocol[R]):
    """Read one window."""

    async def __call__(self, *, after: int) -> list[R]:
        """Return what is in the window behind an id."""


class _ClockSet(Exception):
    """End a pass: the wall clock was set ahead while it was under way."""


class RetentionFacts(Protocol):
    """What the store says: its reports."""

    async def state(self) -> RetentionState:
        """Return where retention stands."""

    async def last(self, noun: str) -> int:
        """Return the highest id of a `job` or `task`."""

    async def jobs(self, *, after: int) -> list[EndedJob]:
        """Return ended jobs of the next window of ids."""

    async def tasks(self, *, after: int) -> list[EndedTask]:
        """Return ended tasks of the next window of ids."""

    async def unused_payloads(self, before: int) -> list[str]:
        """Return texts that no task names."""

    async def beyond(self, least: int) -> list[EndedJob]:
        """Return jobs that many newer ones of their name stand before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPorts:
    """What retention works on."""

    journal: Journal
    facts: RetentionFacts
    facts_of_purge: PurgeFacts
    forgettable: ForgettableFacts
    purging: Purging
    shrinking: Shrinking
    use: OutputUse
    store: Path
    is_busy: Callable[[], bool]
    note: Note


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What a pass found, or took."""

    output_tasks: int = 0
    output_bytes: int = 0
    jobs: int = 0
    loose: int = 0
    rest: Counter[Forgettable] = field(default_factory=Counter)

    @property
    def facts(self) -> JsonObject:
        return {
            "outputs_of_tasks": self.output_tasks,
            "bytes": self.output_bytes,
            "jobs": self.jobs,
            "tasks": self.loose,
            **{str(what): number for what, number in self.rest.items() if number},
        }


class _Act(Protocol):
    """What a pass does with what is due."""

    async def outputs(self, numbers: list[int], taken: _Taken) -> None:
        """Act on the outputs of tasks."""

    async def jobs(self, numbers: list[int], taken: _Taken) -> None:
        """Act on jobs."""

    async def loose(self, numbers: list[int], taken: _Taken) -> None:
        """Act on loose tasks."""

    async def forget(self, what: Forgettable, taken: _Taken, *, before: int) -> None:
        """Act on a part of what belongs to no job."""

    def is_done(self, what: Forgettable) -> bool:
        """Return whether nothing more of it is left."""


class _Counting:
    """Counts what is due, and changes nothing."""

    def __init__(self, ports: RetentionPorts) -> None:
        self._purging = ports.purging
        self._forgettable = ports.forgettable
        self._counted = set[Forgettable]()

    async def outputs(self, numbers: list[int], taken: _Taken) -> None:
        plan = await self._purging.plan_sized(await self._purging.known_sizes(numbers))
        taken.output_tasks += plan.tasks
        taken.output_bytes += plan.bytes

    async def jobs(self, numbers: list[int], taken: _Taken) -> None:
        taken.jobs += (await self._purging.plan_jobs(numbers)).jobs

    async def loose(self, numbers: list[int], taken: _Taken) -> None:
        taken.loose += (await self._purging.plan_loose(numbers)).tasks

    async def forget(self, what: Forgettable, taken: _Taken, *, before: int) -> None:
        self._counted.add(what)
        taken.rest[what] += await self._forgettable.count(what, before=before)

    def is_done(self, what: Forgettable) -> bool:
        return what in self._counted


class _Taking:
    """Removes what is due; rows are archived before they go, if that is asked for."""

    def __init__(self, ports: RetentionPorts, archive: str, *, clock: Clock) -> None:
        self._ports = ports
        self._clock = clock
        self._order = PurgeOrder(actor=ENGINE, cause=PurgeCause.AGE, reason="retention")
        self._archive = Archive(ports.store.parent / archive, ports.store) if archive else None
        self._forgetting = Forgetting(ports.journal)
        self._forgotten = set[Forgettable]()

    async def outputs(self, numbers: list[int], taken: _Taken) -> None:
        purging = self._ports.purging
        done = await purging.remove_sized(await purging.known_sizes(numbers), self._order)
        taken.output_tasks += done.tasks
        taken.output_bytes += done.bytes

    async def jobs(self, numbers: list[int], taken: _Taken) -> None:
        jobs = await self._ports.facts_of_purge.jobs(numbers)
        left = [job.id for job in jobs if why_job_stays(job) is None]
        await self._keep(ArchivedRows(jobs=left))
        while left:
            done = await self._ports.purging.purge_jobs(left, self._order)
            taken.jobs += done.jobs
            left = [*done.left]

    async def loose(self, numbers: list[int], taken: _Taken) -> None:
        tasks = await self._ports.facts_of_purge.loose(numbers)
        left = [task.id for task in tasks if why_loose_stays(task) is None]
        await self._keep(ArchivedRows(tasks=left))
        while left:
            done = await self._ports.purging.purge_loose(left, self._order)
            taken.loose += done.tasks
            left = [*done.left]

    async def forget(self, what: Forgettable, taken: _Taken, *, before: int) -> None:
        refs = await self._ports.forgettable.due(what, before=before)
        await self._keep(_archived(what, refs))
        number = await self._forgetting.forget(what, refs, before=before)
        taken.rest[what] += number
        if not number:
            self._forgotten.add(what)

    def is_done(self, what: Forgettable) -> bool:
        return what in self._forgotten

    async def _keep(self, chosen: ArchivedRows) -> None:
        if self._archive is not None and chosen:
            wall = self._clock.now() - self._clock.offset
            await asyncio.to_thread(self._archive.append, chosen, wall=wall)


class Retention:
    """Look each hour, and take what the policy does not keep, in small steps beside all other work."""

    def __init__(
        self, ports: RetentionPorts, policy: RetentionPolicy, *, clock: Clock, alarms: Alarms
    ) -> None:
        self.policy = policy
        self._ports = ports
        self._clock = clock
        self._alarms = alarms
        self._running: asyncio.Task[None] | None = None
        self._quota = OutputQuota(ports.purging, ports.facts_of_purge, ports.use, is_busy=ports.is_busy)

    def start(self) -> None:
        """Look now, and each hour."""
        self._alarms.every("retention round", EVERY_SECONDS, self.look)
        self.look()

    def look(self) -> None:
        """Begin a pass, unless one is under way."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self.run())
            self._running.add_done_callback(self._ended)

    async def end(self) -> None:
        """End the pass that is under way: the next engine begins another one."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def apply(self, *, actor: str) -> None:
        """Let it take at once what it told of."""
        await self._ports.journal.submit(NoteRetention(step=RetentionStep.APPLIED, actor=actor))
        if self._running is not None:
            self.look()

    async def run(self) -> None:
        """Carry out one pass, and give back the room that it left in the store."""
        await self._run()
        await self._ports.shrinking.run()

    async def _run(self) -> None:
        """Carry out one pass, or what comes before it: looks at the clock, and the first notice."""
        state = await self._ports.facts.state()
        saved = self._clock.saved()
        if state.must_look(offset=saved.offset, boot=saved.boot_id):
            await self._ports.journal.submit(NoteRetention(step=RetentionStep.LOOKED, boot=saved.boot_id))
            self._alarms.arm(_ALARM, saved.now + SECOND_LOOK_MS, self.look)
            return
        if not state.has_seen(now=saved.now, offset=saved.offset, boot=saved.boot_id):
            self._alarms.arm(_ALARM, (state.looked_at or 0) + SECOND_LOOK_MS, self.look)
            return
        wall = saved.now - saved.offset
        if not state.may_take(wall):
            found = await self._pass(_Counting(self._ports), saved.offset)
            step = RetentionStep.PASSED if state.noticed_at is not None else RetentionStep.NOTICED
            await self._ports.journal.submit(NoteRetention(step=step, facts=found.facts))
            return
        taking = _Taking(self._ports, self.policy.archive, clock=self._clock)
        taken = await self._pass(taking, saved.offset)
        if taken.jobs or taken.loose:
            await self._sweep_payloads()
        await self._ports.journal.submit(NoteRetention(step=RetentionStep.PASSED, facts=taken.facts))

    async def make_room(self, quota: int) -> Made:
        """Remove the oldest outputs of what succeeded, for a moment (`OutputQuota.make_room`).

        Nothing before the notice of an older store is over.
        """
        state, wall = await self._ports.facts.state(), self._clock.now() - self._clock.offset
        if not state.may_take(wall):
            return Made.NOTHING
        return await self._quota.make_room(quota)

    async def _sweep_payloads(self) -> None:
        """Remove large outputs and surroundings that belonged to what is gone."""
        # A row that is being made now may name one of them again, and notes that to a minute.
        before = self._clock.now() - PAYLOAD_MS
        while hashes := await self._ports.facts.unused_payloads(before):
            command = SweepPayloads(hashes=tuple(hashes), before=before)
            if not await self._ports.journal.submit(command):
                return

    async def _pass(self, act: _Act, offset: int) -> _Taken:
        """Go through all that has ended: outputs first, then jobs, then loose tasks."""
        taken = _Taken()
        async for numbers in self._due_outputs():
            await self._step(act.outputs(numbers, taken), offset, share=OUTPUT_SHARE)
        async for numbers in self._due_jobs():
            await self._step(act.jobs(numbers, taken), offset)
        async for numbers in self._due_loose():
            await self._step(act.loose(numbers, taken), offset)
        for what in Forgettable:
            before = self.policy.forgotten_before(what, now=self._wall())
            while before is not None and not act.is_done(what):
                await self._step(act.forget(what, taken, before=before), offset)
        return taken

    async def _step(self, work: _Work, offset: int, *, share: float = BUSY_SHARE) -> None:
        begun = time.monotonic()
        await work
        if offset - self._clock.offset > STEP_MS:
            raise _ClockSet
        if self._ports.is_busy():
            await asyncio.sleep(min(REST_MOST, share * (time.monotonic() - begun)))

    def _wall(self) -> int:
        return self._clock.now() - self._clock.offset

    async def _due_outputs(self) -> AsyncIterator[list[int]]:
        async for window in self._windows("task", self._ports.facts.tasks):
            now = self._wall()
            due = [one.id for one in window if outputs_are_due(self.policy, one, now=now)]
            for some in _parts(due, TASKS_PER_BATCH):
                yield some

    async def _due_loose(self) -> AsyncIterator[list[int]]:
        async for window in self._windows("task", self._ports.facts.tasks):
            now = self._wall()
            loose = [one for one in window if one.workflow is None]
            for some in _parts([one.id for one in loose if task_is_due(self.policy, one, now=now)]):
                yield some

    async def _due_jobs(self) -> AsyncIterator[list[int]]:
        async for window in self._windows("job", self._ports.facts.jobs):
            now = self._wall()
            for some in _parts([one.id for one in window if job_is_due(self.policy, one, now=now)]):
                yield some
        least = min(keep.jobs for keep in _keeps(self.policy))
        if least < NEVER:
            beyond = await self._ports.facts.beyond(least)
            kept = [job.id for job in beyond if job.place > self.policy.of(job.name).of(job.status).jobs]
            for some in _parts(kept):
                yield some

    async def _windows(self, noun: str, read: _Read[R]) -> AsyncIterator[list[R]]:
        after, last = 0, await self._ports.facts.last(noun)
        while after < last:
            begun = time.monotonic()
            yield await read(after=after)
            after += WINDOW
            if self._ports.is_busy():
                await asyncio.sleep(min(REST_MOST, BUSY_SHARE * (time.monotonic() - begun)))

    def _ended(self, done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, _ClockSet):
            _log.warning("retention stops: the wall clock was set ahead")
            self.look()
            return
        self._ports.note("retention", error)


def _archived(what: Forgettable, refs: Sequence[str | int]) -> ArchivedRows:
    """Return what of it is written down before it goes; of the rest nothing is ever asked again."""
    numbers = [ref for ref in refs if isinstance(ref, int)]
    match what:
        case Forgettable.EVENTS:
            return ArchivedRows(events=numbers)
        case Forgettable.ENTRIES:
            return ArchivedRows(entries=numbers)
        case _:
            return ArchivedRows()


def _parts(numbers: list[int], most: int = AT_ONCE) -> Iterator[list[int]]:
    for start in range(0, len(numbers), most):
        yield numbers[start : start + most]


def _keeps(policy: RetentionPolicy) -> Iterator[Keep]:
    for both in (policy.usual, *policy.workflows.values()):
        yield both.succeeded
        yield both.failed
