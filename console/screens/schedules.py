"""The schedules screen: when each fires, and what became of that.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.listing import schedules, style_of
from console.rows.schedule_rows import schedule_row_format
from console.screens.list_screen import ListScreen
from console.screens.parts.schedule_keys import ScheduleKeys
from console.verbs.reasons import SCHEDULES
from console.widgets.styled_lines import Span, StyledLines
from core.model.text import SafeText, clip, safe_line
from core.model.timing.schedule_views import ScheduleView
from core.model.timing.schedules import ScheduleState
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import downtime_text, number_text, silence_text

_NONE = SafeText("no schedule yet: `a` adds one")

_SILENT = 3
"""Workflows whose silence the screen tells above the list."""


class SchedulesScreen(ListScreen[ScheduleLine]):
    """The schedules by name; one page holds them all."""

    PARTS = ("list", "schedules", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("schedule", "fire", "job", "engine", "expectation")
    PLACES = {"open": "schedule"}
    nothing = _NONE

    def __init__(self, desk: Desk) -> None:
        listing = schedules(desk.control)
        row_format = schedule_row_format(listing.columns, lambda: desk.look)
        super().__init__(desk, listing, row_format=row_format)
        self.faults = StyledLines()
        """What passed without an engine, and which workflows are silent."""
        self._told: list[SafeText] = []
        self.schedules = ScheduleKeys(desk, self, chosen=self._chosen)
        self.action_trigger = self.schedules.trigger
        self.action_pause = self.schedules.pause
        self.action_skip = self.schedules.skip
        self.action_backfill = self.schedules.backfill
        self.action_remove = self.schedules.remove
        self.action_add_schedule = self.schedules.add
        self.action_edit_schedule = self.schedules.edit

    def body(self) -> ComposeResult:
        yield self.faults
        yield from super().body()

    async def load(self) -> None:
        """Read what passed without an engine and which workflows are silent, then the schedules."""
        asked = self.desk.control.schedules
        downtime, workflows = await asked.downtime(), await asked.expected_workflows()
        self._told = [] if downtime is None else [downtime_text(downtime)]
        self._told += [silence_text(one) for one in workflows if one.silent_since is not None][:_SILENT]
        self._write_faults()
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
        self._write_faults()

    def _chosen(self) -> ScheduleView | None:
        return None if self.table.selected is None else self.table.selected.view

    def _write_faults(self) -> None:
        width, style = self.size.width or 80, style_of("failed", self.desk.look)
        # Written before the screen is laid out for the first time, its own height would stay 0.
        self.faults.styles.height = len(self._told)
        self.faults.write([[Span(clip(safe_line(f" ! {told}"), width), style)] for told in self._told])
