"""The tables: rows, CHECKs from the table of moves, few indexes.

Used by the database, the reports and the migrations. Every change here makes a new version, with its file in
`migrations/versions`; new columns stand last in their table, where `ADD COLUMN` puts them.

Times are ms UTC of the wall clock, which may go back, but for `retry_at`, `sort_key`, `ended.at`,
`family.ack_until`, `once_key.free_at` and `engine.time_*`: those are engine time, which no setting of that
clock moves.

Text with a leading `{`, `[` or `"` in `spec`, `params`, `meta`, `output`, `error`, `data`, `body` is JSON
with every non-ASCII character escaped, so NUL and lone surrogates survive.
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

from core.model.plans import NeedWhen, OnTaskFailure
from core.model.status import TASK_FINAL, AttemptStatus, JobStatus, StageStatus, TaskStatus
from core.store.tables import (
    awaited_table,
    columns,
    data_tables,
    expectation_table,
    family_tables,
    followup_table,
    instance_tables,
    limit_tables,
    notice_tables,
    once_table,
    schedule_tables,
    upkeep_tables,
    work_item_tables,
    workflow_tables,
)
from core.store.tables.columns import among_column, either, pin_columns, required

metadata = columns.metadata

engine = Table(
    "engine",
    metadata,
    Column("id", Integer, primary_key=True),
    required("store_id", Text),
    required("epoch"),
    Column("pid", Integer),
    Column("boot_id", Text),
    Column("started_at", Integer),
    Column("stopped_at", Integer),
    required("time_at", default="0"),
    required("time_offset", default="0"),
    Column("time_boot_at", Integer),
    required("capacity", default="0"),
    Column("frozen_at", Integer),
    Column("frozen_by", Text),
    Column("freeze_reason", Text),
    CheckConstraint("id = 1", name="engine_single"),
)
"""One row: the name of this store, and who owns it; `epoch` rises with each start and fences late writes.

`capacity` rises with each change of pools and limits; the freeze columns tell that all spending is stopped.

`time_at` = engine time as last saved, `time_offset` = how far it is ahead of the wall clock,
`time_boot_at` = engine time at the boot `boot_id`."""

definition = workflow_tables.definition

job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    required("name", Text),
    required("status", Text),
    required("on_task_failure", Text),
    Column("definition_hash", Text, ForeignKey("definition.hash")),
    required("params", Text, "'{}'"),
    required("meta", Text, "'{}'"),
    Column("notify", Text),
    Column("client_key", Text),
    Column("input_hash", Text),
    Column("actor", Text),
    Column("verdict", Text),
    Column("reason", Text),
    Column("verdict_by", Text),
    required("vtime", default="0"),
    required("created_at"),
    Column("started_at", Integer),
    Column("finished_at", Integer),
    Column("paused_at", Integer),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("verdict_task", Integer),
    Column("verdict_ends", Integer),
    Column("project", Text),
    Column("schedule_id", Integer),
    *pin_columns(),
    required("finishing", default="0"),
    Column("parent_task", Integer),
    Column("root_id", Integer),
    required("depth", default="0"),
    required("paused_above", default="0"),
    required("superseded", default="0"),
    required("is_worklet", default="0"),
    Column("documents", Text),
    Column("outputs", Text),
    required("place_set", default="0"),
    Column("place_gauge", Integer),
    UniqueConstraint("client_key", name="job_client_key"),
    among_column("status", JobStatus, "job_status"),
    among_column("on_task_failure", OnTaskFailure, "job_on_task_failure"),
    CheckConstraint(
        "(status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)", name="job_finished"
    ),
    CheckConstraint("status != 'ending' OR verdict IN ('failed', 'cancelled')", name="job_verdict"),
    Index(
        "job_live",
        "status",
        "id",
        sqlite_where=text("status IN ('ending', 'paused', 'pending', 'running')"),
    ),
    Index("job_name", "name", "id", sqlite_where=text("id > 1")),
    Index("job_definition", "definition_hash", sqlite_where=text("definition_hash IS NOT NULL")),
    Index("job_pinned", "id", sqlite_where=text("pinned_at IS NOT NULL")),
    Index("job_child", "parent_task", "id", sqlite_where=text("parent_task IS NOT NULL")),
    Index("job_of_root", "root_id", "id", sqlite_where=text("root_id IS NOT NULL")),
    Index("job_place", "place_set", sqlite_where=text("place_set > 0")),
    Index("job_waits", "place_gauge", "id", sqlite_where=text("place_gauge IS NOT NULL")),
    Index("job_of_schedule", "schedule_id", "status", "id", sqlite_where=text("schedule_id IS NOT NULL")),
    Index(
        "job_vtime",
        "vtime",
        sqlite_where=text("status IN ('ending', 'paused', 'pending', 'running')"),
    ),
)
"""Instances of workflows; job 1 is the inbox. `vtime` is its virtual time in fair share.

