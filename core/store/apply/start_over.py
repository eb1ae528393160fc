"""Start final tasks over: their edges and their rows.

Called by reruns, and by groups that run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from core.model.status import TASK, TASK_FINAL
from core.store.apply.children.child_marks import supersede
from core.store.apply.limits.lane_sets import leave_retries
from core.store.apply.moves import queueing
from core.store.batch import Batch
from core.store.rows import Cause
from core.store.sql import among, guard, ids, pack

_MEET = f"""
UPDATE edge SET met = CASE
  WHEN need_id IN (SELECT value FROM json_each(?1)) THEN 0
  ELSE (SELECT n.status = 'succeeded' OR n.tolerated
          OR (edge.kind = 'done' AND {among(TASK_FINAL, "n.status")})
        FROM task n WHERE n.id = edge.need_id) END
WHERE task_id IN (SELECT value FROM json_each(?1))
"""
_UNMEET = f"""
UPDATE edge SET met = 0 WHERE met = 1 AND need_id IN (SELECT value FROM json_each(?1))
  AND task_id IN (SELECT t.id FROM edge e JOIN task t ON t.id = e.task_id
                  WHERE e.need_id IN (SELECT value FROM json_each(?1))
                    AND {guard(TASK["unblock"], "t.status")})
RETURNING task_id
"""
_WAIT = """
UPDATE task SET needs_left = needs_left + j.value->>1, wait_reason = NULL
FROM json_each(?) AS j WHERE task.id = j.value->>0
"""
_STAGES = (
    "SELECT t.stage_id, count(*) FROM json_each(?) AS j JOIN task t ON t.id = j.value GROUP BY t.stage_id"
)


def let_needs_wait(batch: Batch, task_ids: Collection[int]) -> None:
    """Say of the edges of final tasks what holds once those start over."""
    listed = ids(task_ids)
    batch.run(_MEET, listed)
    # Their outputs are gone: a dependant that has not started waits for the new ones.
    waiting = Counter(task_id for (task_id,) in batch.rows(_UNMEET, listed))
    batch.run(_WAIT, pack([[task_id, number] for task_id, number in waiting.items()]))


def start_over_instances(
    batch: Batch, task_ids: Sequence[int], cause: Cause, *, fresh: Collection[int]
) -> None:
    """Start final instances over of a group that waits for them; those of `fresh` with a new child."""
    if not task_ids:
        return
    supersede(batch, ids(task_ids), fresh=ids(fresh))
    let_needs_wait(batch, task_ids)
    batch.many(
        "UPDATE stage SET open_tasks = open_tasks + ? WHERE id = ?",
        [(number, stage_id) for stage_id, number in batch.rows(_STAGES, ids(task_ids))],
    )
    leave_retries(batch, list(task_ids))
    queueing.rerun(batch, task_ids, cause, counted=frozenset())
    batch.report.reopened = True
