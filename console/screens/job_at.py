"""A job as it stood after an event.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobMoment
from console.rows.job_rows import JobRow, job_row_format, rows_of
from console.screens.foot_screen import FootScreen
from console.screens.parts.moments import Moments
from console.widgets.styled_lines import Span
from core.model.text import SafeText, clip
from core.model.views import TaskView


class JobAtScreen(FootScreen[JobRow]):
    """Stages and tasks of then: no verb is offered; `n` and `N` go from event to event."""

    PARTS = ("job_at", "bars")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, moment: JobMoment) -> None:
        super().__init__(desk, job_row_format(lambda: desk.look, now=lambda: self.moments.at))
        self.moments = Moments(self, desk.control, moment)

    @property
    def mark(self) -> SafeText:  # type: ignore[override] # it changes with the event
        return self.moments.mark("BUNDLE " if self.desk.mark else "")

    async def load(self) -> None:
        detail = await self.moments.read()
        rows = tuple(rows_of(detail))
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=False)
        self.table.say(SafeText("no tasks then"))
        self.write_foot()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Return False: the past does not change."""
        return False

    def is_fresh(self) -> bool:
        return self.moments.is_read and not self.load_error

    def title_line(self) -> SafeText:
        return self.moments.title(self.size.width or 80)

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        # The counts behind it are those of the present, on every screen.
        return f"row {at:,}/{self.table.count:,}{self.moments.left_out}  now:"

    def action_open(self) -> None:
        """Show the history of the task, before and since."""
        row = self.table.selected
        if row is not None and isinstance(row.view, TaskView):
            self.visit("task events", row.view.id)

    def action_step(self, by: int) -> None:
        """Go to the next event of the job, or to the one before."""
        self.moments.step(by)

    def action_draw(self) -> None:
        """Show the same moment as a graph."""
        self.visit("graph at", self.moments.moment)

    def foot_lines(self, width: int) -> list[list[Span]]:
        return [[Span(clip(line, width))] for line in self.moments.lines()]
