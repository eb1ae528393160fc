"""What counts, run times, failure families and counts of ends must hold.

Compared by `verify`, written by the recount of the writer and where a bundle is opened.
"""

from __future__ import annotations

from core.model.failures import HOUR
from core.model.limits.backends import PREFIX, RETRIES
from core.model.limits.gauges import RECENT_MOST, RECENT_MS
from core.model.status import TASK_FINAL
from core.model.values import INBOX, INBOX_STAGE
from core.store.sql import member
from core.store.tables.schema import RUN_TIMES

REAL_COUNTERS = f"""
SELECT 'queue' AS scope, queue AS ref, status, count(*) AS n FROM task GROUP BY queue, status
UNION ALL
SELECT 'job', CAST(job_id AS TEXT), status, count(*) FROM task WHERE set_id IS NULL GROUP BY job_id, status
UNION ALL
SELECT 'set', CAST(set_id AS TEXT), status, count(*) FROM task
WHERE set_id IS NOT NULL GROUP BY set_id, status
UNION ALL
SELECT 'stage', CAST(stage_id AS TEXT), status, count(*) FROM task
WHERE stage_id != {INBOX_STAGE} AND set_id IS NULL GROUP BY stage_id, status
UNION ALL
SELECT 'job_tolerated', CAST(job_id AS TEXT), status, count(*) FROM task
WHERE tolerated GROUP BY job_id, status
UNION ALL
SELECT 'stage_tolerated', CAST(stage_id AS TEXT), status, count(*) FROM task
WHERE tolerated GROUP BY stage_id, status"""

RUN_TIME_KEY = "CASE WHEN t.set_id IS NULL THEN t.key ELSE t.grp END"
"""Of a task `t`: all instances of a group are timed as one."""
# What attempts took outlives their rows.
REAL_RUN_TIMES = f"""
SELECT workflow, key, task_id, epoch, ms FROM (
  SELECT workflow, key, task_id, epoch, ms,
    row_number() OVER (PARTITION BY workflow, key ORDER BY task_id DESC, epoch DESC) AS place FROM (
    SELECT j.name AS workflow, {RUN_TIME_KEY} AS key, a.task_id, a.epoch,
      max(0, a.finished_at - a.started_at) AS ms
    FROM attempt a JOIN task t ON t.id = a.task_id AND t.job_id != {INBOX}
    JOIN job j ON j.id = t.job_id WHERE a.status = 'succeeded'
    UNION ALL
    SELECT r.workflow, r.key, r.task_id, r.epoch, r.ms FROM run_time r JOIN purged p ON p.noun = 'task'
    AND p.first = (SELECT max(first) FROM purged WHERE noun = 'task' AND first <= r.task_id)
    AND p.last >= r.task_id))
WHERE place <= {RUN_TIMES}"""

# Where several tasks have one key: the one that goes on, else the newest.
REAL_ONCE_KEYS = f"""
SELECT key, task_id, lasts, free_at, taken_at FROM (
  SELECT t.spec->'$.once.key' AS key, t.id AS task_id,
    CASE WHEN t.spec->>'$.once.ms' IS NULL THEN t.spec->>'$.once.for' ELSE 'timed' END AS lasts,
    t.created_at + (t.spec->>'$.once.ms') + (SELECT time_offset FROM engine) AS free_at,
    t.created_at AS taken_at,
    row_number() OVER (PARTITION BY t.spec->'$.once.key' ORDER BY t.finished_at IS NOT NULL, t.id DESC)
      AS place
  FROM task t WHERE t.spec LIKE '%"once":%' AND {member("t.spec", "$.once.key")} IS NOT NULL
    AND t.status != 'skipped')
WHERE place = 1"""
"""The keys of tasks that are created once, as far as the tasks tell them."""

_COUNTED = "family IS NOT NULL AND status IN ('failed', 'retrying')"
REAL_FAMILY_TASKS = f"""
SELECT family, sum(status = 'failed') AS failed, sum(status = 'retrying') AS retrying,
  count(DISTINCT CASE WHEN job_id != {INBOX} THEN job_id END) AS jobs
FROM task WHERE {_COUNTED} GROUP BY family"""
REAL_FAMILY_JOBS = f"""
SELECT family, job_id, count(*) AS n FROM task WHERE {_COUNTED} AND job_id != {INBOX} GROUP BY 1, 2"""

FAILURES = (
    "kind IN ('attempt.failed', 'attempt.timed_out', 'attempt.lost', 'task.poll_failed', 'task.failed')"
)
# The cast gives the family the affinity that the column has: rows of both are joined by an index.
FAMILY_EVENTS = f"""(
SELECT id, at, task_id, data, CAST(data->>'family' AS TEXT) AS family FROM event
WHERE {FAILURES} AND data LIKE '%"family":%' AND {member("data", "$.family")} IS NOT NULL)"""
REAL_FAMILIES = f"""
SELECT family, count(*) AS n, min(at) AS first_at, max(at) AS last_at, max(id) AS newest
FROM {FAMILY_EVENTS} GROUP BY 1"""
REAL_FAMILY_HOURS = f"""
SELECT family, at - (at % {HOUR} + {HOUR}) % {HOUR} AS at, count(*) AS n FROM {FAMILY_EVENTS} GROUP BY 1, 2"""

