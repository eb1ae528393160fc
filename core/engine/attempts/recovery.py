"""Take over the attempts of a former engine before anything is claimed.

Called once by the engine, at its start.
"""

from __future__ import annotations

import asyncio

from core.engine.attempts.completion import Completion
from core.engine.attempts.connector_results import refused
from core.engine.attempts.runner import Runner
from core.executors.child import ChildExecutor
from core.executors.observations import Finished, Gone, Living, NotStarted, Orphaned
from core.logs import bound, get_logger
from core.model.commands.work import Claimed, Force
from core.model.crash_points import crash_point
from core.model.errors import Invalid
from core.model.outcomes import Bounced, Lost, Outcome
from core.model.ports import AttemptRef
from core.model.stored_spec import StoredSpec
from core.store.reports.attempts import AttemptReports, OpenAttempt

ENDED_INLINE = "the engine ended while the call ran in it; how far it had come is not known"

_log = get_logger(__name__)


class Recovery:
    """Runs once, at the start; the lock proves that the former engine is dead."""

    def __init__(self, runner: Runner, children: ChildExecutor, completion: Completion) -> None:
        self._runner = runner
        self._children = children
        self._completion = completion

    async def recover(self, attempts: AttemptReports) -> int:
        """Close what ended, watch what lives, end or keep what is orphaned; return how many attempts."""
        crash_point("recovery.begun")
        after, number = 0, 0
        while page := await attempts.open_attempts(after=after):
            after, number = page[-1].task_id, number + len(page)
            await asyncio.gather(*[self._recover(attempt) for attempt in page])
        crash_point("recovery.ended")
        if number:
            _log.info("attempts of a former engine taken over", attempts=number)
        return number

    async def _recover(self, attempt: OpenAttempt) -> None:
        with bound(job=attempt.job_id, task=attempt.task_id, attempt=attempt.epoch):
            await self._judge(attempt)

    async def _judge(self, attempt: OpenAttempt) -> None:
        claimed = _claimed(attempt)
        ref = AttemptRef(task_id=claimed.task_id, epoch=claimed.epoch)
        if not self._runner.makes_processes(claimed.uses):
            await self._close(claimed, Lost(reason=ENDED_INLINE))
            return
        match await self._children.probe(ref):
            case (Living() | Finished() | Orphaned()) as child:
                self._runner.adopt(claimed, child, started_at=attempt.started_at, exhausted=attempt.exhausted)
                if attempt.stop_how is not None:
                    self._runner.end(ref, Force(attempt.stop_how))
            case NotStarted(reason=reason):
                await self._close(claimed, Bounced(reason=reason))
            case Gone(reason=reason):
                await self._close(claimed, Lost(reason=reason))

    async def _close(self, claimed: Claimed, outcome: Outcome) -> None:
        try:
            spec = StoredSpec.of_text(claimed.spec)
        except Invalid as error:
            spec, outcome = StoredSpec(), refused(error)
        await self._completion.finish(claimed, spec, outcome)


def _claimed(attempt: OpenAttempt) -> Claimed:
    return Claimed(
        task_id=attempt.task_id,
        epoch=attempt.epoch,
        job_id=attempt.job_id,
        key=attempt.key,
        uses=attempt.uses,
        spec=attempt.spec,
        generation=attempt.generation,
        tries=attempt.tries,
        losses=attempt.losses,
        bounces=attempt.bounces,
        conditional=False,
    )
