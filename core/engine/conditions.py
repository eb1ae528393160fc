"""The judgement of tasks whose needs are met: `when`, limits, cost.

Called by the dispatcher after each batch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, cast

from core.engine.attempts import Tools
from core.engine.child_plans import ChildPlans
from core.engine.expression_scopes import ExpressionScope
from core.engine.set_aside import Note, concerns_one, set_aside
from core.files.confinement import confine
from core.logs import bound
from core.model.awaits import AwaitedFile
from core.model.children import USES as CHILD
from core.model.errors import Invalid, TaskdeckError, Unavailable
from core.model.judgements import Decide, Expand, FailIt, Judgement, Proceed, SkipIt
from core.model.outcomes import TaskError
from core.model.paths import working_directory
from core.model.ports import WaitingConnector
from core.model.records import replace
from core.model.stored_spec import StoredSpec
from core.model.values import JsonValue
from core.store.journal import Journal
from core.store.reports.conditions import WaitingCondition

_WHAT = "the judgement of conditions"


class Waiting(Protocol):
    """Where tasks that wait for a judgement are read."""

    async def waiting_conditions(self, *, after: int = 0, limit: int = 500) -> Sequence[WaitingCondition]:
        """Return a page of tasks whose `when` must be judged, in order of id."""

    async def asking_tasks(self, *, after: int = 0, limit: int = 500) -> Sequence[WaitingCondition]:
        """Return a page of waiting tasks that ask something of the engine, in order of id."""


class Conditions:
    """Judge waiting conditions, each once at a time."""

    def __init__(
        self, journal: Journal, tools: Tools, waiting: Waiting, *, note: Note, children: ChildPlans
    ) -> None:
        self._children = children
        self._journal = journal
        self._tools = tools
        self._waiting = waiting
        self._judging: set[int] = set()
        self._note = note
        self._refused: set[int] = set()

    async def judge_waiting(self) -> None:
        """Judge every task that waits for it; raise the first error once all were tried.

        With `Unavailable` some are left, to be judged by another call.
        """
        errors: list[BaseException] = []
        for read in (self._waiting.waiting_conditions, self._waiting.asking_tasks):
            errors += await self._judge_pages(read)
        if errors:
            raise next((error for error in errors if isinstance(error, Unavailable)), errors[0])

    async def _judge_pages(
        self, read: Callable[..., Awaitable[Sequence[WaitingCondition]]]
    ) -> list[BaseException]:
        after, errors = 0, list[BaseException]()
        while page := await read(after=after):
            after = page[-1].task_id
            fresh = [task for task in page if task.task_id not in self._judging | self._refused]
            self._judging.update(task.task_id for task in fresh)
            # One that cannot be read at present must not keep those behind it from being judged.
            ends = await asyncio.gather(*[self._judge(task) for task in fresh], return_exceptions=True)
            errors += [end for end in ends if end is not None]
        return errors

    def ended(self, judgement: asyncio.Task[None]) -> bool:
        """Note how `judge_waiting` ended; return whether it left some that have to be judged later."""
        error = None if judgement.cancelled() else judgement.exception()
        self._note(_WHAT, error)
        return isinstance(error, Unavailable)

    async def _judge(self, task: WaitingCondition) -> None:
        with bound(job=task.job_id, task=task.task_id):
            try:
                await self._carry_out(task, await self._verdict(task))
            finally:
                self._judging.discard(task.task_id)

    async def _verdict(self, task: WaitingCondition) -> Judgement:
        try:
            spec = StoredSpec.from_json(json.loads(task.spec))
            if task.asks == "outputs":
                return await self._children.outputs(task)
            env = (await self._tools.surroundings.of(spec)).env
            if task.asks == "worklet":
                return await self._children.begin_worklet(task, spec, dict(env))
            scope = await self._tools.scopes.scope(task.job_id, _expressions(spec), dict(env), item=spec.item)
            said = spec.for_each
            is_judged = spec.when is not None and (said is None or not said.judges_each)
            if is_judged and not await scope.judge(spec.when or "", task.key):
                return SkipIt()
            if said is not None:
                return Expand(items=await scope.items(said, task.key))
            if task.uses == CHILD:
                return await self._children.begin(task, spec, scope)
            if spec.waits:
                return await self._awaited(task, spec, scope)
            return Proceed(terms=await scope.terms(spec, task.key) if spec.open_terms else None)
        except Invalid as error:
            return FailIt(error=TaskError(code=error.code, message=error.message, facts=error.facts))
        except TaskdeckError:
            raise
        except Exception as error:
            # One task whose rows cannot be read must not keep the others from being judged.
            message = f"it cannot be judged: {type(error).__name__}: {error}"
            return FailIt(error=TaskError(code="condition.broken", message=message))

    async def _awaited(self, task: WaitingCondition, spec: StoredSpec, scope: ExpressionScope) -> Judgement:
        """Return what a task without work of its own waits for; `timeout` is its deadline as well."""
        connector = cast("WaitingConnector", self._tools.connectors.get(task.uses))
        with_ = await scope.resolve(spec.with_, task.key)
        found = connector.await_answer(with_ if isinstance(with_, dict) else {})
        if found.file is not None:
            found = replace(found, file=self._confined(spec, found.file))
        limits = [ms for ms in (found.within_ms, spec.timeout_ms) if ms]
        return replace(found, within_ms=min(limits, default=None))

    def _confined(self, spec: StoredSpec, file: AwaitedFile) -> AwaitedFile:
        """Return where a file is, which stays below the folder of its task or the data directory."""
        home = str(self._tools.children.outputs.root.parent)
        path, root = confine(file.path, [spec.cwd or str(working_directory()), home])
        return replace(file, path=path, root=root)

    async def _carry_out(self, task: WaitingCondition, judgement: Judgement) -> None:
        """Submit a judgement; one that the store refuses fails its task, and else sets it aside."""
        try:
            await self._journal.submit(Decide(task_id=task.task_id, verdict=judgement))
            return
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
            refused = error
        message = f"the store refused its judgement: {refused.message}"
        failed = FailIt(error=TaskError(code="condition.refused", message=message))
        try:
            await self._journal.submit(Decide(task_id=task.task_id, verdict=failed))
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
            # It stays among those that are judged no more: the store would refuse it each time.
            self._refused.add(task.task_id)
            await set_aside(self._journal, task.job_id, task.task_id, refused)


def _expressions(spec: StoredSpec) -> list[JsonValue]:
    """Return all that is worked out in a judgement."""
    costs = spec.cost.expressions.values() if spec.cost else ()
    if spec.for_each is not None:
        when = None if spec.for_each.judges_each else spec.when
        return [spec.for_each.expressions, *(() if when is None else (f"${{{{ {when} }}}}",))]
    whens = () if spec.when is None else (f"${{{{ {spec.when} }}}}",)
    inputs = (spec.with_,) if spec.waits else ()
    return [*whens, *inputs, *(ref.key for ref in spec.limits), *costs]
