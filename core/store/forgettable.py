"""SQL of what may be forgotten.

`?1` = before (ms UTC), `?2` = engine time. Read by the reports to find it, and by the writer once
more before it goes.
"""

from __future__ import annotations

from core.model.retention import Forgettable
from core.store.tables.schema import EVENTS_APART

PURGES = ("job.purged", "task.purged", "outputs.removed", "history.forgotten")
"""Kinds of events that ranges of purged ids refer to."""
_FIRES = ("fire.submitted", "fire.waiting", "fire.skipped", "fire.missed", "fire.failed")
_SET = {
    "schedule": ("schedule.added", "schedule.paused", "schedule.resumed"),
    "workflow": ("workflow.added", "workflow.removed"),
    "expectation": ("expectation.set", "expectation.missed", "expectation.met", "expectation.removed"),
}
"""Kinds of which the newest of a subject tells how it stands."""
_STAY = ("clock.stepped",)
"""Times of older events are read by it."""
_NO_SUBJECT = ("job.*", "task.*", "stage.*", "attempt.*", "finally.*")


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_ALL_SET = tuple(kind for kinds in _SET.values() for kind in kinds)
_PLAIN = f"e.kind NOT IN ({_listed((*PURGES, *_FIRES, *_ALL_SET, *_STAY))})" + "".join(
    f" AND e.kind NOT GLOB '{kind}'" for kind in _NO_SUBJECT
)
_TOLD_FIRE = (
    "(f.schedule_id IS NULL OR 'fire.' || f.status != e.kind OR (f.status != 'waiting'"
    " AND f.decided_at < ?1 AND NOT EXISTS (SELECT 1 FROM job WHERE id = f.job_id)))"
)
_SUBJECT = "coalesce(data->>'$.schedule_id', 'w' || (data->>'$.workflow'), 'n' || (data->>'$.name'))"
_SUPERSEDED = " UNION ALL ".join(
    f"SELECT id FROM (SELECT id, at, row_number() OVER (PARTITION BY {_SUBJECT} ORDER BY id DESC) AS place"
    f" FROM event INDEXED BY event_apart WHERE {EVENTS_APART} AND kind IN ({_listed(kinds)}))"
    " WHERE place > 1 AND at < ?1"
    for kinds in _SET.values()
)
_EVENT_IS_DUE = (
    f"e.at < ?1 AND e.id < (SELECT max(id) FROM event) AND (({_PLAIN})"
    f" OR (e.kind IN ({_listed(PURGES)}) AND e.id NOT IN (SELECT event FROM purge))"
    f" OR (e.kind IN ({_listed(_FIRES)}) AND {_TOLD_FIRE}))"
)
_WITH_FIRE = (
    f"LEFT JOIN fire f ON e.kind IN ({_listed(_FIRES)}) AND json_valid(e.data)"
    " AND f.schedule_id = e.data->>'$.schedule_id' AND f.at = e.data->>'$.at' AND f.kind = e.data->>'$.kind'"
)
DUE_EVENTS = (
    "SELECT e.id, e.kind, e.job_id, e.data, f.schedule_id, f.at, f.kind, 'fire.' || f.status = e.kind"
    f" FROM json_each(?3) j JOIN event e ON e.id = j.value {_WITH_FIRE}"
    f" WHERE (e.kind IN ({_listed(_ALL_SET)}) AND e.at < ?1) OR ({_EVENT_IS_DUE})"
)
"""Those of `?3`, ids, that go, each with its fire and whether that goes, too."""
_NAMES_IT = (
    "EXISTS (SELECT 1 FROM job WHERE definition_hash = d.hash)"
    " OR EXISTS (SELECT 1 FROM schedule s WHERE s.removed_at IS NULL AND instr(s.body, d.hash))"
)
UNUSED_DEFINITION = f"d.created_at < ?1 AND ?2 = ?2 AND NOT ({_NAMES_IT})"
"""Of `definition d`: no job and no schedule names it."""
UNUSED_TEXT = (
    "?1 = ?1 AND ?2 = ?2 AND NOT EXISTS (SELECT 1 FROM workflow WHERE hash = w.hash)"
    " AND NOT EXISTS (SELECT 1 FROM pinned_text WHERE hash = w.hash)"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE definition_hash = w.hash)"
    " AND NOT EXISTS (SELECT 1 FROM schedule s WHERE s.removed_at IS NULL AND instr(s.body, w.hash))"
)
"""Of `workflow_text w`: what names it is written with it, so one that nothing names is not needed again."""
FREE_KEY = (
    "k.taken_at < ?1 AND (k.lasts = 'unfinished' OR (k.lasts = 'timed' AND k.free_at + 86400000 <= ?2))"
    " AND NOT EXISTS (SELECT 1 FROM task WHERE id = k.task_id)"
)
"""Of `once_key k`: a task that takes it would be created, and none has it."""
OLD_FAMILY = "f.last_at < ?1 AND ?2 = ?2 AND f.failed = 0 AND f.retrying = 0 AND f.purged >= f.failures"
"""Of `family f`."""
EXPIRED = "s.expires_at <= ?2 AND ?1 = ?1"
"""Of `signal s`."""
UNUSED_SCHEDULE = (
    "s.removed_at < ?1 AND ?2 = ?2 AND s.id < (SELECT max(id) FROM schedule)"
    " AND NOT EXISTS (SELECT 1 FROM fire WHERE schedule_id = s.id)"
    " AND NOT EXISTS (SELECT 1 FROM expectation WHERE schedule_id = s.id)"
    " AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_of_schedule WHERE schedule_id = s.id)"
)
"""Of `schedule s`; the newest one stays, so that its id is not given again."""
PURGED_ENTRY = (
    "e.counted_at < ?1 AND ?2 = ?2 AND e.carried IS NULL AND e.kind != 'unknown'"
    " AND NOT EXISTS (SELECT 1 FROM task WHERE id = e.task_id)"
)
"""Of `entry e`: a part of a sum; what is unknown goes with what reconciled it."""
# The keys of limits for each job begin with the job above all; a row of another limit may have such a key.
_JOB_GONE = (
    "g.key GLOB 'job:[0-9]*' AND CASE WHEN json_valid(l.body) THEN l.body->>'$.window.per' END = 'job'"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE id = CAST(substr(g.key, 5) AS INTEGER))"
)
IDLE_GAUGE = f"{_JOB_GONE} AND g.reserved = 0 AND g.trial IS NULL AND g.down_at IS NULL"
"""Of `gauge g` and `limit_rule l`: its job is gone, so that only what operators correct is new in it."""
_USED_SETS = (
    "SELECT gset_id FROM attempt UNION SELECT gset_id FROM entry UNION SELECT place_set FROM job"
    " UNION SELECT gset_id FROM queue UNION SELECT gset_id FROM pool"
    " UNION SELECT a.gset_id FROM aisle a JOIN lane ON lane.aisle_id = a.id"
)
_GAUGES_NAMED = (
    "SELECT gauge_id FROM entry WHERE gauge_id IS NOT NULL UNION SELECT gauge_id FROM backend_failure"
    " UNION SELECT shut_by FROM lane WHERE shut_by IS NOT NULL"
    " UNION SELECT place_gauge FROM job WHERE place_gauge IS NOT NULL"
)
# Each with the sets that name it, and with their aisles, so that the writer looks for none.
_UNUSED_GAUGES = (
    "WITH idle AS MATERIALIZED (SELECT g.id, g.used FROM gauge g JOIN limit_rule l ON l.name = g.name"
    f" WHERE ?1 = ?1 AND ?2 = ?2 AND {IDLE_GAUGE}),"
    " named AS MATERIALIZED (SELECT CAST(m.value AS INTEGER) AS gauge, s.id AS gset FROM gset s"
    " CROSS JOIN json_each(s.gauges) m WHERE m.value IN (SELECT id FROM idle)),"
    f" kept AS MATERIALIZED (SELECT gauge FROM named WHERE gset IN ({_USED_SETS})),"
    " free AS MATERIALIZED (SELECT id, used FROM idle WHERE id NOT IN (SELECT gauge FROM kept)"
    f" AND id NOT IN ({_GAUGES_NAMED})),"
    " aisles AS MATERIALIZED (SELECT gset_id AS gset, id FROM aisle"
    " WHERE gset_id IN (SELECT gset FROM named WHERE gauge IN (SELECT id FROM free)))"
    " SELECT json_array(f.id, f.used,"
    " json_group_array(DISTINCT n.gset) FILTER (WHERE n.gset IS NOT NULL),"
    " json_group_array(a.id) FILTER (WHERE a.id IS NOT NULL))"
    " FROM free f LEFT JOIN named n ON n.gauge = f.id LEFT JOIN aisles a ON a.gset = n.gset"
    " GROUP BY f.id, f.used ORDER BY f.id"
)

