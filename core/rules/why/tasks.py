"""Decide why a task does not run.

Called by the control for lists, for one task, and for the tasks of a job.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.patterns.group_views import GroupCounts
from core.model.status import TASK_FINAL, TASK_IDLE, JobStatus, TaskStatus
from core.model.values import INBOX
from core.model.waits import EngineFacts, Need, PausedJob, Reason, TaskFacts, WaitCode
from core.rules.why.answers import answer_reason
from core.rules.why.capacity import UNLIMITED, Capacity
from core.rules.why.engine import engine_reasons
from core.rules.why.limits import limit_reasons
from core.rules.why.places import place_reason
from core.rules.why.slots import slot_reason

NAMED = 5
"""Needs that a sentence names."""
TURN_IN_GROUP = "its turn in the group"
"""What an instance waits for while as many run as may."""


def reasons(task: TaskFacts, engine: EngineFacts, capacity: Capacity = UNLIMITED) -> tuple[Reason, ...]:
    """Return all reasons why a task waits, in the order in which they have to end; none if it does not.

    What it waits for itself comes first, then what keeps back its job and queue, then pools and limits, then
    the engine. Slots are a reason only where nothing else is.
    """
    if task.status == TaskStatus.RUNNING:
        # It runs no more where its end could not be written: its job waits for that.
        return tuple(_set_aside(task))
    if task.status not in TASK_IDLE:
        return ()
    found = [
        *_set_aside(task),
        *_own(task),
        *_paused(task),
        *limit_reasons(task, capacity),
        *engine_reasons(engine),
    ]
    if not found:
        found.append(slot_reason(task, engine, capacity))
    return tuple(found)


def short(found: tuple[Reason, ...]) -> str:
    """Return the first reason in a few words, with how many more there are."""
    if not found:
        return ""
    return found[0].short if len(found) == 1 else f"{found[0].short} +{len(found) - 1}"


def summary(task: TaskFacts, found: tuple[Reason, ...]) -> str:
    """Return one sentence on how the task stands, waiting or not; of an ended group also on its instances."""
    said, group = _standing(task, found), task.instances
    if task.status not in TASK_FINAL or group is None:
        return said
    return f"{said}; of its {group.total:,} instances: {group.told}; {group.listed}"


def _standing(task: TaskFacts, found: tuple[Reason, ...]) -> str:
    cause = f": {task.status_reason or task.error}" if task.status_reason or task.error else ""
    by = f" by {task.status_by}" if task.status_by else ""
    match task.status:
        case TaskStatus.RUNNING if found:
            return f"attempt {max(1, task.attempt)} has ended, and {found[0].text}"
        case TaskStatus.RUNNING:
            return f"it runs: attempt {max(1, task.attempt)} of {task.max_attempts}"
        case TaskStatus.SUCCEEDED:
            return f"it succeeded{cause if task.status_reason else ''}"
        case TaskStatus.FAILED:
            left = "" if task.attempt < task.max_attempts else f" after {_attempts(task.max_attempts)}"
            after = "; its job goes on (`continue_on_error`)" if task.tolerated else ""
            return f"it failed{left}{by}{cause}{after}"
        case TaskStatus.CANCELLED | TaskStatus.SKIPPED:
            return f"it was {task.status}{by}{cause}"
        case _ if not found:
            return f"it is {task.status}"
        case _:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            return f"it waits: {found[0].text}{more}"


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def _set_aside(task: TaskFacts) -> Iterator[Reason]:
    if task.fault:
        yield Reason(
            code=WaitCode.SET_ASIDE,
            short="set aside",
            text=f"it is set aside: {task.fault}",
            ends="'taskdeck doctor' says what is wrong with the store; the engine tries again each minute"
            if task.status == TaskStatus.RUNNING
            else "'taskdeck doctor' says what is wrong with the store",
        )


def _own(task: TaskFacts) -> Iterator[Reason]:
    """Return what the status of the task itself says."""
    match task.status:
        case TaskStatus.BLOCKED:
            yield from _blocked(task)
        case TaskStatus.HELD:
            yield _held(task)
        case TaskStatus.RETRYING:
            yield _retry(task)
        case TaskStatus.WAITING:
            yield answer_reason(task) if task.instances is None else _instances(task.instances)
        case _:
            return


def _instances(group: GroupCounts) -> Reason:
    left = group.total - group.ended
    rule = "" if group.needed is None else f"; {group.needed:,} successes are needed"
    most = "" if group.parallel is None else f"; at most {group.parallel:,} begin at once"
    made = "" if group.made == group.total else f"; {group.total - group.made:,} are still to be made"
    return Reason(
        code=WaitCode.ANSWER,
        short=f"instances {group.short}",
        text=f"it waits for {left:,} of its {group.total:,} instances: {group.told}{rule}{most}{made}",
        ends=f"the end of its instances: {group.listed}",
    )


def _turn(task: TaskFacts, group: GroupCounts) -> Reason:
    return Reason(
        code=WaitCode.SETTLING,
        short=TURN_IN_GROUP,
        text=f"at most {group.parallel or 0:,} instances of its group begin at once: {group.told}",
        ends=f"the end of another one: 'taskdeck why --task {task.group_task}' says how the group stands",
    )


def _blocked(task: TaskFacts) -> Iterator[Reason]:
    if task.job_status == JobStatus.ENDING:
        yield Reason(
            code=WaitCode.ENDING,
            short="end of the job",
            text=f"job {task.job_id} is ending: what has not begun of it is cancelled",
            ends=f"nothing: wait for the end of job {task.job_id}, then 'taskdeck retry {task.job_id}'",
        )
        return
    ready = not (task.stage_pending or task.needs_left)
    if task.stage_pending:
        yield _stage(task)
    if task.needs_left:
        yield _needs(task)
    if ready and task.awaits_condition:
        yield Reason(
            code=WaitCode.CONDITION,
            short="its condition",
            text="its `when` is being judged"
            if task.awaited_place is None
            else "its `when` is not judged yet",
            ends="the engine, as soon as it has judged it",
        )
    elif ready and task.group is not None and task.group.parallel is not None:
        yield _turn(task, task.group)
    elif ready:
        yield Reason(
            code=WaitCode.SETTLING,
            short="its turn",
            text="nothing keeps it any more: the engine is about to queue it",
            ends="the next batch of the engine; if it stays so, 'taskdeck doctor' says what is wrong",
        )


def _stage(task: TaskFacts) -> Reason:
    earlier = f"stage {task.earlier_stage}" if task.earlier_stage else "the stage before it"
    left = f" ({task.earlier_open:,} of its tasks have not ended)" if task.earlier_open else ""
    return Reason(
        code=WaitCode.STAGE,
        short=f"stage {task.earlier_stage}" if task.earlier_stage else "earlier stage",
        text=f"its stage {task.stage} begins when {earlier} is over{left}",
        ends=f"the end of {earlier}: 'taskdeck why {task.job_id}' says what that waits for",
    )


def _needs(task: TaskFacts) -> Reason:
    if not task.needs:
        many = "1 need" if task.needs_left == 1 else f"{task.needs_left:,} needs"
        return Reason(
            code=WaitCode.NEEDS,
            short=many,
            text=f"{many} of it have not ended",
            ends="the end of those tasks",
        )
    first = task.needs[0]
    named = ", ".join(_need(need) for need in task.needs[:NAMED])
    rest = task.needs_left - len(task.needs[:NAMED])
    return Reason(
        code=WaitCode.NEEDS,
        short=f"need {first.key}" + (f" (1 of {task.needs_left:,})" if task.needs_left > 1 else ""),
        text=f"it needs {named}" + (f" and {rest:,} more" if rest > 0 else ""),
        ends=f"the end of {first.key}: 'taskdeck why --task {first.task_id}' says how that stands",
    )


def _need(need: Need) -> str:
    return f"{need.key} ({need.status})"


def _held(task: TaskFacts) -> Reason:
    switch = task.held
    by = f" by {switch.by}" if switch is not None and switch.by else ""
    why = f": {switch.reason}" if switch is not None and switch.reason else ""
    return Reason(
        code=WaitCode.HELD,
        short=f"held{by}",
        text=f"it is held{by}{why}",
        ends=f"'taskdeck unhold --task {task.task_id}', or h in the console",
        since=None if switch is None else switch.at,
    )


def _retry(task: TaskFacts) -> Reason:
    error = f" after: {task.error}" if task.error else ""
    following = f"attempt {task.attempt + 1} of {task.max_attempts}" if task.attempt else "its next attempt"
    return Reason(
        code=WaitCode.RETRY,
        short="its retry",
        text=f"{following} is due later{error}",
        ends=f"its time; 'taskdeck retry --task {task.task_id}' does not wait for that",
        until=task.retry_at,
    )


def _paused(task: TaskFacts) -> Iterator[Reason]:
    """Return the switches that keep back the whole job or queue."""
    if task.job_paused is not None and task.job_id != INBOX:
        by = f" by {task.job_paused.by}" if task.job_paused.by else ""
        why = f": {task.job_paused.reason}" if task.job_paused.reason else ""
        yield Reason(
            code=WaitCode.JOB_PAUSED,
            short="paused job",
            text=f"job {task.job_id} is paused{by}{why}",
            ends=f"'taskdeck resume {task.job_id}', or p in the console",
            since=task.job_paused.at,
        )
    yield from map(_paused_above, task.paused_above)
    if task.awaited_place is not None:
        yield place_reason(task.job_id, task.awaited_place)
    if task.queue_paused is not None:
        by = f" by {task.queue_paused.by}" if task.queue_paused.by else ""
        why = f": {task.queue_paused.reason}" if task.queue_paused.reason else ""
        yield Reason(
            code=WaitCode.QUEUE_PAUSED,
            short="paused queue",
            text=f"queue {task.queue} is paused{by}{why}",
            ends=f"'taskdeck resume --queue {task.queue}', or p in the console on the queue",
            since=task.queue_paused.at,
        )


def _paused_above(above: PausedJob) -> Reason:
    by = f" by {above.by}" if above.by else ""
    why = f": {above.reason}" if above.reason else ""
    return Reason(
        code=WaitCode.JOB_PAUSED,
        short="paused from above",
        text=f"its job is paused from above: job {above.job} is paused{by}{why}",
        ends=f"'taskdeck resume {above.job}', or p in the console on that job",
        since=above.at,
        numbers={"job": above.job},
    )
