"""Wait codes: the first reason of a task, as SQL.

Used by the filters and the lists of tasks. It says what `core.rules.why` decides, by engine time as it was
last saved.
"""

from __future__ import annotations

from core.model.limits.gauges import RECENT_MOST, RECENT_MS
from core.model.waits import OF_LIMITS, WaitCode

_RANK = {code: number for number, code in enumerate(OF_LIMITS)}


def _field(name: str, of: str = "r") -> str:
    return f"coalesce({of}.changed->>'{name}', {of}.body->>'{name}')"


_MAX, _UNIT = _field("max"), _field("unit")
_NEED = f"coalesce(json_extract({{}}.cost, '$.' || {_UNIT}), {_field('default_cost')}, 0)"
_LEFT = f"{_MAX} - g.used - g.reserved - g.unknown"
_METERED = f"(r.kind = 'budget' OR r.kind = 'quota' AND coalesce({_UNIT}, '') != '')"
_WALL = "(e.time_at - e.time_offset)"
_OLDEST = f"{_WALL} - {_WALL} % {RECENT_MS} - {RECENT_MS * (RECENT_MOST - 1)}"
_SAME_WINDOW = "(g.turns_at IS NULL OR g.turns_at > e.time_at - e.time_offset)"
_SHARE = "coalesce(r.body->'backend'->>'retry_share', 0)"
# Less than one more: the share of the recent starts is used up, and the last retry is not ten seconds ago.
_NO_RETRY = f"""g.tat_us > e.time_at * 1000 AND 1 - {_SHARE} > (
      SELECT {_SHARE} * coalesce(sum(x.value->>1), 0) - coalesce(sum(x.value->>2), 0)
      FROM json_each(nullif(g.recent, '')) x WHERE x.value->>0 >= {_OLDEST})"""
# What one gauge keeps a task back for; NULL = nothing.
_REFUSED = f"""
    WHEN e.frozen_at IS NOT NULL AND {_METERED} THEN {_RANK[WaitCode.FROZEN]}
    WHEN g.down_at IS NOT NULL THEN {_RANK[WaitCode.DOWN]}
    WHEN g.trial > 0 OR g.trial = 0 AND g.shut_until > e.time_at THEN {_RANK[WaitCode.BREAKER]}
    WHEN g.shut_until > e.time_at THEN {_RANK[WaitCode.SHUT]}
    WHEN r.kind = 'retries' THEN CASE WHEN {_NO_RETRY} THEN {_RANK[WaitCode.RETRIES]} END
    WHEN r.kind = 'concurrency' THEN CASE WHEN g.reserved >= {_MAX} THEN {_RANK[WaitCode.CONCURRENCY]} END
    WHEN r.kind = 'rate' THEN CASE
      WHEN g.tat_us > e.time_at * 1000 + ({_MAX} - 1) * {_field("step_us")} THEN {_RANK[WaitCode.RATE]} END
    WHEN NOT {_SAME_WINDOW} THEN NULL
    WHEN {_LEFT} <= 0 OR {_METERED} AND {_LEFT} < {_NEED.format("task")}
      THEN CASE r.kind WHEN 'quota' THEN {_RANK[WaitCode.QUOTA]} ELSE {_RANK[WaitCode.BUDGET]} END"""
_BEHIND = f"""
    WHEN {_METERED} AND {_LEFT} < (SELECT {_NEED.format("h")} FROM task h WHERE h.id = (
        SELECT n.id FROM task n INDEXED BY task_claim WHERE n.lane_id = task.lane_id AND n.status = 'queued'
        ORDER BY n.sort_key, n.id LIMIT 1)) THEN {_RANK[WaitCode.BEHIND]}"""
_GAUGES = """json_each(s.gauges) y
  CROSS JOIN gauge g ON g.id = y.value CROSS JOIN limit_rule r ON r.name = g.name AND r.removed_at IS NULL
  CROSS JOIN engine e"""
