"""What each kind of event is told as.

Used by `lines`. A subject and a phrase may name facts of the event in braces; what they do not name
follows them. `{key}` is the task, `{attempt}` the number of the attempt.
"""

from __future__ import annotations

from typing import NamedTuple


class Phrase(NamedTuple):
    """How a kind begins and goes on, and which of its facts are left out."""

    subject: str
    told: str
    hidden: tuple[str, ...] = ()


_JOB = "job {job_id}"
_TASK = "{key}"
_STAGE = "stage {name}"
_SCHEDULE = "schedule {schedule}"
_BACKEND = "backend {backend}"
_POOL = "pool {pool}"
_LIMIT = "limit {limit}"
_OF_STAGE = ("stage",)
_OF_SCHEDULE = ("schedule_id",)
_OF_ITEM = ("item",)
_NO_MOVE = ""

PHRASES: dict[str, Phrase] = {
    "job.created": Phrase(_JOB, "{name} is submitted", ("definition", "status", "params", "params_left_out")),
    "job.running": Phrase(_JOB, _NO_MOVE, ("reopened",)),
    "job.pending": Phrase(_JOB, _NO_MOVE),
    "job.paused": Phrase(_JOB, _NO_MOVE),
    "job.ending": Phrase(_JOB, "the verdict is {verdict}", ("ends", "running", "task")),
    "job.failed": Phrase(_JOB, _NO_MOVE, ("ended",)),
    "job.cancelled": Phrase(_JOB, _NO_MOVE, ("ended",)),
    "job.succeeded": Phrase(_JOB, _NO_MOVE),
    "job.pinned": Phrase(_JOB, "is kept from being purged"),
    "job.unpinned": Phrase(_JOB, "is kept no more"),
    "job.purged": Phrase(_JOB, "{name} is deleted with its history"),
    "finally.cut": Phrase(_JOB, "its stage finally is cut short"),
    "stage.open": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "stage.pending": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "stage.succeeded": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "stage.failed": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "stage.cancelled": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "stage.skipped": Phrase(_STAGE, _NO_MOVE, _OF_STAGE),
    "task.created": Phrase(
        _TASK,
        "is made as {status}, uses {uses}, in queue {queue}",
        ("stage", "key", "needs", "needs_left_out", "max_attempts"),
    ),
    "task.queued": Phrase(_TASK, _NO_MOVE),
    "task.claimed": Phrase(_TASK, "attempt {attempt} begins"),
    "task.succeeded": Phrase(_TASK, _NO_MOVE),
    "task.retry_scheduled": Phrase(_TASK, "its next attempt is due at {retry_at}", ("due",)),
    "task.failed": Phrase(_TASK, _NO_MOVE, ("tolerated",)),
    "task.cancelled": Phrase(_TASK, _NO_MOVE, ("task", "verdict")),
    "task.skipped": Phrase(_TASK, _NO_MOVE, ("need", "when")),
    "task.bounced": Phrase(_TASK, "the hand-off of attempt {attempt} failed"),
    "task.interrupted": Phrase(_TASK, "attempt {attempt} ended with the engine"),
    "task.parked": Phrase(_TASK, "attempt {attempt} asked to wait outside its slot"),
    "task.waiting": Phrase(_TASK, _NO_MOVE),
    "task.held": Phrase(_TASK, _NO_MOVE),
    "task.rerun": Phrase(_TASK, "is run again", ("status", "retry")),
    "task.stop_requested": Phrase(_TASK, "is asked to stop", ("how", "task", "verdict")),
    "task.prioritised": Phrase(_TASK, "priority {before} -> {priority}"),
    "task.duplicate": Phrase(_TASK, "a second end of attempt {attempt} came late and changes nothing"),
    "task.judged_late": Phrase(_TASK, "a judgement of it came late and changes nothing"),
    "task.looked": Phrase(_TASK, "look {looks} saw something new"),
    "task.exhausted": Phrase(_TASK, "budget {limit} was spent while attempt {attempt} ran"),
    "task.slow": Phrase(_TASK, "attempt {attempt} takes longer than its soft timeout"),
    "task.silent": Phrase(_TASK, "attempt {attempt} writes nothing"),
    "task.pinned": Phrase(_TASK, "is kept from being purged"),
    "task.unpinned": Phrase(_TASK, "is kept no more"),
    "task.purged": Phrase("loose tasks", "{tasks} are deleted with their history"),
    "attempt.failed": Phrase(_TASK, "attempt {attempt} failed"),
    "attempt.timed_out": Phrase(_TASK, "attempt {attempt} ran out of time"),
    "attempt.lost": Phrase(_TASK, "attempt {attempt} is lost: its end was not seen"),
    "attempt.cancelled": Phrase(_TASK, "attempt {attempt} was cancelled"),
    "orphan.found": Phrase(_TASK, "attempt {attempt} lost its wrapper, its processes live"),
    "orphan.kept": Phrase(_TASK, "processes of attempt {attempt} may go on"),
    "orphan.left": Phrase(_TASK, "attempt {attempt} has ended, processes of it live on"),
    "fault.found": Phrase("a fault", "was found and set aside"),
    "fault.repaired": Phrase("a fault", "was repaired"),
    "once.refused": Phrase(_TASK, "another with key {key} was not created", ("key",)),
    "output.cut": Phrase(_TASK, "the output of attempt {attempt} is not whole"),
    "call.abandoned": Phrase(
        _TASK, "the call of attempt {attempt} ignored its cancel and is given up: it may go on in the engine"
    ),
    "call.ended": Phrase(
        _TASK, "the call of attempt {attempt}, given up before, has ended ({outcome}): nothing of it is taken"
    ),
    "usage.ignored": Phrase(_TASK, "a report of usage could not be booked"),
    "price.unknown": Phrase(_TASK, "model {model} has no price: booked as 0"),
    "family.acknowledged": Phrase("failure family {family}", "is acknowledged"),
    "family.unacknowledged": Phrase("failure family {family}", "counts as news again"),
    "queue.paused": Phrase("queue {queue}", "is paused"),
    "queue.resumed": Phrase("queue {queue}", "goes on"),
    "backend.shut": Phrase(_BACKEND, "refuses: nothing of it starts"),
    "backend.opened": Phrase(_BACKEND, "its breaker opens: nothing of it starts"),
    "backend.probed": Phrase(_BACKEND, "a task tries it out"),
    "backend.closed": Phrase(_BACKEND, "its breaker closes: all starts again"),
    "backend.reset": Phrase(_BACKEND, "may be tried out at once"),
    "backend.up": Phrase(_BACKEND, "answers"),
    "backend.slow": Phrase(_BACKEND, "answers slowly"),
    "backend.down": Phrase(_BACKEND, "does not answer"),
    "backend.unknown": Phrase(_BACKEND, "is looked at no more"),
    "capacity.configured": Phrase("capacity", "is configured"),
    "config.changed": Phrase("setting {key}", "{old} -> {new}"),
    "config.refused": Phrase("config.toml", "is refused; what was in use stays"),
    "pool.resized": Phrase(_POOL, "has another number of slots"),
    "pool.paused": Phrase(_POOL, "is paused"),
    "pool.resumed": Phrase(_POOL, "goes on"),
    "pool.reset": Phrase(_POOL, "is as configured again"),
    "limit.set": Phrase(_LIMIT, "{before} -> {max}"),
    "limit.reset": Phrase(_LIMIT, "is as configured again, {before} -> {max}"),
    "limit.soft": Phrase(_LIMIT, "has passed its soft limit"),
    "budget.spent": Phrase(_LIMIT, "is spent"),
    "budget.freed": Phrase(_LIMIT, "has something left again"),
    "gauge.corrected": Phrase(_LIMIT, "what is used was corrected, {before} -> {used}"),
    "spending.frozen": Phrase("spending", "is stopped"),
    "spending.unfrozen": Phrase("spending", "goes on"),
    "spending.reconciled": Phrase("spending", "an unknown amount is booked"),
    "engine.started": Phrase("engine", "started"),
    "engine.stop_requested": Phrase("engine", "is asked to stop"),
    "engine.resumed": Phrase("engine", "its drain was taken back"),
    "engine.health": Phrase("engine", "{subject} is {state}"),
    "engine.blocked": Phrase("engine", "its loop did not come round for {ms} ms", ("stack",)),
    "engine.stopped": Phrase("engine", "stopped"),
    "store.restored": Phrase("store", "was restored from a backup"),
    "claims.closed": Phrase("engine", "claims nothing"),
    "clock.stepped": Phrase("clock", "was set"),
    "schedule.added": Phrase(_SCHEDULE, "is added", _OF_SCHEDULE),
    "schedule.edited": Phrase(_SCHEDULE, "is changed", _OF_SCHEDULE),
    "schedule.removed": Phrase(_SCHEDULE, "is removed", _OF_SCHEDULE),
    "schedule.paused": Phrase(_SCHEDULE, "is paused", _OF_SCHEDULE),
    "schedule.resumed": Phrase(_SCHEDULE, "goes on", _OF_SCHEDULE),
    "fire.submitted": Phrase(_SCHEDULE, "fires: job {job}", _OF_SCHEDULE),
    "fire.waiting": Phrase(_SCHEDULE, "is due and waits", _OF_SCHEDULE),
    "fire.skipped": Phrase(_SCHEDULE, "a time is skipped", _OF_SCHEDULE),
    "fire.missed": Phrase(_SCHEDULE, "a time is missed", _OF_SCHEDULE),
    "fire.failed": Phrase(_SCHEDULE, "could not submit its job", _OF_SCHEDULE),
    "expectation.set": Phrase("expectation", "a success is expected", _OF_SCHEDULE),
    "expectation.missed": Phrase("expectation", "an expected success did not come", _OF_SCHEDULE),
    "expectation.met": Phrase("expectation", "the expected success came", _OF_SCHEDULE),
    "expectation.removed": Phrase("expectation", "no success is expected any more", _OF_SCHEDULE),
    "signal.received": Phrase("signal {signal}", "came"),
    "item.claimed": Phrase(_TASK, "its work item is claimed", _OF_ITEM),
    "item.released": Phrase(_TASK, "its work item is released", _OF_ITEM),
    "item.delegated": Phrase(_TASK, "its work item is passed on", _OF_ITEM),
    "item.commented": Phrase(_TASK, "a comment", _OF_ITEM),
    "item.approved": Phrase(_TASK, "its work item is approved", _OF_ITEM),
    "item.denied": Phrase(_TASK, "its work item is denied", _OF_ITEM),
    "item.reminded": Phrase(_TASK, "a reminder of its work item is sent", _OF_ITEM),
    "item.escalated": Phrase(_TASK, "its work item is escalated", _OF_ITEM),
    "item.overdue": Phrase(_TASK, "its work item is overdue", _OF_ITEM),
    "variable.set": Phrase(_TASK, "sets {variable}", ("was", "value")),
    "artifact.kept": Phrase(_TASK, "keeps {artifact}"),
    "workflow.added": Phrase("workflow {name}", "is added", ("hash",)),
    "workflow.removed": Phrase("workflow {name}", "is removed"),
    "task.poll_failed": Phrase(_TASK, "its poll failed"),
    "task.worklet": Phrase(_TASK, "job {child}, {name}, is to repair it"),
    "task.decided": Phrase(_TASK, "its worklet, job {child}, decides: {result}"),
    "job.paused_above": Phrase(_JOB, "claims nothing while the job above is paused"),
    "job.resumed_above": Phrase(_JOB, "the job above goes on"),
    "job.awaits_place": Phrase(_JOB, "waits for a place under limit {limit}", ("gauge",)),
    "job.took_place": Phrase(_JOB, _NO_MOVE, ("set", "limit")),
    "outputs.removed": Phrase("outputs", "of {tasks} tasks are removed"),
    "history.forgotten": Phrase("history", "of no job is kept from {until} on"),
    "retention.noticed": Phrase("retention", "told what it would delete"),
    "retention.applied": Phrase("retention", "may delete from now on"),
    "notice.sent": Phrase("notice", "{notices} sent to {sink}"),
    "notice.failed": Phrase("notice", "{notices} not sent to {sink}"),
}
"""A phrase for each kind of event; an empty one leaves all to the statuses before and after."""
