"""Bring the tables of schema version 6 to version 7.

Loaded by Alembic. Version 7 has the patterns of workflows.
"""

from core.store.migration_steps import add_columns, make_over, run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FOLLOWUP = """CREATE TABLE {table} (
	kind TEXT NOT NULL,
	id INTEGER NOT NULL,
	CONSTRAINT followup_pk PRIMARY KEY (kind, id),
	CONSTRAINT followup_kind CHECK (kind IN ('task', 'stage', 'job', 'lanes', 'limits', 'spent', 'dear', 'set'))
)
 WITHOUT ROWID"""
INSTANCE_TABLES: tuple[str, ...] = (
    """CREATE TABLE instance_set (
	id INTEGER NOT NULL,
	job_id INTEGER NOT NULL,
	task_id INTEGER NOT NULL,
	number INTEGER NOT NULL,
	total INTEGER NOT NULL,
	made INTEGER DEFAULT 0 NOT NULL,
	needed INTEGER,
	parallel INTEGER,
	digest TEXT NOT NULL,
	again INTEGER,
	only_failed INTEGER DEFAULT 0 NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT instance_set_number UNIQUE (task_id, number),
	CONSTRAINT instance_set_made CHECK (made <= total),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)""",
    """CREATE TABLE instance_page (
	set_id INTEGER NOT NULL,
	first INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT instance_page_pk PRIMARY KEY (set_id, first),
	FOREIGN KEY(set_id) REFERENCES instance_set (id) ON DELETE CASCADE
)""",
)
INSTANCE_INDEXES: tuple[str, ...] = (
    """CREATE INDEX event_apart ON event (at)
    WHERE task_id IS NULL AND (job_id IS NULL OR job_id = 1 OR kind = 'job.purged')""",
    "CREATE INDEX purged_event ON purged (event)",
    "CREATE INDEX job_definition ON job (definition_hash) WHERE definition_hash IS NOT NULL",
    "CREATE UNIQUE INDEX task_item ON task (set_id, item) WHERE set_id IS NOT NULL",
    "CREATE INDEX task_unbegun ON task (set_id, item) WHERE set_id IS NOT NULL AND status = 'blocked'"
    " AND needs_left = 0 AND wait_reason IS NULL",
    "CREATE INDEX instance_set_job ON instance_set (job_id)",
)
TABLES: tuple[str, ...] = (
    """CREATE TABLE work_item (
	id INTEGER NOT NULL,
	task_id INTEGER NOT NULL,
	title TEXT NOT NULL,
	text TEXT NOT NULL,
	form TEXT NOT NULL,
	submitter TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	assignee TEXT,
	team TEXT,
	due_at INTEGER,
	on_due TEXT NOT NULL,
	escalate_to TEXT,
	escalated_at INTEGER,
	remind_ms INTEGER,
	remind_at INTEGER,
	quorum INTEGER NOT NULL,
	four_eyes INTEGER NOT NULL,
	on_deny TEXT NOT NULL,
	is_held INTEGER DEFAULT 0 NOT NULL,
	claimed_by TEXT,
	claimed_at INTEGER,
	approvals INTEGER DEFAULT 0 NOT NULL,
	answer TEXT,
	outcome TEXT,
	closed_at INTEGER,
	closed_by TEXT,
	reason TEXT,
	PRIMARY KEY (id),
	CONSTRAINT work_item_on_due CHECK (on_due = 'approve' OR on_due = 'reject' OR on_due = 'fail' OR on_due = 'escalate'),
	CONSTRAINT work_item_on_deny CHECK (on_deny = 'fail' OR on_deny = 'skip'),
	CONSTRAINT work_item_quorum CHECK (quorum >= 1),
	CONSTRAINT work_item_closed CHECK ((outcome IS NULL) = (closed_at IS NULL)),
	CONSTRAINT work_item_claimed CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
	CONSTRAINT work_item_outcome CHECK (outcome IS NULL OR outcome = 'approved' OR outcome = 'denied' OR outcome = 'expired' OR outcome = 'cancelled'),
	FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
)""",
    """CREATE TABLE work_item_entry (
	id INTEGER NOT NULL,
	item_id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	actor TEXT NOT NULL,
	person TEXT NOT NULL,
	note TEXT,
	data TEXT,
	PRIMARY KEY (id),
	CONSTRAINT work_item_entry_kind CHECK (kind = 'opened' OR kind = 'claimed' OR kind = 'released' OR kind = 'delegated' OR kind = 'commented' OR kind = 'approved' OR kind = 'denied' OR kind = 'reminded' OR kind = 'escalated' OR kind = 'expired' OR kind = 'cancelled'),
	FOREIGN KEY(item_id) REFERENCES work_item (id) ON DELETE CASCADE
)""",
    """CREATE TABLE variable (
	job_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	position INTEGER NOT NULL,
	type TEXT,
	value TEXT NOT NULL,
	task_id INTEGER,
	changed_at INTEGER,
	CONSTRAINT variable_pk PRIMARY KEY (job_id, name),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    """CREATE TABLE artifact (
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	name TEXT NOT NULL,
	position INTEGER NOT NULL,
	path TEXT NOT NULL,
	size INTEGER NOT NULL,
	hash TEXT NOT NULL,
	CONSTRAINT artifact_pk PRIMARY KEY (task_id, epoch, name, position),
	CONSTRAINT artifact_size CHECK (size >= 0),
	FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    """CREATE TABLE workflow (
	name TEXT NOT NULL,
	number INTEGER NOT NULL,
	hash TEXT NOT NULL,
	source TEXT NOT NULL,
	folder TEXT,
	is_current INTEGER DEFAULT 0 NOT NULL,
	added_at INTEGER NOT NULL,
	added_by TEXT,
	CONSTRAINT workflow_pk PRIMARY KEY (name, number),
	CONSTRAINT workflow_number CHECK (number > 0)
)
 WITHOUT ROWID""",
    """CREATE TABLE workflow_text (
	hash TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (hash)
)""",
)
INDEXES: tuple[str, ...] = (
    "CREATE INDEX work_item_due ON work_item (due_at) WHERE outcome IS NULL AND is_held = 0 AND escalated_at IS NULL AND due_at IS NOT NULL",
    "CREATE INDEX work_item_entry_of ON work_item_entry (item_id, id)",
    "CREATE INDEX work_item_remind ON work_item (remind_at) WHERE outcome IS NULL AND is_held = 0 AND remind_at IS NOT NULL",
    "CREATE INDEX work_item_task ON work_item (task_id)",
    "CREATE UNIQUE INDEX work_item_open ON work_item (task_id) WHERE outcome IS NULL",
    "CREATE INDEX awaited_file ON awaited (task_id) WHERE is_held = 0 AND path IS NOT NULL",
    "CREATE INDEX awaited_job ON awaited (job_id, task_id) WHERE is_held = 0 AND job_id IS NOT NULL",
    "CREATE INDEX awaited_job_key ON awaited (job_key) WHERE job_id IS NULL AND job_key IS NOT NULL",
    "CREATE INDEX awaited_job_name ON awaited (job_name) WHERE job_id IS NULL AND job_name IS NOT NULL",
    "CREATE INDEX awaited_poll ON awaited (task_id) WHERE is_held = 0 AND every_ms IS NOT NULL",
    "CREATE INDEX awaited_asks ON awaited (task_id) WHERE asks IS NOT NULL",
    "CREATE INDEX awaited_child ON awaited (child_id) WHERE child_id IS NOT NULL",
    "CREATE INDEX job_child ON job (parent_task, id) WHERE parent_task IS NOT NULL",
    "CREATE INDEX job_of_root ON job (root_id, id) WHERE root_id IS NOT NULL",
    "CREATE UNIQUE INDEX workflow_current ON workflow (name) WHERE is_current = 1",
    "CREATE UNIQUE INDEX workflow_hash ON workflow (name, hash)",
)


def upgrade() -> None:
    """Make the tables; nothing of an older store is in them."""
    add_columns("entry", "carried INTEGER")
    add_columns("schedule", "forgotten_at INTEGER")
    add_columns("task", "set_id INTEGER", "group_task INTEGER", "item INTEGER")
    add_columns("awaited", "since INTEGER", "job_id INTEGER", "job_key TEXT", "job_name TEXT", "wanted TEXT")
    add_columns("awaited", "path TEXT", "root TEXT", "stable_ms INTEGER", "every_ms INTEGER", "url TEXT")
    add_columns("attempt", "looks INTEGER DEFAULT 0 NOT NULL", "seen TEXT")
    make_over("followup", FOLLOWUP, columns="kind, id")
    add_columns("job", "parent_task INTEGER", "root_id INTEGER", "depth INTEGER DEFAULT 0 NOT NULL")
    add_columns("job", "paused_above INTEGER DEFAULT 0 NOT NULL", "superseded INTEGER DEFAULT 0 NOT NULL")
    add_columns("job", "is_worklet INTEGER DEFAULT 0 NOT NULL", "documents TEXT", "outputs TEXT")
    add_columns("awaited", "child_id INTEGER", "asks TEXT", "on_child_failure TEXT")
    add_columns("awaited", "is_late INTEGER DEFAULT 0 NOT NULL")
    for statement in (*INSTANCE_TABLES, *TABLES, *INSTANCE_INDEXES, *INDEXES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
