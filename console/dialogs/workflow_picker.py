"""A picker of the workflow: registered and built-in ones, files, recent jobs.

Opened by `console.shell.new_jobs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from console.background import sentence_of, start
from console.desk import Desk
from console.dialogs.new_job import FaultsDialog, NewJobDialog
from console.newjob.documents import (
    ENTRIES,
    Folder,
    Kind,
    Offer,
    Source,
    builtins,
    narrowed,
    read_builtin,
    read_folder,
    recent,
    registered,
    working_folder,
)
from console.newjob.resubmit import source_of
from console.widgets.form import SafeInput
from console.widgets.line import Line
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.control import api
from core.model.commands.work import DocumentText
from core.model.errors import InvalidDocument, TaskdeckError
from core.model.paths import absolute
from core.model.patterns.workflow_views import RegisteredView
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form

_COLUMNS = (
    Column(name="name", title="WORKFLOW", form=Form.TEXT, path="name", width=40),
    Column(name="kind", title="", form=Form.TEXT, path="kind", width=20, priority=1),
)
_REGISTERED = 500
"""Registered workflows that are offered at once, the first by name."""
_JOBS = 50
"""Newest jobs that are searched for workflows to run again."""


class WorkflowPicker(ModalScreen[int | None]):
    """Lists workflows; typing narrows, Enter opens the form. Returns the id of the submitted job."""

    DEFAULT_CSS = (
        "WorkflowPicker { background: $background; } WorkflowPicker SafeInput { background: $panel; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "next", show=False),
        Binding("up", "move(-1)", "before", show=False),
        Binding("pagedown", "page(1)", "a page down", show=False),
        Binding("pageup", "page(-1)", "a page up", show=False),
        Binding("escape", "back", "back", show=False),
    ]

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__()
        self._desk = desk
        self._first: tuple[Offer, ...] = builtins()
        self._registered: tuple[Offer, ...] = ()
        self._has_more = False
        """There are more registered workflows than fit: what is typed is searched for among all."""
        self._is_cut = False
        """More registered workflows have the typed text than are offered."""
        self._again: tuple[Offer, ...] = ()
        self._folder = Folder(path=folder, offers=())
        self._head = Line(classes="head")
        self._input = _Narrowing(placeholder="type to narrow, or a path")
        self._table: Table[Offer] = Table(RowFormat(columns=_COLUMNS, key=_key, write=_write, style=_plain))
        self._message = Line(classes="trouble")
        self._reads: list[Worker[None]] = []
        """What reads folders and lists of registered workflows."""
        self._enter_pressed = False
        """Enter was pressed while something was being read."""

    @property
    def is_settling(self) -> bool:
        """Whether Enter waits for what is being read: the next key is for the form."""
        return self._enter_pressed

    def compose(self) -> ComposeResult:
        """Stack head, input, list, message and hints."""
        yield self._head
        yield self._input
        yield self._table
        yield self._message
        hint = " ↓ ↑ move  Enter open  Backspace folder above  Esc leave"
        yield Line(Content(SafeText(hint)), classes="hints")

    def on_mount(self) -> None:
        """Read the folder and the recent jobs."""
        self._table.can_focus = False
        self._input.focus()
        self._show()
        start(self, self._find_known, group="recent")
        self._go(self._folder.path)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow by the typed text; a path that ends in a slash opens its folder."""
        event.stop()
        self._narrow()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the offer under the cursor."""
        event.stop()
        if self._is_reading():
            # The list is still that of before.
            self._enter_pressed = True
            return
        self._choose()

    def _choose(self) -> None:
        offer = self._table.selected
        if offer is None:
            self._say("nothing matches")
        elif offer.kind in (Kind.UP, Kind.FOLDER) and offer.path is not None:
            self._go(offer.path)
        else:
            start(self, partial(self._open, offer), group="open", exclusive=True)

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self._table.action_move(step)

    def action_page(self, step: int) -> None:
        """Move by a page."""
        self._table.action_page(step)

    def action_above(self) -> None:
        """Go to the folder above."""
        self._go(self._folder.path.parent)

    def action_back(self) -> None:
        """Clear the typed text, else close."""
        if self._input.value:
            self._input.value = ""
        else:
            self.dismiss(None)

    def _narrow(self) -> None:
        folder, slash, rest = self._input.value.rpartition("/")
        if slash and (folder.startswith(("/", "~")) or not folder or self._is_folder(folder)):
            self._go(self._folder.path / _home_of(f"{folder}/"), rest)
            return
        self._show()
        self._table.go_to(0)
        if self._has_more:
            self._search()

    def _search(self) -> None:
        """Offer the registered workflows that have the typed text in their names."""
        typed = self._input.value

        async def look() -> None:
            try:
                found = await self._desk.control.workflows.list(limit=_REGISTERED, part=typed or None)
            except TaskdeckError as error:
                self._say(sentence_of(error))
            else:
                if typed == self._input.value:
                    self._take_registered(found)

        self._read_by(start(self, look, group="search"))

    def _take_registered(self, found: Sequence[RegisteredView]) -> None:
        self._registered = registered(found)
        self._is_cut = len(found) == _REGISTERED
        self._show()

    def _go(self, path: Path, typed: str = "") -> None:
        # At once: text that is typed while the folder is read narrows its offers.
        self._input.value = typed

        async def look() -> None:
            try:
                self._folder = await asyncio.to_thread(read_folder, path)
            except TaskdeckError as error:
                self._say(sentence_of(error))
                self._enter_pressed = False
                return
            self._say(f"only the first {ENTRIES:,} entries are shown" if self._folder.cut else "")
            self._narrow()

        self._read_by(start(self, look, group="look", exclusive=True))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Choose what Enter was pressed for, once all is read; say what could not be read."""
        if event.state is WorkerState.ERROR:
            self._say(sentence_of(event.worker.error))
            self._enter_pressed = False
        if self._enter_pressed and not self._is_reading():
            self._enter_pressed = False
            self._choose()

    def _read_by(self, worker: Worker[None]) -> None:
        self._reads = [one for one in self._reads if _is_at_work(one)]
        self._reads.append(worker)

    def _is_reading(self) -> bool:
        return any(map(_is_at_work, self._reads))

    async def _find_known(self) -> None:
        """Offer the workflows that are registered, and those of recent jobs."""
        control = self._desk.control
        try:
            found = await control.workflows.list(limit=_REGISTERED)
            self._again = recent((await control.jobs(limit=_JOBS)).rows)
        except TaskdeckError:
            # Without a store there is nothing of that; the files can still be picked.
            return
        self._take_registered(found)
        self._has_more = self._is_cut
        if self._has_more and self._input.value:
            self._search()

    async def _open(self, offer: Offer) -> None:
        self._say("reading ...")
        try:
            source = await self._read(offer)
            workflow = await self._desk.control.describe(source.document)
        except InvalidDocument as error:
            self._say("")
            self.app.push_screen(FaultsDialog(safe_line(offer.name), error))
        except TaskdeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self._say(f"{sentence_of(error)}{hint}")
        else:
            self._say("")
            confirm = self._desk.operations.confirm_change
            form = NewJobDialog(self._desk.control, source, workflow, confirm=confirm)
            self.app.push_screen(form, self._submitted)

    async def _read(self, offer: Offer) -> Source:
        if offer.job is not None:
            return await source_of(self._desk.control, offer.job)
        if offer.kind is Kind.REGISTERED:
            found = await self._desk.control.workflows.one(offer.name)
            text = DocumentText(name=offer.name, text=found.text)
            # The folder of its file is one of the machine of the engine.
            folder = found.version.folder or self._folder_on_engine(working_folder())
            return Source(document=text, name=safe_line(offer.name), folder=folder)
        if offer.path is None:
            builtin, here = read_builtin(offer.name), self._folder_on_engine(working_folder())
            return Source(document=builtin, name=safe_line(offer.name), folder=here)
        document = await asyncio.to_thread(api.read_document, offer.path)
        folder = self._folder_on_engine(offer.path.parent)
        return Source(document=document, name=safe_line(offer.name), folder=folder)

    def _folder_on_engine(self, folder: Path) -> str:
        # A folder of this machine means nothing on another.
        return "" if self._desk.host else str(absolute(folder))

    def _submitted(self, job_id: int | None) -> None:
        if job_id is not None:
            self.dismiss(job_id)

    def _is_folder(self, typed: str) -> bool:
        first = typed.split("/", maxsplit=1)[0] + "/"
        folders = (offer for offer in self._folder.offers if offer.kind in (Kind.FOLDER, Kind.UP))
        return any(offer.name == first for offer in folders)

    def _show(self) -> None:
        offers = narrowed(
            (*self._first, *self._registered, *self._again, *self._folder.offers), self._input.value
        )
        self._table.replace(dict(enumerate(offers)), count=len(offers), more=False)
        note = f" (of registered ones the first {_REGISTERED}: type a part of the name)"
        cut = note if self._is_cut else ""
        self._head.write(Content(safe_line(f" New job: pick a workflow{cut} in {self._folder.path}")))

    def _say(self, words: str) -> None:
        self._message.write(Content(safe_line(f" {words}" if words else "")))


class _Narrowing(SafeInput):
    """An input whose Backspace goes to the folder above when there is nothing to delete."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("backspace", "rub_out", "delete", show=False)]

    async def action_rub_out(self) -> None:
        """Delete a character, or go up."""
        if self.value:
            self.action_delete_left()
        else:
            await self.screen.run_action("above")


def _is_at_work(worker: Worker[None]) -> bool:
    # One that is cancelled before it begins is never finished.
    return not worker.is_finished and not worker.is_cancelled


def _home_of(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError:
        # An unknown user: the path is used as it is, and reported as missing.
        return Path(typed)


def _key(offer: Offer) -> tuple[str, str, int]:
    return (offer.kind.value, offer.name, 0 if offer.job is None else offer.job.id)


def _write(offer: Offer, columns: Sequence[Column]) -> tuple[SafeText, ...]:
    kind = "" if offer.kind in (Kind.FOLDER, Kind.FILE, Kind.UP) else offer.kind.value
    more = "" if offer.job is None else f" (job {offer.job.id})"
    texts = {"name": safe_line(offer.name), "kind": safe_line(f"{kind}{more}")}
    return tuple(texts[column.name] for column in columns)


def _plain(_offer: Offer, _column: Column) -> None:
    return None
