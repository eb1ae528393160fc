"""Bring the tables of schema version 3 to version 4.

Loaded by Alembic. Version 4 has pools, limits, gauges, the ledger and the keys of `once`.
"""

from core.store.migration_steps import add_columns, make_over, run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = {
    "engine": (
        "capacity INTEGER DEFAULT 0 NOT NULL",
        "frozen_at INTEGER",
        "frozen_by TEXT",
        "freeze_reason TEXT",
    ),
    "job": ("project TEXT",),
    "queue": ("gset_id INTEGER DEFAULT 0 NOT NULL",),
    "lane": ("need INTEGER",),
    "task": ("cost TEXT", "retried INTEGER DEFAULT 0 NOT NULL"),
    "attempt": ("pool TEXT", "gset_id INTEGER DEFAULT 0 NOT NULL", "held TEXT", "counted_at INTEGER", "exhausted TEXT"),
}
TABLES = (
    """CREATE TABLE limit_rule (
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	body TEXT NOT NULL,
	changed TEXT,
	changed_at INTEGER,
	changed_by TEXT,
	change_reason TEXT,
	removed_at INTEGER,
	PRIMARY KEY (name),
	CONSTRAINT limit_rule_kind CHECK (kind = 'concurrency' OR kind = 'rate' OR kind = 'quota' OR kind = 'budget' OR kind = 'retries')
)""",
    """CREATE TABLE pool (
	name TEXT NOT NULL,
	position INTEGER NOT NULL,
	body TEXT NOT NULL,
	gset_id INTEGER DEFAULT 0 NOT NULL,
	changed TEXT,
	changed_at INTEGER,
	changed_by TEXT,
	change_reason TEXT,
	paused_at INTEGER,
	paused_by TEXT,
	pause_reason TEXT,
	removed_at INTEGER,
	PRIMARY KEY (name)
)""",
    """CREATE TABLE gauge (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	"key" TEXT DEFAULT '' NOT NULL,
	used INTEGER DEFAULT 0 NOT NULL,
	reserved INTEGER DEFAULT 0 NOT NULL,
	unknown INTEGER DEFAULT 0 NOT NULL,
	tat_us INTEGER DEFAULT 0 NOT NULL,
	began INTEGER DEFAULT 0 NOT NULL,
	turns_at INTEGER,
	shut_until INTEGER,
	trial INTEGER,
	shut_at INTEGER,
	shut_by TEXT,
	shut_reason TEXT,
	waited_for INTEGER DEFAULT 0 NOT NULL,
	opens_at INTEGER,
	soft_at INTEGER,
	recent TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gauge_of UNIQUE (name, "key"),
	CONSTRAINT gauge_held CHECK (reserved >= 0 AND unknown >= 0),
	FOREIGN KEY(name) REFERENCES limit_rule (name)
)""",
    """CREATE TABLE backend_failure (
	gauge_id INTEGER NOT NULL,
	code TEXT NOT NULL,
	at INTEGER NOT NULL,
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	CONSTRAINT backend_failure_pk PRIMARY KEY (gauge_id, code, at, task_id, epoch),
	FOREIGN KEY(gauge_id) REFERENCES gauge (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE gset (
	id INTEGER NOT NULL,
	gauges TEXT NOT NULL,
	prefer TEXT DEFAULT '' NOT NULL,
	on_exhausted TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT gset_of UNIQUE (gauges, prefer, on_exhausted)
)""",
    """CREATE TABLE entry (
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	task_id INTEGER,
	epoch INTEGER,
	unit TEXT NOT NULL,
	amount INTEGER NOT NULL,
	kind TEXT NOT NULL,
	counted_at INTEGER NOT NULL,
	released INTEGER,
	job_id INTEGER,
	pool TEXT,
	project TEXT,
	workflow TEXT,
	"key" TEXT,
	queue TEXT,
	model TEXT,
	price TEXT,
	gset_id INTEGER DEFAULT 0 NOT NULL,
	gauge_id INTEGER,
	actor TEXT,
	reason TEXT,
	charge TEXT,
	late INTEGER,
	reconciled INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT entry_kind CHECK (kind = 'settled' OR kind = 'estimated' OR kind = 'charged' OR kind = 'unknown' OR kind = 'reconciled' OR kind = 'correction')
)""",
    """CREATE TABLE once_key (
	"key" TEXT NOT NULL,
	task_id INTEGER NOT NULL,
	lasts TEXT NOT NULL,
	free_at INTEGER,
	taken_at INTEGER NOT NULL,
	PRIMARY KEY ("key"),
	CONSTRAINT once_key_lasts CHECK (lasts IN ('unfinished', 'timed', 'ever')),
	CONSTRAINT once_key_timed CHECK ((lasts = 'timed') = (free_at IS NOT NULL))
)
 WITHOUT ROWID""",
)
FOLLOWUP = """CREATE TABLE {table} (
	kind TEXT NOT NULL,
	id INTEGER NOT NULL,
	CONSTRAINT followup_pk PRIMARY KEY (kind, id),
	CONSTRAINT followup_kind CHECK (kind IN ('task', 'stage', 'job', 'lanes', 'limits', 'spent', 'dear'))
)
 WITHOUT ROWID"""
INDEXES = (
    "DROP INDEX attempt_open",
    "CREATE INDEX entry_charge ON entry (task_id, charge) WHERE charge IS NOT NULL",
    "CREATE INDEX entry_counted ON entry (counted_at)",
    'CREATE INDEX entry_of_task ON entry (workflow, "key") WHERE workflow IS NOT NULL',
    "CREATE INDEX entry_unpriced ON entry (model) WHERE price = 'none'",
    "CREATE INDEX entry_unknown ON entry (at, gset_id, unit) WHERE kind = 'unknown' AND reconciled IS NULL",
    "CREATE INDEX entry_task ON entry (task_id, epoch) WHERE task_id IS NOT NULL",
    "CREATE INDEX gset_said ON gset (on_exhausted) WHERE on_exhausted != ''",
    "CREATE INDEX gset_prefer ON gset (prefer) WHERE prefer != ''",
    "CREATE INDEX queue_limited ON queue (name) WHERE gset_id > 0",
    "CREATE INDEX aisle_of_queue ON aisle (queue, head_key) WHERE head_key IS NOT NULL AND shut_by IS NULL",
    "CREATE INDEX aisle_shut ON aisle (shut_by, head_key) WHERE head_key IS NOT NULL AND shut_by > 0",
    "CREATE INDEX gauge_probe ON gauge (trial) WHERE trial > 0",
    "CREATE INDEX gauge_due ON gauge (opens_at) WHERE opens_at IS NOT NULL",
    "CREATE INDEX lane_dear ON lane (shut_by, need) WHERE head_key IS NOT NULL AND shut_by > 0",
    "CREATE INDEX attempt_open ON attempt (pool, task_id) WHERE status = 'running'",
)


def upgrade() -> None:
    """Make the tables; what ran or waits is under no limit."""
    for table, columns in COLUMNS.items():
        add_columns(table, *columns)
    make_over("followup", FOLLOWUP, columns="kind, id")
    for statement in (*TABLES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
