"""Write events that change no row: what was seen of an orphan."""

from __future__ import annotations

from core.model.commands import Tell
from core.store.batch import Batch
from core.store.rows import Subject


def apply_tell(batch: Batch, command: Tell) -> None:
    """Add to the history of a task; one that is gone has none."""
    row = batch.one("SELECT job_id FROM task WHERE id = ?", command.task_id)
    if row is not None:
        subject = Subject(row[0], command.task_id, command.epoch)
        batch.event(command.sight, subject, actor=command.actor, data=command.data)
