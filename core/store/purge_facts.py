"""SQL of what decides whether something may be purged.

Read by the writer and by plans; `?1` = engine time, `?2` = ids as JSON.
"""

from __future__ import annotations

from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.values import INBOX
from core.store.sql import among

_LISTED = "(SELECT value FROM json_each(?2))"
_HAS_KEY = (
    "(t.spec LIKE '%\"once\":%' AND EXISTS (SELECT 1 FROM once_key k WHERE k.key = t.spec->'$.once.key'"
    " AND k.task_id = t.id AND (k.lasts = 'ever' OR k.free_at > ?1)))"
)
_SPAN = "FROM stage s WHERE s.job_id = j.id AND s.last_task >= s.first_task"
LIVE_ROOT = f"(SELECT r.id FROM job r WHERE r.id = {{0}}.root_id AND NOT {among(JOB_FINAL, 'r.status')})"
"""The job above all jobs of the child in a table, while that has not ended."""
JOB_FACTS = (
    f"SELECT j.id, j.name, j.status, {among(JOB_FINAL, 'j.status')}, j.finished_at, j.pinned_at,"
    " (SELECT id FROM task INDEXED BY task_pinned WHERE job_id = j.id AND pinned_at IS NOT NULL LIMIT 1),"
    # A job whose purge has begun goes whatever this says, and it reads all its tasks.
    f" CASE WHEN j.id != {INBOX} AND p.event IS NULL THEN (SELECT t.id FROM task t INDEXED BY task_list"
    f" WHERE t.job_id = j.id AND {_HAS_KEY} LIMIT 1) END,"
    " p.event, (SELECT coalesce(sum(n), 0) FROM counter WHERE scope = 'job' AND ref = CAST(j.id AS TEXT))"
    " + (SELECT coalesce(sum(c.n), 0) FROM instance_set i JOIN counter c ON c.scope = 'set'"
    " AND c.ref = CAST(i.id AS TEXT) WHERE i.job_id = j.id),"
    f" (SELECT min(s.first_task) {_SPAN}), (SELECT max(s.last_task) {_SPAN}),"
    f" {LIVE_ROOT.format('j')}"
    f" FROM job j LEFT JOIN purge p ON p.job_id = j.id WHERE j.id IN {_LISTED} ORDER BY j.id"
)
"""The columns of `JobFacts`."""
LOOSE_FACTS = (
    f"SELECT t.id, t.job_id, t.status, {among(TASK_FINAL, 't.status')}, t.pinned_at, {_HAS_KEY}"
    f" FROM task t WHERE t.id IN {_LISTED} ORDER BY t.id"
)
"""The columns of `LooseFacts`."""
OUTPUT_FACTS = (
    f"SELECT t.id, t.epoch, t.status, {among(TASK_FINAL, 't.status')},"
    f" t.job_id = {INBOX} OR {among(JOB_FINAL, 'j.status')}, coalesce(t.pinned_at, j.pinned_at)"
    f" FROM task t JOIN job j ON j.id = t.job_id WHERE t.id IN {_LISTED} AND ?1 = ?1 ORDER BY t.id"
)
"""The columns of `OutputFacts`."""
