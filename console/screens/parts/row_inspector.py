"""Row inspector: a pane with all fields of the current row.

Owned by the list screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain

from console.background import sentence_of
from console.desk import Desk
from console.rows.task_lines import read_task_page, task_lines
from console.rows.view_lines import fields_of, name_of
from console.screens.parts.hosts import Host
from console.widgets.inspector import OPENS_AT, Inspector
from console.widgets.text_paint import page_paint
from core.model.errors import TaskdeckError
from core.model.orphans import OrphanView
from core.model.present import present_ms
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import JobView, StageView, TaskView
from core.render.data_texts import variable_lines
from core.render.item_lines import ItemLine, item_lines
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import schedule_facts

REST_SECONDS = 0.1
"""How long the cursor rests on a row before it is read: keys that are held must not read every row."""
_MEMORY, _CLOSED = "inspector", "closed"


class RowInspector:
    """Fills its pane with the view under the cursor, again whenever the cursor or the view changes."""

    def __init__(
        self,
        host: Host,
        desk: Desk,
        *,
        view: Callable[[], object],
        give_back: Callable[[], object],
    ) -> None:
        self.pane = Inspector(page_paint(lambda: desk.look))
        self._host = host
        self._desk = desk
        self._view = view
        """Returns the view under the cursor."""
        self._give_back = give_back
        """Gives the keys back to the rows."""
        self._is_asked = False
        self._shown: object = None

    def fit(self, rows: int) -> None:
        """Be open where there is room, unless the operator has opened or closed the pane."""
        if not self._is_asked:
            self.pane.open(wanted=rows >= OPENS_AT and self._desk.memory.get(_MEMORY) != _CLOSED)
            self.show()

    def toggle(self) -> None:
        """Open the pane, or close it and give the keys back to the rows; screens to come do the same."""
        self._is_asked = True
        self.pane.toggle()
        self._desk.memory.keep(_MEMORY, "" if self.pane.is_open else _CLOSED)
        if not self.pane.is_open:
            self._give_back()
        self.show()

    def show(self) -> None:
        """Read the view under the cursor, if the pane is open, instead of the one before."""
        if self.pane.is_open:
            self._host.begin(self._show_rested, group="inspect", exclusive=True)

    async def _show_rested(self) -> None:
        """Show the view once the cursor rests on it: rows that are passed by are not read."""
        view = self._view()
        key = (type(view), getattr(view, "id", None))
        if self._shown is not None and key != self._shown:
            await asyncio.sleep(REST_SECONDS)
        self._shown = key
        await self._show()

    async def _show(self) -> None:
        view = self._view()
        try:
            lines = await self._lines_of(view)
        except TaskdeckError as error:
            # The list itself shows what is wrong; here it would be repeated at each move.
            lines = [sentence_of(error)]
        self.pane.put(name_of(view), lines)

    async def _lines_of(self, view: object) -> list[SafeText]:
        match view:
            case None:
                return []
            case TaskView():
                return list(await self._task_lines(view.id))
            case ScheduleLine():
                return list(schedule_facts(view.view))
            case ItemLine():
                details = await self._desk.control.work_items.one(view.id)
                return list(item_lines(details, now=present_ms()))
            case JobView():
                return [*fields_of(view, self._desk.look), *await self._variable_lines(view.id)]
            case StageView():
                return [*fields_of(view, self._desk.look), *await self._variable_lines(view.job_id)]
            case OrphanView():
                lines = await self._task_lines(view.task_id)
                return [*fields_of(view, self._desk.look), SafeText(""), *lines]
            case _:
                return list(fields_of(view, self._desk.look))

    async def _variable_lines(self, job_id: int) -> Iterator[SafeText]:
        """Return the variables of a job, below its fields or those of a stage of it."""
        variables = await self._desk.control.data.variables(job_id) if job_id != INBOX else ()
        heading = [SafeText(""), SafeText("variables")] if variables else []
        return chain(heading, (safe_line(f"  {line}") for line in variable_lines(variables)))

    async def _task_lines(self, task_id: int) -> Iterator[SafeText]:
        return task_lines(await read_task_page(self._desk.control, task_id), self._desk.look)
