"""The shell: the keys that lead from place to place, copy, dress and explain."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.screen import ModalScreen

from console.background import start, words_of
from console.desk import Desk
from console.dialogs.confirm import ConfirmDialog
from console.dialogs.help import HelpDialog
from console.dialogs.menu import MenuDialog
from console.dialogs.new_job import FaultsDialog, NewJobDialog
from console.dialogs.workflow_picker import WorkflowPicker
from console.newjob.documents import here
from console.newjob.resubmit import Again, source_of
from console.rows.copies import LARGEST, copies_of
from console.screens.base import DeskScreen, Shown, Visit
from console.screens.failed import Renew
from console.screens.list_screen import ListScreen
from console.shell.error_boundary import BoundedApp
from console.shell.navigator import Navigator
from console.shell.places import ROOTS
from console.themes import PLAIN
from console.widgets.line_dialog import LineDialog
from core.files.writing import write_file
from core.model.errors import InvalidDocument, TaskdeckError
from core.model.text import SafeText, safe_line

COPIED = "copied.txt"
"""What was copied last, in the data directory: not every terminal takes it."""


class Shell(BoundedApp):
    """An app with a desk and places to move between."""

    desk: Desk
    navigator: Navigator
    home: Path | None

    def delay_update(self, delay: float = 0.0) -> None:
        """Draw at once: at a switch Textual holds all for 50 ms, twice what a key may take."""

    async def choose(self, question: SafeText, answers: dict[str, str]) -> str:
        """Ask for one key; '' = none of the answers."""
        return await self.push_screen_wait(ConfirmDialog(question, answers))

    def tell(self, words: SafeText, *, bad: bool = False) -> None:
        """Show a sentence for a while."""
        self.notify(words, severity="warning" if bad else "information", markup=False)

    def refuse(self, reason: SafeText) -> None:
        """Say why a key does nothing now."""
        self.tell(reason)

    def fail(self, screen: DeskScreen, error: Exception) -> None:
        """Put what tells of a failure where the failed screen stands."""
        self.navigator.fail(screen, error)

    def fail_dialog(self, screen: ModalScreen[object], error: Exception) -> None:
        """Take a failed dialog away, unanswered."""
        screen.dismiss(None)
        self.tell(words_of(error), bad=True)

    def of_screen(self, act: Callable[[DeskScreen], object]) -> None:
        """Do something with the present screen, unless a question stands over it or all have gone."""
        for screen in self.screen_stack[-1:]:
            if isinstance(screen, DeskScreen):
                act(screen)

    def on_visit(self, event: Visit) -> None:
        """Show a place on top of the present screen."""
        self.navigator.visit(event.place, event.subject)

    def on_shown(self, event: Shown) -> None:
        """Remember where one is."""
        if event.screen.spot is not None:
            self.navigator.history.went(event.screen.spot)

    def on_renew(self, event: Renew) -> None:
        """Put a screen that failed up again."""
        self.navigator.renew(event.spot)

    def action_goto(self) -> None:
        """Type where to go."""
        start(self, self._ask_place, group="menu", exclusive=True)

    def action_recall(self) -> None:
        """Type the name of a saved view."""
        start(self, self._ask_view, group="menu", exclusive=True)

    async def action_go(self, text: str) -> None:
        """Go where a text says."""
        await self._go(text)

    def action_screen(self, name: str) -> None:
        """Show a screen as it was left; the one that is shown, from its first page."""
        self.navigator.root_again(name)

    def action_history(self, by: int) -> None:
        """Go back or forward in what was looked at."""
        if not self.navigator.step(by):
            self.tell(SafeText("nothing was looked at before" if by < 0 else "nothing was looked at after"))

    def action_last_view(self) -> None:
        """Go to the view before this one."""
        self.navigator.last()

    def action_help(self) -> None:
        """Show the keys of the present screen."""
        screen = self.screen
        if isinstance(screen, DeskScreen):
            self.push_screen(HelpDialog(screen.parts(), screen.desk.keymap, why_not=screen.why_not))
        else:
            self.push_screen(HelpDialog((), {}, why_not=lambda _: SafeText("")))

    def action_copy(self) -> None:
        """Copy something of the row or page."""
        start(self, self._copy, group="menu", exclusive=True)

    def action_new_job(self) -> None:
        """Pick a workflow, fill in its form, submit it, and show the job."""
        self.push_screen(WorkflowPicker(self.desk, here()), self._show_job)

    def on_again(self, event: Again) -> None:
        """Fill in the form of a job once more, submit it, and show the new job."""
        start(self, partial(self._submit_again, event.job_id), group="menu", exclusive=True)

    def action_next_theme(self) -> None:
        """Put the next theme on; without colours there is one only."""
        names = [PLAIN] if self.no_color else list(self.desk.looks)
        self.action_wear(names[(names.index(self.desk.theme) + 1) % len(names)])

    def action_wear(self, name: str) -> None:
        """Put a theme on."""
        if self.no_color and name != PLAIN:
            self.tell(SafeText("NO_COLOR is set: there is one theme only"))
            return
        self.desk.theme = name
        self.theme = name
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.restyle()

    async def _ask_place(self) -> None:
        there = f"{' '.join(ROOTS)}, job 7, task 7, log 7, #7, queue NAME, save NAME, 'NAME"
        text = await self.push_screen_wait(LineDialog(SafeText("Go to"), placeholder=there))
        if text.strip():
            await self._go(text)

    async def _ask_view(self) -> None:
        names = ", ".join(sorted(self.desk.views.all())) or "none yet; ':save NAME' keeps the present filter"
        name = await self.push_screen_wait(LineDialog(SafeText("Saved view"), placeholder=safe_line(names)))
        if name.strip():
            await self._go(f"'{name}")

    async def _submit_again(self, job_id: int) -> None:
        control = self.desk.control
        try:
            job = await control.job(job_id)
            source = await source_of(control, job)
            workflow = await control.describe(source.document)
        except InvalidDocument as error:
            self.push_screen(FaultsDialog(safe_line(f"job {job_id}"), error))
        except TaskdeckError as error:
            self.tell(words_of(error), bad=True)
        else:
            form = NewJobDialog(control, source, workflow, given=job.params, sure=self.desk.operations.sure)
            self.push_screen(form, self._show_job)

    def _show_job(self, job_id: int | None) -> None:
        if job_id is not None:
            self.post_message(Visit("job", job_id))

    async def _go(self, text: str) -> None:
        if text.strip().lower() == "new":
            await self.run_action("new_job", self)
            return
        try:
            told = await self.navigator.go(text)
        except TaskdeckError as error:
            self.tell(safe_line(error.message), bad=True)
            return
        if told:
            self.tell(told)

    async def _copy(self) -> None:
        screen = self.screen
        if not isinstance(screen, DeskScreen):
            return
        found = copies_of(
            screen.selected_view(), screen.rows.where if isinstance(screen, ListScreen) else None
        )
        lines = {letter: safe_line(f"{name}: {text}") for letter, (name, text) in found.items()}
        letter = await self.push_screen_wait(MenuDialog(SafeText("Copy"), lines))
        if letter:
            self._put(*found[letter])

    def _put(self, name: str, text: SafeText) -> None:
        is_small = len(text.encode()) <= LARGEST
        if is_small:
            self.copy_to_clipboard(text)
        told = f"copied the {name}" if is_small else f"the {name} is too large for the terminal's clipboard"
        if self.home is not None:
            file = self.home / COPIED
            try:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_file(file, text.encode())
            except OSError as error:
                told += f"; not written to {file}: {error.strerror}"
            else:
                told += f"; also in {file}"
        self.tell(safe_line(told))
