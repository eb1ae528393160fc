"""Limits as readers see them: what is left, what opens when.

Used by `ReadingControl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.commands.work import ENGINE
from core.model.limits.gauges import ALWAYS
from core.model.limits.limit_views import (
    WAITING_MOST,
    BreakerState,
    CapacityView,
    Cause,
    GaugeView,
    LimitView,
)
from core.model.limits.limits import LimitKind
from core.model.limits.rates import shown_rate
from core.model.views import Page
from core.rules import gauges as rules

if TYPE_CHECKING:
    from core.model.limits.gauges import Gauge
    from core.model.limits.limits import Limit
    from core.store.reports import Reports
    from core.store.reports.limits.limits import GaugeFacts, LimitReports, RuleFacts


async def capacity_of(reports: Reports) -> CapacityView:
    """Return all pools, limits and budgets."""
    facts = await reports.limits.all()
    return CapacityView(
        pools=await reports.pools.all(),
        limits=tuple(_limit(rule, now=facts.now, offset=facts.offset) for rule in facts.rules),
        frozen=facts.frozen,
    )


async def gauges_of(reports: LimitReports, name: str, *, after: str | None, limit: int) -> Page[GaugeView]:
    """Return a page of the gauges of a limit, in order of their keys."""
    page = await reports.gauges(name, after=after, limit=limit)
    rows = tuple(_gauge(one, now=page.now, offset=page.offset) for one in page.gauges)
    return Page(rows=rows, next=page.next)


def _limit(rule: RuleFacts, *, now: int, offset: int) -> LimitView:
    limit = rule.limit
    views = [_gauge(one, now=now, offset=offset) for one in rule.gauges]
    is_raised = limit.window_max is not None and limit.window_turns > now
    return LimitView(
        name=limit.name,
        kind=limit.kind,
        unit=limit.unit,
        max=limit.max,
        configured_max=rule.configured.max,
        share=limit.backend.retry_share if limit.kind is LimitKind.RETRIES and limit.backend else None,
        step_us=limit.step_us,
        rate=_rate_of(limit),
        configured_rate=_rate_of(rule.configured),
        window=limit.window,
        on=limit.on,
        backend=limit.backend,
        soft=limit.soft,
        default_cost=limit.default_cost,
        on_exhausted=limit.on_exhausted,
        window_max=limit.window_max if is_raised else None,
        window_turns=limit.window_turns if is_raised else None,
        changed=rule.changed,
        keys=rule.keys,
        gauges=tuple(sorted(views, key=_load)),
    )


def _rate_of(limit: Limit) -> str:
    return shown_rate(limit.step_us, limit.rate) if limit.kind is LimitKind.RATE else ""


def _load(gauge: GaugeView) -> tuple[bool, int, str]:
    """Return what orders gauges: those that are shut, then those of which most is used."""
    return gauge.breaker is BreakerState.CLOSED, -(gauge.used + gauge.reserved + gauge.unknown), gauge.key


def _breaker(gauge: Gauge, *, is_shut: bool) -> BreakerState:
    if gauge.down_at is not None:
        return BreakerState.DOWN
    if gauge.trial is None:
        return BreakerState.SHUT if is_shut else BreakerState.CLOSED
    return BreakerState.OPEN if is_shut else BreakerState.TRIED_OUT


def _shut(facts: GaugeFacts, breaker: BreakerState) -> Cause | None:
    """Return since when and why it lets not everything through."""
    gauge = facts.gauge
    if gauge.down_at is not None:
        return Cause(at=gauge.down_at, by=ENGINE, reason=gauge.down_reason or "")
    return None if breaker is BreakerState.CLOSED else facts.shut


def _shut_until(gauge: Gauge, *, offset: int) -> int | None:
    until = gauge.shut_until
    return None if until is None or until == ALWAYS else until - offset


def _gauge(facts: GaugeFacts, *, now: int, offset: int) -> GaugeView:
    gauge = facts.gauge
    # As a claim would see it now: the row is written when one looks at it.
    rules.turn_if_due(gauge, wall=now)
    left = rules.left(gauge, now=now + offset)
    opens = rules.opens_at(gauge, now=now + offset, offset=offset) if left <= 0 else None
    is_shut = gauge.shut_until is not None and gauge.shut_until > now + offset
    breaker = _breaker(gauge, is_shut=is_shut)
    # Of a queue whose gauge has nothing left every queued task waits.
    tasks = max(facts.tasks, facts.queued) if left <= 0 or gauge.is_waited_for else facts.tasks
    return GaugeView(
        limit=gauge.limit.name,
        key=gauge.key,
        max=gauge.cap,
        used=gauge.used,
        reserved=gauge.reserved,
        unknown=gauge.unknown,
        left=left,
        starts=gauge.starts if gauge.limit.kind is LimitKind.RETRIES else None,
        began=gauge.began,
        turns_at=None if gauge.limit.kind is LimitKind.RETRIES else gauge.turns_at,
        next_at=None if opens is None else opens - offset,
        breaker=breaker,
        shut_until=_shut_until(gauge, offset=offset)
        if is_shut and breaker is not BreakerState.DOWN
        else None,
        shut=_shut(facts, breaker),
        check=facts.check if gauge.limit.kind is LimitKind.CONCURRENCY else None,
        probe=gauge.trial or None,
        failing=facts.failing,
        soft_at=gauge.soft_at,
        estimated=facts.estimated,
        lanes=facts.lanes,
        tasks=min(tasks, WAITING_MOST + 1),
        holders=tuple(facts.holders) if gauge.limit.kind is LimitKind.CONCURRENCY else (),
    )
