"""Record outcomes in the store: decide what follows, submit, repeat until written.

Used by the engine's service, its recovery and its shutdown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.engine.attempts.attempt import NO_RESULTS, Results
from core.engine.attempts.usage_reports import UsageReports
from core.engine.background import Signal
from core.engine.pauses import FIRST_MS, GrowingPause
from core.engine.set_aside import Note, concerns_one, set_aside, task_name
from core.model.commands.work import Claimed, Complete, NoteAttempt
from core.model.errors import TaskdeckError
from core.model.limits.limits import Spent
from core.model.outcomes import Accept, Bounced, Decision, Failed, Lost, Outcome, Parked, TaskError, TimedOut
from core.model.ports import AttemptRef, Clock, Draw
from core.model.records import replace
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject
from core.rules.retry import Record, decide_retry
from core.store.journal import Journal

_TOKENS = frozenset({"model", "input", "output"})
"""Places of `usage` beside its units."""
_FAILED = "store.failed"
_REPEATED = (_FAILED, "store.full", "store.file_limit", "short.memory")
"""Codes of refusals that may be over when an outcome is submitted again."""
_WAITING = "outcomes that the store does not take yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """Losses and bounces after which a task is given up."""

    max_losses: int
    max_bounces: int


class Completion:
    """Close attempts; an outcome is never dropped while the engine lives."""

    def __init__(
        self, journal: Journal, *, clock: Clock, draw: Draw, limits: RetryLimits, usage: UsageReports
    ) -> None:
        self._journal = journal
        self._usage = usage
        self._clock = clock
        self._draw = draw
        self.limits = limits
        self.note: Note = lambda _what, _error: None
        """Tells operators that outcomes wait, and that they do no more."""
        self._repeats = True
        self._recoveries = 0
        """How often the store wrote again after it could not."""
        self._heard = Signal()
        self._waiting: set[AttemptRef] = set()
        self._aside: dict[AttemptRef, Complete] = {}
        """Ends that the store did not take, of attempts that stay open in it."""

    async def finish(
        self, claimed: Claimed, spec: StoredSpec, outcome: Outcome, results: Results = NO_RESULTS
    ) -> bool:
        """Record an outcome; False = it did not land: the attempt was closed already, or is set aside.

        An outcome that the store refuses concerns one attempt: it is recorded as a failure that names
        the refusal, and when even that is refused the attempt is set aside. Raises when fenced or stopped.
        """
        usage = self._usage.take(AttemptRef(task_id=claimed.task_id, epoch=claimed.epoch))
        command = Complete(
            task_id=claimed.task_id,
            epoch=claimed.epoch,
            outcome=outcome,
            decision=self.decide(claimed, spec, outcome),
            spent=usage.spent or _unspent(spec, outcome),
            unread=usage.unread,
            variables=results.variables,
            artifacts=results.artifacts,
            cut=results.cut,
            abandoned=results.abandoned,
        )
        ended = await self._end(command)
        if isinstance(ended, bool):
            return ended
        self._aside[AttemptRef(task_id=claimed.task_id, epoch=claimed.epoch)] = command
        await set_aside(self._journal, claimed.job_id, claimed.task_id, ended, epoch=claimed.epoch)
        return False

    @property
    def set_aside(self) -> tuple[AttemptRef, ...]:
        """Return the attempts whose ends the store did not take."""
        return tuple(self._aside)

    async def end_set_aside(self, ref: AttemptRef) -> None:
        """Record once more an end that the store did not take; refused again, it stays set aside.

        A stop that was asked for meanwhile makes a failure of it a cancel, which may be taken.
        """
        command = self._aside.pop(ref, None)
        if command is None:
            return
        ended: bool | TaskdeckError | None = None
        try:
            ended = await self._end(command)
        finally:
            if not isinstance(ended, bool):
                self._aside[ref] = command
        if isinstance(ended, bool):
            self.note(task_name(ref.task_id), None)

    async def _end(self, command: Complete) -> bool | TaskdeckError:
        """Record an end as it is, else as a failure that names the refusal; return the refusal of both."""
        try:
            return await self._record(command)
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
            refused = error
        try:
            return await self._record(replace(command, outcome=_unrecorded(refused), decision=Accept()))
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
        return refused

    def recover(self) -> None:
        """Hear that the store writes again: what it failed to write is submitted soon."""
        self._recoveries += 1
        self._heard.notify()

    def give_up(self) -> None:
        """Submit nothing again: the engine stops, and the next one finds what the store did not take."""
        self._repeats = False
        self._heard.notify()

    async def _record(self, command: Complete) -> bool:
        """Submit until the store takes it, after ever longer pauses."""
        ref, pause = AttemptRef(task_id=command.task_id, epoch=command.epoch), GrowingPause()
        try:
            while True:
                recoveries = self._recoveries
                try:
                    result = await self._journal.submit(command)
                except TaskdeckError as error:
                    if error.code not in _REPEATED or not self._repeats:
                        raise
                    self._waiting.add(ref)
                    self.note(_WAITING, error)
                    await self._pass(pause.next(), error, recoveries)
                else:
                    return result.landed
        finally:
            self._forget(ref)

    def _forget(self, ref: AttemptRef) -> None:
        if ref in self._waiting:
            self._waiting.remove(ref)
            if not self._waiting:
                self.note(_WAITING, None)

    async def _pass(self, pause: int, error: TaskdeckError, recoveries: int) -> None:
        """Let a pause pass (ms); a store that writes again, or an end of the engine, cuts it short.

        Not a full one: a small commit may still find room.
        """
        now = self._clock.now()
        await self._until(now + FIRST_MS, lambda: False)
        await self._until(now + pause, lambda: error.code == _FAILED and self._recoveries > recoveries)

    async def _until(self, at: int, condition: Callable[[], bool]) -> None:
        """Return at a moment, or before where a condition holds or nothing is repeated."""
        left = at - self._clock.now()
        if left <= 0:
            return
        passed = asyncio.ensure_future(self._clock.sleep(left / 1000))
        try:
            while self._repeats and not condition() and not passed.done():
                heard = asyncio.ensure_future(self._heard.wait())
                await asyncio.wait((passed, heard), return_when=asyncio.FIRST_COMPLETED)
                heard.cancel()
        finally:
            passed.cancel()

    def note_attempt(self, command: NoteAttempt) -> asyncio.Future[None]:
        """Write what was seen of an attempt, before whatever becomes of it later."""
        return self._journal.submit(command)

    def decide(self, claimed: Claimed, spec: StoredSpec, outcome: Outcome) -> Decision:
        """Decide whether another attempt follows this outcome, and when."""
        if not isinstance(outcome, Failed | TimedOut | Lost | Bounced):
            return Accept()
        record = Record(
            tries=claimed.tries + isinstance(outcome, Failed | TimedOut),
            losses=claimed.losses + isinstance(outcome, Lost),
            bounces=claimed.bounces + (isinstance(outcome, Bounced) and not outcome.shortage),
            on_loss=spec.on_loss,
            max_losses=self.limits.max_losses,
            max_bounces=self.limits.max_bounces,
        )
        return decide_retry(spec.retry, outcome, record=record, now=self._clock.now(), draw=self._draw)


def _unspent(spec: StoredSpec, outcome: Outcome) -> tuple[Spent, ...]:
    """Return that nothing was spent yet where the last answer of a poll says what was.

    Without it the estimate would be booked now, and what was spent besides later.
    """
    said = spec.with_.get("usage")
    if not isinstance(outcome, Parked) or not isinstance(said, dict) or spec.cost is None:
        return ()
    units = {*said, *spec.cost.amounts, *spec.cost.expressions}
    return tuple(Spent(unit=unit, amount=0) for unit in sorted(units - _TOKENS))


def _unrecorded(error: TaskdeckError) -> Failed:
    message = f"it ended, but the store refused its outcome: {error.message}"
    facts: JsonObject = {"refusal": error.code, **error.facts}
    return Failed(error=TaskError(code="outcome.refused", message=message, facts=facts), permanent=True)