# The gauges of its queue and of itself, the first reason that one of them gives.
_OF_GAUGES = f"""(SELECT min(CASE {_REFUSED} {_BEHIND} END)
  FROM lane l CROSS JOIN aisle a ON a.id = l.aisle_id CROSS JOIN queue q ON q.name = task.queue
  CROSS JOIN gset s ON s.id IN (a.gset_id, q.gset_id) CROSS JOIN {_GAUGES} WHERE l.id = task.lane_id)"""
_QUEUES = "(SELECT value FROM json_each(coalesce(p.changed->'queues', p.body->'queues', '[]')))"
_DRAINS_QUEUE = f"p.removed_at IS NULL AND (NOT EXISTS {_QUEUES} OR {{}} IN {_QUEUES})"
_DRAINS = _DRAINS_QUEUE.format("q.name")
# Where a pool stands among those that the task prefers; NULL = not among them.
_PREFERRED = """(SELECT f.key FROM lane l CROSS JOIN aisle a ON a.id = l.aisle_id
  CROSS JOIN gset s ON s.id = a.gset_id CROSS JOIN json_each(coalesce(nullif(s.prefer, ''), '[]')) f
  WHERE l.id = task.lane_id AND f.value = p.name LIMIT 1)"""
_MAY_USE = f"""{_DRAINS_QUEUE.format("task.queue")} AND ({_PREFERRED} IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM pool p WHERE {_DRAINS_QUEUE.format("task.queue")} AND {_PREFERRED} IS NOT NULL))"""
_OF_POOL = f"(SELECT min(CASE {_REFUSED} END) FROM gset s CROSS JOIN {_GAUGES} WHERE s.id = p.gset_id)"
# Those of pools keep it back where every pool that is not paused has one; those of the first are told.
_OF_POOL_GAUGES = f"""CASE
    WHEN (SELECT NOT EXISTS (SELECT 1 FROM pool WHERE removed_at IS NULL AND gset_id > 0)) THEN NULL
    WHEN NOT EXISTS (SELECT 1 FROM pool p WHERE {_MAY_USE} AND p.paused_at IS NULL AND {_OF_POOL} IS NULL)
      THEN (SELECT o.rank FROM (SELECT {_OF_POOL} AS rank, {_PREFERRED} AS place, p.position, p.name
        FROM pool p WHERE {_MAY_USE} AND p.paused_at IS NULL) o ORDER BY o.place, o.position, o.name LIMIT 1)
    END"""
_NO_RANK = len(OF_LIMITS)
# Worked out once for a statement: there are few queues and pools.
_UNDRAINED = f"(SELECT q.name FROM queue q WHERE NOT EXISTS (SELECT 1 FROM pool p WHERE {_DRAINS}))"
_PAUSED = (
    "(SELECT q.name FROM queue q WHERE NOT EXISTS"
    f" (SELECT 1 FROM pool p WHERE {_DRAINS} AND p.paused_at IS NULL))"
)
_IS_PREFERRED_PAUSED = """(SELECT EXISTS (
      SELECT 1 FROM pool WHERE paused_at IS NOT NULL AND removed_at IS NULL)
      AND EXISTS (SELECT 1 FROM gset WHERE prefer != ''))"""
_OF_POOLS = f"""CASE
    WHEN (SELECT EXISTS (SELECT 1 FROM followup WHERE kind = 'limits')) THEN 'limits_changed'
    WHEN (SELECT NOT EXISTS (SELECT 1 FROM pool WHERE removed_at IS NULL)) THEN NULL
    WHEN task.queue IN {_UNDRAINED} THEN 'no_pool'
    WHEN task.queue IN {_PAUSED} THEN 'pool_paused'
    WHEN {_IS_PREFERRED_PAUSED} AND NOT EXISTS (SELECT 1 FROM pool p WHERE {_MAY_USE} AND p.paused_at IS NULL)
      THEN 'pool_paused' END"""
