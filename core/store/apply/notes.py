"""Write events that change no row: about attempts, about the engine.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.commands.engine_notes import NoteEngine
from core.model.commands.work import AttemptNote, NoteAttempt
from core.store.batch import Batch
from core.store.rows import Subject


def apply_note_attempt(batch: Batch, command: NoteAttempt) -> None:
    """Add to the history of a task; one that is gone has none, and an attempt is told slow once."""
    row = batch.one("SELECT job_id FROM task WHERE id = ?", command.task_id)
    if row is not None and not (command.kind is AttemptNote.SLOW and _is_told(batch, command)):
        subject = Subject(row[0], command.task_id, command.epoch)
        batch.event(command.kind, subject, actor=command.actor, data=command.data)


def _is_told(batch: Batch, command: NoteAttempt) -> bool:
    # By the engine before this one, whose attempts go on.
    told = "SELECT 1 FROM event WHERE task_id = ? AND attempt = ? AND kind = ?"
    return batch.one(told, command.task_id, command.epoch, command.kind) is not None


def apply_note_engine(batch: Batch, command: NoteEngine) -> None:
    """Add to the history what was asked of the engine, and by whom."""
    batch.event(command.kind, Subject(), actor=command.actor, data=command.data)
