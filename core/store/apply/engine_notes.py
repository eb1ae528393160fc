"""Write events about the engine; no row changes.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.engine_notes import NoteEngine
from core.store.batch import Batch
from core.store.rows import Subject


def apply_note_engine(batch: Batch, command: NoteEngine) -> None:
    """Add to the history what was asked of the engine, and by whom."""
    batch.event(command.kind, Subject(), actor=command.actor, data=command.data)
