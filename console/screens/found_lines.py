"""The screen of lines found in the logs of tasks.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.style import Style
from textual.app import ComposeResult

from console.background import sentence_of
from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import LogPlace
from console.rows.job_names import JobNames, beside_jobs
from console.screens.base import DeskScreen
from console.screens.parts.loading import stop_work
from console.screens.parts.log_finder import query_of
from console.widgets.line_dialog import LineDialog
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.control.api import FindInLogs
from core.filters.terms import Filter
from core.filters.text_query import TextQuery
from core.filters.unparser import unparse
from core.model.errors import Invalid
from core.model.log_views import TaskMatch
from core.model.text import SafeText, safe_line
from core.model.views import LogStream
from core.render.coloured import coloured_line
from core.render.columns import Column, Form
from core.render.sizes import size_text

MOST = 10_000
"""Lines that are listed; the search stops there, and says so."""
_SEARCH = "search"
_QUESTION = SafeText("Search the logs of these tasks")
_SYNTAX = "a text, in any case; ~ before a pattern (RE2)"
_COLUMNS = (
    Column(name="task", title="TASK", form=Form.NUMBER, path="task_id", min_width=6, width=7),
    Column(name="job", title="JOB", form=Form.NUMBER, path="job_id", min_width=5, width=6, priority=3),
    Column(name="key", title="KEY", form=Form.TEXT, path="key", min_width=8, width=20, priority=1),
    Column(name="stream", title="OF", form=Form.TEXT, path="stream", width=3, priority=2),
    Column(name="line", title="LINE", form=Form.TEXT, path="match", min_width=20, width=400),
)


class FoundLinesScreen(DeskScreen):
    """The lines as they are found, in order of the tasks; of each task the latest attempt is searched."""

    PARTS = ("found", "view")
    READER = "table"
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, where: Filter) -> None:
        super().__init__(desk)
        self.where = where
        self.names = JobNames(desk.control)
        self.table: Table[TaskMatch] = Table(beside_jobs(_row_format(), self.names))
        self._found: list[TaskMatch] = []
        self._query: TextQuery | None = None
        self._typed = SafeText("")
        self._task_count = 0
        self._is_searching = False
        self._has_asked = False
        self._bytes = 0

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    async def load(self) -> None:
        """Ask once what to look for; what was found stays."""
        if not self._has_asked:
            self._has_asked = True
            self.action_search()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Stay as it was searched."""
        del kinds
        return False

    def title_line(self) -> SafeText:
        what = f"  '{self._typed}'" if self._typed else ""
        return safe_line(f" Found lines{what}  in the logs of: {unparse(self.where) or 'all tasks'}")

    def position_text(self) -> str:
        at = f"{self.table.cursor + 1:,}/" if self._found else ""
        return f"line {at}{len(self._found):,}"

    def work_text(self) -> str:
        return f"searching: {self._searched_text()} (Esc stops)" if self._is_searching else ""

    def status_words(self) -> tuple[str, ...]:
        if self._query is None or self._is_searching:
            return ()
        cut = f"the first {MOST:,} lines, in " if len(self._found) >= MOST else ""
        return (f"searched {cut}{self._searched_text()}",)

    def _searched_text(self) -> str:
        return f"{self._task_count:,} tasks, {size_text(self._bytes)}"

    def restyle(self) -> None:
        self.table.restyle()

    def action_open(self) -> None:
        """Show the log at the line."""
        found = self.table.selected
        if found is not None:
            place = LogPlace(
                task_id=found.task_id, epoch=found.epoch, stream=found.stream, offset=found.match.line
            )
            self.visit("log", place)

    def action_task(self) -> None:
        self.visit("task", None if self.table.selected is None else self.table.selected.task_id)

    def action_search(self) -> None:
        self.begin(self._ask, group="ask", exclusive=True)

    def action_back(self) -> None:
        """Stop the search, else leave."""
        if stop_work(self, _SEARCH):
            self.show_status()
        else:
            super().action_back()

    async def _ask(self) -> None:
        question, typed = _QUESTION, ""
        while typed := await self.ask(LineDialog(question, placeholder=_SYNTAX, value=typed)):
            try:
                query = query_of(typed)
            except Invalid as error:
                question = safe_line(f"{sentence_of(error)}; {error.hint}")
                continue
            self._query, self._typed = query, safe_line(typed)
            self.begin(partial(self._search, query), group=_SEARCH, exclusive=True)
            return
        if self._query is None:
            super().action_back()

    async def _search(self, query: TextQuery) -> None:
        self._found, self._task_count, self._bytes = [], 0, 0
        self.table.say(SafeText(""))
        self._show()
        self._is_searching = True
        try:
            await self._look(query)
        finally:
            self._is_searching = False
            self.show_status()
        self.table.say(SafeText("no line holds it"))

    async def _look(self, query: TextQuery) -> None:
        after: str | None = None
        while len(self._found) < MOST:
            answer = await self.desk.control.logs.find_in_tasks(
                FindInLogs(where=self.where, query=query, after=after, most=1_000)
            )
            await self.names.learn(answer.matches)
            self._found = [*self._found, *answer.matches][:MOST]
            self._task_count, self._bytes = self._task_count + answer.tasks, self._bytes + answer.size
            self._show()
            after = answer.next
            if after is None:
                return

    def _show(self) -> None:
        self.table.replace(dict(enumerate(self._found)), count=len(self._found), more=False)
        self.show_status()


def _row_format() -> RowFormat[TaskMatch]:
    def write(found: TaskMatch, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        return tuple(_cell(found, column) for column in columns)

    def style(found: TaskMatch, column: Column) -> Style | None:
        del found
        return Style(dim=True) if column.name in ("job", "stream") else None

    return RowFormat(
        columns=_COLUMNS, key=lambda one: (one.task_id, one.stream, one.match.line), write=write, style=style
    )


def _cell(found: TaskMatch, column: Column) -> SafeText:
    match column.name:
        case "task":
            return SafeText(f"{found.task_id}")
        case "job":
            return SafeText(f"{found.job_id}")
        case "key":
            return safe_line(found.key)
        case "stream":
            return SafeText("err" if found.stream is LogStream.ERR else "out")
    line = found.match.lines[0].data if found.match.lines else b""
    return SafeText(coloured_line(line).text.strip())
