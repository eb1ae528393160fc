"""Record outcomes in the store: decide what follows, submit, repeat until written.

Used by the engine's service, its recovery and its shutdown.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.engine.attempts import NO_RESULTS, Results
from core.engine.set_aside import concerns_one, set_aside
from core.engine.usage_reports import UsageReports
from core.model.commands import Claimed, Complete, NoteAttempt
from core.model.errors import TaskdeckError
from core.model.limits import Spent
from core.model.outcomes import Accept, Bounced, Decision, Failed, Lost, Outcome, Parked, TaskError, TimedOut
from core.model.ports import AttemptRef, Clock, Draw
from core.model.records import replace
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject
from core.rules.retry import Record, decide_retry
from core.store.journal import Journal

_TOKENS = frozenset({"model", "input", "output"})
"""Places of `usage` beside its units."""
REPEAT_SECONDS = 1.0
"""Pause before an outcome is submitted again to a store that could not write."""
_REPEATED = ("store.failed", "store.full")
"""Codes of refusals that may be over by then."""


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
        self.repeats = True
        """An outcome is submitted again until the store takes it; off while the engine stops."""

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
        )
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
        await set_aside(self._journal, claimed.job_id, claimed.task_id, refused, epoch=claimed.epoch)
        return False

    async def _record(self, command: Complete) -> bool:
        while True:
            try:
                result = await self._journal.submit(command)
            except TaskdeckError as error:
                if error.code not in _REPEATED or not self.repeats:
                    raise
                await self._clock.sleep(REPEAT_SECONDS)
            else:
                return result.landed

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
