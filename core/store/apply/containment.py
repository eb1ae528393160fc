"""Containment: follow jobs one by one, so one fails alone.

Called through the table in `core.store.dispatch` and by the claim apart, when a batch is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from core.model.commands.work import ComeDue, FollowUp, NoteFault
from core.model.decisions import Verdict
from core.model.errors import Bug
from core.model.status import TASK_FINAL, JobStatus, TaskStatus
from core.model.values import INBOX
from core.store.apply.children.job_answers import put_off
from core.store.apply.consequences import (
    apply_consequences,
    apply_follow_ups,
    carry_out,
    take_left_overs,
)
from core.store.apply.ends import end_job, give_verdict
from core.store.apply.limits.exhaustion import IN_VAIN, InVain, fail_one_in_vain, find_in_vain
from core.store.apply.limits.unknown_estimates import estimate_unknown
from core.store.apply.moves import idle, jobs, queueing
from core.store.apply.moves.idle import IdleTask
from core.store.apply.upkeep.recounts import recount_job
from core.store.apply.verdicts import cancel_idle_of
from core.store.apply.waits import answers
from core.store.batch import Batch
from core.store.batch_report import Fault
from core.store.database import is_trouble
from core.store.rows import Cause, FinalTask, LeftOver, Subject, TaskPlace
from core.store.savepoints import under_savepoint
from core.store.sql import among

_DUE_APART = 100
"""Retrying tasks that a replay queues one by one; the alarm of the rest is armed again at once."""
_LATER_MS = 3_600_000
_UNENDED = f"SELECT 1 FROM task INDEXED BY task_list WHERE job_id = ? AND NOT {among(TASK_FINAL)} LIMIT 1"
_NAMED = (
    "SELECT 1 FROM event INDEXED BY event_task WHERE task_id = ? AND kind = 'fault.found'"
    " AND id > (SELECT max(id) FROM event INDEXED BY event_task WHERE task_id = ?1"
    " AND kind IN ('task.created', 'task.queued', 'task.rerun')) LIMIT 1"
)
_NAMED_JOB = "SELECT 1 FROM event WHERE job_id = ? AND task_id IS NULL AND kind = 'fault.found' LIMIT 1"
_JOB_OF = {
    "job": "SELECT id FROM job WHERE id = ?",
    "stage": "SELECT job_id FROM stage WHERE id = ?",
    "task": "SELECT job_id FROM task WHERE id = ?",
    "lanes": "SELECT id FROM job WHERE id = ?",
    "limits": "SELECT min(id) FROM job WHERE ? >= 0",
    "spent": "SELECT min(job_id) FROM lane WHERE aisle_id = ? HAVING count(*) > 0",
    "dear": "SELECT job_id FROM lane WHERE id = ?",
    "set": "SELECT job_id FROM instance_set WHERE id = ?",
}


class _Undone(Exception):
    """Ends a rehearsal that went well."""


@dataclass(slots=True)
class _Due:
    """What is to be followed of one job."""

    finals: list[FinalTask] = field(default_factory=list)
    verdicts: list[int] = field(default_factory=list)
    sets: set[int] = field(default_factory=set)
    turns: set[int] = field(default_factory=set)

    @staticmethod
    def taken_from(batch: Batch) -> _Due:
        due = _Due(batch.finals, batch.verdicts, batch.sets, batch.turns)
        batch.finals, batch.verdicts, batch.sets, batch.turns = [], [], set(), set()
        return due

    def give_to(self, batch: Batch) -> None:
        batch.finals, batch.verdicts = list(self.finals), list(self.verdicts)
        batch.sets, batch.turns = set(self.sets), set(self.turns)

    def follow(self, batch: Batch) -> None:
        self.give_to(batch)
        apply_consequences(batch)

    def follow_own(self, batch: Batch, *, job_id: int) -> None:
        self.give_to(batch)
        _follow_own(batch, job_id)


def apply_consequences_apart(batch: Batch) -> None:
    """Follow final tasks and verdicts; where that fails, job by job: one at fault is failed or set aside."""
    whole = _Due.taken_from(batch)
    if tried(batch, whole.follow) is not None:
        whole.give_to(batch)
        _follow_apart(batch)


def _follow_apart(batch: Batch) -> None:
    """Follow job by job; what the end of a child means for the job above it is followed after that."""
    while by_job := _by_job(batch, _Due.taken_from(batch)):
        for job_id, due in by_job.items():
            _contain(batch, job_id, partial(due.follow_own, job_id=job_id))


def _by_job(batch: Batch, whole: _Due) -> dict[int, _Due]:
    by_job: dict[int, _Due] = {}
    for final in whole.finals:
        by_job.setdefault(final.job_id, _Due()).finals.append(final)
    for job_id in whole.verdicts:
        by_job.setdefault(job_id, _Due()).verdicts.append(job_id)
    for set_id in sorted(whole.sets | whole.turns):
        row = batch.one(_JOB_OF["set"], set_id)
        if row is not None:
            by_job.setdefault(row[0], _Due()).sets.add(set_id)
    return by_job


def _follow_own(batch: Batch, job_id: int) -> None:
    """Follow what this batch has of one job; final tasks of others stay in the batch."""
    others: list[FinalTask] = []

    def put_others_off(batch: Batch) -> None:
        # A task of another job that is at fault must not keep this one back.
        others.extend(final for final in batch.finals if final.job_id != job_id)
        batch.finals = [final for final in batch.finals if final.job_id == job_id]
        put_off(batch)

    apply_consequences(batch, over=put_others_off)
    batch.finals = others


def apply_follow_ups_apart(batch: Batch, commands: Sequence[FollowUp]) -> list[None]:
    """Take up what an earlier batch left over; where that fails, each by itself: one at fault is dropped.

    What follows from all of it is carried out with the consequences of the other commands: they share the
    budget, and where that ends is the same as in a batch.
    """
    if tried(batch, partial(_take_up, commands=commands)) is None:
        return [None] * len(commands)
    for left in take_left_overs(batch) if commands else ():
        if left.kind in IN_VAIN and _fail_in_vain_apart(batch, left):
            continue
        row = batch.one(_JOB_OF[left.kind], left.id)
        if row is not None:
            _contain(batch, row[0], partial(_carry_out, left=left, job_id=row[0]))
    return [None] * len(commands)


def _fail_in_vain_apart(batch: Batch, left: LeftOver) -> bool:
    """Fail tasks that wait in vain one by one, and hold one at fault; False = they cannot even be read."""
    found: list[InVain] = []

    def find(part: Batch) -> None:
        found.extend(find_in_vain(part, left))

    if tried(batch, find) is not None:
        return False
    batch.reached = left
    for one in found:
        error = tried(batch, partial(fail_one_in_vain, one=one))
        if error is not None:
            reason = f"it waits in vain and cannot be failed: {error_name(error)}"
            keep_queued_back(batch, one.task, reason)
    return True


def apply_come_due_apart(batch: Batch, _: ComeDue) -> None:
    """Queue the retrying tasks that are due one by one; one that cannot be queued is held."""
    for place in queueing.due(batch, limit=_DUE_APART):
        error = tried(batch, partial(queueing.come_due_alone, place=place))
        if error is not None:
            _keep_back(batch, place, f"it cannot be queued: {error_name(error)}", of=TaskStatus.RETRYING)
    for answer in answers.due(batch, limit=_DUE_APART):
        error = tried(batch, answer.give)
        if error is not None:
            _keep_back(
                batch, answer.place, f"its answer cannot be given: {error_name(error)}", of=TaskStatus.WAITING
            )
    tried(batch, estimate_unknown)


def _keep_back(batch: Batch, place: TaskPlace, reason: str, *, of: TaskStatus) -> None:
    """Hold a task; where even that is refused, set it aside and look at it again in an hour."""
    task = IdleTask(place, of)
    if tried(batch, partial(_hold, task=task, reason=reason)) is not None:
        set_aside(batch, Subject(place.job_id, place.task_id), reason)
        tried(batch, partial(queueing.put_off, place=place, retry_at=batch.now + _LATER_MS))


def keep_queued_back(batch: Batch, place: TaskPlace, reason: str) -> bool:
    """Hold a queued task at fault and name it; False = even that is refused, and it is named once."""
    subject, task = Subject(place.job_id, place.task_id), IdleTask(place, TaskStatus.QUEUED)
    if tried(batch, partial(_hold, task=task, reason=reason)) is not None:
        name_once(batch, subject, reason)
        return False
    set_aside(batch, subject, reason)
    return True


def _hold(batch: Batch, *, task: IdleTask, reason: str) -> None:
    """Hold a task at fault; raise `Bug` where it does not land, so that the task is set aside by name."""
    if not idle.hold(batch, task, Cause(reason=reason)):
        raise Bug("task.unheld", "a task at fault could not be held", facts={"task": task.place.task_id})


def apply_note_fault(batch: Batch, command: NoteFault) -> None:
    """Write into the history that a task is set aside; no row changes."""
    set_aside(batch, Subject(command.job_id, command.task_id, command.epoch), command.message)


def _take_up(batch: Batch, *, commands: Sequence[FollowUp]) -> None:
    apply_follow_ups(batch, commands)


def _carry_out(batch: Batch, *, left: LeftOver, job_id: int) -> None:
    carry_out(batch, [left])
    _follow_own(batch, job_id)


def _contain(batch: Batch, job_id: int, work: Callable[[Batch], None]) -> None:
    error = tried(batch, work)
    if error is None:
        return
    reason = f"what follows from its tasks could not be carried out: {error_name(error)}"
    if job_id == INBOX or not _fail_job(batch, job_id, reason):
        set_aside(batch, Subject(job_id), reason)


def fail_job(batch: Batch, job_id: int, reason: str) -> bool:
    """Fail a job for a fault in its rows, and follow what that means for others; False = it cannot be."""
    is_failed = _fail_job(batch, job_id, reason)
    _follow_apart(batch)
    return is_failed


def _fail_job(batch: Batch, job_id: int, reason: str) -> bool:
    """Fail a job, as whole as its rows allow; False = they do not."""
    return any(
        tried(batch, partial(fail, job_id=job_id, reason=reason)) is None
        for fail in (_fail_whole, _fail_bare)
    )


def tried(batch: Batch, work: Callable[[Batch], None]) -> Exception | None:
    """Do something under a savepoint; return the error that undid it, trouble of the store apart."""
    try:
        under_savepoint(batch, work)
    except Exception as error:
        if not batch.db.in_transaction or is_trouble(error):
            raise
        return error
    return None


def would_raise(batch: Batch, work: Callable[[Batch], object]) -> bool:
    """Do something under a savepoint and undo it; return whether it raised."""

    def rehearse(part: Batch) -> None:
        work(part)
        part.finish()
        raise _Undone

    return not isinstance(tried(batch, rehearse), _Undone)


def _fail_whole(batch: Batch, *, job_id: int, reason: str) -> None:
    """Fail a job as a verdict does: what is left of it is cancelled, its stages are closed."""
    # The counts that the fault left behind would keep its stages open.
    recount_job(batch, job_id)
    if not give_verdict(batch, job_id, Verdict(status=JobStatus.FAILED, reason=reason)):
        batch.verdicts.append(job_id)
    _follow_own(batch, job_id)


def _fail_bare(batch: Batch, *, job_id: int, reason: str) -> None:
    """Fail a job whose stages cannot be closed: they stay as they are.

    What runs is asked to stop, and so are the children that its tasks wait for: it ends with the last.
    """
    give_verdict(batch, job_id, Verdict(status=JobStatus.FAILED, reason=reason))
    jobs.cut_finally(batch, job_id, Cause(reason=reason))
    batch.verdicts.clear()
    cancelled = cancel_idle_of(batch, job_id, Cause(reason=reason))
    # Each child is followed by itself: this job does not pay for its faults.
    batch.followups += [LeftOver("job", child_id) for child_id in batch.verdicts]
    batch.verdicts.clear()
    if cancelled.is_last and batch.one(_UNENDED, job_id) is None:
        end_job(batch, job_id)
    # Its stages do not count them: only what follows for the job above is left.
    batch.finals = [final for final in batch.finals if final.job_id != job_id]


def set_aside(batch: Batch, subject: Subject, message: str) -> None:
    """Name what is kept back, in the history and in the state of the engine."""
    batch.event("fault.found", subject, data={"reason": message})
    batch.report.faults.append(Fault(subject=subject, message=message))


def name_once(batch: Batch, subject: Subject, reason: str) -> None:
    """Set aside what each batch finds again; the history names it once."""
    known = (
        batch.one(_NAMED_JOB, subject.job_id)
        if subject.task_id is None
        else batch.one(_NAMED, subject.task_id)
    )
    if known is None:
        set_aside(batch, subject, reason)
    else:
        batch.report.faults.append(Fault(subject=subject, message=reason))


def tell(batch: Batch, message: str) -> None:
    """Name what is wrong in the state of the engine."""
    # In the report alone: each group tries again, and the history must not grow by that.
    batch.report.faults.append(Fault(subject=Subject(), message=message))


def error_name(error: Exception) -> str:
    """Return the type and text of an error."""
    return f"{type(error).__name__}: {error}"
