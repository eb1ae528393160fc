"""A list whose rows can be written to a file: asked for, written beside the screen, told, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from textual.worker import Worker

from console.background import start, to_end, words_of
from console.dialogs.confirm import ConfirmDialog
from console.exports.export import Export
from console.exports.export_file import ExportFile, is_taken
from console.exports.file_formats import (
    Destination,
    Format,
    Layout,
    cell_of,
    csv_text,
    destination,
    heading_of,
    json_text,
    suggested,
)
from console.newjob.documents import here
from console.screens.rows import RowsScreen
from console.verbs.reasons import NO_ENGINE
from console.widgets.line_dialog import LineDialog
from core.filters.grammar import Filter
from core.model.errors import Invalid, TaskdeckError
from core.model.text import SafeText, safe_line
from core.render.columns import Column
from core.render.json_shapes import shape_of

V = TypeVar("V")
_UNDER_WAY = SafeText("an export is under way: Esc stops it")
_NO_ROWS = SafeText("no rows to export")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows are written: those that a filter finds, in its order, but for some by their keys."""

    where: Filter
    words: str
    without: frozenset[Hashable] = frozenset()


class ExportScreen(RowsScreen[V], Generic[V]):
    """Writes all rows of the list, in memory or not; the file has its name only when it is whole."""

    _export: Export[V] | None = None
    _exporting: Worker[None] | None = None

    @property
    def is_exporting(self) -> bool:
        """Tell whether a file is being written."""
        return self._exporting is not None and not self._exporting.is_finished

    def view_of(self, row: V) -> object:
        """Return the view that a row stands for."""
        return row

    def wanted(self) -> Wanted:
        """Return which rows are written."""
        return Wanted(where=self.where, words=f"all {self.listing.noun} of this list")

    def cell_of(self, row: V, column: Column) -> SafeText:
        """Return what a column says of a row in a file."""
        return cell_of(column, self.view_of(row))

    def status_words(self) -> tuple[str, ...]:
        """Tell first how far an export is."""
        words = super().status_words()
        if self._export is None or not self.is_exporting:
            return words
        return (f"exported {self._export.number:,} ... (Esc stops)", *words)

    def why_not(self, action: str) -> SafeText:
        """Say why nothing can be exported now."""
        if action != "export":
            return super().why_not(action)
        if self.desk.feed.pulse.engine is None:
            return NO_ENGINE
        if self.is_exporting:
            return _UNDER_WAY
        return SafeText("") if self.table.count else _NO_ROWS

    def action_export(self) -> None:
        """Ask for a file, then write the rows into it."""
        start(self, partial(self._ask_file, self.wanted()), group="menu", exclusive=True)

    def stop_export(self) -> None:
        """Stop; what was written goes away."""
        if self._exporting is not None:
            self._exporting.cancel()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Take away how far it was when it has ended."""
        if event.worker is self._exporting:
            self.show_status()

    async def _ask_file(self, wanted: Wanted) -> None:
        first = asked = safe_line(f"Export {wanted.words} to (.jsonl or .csv)")
        text = suggested(self.listing.noun, datetime.now().astimezone())
        while True:
            text = await self.app.push_screen_wait(LineDialog(asked, value=text))
            if not text.strip():
                return
            try:
                to = destination(text, here())
                is_there = await to_end(partial(is_taken, to.path))
            except Invalid as error:
                asked = safe_line(f"{words_of(error)}; {error.hint}")
                continue
            if not is_there or await self._may_replace(to):
                break
            asked = first
        draft = ExportFile(to.path)
        self._begin(wanted, to.format, draft, draft.keep_over if is_there else draft.keep_new)

    async def _may_replace(self, to: Destination) -> bool:
        asked = safe_line(f"{to.path.name} is there already. Overwrite it? [y/N]")
        return await self.app.push_screen_wait(ConfirmDialog(asked, {"y": "yes"})) == "yes"

    def _begin(self, wanted: Wanted, format_: Format, draft: ExportFile, keep: Callable[[], None]) -> None:
        export = self._export = Export(
            draft=draft,
            keep=keep,
            layout=self._layout(format_),
            read=lambda after, limit: self.listing.read(wanted.where, after, limit),
            is_wanted=partial(self._is_wanted, wanted),
            tell=self.show_status,
        )
        self._exporting = start(self, partial(self._run, export), group="export")
        self.show_status()

    async def _run(self, export: Export[V]) -> None:
        # A screen that was left has no app any more.
        notify = partial(self.app.notify, markup=False)
        try:
            await export.run()
        except TaskdeckError as error:
            notify(safe_line(f"nothing was exported: {words_of(error)}"), severity="error")
        except asyncio.CancelledError:
            if not export.draft.is_kept:
                notify(safe_line(f"export stopped after {_rows(export.number)}: no file was written"))
            raise
        else:
            notify(safe_line(f"exported {_rows(export.number)} to {export.draft.path}{_cut(export)}"))

    def _layout(self, format_: Format) -> Layout[V]:
        if format_ is Format.JSONL:
            return Layout(write=lambda rows: json_text(map(self.view_of, rows)))
        columns = [column for column in self.table.all_columns if column.name not in self.table.hidden]
        return Layout(
            head=csv_text([list(map(heading_of, columns))]),
            write=lambda rows: csv_text([self.cell_of(row, column) for column in columns] for row in rows),
        )

    def _is_wanted(self, wanted: Wanted, row: V) -> bool:
        return self.listing.key(row) not in wanted.without and shape_of(self.view_of(row)) is not None


def _cut(export: Export[V]) -> str:
    if export.searched is None:
        return ""
    return f"; in this order only the newest {export.searched:,} were looked at, sort:id goes through all"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
