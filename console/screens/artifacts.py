"""The artifacts screen: files that tasks left for others.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import bindings
from console.rows.artifact_rows import CHANGING, ArtifactPages, artifact_row_format
from console.rows.pages import Pages
from console.rows.row_count import first_words
from console.screens.foot_screen import FootScreen
from console.screens.parts.extracts import pages_extract
from console.screens.parts.loading import read_on
from console.screens.parts.log_programs import pager
from console.screens.parts.terminal_programs import run_program
from console.widgets.styled_lines import Span
from core.files.kinds import is_file
from core.model.text import SafeText, clip, safe_line
from core.render.data_texts import ArtifactRow

_ELSEWHERE = SafeText("the file is on the machine of the engine: y copies its path")
_GONE = SafeText("the copy is gone: see `taskdeck doctor`")
_UNKNOWN = SafeText("no engine says where its files are")
_NO_PAGER = SafeText("no pager is known: set PAGER")


class ArtifactsScreen(FootScreen[ArtifactRow]):
    """The files that the last attempts of the tasks left, in order of task, name and path."""

    PARTS = ("artifact_rows",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, *, job_id: int | None = None, task_id: int | None = None) -> None:
        super().__init__(desk, artifact_row_format())
        self._of = f"task {task_id}" if job_id is None else f"job {job_id}"
        self._task_id = task_id
        self._source = ArtifactPages(desk.control, home=self._home)
        self._source.job_id = job_id
        self._source.task_id = task_id
        self._pages = Pages(self._source.read)
        self._read_at = 0
        """All changes up to this event were known when files were read last."""

    async def load(self) -> None:
        """Read the files in view and around."""
        if self._source.job_id is None and self._task_id is not None:
            self._source.job_id = (await self.desk.control.task(self._task_id)).task.job_id
        self._read_at = self.desk.feed.last_event or 0
        await self._pages.show(self.table.top, self.table.top + self.table.height)
        self.table.replace(self._pages.window(), count=self._pages.count, more=self._pages.more)
        self.table.say(safe_line(f"{self._of} left no files: `artifacts:` of a task names them"))
        self.write_foot()
        self.show_status()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        return not kinds.isdisjoint(CHANGING)

    def take_changes(self, kinds: frozenset[str]) -> None:
        """Load after events that may have changed these files; those of other jobs cost no load."""
        if self.is_affected(kinds) and not self.load_error and not self.desk.frozen:
            self.begin(partial(self._look_at_changes, kinds), group="changes", exclusive=True)
            self.show_status()
        else:
            super().take_changes(kinds)

    def title_line(self) -> SafeText:
        more = "+" if self.table.more else ""
        return safe_line(f" Artifacts of {self._of}  {self.table.count:,}{more} files")

    def position_text(self) -> str:
        return f"{super().position_text()}{'+' if self.table.more else ''}"

    def selected_view(self) -> object:
        return self.table.selected

    def extract(self) -> Extract | None:
        return pages_extract("artifacts", self.table, self._source.read) if self.table.count else None

    def foot_lines(self, width: int) -> Sequence[Sequence[Span]]:
        row = self.table.selected
        if row is None:
            return ()
        host = f"{self.desk.host}:" if self.desk.host else ""
        where = "" if row.copy is None else f" {host}{row.copy}"
        kept = row.kept
        lines = (f" {kept.file.path}: attempt {kept.epoch}", where, f" sha256 {kept.file.hash}")
        return [[Span(clip(safe_line(line), width))] for line in lines if line]

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory."""
        super().on_table_moved()
        read_on(self, self.table)

    def on_table_end_wanted(self) -> None:
        """Read on to the end, as far as a list is searched for it."""
        self.reload_for_operator(self._read_to_end)

    def why_not(self, action: str) -> SafeText:
        row = self.table.selected
        if action != "open" or row is None:
            return super().why_not(action)
        if self.desk.host or self.desk.bundle is not None:
            return _ELSEWHERE
        if row.copy is None:
            return _UNKNOWN
        if not is_file(Path(row.copy)):
            return _GONE
        return SafeText("") if pager() else _NO_PAGER

    def action_open(self) -> None:
        """Show the file in the pager."""
        row = self.table.selected
        if row is not None and row.copy is not None:
            self.begin(partial(self._open, [*pager(), str(row.copy)]), group="program", exclusive=True)

    def action_task(self) -> None:
        """Show the task that left the file."""
        self.visit("task", None if self.table.selected is None else self.table.selected.kept.task_id)

    async def _open(self, argv: Sequence[str]) -> None:
        if said := run_program(self.app, argv):
            self.tell(said, severity="error")

    async def _look_at_changes(self, kinds: frozenset[str]) -> None:
        if await self._source.may_differ(kinds, since=self._read_at):
            super().take_changes(kinds)

    async def _read_to_end(self) -> None:
        is_end = await self._pages.reach_end()
        await self.load()
        self.table.go_to(self._pages.count - 1)
        if not is_end:
            self.tell(first_words(self._pages.count))

    def _home(self) -> str:
        engine = self.desk.feed.pulse.engine
        return "" if engine is None or self.desk.bundle is not None else engine.home
