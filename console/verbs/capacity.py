"""CapacityVerbs: change pools, budgets and limits: ask, apply, report.

Made by the app; called by the capacity keys through the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from console.rows.amounts import amount_text
from console.rows.budget_rows import is_money
from console.rows.limit_rows import kind_text
from console.verbs.apply import ACTOR
from console.verbs.noun_verbs import NounVerbs
from console.verbs.questions import Plan
from core.control.api import ChangeCapacity
from core.model.commands.capacity import (
    SLOTS_MAX,
    CapacityChange,
    Freeze,
    PausePool,
    Reconcile,
    ResizePool,
    ResumePool,
    SetLimit,
    Span,
    Unfreeze,
)
from core.model.errors import TaskdeckError
from core.model.limits import limit_changes
from core.model.limits.limit_views import CapacityView, GaugeView, LimitView, PoolView
from core.model.limits.limits import Limit, LimitKind
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMaximum:
    """Another maximum of a limit, as the operator wants it; `gauge` = the one it was asked for on."""

    limit: LimitView
    gauge: GaugeView
    to: str
    """As typed: `25`, `+5`, of a rate `60/min`."""
    span: Span


class CapacityVerbs(NounVerbs):
    """Verbs on pools, limits and budgets.

    What concerns money is planned: the plan is read, a reason is typed, and what is to be changed is read
    again before it is.
    """

    async def resize(self, pool: PoolView, by: int) -> bool:
        """Give a pool more slots or fewer, after one key."""
        slots = max(0, min(SLOTS_MAX, pool.slots + by))
        title = f"pool {pool.name}: {pool.slots:,} -> {slots:,} slots"
        if slots == pool.slots:
            self._notices.inform(
                safe_line(f"pool {pool.name} has {slots:,} slots: no other number is possible")
            )
            return False
        if self._operations.asks_little:
            runs_on = f" ({pool.taken:,} run on)" if pool.taken > slots else ""
            confirmed = await self._questions.confirm(safe_line(f"Resize {title}{runs_on}? [y/N]"))
        else:
            confirmed = await self._operations.confirm_change("resize", title)
        return confirmed and await self._operations.change(
            title, _asked(ResizePool(name=pool.name, slots=slots))
        )

    async def pause(self, pool: PoolView) -> bool:
        """Pause a pool, so that it drains, or resume it; either can be undone."""
        pause, resume = PausePool(name=pool.name), ResumePool(name=pool.name)
        verb = "pause" if pool.paused is None else "resume"
        if not await self._operations.confirm_change(verb, f"pool {pool.name}"):
            return False
        changes: tuple[CapacityChange, CapacityChange] = (pause, resume)
        change, inverse = changes if pool.paused is None else changes[::-1]
        drains = f" ({pool.taken:,} run on)" if pool.paused is None and pool.taken else ""
        title = f"{verb} pool {pool.name}{drains}"
        return await self._operations.change(title, _asked(change), inverse=_asked(inverse))

    async def raise_limit(self, wanted: NewMaximum) -> bool:
        """Give a limit or budget another maximum: plan, reason, and a second look at what it is by then."""
        limit, title = wanted.limit, f"set {wanted.limit.name} to {wanted.to.strip()}"
        try:
            to, told = _resolved(wanted)
            title = f"set {limit.name} to {told}"
            reason = await self._questions.plan(Plan(title=title, lines=_plan_lines(wanted, told)))
            if reason is None:
                return False
            if not await self._is_unchanged(limit):
                self._notices.warn(
                    safe_line(f"{title}: nothing was done, it was changed meanwhile; check it and try again")
                )
                return False
        except TaskdeckError as error:
            self._notices.warn(safe_line(f"{title}: {error.message}"))
            return False
        change = SetLimit(name=limit.name, to=to, span=wanted.span)
        return await self._operations.change(title, _asked(change, reason))

    async def freeze(self, listed: CapacityView) -> bool:
        """Stop all spending, or let it go on."""
        budgets = [limit for limit in listed.limits if is_money(limit)]
        title, change = (
            ("stop all spending", Freeze()) if listed.frozen is None else ("let spending go on", Unfreeze())
        )
        reason = await self._questions.plan(Plan(title=title, lines=_freeze_lines(listed, budgets)))
        if reason is None:
            return False
        return await self._operations.change(title, _asked(change, reason))

    async def reconcile(self, asked: Reconcile, about: Sequence[SafeText]) -> bool:
        """Say what became of unknown amounts; `about` = what the plan says of them."""
        title = "book unknown amounts"
        reason = await self._questions.plan(Plan(title=title, lines=tuple(about)))
        if reason is None:
            return False
        try:
            operated = await self._control.limits.change(asked, reason=reason, actor=ACTOR)
        except TaskdeckError as error:
            self._notices.warn(safe_line(f"{title}: {error.message}"))
            return False
        self._notices.inform(safe_line(f"{title}: {operated.changed:,} booked"))
        return bool(operated.changed)

    async def _is_unchanged(self, planned: LimitView) -> bool:
        listed = await self._control.limits.capacity()
        now = next((limit for limit in listed.limits if limit.name == planned.name), None)
        return now is not None and _maxima(now) == _maxima(planned)


def shown_max(limit: LimitView, gauge: GaugeView) -> str:
    """Write the maximum that holds now, as it may be typed."""
    if limit.kind is LimitKind.RATE:
        return kind_text(limit)
    return amount_text(gauge.max, limit.unit)


class _Maximum(NamedTuple):
    """A maximum as it is asked for, and as it is told."""

    asked: str
    told: str


def _resolved(wanted: NewMaximum) -> _Maximum:
    """Return the maximum; raise `Invalid` (`limit.max`)."""
    view = wanted.limit
    limit = Limit(name=view.name, kind=view.kind, max=view.max, unit=view.unit, step_us=view.step_us)
    if view.kind is LimitKind.RATE:
        limit_changes.read_rate(limit, wanted.to)
        return _Maximum(wanted.to.strip(), wanted.to.strip())
    # A sum is worked out here: the plan shows it, and it is applied once.
    amount = limit_changes.read_max(limit, wanted.to, now=wanted.gauge.max)
    return _Maximum(limit_changes.write_max(limit, amount), amount_text(amount, view.unit))


def _plan_lines(wanted: NewMaximum, told: str) -> tuple[SafeText, ...]:
    limit, gauge = wanted.limit, wanted.gauge
    span = (
        "this window only, until it turns"
        if wanted.span is Span.WINDOW
        else "good, until it is changed again"
    )
    taken = gauge.used + gauge.reserved + gauge.unknown
    lines = [
        f"limit     {limit.name}, a {limit.kind}" + (f", {limit.keys:,} keys" if limit.keys > 1 else ""),
        f"now       {shown_max(limit, gauge)}",
        f"then      {told}, for {span}",
    ]
    if limit.kind is not LimitKind.RATE:
        lines.append(
            f"taken     {amount_text(taken, limit.unit)}{f' under {gauge.key}' if gauge.key else ''}"
        )
    if gauge.tasks:
        lines.append(f"waiting   {gauge.tasks:,} tasks: those that fit then start at once")
    return tuple(map(safe_line, [*lines, "nothing that runs ends"]))


def _freeze_lines(listed: CapacityView, budgets: Sequence[LimitView]) -> tuple[SafeText, ...]:
    waiting = sum(gauge.tasks for limit in budgets for gauge in limit.gauges)
    reserved = sum(bool(gauge.reserved) for limit in budgets for gauge in limit.gauges)
    names = ", ".join(limit.name for limit in budgets) or "none is configured"
    if listed.frozen is None:
        told = [
            f"budgets   {len(budgets)}: {names}",
            "then      no task that is under one of them starts, also those of others",
            f"runs      {reserved:,} of them hold reservations: what runs runs on and is booked",
        ]
    else:
        told = [
            f"budgets   {len(budgets)}: {names}",
            f"stopped   by {listed.frozen.by}: {listed.frozen.reason or 'no reason was given'}",
            f"waiting   {waiting:,} tasks: those that fit start at once",
        ]
    return tuple(map(safe_line, told))


def _maxima(limit: LimitView) -> tuple[int, int, int | None]:
    return limit.max, limit.step_us, limit.window_max


def _asked(change: CapacityChange, reason: str = "") -> ChangeCapacity:
    return ChangeCapacity(change=change, reason=reason, actor=ACTOR)
