"""The tables of schedules and of their fires.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from core.model.timing.schedules import FireKind, FireStatus
from core.store.tables.columns import among_column, metadata, required

schedule = Table(
    "schedule",
    metadata,
    Column("id", Integer, primary_key=True),
    required("name", Text),
    required("body", Text),
    required("handled_at"),
    Column("due_at", Integer),
    Column("wake_at", Integer),
    required("created_at"),
    Column("actor", Text),
    Column("changed_at", Integer),
    Column("changed_by", Text),
    Column("paused_at", Integer),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("removed_at", Integer),
    Column("declared", Text),
    Column("forgotten_at", Integer),
    CheckConstraint("(due_at IS NULL) = (wake_at IS NULL)", name="schedule_due"),
    Index("schedule_name", "name", unique=True, sqlite_where=text("removed_at IS NULL")),
    Index(
        "schedule_wake",
        "wake_at",
        sqlite_where=text("removed_at IS NULL AND paused_at IS NULL AND wake_at IS NOT NULL"),
    ),
)
"""Rules that submit jobs. All times are those of the wall clock.

What became of each time up to `handled_at` is decided; `due_at` is the next one, and at `wake_at` an engine
decides about it (later by the jitter); both NULL = there is none. A removed schedule keeps its fires.
`declared` is its text in the configuration, NULL = it has none there; `changed_at` then tells that an
operator edited it since, and that the text decides no more. `forgotten_at` = the last time whose fire is
forgotten: nothing is filled in up to there.
"""

fire = Table(
    "fire",
    metadata,
    Column("schedule_id", Integer, ForeignKey("schedule.id"), nullable=False),
    required("at"),
    required("status", Text),
    required("kind", Text),
    Column("job_id", Integer),
    required("decided_at"),
    required("n", default="1"),
    Column("since", Integer),
    Column("actor", Text),
    Column("reason", Text),
    PrimaryKeyConstraint("schedule_id", "at", "kind", name="fire_pk"),
    among_column("status", FireStatus, "fire_status"),
    among_column("kind", FireKind, "fire_kind"),
    CheckConstraint("(status = 'submitted') = (job_id IS NOT NULL)", name="fire_job"),
    CheckConstraint("n >= 1 AND (n = 1) = (since IS NULL)", name="fire_span"),
    Index(
        "fire_once",
        "schedule_id",
        "at",
        unique=True,
        sqlite_where=text("status = 'submitted' OR status = 'waiting'"),
    ),
    Index("fire_of_job", "job_id", unique=True, sqlite_where=text("job_id IS NOT NULL")),
    Index("fire_waiting", "schedule_id", "at", sqlite_where=text("status = 'waiting'")),
    sqlite_with_rowid=False,
)
"""What became of each time of a schedule; a row of `n` times is of some that passed, `since` to `at`.

A time that was missed, skipped or refused may be filled in later, by a row of another kind; one submits.
"""
