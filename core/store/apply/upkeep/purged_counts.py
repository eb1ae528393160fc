"""Take what is purged out of what is counted.

Called by `purge`, before the rows and events of tasks are deleted.
"""

from __future__ import annotations

import json

from core.model.failures import HOUR
from core.model.limits.backends import PREFIX, RETRIES
from core.model.limits.gauges import RECENT_MOST, RECENT_MS
from core.model.status import TASK_FINAL
from core.model.values import JsonValue
from core.store.batch import Batch
from core.store.derived import CLOCK, FAILURES
from core.store.sql import member, pack
from core.store.tables.schema import BUCKET

_LISTED = "(SELECT value FROM json_each(?1))"
_OF_TASKS = f"event e INDEXED BY event_task WHERE e.task_id IN {_LISTED}"
_FAILED = (
    f"SELECT e.data->>'family' AS family, e.at - (e.at % {HOUR} + {HOUR}) % {HOUR} AS at, count(*) AS n"
    f" FROM {_OF_TASKS} AND e.{FAILURES} AND e.data LIKE '%\"family\":%'"
    f" AND {member('e.data', '$.family')} IS NOT NULL"
    " GROUP BY 1, 2"
)
_ENDS = ", ".join(sorted(f"'task.{status}'" for status in TASK_FINAL))
_ENDED = f"""
SELECT ends.at - ends.at % {BUCKET}, ends.queue, ends.status, count(*) FROM (
  SELECT e.at + clock.ahead AS at, t.queue, substr(e.kind, 6) AS status
  FROM event e INDEXED BY event_task JOIN task t ON t.id = e.task_id
  JOIN {CLOCK} clock ON e.id >= clock.first AND e.id < clock.next
  WHERE e.task_id IN {_LISTED} AND e.kind IN ({_ENDS})) ends
GROUP BY 1, 2, 3"""
_LIMITED = f"SELECT 1 FROM attempt WHERE task_id IN {_LISTED} AND gset_id > 0 LIMIT 1"
_STARTED = f"""
UPDATE gauge SET gone = d.n + CASE WHEN gone_of = began THEN gone ELSE 0 END, gone_of = began FROM (
  SELECT g.id, count(*) AS n FROM attempt a JOIN gset s ON s.id = a.gset_id
  JOIN json_each(s.gauges) m JOIN gauge g ON g.id = m.value JOIN limit_rule l ON l.name = g.name
  WHERE a.task_id IN {_LISTED} AND a.counted_at >= g.began AND a.status != 'bounced'
  AND l.kind = 'quota' AND coalesce(l.body->>'unit', '') = '' GROUP BY 1) d
WHERE d.id = gauge.id"""
_RECENT = f"""
SELECT r.id, r.recent, a.counted_at - a.counted_at % {RECENT_MS} AS at, count(*) AS starts,
  sum(EXISTS (SELECT 1 FROM json_each(s.gauges) x WHERE x.value = r.id)) AS retries
FROM attempt a JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m
JOIN gauge b ON b.id = m.value AND substr(b.name, 1, {len(PREFIX)}) = '{PREFIX}'
JOIN gauge r ON r.name = '{RETRIES}' || substr(b.name, {len(PREFIX) + 1}) AND r.key = '' AND r.recent != ''
WHERE a.task_id IN {_LISTED} AND a.counted_at >= r.began - {RECENT_MS * (RECENT_MOST - 1)}
AND a.status != 'bounced' GROUP BY 1, 2, 3"""


def take_out_of_families(batch: Batch, listed: str) -> None:
    """Note how many failures of families have no event any more, and count them in no hour."""
    rows = batch.rows(_FAILED, listed)
    batch.many("UPDATE family SET purged = purged + ? WHERE id = ?", [(n, family) for family, _, n in rows])
    hours = [(n, family, at) for family, at, n in rows]
    batch.many("UPDATE family_hour SET n = n - ? WHERE family = ? AND at = ?", hours)
    batch.many("DELETE FROM family_hour WHERE family = ? AND at = ? AND n <= 0", [hour[1:] for hour in hours])


def take_out_of_ends(batch: Batch, listed: str) -> None:
    """Count the ends of tasks no more, where they are still counted."""
    batch.flush_ends()
    rows = batch.rows(_ENDED, listed)
    # A row never counts none: it goes instead.
    one = "at = ? AND queue = ? AND status = ?"
    batch.many(f"DELETE FROM ended WHERE {one} AND n <= ?", rows)
    batch.many(
        f"UPDATE ended SET n = n - ? WHERE {one} AND n > ?",
        [(n, at, queue, status, n) for at, queue, status, n in rows],
    )


def keep_for_gauges(batch: Batch, listed: str) -> None:
    """Keep what attempts used of quotas, and forget them among the starts of backends."""
    batch.run(f"DELETE FROM backend_failure WHERE task_id IN {_LISTED}", listed)
    if batch.one(_LIMITED, listed) is None:
        return
    batch.gauges.flush()
    batch.gauges.forget()
    batch.run(_STARTED, listed)
    steps: dict[int, dict[int, list[int]]] = {}
    for gauge, recent, at, starts, retries in batch.rows(_RECENT, listed):
        known = steps.setdefault(gauge, {step: counts for step, *counts in json.loads(recent)})
        if at in known:
            known[at] = [known[at][0] - starts, known[at][1] - retries]
    for gauge, known in steps.items():
        left: list[JsonValue] = [[at, *counts] for at, counts in sorted(known.items()) if counts[0] > 0]
        used = sum(retries for starts, retries in known.values() if starts > 0)
        batch.gauges.change(
            "UPDATE gauge SET recent = ?, used = ? WHERE id = ?", pack(left) if left else "", used, gauge
        )
