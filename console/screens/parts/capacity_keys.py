"""Capacity keys: ask what a change of pools or limits needs.

Owned by the screens of budgets, of pools and queues, and of the gauges of one limit.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from console.desk import Desk
from console.dialogs.menu import MenuDialog
from console.rows.amounts import amount_text
from console.rows.backend_rows import BackendRow
from console.screens.parts.hosts import VerbHost
from console.verbs.capacity import NewMaximum, shown_max
from console.verbs.reasons import CAPACITY, NO_ENGINE
from console.widgets.line_dialog import LineDialog
from core.model.commands.capacity import Reconcile, Span
from core.model.limits.limit_views import CapacityView, GaugeView, LimitView, PoolView
from core.model.limits.limits import LimitKind
from core.model.text import SafeText, safe_line

DAY_MS = 24 * 3_600_000
_SPANS = {"w": SafeText("for this window only"), "g": SafeText("for good")}
_AGES = {
    "a": (SafeText("all of them, each as it was estimated"), 0),
    "d": (SafeText("those that are a day old, each as it was estimated"), DAY_MS),
}
_BY_HAND = SafeText("all of them, each with an amount that you type")
_NO_POOL = SafeText("resize acts on pools: Tab goes there")
_NO_BACKEND = SafeText("this acts on backends: Tab goes there")
_NO_LIMIT = SafeText("this row has no budget or limit to raise")
_NOTHING_UNKNOWN = SafeText("no amount is unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the keys act on; None = the screen has none, or has not read it yet."""

    pool: PoolView | None = None
    limit: LimitView | None = None
    gauge: GaugeView | None = None
    backend: BackendRow | None = None
    listed: CapacityView | None = None


class CapacityKeys:
    """Asks for what a verb needs to know, and carries it out on what is under the cursor."""

    def __init__(self, desk: Desk, host: VerbHost, *, chosen: Callable[[], Chosen]) -> None:
        self._desk = desk
        self._host = host
        self._chosen = chosen

    def why_not(self, action: str) -> SafeText:
        """Say why one of these actions cannot be taken now; '' = it can, or it is none of them."""
        if action not in CAPACITY:
            return SafeText("")
        refusal, chosen = self._desk.gate.refusal, self._chosen()
        if refusal:
            return refusal
        if self._desk.feed.pulse.engine is None:
            return NO_ENGINE
        if action == "resize" and chosen.pool is None:
            return _NO_POOL
        if action in ("switch_backend", "reset_backend") and chosen.backend is None:
            return _NO_BACKEND
        if action == "raise_limit" and chosen.limit is None:
            return _NO_LIMIT
        if action == "reconcile" and not (chosen.gauge and chosen.gauge.unknown):
            return _NOTHING_UNKNOWN
        return SafeText("")

    def resize(self, by: int) -> None:
        """Give the pool under the cursor so many slots more."""
        if (pool := self._chosen().pool) is not None:
            self._begin(lambda: self._desk.capacity.resize(pool, by))

    def pause_pool(self) -> None:
        """Pause the pool under the cursor, or resume it."""
        if (pool := self._chosen().pool) is not None:
            self._begin(lambda: self._desk.capacity.pause(pool))

    def switch_backend(self) -> None:
        """Open the breaker of the backend under the cursor, or close it."""
        if (row := self._chosen().backend) is not None:
            self._begin(lambda: self._desk.backends.switch(row))

    def reset_backend(self) -> None:
        """Let a task try out the backend under the cursor."""
        if (row := self._chosen().backend) is not None:
            self._begin(lambda: self._desk.backends.reset(row))

    def raise_limit(self) -> None:
        """Give the limit under the cursor another maximum."""
        chosen = self._chosen()
        limit, gauge = chosen.limit, chosen.gauge
        if limit is not None and gauge is not None:
            self._begin(lambda: self._raise(limit, gauge))

    def freeze_spending(self) -> None:
        """Stop all spending, or let it go on."""
        if (listed := self._chosen().listed) is not None:
            self._begin(lambda: self._desk.capacity.freeze(listed))

    def reconcile(self) -> None:
        """Say what became of the unknown amounts of a unit."""
        chosen = self._chosen()
        limit, gauge = chosen.limit, chosen.gauge
        if limit is not None and gauge is not None:
            self._begin(lambda: self._reconcile(limit, gauge))

    async def _raise(self, limit: LimitView, gauge: GaugeView) -> bool:
        now = shown_max(limit, gauge)
        example = "60/min" if limit.kind is LimitKind.RATE else "25 sets it, +5 adds"
        question = safe_line(f"New maximum of {limit.name}, now {now} ({example})")
        to = await self._host.ask(LineDialog(question, placeholder="Enter goes on, Esc cancels"))
        if not to.strip():
            return False
        span: Span | None = Span.FOR_GOOD
        if gauge.turns_at is not None:
            spans = {"w": Span.WINDOW, "g": Span.FOR_GOOD}
            letter = await self._host.ask(MenuDialog(safe_line(f"{limit.name}: {to.strip()}"), _SPANS))
            span = spans.get(letter)
        if span is None:
            return False
        wanted = NewMaximum(limit=limit, gauge=gauge, to=to, span=span)
        return await self._desk.capacity.raise_limit(wanted)

    async def _reconcile(self, limit: LimitView, gauge: GaugeView) -> bool:
        question = safe_line(f"Unknown amounts of {limit.unit}, whatever budget they count in")
        lines = {letter: words for letter, (words, _) in _AGES.items()} | {"t": _BY_HAND}
        letter = await self._host.ask(MenuDialog(question, lines))
        if not letter:
            return False
        amount = ""
        if letter == "t":
            asked = safe_line(f"What each of these attempts spent, in {limit.unit}")
            amount = (await self._host.ask(LineDialog(asked, placeholder="0.02"))).strip()
            if not amount:
                return False
        words, age = _AGES.get(letter, (safe_line(f"all of them, {amount} {limit.unit} each"), 0))
        unknown = amount_text(gauge.unknown, limit.unit)
        about = (
            f"unknown   {unknown} in {limit.name}, with what else is of {limit.unit}",
            f"booked    {words}",
            "then      they count as settled in their own window; that cannot be taken back by a key",
        )
        change = Reconcile(older_ms=age, unit=limit.unit, amount=amount)
        return await self._desk.capacity.reconcile(change, tuple(map(safe_line, about)))

    def _begin(self, verb: Callable[[], Coroutine[None, None, bool]]) -> None:
        async def carry_out() -> None:
            await verb()
            self._host.reload_for_operator()

        self._host.begin(carry_out, group="act")
