"""Pin and unpin jobs and tasks.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable

from core.model.commands.purges import Pin, Unpin
from core.model.commands.work import Operated
from core.model.errors import TaskdeckError
from core.model.refusals import PINNED, Refusal, refuse_job, refuse_task
from core.model.values import INBOX
from core.store.apply.operate import read_tasks, refuse_inbox, unknown_job
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import raw

_PIN = (
    "UPDATE {} SET pinned_at = ?, pinned_by = CAST(? AS TEXT), pin_reason = CAST(? AS TEXT)"
    " WHERE id = ? AND pinned_at IS NULL AND {} NOT IN (SELECT job_id FROM purge)"
)
_UNPIN = (
    "UPDATE {} SET pinned_at = NULL, pinned_by = NULL, pin_reason = NULL"
    " WHERE id = ? AND pinned_at IS NOT NULL"
)
_PINNED = "SELECT pinned_at IS NOT NULL FROM {} WHERE id = ?"


def apply_pin(batch: Batch, command: Pin) -> Operated | TaskdeckError:
    """Pin what is not pinned; what is being purged is refused."""
    if command.job_id is not None:
        return _pin_job(batch, command, command.job_id)
    tasks, refused = read_tasks(batch, command.task_ids)
    changed = 0
    for task in tasks:
        if _pin(batch, "task", row=task.id, cause=_cause(command)):
            batch.task_event("task.pinned", task.place, actor=command.actor, data=_cause(command).note)
            changed += 1
        else:
            refused.append(_not_pinned(batch, "task", row=task.id))
    return Operated(changed=changed, refused=tuple(refused))


def apply_unpin(batch: Batch, command: Unpin) -> Operated | TaskdeckError:
    """Unpin what is pinned."""
    note = _cause(command).note
    if command.job_id is not None:
        if command.job_id == INBOX:
            return _inbox("unpin")
        if batch.one(_PINNED.format("job"), command.job_id) is None:
            return unknown_job(batch, command.job_id)
        if batch.run(_UNPIN.format("job"), command.job_id) != 1:
            return Operated(changed=0, refused=(_no_pin(refuse_job, command.job_id),))
        batch.event("job.unpinned", Subject(command.job_id), actor=command.actor, data=note)
        return Operated(changed=1)
    tasks, refused = read_tasks(batch, command.task_ids)
    changed = 0
    for task in tasks:
        if batch.run(_UNPIN.format("task"), task.id) == 1:
            batch.task_event("task.unpinned", task.place, actor=command.actor, data=note)
            changed += 1
        else:
            refused.append(_no_pin(refuse_task, task.id))
    return Operated(changed=changed, refused=tuple(refused))


def _pin_job(batch: Batch, command: Pin, job_id: int) -> Operated | TaskdeckError:
    if job_id == INBOX:
        return _inbox("pin")
    if batch.one(_PINNED.format("job"), job_id) is None:
        return unknown_job(batch, job_id)
    if not _pin(batch, "job", row=job_id, cause=_cause(command)):
        return Operated(changed=0, refused=(_not_pinned(batch, "job", row=job_id),))
    batch.event("job.pinned", Subject(job_id), actor=command.actor, data=_cause(command).note)
    return Operated(changed=1)


def _pin(batch: Batch, table: str, *, row: int, cause: Cause) -> bool:
    sql = _PIN.format(table, "id" if table == "job" else "job_id")
    return batch.run(sql, batch.wall, raw(cause.actor), raw(cause.reason), row) == 1


def _not_pinned(batch: Batch, table: str, *, row: int) -> Refusal:
    ((pinned,),) = batch.rows(_PINNED.format(table), row)
    refuse = refuse_job if table == "job" else refuse_task
    if pinned:
        return refuse(row, PINNED, "it is pinned already", hint="leave it as it is, or unpin it")
    return refuse(row, "job.purged", "it is being purged", hint="submit it again")


def _no_pin(refuse: Callable[..., Refusal], row: int) -> Refusal:
    return refuse(row, "pin.none", "it is not pinned", hint="'taskdeck pin' keeps it from being purged")


def _cause(command: Pin | Unpin) -> Cause:
    return Cause(reason=command.reason, actor=command.actor)


def _inbox(verb: str) -> TaskdeckError:
    return refuse_inbox(f"{verb}ned", "its tasks are, one by one", verb=verb)
