"""The tables of variables of jobs and artifacts of attempts.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text

from core.store.tables.columns import metadata, required

variable = Table(
    "variable",
    metadata,
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    required("name", Text),
    required("position"),
    Column("type", Text),
    required("value", Text),
    Column("task_id", Integer),
    Column("changed_at", Integer),
    PrimaryKeyConstraint("job_id", "name", name="variable_pk"),
    sqlite_with_rowid=False,
)
"""Variables of jobs, in the order of their document; `value` is JSON, `type` NULL = any.

`task_id` = the task that changed it last, at `changed_at`; both NULL = as it was declared."""

artifact = Table(
    "artifact",
    metadata,
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    required("epoch"),
    required("name", Text),
    required("position"),
    required("path", Text),
    required("size"),
    required("hash", Text),
    PrimaryKeyConstraint("task_id", "epoch", "name", "position", name="artifact_pk"),
    CheckConstraint("size >= 0", name="artifact_size"),
    sqlite_with_rowid=False,
)
"""Files that attempts left for others, in the order of their paths; `hash` = SHA-256 of what is in them.

`path` is the one below the folder of the task. A copy lies in the directory of the attempt."""