FIND = {
    Forgettable.EVENTS: (
        f"SELECT e.id FROM (SELECT * FROM event INDEXED BY event_apart WHERE {EVENTS_APART} AND at < ?1) e"
        f" {_WITH_FIRE} WHERE ?2 = ?2 AND {_EVENT_IS_DUE} UNION ALL {_SUPERSEDED}"
    ),
    Forgettable.SCHEDULES: f"SELECT s.id FROM schedule s WHERE {UNUSED_SCHEDULE}",
    Forgettable.DEFINITIONS: f"SELECT d.hash FROM definition d WHERE {UNUSED_DEFINITION}",
    Forgettable.TEXTS: f"SELECT w.hash FROM workflow_text w WHERE {UNUSED_TEXT}",
    Forgettable.KEYS: f"SELECT k.key FROM once_key k WHERE {FREE_KEY}",
    Forgettable.FAMILIES: f"SELECT f.id FROM family f WHERE {OLD_FAMILY}",
    Forgettable.SIGNALS: f"SELECT s.id FROM signal s WHERE {EXPIRED}",
    Forgettable.ENTRIES: (
        f"SELECT e.id FROM entry e INDEXED BY entry_counted WHERE {PURGED_ENTRY} ORDER BY e.counted_at, e.id"
    ),
    Forgettable.GAUGES: _UNUSED_GAUGES,
}
"""What finds those that are due, by their kind."""
