"""Gauge sets of tasks, by the limits they are under.

Called where tasks are admitted, judged, and when limits change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.model.limits.limit_forms import cost_column
from core.model.limits.limits import DEFAULT_POOL, GaugeKey, Limit, OnExhausted, TaskFacts
from core.model.limits.task_facts import facts_of
from core.model.limits.terms import Terms
from core.model.plans import TaskPlan
from core.model.records import replace
from core.model.stored_spec import StoredSpec, terms_to_json
from core.model.values import INBOX, JsonObject
from core.store.apply.claims.lanes import Lanes
from core.store.batch import Batch
from core.store.capacity import NOTHING_SAID, Said, set_of
from core.store.rows import Bound, LeftOver
from core.store.sql import ids, pack, unpack

_TASK = (
    "SELECT t.id, t.job_id, coalesce(job.root_id, job.id), t.queue, t.lane_id, t.uses, t.spec, job.name,"
    " job.project,"
    f" CASE WHEN t.tries + t.losses > 0 THEN (SELECT coalesce(a.pool, '{DEFAULT_POOL}') FROM attempt a"
    " WHERE a.task_id = t.id AND a.epoch = t.epoch) END FROM task t JOIN job ON job.id = t.job_id"
)
_WAITING = (
    f"{_TASK} WHERE t.id > ? AND t.status IN"
    " ('blocked', 'held', 'queued', 'retrying', 'waiting') ORDER BY t.id LIMIT ?"
)
_CHOSEN = f"{_TASK} WHERE t.id IN (SELECT value FROM json_each(?))"
_JUDGED = f"{_TASK} WHERE t.id = ? AND t.wait_reason = 'condition'"


class Waiting(NamedTuple):
    """A task that waits, as far as limits see it."""

    id: int
    job_id: int
    root_id: int
    """The job whose budgets it is under: its own, or the one above all."""
    queue: str
    lane_id: int
    uses: str
    spec: str
    workflow: str
    project: str | None
    repeats_in: str | None
    """The pool of its last attempt, where the next one is a retry."""


class GaugeSets:
    """Gauge sets by the facts of tasks, within one batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._limits: Sequence[Limit] = tuple(batch.capacity.limits.values())
        self._known: dict[tuple[Sequence[GaugeKey], Said], int] = {}
        self._by_facts: dict[tuple[TaskFacts, Said], int] = {}

    @property
    def are_needed(self) -> bool:
        """Whether any pool or limit is configured."""
        return bool(self._limits or self._batch.capacity.pools)

    def of_plan(self, plan: TaskPlan, *, job_id: int, workflow: str | None, project: str | None) -> int:
        """Return the gauge set of a task that is admitted."""
        if not self.are_needed:
            return 0
        said = self._said(plan.prefer, plan.on_exhausted)
        if not self._limits:
            return self._with((), said)
        facts = facts_of(plan, job=job_id, workflow=workflow, project=project)
        known = self._by_facts.get((facts, said))
        if known is None:
            keys = self._batch.rules.gauge_keys(facts, self._limits)
            known = self._by_facts[facts, said] = self._with(keys, said)
        return known

    def of_waiting(self, task: Waiting) -> int:
        """Return the gauge set of a task that was admitted, by its row."""
        if not self.are_needed:
            return 0
        plan = _plan(task)
        keys = self._batch.rules.gauge_keys(_facts(task, plan), self._limits)
        return self._with(keys, self._said(plan.prefer, plan.on_exhausted))

    def _with(self, keys: tuple[GaugeKey, ...], said: Said) -> int:
        known = self._known.get((keys, said))
        if known is None:
            capacity = self._batch.capacity
            gauges = [self._batch.gauges.find(capacity.limits[one.name], one.key) for one in keys]
            known = self._known[keys, said] = set_of(self._batch.db, gauges, said)
            if said != NOTHING_SAID:
                capacity.forget_sets()
        return known

    def _said(self, prefer: tuple[str, ...], on_exhausted: OnExhausted | None) -> Said:
        """Return what matters where pools, or limits, are configured."""
        return Said(
            prefer if self._batch.capacity.pools else (),
            on_exhausted if on_exhausted and self._limits else "",
        )


def rekey_waiting(batch: Batch) -> None:
    """Let follow-ups bring every task that waits under the limits as they are now; none is claimed before."""
    batch.run("DELETE FROM followup WHERE kind = 'limits'")
    if batch.left_before is not None:
        batch.left_before = frozenset(one for one in batch.left_before if one.kind != "limits")
    batch.followups.append(LeftOver("limits", 0))


