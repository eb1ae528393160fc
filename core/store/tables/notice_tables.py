"""The tables of notices, and the cursor of each sink.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, text

from core.model.notices import NoticeStatus
from core.store.tables.columns import among_column, metadata, required

notice = Table(
    "notice",
    metadata,
    Column("id", Integer, primary_key=True),
    required("sink", Text),
    required("topic", Text),
    required("event"),
    required("at"),
    required("text", Text),
    Column("job_id", Integer),
    Column("task_id", Integer),
    Column("about", Text),
    required("status", Text),
    required("tries", default="0"),
    Column("delivery", Integer),
    Column("due_at", Integer),
    Column("ended_at", Integer),
    Column("error", Text),
    among_column("status", NoticeStatus, "notice_status"),
    CheckConstraint("(status = 'waiting') = (ended_at IS NULL)", name="notice_ended"),
    Index("notice_waiting", "sink", "delivery", "id", sqlite_where=text("status = 'waiting'")),
    Index("notice_about", "sink", "about", unique=True, sqlite_where=text("about IS NOT NULL")),
    Index("notice_delivery", "delivery", sqlite_where=text("delivery IS NOT NULL")),
)
"""What operators hear of; `delivery` = those sent together, `due_at` = engine time of its next try.

A sink has one notice for each `about`, for as long as that is kept."""

notice_cursor = Table(
    "notice_cursor",
    metadata,
    Column("sink", Text, primary_key=True, nullable=False),
    required("event"),
    sqlite_with_rowid=False,
)
"""Up to which event the history was looked at for a sink."""
