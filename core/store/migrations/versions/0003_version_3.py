"""Bring the tables of schema version 2 to version 3.

Loaded by Alembic. Version 3 has run times and failure families. A version that has been used stays as it is: a change of `core/store/tables/schema.py` makes a new one
(tests/store/test_migrations.py compares). A file of this folder holds:

- a nullable column, or one with a constant default: `add_columns("task", "status_by TEXT")`; in `schema.py` the
  column stands last in its table, in the same order as here;
- a new table or index: `run("CREATE ...")` with the text that `schema.py` makes (tests/store/test_upgrade.py
  prints both where they differ);
- anything else, a CHECK, a key, a NOT NULL: `make_over(...)`, then `run("CREATE INDEX ...")` for its indexes;
- what old rows need to be right under the new rules: `run("UPDATE ...")`, last.

The whole runs in one transaction with foreign keys off; they are checked before the commit. Statements must be good
for a million tasks: no row-by-row Python. `tests/store/versions` holds a store of each version to try it on.
"""

from core.store.migration_steps import add_missing_columns, run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Code of version 2 made these tables too, before they had a version: what is there stays.
TABLES = (
    """CREATE TABLE IF NOT EXISTS run_time (
	workflow TEXT NOT NULL,
	key TEXT NOT NULL,
	task_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	ms INTEGER NOT NULL,
	CONSTRAINT run_time_pk PRIMARY KEY (workflow, key, task_id, epoch),
	CONSTRAINT run_time_ms CHECK (ms >= 0)
)
 WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS family (
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
    """CREATE TABLE IF NOT EXISTS family_job (
	family TEXT NOT NULL,
	job_id INTEGER NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT family_job_pk PRIMARY KEY (family, job_id),
	FOREIGN KEY(family) REFERENCES family (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS family_hour (
	family TEXT NOT NULL,
	at INTEGER NOT NULL,
	n INTEGER NOT NULL,
	CONSTRAINT family_hour_pk PRIMARY KEY (family, at),
	FOREIGN KEY(family) REFERENCES family (id)
)
 WITHOUT ROWID""",
)
INDEXES = (
    "CREATE INDEX IF NOT EXISTS job_name ON job (name, id) WHERE id > 1",
    "CREATE INDEX IF NOT EXISTS family_failing ON family (last_at) WHERE failed + retrying > 0",
    "CREATE INDEX IF NOT EXISTS family_ack ON family (ack_at) WHERE ack_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS task_family ON task (family, id) WHERE family IS NOT NULL",
)
RUN_TIMES = (
    "DELETE FROM run_time",
    """INSERT INTO run_time SELECT workflow, key, task_id, epoch, ms FROM (
  SELECT j.name AS workflow, t.key, a.task_id, a.epoch, max(0, a.finished_at - a.started_at) AS ms,
    row_number() OVER (PARTITION BY j.name, t.key ORDER BY a.task_id DESC, a.epoch DESC) AS place
  FROM attempt a JOIN task t ON t.id = a.task_id AND t.job_id != 1 JOIN job j ON j.id = t.job_id
  WHERE a.status = 'succeeded') WHERE place <= 100""",
)
# Each failure that an event tells, with its family: the one it was given, else that of its error.
FAILURES = (
    """CREATE TEMP TABLE failure (
  id INTEGER PRIMARY KEY, at, task_id, message, is_new, family, code, pattern)""",
    """INSERT INTO temp.failure
SELECT id, at, task_id, error->>'message' AS message, given IS NULL AS is_new,
  coalesce(given, told->>'id') AS family, told->>'code' AS code, told->>'pattern' AS pattern
FROM (SELECT id, at, task_id, data->>'family' AS given, data->'error' AS error, family_of(data->'error') AS told
  FROM event WHERE kind IN ('attempt.failed', 'attempt.timed_out', 'attempt.lost', 'task.failed')
  AND data LIKE '%"error":{%' AND json_type(data, '$.error') = 'object')""",
    """UPDATE event SET data = substr(data, 1, length(data) - 1) || ',"family":"' || f.family || '"}'
FROM temp.failure f WHERE f.id = event.id AND f.is_new""",
    """UPDATE task SET family = f.family
FROM (SELECT task_id, family, max(id) FROM temp.failure GROUP BY task_id) f WHERE f.task_id = task.id""",
)
# An acknowledgement is of what failed until then, counted or not.
FAMILIES = (
    """INSERT INTO family (id, code, pattern, message, task_id, first_at, last_at, failures)
SELECT f.family, code, pattern, substr(message, 1, 1000), task_id, first_at, last_at, n FROM (
  SELECT max(id) AS newest, min(at) AS first_at, max(at) AS last_at, count(*) AS n FROM temp.failure GROUP BY family)
JOIN temp.failure f ON f.id = newest WHERE 1
ON CONFLICT (id) DO UPDATE SET ack_failures = ack_failures + excluded.failures - failures,
  failures = excluded.failures, first_at = excluded.first_at, last_at = excluded.last_at""",
    "DELETE FROM family_job",
    """INSERT INTO family_job SELECT family, job_id, count(*) FROM task
WHERE family IS NOT NULL AND status IN ('failed', 'retrying') AND job_id != 1 GROUP BY 1, 2""",
    "UPDATE family SET failed = 0, retrying = 0, jobs = (SELECT count(*) FROM family_job WHERE family = family.id)",
    """UPDATE family SET failed = t.failed, retrying = t.retrying FROM (
  SELECT family, sum(status = 'failed') AS failed, sum(status = 'retrying') AS retrying FROM task
  WHERE family IS NOT NULL AND status IN ('failed', 'retrying') GROUP BY family) t WHERE t.family = family.id""",
    "DELETE FROM family_hour",
    """INSERT INTO family_hour SELECT family, hour, count(*) FROM (
  SELECT family, at - (at % 3600000 + 3600000) % 3600000 AS hour FROM temp.failure) GROUP BY 1, 2""",
    """DELETE FROM family_hour WHERE at <= (SELECT max(h.at) FROM family_hour h WHERE h.family = family_hour.family)
  - 24 * 3600000""",
    "DROP TABLE temp.failure",
)


def upgrade() -> None:
    """Count run times and failure families, of what a store tells; older failures get their families."""
    add_missing_columns("task", "family TEXT")
    for statement in (*TABLES, *INDEXES, *RUN_TIMES, *FAILURES, *FAMILIES):
        run(statement)


def downgrade() -> None:
    """Refuse: a store never goes back; use the copy that was kept."""
    raise NotImplementedError("a store never goes back; use the copy that was kept")
