"""Decide which events operators hear of, with which words, and when.

Called by the engine's loop of notices; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from core.model.limits.amounts import write_amount
from core.model.notices import TRIES, Draft, Quiet, Sink, Told, Topic
from core.model.text import clip, safe_line
from core.model.timing.zones import zone_of
from core.model.values import JsonObject

KINDS = MappingProxyType(
    {
        "job.succeeded": Topic.JOB_ENDED,
        "job.failed": Topic.JOB_ENDED,
        "job.cancelled": Topic.JOB_ENDED,
        "attempt.failed": Topic.NEW_FAILURE,
        "attempt.timed_out": Topic.NEW_FAILURE,
        "task.poll_failed": Topic.NEW_FAILURE,
        "attempt.lost": Topic.NEW_FAILURE,
        "task.failed": Topic.NEW_FAILURE,
        "limit.soft": Topic.SOFT_LIMIT,
        "budget.spent": Topic.BUDGET_SPENT,
        "budget.freed": Topic.BUDGET_FREED,
        "backend.down": Topic.BACKEND_DOWN,
        "backend.opened": Topic.BACKEND_DOWN,
        "backend.up": Topic.BACKEND_UP,
        "fire.missed": Topic.MISSED_SCHEDULE,
        "fire.failed": Topic.MISSED_SCHEDULE,
        "task.silent": Topic.SILENCE,
        "expectation.missed": Topic.SILENCE,
        "task.held": Topic.LOST,
        "claims.closed": Topic.NO_ROOM,
        "task.waiting": Topic.ITEM_OPENED,
        "item.reminded": Topic.ITEM_REMINDER,
        "item.escalated": Topic.ITEM_OVERDUE,
        "item.overdue": Topic.ITEM_OVERDUE,
    }
)
"""The topic of each kind of event that is told."""
_HOW = {"backend.down": "is down", "backend.opened": "refuses, and is shut", "backend.up": "is up again"}
_OF_ITEMS = (Topic.ITEM_OPENED, Topic.ITEM_REMINDER, Topic.ITEM_OVERDUE)
_ON_DUE = {"approve": "it is approved", "reject": "it is denied", "fail": "its task fails"}
_FIRST_MS, _LONGEST_MS = 10_000, 3_600_000
_TEXT = 300


def draft_notices(told: Iterable[Told], sinks: Sequence[Sink]) -> tuple[Draft, ...]:
    """Return what each sink is to hear of events, in their order."""
    return tuple(
        Draft(
            sink=sink.name,
            topic=topic,
            event=one.event,
            at=one.at,
            text=_of_item(one.data, topic) if topic in _OF_ITEMS else _text(one, topic),
            job_id=one.job_id,
            task_id=one.task_id,
            about=_about(one, topic),
        )
        for one in told
        if _is_news(one, topic := KINDS[one.kind])
        for sink in sinks
        if topic in sink.on and _is_wanted(one, topic, sink)
    )


def retry_at(tries: int, *, now: int) -> int | None:
    """Return when a delivery that failed is tried again (engine time); None = not any more."""
    if tries >= TRIES:
        return None
    pause: int = _FIRST_MS * 4 ** (tries - 1)
    return now + min(_LONGEST_MS, pause)


def quiet_until(quiet: Quiet | None, *, now: int) -> int | None:
    """Return when the quiet hours end in which a moment falls (ms UTC); None = it falls in none."""
    if quiet is None:
        return None
    zone = zone_of(quiet.zone)
    local = datetime.fromtimestamp(now / 1000, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for day in (-1, 0):
        begin = midnight + timedelta(days=day, milliseconds=quiet.begins_ms)
        later = quiet.ends_ms <= quiet.begins_ms
        end = midnight + timedelta(days=day + later, milliseconds=quiet.ends_ms)
        # By the clock on the wall, as people say it; where clocks change, the moment of that time.
        first, last = (int(at.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000) for at in (begin, end))
        if first <= now < last:
            return last
    return None


def _is_news(told: Told, topic: Topic) -> bool:
    match topic:
        case Topic.NEW_FAILURE:
            return told.is_first
        case Topic.BACKEND_UP:
            return told.data.get("from") == "down"
        case Topic.LOST:
            return told.data.get("from") == "running"
        case Topic.ITEM_OPENED:
            # A task that waits for something else has none, and one that is released had it before.
            return "item" in told.data
    return True


def _is_wanted(told: Told, topic: Topic, sink: Sink) -> bool:
    if topic is not Topic.JOB_ENDED:
        return True
    status = told.kind.removeprefix("job.")
    return (not sink.statuses or status in sink.statuses) and (
        not sink.workflows or told.workflow in sink.workflows
    )


def _about(told: Told, topic: Topic) -> str | None:
    family = told.data.get("family")
    return f"family:{family}" if topic is Topic.NEW_FAILURE and isinstance(family, str) else None


def _text(told: Told, topic: Topic) -> str:
    data, task = told.data, f"task {told.task_id} {told.key}"
    match topic:
        case Topic.JOB_ENDED:
            text = f"job {told.job_id} {told.workflow} {told.kind.removeprefix('job.')}{_because(data)}"
        case Topic.NEW_FAILURE:
            text = f"a new failure, {task}: {_error(data)}"
        case Topic.SOFT_LIMIT:
            text = f"{_gauge(data)} passed its soft limit"
        case Topic.BUDGET_SPENT:
            text = f"budget {_gauge(data)} is spent{_amount(data)}"
        case Topic.BUDGET_FREED:
            text = f"budget {_gauge(data)} has something left again{_amount(data)}"
        case Topic.BACKEND_DOWN | Topic.BACKEND_UP:
            text = f"backend {_said(data, 'backend')} {_HOW[told.kind]}{_because(data)}"
        case Topic.MISSED_SCHEDULE:
            text = f"schedule {_said(data, 'schedule')} {told.kind.removeprefix('fire.')}{_because(data)}"
        case Topic.SILENCE if told.task_id:
            text = f"{task} writes nothing"
        case Topic.SILENCE:
            workflow = _said(data, "workflow")
            what = f"workflow {workflow}" if workflow else f"schedule {_said(data, 'schedule')}"
            text = f"no job of {what} succeeded in the time in which one should"
        case Topic.LOST:
            text = f"{task} is held: its attempt was lost{_because(data)}"
        case Topic.NO_ROOM:
            text = f"nothing is claimed: {_said(data, 'message')}"
    return clip(safe_line(text), _TEXT)


def _said(data: JsonObject, name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _gauge(data: JsonObject) -> str:
    key = _said(data, "key")
    return f"{_said(data, 'limit')}={key}" if key else _said(data, "limit")


def _amount(data: JsonObject) -> str:
    """Return `: 10.02 of 10 usd`."""
    used, unknown, most = (data.get(name) for name in ("used", "unknown", "max"))
    if not (isinstance(used, int) and isinstance(unknown, int) and isinstance(most, int)):
        return ""
    unit = _said(data, "unit")
    return f": {write_amount(used + unknown)} of {write_amount(most)}{f' {unit}' if unit else ''}"


def _of_item(data: JsonObject, topic: Topic) -> str:
    item = f"work item {data.get('item')} {_said(data, 'title')}"
    if topic is not Topic.ITEM_OVERDUE:
        waits = "waits" if topic is Topic.ITEM_OPENED else "still waits"
        return clip(safe_line(f"{item} {waits} for people"), _TEXT)
    to, done = _said(data, "to"), _ON_DUE.get(_said(data, "on_due"))
    return clip(safe_line(f"{item} is overdue: {done or _escalated(to)}"), _TEXT)


def _escalated(to: str) -> str:
    return f"it is for {to} now" if to else "it is escalated"


def _because(data: JsonObject) -> str:
    reason = _said(data, "reason")
    return f": {reason}" if reason else ""


def _error(data: JsonObject) -> str:
    error = data.get("error")
    if not isinstance(error, dict):
        return ""
    return f"{error.get('code', '')}: {error.get('message', '')}"
