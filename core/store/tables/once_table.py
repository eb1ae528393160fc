"""The table of keys under which a task is created once.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text

from core.store.tables.columns import metadata, required

once_key = Table(
    "once_key",
    metadata,
    Column("key", Text, primary_key=True, nullable=False),
    required("task_id"),
    required("lasts", Text),
    Column("free_at", Integer),
    required("taken_at"),
    CheckConstraint("lasts IN ('unfinished', 'timed', 'ever')", name="once_key_lasts"),
    CheckConstraint("(lasts = 'timed') = (free_at IS NOT NULL)", name="once_key_timed"),
    sqlite_with_rowid=False,
)
"""Keys, as JSON texts, by the task that took them last; no foreign key, so that a key may outlive its task.

Whether a key is taken follows from `lasts`: `unfinished` while its task has not ended, `timed` until
`free_at` (engine time), `ever`; never where its task was skipped. A key that is free keeps its row until a
task takes it.
"""