# From one step of the wall clock to the next, engine time is ahead of it by as much.
CLOCK = f"""(
SELECT 0 AS first, coalesce(min(id), 9223372036854775807) AS next, 0 AS ahead
FROM event INDEXED BY event_clock WHERE kind = 'clock.stepped'
UNION ALL
SELECT id, lead(id, 1, 9223372036854775807) OVER (ORDER BY id), {member("data", "$.offset_ms")}
FROM event INDEXED BY event_clock WHERE kind = 'clock.stepped')"""
_KINDS = ", ".join(sorted(f"'task.{status}'" for status in TASK_FINAL))
ENDED_EVENTS = f"""
SELECT event.at + clock.ahead AS at, task_id, substr(kind, 6) AS status FROM {CLOCK} clock
CROSS JOIN event ON event.id >= clock.first AND event.id < clock.next WHERE kind IN ({_KINDS})"""
NEWEST_EVENT = f"""(
SELECT coalesce((
  SELECT event.at + clock.ahead FROM event, {CLOCK} clock
  WHERE event.id >= clock.first AND event.id < clock.next ORDER BY event.id DESC LIMIT 1), 0) AS at
) AS newest"""

UNTRUE_DOWN = f"""g.down_at IS NOT NULL AND coalesce((
  SELECT c.status FROM check_change c WHERE c.backend = substr(g.name, {len(PREFIX) + 1})
  ORDER BY c.id DESC LIMIT 1), '') != 'down'"""
"""Of a gauge `g`: its check does not say that it is down."""

# Crossed, in this order: each row is looked at once, and not once for each of the gauges.
_HOLDS = (
    "CROSS JOIN gset s ON s.id = {}.gset_id CROSS JOIN json_each(s.gauges) m"
    " CROSS JOIN gauge g ON g.id = m.value"
)
_METERED = "(l.kind = 'budget' OR (l.kind = 'quota' AND coalesce(l.body->>'unit', '') != ''))"
# The starts of a backend since its retries are counted, by steps of ten seconds.
_STARTS = f"""
SELECT r.id, a.counted_at - a.counted_at % {RECENT_MS} AS at, count(*) AS starts,
  sum(EXISTS (SELECT 1 FROM json_each(s.gauges) x WHERE x.value = r.id)) AS retries
FROM attempt a CROSS JOIN gset s ON s.id = a.gset_id CROSS JOIN json_each(s.gauges) m
CROSS JOIN gauge b ON b.id = m.value AND substr(b.name, 1, {len(PREFIX)}) = '{PREFIX}'
CROSS JOIN gauge r ON r.name = '{RETRIES}' || substr(b.name, {len(PREFIX) + 1}) AND r.key = ''
WHERE a.counted_at >= r.began - {RECENT_MS * (RECENT_MOST - 1)} AND a.status != 'bounced'
GROUP BY 1, 2 ORDER BY 1, 2"""
# Corrections count in their gauge alone, every other entry in all gauges of its attempt that have its unit.
REAL_GAUGES = f"""
SELECT g.id,
  CASE WHEN {_METERED} THEN coalesce(spent.used, 0) + coalesce(corrected.used, 0)
    WHEN l.kind = 'quota' THEN coalesce(started.n, 0) + CASE WHEN g.gone_of = g.began THEN g.gone ELSE 0 END
    WHEN l.kind = 'retries' THEN coalesce(recent.retries, 0) ELSE 0 END AS used,
  CASE WHEN {_METERED} THEN coalesce(held.amount, 0)
    WHEN l.kind = 'concurrency' THEN coalesce(held.n, 0) + coalesce(placed.n, 0) ELSE 0 END AS reserved,
  CASE WHEN {_METERED} THEN coalesce(spent.unknown, 0) ELSE 0 END AS unknown,
  coalesce(recent.listed, '') AS recent
FROM gauge g JOIN limit_rule l ON l.name = g.name
LEFT JOIN (SELECT g.id, count(*) AS n,
    sum(CASE WHEN a.counted_at >= g.began THEN coalesce(a.held->>('$."' || g.id || '"'), 0) ELSE 0 END)
      AS amount
  FROM attempt a INDEXED BY attempt_open {_HOLDS.format("a")}
  WHERE a.status = 'running' GROUP BY 1) held ON held.id = g.id
LEFT JOIN (SELECT g.id, count(*) AS n FROM job j INDEXED BY job_place
  CROSS JOIN gset s ON s.id = j.place_set CROSS JOIN json_each(s.gauges) m
  CROSS JOIN gauge g ON g.id = m.value WHERE j.place_set > 0 GROUP BY 1) placed ON placed.id = g.id
LEFT JOIN (SELECT g.id, count(*) AS n FROM attempt a {_HOLDS.format("a")}
  WHERE a.counted_at >= g.began AND a.status != 'bounced' GROUP BY 1) started ON started.id = g.id
LEFT JOIN (SELECT g.id, sum(CASE WHEN e.kind != 'unknown' THEN e.amount ELSE 0 END) AS used,
    sum(CASE WHEN e.kind = 'unknown' THEN e.amount WHEN e.kind = 'reconciled' THEN -e.released ELSE 0 END)
      AS unknown
  FROM entry e {_HOLDS.format("e")} JOIN limit_rule l ON l.name = g.name
  WHERE e.kind != 'correction' AND e.unit = l.body->>'unit' AND e.counted_at >= g.began
  GROUP BY 1) spent ON spent.id = g.id
LEFT JOIN (SELECT g.id, sum(e.amount) AS used FROM entry e CROSS JOIN gauge g ON g.id = e.gauge_id
  WHERE e.kind = 'correction' AND e.counted_at >= g.began GROUP BY 1) corrected ON corrected.id = g.id
LEFT JOIN (SELECT id, sum(retries) AS retries, json_group_array(json_array(at, starts, retries)) AS listed
  FROM ({_STARTS}) GROUP BY 1) recent ON recent.id = g.id"""
"""What gauges must count, by id: `used`, `reserved`, `unknown`, `recent`; each in its own window."""
