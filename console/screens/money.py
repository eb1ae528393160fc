"""MoneyScreen: the base of the screens of budgets and gauges."""

from __future__ import annotations

from collections.abc import Sequence

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import GaugeRef
from console.rows.budget_lines import budget_lines
from console.rows.budget_rows import BudgetRow, budget_row_format
from console.rows.listing import now_ms
from console.screens.foot_screen import FootScreen
from console.screens.parts.capacity_keys import CapacityKeys, Chosen
from console.widgets.styled_lines import Span
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.limit_views import CapacityView
from core.model.text import SafeText
from core.model.waits import OF_LIMITS

READ_MS = 5_000
"""Between two reads while tasks run: what they are charged for writes no event."""
WAITS = tuple(code.value for code in OF_LIMITS)
"""What `wait:` in a filter calls the reasons of limits, backends and budgets."""


class MoneyScreen(FootScreen[BudgetRow]):
    """Rows of budgets, and below them all that is known of the one under the cursor."""

    PARTS: tuple[str, ...] = ("money",)
    NOUNS = ("limit", "gauge", "spending", "capacity", "task", "attempt")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, budget_row_format(lambda: desk.look))
        self.listed: CapacityView | None = None
        """All limits as they were read; None = they were not."""
        self._turns_at: int | None = None
        self._read_at = 0
        self.capacity = CapacityKeys(desk, self, chosen=self._chosen)
        self.action_raise_limit = self.capacity.raise_limit
        self.action_freeze_spending = self.capacity.freeze_spending
        self.action_reconcile = self.capacity.reconcile

    def take(self, rows: Sequence[BudgetRow], *, nothing: SafeText) -> None:
        """Show these rows, or a sentence in their place."""
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self.table.say(nothing)
        self._read_at = now_ms()
        self._turns_at = min((row.changes_at for row in rows if row.changes_at is not None), default=None)
        self.write_foot()

    def selected_view(self) -> object:
        row = self.table.selected
        return None if row is None else row.gauge

    def why_not(self, action: str) -> SafeText:
        return self.capacity.why_not(action) or super().why_not(action)

    def refresh_ages(self) -> None:
        """Read again when a window turns, or while something runs that may be charged."""
        if self._is_due() and not self.desk.frozen:
            self.reload()
        super().refresh_ages()

    def action_open(self) -> None:
        """Show the entries of the budget; of a limit on starts, who waits for it."""
        row = self.table.selected
        if row is not None and row.limit.unit:
            self.visit("entries", GaugeRef(limit=row.limit.name, key=row.gauge.key))
        elif row is not None:
            self.action_waiting()

    def action_waiting(self) -> None:
        """Show the tasks that wait for limits and budgets."""
        self.visit("tasks", Filter(noun=Noun.TASKS, terms=(In(field="wait", values=WAITS),)))

    def _chosen(self) -> Chosen:
        row = self.table.selected
        if row is None:
            return Chosen(listed=self.listed)
        return Chosen(limit=row.limit, gauge=row.gauge, listed=self.listed)

    def _is_due(self) -> bool:
        now = now_ms()
        has_turned = self._turns_at is not None and self._read_at < self._turns_at <= now
        runs = bool(self.desk.feed.pulse.tasks.get("running"))
        return has_turned or (runs and now - self._read_at >= READ_MS)

    def foot_lines(self, width: int) -> list[list[Span]]:
        row = self.table.selected
        return [] if row is None else budget_lines(row, self.desk.look, width=width, now=now_ms())