def rekey(batch: Batch, after: int) -> None:
    """Bring the next tasks that wait under the limits; what is left stands in `followup`."""
    sets, lanes, most = GaugeSets(batch), dict[int, Lanes](), max(0, batch.budget)
    waiting = batch.typed(Waiting, _WAITING, after, most)
    moved: list[tuple[int, int]] = []
    touched: set[int] = set()
    for task in waiting:
        lane_id = lanes.setdefault(task.job_id, Lanes(batch, task.job_id)).of(
            task.queue, sets.of_waiting(task)
        )
        if lane_id != task.lane_id:
            moved.append((lane_id, task.id))
            touched |= {lane_id, task.lane_id}
    batch.many("UPDATE task SET lane_id = ? WHERE id = ?", moved)
    for lane_id in touched:
        batch.reorder_lane_id(lane_id)
    batch.budget -= len(waiting)
    if len(waiting) == most:
        batch.followups.append(LeftOver("limits", waiting[-1].id if waiting else after))


def bind(batch: Batch, task_id: int, terms: Terms) -> Bound | None:
    """Return where a judged task belongs by its terms; None = it does not wait for a judgement."""
    for task in batch.typed(Waiting, _JUDGED, task_id):
        stored = {**_stored(task.spec), "terms": terms_to_json(terms)}
        bound = task._replace(spec=pack(stored))
        lane_id = Lanes(batch, task.job_id).of(task.queue, GaugeSets(batch).of_waiting(bound))
        return Bound(lane_id, cost_column(terms.cost), bound.spec)
    return None


def note_terms(batch: Batch, task_id: int, terms: Terms) -> None:
    """Note the terms of a task that is judged and waits for no slot, and where it belongs by them."""
    bound = bind(batch, task_id, terms)
    if bound is not None:
        batch.run("UPDATE task SET lane_id = ?, cost = ?, spec = ? WHERE id = ?", *bound, task_id)


def join_retries(batch: Batch, task_id: int) -> None:
    """Bring a task that failed under the limits on retries of its backends, before it is queued again."""
    if batch.capacity.retries:
        for task in batch.typed(Waiting, _CHOSEN, ids([task_id])):
            _put(batch, task)


def leave_retries(batch: Batch, task_ids: Iterable[int]) -> None:
    """Bring tasks that start over back to where first attempts wait; they are final."""
    if batch.capacity.retries:
        for task in batch.typed(Waiting, _CHOSEN, ids(task_ids)):
            if task.repeats_in is not None:
                _put(batch, task._replace(repeats_in=None))


def lane_of(batch: Batch, task_id: int) -> int:
    """Return the lane of tasks that say of limits what this one says."""
    (task,) = batch.typed(Waiting, _CHOSEN, ids([task_id]))
    return Lanes(batch, task.job_id).of(task.queue, GaugeSets(batch).of_waiting(task))


def counting_gauges(batch: Batch, task_id: int) -> Sequence[int]:
    """Return the gauges that count the child of a task as the limits are now; none where none does.

    Raise `Invalid` for a task that cannot be read: which limits count its child is not known then.
    """
    limits = batch.capacity.limits
    for task in batch.typed(Waiting, _CHOSEN, ids([task_id])):
        plan = _plan_of(task, StoredSpec.of_text(task.spec))
        keys = batch.rules.place_keys(_facts(task, plan), tuple(limits.values()))
        return sorted(batch.gauges.find(limits[one.name], one.key) for one in keys)
    return ()


def _put(batch: Batch, task: Waiting) -> None:
    lane_id = Lanes(batch, task.job_id).of(task.queue, GaugeSets(batch).of_waiting(task))
    if lane_id != task.lane_id:
        batch.run("UPDATE task SET lane_id = ? WHERE id = ?", lane_id, task.id)


def is_being_keyed(batch: Batch) -> bool:
    """Return whether tasks that wait are still to be brought under changed limits."""
    # Those that this batch leaves over are written at its end, after its claim.
    return (
        any(left.kind == "limits" for left in batch.followups)
        or batch.one("SELECT 1 FROM followup WHERE kind = 'limits' LIMIT 1") is not None
    )


def facts_of_task(batch: Batch, task_id: int) -> TaskFacts:
    """Return what decides on the limits of a task, which must be there."""
    (task,) = batch.typed(Waiting, _CHOSEN, ids([task_id]))
    return _facts(task, _plan(task))


def _plan(task: Waiting) -> TaskPlan:
    """Return what an admitted task says, as far as limits and pools go; nothing where it cannot be read."""
    return _plan_of(task, StoredSpec.or_nothing(task.spec))


def _plan_of(task: Waiting, spec: StoredSpec) -> TaskPlan:
    return TaskPlan(
        key="",
        uses=task.uses,
        queue=task.queue,
        with_=spec.with_,
        limits=spec.bound_limits,
        prefer=spec.prefer,
        on_exhausted=spec.on_exhausted,
        tags=spec.tags,
        project=spec.project,
    )


def _facts(task: Waiting, plan: TaskPlan) -> TaskFacts:
    workflow = None if task.job_id == INBOX else task.workflow
    facts = facts_of(plan, job=task.root_id, workflow=workflow, project=task.project)
    return facts if task.repeats_in is None else replace(facts, repeats_in=task.repeats_in)


def _stored(spec: str) -> JsonObject:
    stored = unpack(spec)
    return stored if isinstance(stored, dict) else {}