_FIRST_RANK = f"min(coalesce({_OF_GAUGES}, {_NO_RANK}), coalesce({_OF_POOL_GAUGES}, {_NO_RANK}))"
_OF_RANK = f"CASE {_FIRST_RANK} {' '.join(f'WHEN {n} THEN {c.value!r}' for c, n in _RANK.items())} END"

UNDRAINED = (
    "SELECT c.ref, c.n FROM counter c WHERE c.scope = 'queue' AND c.status = 'queued' AND c.n > 0"
    f" AND EXISTS (SELECT 1 FROM pool WHERE removed_at IS NULL) AND c.ref IN {_UNDRAINED} ORDER BY 1"
)
"""Queues that have queued tasks and that no pool drains, with how many; none where no pool is known."""
WAIT_CODE = f"""(CASE task.status
  WHEN 'blocked' THEN CASE
    WHEN (SELECT j.status = 'ending' AND (j.started_at IS NULL OR j.finishing = 2 OR NOT s.is_finally)
          FROM job j JOIN stage s ON s.id = task.stage_id WHERE j.id = task.job_id) THEN 'ending'
    WHEN (SELECT s.status FROM stage s WHERE s.id = task.stage_id) = 'pending' THEN 'stage'
    WHEN task.needs_left > 0 THEN 'needs'
    WHEN task.wait_reason IS NOT NULL THEN 'condition' ELSE 'settling' END
  WHEN 'queued' THEN CASE
    WHEN (SELECT j.paused_at IS NOT NULL OR j.paused_above AND j.status IN ('pending', 'running')
          FROM job j WHERE j.id = task.job_id) THEN 'job_paused'
    WHEN (SELECT j.place_gauge FROM job j WHERE j.id = task.job_id) IS NOT NULL THEN 'place'
    WHEN (SELECT q.paused_at FROM queue q WHERE q.name = task.queue) IS NOT NULL THEN 'queue_paused'
    WHEN (SELECT e.capacity FROM engine e) = 0 THEN 'slots'
    ELSE coalesce({_OF_POOLS}, {_OF_RANK}, 'slots') END
  WHEN 'held' THEN 'held' WHEN 'retrying' THEN 'retry' WHEN 'waiting' THEN 'answer' END)"""
"""The code of `core.model.waits.OWN` that holds first for a row of `task`; NULL = it does not wait."""
STATUSES = {
    **dict.fromkeys(("ending", "stage", "needs", "condition", "settling"), "blocked"),
    "held": "held",
    "retry": "retrying",
    "answer": "waiting",
}
"""The status that a task has of which such a code is told; of the others it is `queued`."""
_OF_HEADS = f"""SELECT task.id, CASE (CASE {_REFUSED} END)
    {" ".join(f"WHEN {n} THEN {c.value!r}" for c, n in _RANK.items())} END AS code, g.name, g.key,
  CASE WHEN e.time_at < g.shut_until THEN g.shut_until - e.time_offset ELSE g.turns_at END AS until
  FROM json_each(:ids) x CROSS JOIN task ON task.id = x.value"""
REFUSALS = f"""{_OF_HEADS} CROSS JOIN lane l ON l.id = task.lane_id CROSS JOIN aisle a ON a.id = l.aisle_id
  CROSS JOIN queue q ON q.name = task.queue CROSS JOIN gset s ON s.id IN (a.gset_id, q.gset_id)
  CROSS JOIN {_GAUGES}
  UNION ALL {_OF_HEADS} CROSS JOIN pool p ON {_MAY_USE} AND p.paused_at IS NULL AND p.gset_id > 0
  CROSS JOIN gset s ON s.id = p.gset_id CROSS JOIN {_GAUGES}"""
"""Of tasks by `:ids` what each of their gauges, then of those of their pools, keeps them back for: a code
(NULL = nothing), the name and key of the gauge, and when (ms UTC) it opens by itself."""
