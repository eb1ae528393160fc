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
    WHERE kind IN ('fire.submitted', 'fire.waiting', 'fire.skipped', 'fire.missed', 'fire.failed')"""
_SWITCHED = """
    SELECT data->>'$.schedule_id' AS id, kind, at,
      row_number() OVER (PARTITION BY data->>'$.schedule_id' ORDER BY id DESC) AS place
    FROM event WHERE kind IN ('schedule.added', 'schedule.paused', 'schedule.resumed')"""

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
)
