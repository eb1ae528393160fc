"""The table of expectations: how often something has to succeed.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from core.store.tables.columns import metadata, required

expectation = Table(
    "expectation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schedule_id", Integer, ForeignKey("schedule.id")),
    Column("workflow", Text),
    required("every_ms"),
    required("since"),
    required("due_at"),
    Column("missed_at", Integer),
    CheckConstraint("(schedule_id IS NULL) != (workflow IS NULL)", name="expectation_of"),
    CheckConstraint("every_ms > 0", name="expectation_every"),
    Index("expectation_schedule", "schedule_id", unique=True, sqlite_where=text("schedule_id IS NOT NULL")),
    Index("expectation_workflow", "workflow", unique=True, sqlite_where=text("workflow IS NOT NULL")),
    Index("expectation_due", "due_at", sqlite_where=text("missed_at IS NULL")),
)
"""Of a schedule, or of a workflow by its name: a job of it has to succeed within `every_ms`.

`since` = the last success, or when it was set, by the wall clock; at `due_at` (engine time, which no
setting of a clock moves) an engine tells that it is silent, once: `missed_at` until the next success.
"""
