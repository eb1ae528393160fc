"""The tables of work items and of their histories.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from core.model.patterns.work_items import EntryKind, ItemOutcome, OnDeny, OnDue
from core.store.tables.columns import among_column, metadata, required

work_item = Table(
    "work_item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    required("title", Text),
    required("text", Text),
    required("form", Text),
    required("submitter", Text),
    required("created_at"),
    Column("assignee", Text),
    Column("team", Text),
    Column("due_at", Integer),
    required("on_due", Text),
    Column("escalate_to", Text),
    Column("escalated_at", Integer),
    Column("remind_ms", Integer),
    Column("remind_at", Integer),
    required("quorum"),
    required("four_eyes"),
    required("on_deny", Text),
    required("is_held", default="0"),
    Column("claimed_by", Text),
    Column("claimed_at", Integer),
    required("approvals", default="0"),
    Column("answer", Text),
    Column("outcome", Text),
    Column("closed_at", Integer),
    Column("closed_by", Text),
    Column("reason", Text),
    among_column("on_due", OnDue, "work_item_on_due"),
    among_column("on_deny", OnDeny, "work_item_on_deny"),
    CheckConstraint("quorum >= 1", name="work_item_quorum"),
    CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="work_item_closed"),
    CheckConstraint("(claimed_by IS NULL) = (claimed_at IS NULL)", name="work_item_claimed"),
    CheckConstraint(
        " OR ".join(["outcome IS NULL", *(f"outcome = '{value}'" for value in ItemOutcome)]),
        name="work_item_outcome",
    ),
    Index("work_item_task", "task_id"),
    Index("work_item_open", "task_id", unique=True, sqlite_where=text("outcome IS NULL")),
    Index(
        "work_item_due",
        "due_at",
        sqlite_where=text("outcome IS NULL AND is_held = 0 AND escalated_at IS NULL AND due_at IS NOT NULL"),
    ),
    Index(
        "work_item_remind",
        "remind_at",
        sqlite_where=text("outcome IS NULL AND is_held = 0 AND remind_at IS NOT NULL"),
    ),
)
"""What people are asked, one row each time a task waits for them; at most one of a task is open.

`due_at` and `remind_at` are engine time; `form` is the list of its fields, `answer` the values that the first
approval gave. `claimed_by` and `assignee` are names of people, `closed_by` is an actor. An item is open until
it has an `outcome`; its task waits, or is held, just as long.
"""

work_item_entry = Table(
    "work_item_entry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", Integer, ForeignKey("work_item.id", ondelete="CASCADE"), nullable=False),
    required("at"),
    required("kind", Text),
    required("actor", Text),
    required("person", Text),
    Column("note", Text),
    Column("data", Text),
    among_column("kind", EntryKind, "work_item_entry_kind"),
    Index("work_item_entry_of", "item_id", "id"),
)
"""The history of work items; `person` is the name its actor goes by, `data` the values of an approval."""
