"""The gauges of one limit or budget, by key.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.desk import Desk
from console.key_table import bindings
from console.rows.budget_lines import under_text, window_text
from console.rows.budget_rows import BudgetRow, budget_row_format, is_money, unused
from console.rows.limit_rows import kind_text
from console.rows.listing import now_ms
from console.screens.foot_screen import FootScreen
from console.screens.parts.money_rows import NOUNS, MoneyRows
from console.widgets.styled_lines import Span
from core.model.limits.limit_views import GaugeView, LimitView
from core.model.limits.limits import LimitKind
from core.model.records import replace
from core.model.text import SafeText, safe_line

_PAGE = 500
_GONE = SafeText("this limit is not configured any more")


class GaugesScreen(FootScreen[BudgetRow]):
    """At most a page of them: the title says where there are more."""

    PARTS = ("gauges", "money")
    NOUNS = NOUNS
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, budget_row_format(lambda: desk.look))
        self.money = MoneyRows(self, desk)
        self.action_waiting = self.money.show_waiting
        self.action_raise_limit = self.money.keys.raise_limit
        self.action_freeze_spending = self.money.keys.freeze_spending
        self.action_reconcile = self.money.keys.reconcile
        self._subject = name

    async def load(self) -> None:
        """Read the limit, then its gauges in order of their keys."""
        control, now = self.desk.control, now_ms()
        listed = self.money.listed = await control.limits.capacity()
        limit = self._limit()
        if limit is None:
            self.money.take((), nothing=_GONE)
            return
        page = await control.limits.gauges(self._subject, limit=_PAGE)
        frozen = listed.frozen if is_money(limit) else None
        self.money.take(
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

    def selected_view(self) -> object:
        return self.money.gauge()

    def why_not(self, action: str) -> SafeText:
        return self.money.keys.why_not(action) or super().why_not(action)

    def refresh_ages(self) -> None:
        self.money.read_if_due()
        super().refresh_ages()

    def foot_lines(self, width: int) -> Sequence[Sequence[Span]]:
        return self.money.lines(width)

    def action_open(self) -> None:
        self.money.open()

    def _limit(self) -> LimitView | None:
        limits = () if self.money.listed is None else self.money.listed.limits
        return next((limit for limit in limits if limit.name == self._subject), None)


def _counted(limit: LimitView, gauge: GaugeView) -> GaugeView:
    """Let the tokens that are taken of a rate count as used."""
    if limit.kind is not LimitKind.RATE:
        return gauge
    return replace(gauge, used=max(0, gauge.max - max(0, gauge.left)))
