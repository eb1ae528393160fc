"""The tables of failure families, their jobs and hours.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from core.store.tables.columns import metadata, required

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
    required("purged", default="0"),
    Index("family_failing", "last_at", sqlite_where=text("failed + retrying > 0")),
    Index("family_ack", "ack_at", sqlite_where=text("ack_at IS NOT NULL")),
)
"""Failures of one kind: `failures` attempts ended so, `failed` and `retrying` tasks now, of `jobs` jobs.

`message` and `task_id` are of the newest. The ack columns tell of an acknowledgement that was not taken back:
`ack_until` = its end (engine time, NULL = until it returns), `ack_failures` = the failures at its time.
`purged` = how many of the failures have no event any more."""


def _of_family(name: str, by: str) -> Table:
    """Return a table with a number `n` for each family and each value of a column."""
    return Table(
        name,
        metadata,
        Column("family", Text, ForeignKey("family.id"), nullable=False),
        required(by),
        required("n"),
        PrimaryKeyConstraint("family", by, name=f"{name}_pk"),
        sqlite_with_rowid=False,
    )


family_job = _of_family("family_job", "job_id")
"""How many failed and retrying tasks of a family a job has, without the inbox; no row where it has none."""

family_hour = _of_family("family_hour", "at")
"""How many failures of a family an hour had from `at` on; the last `HOURS` before its newest are kept."""
