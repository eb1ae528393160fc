"""Bring the tables of schema version 4 to version 5.

Loaded by Alembic. Version 5 has schedules and their fires.
"""

from core.store.migration_steps import add_columns, run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE schedule (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	body TEXT NOT NULL,
	handled_at INTEGER NOT NULL,
	due_at INTEGER,
	wake_at INTEGER,
	created_at INTEGER NOT NULL,
	actor TEXT,
	changed_at INTEGER,
	changed_by TEXT,
	paused_at INTEGER,
	paused_by TEXT,
	pause_reason TEXT,
	removed_at INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT schedule_due CHECK ((due_at IS NULL) = (wake_at IS NULL))
)""",
    """CREATE TABLE fire (
	schedule_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	status TEXT NOT NULL,
	kind TEXT NOT NULL,
	job_id INTEGER,
	decided_at INTEGER NOT NULL,
	n INTEGER DEFAULT 1 NOT NULL,
	since INTEGER,
	actor TEXT,
	reason TEXT,
	CONSTRAINT fire_pk PRIMARY KEY (schedule_id, at, kind),
	CONSTRAINT fire_status CHECK (status = 'waiting' OR status = 'submitted' OR status = 'skipped' OR status = 'missed' OR status = 'failed'),
	CONSTRAINT fire_kind CHECK (kind = 'timed' OR kind = 'manual' OR kind = 'backfill'),
	CONSTRAINT fire_job CHECK ((status = 'submitted') = (job_id IS NOT NULL)),
	CONSTRAINT fire_span CHECK (n >= 1 AND (n = 1) = (since IS NULL)),
	FOREIGN KEY(schedule_id) REFERENCES schedule (id)
)
 WITHOUT ROWID""",
)
INDEXES = (
    "CREATE UNIQUE INDEX schedule_name ON schedule (name) WHERE removed_at IS NULL",
    "CREATE INDEX schedule_wake ON schedule (wake_at) WHERE removed_at IS NULL AND paused_at IS NULL AND wake_at IS NOT NULL",
    "CREATE UNIQUE INDEX fire_once ON fire (schedule_id, at) WHERE status = 'submitted' OR status = 'waiting'",
    "CREATE UNIQUE INDEX fire_of_job ON fire (job_id) WHERE job_id IS NOT NULL",
    "CREATE INDEX fire_waiting ON fire (schedule_id, at) WHERE status = 'waiting'",
    "CREATE INDEX job_of_schedule ON job (schedule_id, status, id) WHERE schedule_id IS NOT NULL",
)


def upgrade() -> None:
    """Make the tables; no job is of a schedule."""
    add_columns("job", "schedule_id INTEGER")
    for statement in (*TABLES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
