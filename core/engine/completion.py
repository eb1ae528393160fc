"""Bring outcomes into the store: decide what follows, submit, insist."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.model.commands import Claimed, Complete, Completed, Result, Tell
from core.model.errors import TaskdeckError
from core.model.outcomes import Accept, Bounced, Decision, Failed, Lost, Outcome, TimedOut
from core.model.ports import Clock, Draw
from core.model.stored_spec import StoredSpec
from core.rules.retry import Record, decide_retry
from core.store.journal import Journal

INSIST_SECONDS = 1.0
"""Pause before an outcome is offered again to a store that could not write."""
_AGAIN = ("store.failed", "store.full")
"""Refusals that may be over by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a task is given up for losses and bounces."""

    max_losses: int
    max_bounces: int


class Completion:
    """Close attempts; an outcome is never dropped while the engine lives."""

    def __init__(self, journal: Journal, *, clock: Clock, draw: Draw, limits: Limits) -> None:
        self._journal = journal
        self._clock = clock
        self._draw = draw
        self._limits = limits
        self.insists = True
        """An outcome is offered again until the store takes it; off while the engine stops."""

    async def finish(self, claimed: Claimed, spec: StoredSpec, outcome: Outcome) -> bool:
        """Record an outcome; False = the attempt was closed already. Raises when fenced or stopped."""
        decision = self.decide(claimed, spec, outcome)
        command = Complete(task_id=claimed.task_id, epoch=claimed.epoch, outcome=outcome, decision=decision)
        while True:
            try:
                result = await self._journal.submit(command)
            except TaskdeckError as error:
                if error.code not in _AGAIN or not self.insists:
                    raise
                await self._clock.sleep(INSIST_SECONDS)
            else:
                return isinstance(result, Completed) and result.landed

    def tell(self, command: Tell) -> asyncio.Future[Result]:
        """Write what was seen of an attempt, before whatever becomes of it later."""
        return self._journal.submit(command)

    def decide(self, claimed: Claimed, spec: StoredSpec, outcome: Outcome) -> Decision:
        """Decide whether another attempt follows this outcome, and when."""
        if not isinstance(outcome, Failed | TimedOut | Lost | Bounced):
            return Accept()
        record = Record(
            tries=claimed.tries + isinstance(outcome, Failed | TimedOut),
            losses=claimed.losses + isinstance(outcome, Lost),
            bounces=claimed.bounces + isinstance(outcome, Bounced),
            on_loss=spec.on_loss,
            max_losses=self._limits.max_losses,
            max_bounces=self._limits.max_bounces,
        )
        return decide_retry(spec.retry, outcome, record=record, now=self._clock.now(), draw=self._draw)
