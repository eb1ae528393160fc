"""Which rows of each table belong to jobs.

Read by `rows` and `rebuild`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_JOBS = "(SELECT value FROM json_each(:jobs))"
_TASKS = f"(SELECT id FROM task WHERE job_id IN {_JOBS})"
_SETS = f"(SELECT id FROM instance_set WHERE job_id IN {_JOBS})"
_AISLES = f"(SELECT aisle_id FROM lane WHERE job_id IN {_JOBS})"
_GSETS = f"""(SELECT gset_id FROM aisle WHERE id IN {_AISLES}
UNION SELECT gset_id FROM queue WHERE name IN (SELECT queue FROM aisle WHERE id IN {_AISLES})
UNION SELECT gset_id FROM attempt WHERE task_id IN {_TASKS} UNION SELECT gset_id FROM pool
UNION SELECT place_set FROM job WHERE id IN {_JOBS})"""

CARRIED: Mapping[str, str] = MappingProxyType(
    {
        "engine": "id = 1",
        "definition": f"hash IN (SELECT definition_hash FROM job WHERE id IN {_JOBS})",
        "workflow_text": f"hash IN (SELECT definition_hash FROM job WHERE id IN {_JOBS}"
        f" UNION SELECT hash FROM pinned_text WHERE job_id IN {_JOBS})",
        "job": f"id IN {_JOBS}",
        "pinned_text": f"job_id IN {_JOBS}",
        "stage": f"job_id IN {_JOBS}",
        "limit_rule": "1",
        "pool": "1",
        "check_change": "1",
        "gset": f"id IN {_GSETS}",
        "gauge": f"id IN (SELECT j.value FROM gset s JOIN json_each(s.gauges) j WHERE s.id IN {_GSETS}"
        f" UNION SELECT place_gauge FROM job WHERE id IN {_JOBS})",
        "entry": f"job_id IN {_JOBS}",
        "backend_failure": f"task_id IN {_TASKS}",
        "queue": f"name IN (SELECT queue FROM aisle WHERE id IN (SELECT aisle_id FROM lane"
        f" WHERE job_id IN {_JOBS}))",
        "aisle": f"id IN (SELECT aisle_id FROM lane WHERE job_id IN {_JOBS})",
        "lane": f"job_id IN {_JOBS}",
        "task": f"job_id IN {_JOBS}",
        "instance_set": f"job_id IN {_JOBS}",
        "instance_page": f"set_id IN {_SETS}",
        "awaited": f"task_id IN {_TASKS}",
        "work_item": f"task_id IN {_TASKS}",
        "work_item_entry": f"item_id IN (SELECT id FROM work_item WHERE task_id IN {_TASKS})",
        "variable": f"job_id IN {_JOBS}",
        "artifact": f"task_id IN {_TASKS}",
        "edge": f"need_id IN {_TASKS}",
        "attempt": f"task_id IN {_TASKS}",
        "followup": f"""(kind IN ('job', 'lanes') AND id IN {_JOBS}) OR (kind = 'task' AND id IN {_TASKS})
        OR (kind = 'stage' AND id IN (SELECT id FROM stage WHERE job_id IN {_JOBS}))
        OR (kind = 'set' AND id IN {_SETS})""",
        "event": f"job_id IN {_JOBS}",
        "run_time": f"workflow IN (SELECT name FROM job WHERE id IN {_JOBS} AND id > 1)",
    }
)
"""By table, in the order of writing: the condition of the rows that a bundle has."""
BY_KEY = MappingProxyType({"family": "id", "payload": "hash"})
"""Tables of which a bundle has what its other rows name, with the column of their key."""
MADE_AGAIN = frozenset({"counter", "ended", "family_job", "family_hour", "once_key"})
"""Tables that are counted from the rows when a bundle is opened."""
LEFT_OUT = frozenset(
    {
        "signal",
        "schedule",
        "fire",
        "expectation",
        "purge",
        "purged",
        "removal",
        "retention",
        "notice",
        "notice_cursor",
        "workflow",
    }
)
"""Tables that a bundle leaves out: what fires is of the deck, with the environment of operators, and so is
what is kept for how long."""
TABLES = frozenset({*CARRIED, *BY_KEY})
"""All tables whose rows a bundle may have."""

BESIDE = f"""job_id IS NULL AND task_id IS NULL
AND kind NOT GLOB 'fire.*' AND kind NOT GLOB 'schedule.*' AND (kind = 'clock.stepped'
OR id BETWEEN (SELECT min(id) FROM event WHERE job_id IN {_JOBS})
AND (SELECT CASE WHEN EXISTS (SELECT 1 FROM job WHERE id IN {_JOBS} AND finished_at IS NULL)
     THEN (SELECT max(id) FROM event) ELSE (SELECT max(id) FROM event WHERE job_id IN {_JOBS}) END))"""
"""Events of no job, of the engine and of queues, while the jobs lived."""
