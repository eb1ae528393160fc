"""JSON shapes of pools, limits and gauges; amounts as decimal text.

Used by `--json` of the commands on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.limits.amounts import write_amount
from core.model.limits.backends import NO_CAP
from core.model.limits.limit_views import Cause, GaugeView, Holder, LimitView, PoolView
from core.model.limits.limits import LimitKind
from core.model.values import JsonObject, JsonValue, iso_or_none, to_iso


def pool_shape(pool: PoolView) -> JsonObject:
    """Return a pool as `pools --json` has it."""
    return {
        "name": pool.name,
        "slots": pool.slots,
        "configured_slots": pool.configured_slots,
        "taken": pool.taken,
        "waiting": pool.waiting,
        "queues": list(pool.queues),
        "order": pool.order.value,
        "paused": cause_shape(pool.paused),
        "changed": cause_shape(pool.changed),
        "removed": pool.is_removed,
        "holders": _holders(pool.holders),
    }


def limit_shape(limit: LimitView, gauge: GaugeView | None) -> JsonObject:
    """Return a limit under one key as `limits --json` and `budgets --json` have it.

    The maxima of a backend, and what is left of one that is not shut, are null. Without a gauge the key and
    all that is counted are null: nothing was under it yet.
    """
    is_rate = limit.kind is LimitKind.RATE
    return {
        "name": limit.name,
        "kind": limit.kind.value,
        "unit": limit.unit or None,
        "rate": limit.rate if is_rate else None,
        "configured_rate": limit.configured_rate if is_rate else None,
        "max": max_of(limit, gauge),
        "configured_max": amount_text(limit, limit.configured_max) if has_cap(limit) else None,
        "per": limit.window.per.value if is_windowed(limit) else None,
        "zone": limit.window.zone if is_windowed(limit) else None,
        "on": None if limit.on is None else {key.value: value for key, value in limit.on.items()},
        "share": limit.share,
        "soft": limit.soft,
        "default_cost": amount_text(limit, limit.default_cost),
        "on_exhausted": limit.on_exhausted.value,
        "changed": cause_shape(limit.changed),
        "changed_until": iso_or_none(limit.window_turns),
        "keys": limit.keys,
        **_gauge(limit, gauge),
    }


def has_cap(limit: LimitView) -> bool:
    """Return whether it has a maximum: a backend only shuts and opens."""
    return bool(limit.unit) or limit.max < NO_CAP


def max_of(limit: LimitView, gauge: GaugeView | None) -> str | None:
    """Write the maximum of this moment, None = it has none."""
    # One that is raised for its window is so whether or not something was counted yet.
    bound = limit.max if limit.window_max is None else limit.window_max
    return amount_text(limit, bound if gauge is None else gauge.max) if has_cap(limit) else None


def left_of(limit: LimitView, gauge: GaugeView) -> str | None:
    """Write what is left, None = it has no maximum and is not shut."""
    is_told = has_cap(limit) or limit.share is not None or gauge.left <= 0
    return amount_text(limit, gauge.left) if is_told else None


def is_windowed(limit: LimitView) -> bool:
    """Return whether what is used of it is counted in windows."""
    return limit.kind in (LimitKind.QUOTA, LimitKind.BUDGET)


def amount_text(limit: LimitView, amount: int) -> str:
    """Write an amount of a limit as decimal text: attempts, or units."""
    return write_amount(amount) if limit.unit else str(amount)


def cause_shape(cause: Cause | None) -> JsonObject | None:
    """Return when something was changed, by whom and why; None = it was not."""
    return None if cause is None else {"at": to_iso(cause.at), "by": cause.by, "reason": cause.reason}


def _gauge(limit: LimitView, gauge: GaugeView | None) -> JsonObject:
    if gauge is None:
        return dict.fromkeys(_GAUGE_KEYS)
    return {
        "key": gauge.key,
        "used": amount_text(limit, gauge.used),
        "reserved": amount_text(limit, gauge.reserved),
        "unknown": amount_text(limit, gauge.unknown),
        "left": left_of(limit, gauge),
        "starts": gauge.starts,
        "began": to_iso(gauge.began) if gauge.began else None,
        "turns_at": iso_or_none(gauge.turns_at),
        "next_at": iso_or_none(gauge.next_at),
        "breaker": gauge.breaker.value,
        "shut_until": iso_or_none(gauge.shut_until),
        "shut": cause_shape(gauge.shut),
        "soft_at": iso_or_none(gauge.soft_at),
        "estimated": gauge.estimated,
        "waiting": gauge.tasks,
        "holders": _holders(gauge.holders),
    }


def _holders(holders: Sequence[Holder]) -> list[JsonValue]:
    return [
        {
            "task": one.task_id,
            "job": one.job_id,
            "key": one.key,
            "since": to_iso(one.since),
            "child": one.child,
        }
        for one in holders
    ]


_GAUGE_KEYS = (
    "key",
    "used",
    "reserved",
    "unknown",
    "left",
    "starts",
    "began",
    "turns_at",
    "next_at",
    "breaker",
    "shut_until",
    "shut",
    "soft_at",
    "estimated",
    "waiting",
    "holders",
)
