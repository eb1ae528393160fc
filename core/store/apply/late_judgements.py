"""Late judgements: an event of the task, and nothing more.

Used by the judgements of conditions and the answers of looks.
"""

from __future__ import annotations

from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject


def note_late(batch: Batch, task_id: int, judgement: object) -> None:
    """Tell in the history of a task that a judgement did not land, and how the task stands."""
    row = batch.one("SELECT job_id, status FROM task WHERE id = ?", task_id)
    if row is not None:
        job_id, status = row
        note: JsonObject = {"judgement": type(judgement).__name__.lower(), "status": status}
        batch.event("task.judged_late", Subject(job_id, task_id), data=note)
