"""Invariants of registered workflows.

Used by `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

_TOLD = """
    SELECT data->>'$.name' AS name, kind, data->>'$.number' AS number, data->>'$.hash' AS hash,
      row_number() OVER (PARTITION BY data->>'$.name' ORDER BY id DESC) AS place
    FROM event WHERE kind IN ('workflow.added', 'workflow.removed')"""

WORKFLOW_CHECKS = (
    check(
        "workflow.current",
        "the current version of a registered workflow differs from what the events tell",
        f"""
        WITH told AS (SELECT * FROM ({_TOLD}) WHERE place = 1 AND kind = 'workflow.added'),
        now AS (SELECT DISTINCT name FROM workflow)
        SELECT n.name AS workflow, w.number, t.number AS told FROM now n
        LEFT JOIN workflow w ON w.name = n.name AND w.is_current = 1
        LEFT JOIN told t ON t.name = n.name
        WHERE w.number IS NULL OR (w.number, w.hash) IS NOT (t.number, t.hash)
        UNION ALL
        SELECT name, NULL, number FROM told WHERE name NOT IN (SELECT name FROM workflow)""",
    ),
    check(
        "workflow.text",
        "the text of a version of a registered workflow is missing",
        """
        SELECT name AS workflow, number, hash FROM workflow
        WHERE hash NOT IN (SELECT hash FROM workflow_text)""",
    ),
)
