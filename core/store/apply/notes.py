"""Write events that change no row: about orphans, about the engine.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.commands import NoteOrphan
from core.model.engine_notes import NoteEngine
from core.store.batch import Batch
from core.store.rows import Subject


def apply_note_orphan(batch: Batch, command: NoteOrphan) -> None:
    """Add to the history of a task; one that is gone has none."""
    row = batch.one("SELECT job_id FROM task WHERE id = ?", command.task_id)
    if row is not None:
        subject = Subject(row[0], command.task_id, command.epoch)
        batch.event(command.kind, subject, actor=command.actor, data=command.data)


def apply_note_engine(batch: Batch, command: NoteEngine) -> None:
    """Add to the history what was asked of the engine, and by whom."""
    batch.event(command.kind, Subject(), actor=command.actor, data=command.data)
