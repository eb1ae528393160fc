"""Exporter: asks for a file, writes the list beside the screen, stops.

Owned by the list screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from textual.worker import Worker

from console.background import finish_in_thread, sentence_of
from console.dialogs.confirm import ConfirmDialog
from console.exports.export import Export, ExportedRows, rows_words
from console.exports.export_file import ExportFile, is_taken
from console.exports.file_formats import (
    Destination,
    Format,
    Layout,
    csv_text,
    destination,
    heading_of,
    json_text,
    suggested,
)
from console.newjob.documents import working_folder
from console.rows.listing import Listing
from console.screens.parts.hosts import Host
from console.widgets.line_dialog import LineDialog
from console.widgets.table import Table
from core.model.errors import Invalid, TaskdeckError
from core.model.text import SafeText, safe_line
from core.render.columns import Column
from core.render.json_shapes import shape_of

V = TypeVar("V")
_RUNNING = SafeText("an export is running: Esc stops it")
_NO_ROWS = SafeText("no rows to export")


class Exporter(Generic[V]):
    """Writes rows of a list, in memory or not; the file has its name only when it is whole."""

    def __init__(
        self,
        listing: Listing[V],
        table: Table[V],
        host: Host,
        *,
        selection: Callable[[], ExportedRows],
        cell: Callable[[V, Column], SafeText],
    ) -> None:
        self._listing = listing
        self._table = table
        self._host = host
        self._selection = selection
        """Returns the rows that would be exported now."""
        self._cell = cell
        """Writes what a column says of a row in a file."""
        self._export: Export[V] | None = None
        self._worker: Worker[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    def why_not(self) -> SafeText:
        """Say why nothing can be exported now; '' = it can."""
        if self.is_running:
            return _RUNNING
        return SafeText("") if self._table.count else _NO_ROWS

    def status_words(self) -> str:
        """Say how far an export is; '' = none is running."""
        if self._export is None or not self.is_running:
            return ""
        return f"exported {self._export.number:,} ... (Esc stops)"

    def export(self) -> None:
        """Ask for a file, then write the rows to it."""
        self._host.begin(partial(self._ask_file, self._selection()), group="menu", exclusive=True)

    def stop(self) -> None:
        """Stop, and delete what was written."""
        if self._worker is not None:
            self._worker.cancel()

    def note_end(self, worker: Worker[None]) -> None:
        """Take the progress off the status bar when the export has ended."""
        if worker is self._worker:
            self._host.show_status()

    async def _ask_file(self, selection: ExportedRows) -> None:
        first = question = safe_line(f"Export {selection.label} to (.jsonl or .csv)")
        text = suggested(self._listing.noun, datetime.now().astimezone())
        while True:
            text = await self._host.ask(LineDialog(question, value=text))
            if not text.strip():
                return
            try:
                to = destination(text, working_folder())
                is_there = await finish_in_thread(partial(is_taken, to.path))
            except Invalid as error:
                question = safe_line(f"{sentence_of(error)}; {error.hint}")
                continue
            if not is_there or await self._may_replace(to):
                break
            question = first
        file = ExportFile(to.path)
        self._begin(selection, to.format, file, file.keep_over if is_there else file.keep_new)

    async def _may_replace(self, to: Destination) -> bool:
        question = safe_line(f"{to.path.name} is there already. Overwrite it? [y/N]")
        return await self._host.ask(ConfirmDialog(question, {"y": "yes"})) == "yes"

    def _begin(
        self, selection: ExportedRows, format_: Format, file: ExportFile, keep: Callable[[], None]
    ) -> None:
        export = self._export = Export(
            file=file,
            keep=keep,
            layout=self._layout(format_),
            read=lambda after, limit: self._listing.read(selection.where, after, limit),
            is_wanted=partial(self._is_wanted, selection),
            show_progress=self._host.show_status,
        )
        self._worker = self._host.begin(partial(self._run, export), group="export")
        self._host.show_status()

    async def _run(self, export: Export[V]) -> None:
        tell = self._host.tell
        try:
            await export.run()
        except TaskdeckError as error:
            tell(safe_line(f"nothing was exported: {sentence_of(error)}"), severity="error")
        except asyncio.CancelledError:
            if not export.file.is_kept:
                tell(safe_line(f"export stopped after {rows_words(export.number)}: no file was written"))
            raise
        else:
            tell(safe_line(f"exported {export.summary()}"))

    def _layout(self, format_: Format) -> Layout[V]:
        if format_ is Format.JSONL:
            return Layout(write=lambda rows: json_text(map(self._listing.view, rows)))
        hidden = self._table.hidden
        columns = [column for column in self._table.all_columns if column.name not in hidden]
        return Layout(
            head=csv_text([list(map(heading_of, columns))]),
            write=lambda rows: csv_text([self._cell(row, column) for column in columns] for row in rows),
        )

    def _is_wanted(self, selection: ExportedRows, row: V) -> bool:
        is_left_out = self._listing.key(row) in selection.without
        return not is_left_out and shape_of(self._listing.view(row)) is not None
