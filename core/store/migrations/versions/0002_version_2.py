"""Bring the tables of schema version 1 to version 2.

Loaded by Alembic. Until version 2 is released, every change of `core/store/schema.py` adds its step to `upgrade`:

- a nullable column, or one with a constant default: `add_columns("task", "status_by TEXT")`; in `schema.py` the
  column stands last in its table, in the same order as here;
- a new table or index: `run("CREATE ...")` with the text that `schema.py` makes (tests/store/test_upgrade.py
  prints both where they differ);
- anything else, a CHECK, a key, a NOT NULL: `make_over(...)`, then `run("CREATE INDEX ...")` for its indexes;
- what old rows need to be right under the new rules: `run("UPDATE ...")`, last.

The whole runs in one transaction with foreign keys off; they are checked before the commit. Statements must be good
for a million tasks: no row-by-row Python. `tests/store/versions` holds a store of version 1 to try it on.
"""

from core.store.migration_steps import add_columns, make_over, run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

AISLE = """CREATE TABLE aisle (
	id INTEGER NOT NULL,
	queue TEXT NOT NULL,
	gset_id INTEGER DEFAULT 0 NOT NULL,
	head_key INTEGER,
	shut_by INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT aisle_of UNIQUE (queue, gset_id),
	FOREIGN KEY(queue) REFERENCES queue (name)
)"""
LANE = """CREATE TABLE {table} (
	id INTEGER NOT NULL,
	aisle_id INTEGER NOT NULL,
	job_id INTEGER NOT NULL,
	head_key INTEGER,
	head_id INTEGER,
	shut_by INTEGER,
	PRIMARY KEY (id),
	CONSTRAINT lane_of UNIQUE (aisle_id, job_id),
	FOREIGN KEY(aisle_id) REFERENCES aisle (id),
	FOREIGN KEY(job_id) REFERENCES job (id) ON DELETE CASCADE
)"""
FOLLOWUP = """CREATE TABLE {table} (
	kind TEXT NOT NULL,
	id INTEGER NOT NULL,
	CONSTRAINT followup_pk PRIMARY KEY (kind, id),
	CONSTRAINT followup_kind CHECK (kind IN ('task', 'stage', 'job', 'lanes'))
)
 WITHOUT ROWID"""


FAMILIES = (
    """CREATE TABLE family (
	id TEXT NOT NULL,
	code TEXT NOT NULL,
	pattern TEXT NOT NULL,
	message TEXT NOT NULL,
	task_id INTEGER NOT NULL,
	first_at INTEGER NOT NULL,
	last_at INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	failed INTEGER DEFAULT 0 NOT NULL,
	retrying INTEGER DEFAULT 0 NOT NULL,
	jobs INTEGER DEFAULT 0 NOT NULL,
	ack_at INTEGER,
	ack_by TEXT,
	ack_reason TEXT,
	ack_until INTEGER,
	ack_failures INTEGER,
	PRIMARY KEY (id)
)""",
    """CREATE TABLE family_job (
	family TEXT NOT NULL,
	job_id INTEGER NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT family_job_pk PRIMARY KEY (family, job_id),
	FOREIGN KEY(family) REFERENCES family (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE family_hour (
	family TEXT NOT NULL,
	at INTEGER NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT family_hour_pk PRIMARY KEY (family, at),
	FOREIGN KEY(family) REFERENCES family (id)
)
 WITHOUT ROWID""",
    "CREATE INDEX family_failing ON family (last_at) WHERE failed + retrying > 0",
    "CREATE INDEX family_ack ON family (ack_at) WHERE ack_at IS NOT NULL",
    "CREATE INDEX task_family ON task (family, id) WHERE family IS NOT NULL",
)

# What events told and rows did not: who brought a task to its status, who paused a job.
CAUSES = """
UPDATE task SET status_by = e.actor, status_reason = e.data->>'reason' FROM event e
WHERE task.status NOT IN ('blocked', 'running') AND e.id = (
  SELECT max(id) FROM event INDEXED BY event_task WHERE task_id = task.id AND kind LIKE 'task.%'
    AND kind NOT IN ('task.created', 'task.stop_requested', 'task.prioritised', 'task.duplicate'))
AND (e.actor IS NOT NULL OR e.data->>'reason' IS NOT NULL)
"""
RERUN = """
UPDATE task SET status_by = e.actor FROM event e WHERE task.status = 'blocked' AND task.generation > 1 AND e.id = (
  SELECT max(id) FROM event INDEXED BY event_task WHERE task_id = task.id AND kind = 'task.rerun')
"""
PAUSES = """
UPDATE job SET paused_at = e.at, paused_by = e.actor, pause_reason = e.data->>'reason' FROM event e
WHERE job.status = 'paused' AND e.id = (SELECT max(id) FROM event WHERE job_id = job.id AND kind = 'job.paused')
"""


