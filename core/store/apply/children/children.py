"""Begin the jobs that tasks wait for.

Called by the judgements; worklets begin in `worklets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.model.commands.work import Operated, Rerun, Submit
from core.model.crash_points import crash_point
from core.model.outcomes import TaskError
from core.model.patterns.children import DEPTH_MAX, TOO_DEEP, OnChildFailure
from core.model.patterns.judgements import BeginChild
from core.model.plans import JobPlan
from core.model.status import JOB_FINAL, JobStatus
from core.store.apply.children import child_ends, child_places
from core.store.apply.limits.lane_sets import note_terms
from core.store.apply.moves import idle, waiting
from core.store.apply.rerun import apply_rerun
from core.store.apply.submit import ChildLink, submit_child
from core.store.batch import Batch
from core.store.rows import PLACE, Awaited

_ABOVE = (
    "SELECT j.id, coalesce(j.root_id, j.id), j.depth, j.documents, j.status = 'paused' OR j.paused_above,"
    " CASE WHEN json_valid(t.spec) THEN t.spec->>'$.context.at' END"
    " FROM task t JOIN job j ON j.id = t.job_id WHERE t.id = ?"
)
_LAST = (
    "SELECT j.id, j.status FROM job j INDEXED BY job_child WHERE j.parent_task = ? AND NOT j.superseded"
    " AND NOT j.is_worklet AND NOT EXISTS (SELECT 1 FROM purge p WHERE p.job_id = j.id)"
    " ORDER BY j.id DESC LIMIT 1"
)
_WAITS = f"SELECT {PLACE} FROM task WHERE id = ? AND wait_reason = 'condition' AND status = 'blocked'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """The job of a task that a child is made for."""

    job_id: int
    link: ChildLink

    @property
    def is_full(self) -> bool:
        """Whether no more jobs may be below it."""
        return self.link.depth > DEPTH_MAX


class _Child(NamedTuple):
    """The child that a task had before."""

    id: int
    status: JobStatus


def begin_child(batch: Batch, task_id: int, command: BeginChild) -> bool:
    """Let a task wait for its child, a new one or the one it had; False = it waits for no judgement."""
    places = batch.places(_WAITS, task_id)
    if not places:
        return False
    above = link_above(batch, task_id)
    if above.is_full:
        return idle.fail_by_judgement(batch, task_id, _too_deep(above).to_json())
    if command.terms is not None:
        note_terms(batch, task_id, command.terms)
    child = _known(batch, task_id)
    if child is None:
        child = _Child(submit_below(batch, command.plan, above), JobStatus.PENDING)
        child_places.ask(batch, child.id)
    crash_point("childjob.begun")
    awaited = Awaited(
        fails_at=None if command.within_ms is None else batch.now + command.within_ms,
        child_id=child.id,
        on_child_failure=None
        if command.on_child_failure is OnChildFailure.FAIL
        else command.on_child_failure,
    )
    waiting.begin(batch, task_id, awaited)
    if child.status in JOB_FINAL:
        child_ends.answer_parent(batch, child.id)
    return True


def link_above(batch: Batch, task_id: int, *, is_worklet: bool = False) -> Above:
    """Return the job of a task, as a job below it is linked to it."""
    ((job_id, root_id, depth, documents, paused, surroundings),) = batch.rows(_ABOVE, task_id)
    link = ChildLink(
        parent_task=task_id,
        root_id=root_id,
        depth=depth + 1,
        documents=documents,
        surroundings=surroundings,
        paused_above=bool(paused),
        is_worklet=is_worklet,
    )
    return Above(job_id=job_id, link=link)


def _too_deep(above: Above) -> TaskError:
    return TaskError(
        code="workflow.depth", message=TOO_DEEP, facts={"depth": above.link.depth, "max": DEPTH_MAX}
    )


def _known(batch: Batch, task_id: int) -> _Child | None:
    """Return the child of a task that runs again, in which what failed runs again; None = a new one."""
    row = batch.one(_LAST, task_id)
    if row is None:
        return None
    child = _Child(row[0], JobStatus(row[1]))
    if child.status not in JOB_FINAL or child.status is JobStatus.SUCCEEDED:
        return child
    again = Rerun(job_id=child.id, reason=f"its task {task_id} runs again", force=True)
    answer = apply_rerun(batch, again)
    if not isinstance(answer, Operated) or not answer.changed:
        return None
    return _Child(child.id, JobStatus.RUNNING)


def submit_below(batch: Batch, plan: JobPlan, above: Above) -> int:
    """Add a job below another; return its id."""
    actor = f"task {above.link.parent_task}"
    return submit_child(batch, Submit(plan=plan, actor=actor), above.link)
