"""The why screens: what tasks and jobs wait for.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import now_ms
from console.screens.base import DeskScreen
from console.widgets.text_paint import page_paint
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line
from core.model.views import EngineInfo
from core.model.waits import JobWaits, TaskWaits
from core.render.wait_lines import job_wait_lines, task_wait_lines


class WhyScreen(DeskScreen):
    """Every reason that holds now, in order, and what would end each; it follows what happens."""

    PARTS = ("view",)
    NOUNS = ("job", "stage", "task", "attempt", "queue", "engine")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, *, task_id: int | None = None, job_id: int | None = None) -> None:
        super().__init__(desk)
        self._task_id = task_id
        self._job_id = job_id
        self._waits: TaskWaits | JobWaits | None = None
        self._engine: EngineInfo | None = None
        self.view = TextView(page_paint(lambda: desk.look))

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    async def load(self) -> None:
        self._engine = self.desk.feed.pulse.engine
        if self._task_id is not None:
            self._waits = await self.desk.control.why(self._task_id)
        elif self._job_id is not None:
            self._waits = await self.desk.control.why_job(self._job_id)
        self._write()

    def refresh_ages(self) -> None:
        self._write()
        super().refresh_ages()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Read again, too, when the engine says other things of itself: those have no events."""
        return self.desk.feed.pulse.engine != self._engine or super().is_affected(kinds)

    def title_line(self) -> SafeText:
        what = f"task {self._task_id}" if self._job_id is None else f"job {self._job_id}"
        return safe_line(f" Why {what} waits")

    def position_text(self) -> str:
        return self.view.position_text

    def selected_view(self) -> object:
        return self._waits

    def _write(self) -> None:
        match self._waits:
            case TaskWaits() as waits:
                self.view.put([safe_line(line) for line in task_wait_lines(waits, now=now_ms())])
            case JobWaits() as waits:
                self.view.put([safe_line(line) for line in job_wait_lines(waits, now=now_ms())])
            case None:
                return
