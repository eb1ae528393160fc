"""Tolerance: the mark of a failure that its job goes on after.

Called by the moves that fail tasks.
"""

from __future__ import annotations

from core.model.values import INBOX, JsonObject
from core.store.batch import Batch
from core.store.rows import TaskPlace

NOTE: JsonObject = {"tolerated": True}
"""What the event of such a failure says beside its error."""

_MARK = (
    "UPDATE task SET tolerated = 1 WHERE id = ? AND status = 'failed' AND tolerated = 0"
    # A spec that is torn says nothing: its task fails as any other.
    " AND CASE WHEN json_valid(spec) THEN spec->>'$.continue_on_error' END"
)


def is_tolerated(batch: Batch, place: TaskPlace) -> bool:
    """Mark a task that has just failed, and count it, if its document says `continue_on_error`."""
    if place.job_id == INBOX or batch.run(_MARK, place.task_id) != 1:
        return False
    batch.count_tolerated(place, 1)
    return True
