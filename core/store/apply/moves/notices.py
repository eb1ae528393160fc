"""Moves of notices: each ends once.

Called by the notices, and for restored stores.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.model.notices import NoticeStatus
from core.store.batch import Batch
from core.store.sql import pack, raw

_DROP = (
    "UPDATE notice SET status = 'dropped', ended_at = ? WHERE status = 'waiting'"
    " AND sink NOT IN (SELECT value FROM json_each(?))"
)
_END = (
    "UPDATE notice SET status = ?, ended_at = ?, error = CAST(? AS TEXT)"
    " WHERE delivery = ? AND status = 'waiting'"
)


def drop_others(db: sqlite3.Connection, sinks: Sequence[str], *, at: int) -> None:
    """End what waits for other sinks than these (`at` in ms UTC): it is not sent."""
    db.execute(_DROP, (at, pack(list(sinks))))


def end_delivery(batch: Batch, number: int, status: NoticeStatus, *, error: str) -> int:
    """End the notices of a delivery; return how many had not ended."""
    return batch.run(_END, status, batch.wall, raw(error or None), number)
