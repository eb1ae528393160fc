"""The message of a delivery: subject, lines, JSON.

Called by the engine's loop of notices; pure.
"""

from __future__ import annotations

from core.model.notices import Delivery, NoticeView
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso


def subject_of(delivery: Delivery) -> str:
    """Return the one notice, or the first and how many more there are."""
    first = delivery.notices[0].text
    more = delivery.count - 1
    return safe_line(f"taskdeck: {first}{f' (and {more:,} more)' if more else ''}")


def lines_of(delivery: Delivery) -> tuple[str, ...]:
    """Return a line for each notice that is listed, and one for the rest."""
    lines = [f"{to_iso(one.at)}  {one.text}" for one in delivery.notices]
    more = delivery.count - len(lines)
    return (*lines, *([f"{more:,} more"] if more else ()))


def body_of(delivery: Delivery, *, home: str, store_id: str) -> JsonObject:
    """Return the message as JSON; times as text in UTC."""
    return {
        "subject": subject_of(delivery),
        "sink": delivery.sink,
        "home": home,
        "store": store_id,
        "delivery": delivery.number,
        "count": delivery.count,
        "more": delivery.count - len(delivery.notices),
        "notices": [_shape(one) for one in delivery.notices],
    }


def _shape(notice: NoticeView) -> JsonObject:
    return {
        "id": notice.id,
        "topic": notice.topic,
        "event": notice.event,
        "at": to_iso(notice.at),
        "job": notice.job_id,
        "task": notice.task_id,
        "text": notice.text,
    }
