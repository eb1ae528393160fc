"""The tables of what tasks wait for, and of signals.

Part of the schema; what its first lines say of columns and times holds here.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from core.store.tables.columns import metadata, required

awaited = Table(
    "awaited",
    metadata,
    Column("task_id", Integer, ForeignKey("task.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("due_at", Integer),
    Column("until", Integer),
    Column("fails_at", Integer),
    Column("name", Text),
    Column("key", Text),
    required("is_held", default="0"),
    Column("since", Integer),
    Column("job_id", Integer),
    Column("job_key", Text),
    Column("job_name", Text),
    Column("wanted", Text),
    Column("path", Text),
    Column("root", Text),
    Column("stable_ms", Integer),
    Column("every_ms", Integer),
    Column("url", Text),
    Column("child_id", Integer),
    Column("asks", Text),
    Column("on_child_failure", Text),
    required("is_late", default="0"),
    CheckConstraint("(name IS NULL) = (key IS NULL)", name="awaited_signal"),
    Index("awaited_child", "child_id", sqlite_where=text("child_id IS NOT NULL")),
    Index("awaited_asks", "task_id", sqlite_where=text("asks IS NOT NULL")),
    Index("awaited_due", "due_at", sqlite_where=text("is_held = 0 AND due_at IS NOT NULL")),
    Index("awaited_until", "until", sqlite_where=text("is_held = 0 AND until IS NOT NULL")),
    Index("awaited_fails", "fails_at", sqlite_where=text("is_held = 0 AND fails_at IS NOT NULL")),
    Index(
        "awaited_by_signal", "name", "key", "task_id", sqlite_where=text("is_held = 0 AND name IS NOT NULL")
    ),
    Index("awaited_job", "job_id", "task_id", sqlite_where=text("is_held = 0 AND job_id IS NOT NULL")),
    Index("awaited_job_key", "job_key", sqlite_where=text("job_id IS NULL AND job_key IS NOT NULL")),
    Index("awaited_job_name", "job_name", sqlite_where=text("job_id IS NULL AND job_name IS NOT NULL")),
    Index("awaited_file", "task_id", sqlite_where=text("is_held = 0 AND path IS NOT NULL")),
    Index("awaited_poll", "task_id", sqlite_where=text("is_held = 0 AND every_ms IS NOT NULL")),
)
"""What each waiting task waits for, also while it is held: `due_at` and `fails_at` are engine time.

It succeeds at `due_at`, at `until` (wall clock), or by a signal of `name` and `key`; it fails at `fails_at`.
`since` is the wall clock. With `wanted` it waits until job `job_id` ends so; while that is NULL, for the
first one that is submitted with `job_key`, or named `job_name`; then `due_at` says that the job has ended.
The engine looks for the file `path`, which leads not out of `root` and has to stay as it is for `stable_ms`,
or asks each `every_ms` again what its attempt asked, at `url` if that is there.
Or it waits for the job `child_id`: then it `is_late` once `fails_at` has passed and the child is ending.
`asks` = what the engine has to work out: whether and which `worklet` begins, or the `outputs` of a child that
succeeded.
"""

signal = Table(
    "signal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", Text),
    required("name", Text),
    required("key", Text),
    required("data", Text),
    required("at"),
    required("expires_at"),
    Column("actor", Text),
    Column("task_id", Integer),
    Index("signal_uid", "uid", unique=True, sqlite_where=text("uid IS NOT NULL")),
    Index("signal_kept", "name", "key", "id", sqlite_where=text("task_id IS NULL")),
    Index("signal_expires", "expires_at"),
)
"""Signals that came; `task_id` = the task that one answered, NULL = none yet. `expires_at` is engine time.

A signal with a `uid` is taken once, as long as its row is there.
"""
