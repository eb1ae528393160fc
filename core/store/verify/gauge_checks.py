"""Invariants of gauges, and of what is shut by them.

Used by `checks`.
"""

from __future__ import annotations

from core.model.backend_checks import KEPT
from core.model.status import JOB_FINAL
from core.store.derived import REAL_GAUGES, UNTRUE_DOWN
from core.store.sql import among
from core.store.verify.check import check

GAUGE_CHECKS = (
    check(
        "gauge.wrong",
        "what a gauge counts differs from attempts and ledger",
        f"""
        WITH real AS ({REAL_GAUGES})
        SELECT g.id AS gauge, g.name, g.key, g.used, r.used AS real_used, g.reserved,
          r.reserved AS real_reserved, g.unknown, r.unknown AS real_unknown, g.recent, r.recent AS real_recent
        FROM gauge g JOIN real r ON r.id = g.id
        WHERE (g.used, g.reserved, g.unknown, g.recent) IS NOT (r.used, r.reserved, r.unknown, r.recent)""",
    ),
    check(
        "place.wrong",
        "a job that may not has, or waits for, a place under a limit",
        f"""
        SELECT j.id AS job, j.status, j.place_set, j.place_gauge AS gauge FROM job j
        WHERE (j.place_set > 0 OR j.place_gauge IS NOT NULL) AND (j.parent_task IS NULL OR j.is_worklet
          OR {among(JOB_FINAL, "j.status")} OR (j.place_set > 0 AND j.place_gauge IS NOT NULL)
          OR (j.place_gauge IS NOT NULL AND j.status = 'ending')
          OR coalesce(j.place_gauge NOT IN (SELECT id FROM gauge), 0)
          OR (j.place_set > 0 AND j.place_set NOT IN (SELECT id FROM gset)))""",
    ),
    check(
        "gauge.probe",
        "the probe of a backend is a task that does not run under it",
        """
        SELECT g.id AS gauge, g.name, g.trial AS task FROM gauge g WHERE g.trial > 0 AND NOT EXISTS (
          SELECT 1 FROM attempt a JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m
          WHERE a.task_id = g.trial AND a.status = 'running' AND m.value = g.id)""",
    ),
    check(
        "gauge.down",
        "a backend is shut by a check that does not say so",
        f"""
        SELECT g.id AS gauge, g.name, g.down_at FROM gauge g WHERE {UNTRUE_DOWN}""",
    ),
    check(
        "entry.reconciled",
        "an unknown amount counts as reconciled, or not, unlike the ledger",
        """
        SELECT e.id AS entry, e.task_id AS task, e.unit, e.reconciled AS kept FROM entry e
        WHERE e.kind = 'unknown' AND (e.reconciled IS NOT NULL) != EXISTS (
          SELECT 1 FROM entry r INDEXED BY entry_task WHERE r.task_id = e.task_id AND r.epoch = e.epoch
          AND r.unit = e.unit AND r.kind = 'reconciled')""",
    ),
    check(
        "backend_failure.wrong",
        "a failure that counts for a breaker is not one of an attempt",
        """
        SELECT f.gauge_id AS gauge, f.task_id AS task, f.epoch FROM backend_failure f
        LEFT JOIN attempt a ON a.task_id = f.task_id AND a.epoch = f.epoch
        WHERE coalesce(a.status, '') NOT IN ('failed', 'timed_out')""",
    ),
)
WAIT_CHECKS = (
    check(
        "check_change.lost",
        "the history of a check lacks what an event tells",
        f"""
        SELECT e.id AS event, e.kind, e.data->>'backend' AS backend FROM event e
        WHERE e.kind IN ('backend.up', 'backend.slow', 'backend.down', 'backend.unknown')
        AND json_valid(e.data)
        AND NOT EXISTS (SELECT 1 FROM check_change c WHERE c.backend = e.data->>'backend'
          AND c.at = e.at AND 'backend.' || c.status = e.kind)
        AND (SELECT count(*) FROM check_change c WHERE c.backend = e.data->>'backend') < {KEPT}""",
    ),
    check(
        "gauge.unwatched",
        "something waits for a gauge that no claim looks at again",
        """
        SELECT s.gauge_id AS gauge, count(*) AS waiting FROM (
          SELECT shut_by AS gauge_id FROM aisle WHERE shut_by > 0 AND head_key IS NOT NULL
          UNION ALL SELECT shut_by FROM lane WHERE shut_by > 0 AND head_key IS NOT NULL
          UNION ALL SELECT place_gauge FROM job WHERE place_gauge IS NOT NULL) s
        LEFT JOIN gauge g ON g.id = s.gauge_id
        WHERE coalesce(g.waited_for, 0) = 0 GROUP BY 1""",
    ),
    check(
        "gset.wrong",
        "a gauge set names a gauge that is not there",
        """
        SELECT s.id AS gset, j.value AS gauge FROM gset s JOIN json_each(s.gauges) j
        WHERE j.value NOT IN (SELECT id FROM gauge)""",
    ),
)
