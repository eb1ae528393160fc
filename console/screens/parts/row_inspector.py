"""Row inspector: a pane with all fields of the current row.

Owned by the list screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.background import sentence_of
from console.rows.task_lines import read_task_page, task_lines
from console.rows.view_lines import fields_of, name_of
from console.screens.parts.hosts import Host
from console.themes import Look
from console.widgets.inspector import Inspector
from core.control.api import ControlAPI
from core.model.errors import TaskdeckError
from core.model.orphans import OrphanView
from core.model.text import SafeText
from core.model.views import TaskView


class RowInspector:
    """Fills its pane with the view under the cursor, again whenever the cursor or the view changes."""

    def __init__(
        self,
        host: Host,
        *,
        control: ControlAPI,
        look: Callable[[], Look],
        view: Callable[[], object],
        give_back: Callable[[], object],
    ) -> None:
        self.pane = Inspector()
        self._host = host
        self._control = control
        self._look = look
        self._view = view
        """Returns the view under the cursor."""
        self._give_back = give_back
        """Gives the keys back to the rows."""

    def toggle(self) -> None:
        """Open the pane, or close it and give the keys back to the rows."""
        self.pane.toggle()
        if not self.pane.is_open:
            self._give_back()
        self.show()

    def show(self) -> None:
        """Read the view under the cursor, if the pane is open, instead of the one before."""
        if self.pane.is_open:
            self._host.begin(self._show, group="inspect", exclusive=True)

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
                return [SafeText("no row here")]
            case TaskView():
                return list(await self._task_lines(view.id))
            case OrphanView():
                lines = await self._task_lines(view.task_id)
                return [*fields_of(view, self._look()), SafeText(""), *lines]
            case _:
                return list(fields_of(view, self._look()))

    async def _task_lines(self, task_id: int) -> Iterator[SafeText]:
        return task_lines(await read_task_page(self._control, task_id), self._look())
