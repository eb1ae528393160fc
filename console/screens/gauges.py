"""The gauges of one limit or budget, by key.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.desk import Desk
from console.key_table import bindings
from console.rows.budget_lines import under_text, window_text
from console.rows.budget_rows import BudgetRow, is_money, unused
from console.rows.limit_rows import kind_text
from console.rows.listing import now_ms
from console.screens.money import MoneyScreen
from core.model.limit_views import GaugeView, LimitView
from core.model.limits import LimitKind
from core.model.records import replace
from core.model.text import SafeText, safe_line

_PAGE = 500
_GONE = SafeText("this limit is not configured any more")


class GaugesScreen(MoneyScreen):
    """At most a page of them: the title says where there are more."""

    PARTS: tuple[str, ...] = ("gauges", *MoneyScreen.PARTS)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk)
        self._subject = name

    async def load(self) -> None:
        """Read the limit, then its gauges in order of their keys."""
        control, now = self.desk.control, now_ms()
        self.listed = await control.limits.capacity()
        limit = self._limit()
        if limit is None:
            self.take((), nothing=_GONE)
            return
        page = await control.limits.gauges(self._subject, limit=_PAGE)
        frozen = self.listed.frozen if is_money(limit) else None
        self.take(
            [
                BudgetRow(limit=limit, gauge=_counted(limit, gauge), frozen=frozen, read_at=now)
                for gauge in page.rows or (unused(limit),)
            ],
            nothing=_GONE,
        )

    def title_line(self) -> SafeText:
        limit = self._limit()
        if limit is None:
            return safe_line(f" {self._subject}")
        what = window_text(limit) if is_money(limit) else kind_text(limit)
        noun = "Budget" if is_money(limit) else "Limit"
        shown = f"{self.table.count:,} of {limit.keys:,} keys" if limit.keys > self.table.count else ""
        return safe_line("  ".join(filter(None, (f" {noun} {limit.name}", what, under_text(limit), shown))))

    def _limit(self) -> LimitView | None:
        limits = () if self.listed is None else self.listed.limits
        return next((limit for limit in limits if limit.name == self._subject), None)


def _counted(limit: LimitView, gauge: GaugeView) -> GaugeView:
    """Let the tokens that are taken of a rate count as used."""
    if limit.kind is not LimitKind.RATE:
        return gauge
    return replace(gauge, used=max(0, gauge.max - max(0, gauge.left)))
