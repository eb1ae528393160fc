"""The tables of groups: sets of instances, and items that wait.

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
    UniqueConstraint,
)

from core.store.tables.columns import metadata, required

UNBEGUN = "set_id IS NOT NULL AND status = 'blocked' AND needs_left = 0 AND wait_reason IS NULL"
"""Of an instance: it waits for nothing but its turn."""

INSTANCES = (
    "(SELECT json_object('job', i.job_id, 'key', {0}.key, 'number', i.number, 'total', i.total,"
    " 'made', i.made, 'needed', i.needed, 'parallel', i.parallel,"
    " 'by', (SELECT json_group_object(c.status, c.n) FROM counter c"
    " WHERE c.scope = 'set' AND c.ref = CAST(i.id AS TEXT) AND c.n > 0))"
    " FROM instance_set i WHERE i.task_id = {0}.id ORDER BY i.number DESC LIMIT 1)"
)
"""What a task says of its instances, as JSON; NULL = it has none, or they are not known yet."""

instance_set = Table(
    "instance_set",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    required("task_id"),
    required("number"),
    required("total"),
    required("made", default="0"),
    Column("needed", Integer),
    Column("parallel", Integer),
    required("digest", Text),
    Column("again", Integer),
    required("only_failed", default="0"),
    UniqueConstraint("task_id", "number", name="instance_set_number"),
    CheckConstraint("made <= total", name="instance_set_made"),
    Index("instance_set_job", "job_id"),
)
"""The instances of a group, the task `task_id`; a rerun over other items makes the set of the next `number`.

`made` of `total` have a row; `needed` successes decide (NULL = no threshold), `parallel` may have begun at
once. `digest` = the hash of the items. While the group runs again, `again` is the index from which on its
instances do: all with `only_failed` 0, with 1 those that did not succeed, with 2 all, with new children.
"""

instance_page = Table(
    "instance_page",
    metadata,
    Column("set_id", Integer, ForeignKey("instance_set.id", ondelete="CASCADE"), nullable=False),
    required("first"),
    required("body", Text),
    PrimaryKeyConstraint("set_id", "first", name="instance_page_pk"),
)
"""Items of a set that have no row yet: lists in JSON, each with the index of its first."""
