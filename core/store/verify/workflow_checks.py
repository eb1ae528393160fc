"""Invariants of registered workflows.

Used by `checks`.
"""

from __future__ import annotations

from core.model.status import JOB_FINAL
from core.store.sql import among
from core.store.verify.check import check

_TOLD = """
    SELECT data->>'$.name' AS name, kind, data->>'$.number' AS number, data->>'$.hash' AS hash,
      row_number() OVER (PARTITION BY data->>'$.name' ORDER BY id DESC) AS place
    FROM event
    WHERE kind IN ('workflow.added', 'workflow.removed') AND json_valid(data)"""

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
        "workflow.pinned",
        "the texts that a job has pinned differ from the documents that it names",
        """
        WITH named AS (
          SELECT DISTINCT j.id, d.value->>'$.hash' AS hash FROM job j
          CROSS JOIN json_each(CASE WHEN json_valid(j.documents) THEN j.documents ELSE '{}' END) d),
        pinned AS (
          SELECT p.job_id AS id, p.hash FROM pinned_text p JOIN job j ON j.id = p.job_id
          WHERE j.documents IS NULL OR json_valid(j.documents))
        SELECT id AS job, hash FROM (SELECT * FROM named EXCEPT SELECT * FROM pinned)
        UNION ALL SELECT id, hash FROM (SELECT * FROM pinned EXCEPT SELECT * FROM named)""",
    ),
    check(
        "workflow.unkept",
        "the text of a document that a job has pinned is missing, and the job has not ended",
        f"""
        SELECT p.job_id AS job, p.hash FROM pinned_text p JOIN job j ON j.id = p.job_id
        AND NOT {among(JOB_FINAL, "j.status")} WHERE p.hash NOT IN (SELECT hash FROM workflow_text)""",
    ),
    check(
        "workflow.text",
        "the text of a version of a registered workflow is missing",
        """
        SELECT name AS workflow, number, hash FROM workflow
        WHERE hash NOT IN (SELECT hash FROM workflow_text)""",
    ),
)
