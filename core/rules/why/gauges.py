"""Decide what is told of a gauge with too little left.

Called by the rules of limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from core.model.commands.work import ENGINE
from core.model.lanes import Need
from core.model.limits.amounts import write_amount
from core.model.limits.backends import is_backend, shown_name
from core.model.limits.gauges import ALWAYS, Gauge
from core.model.limits.limits import MICRO, Limit, LimitKind, Per
from core.model.limits.rates import shown_rate
from core.model.timing.durations import write_duration
from core.model.values import JsonObject, JsonValue
from core.model.waits import Holder, Reason, TaskFacts, WaitCode
from core.rules.why.capacity import Capacity

HOLDERS = 3
"""Tasks with a slot, or with a place under a limit, that a sentence names."""
_WINDOWS = {
    Per.MINUTE: "this minute",
    Per.HOUR: "this hour",
    Per.DAY: "today",
    Per.WEEK: "this week",
    Per.MONTH: "this month",
    Per.TOTAL: "in all",
    Per.JOB: "for the job",
}


def gauge_reason(task: TaskFacts, need: Need, capacity: Capacity) -> Reason:
    """Return that a gauge has too little left for a task."""
    gauge = capacity.gauges[need.gauge_id]
    limit = gauge.limit
    if gauge.is_frozen:
        return _frozen(gauge, task, capacity)
    if gauge.down_at is not None:
        return _down(gauge, gauge.down_at, capacity)
    if gauge.trial is not None:
        return _tried_out(gauge, task, capacity)
    if gauge.shut_until is not None and capacity.facts.now < gauge.shut_until:
        return _shut(gauge, task, capacity)
    match limit.kind:
        case LimitKind.CONCURRENCY:
            return _concurrency(gauge, task, capacity)
        case LimitKind.RATE:
            return _rate(gauge, task, capacity)
        case LimitKind.QUOTA | LimitKind.BUDGET:
            return _amount(gauge, task, need.amount, capacity)
        case LimitKind.RETRIES:
            return _retries(gauge, task, capacity)
        case _:
            assert_never(limit.kind)


def amount_text(limit: Limit, amount: int) -> str:
    """Write an amount in the unit of its limit: `0.02 usd`; attempts as a number."""
    return f"{write_amount(amount)} {limit.unit}" if limit.unit else f"{amount:,}"


def holders_text(holders: Sequence[Holder]) -> str:
    """Write the first of some tasks, with job or child: `a (task 4 of job 2) and 7 more`."""
    named = ", ".join(
        f"{one.key} ({f'task {one.task_id}' if one.child is None else f'child job {one.child}'}"
        + (f" of job {one.job_id})" if one.job_id > 1 else ")")
        for one in holders[:HOLDERS]
    )
    more = len(holders) - HOLDERS
    return named + (f" and {more} more" if more > 0 else "")


def holder_numbers(holders: Sequence[Holder]) -> list[JsonValue]:
    """Return tasks with a slot or a place as programs read them: `task`, `job`, and `child` or null."""
    return [{"task": one.task_id, "job": one.job_id, "child": one.child} for one in holders]


def gauge_numbers(gauge: Gauge, *, needs: int, left: int) -> JsonObject:
    """Return a gauge as programs read it; amounts in its unit."""
    limit = gauge.limit
    numbers: JsonObject = {"limit": limit.name, "key": gauge.key, "kind": limit.kind.value}
    amounts = {"max": gauge.cap, "needs": needs, "left": left, "used": gauge.used}
    if limit.kind is LimitKind.CONCURRENCY:
        amounts = {"max": limit.max, "needs": needs, "left": left, "open": gauge.reserved}
    elif limit.kind is LimitKind.RATE:
        amounts = {"max": limit.max, "needs": needs, "left": left}
        numbers["step_ms"] = limit.step_us / 1_000
    elif limit.kind is LimitKind.RETRIES:
        amounts = {"needs": needs, "left": left, "retries": gauge.used, "starts": gauge.starts}
        numbers["share"] = share_of(limit)
    elif limit.is_metered:
        amounts |= {"reserved": gauge.reserved, "unknown": gauge.unknown}
    if limit.unit:
        numbers["unit"] = limit.unit
    return {**numbers, **{name: _plain(limit, amount) for name, amount in amounts.items()}}


def share_of(limit: Limit) -> float:
    """Return the share of the starts that retries of a backend may be."""
    return 0.0 if limit.backend is None else limit.backend.retry_share


def _plain(limit: Limit, amount: int) -> JsonValue:
    return amount / MICRO if limit.unit else amount


def _concurrency(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    holders = capacity.facts.holders.get(gauge.id, ())
    limit, name = gauge.limit, gauge.label
    named = f": {holders_text(holders)}" if holders else ""
    place = task.place
    starts_at = None if place is None or place.is_by_pace else place.starts_at
    about = "; its turn is predicted from how long these tasks usually take" if starts_at else ""
    run = "1 runs" if gauge.reserved == 1 else f"{gauge.reserved:,} run"
    if any(one.child is not None for one in holders):
        # Of a child that has a place, nothing needs to run.
        run = "1 is taken" if gauge.reserved == 1 else f"{gauge.reserved:,} are taken"
    return Reason(
        code=WaitCode.CONCURRENCY,
        short=f"limit {name}",
        text=f"limit {name} allows {limit.max:,} at once and {run}{named}{about}",
        ends=f"the end of one of them; a larger `max` of limit {limit.name}",
        since=task.queued_at,
        until=starts_at,
        numbers={
            **gauge_numbers(gauge, needs=1, left=capacity.left[gauge.id]),
            "holders": holder_numbers(holders),
        },
    )


def _rate(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    limit, name = gauge.limit, gauge.label
    burst = f", {limit.max:,} at once" if limit.max > 1 else ""
    return Reason(
        code=WaitCode.RATE,
        short=f"rate {name}",
        text=f"rate {name} allows {shown_rate(limit.step_us, limit.rate)}{burst}, and has none left now",
        ends=f"its next token; a higher `rate` of limit {limit.name}",
        since=task.queued_at,
        until=capacity.opens_at(gauge),
        numbers=gauge_numbers(gauge, needs=1, left=capacity.left[gauge.id]),
    )


def _retries(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    limit = gauge.limit
    name = shown_name(limit, gauge.key)
    counted = f"{gauge.used:,} of {gauge.starts:,} starts"
    return Reason(
        code=WaitCode.RETRIES,
        short=f"retries of {name}",
        text=(
            f"at most {share_of(limit):.0%} of the starts of {name} may be retries, and {counted} of the last"
            f" five minutes are; one in {write_duration(limit.step_us // 1_000)} may always start"
        ),
        ends=f"its turn among the retries; a larger `retry_share` of backend {name}",
        since=task.queued_at,
        until=capacity.opens_at(gauge),
        numbers=gauge_numbers(gauge, needs=1, left=capacity.left[gauge.id]),
    )


def _amount(gauge: Gauge, task: TaskFacts, needs: int, capacity: Capacity) -> Reason:
    limit, name, left = gauge.limit, gauge.label, capacity.left[gauge.id]
    is_quota = limit.kind is LimitKind.QUOTA
    return Reason(
        code=WaitCode.QUOTA if is_quota else WaitCode.BUDGET,
        short=f"{limit.kind} {name}",
        text=f"{limit.kind} {name} {_left(gauge, needs, left)}{_spent(gauge, left)}",
        ends=_more(gauge, needs),
        since=task.queued_at,
        until=None if needs > gauge.most else gauge.turns_at,
        numbers=gauge_numbers(gauge, needs=needs, left=left),
    )


def _left(gauge: Gauge, needs: int, left: int) -> str:
    limit = gauge.limit
    most, window = amount_text(limit, gauge.cap), _WINDOWS[limit.window.per]
    whole = f"{most} {'' if limit.unit else 'starts '}{window}"
    if needs > gauge.most:
        return f"is {whole}, and it needs {amount_text(limit, needs)}: it can never start"
    if left <= 0:
        return f"has nothing left of {whole}"
    return f"has {amount_text(limit, left)} left of {whole}, and it needs {amount_text(limit, needs)}"


def _spent(gauge: Gauge, left: int) -> str:
    limit = gauge.limit
    if not limit.is_metered:
        return ""
    parts = [
        f"{amount_text(limit, amount)} {word}"
        for word, amount in (
            ("used", gauge.used),
            ("reserved", gauge.reserved),
            ("unknown", gauge.unknown),
            ("over", -left),
        )
        if amount > 0
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _more(gauge: Gauge, needs: int) -> str:
    limit = gauge.limit
    larger = f"a larger `max` of {limit.kind} {limit.name}"
    if needs > gauge.most:
        return f"{larger}, or a lower `cost` of the task"
    unknown = ", 'taskdeck budgets reconcile' settles what is unknown" if gauge.unknown else ""
    if gauge.turns_at is not None:
        return f"its next window, or {larger}{unknown}"
    return f"{larger}{unknown}"


def _frozen(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    frozen = capacity.facts.frozen
    by = f" by {frozen.by}" if frozen is not None and frozen.by else ""
    why = f": {frozen.reason}" if frozen is not None and frozen.reason else ""
    return Reason(
        code=WaitCode.FROZEN,
        short="frozen budgets",
        text=f"all spending is frozen{by}{why}; it is under {gauge.limit.kind} {gauge.label}",
        ends="'taskdeck budgets unfreeze'",
        since=task.queued_at if frozen is None else frozen.at,
        numbers=gauge_numbers(gauge, needs=0, left=0),
    )


def _down(gauge: Gauge, since: int, capacity: Capacity) -> Reason:
    """Return that the check of a backend says that it is down."""
    name = shown_name(gauge.limit, gauge.key)
    return Reason(
        code=WaitCode.DOWN,
        short=f"{name} down",
        text=f"{name} is down by its check: {gauge.down_reason or 'no answer'}",
        ends=f"its check, once it answers, or 'taskdeck backends close {name}'",
        since=since,
        numbers=gauge_numbers(gauge, needs=1, left=capacity.left[gauge.id]),
    )


def _tried_out(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    """Return that the breaker of a backend is open, or that its probe is out."""
    name = shown_name(gauge.limit, gauge.key)
    rests = gauge.shut_until is not None and capacity.facts.now < gauge.shut_until
    close = f"'taskdeck backends close {name}'"
    if gauge.shut_until == ALWAYS:
        text, ends = f"the breaker of {name} was opened{_said(gauge)}", close
    elif rests:
        text = f"the breaker of {name} is open{_said(gauge)}; after its rest one task at a time tries it out"
        ends = f"a call that succeeds, or {close}"
    else:
        text = f"{name} is tried out by one task at a time{_said(gauge)}"
        ends = f"a call that succeeds, or {close}"
    return Reason(
        code=WaitCode.BREAKER,
        short=f"{name} open" if rests else f"{name} tried out",
        text=text,
        ends=ends,
        since=task.queued_at,
        until=_shut_until(gauge, capacity) if rests else None,
        numbers=gauge_numbers(gauge, needs=1, left=0),
    )


def _said(gauge: Gauge) -> str:
    """Return which operator shut a gauge, and why it was shut."""
    by = f" by {gauge.shut_by}" if gauge.shut_by and gauge.shut_by != ENGINE else ""
    return f"{by}: {gauge.shut_reason}" if gauge.shut_reason else by


def _shut_until(gauge: Gauge, capacity: Capacity) -> int | None:
    until = gauge.shut_until
    return None if until is None or until == ALWAYS else until - capacity.offset


def _shut(gauge: Gauge, task: TaskFacts, capacity: Capacity) -> Reason:
    name = shown_name(gauge.limit, gauge.key) if is_backend(gauge.limit) else gauge.label
    why = _said(gauge) or ": its backend refused"
    then = "" if gauge.shut_until == ALWAYS else " until then"
    close = f"'taskdeck backends close {name}'"
    return Reason(
        code=WaitCode.SHUT,
        short=f"{name} shut",
        text=f"{name} is shut{then}{why}",
        ends=f"its time, or {close}" if then else close,
        since=task.queued_at,
        until=_shut_until(gauge, capacity),
        numbers=gauge_numbers(gauge, needs=1, left=0),
    )
