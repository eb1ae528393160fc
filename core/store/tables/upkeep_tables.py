"""The tables of purges and of retention.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from core.store.tables.columns import metadata, required

purge = Table(
    "purge",
    metadata,
    Column("job_id", Integer, primary_key=True),
    required("event"),
    required("is_empty", default="0"),
)
"""Jobs that are being purged, by the event that says who and why: their rows go in bites, the job's own last.

`is_empty` = it has no tasks any more. No foreign key: the row of the job goes first."""

purged = Table(
    "purged",
    metadata,
    required("noun", Text),
    required("first"),
    required("last"),
    required("event"),
    PrimaryKeyConstraint("noun", "first", name="purged_pk"),
    CheckConstraint("noun IN ('job', 'task', 'output')", name="purged_noun"),
    CheckConstraint("first <= last", name="purged_span"),
    Index("purged_event", "event"),
    sqlite_with_rowid=False,
)
"""Ids of jobs and tasks that are gone, and of tasks whose outputs are, by the event that says when and why.

Ranges of one noun do not overlap; an id that is gone is never given again."""

removal = Table(
    "removal",
    metadata,
    Column("task_id", Integer, primary_key=True),
    required("epoch"),
)
"""Attempt directories of a task, up to `epoch`, that are to be removed: decided, and not yet carried out."""

retention = Table(
    "retention",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("noticed_at", Integer),
    Column("applied_at", Integer),
    Column("applied_by", Text),
    Column("looked_at", Integer),
    Column("looked_offset", Integer),
    Column("looked_boot", Text),
    Column("passed_at", Integer),
    Column("found", Text),
    CheckConstraint("id = 1", name="retention_single"),
)
"""One row: when retention first told what it would take, and since when it may take it.

`looked_at` (engine time), `looked_offset`, `looked_boot` = the first look at the wall clock as it is set now:
nothing goes before a second one. `passed_at` = the end of the last pass, `found` = what it found."""