RUN_TIME = """CREATE TABLE run_time (
	workflow TEXT NOT NULL,
	key TEXT NOT NULL,
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	ms INTEGER NOT NULL,
	CONSTRAINT run_time_pk PRIMARY KEY (workflow, key, task_id, epoch),
	CONSTRAINT run_time_ms CHECK (ms >= 0)
)
 WITHOUT ROWID"""
RUN_TIMES = """
INSERT INTO run_time SELECT workflow, key, task_id, epoch, ms FROM (
  SELECT j.name AS workflow, t.key, a.task_id, a.epoch, max(0, a.finished_at - a.started_at) AS ms,
    row_number() OVER (PARTITION BY j.name, t.key ORDER BY a.task_id DESC, a.epoch DESC) AS place
  FROM attempt a JOIN task t ON t.id = a.task_id AND t.job_id != 1 JOIN job j ON j.id = t.job_id
  WHERE a.status = 'succeeded') WHERE place <= 100
"""


def upgrade() -> None:
    """Add who and why to what was changed, engine time, aisles above the lanes, run times, failure families."""
    add_columns("job", "paused_at INTEGER", "paused_by TEXT", "pause_reason TEXT")
    add_columns("job", "verdict_task INTEGER", "verdict_ends INTEGER")
    add_columns("task", "actor TEXT", "status_by TEXT", "status_reason TEXT", "family TEXT")
    add_columns(
        "engine",
        "time_at INTEGER DEFAULT 0 NOT NULL",
        "time_offset INTEGER DEFAULT 0 NOT NULL",
        "time_boot_at INTEGER",
    )
    run("CREATE INDEX event_clock ON event (id) WHERE kind = 'clock.stepped'")
    run("CREATE INDEX job_vtime ON job (vtime) WHERE status IN ('ending', 'paused', 'pending', 'running')")
    _make_aisles()
    for statement in FAMILIES:
        run(statement)
    make_over("followup", FOLLOWUP, columns="kind, id")
    run(RUN_TIME)
    run("CREATE INDEX job_name ON job (name, id) WHERE id > 1")
    for statement in (CAUSES, RERUN, PAUSES, RUN_TIMES):
        run(statement)


def _make_aisles() -> None:
    """Put an aisle above the lanes of each queue; shut what is paused."""
    run(AISLE)
    run(
        "INSERT INTO aisle (queue, shut_by) SELECT name, CASE WHEN paused_at IS NOT NULL THEN 0 END FROM queue"
        " WHERE name IN (SELECT queue FROM lane) ORDER BY rowid"
    )
    make_over(
        "lane",
        LANE,
        columns="id, aisle_id, job_id, head_key, head_id, shut_by",
        values="id, (SELECT a.id FROM aisle a WHERE a.queue = lane.queue), job_id, head_key,"
        " CASE WHEN head_key IS NOT NULL THEN (SELECT t.id FROM task t INDEXED BY task_claim"
        "  WHERE t.lane_id = lane.id AND t.status = 'queued' AND t.sort_key >= lane.head_key"
        "  ORDER BY t.sort_key, t.id LIMIT 1) END,"
        " CASE WHEN (SELECT j.status FROM job j WHERE j.id = lane.job_id) = 'paused' THEN 0 END",
    )
    run("CREATE INDEX aisle_open ON aisle (head_key) WHERE head_key IS NOT NULL AND shut_by IS NULL")
    run("CREATE INDEX lane_head ON lane (aisle_id, head_key) WHERE head_key IS NOT NULL AND shut_by IS NULL")
    run("CREATE INDEX lane_job ON lane (job_id)")
    run(
        "CREATE INDEX lane_shut ON lane (aisle_id, head_key)"
        " WHERE head_key IS NOT NULL AND shut_by IS NOT NULL"
    )
    run("UPDATE aisle SET head_key = (SELECT min(head_key) FROM lane WHERE aisle_id = aisle.id AND shut_by IS NULL)")


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