`actor` submitted it; the pause columns tell of a pause that lasts, `verdict_by` and `reason` of its verdict,
`verdict_task` of the task that brought that, and `verdict_ends` how many tasks it found that had not ended.
`finishing` = 1 while its stage `finally` is open, 2 from when that was cut short on.

A child has the task that waits for it (`parent_task`), the job above all (`root_id`) and how many jobs are
above it (`depth`). It is `paused_above` while a job above it is paused, and `superseded` when its task
takes a new child the next time. `documents` are those that its tasks name, as they were when the root was
submitted (NULL = none), `outputs` what it gives out, with its expressions (NULL = nothing). One that has not
ended has a place under each gauge of `place_set` (0 = no limit counts it), or waits for one of `place_gauge`.
"""

stage = Table(
    "stage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    required("position"),
    required("name", Text),
    required("status", Text),
    required("open_tasks"),
    required("first_task"),
    required("last_task"),
    required("is_finally", default="0"),
    UniqueConstraint("job_id", "position", name="stage_position"),
    among_column("status", StageStatus, "stage_status"),
    CheckConstraint("open_tasks >= 0", name="stage_open_tasks"),
)
"""Barriers of a job; its tasks have the ids `first_task`..`last_task`; `open_tasks` = not final.

One that `is_finally`, the last, runs when all others are closed, whatever the verdict.
"""

queue = Table(
    "queue",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    Column("paused_at", Integer),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    required("gset_id", default="0"),
    Index("queue_limited", "name", sqlite_where=text("gset_id > 0")),
)
"""Named lines of tasks; closed while `paused_at` is set; each of its tasks passes the gauges of `gset_id`."""

aisle = Table(
    "aisle",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("queue", Text, ForeignKey("queue.name"), nullable=False),
    required("gset_id", default="0"),
    Column("head_key", Integer),
    Column("shut_by", Integer),
    UniqueConstraint("queue", "gset_id", name="aisle_of"),
    Index("aisle_open", "head_key", sqlite_where=text("head_key IS NOT NULL AND shut_by IS NULL")),
    Index(
        "aisle_of_queue", "queue", "head_key", sqlite_where=text("head_key IS NOT NULL AND shut_by IS NULL")
    ),
    Index("aisle_shut", "shut_by", "head_key", sqlite_where=text("head_key IS NOT NULL AND shut_by > 0")),
)
"""The lanes of one queue and gauge set (0 = no gauges); `head_key` = the smallest of its open lanes.

