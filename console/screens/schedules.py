"""The schedules screen: when each fires, and what became of that.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.listing import schedules
from console.rows.schedule_rows import schedule_row_format
from console.screens.list_screen import ListScreen
from console.screens.parts.schedule_keys import ScheduleKeys
from console.verbs.reasons import SCHEDULES
from console.widgets.line import Line
from core.model.schedule_views import Downtime, ScheduleView
from core.model.schedules import ScheduleState
from core.model.text import SafeText, clip, safe_line
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import downtime_text, number_text

_NONE = SafeText("no schedule yet: taskdeck schedule add nightly --cron '0 3 * * *' flow.yaml")


class SchedulesScreen(ListScreen[ScheduleLine]):
    """The schedules by name; one page holds them all."""

    PARTS = ("list", "schedules", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("schedule", "fire", "job", "engine")
    PLACES = {"open": "schedule"}
    nothing = _NONE

    def __init__(self, desk: Desk) -> None:
        listing = schedules(desk.control)
        row_format = schedule_row_format(listing.columns, lambda: desk.look)
        super().__init__(desk, listing, row_format=row_format)
        self.downtime = Line()
        self._downtime: Downtime | None = None
        self.schedules = ScheduleKeys(desk, self, chosen=self._chosen)
        self.action_trigger = self.schedules.trigger
        self.action_pause = self.schedules.pause
        self.action_skip = self.schedules.skip
        self.action_backfill = self.schedules.backfill
        self.action_remove = self.schedules.remove

    def body(self) -> ComposeResult:
        yield self.downtime
        yield from super().body()

    def on_mount(self) -> None:
        self.downtime.display = False
        super().on_mount()

    async def load(self) -> None:
        """Read what passed without an engine, then the schedules."""
        self._downtime = await self.desk.control.schedules.downtime()
        self._write_downtime()
        await super().load()

    def title_line(self) -> SafeText:
        lines = list(self.table.rows.values())
        number, paused = len(lines), sum(line.state is ScheduleState.PAUSED for line in lines)
        missed = sum(line.missed for line in lines)
        parts = [f"{number:,} schedule{'' if number == 1 else 's'}"]
        parts += [f"{paused:,} paused"] if paused else []
        parts += [f"{number_text(missed)} missed within a week"] if missed else []
        return safe_line(f" Schedules  {'  '.join(parts)}")

    def subject(self) -> Subject | None:
        return None if self.table.selected is None else self.table.selected.name

    def why_not(self, action: str) -> SafeText:
        if action in SCHEDULES:
            return self.schedules.why_not(action)
        return super().why_not(action)

    def on_resize(self) -> None:
        super().on_resize()
        self._write_downtime()

    def _chosen(self) -> ScheduleView | None:
        return None if self.table.selected is None else self.table.selected.view

    def _write_downtime(self) -> None:
        self.downtime.display = self._downtime is not None
        if self._downtime is not None:
            told = f" {downtime_text(self._downtime)}"
            self.downtime.write(Content.styled(clip(safe_line(told), self.size.width or 80), "reverse"))
