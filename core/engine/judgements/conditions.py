"""The judgement of tasks whose needs are met: `when`, limits, cost.

Called by the dispatcher after each batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from core.engine.attempts.attempt import Tools
from core.engine.expression_scopes import ExpressionScope
from core.engine.judgements.child_plans import ChildPlans
from core.engine.set_aside import Note, concerns_one, set_aside
from core.files.confinement import confine
from core.logs import bound
from core.model.errors import Invalid, TaskdeckError, Unavailable
from core.model.outcomes import TaskError
from core.model.paths import working_directory
from core.model.patterns.awaits import AwaitedFile
from core.model.patterns.children import USES as CHILD
from core.model.patterns.judgements import Decide, Expand, FailIt, Judgement, Proceed, SkipIt
from core.model.ports import WaitingConnector
from core.model.records import replace
from core.model.stored_spec import StoredSpec
from core.model.values import JsonValue
from core.store.journal import Journal
from core.store.reports.conditions import WaitingCondition

_WHAT = "the judgement of conditions"
PAGE = 500
"""Tasks that are read together, and judged at once."""


class Waiting(Protocol):
    """Where tasks that wait for a judgement are read."""

    async def to_judge(self, *, after: int = 0, limit: int = PAGE) -> Sequence[int]:
        """Return a page of all tasks that wait for a judgement or ask something, in order of id."""

    async def some(self, task_ids: Iterable[int]) -> Sequence[WaitingCondition]:
        """Return those of these tasks that wait for a judgement, or ask something of the engine."""


class Conditions:
    """Judge waiting conditions, each once at a time, and once more if it is named meanwhile."""

    def __init__(
        self, journal: Journal, tools: Tools, waiting: Waiting, *, note: Note, children: ChildPlans
    ) -> None:
        self._children = children
        self._journal = journal
        self._tools = tools
        self._waiting = waiting
        self._judging: set[int] = set()
        self._again: set[int] = set()
        """Those that were named while they are judged."""
        self._left: set[int] = set()
        """Those that could not be judged."""
        self._has_all = True
        """All that waited could be read when they were asked for."""
        self._note = note
        self._refused: set[int] = set()

    async def judge_all(self) -> None:
        """Judge every task that waits for it; raise the first error once all were tried.

        Those that a former engine left among them. Some may be left, for `judge_left`.
        """
        after, errors = 0, list[BaseException]()
        self._has_all = False
        while page := await self._waiting.to_judge(after=after, limit=PAGE):
            after = page[-1]
            errors += await self._judge_page([one for one in page if one not in self._refused])
        self._has_all = True
        _raise_first(errors)

    async def judge(self, task_ids: Iterable[int]) -> None:
        """Judge those of these tasks that wait for it; raise the first error once all were tried.

        Some may be left, for `judge_left`.
        """
        named, errors = sorted(set(task_ids)), list[BaseException]()
        # What makes them wait once more may have changed what the store refused.
        self._refused.difference_update(named)
        for first in range(0, len(named), PAGE):
            errors += await self._judge_page(named[first : first + PAGE])
        _raise_first(errors)

    async def judge_left(self) -> None:
        """Judge what was left, and all that waits if it could not be read; raise the first error."""
        await (self.judge(self._left) if self._has_all else self.judge_all())

    async def _judge_page(self, task_ids: Sequence[int]) -> list[BaseException]:
        self._again.update(self._judging.intersection(task_ids))
        fresh = [one for one in task_ids if one not in self._judging]
        self._judging.update(fresh)
        try:
            found = await self._read(fresh)
        except BaseException as error:
            self._left.update(fresh)
            for judged in (self._judging, self._again):
                judged.difference_update(fresh)
            if not isinstance(error, Exception):
                raise
            # Whatever broke, those on the pages behind are judged.
            return [error]
        # One that cannot be read at present must not keep those behind it from being judged.
        judgements = [self._judge(one, found.get(one)) for one in fresh]
        ends = await asyncio.gather(*judgements, return_exceptions=True)
        return [end for end in ends if end is not None]

    async def _read(self, task_ids: Sequence[int]) -> dict[int, WaitingCondition]:
        return {one.task_id: one for one in await self._waiting.some(task_ids)} if task_ids else {}

    def ended(self, judgement: asyncio.Task[None]) -> bool:
        """Note how judgements ended; return whether they left some that have to be judged later."""
        error = None if judgement.cancelled() else judgement.exception()
        if error is not None or (self._has_all and not self._left):
            self._note(_WHAT, error)
        return error is not None

    async def _judge(self, task_id: int, task: WaitingCondition | None) -> None:
        try:
            await self._judge_as_named(task_id, task)
        except BaseException:
            self._left.add(task_id)
            raise
        else:
            self._left.discard(task_id)
        finally:
            self._judging.discard(task_id)
            self._again.discard(task_id)

    async def _judge_as_named(self, task_id: int, task: WaitingCondition | None) -> None:
        """Judge a task as it was read, and again while it is named meanwhile."""
        while True:
            if task is not None:
                with bound(job=task.job_id, task=task_id):
                    await self._carry_out(task, await self._verdict(task))
            if task_id not in self._again:
                return
            self._again.discard(task_id)
            task = (await self._read([task_id])).get(task_id)

    async def _verdict(self, task: WaitingCondition) -> Judgement:
        try:
            spec = StoredSpec.of_text(task.spec)
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
        question = task.question
        try:
            await self._journal.submit(Decide(task_id=task.task_id, verdict=judgement, question=question))
            return
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
            refused = error
        message = f"the store refused its judgement: {refused.message}"
        failed = FailIt(error=TaskError(code="condition.refused", message=message))
        try:
            await self._journal.submit(Decide(task_id=task.task_id, verdict=failed, question=question))
        except TaskdeckError as error:
            if not concerns_one(error):
                raise
            # It stays among those that are judged no more: the store would refuse it each time.
            self._refused.add(task.task_id)
            await set_aside(self._journal, task.job_id, task.task_id, refused)


def _raise_first(errors: Sequence[BaseException]) -> None:
    """Raise that the store cannot be read or written, if it is so; else the first error, if there is any."""
    if errors:
        raise next((error for error in errors if isinstance(error, Unavailable)), errors[0])


def _expressions(spec: StoredSpec) -> list[JsonValue]:
    """Return all that is worked out in a judgement."""
    costs = spec.cost.expressions.values() if spec.cost else ()
    if spec.for_each is not None:
        when = None if spec.for_each.judges_each else spec.when
        return [spec.for_each.expressions, *(() if when is None else (f"${{{{ {when} }}}}",))]
    whens = () if spec.when is None else (f"${{{{ {spec.when} }}}}",)
    inputs = (spec.with_,) if spec.waits else ()
    return [*whens, *inputs, *(ref.key for ref in spec.limits), *costs]
