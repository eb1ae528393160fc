"""The tables of failure families, their jobs and hours.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from core.store.columns import metadata, required

family = Table(
    "family",
    metadata,
    Column("id", Text, primary_key=True, nullable=False),
    required("code", Text),
    required("pattern", Text),
    required("message", Text),
    required("task_id"),
    required("first_at"),
    required("last_at"),
    required("failures"),
    required("failed", default="0"),
    required("retrying", default="0"),
    required("jobs", default="0"),
    Column("ack_at", Integer),
    Column("ack_by", Text),
    Column("ack_reason", Text),
    Column("ack_until", Integer),
    Column("ack_failures", Integer),
    Index("family_failing", "last_at", sqlite_where=text("failed + retrying > 0")),
    Index("family_ack", "ack_at", sqlite_where=text("ack_at IS NOT NULL")),
)
"""Failures of one kind: `failures` attempts ended so, `failed` and `retrying` tasks now, of `jobs` jobs.

`message` and `task_id` are of the newest. The ack columns tell of an acknowledgement that was not taken back:
`ack_until` = its end (engine time, NULL = until it returns), `ack_failures` = the failures at its time."""

family_job = Table(
    "family_job",
    metadata,
    Column("family", Text, ForeignKey("family.id"), nullable=False),
    required("job_id"),
    required("n"),
    PrimaryKeyConstraint("family", "job_id", name="family_job_pk"),
    sqlite_with_rowid=False,
)
"""How many failed and retrying tasks of a family a job has, without the inbox; no row where it has none."""

family_hour = Table(
    "family_hour",
    metadata,
    Column("family", Text, ForeignKey("family.id"), nullable=False),
    required("at"),
    required("n"),
    PrimaryKeyConstraint("family", "at", name="family_hour_pk"),
    sqlite_with_rowid=False,
)
"""How many failures of a family an hour had from `at` on; the last `HOURS` before its newest are kept."""
