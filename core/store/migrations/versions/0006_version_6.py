"""Bring the tables of schema version 5 to version 6.

Loaded by Alembic. Version 6 has what keeps a store for years.
"""

from core.store.migration_steps import add_columns, run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PINS = ("pinned_at INTEGER", "pinned_by TEXT", "pin_reason TEXT")
TABLES: tuple[str, ...] = (
    """CREATE TABLE check_change (
	id INTEGER NOT NULL,
	backend TEXT NOT NULL,
	at INTEGER NOT NULL,
	status TEXT NOT NULL,
	reason TEXT DEFAULT '' NOT NULL,
	took_ms INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT check_change_status CHECK (status = 'unknown' OR status = 'up' OR status = 'slow' OR status = 'down')
)""",
    """CREATE TABLE expectation (
	id INTEGER NOT NULL,
	schedule_id INTEGER,
	workflow TEXT,
	every_ms INTEGER NOT NULL,
	since INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	missed_at INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT expectation_of CHECK ((schedule_id IS NULL) != (workflow IS NULL)),
	CONSTRAINT expectation_every CHECK (every_ms > 0),
	FOREIGN KEY(schedule_id) REFERENCES schedule (id)
)""",
    """CREATE TABLE notice (
	id INTEGER NOT NULL,
	sink TEXT NOT NULL,
	topic TEXT NOT NULL,
	event INTEGER NOT NULL,
	at INTEGER NOT NULL,
	text TEXT NOT NULL,
	job_id INTEGER,
	task_id INTEGER,
	about TEXT,
	status TEXT NOT NULL,
	tries INTEGER DEFAULT 0 NOT NULL,
	delivery INTEGER,
	due_at INTEGER,
	ended_at INTEGER,
	error TEXT,
	PRIMARY KEY (id),
	CONSTRAINT notice_status CHECK (status = 'waiting' OR status = 'sent' OR status = 'failed' OR status = 'dropped'),
	CONSTRAINT notice_ended CHECK ((status = 'waiting') = (ended_at IS NULL))
)""",
    """CREATE TABLE notice_cursor (
	sink TEXT NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (sink)
)
 WITHOUT ROWID""",
    """CREATE TABLE awaited (
	task_id INTEGER NOT NULL,
	due_at INTEGER,
	until INTEGER,
	fails_at INTEGER,
	name TEXT,
	"key" TEXT,
	is_held INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (task_id),
	CONSTRAINT awaited_signal CHECK ((name IS NULL) = (key IS NULL)),
	FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
)""",
    """CREATE TABLE signal (
	id INTEGER NOT NULL,
	uid TEXT,
	name TEXT NOT NULL,
	"key" TEXT NOT NULL,
	data TEXT NOT NULL,
	at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	actor TEXT,
	task_id INTEGER,
	PRIMARY KEY (id)
)""",
    """CREATE TABLE purge (
	job_id INTEGER NOT NULL,
	event INTEGER NOT NULL,
	is_empty INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (job_id)
)""",
    """CREATE TABLE purged (
	noun TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	event INTEGER NOT NULL,
	CONSTRAINT purged_pk PRIMARY KEY (noun, first),
	CONSTRAINT purged_noun CHECK (noun IN ('job', 'task', 'output')),
	CONSTRAINT purged_span CHECK (first <= last)
)
 WITHOUT ROWID""",
    """CREATE TABLE removal (
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	PRIMARY KEY (task_id)
)""",
    """CREATE TABLE retention (
	id INTEGER NOT NULL,
	noticed_at INTEGER,
	applied_at INTEGER,
	applied_by TEXT,
	looked_at INTEGER,
	looked_offset INTEGER,
	looked_boot TEXT,
	passed_at INTEGER,
	found TEXT,
	PRIMARY KEY (id),
	CONSTRAINT retention_single CHECK (id = 1)
)""",
)
INDEXES: tuple[str, ...] = (
    "CREATE INDEX check_change_of ON check_change (backend, id)",
    "CREATE INDEX expectation_due ON expectation (due_at) WHERE missed_at IS NULL",
    "CREATE UNIQUE INDEX expectation_schedule ON expectation (schedule_id) WHERE schedule_id IS NOT NULL",
    "CREATE UNIQUE INDEX expectation_workflow ON expectation (workflow) WHERE workflow IS NOT NULL",
    "CREATE INDEX gauge_down ON gauge (down_at) WHERE down_at IS NOT NULL",
    'CREATE INDEX awaited_by_signal ON awaited (name, "key", task_id) WHERE is_held = 0 AND name IS NOT NULL',
    "CREATE INDEX awaited_due ON awaited (due_at) WHERE is_held = 0 AND due_at IS NOT NULL",
    "CREATE INDEX awaited_fails ON awaited (fails_at) WHERE is_held = 0 AND fails_at IS NOT NULL",
    "CREATE INDEX awaited_until ON awaited (until) WHERE is_held = 0 AND until IS NOT NULL",
    "CREATE INDEX signal_expires ON signal (expires_at)",
    'CREATE INDEX signal_kept ON signal (name, "key", id) WHERE task_id IS NULL',
    "CREATE UNIQUE INDEX signal_uid ON signal (uid) WHERE uid IS NOT NULL",
    "CREATE INDEX job_pinned ON job (id) WHERE pinned_at IS NOT NULL",
    'CREATE UNIQUE INDEX notice_about ON notice (sink, about) WHERE about IS NOT NULL',
    'CREATE INDEX notice_delivery ON notice (delivery) WHERE delivery IS NOT NULL',
    "CREATE INDEX notice_waiting ON notice (sink, delivery, id) WHERE status = 'waiting'",
    "CREATE INDEX task_pinned ON task (job_id) WHERE pinned_at IS NOT NULL",
)
# No retention has looked at the store yet: its first pass only tells what it would take.
ROWS: tuple[str, ...] = ("INSERT INTO retention (id) VALUES (1)",)


def upgrade() -> None:
    """Make the tables; no backend is checked, no failure tolerated, nothing pinned or purged."""
    add_columns("job", *PINS, "finishing INTEGER DEFAULT 0 NOT NULL")
    add_columns("stage", "is_finally INTEGER DEFAULT 0 NOT NULL")
    add_columns("task", *PINS, "tolerated INTEGER DEFAULT 0 NOT NULL")
    add_columns("family", "purged INTEGER DEFAULT 0 NOT NULL")
    add_columns("gauge", "down_at INTEGER", "down_reason TEXT")
    add_columns("gauge", "gone INTEGER DEFAULT 0 NOT NULL", "gone_of INTEGER DEFAULT 0 NOT NULL")
    add_columns("schedule", "declared TEXT")
    add_columns("payload", "used_at INTEGER DEFAULT 0 NOT NULL")
    for statement in (*TABLES, *INDEXES, *ROWS):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
