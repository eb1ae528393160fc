"""The budgets screen: what is spent, held and left of each.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.key_table import bindings
from console.rows.budget_rows import budget_rows, is_money, more_keys
from console.rows.listing import now_ms
from console.screens.money import MoneyScreen
from core.model.text import SafeText, safe_line

_NONE = SafeText("no budget is configured: [budgets.NAME] in config.toml makes one")


class BudgetsScreen(MoneyScreen):
    """A row for each budget and key, those of which most is used; all keys of one are behind it."""

    PARTS: tuple[str, ...] = ("budgets", *MoneyScreen.PARTS)
    BINDINGS = bindings(*PARTS)

    async def load(self) -> None:
        self.listed = await self.desk.control.limits.capacity()
        self.take(budget_rows(self.listed, now=now_ms()), nothing=_NONE)

    def title_line(self) -> SafeText:
        if self.listed is None:
            return SafeText(" Budgets")
        number = sum(is_money(limit) for limit in self.listed.limits)
        parts = [f"{number:,} budget{'' if number == 1 else 's'}"]
        spent = sum(row.free <= 0 for row in self.table.rows.values())
        parts += ["all spending is stopped"] if self.listed.frozen is not None else []
        parts += [f"{spent:,} spent"] if spent else []
        return safe_line(f" Budgets  {'  '.join([*parts, *more_keys(self.listed)])}")

    def action_keys(self) -> None:
        """Show the gauges of the budget, by key."""
        row = self.table.selected
        self.visit("gauges", None if row is None else row.limit.name)
