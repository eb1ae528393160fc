"""SQL of the past: temporary tables, and the events undone into them.

Used by the reports of the past.
"""

from __future__ import annotations

from sqlalchemy import text

from core.model.status import JOB_MOVES, TASK_MOVES
from core.model.values import INBOX

TABLES = (
    text(
        "CREATE TABLE IF NOT EXISTS temp.past_moment"
        " (event INTEGER PRIMARY KEY, seen INTEGER NOT NULL, used INTEGER NOT NULL)"
    ),
    text(
        "CREATE TABLE IF NOT EXISTS temp.past (event INTEGER NOT NULL, noun TEXT NOT NULL,"
        " id INTEGER NOT NULL, status TEXT, PRIMARY KEY (event, noun, id)) WITHOUT ROWID"
    ),
)
"""`past_moment`: events that were asked for, up to which later one (`seen`) they are undone.
`past`: the status after `event` of what changed since; '' = it was not there, NULL = nothing tells."""
_TASK_KINDS = {move.event: str(move.target) for move in TASK_MOVES}
_JOB_KINDS = {move.event: str(move.target) for move in JOB_MOVES}
_TOLD = "'job.created', 'task.created', 'task.rerun'"
"""Kinds whose data name the status that they bring."""
_TARGET = (
    f"CASE WHEN b.kind IN ({_TOLD}) THEN b.data->>'status' "
    + " ".join(
        f"WHEN b.kind = '{kind}' THEN '{status}'" for kind, status in (_TASK_KINDS | _JOB_KINDS).items()
    )
    + " END"
)
_KINDS = {
    noun: ", ".join(sorted(f"'{kind}'" for kind in {f"{noun}.created", *kinds}))
    for noun, kinds in (("task", _TASK_KINDS), ("job", _JOB_KINDS))
}
_LAST_MOVE = (
    "(SELECT {what} FROM event b INDEXED BY event_{noun} WHERE b.{noun}_id = {id} AND b.id <= :event"
    " AND b.kind IN ({kinds}){more} ORDER BY b.id DESC LIMIT 1)"
)
_TASK_THEN = _LAST_MOVE.format(what=_TARGET, noun="task", id="e.task_id", kinds=_KINDS["task"], more="")
# The inbox is paused and resumed, and nothing else; no index has its events.
_JOB_THEN = (
    f"CASE WHEN e.job_id = {INBOX} THEN CASE e.kind WHEN 'job.running' THEN 'paused' ELSE 'running' END ELSE "
    + _LAST_MOVE.format(
        what=_TARGET, noun="job", id="e.job_id", kinds=_KINDS["job"], more=" AND b.job_id > 1"
    )
    + " END"
)
# The first event since then names the status that it left. Where it does not (those of schema version 1, a
# retry that was put off) the last one before tells.
EXTEND = text(
    "INSERT OR IGNORE INTO temp.past SELECT :event, CASE WHEN e.task_id IS NULL THEN 'job' ELSE 'task' END,"
    " coalesce(e.task_id, e.job_id), CASE WHEN e.kind IN ('task.created', 'job.created') THEN ''"
    f" ELSE coalesce(e.data->>'from', CASE WHEN e.task_id IS NULL THEN {_JOB_THEN} ELSE {_TASK_THEN} END) END"
    " FROM event e NOT INDEXED WHERE e.id > :seen AND e.id <= :last"
    f" AND e.kind IN ({_KINDS['task']}, {_KINDS['job']}) ORDER BY e.id"
)
SINCE = (
    "(SELECT b.at FROM event b INDEXED BY event_task WHERE b.task_id = task.id AND b.id <= {event}"
    f" AND b.kind IN ({_KINDS['task']}) ORDER BY b.id DESC LIMIT 1)"
)
"""When a task came to the status that it had after `{event}`."""
