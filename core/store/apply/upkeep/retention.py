"""Note the steps of retention.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.commands.purges import NoteRetention, RetentionStep
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import pack, raw


def apply_note_retention(batch: Batch, command: NoteRetention) -> None:
    """Write a step into the row; a notice and its application are told once."""
    match command.step:
        case RetentionStep.LOOKED:
            batch.run(
                "UPDATE retention SET looked_at = ?, looked_offset = ?, looked_boot = ?",
                batch.now,
                batch.offset,
                command.boot,
            )
        case RetentionStep.NOTICED:
            sql = "UPDATE retention SET noticed_at = ?, found = ? WHERE noticed_at IS NULL"
            if batch.run(sql, batch.wall, pack(command.facts)):
                batch.event("retention.noticed", Subject(), actor=command.actor, data=command.facts)
        case RetentionStep.APPLIED:
            sql = "UPDATE retention SET applied_at = ?, applied_by = CAST(? AS TEXT) WHERE applied_at IS NULL"
            if batch.run(sql, batch.wall, raw(command.actor)):
                batch.event("retention.applied", Subject(), actor=command.actor, data=command.facts)
        case RetentionStep.PASSED:
            batch.run("UPDATE retention SET passed_at = ?, found = ?", batch.wall, pack(command.facts))
