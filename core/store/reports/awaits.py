"""What waiting tasks wait for, as one column.

Used by the waits of tasks.
"""

from __future__ import annotations

import json

from core.model.waits import AwaitFacts
from core.store.reports.children import CHILD_AWAITS

_ATTEMPT = "(SELECT a.{} FROM attempt a WHERE a.task_id = t.id AND a.epoch = t.epoch)"
AWAITS = (
    "json_object('since', w.since, 'job_id', w.job_id, 'job_key', w.job_key, 'job_name', w.job_name,"
    " 'wanted', w.wanted, 'path', w.path, 'stable_ms', w.stable_ms, 'every_ms', w.every_ms,"
    f" 'looks', CASE WHEN w.every_ms IS NULL THEN 0 ELSE coalesce({_ATTEMPT.format('looks')}, 0) END,"
    f" 'seen', json(CASE WHEN w.every_ms IS NULL THEN '{{}}' ELSE coalesce({_ATTEMPT.format('seen')}, '{{}}')"
    " END), 'asks', w.asks, 'child_id', w.child_id,"
    " 'child_name', (SELECT c.name FROM job c WHERE c.id = w.child_id),"
    f" 'child_status', (SELECT c.status FROM job c WHERE c.id = w.child_id),"
    f" 'child_awaits', {CHILD_AWAITS.format('w')},"
    " 'is_worklet', coalesce((SELECT c.is_worklet FROM job c WHERE c.id = w.child_id), 0))"
)
"""The facts of the row `w` of `awaited` and of its task `t`, as JSON."""


def await_facts(text: str) -> AwaitFacts:
    """Return what a waiting task waits for."""
    return AwaitFacts(**json.loads(text))
