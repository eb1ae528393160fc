"""Make the tables of schema version 1.

Loaded by Alembic.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """CREATE TABLE counter (
	scope TEXT NOT NULL,
	ref TEXT NOT NULL,
	status TEXT NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT counter_pk PRIMARY KEY (scope, ref, status),
	CONSTRAINT counter_n CHECK (n >= 0)
)
 WITHOUT ROWID""",
    """CREATE TABLE definition (
	hash TEXT NOT NULL,
	name TEXT NOT NULL,
	body TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (hash)
)""",
    """CREATE TABLE engine (
	id INTEGER NOT NULL,
	store_id TEXT NOT NULL,
	epoch INTEGER NOT NULL,
	pid INTEGER,
	boot_id TEXT,
	started_at INTEGER,
	stopped_at INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT engine_single CHECK (id = 1)
)""",
    """CREATE TABLE event (
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	job_id INTEGER,
	task_id INTEGER,
	attempt INTEGER,
	actor TEXT,
	data TEXT,
	PRIMARY KEY (id)
)""",
    """CREATE INDEX event_job ON event (job_id, id) WHERE job_id > 1""",
    """CREATE INDEX event_task ON event (task_id, id) WHERE task_id IS NOT NULL""",
    """CREATE TABLE followup (
	kind TEXT NOT NULL,
	id INTEGER NOT NULL,
	CONSTRAINT followup_pk PRIMARY KEY (kind, id),
	CONSTRAINT followup_kind CHECK (kind IN ('task', 'stage', 'job'))
)
 WITHOUT ROWID""",
    """CREATE TABLE payload (
	hash TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (hash)
)""",
    """CREATE TABLE queue (
	name TEXT NOT NULL,
	paused_at INTEGER,
	paused_by TEXT,
	pause_reason TEXT,
	PRIMARY KEY (name)
)""",
    """CREATE TABLE ended (
	at INTEGER NOT NULL,
	queue TEXT NOT NULL,
	status TEXT NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT ended_pk PRIMARY KEY (at, queue, status),
	CONSTRAINT ended_status CHECK (status = 'cancelled' OR status = 'failed' OR status = 'skipped' OR status = 'succeeded'),
	CONSTRAINT ended_n CHECK (n > 0),
	FOREIGN KEY(queue) REFERENCES queue (name)
)
 WITHOUT ROWID""",
    """CREATE TABLE job (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	status TEXT NOT NULL,
	on_task_failure TEXT NOT NULL,
	definition_hash TEXT,
	params TEXT DEFAULT '{}' NOT NULL,
	meta TEXT DEFAULT '{}' NOT NULL,
	notify TEXT,
	client_key TEXT,
	input_hash TEXT,
	actor TEXT,
	verdict TEXT,
	reason TEXT,
	verdict_by TEXT,
	vtime INTEGER DEFAULT 0 NOT NULL,
	created_at INTEGER NOT NULL,
	started_at INTEGER,
	finished_at INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT job_client_key UNIQUE (client_key),
	CONSTRAINT job_status CHECK (status = 'pending' OR status = 'running' OR status = 'paused' OR status = 'ending' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled'),
	CONSTRAINT job_on_task_failure CHECK (on_task_failure = 'stop' OR on_task_failure = 'finish' OR on_task_failure = 'continue'),
	CONSTRAINT job_finished CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
	CONSTRAINT job_verdict CHECK (status != 'ending' OR verdict IN ('failed', 'cancelled')),
	FOREIGN KEY(definition_hash) REFERENCES definition (hash)
)""",
    """CREATE INDEX job_live ON job (status, id) WHERE status IN ('ending', 'paused', 'pending', 'running')""",
    """CREATE TABLE lane (
	id INTEGER NOT NULL,
	queue TEXT NOT NULL,
	job_id INTEGER NOT NULL,
	head_key INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT lane_of UNIQUE (queue, job_id),
	FOREIGN KEY(queue) REFERENCES queue (name),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)""",
    """CREATE INDEX lane_head ON lane (head_key) WHERE head_key IS NOT NULL""",
    """CREATE TABLE stage (
	id INTEGER NOT NULL,
	job_id INTEGER NOT NULL,
	position INTEGER NOT NULL,
	name TEXT NOT NULL,
	status TEXT NOT NULL,
	open_tasks INTEGER NOT NULL,
	first_task INTEGER NOT NULL,
	last_task INTEGER NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT stage_position UNIQUE (job_id, position),
	CONSTRAINT stage_status CHECK (status = 'pending' OR status = 'open' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled' OR status = 'skipped'),
	CONSTRAINT stage_open_tasks CHECK (open_tasks >= 0),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)""",
    """CREATE TABLE task (
	id INTEGER NOT NULL,
	job_id INTEGER NOT NULL,
	stage_id INTEGER NOT NULL,
	lane_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	name TEXT,
	grp TEXT,
	uses TEXT NOT NULL,
	queue TEXT NOT NULL,
	priority INTEGER NOT NULL,
	status TEXT NOT NULL,
	sort_key INTEGER,
	needs_left INTEGER NOT NULL,
	conditional INTEGER NOT NULL,
	wait_reason TEXT,
	epoch INTEGER DEFAULT 0 NOT NULL,
	generation INTEGER DEFAULT 1 NOT NULL,
	tries INTEGER DEFAULT 0 NOT NULL,
	losses INTEGER DEFAULT 0 NOT NULL,
	bounces INTEGER DEFAULT 0 NOT NULL,
	max_attempts INTEGER NOT NULL,
	retry_at INTEGER,
	created_at INTEGER NOT NULL,
	queued_at INTEGER,
	started_at INTEGER,
	finished_at INTEGER,
	stop_at INTEGER,
	stop_by TEXT,
	stop_reason TEXT,
	stop_how TEXT,
	output TEXT,
	error TEXT,
	spec TEXT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT task_status CHECK (status = 'blocked' OR status = 'queued' OR status = 'running' OR status = 'retrying' OR status = 'waiting' OR status = 'held' OR status = 'succeeded' OR status = 'failed' OR status = 'cancelled' OR status = 'skipped'),
	CONSTRAINT task_finished CHECK ((status = 'cancelled' OR status = 'failed' OR status = 'skipped' OR status = 'succeeded') = (finished_at IS NOT NULL)),
	CONSTRAINT task_sortable CHECK (status != 'queued' OR sort_key IS NOT NULL),
	CONSTRAINT task_retry_at CHECK (status != 'retrying' OR retry_at IS NOT NULL),
	CONSTRAINT task_epoch CHECK (status != 'running' OR epoch > 0),
	CONSTRAINT task_needs_left CHECK (needs_left >= 0),
	CONSTRAINT task_wait_reason CHECK (status = 'blocked' OR wait_reason IS NULL),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE,
	FOREIGN KEY(stage_id) REFERENCES stage (id) ON DELETE CASCADE,
	FOREIGN KEY(lane_id) REFERENCES lane (id)
)""",
    """CREATE INDEX task_claim ON task (lane_id, sort_key, id) WHERE status = 'queued'""",
    """CREATE INDEX task_condition ON task (id) WHERE wait_reason = 'condition'""",
    """CREATE INDEX task_due ON task (retry_at) WHERE status = 'retrying'""",
    """CREATE INDEX task_group ON task (grp, id) WHERE grp IS NOT NULL""",
    """CREATE INDEX task_list ON task (job_id, status, id)""",
    """CREATE INDEX task_trouble ON task (status, id) WHERE status IN ('failed', 'held', 'retrying', 'waiting')""",
    """CREATE TABLE attempt (
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	status TEXT NOT NULL,
	engine_epoch INTEGER NOT NULL,
	started_at INTEGER NOT NULL,
	finished_at INTEGER,
	error TEXT,
	CONSTRAINT attempt_pk PRIMARY KEY (task_id, epoch),
	CONSTRAINT attempt_status CHECK (status = 'running' OR status = 'succeeded' OR status = 'failed' OR status = 'timed_out' OR status = 'cancelled' OR status = 'lost' OR status = 'interrupted' OR status = 'bounced' OR status = 'parked'),
	CONSTRAINT attempt_finished CHECK ((status = 'running') = (finished_at IS NULL)),
	FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    """CREATE INDEX attempt_open ON attempt (task_id) WHERE status = 'running'""",
    """CREATE TABLE edge (
	need_id INTEGER NOT NULL,
	task_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	met INTEGER NOT NULL,
	CONSTRAINT edge_pk PRIMARY KEY (need_id, task_id),
	CONSTRAINT edge_kind CHECK (kind = 'succeeded' OR kind = 'done'),
	FOREIGN KEY(need_id) REFERENCES task (id) ON DELETE CASCADE,
	FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    """CREATE INDEX edge_task ON edge (task_id)""",
)


def upgrade() -> None:
    """Make every table and index of an empty store."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; restore a backup."""
    raise NotImplementedError("a store never goes back; restore a backup")
