"""Children of jobs: what is above and below them, as columns.

Used by the waits of tasks and the page of a job.
"""

from __future__ import annotations

import json

from core.model.waits import PausedJob

PAUSED_ABOVE = (
    "(WITH RECURSIVE up (id) AS (SELECT x.job_id FROM task x WHERE x.id = j.parent_task UNION"
    " SELECT x.job_id FROM up JOIN job k ON k.id = up.id JOIN task x ON x.id = k.parent_task)"
    " SELECT json_group_array(json_object('job', k.id, 'by', k.paused_by, 'at', k.paused_at,"
    " 'reason', k.pause_reason)) FROM up JOIN job k ON k.id = up.id"
    " WHERE k.status = 'paused' AND j.status IN ('paused', 'pending', 'running'))"
)
"""The paused jobs above the job `j`, nearest first, as JSON."""


def paused_jobs(text: str | None) -> tuple[PausedJob, ...]:
    """Return the paused jobs of such a column."""
    return () if text is None else tuple(PausedJob(**one) for one in json.loads(text))
