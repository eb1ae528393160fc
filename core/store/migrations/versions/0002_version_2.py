"""Bring the tables of schema version 1 to version 2.

Loaded by Alembic.
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


def upgrade() -> None:
    """Add who and why to what was changed, engine time, and aisles above the lanes."""
    add_columns("job", "paused_at INTEGER", "paused_by TEXT", "pause_reason TEXT")
    add_columns("job", "verdict_task INTEGER", "verdict_ends INTEGER")
    add_columns("task", "actor TEXT", "status_by TEXT", "status_reason TEXT")
    add_columns(
        "engine",
        "time_at INTEGER DEFAULT 0 NOT NULL",
        "time_offset INTEGER DEFAULT 0 NOT NULL",
        "time_boot_at INTEGER",
    )
    run("CREATE INDEX event_clock ON event (id) WHERE kind = 'clock.stepped'")
    run("CREATE INDEX job_vtime ON job (vtime) WHERE status IN ('ending', 'paused', 'pending', 'running')")
    _make_aisles()
    make_over("followup", FOLLOWUP, columns="kind, id")
    for statement in (CAUSES, RERUN, PAUSES):
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
