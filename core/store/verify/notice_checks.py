"""Checks of notices and their cursors.

Part of the table in `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

NOTICE_CHECKS = (
    check(
        "notice.ahead",
        "the history was looked at for notices beyond its end",
        """
        SELECT sink, event FROM notice_cursor WHERE event > (SELECT coalesce(max(id), 0) FROM event)""",
    ),
    check(
        "notice.unseen",
        "there is a notice of an event that was not looked at",
        """
        SELECT n.id AS notice, n.sink, n.event FROM notice n JOIN notice_cursor c ON c.sink = n.sink
        WHERE n.event > c.event""",
    ),
    check(
        "notice.split",
        "one delivery is of two sinks, or has both ended and not",
        """
        SELECT delivery, count(DISTINCT sink) AS sinks, count(DISTINCT status) AS statuses FROM notice
        WHERE delivery IS NOT NULL GROUP BY delivery HAVING sinks > 1 OR statuses > 1""",
    ),
)
