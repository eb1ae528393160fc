"""The table of what a batch left to a later one.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, Table, Text

from core.store.tables.columns import metadata, required

followup = Table(
    "followup",
    metadata,
    required("kind", Text),
    required("id"),
    PrimaryKeyConstraint("kind", "id", name="followup_pk"),
    CheckConstraint(
        "kind IN ('task', 'stage', 'job', 'lanes', 'limits', 'spent', 'dear', 'set')",
        name="followup_kind",
    ),
    sqlite_with_rowid=False,
)
"""What a batch left over: edges of a final task, a stage to unblock, a job's verdict, its lanes to open.

`limits` = tasks that wait, from the one behind `id` on, to bring under changed limits; `set` = instances."""
