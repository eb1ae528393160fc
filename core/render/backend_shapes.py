"""Backends as texts and as JSON: state, what shut it, its breaker.

Used by `backends`, `limits` and the console.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.backend_checks import Check, CheckStatus, LastLook, target_text
from core.model.commands.work import ENGINE
from core.model.limits.backends import is_backend, shown_name
from core.model.limits.limit_views import BreakerState, CapacityView, GaugeView, LimitGauge, LimitView
from core.model.limits.limits import Backend
from core.model.timing.durations import write_duration
from core.model.values import JsonObject, to_iso
from core.render.limit_shapes import cause_shape
from core.render.times import duration_text

UNTIL_CLOSED = "until it is closed"


def backend_rows(view: CapacityView) -> Iterator[LimitGauge]:
    """Return configured backends, then hosts that refused, those that are shut first."""
    for limit in sorted(filter(is_backend, view.limits), key=lambda one: one.backend is None):
        yield from (LimitGauge(limit, gauge) for gauge in limit.gauges or ((None,) if limit.backend else ()))


def breaker_of(gauge: GaugeView | None) -> BreakerState:
    """Return what a backend lets through; one that nothing has called yet lets everything through."""
    return BreakerState.CLOSED if gauge is None else gauge.breaker


def shut_text(gauge: GaugeView, *, until: str) -> str:
    """Say what shuts a backend: `open until it is closed, by ana: vendor is down`; '' = nothing does.

    `until` says when that ends by itself, where it does.
    """
    if gauge.breaker is BreakerState.CLOSED:
        return ""
    if gauge.breaker is BreakerState.DOWN:
        return down_text(gauge)
    state = str(gauge.breaker)
    if gauge.breaker is not BreakerState.TRIED_OUT:
        state = f"{state} {UNTIL_CLOSED if gauge.shut_until is None else until}"
    by = who_shut(gauge)
    return ": ".join(filter(None, (f"{state}, {by}" if by else state, why_shut(gauge))))


def down_text(gauge: GaugeView) -> str:
    """Say since when the check of a backend says that it is down, and why: `down since TIME: refused`."""
    if gauge.shut is None:
        return "down"
    return ": ".join(filter(None, (f"down since {to_iso(gauge.shut.at)}", gauge.shut.reason)))


def check_text(backend: Backend | None, gauge: GaugeView | None) -> str:
    """Say what the check of a backend says: `up`, `slow`; '' = it has none."""
    if backend is None or backend.check is None:
        return ""
    return str(CheckStatus.UNKNOWN if gauge is None or gauge.check is None else gauge.check.status)


def look_text(last: LastLook) -> str:
    """Say what a look found: `200 OK in 12ms`, `no answer: refused; 1 of 2 looks say down`."""
    took = duration_text(last.look.took_ms)
    text = f"{last.look.text} in {took}" if last.look.answered else f"no answer: {last.look.text}"
    if last.toward is None:
        return text
    return f"{text}; {last.seen} of {last.wanted} looks in a row say {last.toward}"


def look_shape(last: LastLook) -> JsonObject:
    """Return a look as JSON has it."""
    return {
        "at": to_iso(last.at),
        "answered": last.look.answered,
        "took_ms": last.look.took_ms,
        "text": last.look.text,
        "toward": None if last.toward is None else last.toward.value,
        "seen": last.seen,
        "wanted": last.wanted,
    }


def who_shut(gauge: GaugeView) -> str:
    """Return which operator shut it, `by ana`; '' = it did so by itself."""
    return f"by {gauge.shut.by}" if gauge.shut is not None and gauge.shut.by != ENGINE else ""


def why_shut(gauge: GaugeView) -> str:
    """Return why it was shut."""
    return "" if gauge.shut is None else gauge.shut.reason


def failing_text(backend: Backend | None, gauge: GaugeView | None) -> str:
    """Say how near a breaker is to opening: `http.5xx 3/5`."""
    if backend is None or gauge is None:
        return ""
    return ", ".join(f"{code} {number}/{backend.failures}" for code, number in gauge.failing.items())


def match_text(limit: LimitView) -> str:
    """Say which calls go to a backend: `host a.example`; of a host its own name."""
    if limit.backend is None:
        return "http calls of this host"
    return ", ".join(f"{dimension} {name}" for dimension, name in limit.backend.match.items())


def backend_shape(limit: LimitView, gauge: GaugeView | None) -> JsonObject:
    """Return a backend as `backends --json` has it; of a host that is not configured the breaker is null."""
    backend = limit.backend
    until = None if gauge is None else gauge.shut_until
    return {
        "name": shown_name(limit, "" if gauge is None else gauge.key),
        "state": breaker_of(gauge).value,
        "until": None if until is None else to_iso(until),
        "shut": None if gauge is None else cause_shape(gauge.shut),
        "probe": None if gauge is None else gauge.probe,
        "failing": {} if gauge is None else dict(gauge.failing),
        "waiting": 0 if gauge is None else gauge.tasks,
        "match": None if backend is None else {key.value: name for key, name in backend.match.items()},
        "breaker": None if backend is None else _breaker(backend),
        "retry_share": None if backend is None else backend.retry_share,
        "check": None if backend is None or backend.check is None else _check(backend.check, gauge),
    }


def _check(check: Check, gauge: GaugeView | None) -> JsonObject:
    change = None if gauge is None else gauge.check
    return {
        "target": target_text(check.target),
        "every": write_duration(check.every_ms),
        "status": str(CheckStatus.UNKNOWN if change is None else change.status),
        "since": None if change is None else to_iso(change.at),
        "reason": "" if change is None else change.reason,
        "took_ms": None if change is None else change.took_ms,
    }


def _breaker(backend: Backend) -> JsonObject:
    return {
        "failures": backend.failures,
        "period": write_duration(backend.period_ms),
        "rest": write_duration(backend.rest_ms),
    }
