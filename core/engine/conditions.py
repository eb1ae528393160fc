"""The judgement of `when` for tasks whose needs are met.

Called by the dispatcher after each batch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Protocol

from core.engine.expression_scopes import ExpressionScopes
from core.engine.task_surroundings import TaskSurroundings
from core.logs import bound
from core.model.commands import Decide, FailIt, Proceed, SkipIt
from core.model.errors import Invalid
from core.model.outcomes import TaskError
from core.model.stored_spec import StoredSpec
from core.store.journal import Journal
from core.store.reports.conditions import WaitingCondition


class Waiting(Protocol):
    """Where tasks that wait for a judgement are read."""

    async def waiting_conditions(self, *, after: int = 0, limit: int = 500) -> Sequence[WaitingCondition]:
        """Return a page of tasks whose `when` must be judged, in order of id."""


class Conditions:
    """Judge waiting conditions, each once at a time."""

    def __init__(
        self,
        journal: Journal,
        scopes: ExpressionScopes,
        waiting: Waiting,
        *,
        surroundings: TaskSurroundings,
    ) -> None:
        self._surroundings = surroundings
        self._journal = journal
        self._scopes = scopes
        self._waiting = waiting
        self._judging: set[int] = set()

    async def judge_waiting(self) -> None:
        """Judge the `when` of every task that waits for it."""
        after = 0
        while page := await self._waiting.waiting_conditions(after=after):
            after = page[-1].task_id
            fresh = [task for task in page if task.task_id not in self._judging]
            self._judging.update(task.task_id for task in fresh)
            await asyncio.gather(*[self._judge(task) for task in fresh])

    async def _judge(self, task: WaitingCondition) -> None:
        with bound(job=task.job_id, task=task.task_id):
            try:
                await self._decide(task)
            finally:
                self._judging.discard(task.task_id)

    async def _decide(self, task: WaitingCondition) -> None:
        spec = StoredSpec.from_json(json.loads(task.spec))
        when = spec.when or ""
        try:
            env = (await self._surroundings.of(spec)).env
            scope = await self._scopes.scope(task.job_id, f"${{{{ {when} }}}}", dict(env))
            verdict: Proceed | SkipIt | FailIt = Proceed() if await scope.judge(when, task.key) else SkipIt()
        except Invalid as error:
            verdict = FailIt(error=TaskError(code=error.code, message=error.message, facts=error.facts))
        await self._journal.submit(Decide(task_id=task.task_id, verdict=verdict))
