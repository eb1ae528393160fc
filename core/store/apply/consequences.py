"""Consequences of final tasks: needs, skips, stages, verdicts, ends; limited per batch.

Called through the table in `core.store.dispatch`.

What a batch leaves over stands in `followup` for a later one, also after a crash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from core.model.commands.work import FollowUp
from core.model.plans import NeedWhen, OnTaskFailure
from core.model.records import replace
from core.model.status import JOB, TASK, TaskStatus
from core.model.values import INBOX
from core.store.apply.children.job_answers import answer_ended
from core.store.apply.claims.lanes import open_job
from core.store.apply.ends import give_verdict
from core.store.apply.groups.align_instances import align
from core.store.apply.groups.groups import begin_more, decide_groups, read_set
from core.store.apply.limits.exhaustion import fail_in_vain
from core.store.apply.limits.lane_sets import rekey
from core.store.apply.moves import idle, queueing
from core.store.apply.stages import close_stages, unblock_stage
from core.store.apply.verdicts import cancel_rest
from core.store.batch import MAX_EDGES_PER_BATCH, Batch
from core.store.rows import FinalTask, LeftOver, by_task_id
from core.store.sql import among, guard, ids, pack

_TAKEN_UP = 100
"""Of what was left over one batch takes up no more."""
_EDGES_EACH = 10
"""Edges that a batch reads for each consequence that it may carry out."""
_LEFT = "SELECT kind, id FROM followup WHERE (kind, id) {} (?, ?) ORDER BY kind, id LIMIT ?"
_EDGES = (
    "SELECT e.need_id, e.task_id, e.kind FROM json_each(?) AS j JOIN edge e ON e.need_id = j.value"
    f" JOIN task t ON t.id = e.task_id WHERE e.met = 0 AND {guard(TASK['skip'], 't.status')} LIMIT ?"
)
_NEEDED = (
    "SELECT j.value FROM json_each(?) AS j"
    " WHERE EXISTS (SELECT 1 FROM edge WHERE need_id = j.value AND met = 0)"
)
_MEET = (
    "UPDATE edge SET met = 1 FROM json_each(?) AS j"
    " WHERE edge.need_id = j.value->>0 AND edge.task_id = j.value->>1 AND edge.met = 0"
)
_LIVE = (
    "SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?))"
    f" AND ({guard(JOB['verdict'])} OR status = 'ending' AND finishing = 1)"
)
_FAILED = (
    "SELECT job.id, job.on_task_failure, t.key, t.id FROM json_each(?) AS j JOIN task t ON t.id = j.value"
    f" JOIN job ON job.id = t.job_id JOIN stage s ON s.id = t.stage_id AND NOT s.is_finally"
    f" WHERE {guard(JOB['verdict'], 'job.status')} ORDER BY job.id"
)


@dataclass(slots=True)
class _Edge:
    """A need of a blocked task whose end has come."""

    need_id: int
    task_id: int
    kind: str

    def is_met_by(self, end: TaskStatus) -> bool:
        return self.kind == NeedWhen.DONE or end is TaskStatus.SUCCEEDED


def apply_consequences(batch: Batch, *, over: Callable[[Batch], None] = answer_ended) -> None:
    """Follow the tasks that became final in this batch, as far as its budget goes.

    `over` answers the tasks of others that wait for the jobs which end.
    """
    _follow_finals(batch, over)
    while _is_left(batch) and batch.budget > 0:
        _follow_finals(batch, over)
    while batch.finals:
        _leave_finals(batch, over)
    batch.followups += [LeftOver("set", set_id) for set_id in sorted(batch.sets | batch.turns)]
    batch.sets, batch.turns = set(), set()


def _is_left(batch: Batch) -> bool:
    return bool(batch.finals or batch.sets or batch.turns)


def _follow_finals(batch: Batch, over: Callable[[Batch], None]) -> None:
    while _is_left(batch) and batch.budget > 0:
        _align_sets(batch)
        finals, batch.finals = batch.finals, []
        decide_groups(batch, finals)
        _first_failures(batch, finals)
        _follow_edges(batch, _of_live_jobs(batch, finals))
        close_stages(batch, finals)
        _carry_out_verdicts(batch)
        over(batch)
    _leave_finals(batch, over)


def _leave_finals(batch: Batch, over: Callable[[Batch], None]) -> None:
    """Count what ended for groups and stages; what else follows is for a later batch."""
    finals, batch.finals = batch.finals, []
    if finals:
        decide_groups(batch, finals)
        needed = batch.rows(_NEEDED, ids(final.task_id for final in finals))
        batch.followups += [LeftOver("task", task_id) for (task_id,) in needed]
        # The end of a child may have failed the task that waited for it.
        _first_failures(batch, finals)
        close_stages(batch, finals)
    _carry_out_verdicts(batch)
    over(batch)


def apply_follow_ups(batch: Batch, commands: Sequence[FollowUp]) -> list[None]:
    """Take up what an earlier batch left over, once, as far as the budget goes."""
    if commands:
        carry_out(batch, take_left_overs(batch))
    return [None] * len(commands)


def take_left_overs(batch: Batch) -> list[LeftOver]:
    """Take what earlier batches left over, a limited number; the caller carries it out."""
    left = left_overs(batch)
    if batch.left_before is not None:
        left = [one for one in left if one in batch.left_before]
    # What a command of this batch left over once more is for a later one.
    taken = [one for one in left if one not in batch.left_now]
    batch.many("DELETE FROM followup WHERE kind = ? AND id = ?", taken)
    return left


def left_overs(batch: Batch) -> list[LeftOver]:
    """Return some of what was left over in turn: behind the last that was taken up, then from the first."""
    reached = batch.reached_before
    behind = batch.typed(LeftOver, _LEFT.format(">"), *reached, _TAKEN_UP)
    return behind + batch.typed(LeftOver, _LEFT.format("<="), *reached, _TAKEN_UP - len(behind))


def carry_out(batch: Batch, left: Sequence[LeftOver]) -> None:
    """Carry out what was left over, as far as the budget goes; put the rest back."""
    for is_edges, some in groupby(left, key=_is_edges):
        if is_edges:
            _take_up_edges(batch, list(some))
            continue
        for one in some:
            if batch.budget > 0:
                batch.reached = one
                _take_up(batch, one)
            else:
                batch.followups.append(one)


def _is_edges(left: LeftOver) -> bool:
    return left.kind == "task"


def _take_up(batch: Batch, left: LeftOver) -> None:
    match left.kind:
        case "job":
            cancel_rest(batch, left.id)
        case "stage":
            unblock_stage(batch, left.id)
        case "lanes":
            open_job(batch, left.id)
        case "limits":
            rekey(batch, left.id)
        case "spent" | "dear":
            fail_in_vain(batch, left)
        case "set":
            align(batch, left.id)


def _take_up_edges(batch: Batch, left: Sequence[LeftOver]) -> None:
    if batch.budget <= 0:
        batch.followups += left
        return
    batch.reached = left[-1]
    rows = batch.rows(
        "SELECT id, job_id, stage_id, status, tolerated, set_id FROM task"
        " WHERE id IN (SELECT value FROM json_each(?))"
        f" AND {among(TASK['rerun'].sources)}",
        ids(one.id for one in left),
    )
    again = [
        FinalTask(t, j, s, TaskStatus(status), bool(tolerated), set_id)
        for t, j, s, status, tolerated, set_id in rows
    ]
    _follow_edges(batch, _of_live_jobs(batch, again))


def _align_sets(batch: Batch) -> None:
    """Bring sets in line that this batch changed, and let the next instances begin."""
    turns, batch.turns = batch.turns, set()
    sets, batch.sets = batch.sets, set()
    for set_id in sorted(turns - sets):
        group = read_set(batch, set_id)
        if group is not None:
            begin_more(batch, group, limit=batch.limit)
    for set_id in sorted(sets):
        align(batch, set_id)


def _carry_out_verdicts(batch: Batch) -> None:
    while batch.verdicts:
        cancel_rest(batch, batch.verdicts.pop())


def _first_failures(batch: Batch, finals: list[FinalTask]) -> None:
    """Give the verdict where the first FAILED task of a job brings it."""
    failed = {
        final.job_id: final.task_id
        for final in reversed(finals)
        if final.counts_as is TaskStatus.FAILED and final.job_id != INBOX and final.set_id is None
    }
    if not failed:
        return
    for job_id, on_task_failure, key, task_id in batch.rows(_FAILED, ids(failed.values())):
        verdict = batch.rules.verdict_of_task(OnTaskFailure(on_task_failure), key)
        if verdict is not None:
            give_verdict(batch, job_id, replace(verdict, task_id=task_id))


def _of_live_jobs(batch: Batch, finals: list[FinalTask]) -> list[FinalTask]:
    """Leave out loose tasks and those of jobs that are ending: nothing follows from them."""
    jobs = {final.job_id for final in finals} - {INBOX}
    live = {job_id for (job_id,) in batch.rows(_LIVE, ids(jobs))} if jobs else set()
    return [final for final in finals if final.job_id in live]


def _follow_edges(batch: Batch, finals: list[FinalTask]) -> None:
    """Meet or fail the edges from these tasks; what exceeds the budget is followed up."""
    if not finals:
        return
    # By id: where the budget cuts, a replay, which ends them in another order, cuts at the same place.
    status = {final.task_id: final.counts_as for final in sorted(finals, key=by_task_id)}
    most = min(MAX_EDGES_PER_BATCH, _EDGES_EACH * batch.limit)
    read = batch.typed(_Edge, _EDGES, ids(status), most)
    edges, cut = _within(read, batch.budget)
    # Where the read was cut short, any of the tasks may have more edges than were seen.
    unseen = status if len(read) == most else cut
    batch.followups += [LeftOver("task", task_id) for task_id in unseen]
    met: list[_Edge] = []
    failed: dict[int, int] = {}
    for edge in edges:
        if edge.is_met_by(status[edge.need_id]):
            met.append(edge)
        else:
            failed[edge.task_id] = edge.need_id
    if failed:
        batch.budget -= idle.skip_for_needs(batch, failed)
    batch.budget -= _meet(batch, [edge for edge in met if edge.task_id not in failed])


class _Cut(NamedTuple):
    """Edges that are followed, and the needs of those that are not."""

    kept: list[_Edge]
    left: dict[int, None]


def _within(edges: list[_Edge], budget: int) -> _Cut:
    """Keep the edges to so many tasks; name the needs of the others."""
    if len(edges) <= budget:
        return _Cut(edges, {})
    chosen: set[int] = set()
    kept: list[_Edge] = []
    cut: dict[int, None] = {}
    for edge in edges:
        if edge.task_id in chosen or len(chosen) < budget:
            chosen.add(edge.task_id)
            kept.append(edge)
        else:
            cut[edge.need_id] = None
    return _Cut(kept, cut)


def _meet(batch: Batch, edges: list[_Edge]) -> int:
    if not edges:
        return 0
    batch.run(_MEET, pack([[edge.need_id, edge.task_id] for edge in edges]))
    return queueing.unblock_by_needs(batch, Counter(edge.task_id for edge in edges))
