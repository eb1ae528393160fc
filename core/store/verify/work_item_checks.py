"""Checks of work items, their tasks and their histories.

Part of the table in `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

_LAST = "(SELECT max(id) FROM work_item_entry WHERE item_id = w.id AND kind IN ({kinds}))"
_HAVING = _LAST.format(kinds="'claimed', 'released', 'delegated', 'escalated', 'approved'")
_END = _LAST.format(kinds="'approved', 'denied', 'expired', 'cancelled'")

WORK_ITEM_CHECKS = (
    check(
        "work_item.stray",
        "a work item is open but its task does not wait for people, or the other way round",
        """
        SELECT w.id AS item, t.id AS task, t.status, w.is_held
        FROM work_item w JOIN task t ON t.id = w.task_id WHERE w.outcome IS NULL
        AND (t.status NOT IN ('waiting', 'held') OR w.is_held != (t.status = 'held'))
        UNION ALL
        SELECT NULL, t.id, t.status, NULL FROM task t WHERE t.status = 'waiting' AND t.uses = 'human'
        AND t.id NOT IN (SELECT task_id FROM instance_set)
        AND NOT EXISTS (SELECT 1 FROM work_item w WHERE w.task_id = t.id AND w.outcome IS NULL)""",
    ),
    check(
        "work_item.approvals",
        "a work item counts other approvals than its history tells, or is open with enough of them",
        """
        SELECT id AS item, approvals, told, quorum FROM (SELECT w.*, (SELECT count(*) FROM work_item_entry
        WHERE item_id = w.id AND kind = 'approved') AS told FROM work_item w)
        WHERE approvals != told OR (outcome IS NULL AND approvals >= quorum)
        OR (approvals > 0) != (answer IS NOT NULL)""",
    ),
    check(
        "work_item.claim",
        "a work item is claimed by another person than its history tells",
        f"""
        SELECT w.id AS item, w.claimed_by, e.kind, e.person FROM work_item w
        LEFT JOIN work_item_entry e ON e.id = {_HAVING}
        WHERE w.outcome IS NULL AND e.kind IS NOT 'escalated'
        AND w.claimed_by IS NOT iif(e.kind = 'claimed', e.person, NULL)""",
    ),
    check(
        "work_item.end",
        "a work item ended otherwise than its history tells",
        f"""
        SELECT w.id AS item, w.outcome, e.kind FROM work_item w LEFT JOIN work_item_entry e ON e.id = {_END}
        WHERE (w.outcome IS NOT NULL AND w.outcome IS NOT e.kind)
        OR (w.outcome IS NULL AND e.kind IN ('denied', 'expired', 'cancelled'))""",
    ),
    check(
        "work_item.history",
        "the history of a work item does not begin with its opening, or differs from the events of its task",
        """
        SELECT w.id AS item, first, told, noted FROM (SELECT i.*,
        (SELECT kind FROM work_item_entry WHERE item_id = i.id ORDER BY id LIMIT 1) AS first,
        (SELECT count(*) FROM work_item_entry WHERE item_id = i.id
         AND kind NOT IN ('opened', 'expired', 'cancelled')) AS told,
        (SELECT count(*) FROM event WHERE task_id = i.task_id AND kind GLOB 'item.*'
         AND kind != 'item.overdue' AND data->>'$.item' = i.id) AS noted FROM work_item i) w
        WHERE first IS NOT 'opened' OR told != noted""",
    ),
)
