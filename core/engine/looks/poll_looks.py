"""PollLooks: asks again what polls wait for.

Told by the lookouts. A look that says nothing new writes nothing; one at a time for each task.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol, cast

from core.engine.attempts.attempt import Running, Tools
from core.engine.attempts.masked_outcomes import masked_object, masked_outcome
from core.engine.attempts.polling import Judged, judge_look, plan_of
from core.engine.attempts.resolved_input import InputResolver, ResolvedInput
from core.engine.background import BackgroundTasks
from core.engine.set_aside import Note
from core.logs import bound
from core.model.commands.answers import Answer, NoteLook, PassRates, WaitRef
from core.model.commands.limits import Charge
from core.model.commands.work import Claimed, Command
from core.model.errors import Invalid, MachineShort, NotFound, Unavailable
from core.model.outcomes import Failed, Outcome, Succeeded, TaskError
from core.model.patterns.polls import EVERY_MS, PollPlan
from core.model.ports import Alarms, AttemptRef, InlineCall, PollingConnector
from core.model.records import replace
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue
from core.store.reports.lookouts import Lookout

_WHAT, _ALARM = "looks of polls", "polls"
BACKOFF_MS = 300_000
"""Failing looks are at most so far apart, unless they would be without that."""


class LooksJournal(Protocol):
    """Where news and answers are written: the journal."""

    def submit(self, command: Command[object]) -> asyncio.Future[object]:
        """Carry a command out."""


@dataclass(slots=True, kw_only=True)
class _Poll:
    """A task that waits, and how its looks went."""

    lookout: Lookout
    at: int
    """When to look (engine time)."""
    looks: int
    seen: JsonObject
    failures: int = 0
    """Looks in a row that failed, as far as this engine saw."""
    looking: asyncio.Task[None] | None = None

    @property
    def wait(self) -> WaitRef:
        return WaitRef(task_id=self.lookout.task_id, generation=self.lookout.generation)

    @property
    def ref(self) -> AttemptRef:
        return AttemptRef(task_id=self.lookout.task_id, epoch=self.lookout.epoch)


class _LookFailed(Exception):
    """A look brought no answer; `plan` is None where it did not come so far."""

    def __init__(self, failed: Failed, plan: PollPlan | None) -> None:
        super().__init__(failed.error.message)
        self.failed = failed
        self.plan = plan


class PollLooks:
    """Look again at what each poll asks, as often as it says."""

    def __init__(
        self, journal: LooksJournal, tools: Tools, inputs: InputResolver, *, alarms: Alarms, note: Note
    ) -> None:
        self._journal = journal
        self._tools = tools
        self._inputs = inputs
        self._alarms = alarms
        self._note = note
        self._polls: dict[int, _Poll] = {}
        self._turns: list[tuple[int, int]] = []
        """A heap of times to look and tasks; one that holds no more is passed over when it comes."""
        self._work = BackgroundTasks()
        self._armed: int | None = None

    def __len__(self) -> int:
        return len(self._polls)

    def add(self, lookout: Lookout) -> None:
        """Ask again for this task; the first look of an engine comes as late as any."""
        every = lookout.every_ms or EVERY_MS
        poll = self._polls[lookout.task_id] = _Poll(
            lookout=lookout,
            at=self._tools.clock.now() + every,
            looks=lookout.looks,
            seen=_seen(lookout),
        )
        self._take_turn(poll)

    def forget(self, task_id: int) -> None:
        """Ask no more for this task; a look that is under way ends nothing."""
        poll = self._polls.pop(task_id, None)
        if poll is not None and poll.looking is not None and poll.looking is not asyncio.current_task():
            poll.looking.cancel()

    async def end(self) -> None:
        """Ask for nothing any more."""
        self._polls.clear()
        self._turns.clear()
        self._alarms.disarm(_ALARM)
        await self._work.end()

    def looks_of(self, task_id: int) -> int | None:
        """Return how many looks were made for a task; None = it is not looked for."""
        poll = self._polls.get(task_id)
        return None if poll is None else poll.looks

    def _take_turn(self, poll: _Poll) -> None:
        heappush(self._turns, (poll.at, poll.lookout.task_id))
        self._arm()

    def _next(self) -> _Poll | None:
        """Return the poll that is due first among those that are not asked at present."""
        while self._turns:
            at, task_id = self._turns[0]
            poll = self._polls.get(task_id)
            if poll is not None and poll.at == at and poll.looking is None:
                return poll
            heappop(self._turns)
        return None

    def _arm(self) -> None:
        poll = self._next()
        if poll is not None and (self._armed is None or poll.at < self._armed):
            self._armed = poll.at
            self._alarms.arm(_ALARM, poll.at, self._due)

    def _due(self) -> None:
        self._armed = None
        now = self._tools.clock.now()
        while (poll := self._next()) is not None and poll.at <= now:
            poll.looking = self._work.start(self._look(poll), self._ended(poll))
        self._arm()

    def _ended(self, poll: _Poll) -> Callable[[asyncio.Task[None]], None]:
        def end(done: asyncio.Task[None]) -> None:
            poll.looking = None
            if not done.cancelled():
                self._note(_WHAT, done.exception())
            if self._polls.get(poll.lookout.task_id) is poll:
                self._take_turn(poll)

        return end

    async def _look(self, poll: _Poll) -> None:
        lookout, clock = poll.lookout, self._tools.clock
        poll.at = clock.now() + (lookout.every_ms or EVERY_MS)
        with bound(job=lookout.job_id, task=lookout.task_id):
            try:
                wait_until = await self._pass_rates(poll)
                if wait_until is not None:
                    poll.at = wait_until
                    return
                await self._ask(poll)
            except MachineShort as error:
                # The next look tries again: nothing was sent.
                self._tools.shortage.report(error)

    async def _pass_rates(self, poll: _Poll) -> int | None:
        """Return when to ask for leave again; None = it may look."""
        if not poll.lookout.gset_id:
            return None
        passing = PassRates(task_id=poll.lookout.task_id, epoch=poll.lookout.epoch)
        return cast("int | None", await self._journal.submit(passing))

    async def _ask(self, poll: _Poll) -> None:
        running = _running(poll.lookout)
        try:
            output, judged = await self._answer(poll, running)
        except _LookFailed as error:
            await self._fail(poll, running, error)
            return
        finally:
            usage = self._tools.usage.take(poll.ref)
            poll.looks += 1
        poll.failures = 0
        if not judged.is_done:
            await self._see(poll, masked_object(judged.seen, running.masks))
            return
        if usage.spent:
            # Booked before the answer: by its id a second time does nothing.
            charge = Charge(
                task_id=poll.ref.task_id, epoch=poll.ref.epoch, id=f"poll-{poll.ref.epoch}", spent=usage.spent
            )
            await self._journal.submit(charge)
        done = masked_outcome(Succeeded(output=output), running.masks)
        await self._journal.submit(await self._ended_as(poll, running, done))

    async def _ended_as(self, poll: _Poll, running: Running, done: Outcome) -> Answer:
        """Return the answer that a poll was waiting for, with what its task sets and keeps of it."""
        outcome, results = await self._tools.results.of(running, done)
        if isinstance(outcome, Failed):
            return Answer(wait=poll.wait, error=outcome.error, looks=poll.looks)
        output = outcome.output if isinstance(outcome, Succeeded) else None
        return Answer(
            wait=poll.wait,
            output=output if isinstance(output, dict) else {},
            looks=poll.looks,
            variables=results.variables,
            artifacts=results.artifacts,
        )

    async def _answer(self, poll: _Poll, running: Running) -> tuple[JsonValue, Judged]:
        """Ask once; raise `_LookFailed`, and what keeps the machine from asking."""
        plan: PollPlan | None = None
        resolved: ResolvedInput | None = None
        try:
            resolved = await self._inputs.resolve(running)
            plan = plan_of(resolved)
            if plan is None:
                raise Invalid("poll.gone", "its input has no `poll`", hint="submit it again")
            connector = cast("PollingConnector", resolved.connector)
            look = replace(resolved, with_=connector.look(resolved.with_, poll.lookout.url))
            call = look.call()
            if not isinstance(call, InlineCall):
                raise Invalid("poll.process", "a process cannot be polled", hint="poll an http call")
            output = await call.run()
            return output, await judge_look(self._inputs, running, plan, output)
        except (MachineShort, Unavailable):
            raise
        except (Invalid, NotFound) as error:
            failed = Failed(error=TaskError(code=error.code, message=error.message, facts=error.facts))
            raise _LookFailed(failed, plan) from error
        except Exception as error:
            # Foreign code: whatever a connector raises is a look that failed.
            connector_of = self._tools.connectors.get(poll.lookout.uses)
            raise _LookFailed(connector_of.classify(error), plan) from error

    async def _fail(self, poll: _Poll, running: Running, error: _LookFailed) -> None:
        """Count a look that failed: too many in a row fail the task, fewer are asked again later."""
        poll.failures += 1
        masked = masked_outcome(error.failed, running.masks)
        failed = masked if isinstance(masked, Failed) else error.failed
        tolerated = PollPlan(until="true").tolerate if error.plan is None else error.plan.tolerate
        if poll.failures > tolerated:
            await self._journal.submit(Answer(wait=poll.wait, error=failed.error, looks=poll.looks))
            return
        every = poll.lookout.every_ms or EVERY_MS
        pause = min(every * 2 ** (poll.failures - 1), max(every, BACKOFF_MS))
        poll.at = self._tools.clock.now() + max(pause, failed.retry_after_ms or 0)
        await self._see(poll, {"error": failed.error.code})

    async def _see(self, poll: _Poll, seen: JsonObject) -> None:
        if seen == poll.seen:
            return
        await self._journal.submit(NoteLook(wait=poll.wait, looks=poll.looks, seen=seen))
        poll.seen = seen


def _seen(lookout: Lookout) -> JsonObject:
    """Return what was seen last; what cannot be read counts as news."""
    try:
        seen: JsonValue = json.loads(lookout.seen or "{}")
    except ValueError:
        return {}
    return seen if isinstance(seen, dict) else {}


def _running(lookout: Lookout) -> Running:
    """Return the attempt whose question is asked again, as the resolver of inputs wants it."""
    claimed = Claimed(
        task_id=lookout.task_id,
        epoch=lookout.epoch,
        job_id=lookout.job_id,
        key=lookout.key,
        uses=lookout.uses,
        spec=lookout.spec,
        generation=lookout.generation,
        tries=0,
        losses=0,
        bounces=0,
        conditional=False,
    )
    ref = AttemptRef(task_id=lookout.task_id, epoch=lookout.epoch)
    return Running(ref=ref, claimed=claimed, spec=StoredSpec.of_text(lookout.spec))
