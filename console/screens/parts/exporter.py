"""Exporter: asks for a file, writes to it beside the screen, stops.

Owned by every screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from textual.worker import Worker

from console.background import finish_in_thread, sentence_of
from console.dialogs.confirm import ConfirmDialog
from console.exports.export import Export
from console.exports.export_file import ExportFile, is_taken
from console.exports.extract import Extract
from console.exports.file_formats import Destination, Format, destination, endings_text, suggested
from console.newjob.documents import working_folder
from console.screens.parts.hosts import Host
from console.widgets.line_dialog import LineDialog
from core.model.errors import Invalid, TaskdeckError
from core.model.text import SafeText, safe_line

EXPORT = "export"
"""The group of the work that writes a file."""
_RUNNING = SafeText("an export is running: Esc stops it")
_NOTHING = SafeText("no rows to export")


class Exporter:
    """Writes what a screen shows; the file has its name only when it is whole."""

    def __init__(self, host: Host, *, extract: Callable[[], Extract | None]) -> None:
        self._host = host
        self._extract = extract
        """Returns what would be written now; None = there is nothing."""
        self._export: Export | None = None
        self._worker: Worker[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    def why_not(self) -> SafeText:
        """Say why nothing can be exported now; '' = it can."""
        if self.is_running:
            return _RUNNING
        return _NOTHING if self._extract() is None else SafeText("")

    def status_words(self) -> str:
        """Say how far an export is; '' = none is running."""
        if self._export is None or not self.is_running:
            return ""
        return f"exported {self._export.amount} ... (Esc stops)"

    def export(self) -> None:
        """Ask for a file, then write the rows to it."""
        extract = self._extract()
        if extract is None:
            self._host.tell(_NOTHING)
        else:
            self._host.begin(partial(self._ask_file, extract), group="menu", exclusive=True)

    def stop(self) -> None:
        """Stop, and delete what was written."""
        if self._worker is not None:
            self._worker.cancel()

    def note_end(self, worker: Worker[None]) -> None:
        """Take the progress off the status bar when the export has ended."""
        if worker is self._worker:
            self._host.show_status()

    async def _ask_file(self, extract: Extract) -> None:
        first = question = safe_line(f"Export {extract.label} to ({endings_text(extract.formats)})")
        text = suggested(extract.name, datetime.now().astimezone(), extract.formats[0])
        while True:
            text = await self._host.ask(LineDialog(question, value=text))
            if not text.strip():
                return
            try:
                to = destination(text, working_folder(), extract.formats)
                is_there = await finish_in_thread(partial(is_taken, to.path))
            except Invalid as error:
                question = safe_line(f"{sentence_of(error)}; {error.hint}")
                continue
            if not is_there or await self._may_replace(to):
                break
            question = first
        file = ExportFile(to.path)
        self._begin(extract, to.format, file, file.keep_over if is_there else file.keep_new)

    async def _may_replace(self, to: Destination) -> bool:
        question = safe_line(f"{to.path.name} is there already. Overwrite it? [y/N]")
        return await self._host.ask(ConfirmDialog(question, {"y": "yes"})) == "yes"

    def _begin(self, extract: Extract, format_: Format, file: ExportFile, keep: Callable[[], None]) -> None:
        export = self._export = Export(
            file=file,
            keep=keep,
            extract=extract,
            format=format_,
            show_progress=self._host.show_status,
        )
        self._worker = self._host.begin(partial(self._run, export), group=EXPORT)
        self._host.show_status()

    async def _run(self, export: Export) -> None:
        tell = self._host.tell
        try:
            await export.run()
        except TaskdeckError as error:
            tell(safe_line(f"nothing was exported: {sentence_of(error)}"), severity="error")
        except asyncio.CancelledError:
            if not export.file.is_kept:
                tell(safe_line(f"export stopped after {export.amount}: no file was written"))
            raise
        else:
            tell(safe_line(f"exported {export.summary()}"))
