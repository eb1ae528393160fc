"""Invariants of schedules and their fires.

Used by `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

_TOLD = """
    SELECT data->>'$.schedule_id' AS schedule_id, data->>'$.at' AS at,
      data->>'$.kind' AS fire, substr(kind, 6) AS status,
      data->>'$.job' AS job_id, coalesce(data->>'$.number', 1) AS n,
      row_number() OVER (
        PARTITION BY data->>'$.schedule_id', data->>'$.at', data->>'$.kind' ORDER BY id DESC) AS place
    FROM event
    WHERE kind IN ('fire.submitted', 'fire.waiting', 'fire.skipped', 'fire.missed', 'fire.failed')
    AND json_valid(data)"""
_SWITCHED = """
    SELECT data->>'$.schedule_id' AS id, kind, at,
      row_number() OVER (PARTITION BY data->>'$.schedule_id' ORDER BY id DESC) AS place
    FROM event
    WHERE kind IN ('schedule.added', 'schedule.paused', 'schedule.resumed') AND json_valid(data)"""
_EXPECTED = """
    SELECT coalesce(data->>'$.schedule_id', 'w' || (data->>'$.workflow')) AS of, kind, id,
      data->>'$.every_ms' AS every_ms,
      row_number() OVER (
        PARTITION BY coalesce(data->>'$.schedule_id', 'w' || (data->>'$.workflow')) ORDER BY id DESC) AS place
    FROM event
    WHERE kind IN ('expectation.set', 'expectation.missed', 'expectation.met', 'expectation.removed')
    AND json_valid(data)"""

SCHEDULE_CHECKS = (
    check(
        "fire.wrong",
        "a fire differs from what the events tell of it",
        f"""
        WITH told AS ({_TOLD})
        SELECT f.schedule_id AS schedule, f.at, f.status, t.status AS told FROM fire f
        LEFT JOIN told t ON t.schedule_id = f.schedule_id AND t.at = f.at AND t.fire = f.kind AND t.place = 1
        WHERE (f.status, f.job_id, f.n) IS NOT (t.status, t.job_id, t.n)
        UNION ALL
        SELECT t.schedule_id, t.at, NULL, t.status FROM told t
        WHERE t.place = 1
        AND (t.schedule_id, t.at, t.fire) NOT IN (SELECT schedule_id, at, kind FROM fire)""",
    ),
    check(
        "fire.job",
        "a job of a schedule and the fire that submitted it do not belong together",
        """
        SELECT f.schedule_id AS schedule, f.at, f.job_id AS job FROM fire f JOIN job j ON j.id = f.job_id
        WHERE j.schedule_id IS NOT f.schedule_id
        UNION ALL
        SELECT j.schedule_id, NULL, j.id FROM job j INDEXED BY job_of_schedule
        WHERE j.schedule_id IN (SELECT id FROM schedule)
        AND j.id NOT IN (SELECT job_id FROM fire WHERE job_id IS NOT NULL)""",
    ),
    check(
        "schedule.pause",
        "a schedule is paused, or not, unlike the events tell",
        f"""
        WITH switched AS ({_SWITCHED})
        SELECT s.id AS schedule, s.paused_at, w.kind AS told FROM schedule s
        LEFT JOIN switched w ON w.id = s.id AND w.place = 1
        WHERE (s.paused_at IS NOT NULL) IS NOT (w.kind IS 'schedule.paused')""",
    ),
    check(
        "expectation.wrong",
        "what is expected of a schedule or workflow, or its silence, differs from what the events tell",
        f"""
        WITH told AS ({_EXPECTED}),
        now AS (SELECT *, coalesce(schedule_id, 'w' || workflow) AS of FROM expectation)
        SELECT e.schedule_id AS schedule, e.workflow, e.missed_at, t.kind AS told FROM now e
        LEFT JOIN told t ON t.of = e.of AND t.place = 1
        WHERE t.kind IS NULL OR t.kind = 'expectation.removed'
        OR (e.missed_at IS NOT NULL) IS NOT (t.kind = 'expectation.missed')
        OR coalesce(t.every_ms, e.every_ms) != e.every_ms
        UNION ALL
        SELECT NULL, t.of, NULL, t.kind FROM told t
        WHERE t.place = 1 AND t.kind != 'expectation.removed' AND t.of NOT IN (SELECT of FROM now)""",
    ),
    check(
        "expectation.success",
        "a job succeeded, and what is expected of its schedule or workflow is silent",
        f"""
        WITH told AS ({_EXPECTED})
        SELECT e.schedule_id AS schedule, e.workflow, j.id AS job FROM told t
        JOIN expectation e ON coalesce(e.schedule_id, 'w' || e.workflow) = t.of
        JOIN event s ON s.kind = 'job.succeeded' AND s.id > t.id
        JOIN job j ON j.id = s.job_id AND (j.schedule_id = e.schedule_id OR j.name = e.workflow)
        WHERE t.place = 1 AND t.kind = 'expectation.missed'""",
    ),
    check(
        "expectation.schedule",
        "a schedule and what is expected of it do not belong together",
        """
        SELECT s.id AS schedule, s.body->>'$.policy.expect_ms' AS wanted, e.every_ms FROM schedule s
        LEFT JOIN expectation e ON e.schedule_id = s.id
        WHERE json_valid(s.body)
        AND e.every_ms IS NOT CASE WHEN s.removed_at IS NULL THEN s.body->>'$.policy.expect_ms' END""",
    ),
)
