"""SQL of a replay: events of a job up to one.

Used by the reports of replays.
"""

from __future__ import annotations

from sqlalchemy import text

from core.model.status import TASK_MOVES

EVENTS_MAX = 1_000_000
"""Events of a job that are folded at the most."""
_OF_JOB = "FROM event e INDEXED BY event_job WHERE e.job_id = :job AND e.job_id > 1"
_MOVES = ", ".join(sorted({"'task.created'", *(f"'{move.event}'" for move in TASK_MOVES)}))
_TARGET = (
    "CASE WHEN b.kind IN ('task.created', 'task.rerun') THEN b.data->>'status' "
    + " ".join(
        f"WHEN b.kind = '{move.event}' THEN '{move.target}'"
        for move in {move.event: move for move in TASK_MOVES if move.event != "task.rerun"}.values()
    )
    + " END"
)

FIRST = text(f"SELECT e.id, e.kind {_OF_JOB} ORDER BY e.id LIMIT 1")
LAST = text(f"SELECT e.id, e.at {_OF_JOB} AND e.id <= :event ORDER BY e.id DESC LIMIT 1")
LAST_AT = text(f"SELECT e.id, e.at {_OF_JOB} AND e.at <= :at ORDER BY e.id DESC LIMIT 1")
BEYOND = text(f"SELECT e.id {_OF_JOB} AND e.id <= :event ORDER BY e.id LIMIT 1 OFFSET {EVENTS_MAX}")
LATER = text(f"SELECT count(*) {_OF_JOB} AND e.id > :event")
OF_JOB = text(
    f"SELECT e.at, e.kind, e.attempt, e.actor, e.data {_OF_JOB} AND e.id <= :event AND e.task_id IS NULL"
    " ORDER BY e.id"
)
COUNTS = text(
    f"SELECT t.stage_id, t.set_id IS NOT NULL AS is_instance, {_TARGET} AS status,"
    " coalesce(b.data->>'tolerated', 0) AS tolerated, count(*) AS n"
    f" FROM (SELECT e.task_id, max(e.id) AS id {_OF_JOB} AND e.id <= :event AND e.kind IN ({_MOVES})"
    " GROUP BY e.task_id) x CROSS JOIN event b ON b.id = x.id LEFT JOIN task t ON t.id = x.task_id"
    " GROUP BY 1, 2, 3, 4"
)
"""How many tasks stood where, by stage, instances apart; the last move of each tells."""
UNKNOWN = text(
    "SELECT count(*) FROM task t INDEXED BY task_list WHERE t.job_id = :job AND coalesce("
    "(SELECT e.kind FROM event e INDEXED BY event_task WHERE e.task_id = t.id ORDER BY e.id LIMIT 1), '')"
    " != 'task.created' AND NOT EXISTS (SELECT 1 FROM event e INDEXED BY event_task WHERE e.task_id = t.id"
    f" AND e.id <= :event AND e.kind IN ({_MOVES}))"
)
PURGING = text("SELECT 1 FROM purge WHERE job_id = :job")
TASKS = text(
    "SELECT t.id FROM task t INDEXED BY task_list WHERE t.job_id = :job AND t.id > :after ORDER BY t.id"
    " LIMIT :most"
)
OF_TASKS = text(
    "SELECT e.task_id, e.at, e.kind, e.attempt, e.actor, e.data FROM json_each(:ids) x CROSS JOIN event e"
    " INDEXED BY event_task ON e.task_id = x.value WHERE e.id <= :event ORDER BY e.task_id, e.id"
)
BORN_LATER = text(
    "SELECT x.value FROM json_each(:ids) x WHERE (SELECT e.kind FROM event e INDEXED BY event_task"
    " WHERE e.task_id = x.value ORDER BY e.id LIMIT 1) = 'task.created'"
)
NEEDS = text(
    "SELECT e.task_id, e.need_id, n.key FROM json_each(:ids) x CROSS JOIN edge e INDEXED BY edge_task"
    " ON e.task_id = x.value JOIN task n ON n.id = e.need_id ORDER BY e.task_id, e.need_id"
)
OFFSET = text("SELECT time_offset FROM engine")
