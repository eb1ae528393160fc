"""One schedule: what it is, and what became of its times.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections import Counter

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import now_ms
from console.rows.schedule_rows import fire_row_format
from console.screens.paged_screen import PagedScreen
from console.screens.parts.schedule_keys import ScheduleKeys
from console.verbs.reasons import SCHEDULES
from console.widgets.styled_lines import Span, StyledLines
from core.model.text import SafeText, safe_line
from core.model.timing.schedule_views import FireView, ScheduleView
from core.model.timing.schedules import DAY_MS
from core.model.views import Page
from core.render.schedule_lines import result_of, state_of
from core.render.schedule_texts import FACT_LABEL, number_text, schedule_facts
from core.render.wrapping import wrap

_TABLE = 10
"""Lines of a screen that are not for what the schedule is."""
_NONE = SafeText("none of its times has come yet")


class ScheduleScreen(PagedScreen[FireView]):
    """What is known of a schedule above its fires, the latest first."""

    PARTS = ("fires", "schedules")
    NOUNS = ("schedule", "fire", "job", "expectation")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, fire_row_format(lambda: desk.look, self._zone))
        self._subject = name
        self._view: ScheduleView | None = None
        self.facts = StyledLines()
        self.schedules = ScheduleKeys(desk, self, chosen=lambda: self._view)
        self.action_trigger = self.schedules.trigger
        self.action_pause = self.schedules.pause
        self.action_skip = self.schedules.skip
        self.action_backfill = self.schedules.backfill
        self.action_remove = self.schedules.remove
        self.action_add_schedule = self.schedules.add
        self.action_edit_schedule = self.schedules.edit

    def body(self) -> ComposeResult:
        yield self.facts
        yield self.table

    async def load(self) -> None:
        """Read the schedule, then its fires in view and around."""
        self._view = await self.desk.control.schedules.one(self._subject)
        await super().load()

    async def read(self, after: str | None, limit: int) -> Page[FireView]:
        return await self.desk.control.schedules.fires(self._subject, after=after, limit=limit)

    def nothing(self) -> SafeText:
        return _NONE

    def show_rows(self) -> None:
        super().show_rows()
        self._write_facts()

    def title_line(self) -> SafeText:
        if self._view is None:
            return safe_line(f" Schedule {self._subject}")
        return safe_line(f" Schedule {self._subject}  {state_of(self._view)}  {self._day_text()}")

    def why_not(self, action: str) -> SafeText:
        if action in SCHEDULES:
            return self.schedules.why_not(action)
        return super().why_not(action)

    def on_resize(self) -> None:
        self.call_after_refresh(self._write_facts)

    def action_open(self) -> None:
        """Show the job of the fire under the cursor."""
        fire = self.table.selected
        if fire is not None and (fire.job_id is None or fire.job_status is None):
            self.tell(SafeText("no job stands behind this time"))
        elif fire is not None:
            self.visit("job", fire.job_id)

    def _zone(self) -> str:
        return "UTC" if self._view is None else self._view.schedule.timing.zone

    def _write_facts(self) -> None:
        width, height = self.size.width or 80, self.size.height or 24
        lines = [] if self._view is None else list(schedule_facts(self._view))
        wrapped = [piece for told in lines for piece in _wrapped(told, width - 1)]
        shown = wrapped[: max(2, height - _TABLE)]
        # Written before the screen is laid out for the first time, its own height would stay 0.
        self.facts.styles.height = len(shown)
        self.facts.write([[Span(safe_line(f" {told}"))] for told in shown])

    def _day_text(self) -> str:
        """Count what became of the times of the last 24 hours, of those that are in memory."""
        since, counts = now_ms() - DAY_MS, Counter[str]()
        for fire in self.table.rows.values():
            if fire.at > since:
                counts[result_of(fire)] += fire.number
        told = ", ".join(f"{number_text(number)} {word}" for word, number in counts.items())
        return f"24 hours: {told}" if told else "no fire within 24 hours"


def _wrapped(told: SafeText, width: int) -> list[str]:
    """Break a fact where it is longer than the screen is wide; its label stands before the first piece."""
    first, *others = wrap(told, max(FACT_LABEL + 1, width), continuation_width=max(1, width - FACT_LABEL))
    return [first, *(f"{' ' * FACT_LABEL}{piece.lstrip()}" for piece in others)]