`shut_by` is a hint for the claim, here and in `lane`: NULL = look at it, 0 = paused, above = the gauge that
has nothing left, in a lane too little for its head, which needs `need`. It may be wrongly open, which costs
one look, never wrongly shut.
"""

lane = Table(
    "lane",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aisle_id", Integer, ForeignKey("aisle.id"), nullable=False),
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    Column("head_key", Integer),
    Column("head_id", Integer),
    Column("shut_by", Integer),
    Column("need", Integer),
    UniqueConstraint("aisle_id", "job_id", name="lane_of"),
    Index("lane_head", "aisle_id", "head_key", sqlite_where=text("head_key IS NOT NULL AND shut_by IS NULL")),
    Index(
        "lane_shut", "aisle_id", "head_key", sqlite_where=text("head_key IS NOT NULL AND shut_by IS NOT NULL")
    ),
    Index("lane_job", "job_id"),
    Index("lane_dear", "shut_by", "need", sqlite_where=text("head_key IS NOT NULL AND shut_by > 0")),
)
"""Queued tasks of one aisle and job, in order; (`head_key`, `head_id`) = the first, NULL = empty."""

task = Table(
    "task",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    Column("stage_id", Integer, ForeignKey("stage.id", ondelete="CASCADE"), nullable=False),
    Column("lane_id", Integer, ForeignKey("lane.id"), nullable=False),
    required("key", Text),
    Column("name", Text),
    Column("grp", Text),
    required("uses", Text),
    required("queue", Text),
    required("priority"),
    required("status", Text),
    Column("sort_key", Integer),
    required("needs_left"),
    required("conditional"),
    Column("wait_reason", Text),
    required("epoch", default="0"),
    required("generation", default="1"),
    required("tries", default="0"),
    required("losses", default="0"),
    required("bounces", default="0"),
    required("max_attempts"),
    Column("retry_at", Integer),
    required("created_at"),
    Column("queued_at", Integer),
    Column("started_at", Integer),
    Column("finished_at", Integer),
    Column("stop_at", Integer),
    Column("stop_by", Text),
    Column("stop_reason", Text),
    Column("stop_how", Text),
    Column("output", Text),
    Column("error", Text),
    required("spec", Text),
    Column("actor", Text),
    Column("status_by", Text),
    Column("status_reason", Text),
    Column("family", Text),
    Column("cost", Text),
    required("retried", default="0"),
    *pin_columns(),
    required("tolerated", default="0"),
    Column("set_id", Integer),
    Column("group_task", Integer),
    Column("item", Integer),
    among_column("status", TaskStatus, "task_status"),
    CheckConstraint(
        f"({either('status', sorted(TASK_FINAL))}) = (finished_at IS NOT NULL)", name="task_finished"
    ),
    CheckConstraint("status != 'queued' OR sort_key IS NOT NULL", name="task_sortable"),
    CheckConstraint("status != 'retrying' OR retry_at IS NOT NULL", name="task_retry_at"),
    CheckConstraint("status != 'running' OR epoch > 0", name="task_epoch"),
    CheckConstraint("needs_left >= 0", name="task_needs_left"),
    CheckConstraint("status = 'blocked' OR wait_reason IS NULL", name="task_wait_reason"),
    Index("task_claim", "lane_id", "sort_key", "id", sqlite_where=text("status = 'queued'")),
    Index("task_list", "job_id", "status", "id"),
    Index(
        "task_trouble",
        "status",
        "id",
        sqlite_where=text("status IN ('failed', 'held', 'retrying', 'waiting')"),
    ),
    Index("task_due", "retry_at", sqlite_where=text("status = 'retrying'")),
    Index("task_condition", "id", sqlite_where=text("wait_reason = 'condition'")),
    Index("task_judged", "set_id", sqlite_where=text("wait_reason = 'condition' AND set_id IS NOT NULL")),
    Index("task_group", "grp", "id", sqlite_where=text("grp IS NOT NULL")),
    Index("task_pinned", "job_id", sqlite_where=text("pinned_at IS NOT NULL")),
    Index("task_family", "family", "id", sqlite_where=text("family IS NOT NULL")),
    Index("task_item", "set_id", "item", unique=True, sqlite_where=text("set_id IS NOT NULL")),
    Index("task_unbegun", "set_id", "item", sqlite_where=text(instance_tables.UNBEGUN)),
)
"""The unit of claim and retry; `spec` holds what never changes (`with`, retry, timeout, ...).

`actor` enqueued a loose task; those of a job have its actor. `status_by` and `status_reason` tell who
brought the task to its status and why; both are NULL where it went there in the ordinary course. `family` is
that of its newest failure, whatever came of the task since. `cost` is what it is estimated to take, by unit.
`retried` = how often an operator ran it again, other than together with what it depends on. `tolerated` = 1
while it is FAILED and its job goes on as if it had succeeded. An instance is `item` in the set `set_id` of
the task `group_task`; it is counted under that set, not under its stage and job.
"""

edge = Table(
    "edge",
    metadata,
    Column("need_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    required("kind", Text),
    required("met"),
    PrimaryKeyConstraint("need_id", "task_id", name="edge_pk"),
    among_column("kind", NeedWhen, "edge_kind"),
    Index("edge_task", "task_id"),
    sqlite_with_rowid=False,
)
"""`task_id` needs `need_id`; `met` turns 1 once, unless a rerun turns it back."""

attempt = Table(
    "attempt",
    metadata,
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
    required("epoch"),
    required("status", Text),
    required("engine_epoch"),
    required("started_at"),
    Column("finished_at", Integer),
    Column("error", Text),
    Column("pool", Text),
    required("gset_id", default="0"),
    Column("held", Text),
    Column("counted_at", Integer),
    Column("exhausted", Text),
    required("looks", default="0"),
    Column("seen", Text),
    PrimaryKeyConstraint("task_id", "epoch", name="attempt_pk"),
    among_column("status", AttemptStatus, "attempt_status"),
    CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="attempt_finished"),
    Index("attempt_open", "pool", "task_id", sqlite_where=text("status = 'running'")),
    sqlite_with_rowid=False,
)
"""Executions; an open row is a taken slot, of `pool` (NULL = `default`).

