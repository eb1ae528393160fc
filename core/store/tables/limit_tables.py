"""The tables of limits: what is configured, counted, spent.

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
    text,
)

from core.model.backend_checks import CheckStatus
from core.model.limits.limits import EntryKind, LimitKind
from core.store.tables.columns import among_column, metadata, required

limit_rule = Table(
    "limit_rule",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    required("kind", Text),
    required("body", Text),
    Column("changed", Text),
    Column("changed_at", Integer),
    Column("changed_by", Text),
    Column("change_reason", Text),
    Column("removed_at", Integer),
    among_column("kind", LimitKind, "limit_rule_kind"),
)
"""Limits and budgets: `body` as configured, `changed` = what was changed of it at run time.

One that is configured no more has `removed_at` and binds nothing; its gauges and entries stay."""

pool = Table(
    "pool",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    required("position"),
    required("body", Text),
    required("gset_id", default="0"),
    Column("changed", Text),
    Column("changed_at", Integer),
    Column("changed_by", Text),
    Column("change_reason", Text),
    Column("paused_at", Integer),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("removed_at", Integer),
)
"""Pools in the order in which they are asked; `gset_id` = the gauges that each attempt in it passes.

The other columns as in `limit_rule`; a removed pool runs out.
"""

gauge = Table(
    "gauge",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, ForeignKey("limit_rule.name"), nullable=False),
    required("key", Text, "''"),
    required("used", default="0"),
    required("reserved", default="0"),
    required("unknown", default="0"),
    required("tat_us", default="0"),
    required("began", default="0"),
    Column("turns_at", Integer),
    Column("shut_until", Integer),
    Column("trial", Integer),
    Column("shut_at", Integer),
    Column("shut_by", Text),
    Column("shut_reason", Text),
    required("waited_for", default="0"),
    Column("opens_at", Integer),
    Column("soft_at", Integer),
    required("recent", Text, "''"),
    Column("down_at", Integer),
    Column("down_reason", Text),
    required("gone", default="0"),
    required("gone_of", default="0"),
    UniqueConstraint("name", "key", name="gauge_of"),
    CheckConstraint("reserved >= 0 AND unknown >= 0", name="gauge_held"),
    Index("gauge_probe", "trial", sqlite_where=text("trial > 0")),
    Index("gauge_down", "down_at", sqlite_where=text("down_at IS NOT NULL")),
    Index("gauge_due", "opens_at", sqlite_where=text("opens_at IS NOT NULL")),
)
"""What is used, held and left of one limit under one key (`core.model.limits.gauges`).

`recent` = starts of a backend over the last minutes, in the row of the limit on its retries.
`gone` = starts that count in the window that began at `gone_of`, of attempts that were purged.
`shut_at`, `shut_by`, `shut_reason` tell of the last time that it was shut: when (ms UTC), by whom, why.
`down_at` = since when its backend is down by its check, with the reason; an operator may close that, too."""

check_change = Table(
    "check_change",
    metadata,
    Column("id", Integer, primary_key=True),
    required("backend", Text),
    required("at"),
    required("status", Text),
    required("reason", Text, "''"),
    Column("took_ms", Integer),
    among_column("status", CheckStatus, "check_change_status"),
    Index("check_change_of", "backend", "id"),
)
"""What the checks of backends said, the newest of each last; at most `KEPT` of one, by its name."""

backend_failure = Table(
    "backend_failure",
    metadata,
    Column("gauge_id", Integer, ForeignKey("gauge.id"), nullable=False),
    required("code", Text),
    required("at"),
    required("task_id"),
    required("epoch"),
    PrimaryKeyConstraint("gauge_id", "code", "at", "task_id", "epoch", name="backend_failure_pk"),
    sqlite_with_rowid=False,
)
"""Failures that count for the breaker of a backend: those within its period, none once it has opened."""

gset = Table(
    "gset",
    metadata,
    Column("id", Integer, primary_key=True),
    required("gauges", Text),
    required("prefer", Text, "''"),
    required("on_exhausted", Text, "''"),
    UniqueConstraint("gauges", "prefer", "on_exhausted", name="gset_of"),
    Index("gset_said", "on_exhausted", sqlite_where=text("on_exhausted != ''")),
    Index("gset_prefer", "prefer", sqlite_where=text("prefer != ''")),
)
"""Sets of gauges by their sorted ids, `[3,17]`, with what their tasks say beside; never changed.

`prefer` = a list of pools, `on_exhausted` the word of the task, both empty where it says nothing. 0 = the
empty set of tasks that say nothing, without a row."""

entry = Table(
    "entry",
    metadata,
    Column("id", Integer, primary_key=True),
    required("at"),
    Column("task_id", Integer),
    Column("epoch", Integer),
    required("unit", Text),
    required("amount"),
    required("kind", Text),
    required("counted_at"),
    Column("released", Integer),
    Column("job_id", Integer),
    Column("pool", Text),
    Column("project", Text),
    Column("workflow", Text),
    Column("key", Text),
    Column("queue", Text),
    Column("model", Text),
    Column("price", Text),
    required("gset_id", default="0"),
    Column("gauge_id", Integer),
    Column("actor", Text),
    Column("reason", Text),
    Column("charge", Text),
    Column("late", Integer),
    Column("reconciled", Integer),
    Column("carried", Integer),
    among_column("kind", EntryKind, "entry_kind"),
    Index("entry_task", "task_id", "epoch", sqlite_where=text("task_id IS NOT NULL")),
    Index("entry_charge", "task_id", "charge", sqlite_where=text("charge IS NOT NULL")),
    Index("entry_unpriced", "model", sqlite_where=text("price = 'none'")),
    Index("entry_counted", "counted_at"),
    Index("entry_of_task", "workflow", "key", sqlite_where=text("workflow IS NOT NULL")),
    Index(
        "entry_unknown",
        "at",
        "gset_id",
        "unit",
        sqlite_where=text("kind = 'unknown' AND reconciled IS NULL"),
    ),
)
"""The ledger: what attempts spent, in millionths of a unit; no foreign keys, it outlives its rows.

It counts in the gauges of `gset_id` whose unit it has and whose window held `counted_at`; a correction counts
in `gauge_id` alone and says who made it. `released` = what a reconciled one takes back of the unknown,
which has `reconciled` from then on.
`carried` = of how many entries it is the sum: those of a month that is older than `ledger` of `[retention]`.
`charge` = the id of a charge, once for each task; `late` = its attempt had ended. `price` = the one that was
used, `none` where a model has none.
"""

TABLES = (limit_rule, pool, gauge, backend_failure, gset, entry)
"""Those that the schema exports."""
