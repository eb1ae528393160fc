"""FootScreen: the base of screens of one table and a foot.

Health, budgets, gauges, runs and a job as it stood are its subclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult

from console.desk import Desk
from console.screens.base import DeskScreen
from console.widgets.row_format import RowFormat
from console.widgets.styled_lines import Span, StyledLines
from console.widgets.table import Table

V = TypeVar("V")


class FootScreen(DeskScreen, Generic[V]):
    """A table, and below it what is known of the row under the cursor, as far as there is room."""

    READER = "table"

    def __init__(self, desk: Desk, row_format: RowFormat[V]) -> None:
        super().__init__(desk)
        self.table: Table[V] = Table(row_format)
        self.foot = StyledLines()

    def body(self) -> ComposeResult:
        yield self.table
        yield self.foot

    def on_mount(self) -> None:
        self.table.focus()

    def foot_lines(self, width: int) -> Sequence[Sequence[Span]]:
        """Return what stands below the table, on lines of this width."""
        raise NotImplementedError

    def write_foot(self) -> None:
        """Write what is known of the row under the cursor."""
        lines = self.foot_lines(self.size.width or 80)
        # A table without rows has a line that says so.
        self.foot.write_foot(lines, screen_height=self.size.height, rows=max(1, self.table.count))

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        return f"row {at:,}/{self.table.count:,}"

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        self.write_foot()
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()
        self.write_foot()

    def on_resize(self) -> None:
        self.call_after_refresh(self.write_foot)

    def on_table_moved(self) -> None:
        self.write_foot()
        self.show_status()

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show what the row under the cursor stands for."""
        raise NotImplementedError