`gset_id` = all gauges it passed, `held` = what it holds of the metered ones, by gauge id; both as of
`counted_at`, the moment that tells its windows (ms UTC, never before one of them began). `exhausted` =
the budget that was spent while it ran, and for which it may end early. `looks` = how often a poll had asked
when it last saw something new, `seen` = what that was.
"""

EVENTS_APART = "task_id IS NULL AND (job_id IS NULL OR job_id = 1 OR kind = 'job.purged')"
"""What no job takes with it when it goes: events of the engine, of limits, of purges."""

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    required("at"),
    required("kind", Text),
    Column("job_id", Integer),
    Column("task_id", Integer),
    Column("attempt", Integer),
    Column("actor", Text),
    Column("data", Text),
    Index("event_job", "job_id", "id", sqlite_where=text("job_id > 1")),
    Index("event_task", "task_id", "id", sqlite_where=text("task_id IS NOT NULL")),
    Index("event_clock", "id", sqlite_where=text("kind = 'clock.stepped'")),
    Index("event_apart", "at", sqlite_where=text(EVENTS_APART)),
)
"""Immutable facts; no foreign keys, so that history may outlive its rows."""

counter = Table(
    "counter",
    metadata,
    required("scope", Text),
    required("ref", Text),
    required("status", Text),
    required("n"),
    PrimaryKeyConstraint("scope", "ref", "status", name="counter_pk"),
    CheckConstraint("n >= 0", name="counter_n"),
    sqlite_with_rowid=False,
)
"""Tasks per (queue | stage | job | set, status), kept with each move and verified by recount.

`job_tolerated` and `stage_tolerated` are scopes of their own: how many of the failed ones are tolerated.
"""

ended = Table(
    "ended",
    metadata,
    required("at"),
    Column("queue", Text, ForeignKey("queue.name"), nullable=False),
    required("status", Text),
    required("n"),
    PrimaryKeyConstraint("at", "queue", "status", name="ended_pk"),
    CheckConstraint(either("status", sorted(TASK_FINAL)), name="ended_status"),
    CheckConstraint("n > 0", name="ended_n"),
    sqlite_with_rowid=False,
)
"""How many tasks of a queue ended so within a `BUCKET` from `at` on; `KEPT` so long, reruns count again."""
BUCKET = 10_000
"""How many ms of ends are counted together."""
KEPT = 24 * 3_600_000
"""How long (ms) counts of ends are kept."""

run_time = Table(
    "run_time",
    metadata,
    required("workflow", Text),
    required("key", Text),
    required("task_id"),
    required("epoch"),
    required("ms"),
    PrimaryKeyConstraint("workflow", "key", "task_id", "epoch", name="run_time_pk"),
    CheckConstraint("ms >= 0", name="run_time_ms"),
    sqlite_with_rowid=False,
)
"""How long the last `RUN_TIMES` attempts that succeeded took, by the job's name and the task's key."""
RUN_TIMES = 100
"""Attempts of a task of a workflow that are kept: those with the highest task ids, then epochs."""

payload = workflow_tables.payload

FOLLOWUP_TABLE = followup_table.followup

FAMILY_TABLES = (family_tables.family, family_tables.family_job, family_tables.family_hour)
LIMIT_TABLES = limit_tables.TABLES
ONCE_TABLE = once_table.once_key
INSTANCE_TABLES = (instance_tables.instance_set, instance_tables.instance_page)
DATA_TABLES = (data_tables.variable, data_tables.artifact)
AWAITED_TABLES = (awaited_table.awaited, awaited_table.signal)
WORK_ITEM_TABLES = (work_item_tables.work_item, work_item_tables.work_item_entry)
SCHEDULE_TABLES = (schedule_tables.schedule, schedule_tables.fire, expectation_table.expectation)
NOTICE_TABLES = (notice_tables.notice, notice_tables.notice_cursor)
WORKFLOW_TABLES = workflow_tables.TABLES
UPKEEP_TABLES = (upkeep_tables.purge, upkeep_tables.purged, upkeep_tables.removal, upkeep_tables.retention)
"""Tables of rooms of their own."""
