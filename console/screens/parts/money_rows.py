"""Money rows: what the screens of budgets and gauges share.

Owned by these two screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from console.desk import Desk
from console.navigation.history import GaugeRef, Subject
from console.rows.budget_lines import budget_lines
from console.rows.budget_rows import BudgetRow
from console.rows.listing import now_ms
from console.screens.parts.capacity_keys import CapacityKeys, Chosen
from console.screens.parts.hosts import VerbHost
from console.widgets.styled_lines import Span
from console.widgets.table import Table
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.limits.limit_views import CapacityView, GaugeView
from core.model.text import SafeText
from core.model.waits import OF_LIMITS

READ_MS = 5_000
"""Between two reads while tasks run: what they are charged for writes no event."""
WAITS = tuple(code.value for code in OF_LIMITS)
"""What `wait:` in a filter calls the reasons of limits, backends and budgets."""
NOUNS = ("limit", "gauge", "spending", "capacity", "task", "attempt")
"""First words of the kinds of events that change these rows."""


class MoneyHost(VerbHost, Protocol):
    """A screen of budgets or of gauges."""

    table: Table[BudgetRow]

    def visit(self, place: str, subject: Subject | None) -> None:
        """Show a place on top; nothing happens without a subject."""

    def reload(self) -> None:
        """Read what is shown once more."""

    def write_foot(self) -> None:
        """Write what is known of the row under the cursor."""


class MoneyRows:
    """Rows of budgets in the table of a screen, when to read them again, and where their keys lead."""

    def __init__(self, host: MoneyHost, desk: Desk) -> None:
        self._host = host
        self._desk = desk
        self.listed: CapacityView | None = None
        """All limits as they were read; None = they were not."""
        self._turns_at: int | None = None
        self._read_at = 0
        self.keys = CapacityKeys(desk, host, chosen=self._chosen)

    def take(self, rows: Sequence[BudgetRow], *, nothing: SafeText) -> None:
        """Show these rows, or a sentence in their place."""
        self._host.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self._host.table.say(nothing)
        self._read_at = now_ms()
        self._turns_at = min((row.changes_at for row in rows if row.changes_at is not None), default=None)
        self._host.write_foot()

    def gauge(self) -> GaugeView | None:
        """Return the gauge under the cursor."""
        row = self._host.table.selected
        return None if row is None else row.gauge

    def lines(self, width: int) -> list[list[Span]]:
        """Return all that is known of the row under the cursor."""
        row = self._host.table.selected
        return [] if row is None else budget_lines(row, self._desk.look, width=width, now=now_ms())

    def read_if_due(self) -> None:
        """Read again when a window turns, or while something runs that may be charged."""
        if self._is_due() and not self._desk.frozen:
            self._host.reload()

    def open(self) -> None:
        """Show the entries of the budget; of a limit on starts, who waits for it."""
        row = self._host.table.selected
        if row is not None and row.limit.unit:
            self._host.visit("entries", GaugeRef(limit=row.limit.name, key=row.gauge.key))
        elif row is not None:
            self.show_waiting()

    def show_waiting(self) -> None:
        """Show the tasks that wait for limits and budgets."""
        self._host.visit("tasks", Filter(noun=Noun.TASKS, terms=(In(field="wait", values=WAITS),)))

    def _chosen(self) -> Chosen:
        row = self._host.table.selected
        if row is None:
            return Chosen(listed=self.listed)
        return Chosen(limit=row.limit, gauge=row.gauge, listed=self.listed)

    def _is_due(self) -> bool:
        now = now_ms()
        has_turned = self._turns_at is not None and self._read_at < self._turns_at <= now
        runs = bool(self._desk.feed.pulse.tasks.get("running"))
        return has_turned or (runs and now - self._read_at >= READ_MS)
