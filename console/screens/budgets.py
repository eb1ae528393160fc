"""The budgets screen: what is spent, held and left of each.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.desk import Desk
from console.key_table import bindings
from console.rows.budget_rows import BudgetRow, budget_row_format, budget_rows, is_money, more_keys
from console.rows.listing import now_ms
from console.screens.foot_screen import FootScreen
from console.screens.parts.money_rows import NOUNS, MoneyRows
from console.widgets.styled_lines import Span
from core.model.text import SafeText, safe_line

_NONE = SafeText("no budget is configured: [budgets.NAME] in config.toml makes one")


class BudgetsScreen(FootScreen[BudgetRow]):
    """A row for each budget and key, those of which most is used; all keys of one are behind it."""

    PARTS = ("budgets", "money")
    NOUNS = NOUNS
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, budget_row_format(lambda: desk.look))
        self.money = MoneyRows(self, desk)
        self.action_waiting = self.money.show_waiting
        self.action_raise_limit = self.money.keys.raise_limit
        self.action_freeze_spending = self.money.keys.freeze_spending
        self.action_reconcile = self.money.keys.reconcile

    async def load(self) -> None:
        listed = self.money.listed = await self.desk.control.limits.capacity()
        self.money.take(budget_rows(listed, now=now_ms()), nothing=_NONE)

    def title_line(self) -> SafeText:
        listed = self.money.listed
        if listed is None:
            return SafeText(" Budgets")
        number = sum(is_money(limit) for limit in listed.limits)
        parts = [f"{number:,} budget{'' if number == 1 else 's'}"]
        spent = sum(row.free <= 0 for row in self.table.rows.values())
        parts += ["all spending is stopped"] if listed.frozen is not None else []
        parts += [f"{spent:,} spent"] if spent else []
        return safe_line(f" Budgets  {'  '.join([*parts, *more_keys(listed)])}")

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

    def action_keys(self) -> None:
        """Show the gauges of the budget, by key."""
        row = self.table.selected
        self.visit("gauges", None if row is None else row.limit.name)
