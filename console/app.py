"""The console: wires screens, feed, verbs and themes together."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.worker import Worker, WorkerState

from console.boundary import BoundedApp
from console.desk import Desk
from console.driver import CountingDriver
from console.engines import EngineStarter
from console.feed import Feed
from console.front import ScreenFront
from console.keymap import bindings
from console.leaving import Landlord
from console.moving import Mover
from console.operations import Operations
from console.palette import KeyProvider
from console.places import HOME, ROOTS
from console.screens.base import DeskScreen, Shown, Visit
from console.screens.confirm import Confirm
from console.screens.failed import FailedScreen, Renew
from console.screens.help import HelpScreen
from console.screens.picking import PickScreen
from console.theming import PLAIN, looks, starting
from console.widgets.prompt import Prompt
from console.working import start, words_of
from core.control.api import ControlAPI
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the console runs: seconds between two ticks (0 = only when asked), and who starts engines."""

    tick: float
    starter: EngineStarter | None = None
    host: str = ""
    """The machine of the engine; '' = this one."""


class ConsoleApp(BoundedApp):
    """Shows what a control says, and asks it for what the operator wants."""

    TITLE = "taskdeck"
    CSS_PATH = "styles/console.tcss"
    BINDINGS = bindings("app")
    COMMANDS = {KeyProvider}

    def __init__(self, control: ControlAPI, manner: Manner) -> None:
        # Without this, NO_COLOR would only turn colours into greys.
        plain = True if "NO_COLOR" in os.environ else None
        super().__init__(driver_class=CountingDriver, ansi_color=plain)
        self._manner = manner
        self._aged_at = 0.0
        known = looks()
        self.desk = Desk(
            control=control,
            operations=Operations(control, ScreenFront(self)),
            feed=Feed(control),
            looks=known,
            theme=starting(known, os.environ),
            host=manner.host,
        )
        self.mover = Mover(self, self.desk)
        self._landlord = Landlord(self.desk, self, starter=manner.starter)
        for look in known.values():
            self.register_theme(look.theme)
        for name in ROOTS:
            self.add_mode(name, partial(self.mover.root, name))

    def on_mount(self) -> None:
        """Put the theme on, show the first screen, begin to follow what changes."""
        self.theme = self.desk.theme
        self.switch_mode(HOME)
        start(self, self._open, group="begin")
        if self._manner.tick:
            start(self, self._follow, group="follow")
            self.set_interval(self._manner.tick, self._age)

    def beat(self) -> None:
        """Ask once what has changed, and show it, unless a frame or an earlier beat is under way."""
        is_asking = any(worker.group == "beat" and not worker.is_finished for worker in self.workers)
        if self.pending <= 1 and not is_asking:
            start(self, self._beat, group="beat")

    @property
    def pending(self) -> int:
        """How many frames wait to be written."""
        return self._driver.pending if isinstance(self._driver, CountingDriver) else 0

    async def choose(self, question: SafeText, answers: dict[str, str]) -> str:
        """Ask for one key; '' = none of the answers."""
        return await self.push_screen_wait(Confirm(question, answers))

    def tell(self, words: SafeText, *, bad: bool = False) -> None:
        """Show a sentence for a while."""
        self.notify(words, severity="warning" if bad else "information", markup=False)

    def refuse(self, reason: SafeText) -> None:
        """Say why a key does nothing now."""
        self.tell(reason)

    def fail(self, screen: DeskScreen, error: Exception) -> None:
        """Put what tells of a failure where the failed screen stands."""
        self.mover.fail(screen, error)

    def on_visit(self, event: Visit) -> None:
        """Show a place on top of the present screen."""
        self.mover.visit(event.place, event.subject)

    def on_shown(self, event: Shown) -> None:
        """Remember where one is."""
        if event.screen.spot is not None:
            self.mover.history.went(event.screen.spot)

    def on_renew(self, event: Renew) -> None:
        """Put a screen that failed up again."""
        self.mover.renew(event.spot)

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """Go to the screen whose name was typed."""
        if event.kind == "goto" and event.text.strip().lower() == "new":
            self._of_screen(lambda screen: screen.query_one(Prompt).close())
            self.action_new_job()
            return
        found = [name for name in ROOTS if name.startswith(event.text.strip().lower())]
        if event.kind != "goto" or not found:
            self.tell(safe_line(f"no such screen; there are: {' '.join(ROOTS)}"), bad=True)
            return
        self._of_screen(lambda screen: screen.query_one(Prompt).close())
        self.switch_mode(found[0])

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of what failed beside the screens."""
        if event.state is WorkerState.ERROR:
            self.tell(words_of(event.worker.error), bad=True)

    def action_goto(self) -> None:
        """Type the name of a screen."""
        for prompt in self.screen.query(Prompt):
            prompt.ask("goto", "", placeholder=f"go to: {' '.join(ROOTS)}")

    def action_screen(self, name: str) -> None:
        """Show a screen as it was left."""
        self.switch_mode(name)

    def action_history(self, by: int) -> None:
        """Go back or forward in what was looked at."""
        if not self.mover.step(by):
            self.tell(SafeText("nothing was looked at before" if by < 0 else "nothing was looked at after"))

    def action_last_view(self) -> None:
        """Go to the view before this one."""
        self.mover.last()

    def action_help(self) -> None:
        """Show the keys of the present screen."""
        self.push_screen(HelpScreen(self.screen if isinstance(self.screen, DeskScreen) else None))

    def action_new_job(self) -> None:
        """Pick a workflow, fill in its form, submit it, and show the job."""

        def show(job_id: int | None) -> None:
            if job_id is not None:
                self.post_message(Visit("job", job_id))

        self.push_screen(PickScreen(self.desk, Path.cwd()), show)

    def action_repeat(self) -> None:
        """Do the last verb once more on what is chosen now."""
        self._of_screen(lambda screen: screen.act(self.desk.operations.repeat))

    def action_next_theme(self) -> None:
        """Put the next theme on; without colours there is one only."""
        names = [PLAIN] if self.no_color else list(self.desk.looks)
        self.desk.theme = names[(names.index(self.desk.theme) + 1) % len(names)]
        self.theme = self.desk.theme
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.restyle()

    def action_freeze(self) -> None:
        """Freeze what is shown, or let it go on."""
        self.desk.frozen = not self.desk.frozen
        self._of_screen(DeskScreen.show_status if self.desk.frozen else DeskScreen.reload)

    def action_reload(self) -> None:
        """Read everything again."""
        if isinstance(self.screen, FailedScreen):
            self.screen.renew()
            return
        start(self, self._open, group="begin", exclusive=True)
        self._of_screen(DeskScreen.reload)

    def action_undo(self) -> None:
        """Undo the last reversible verb."""
        start(self, self._undo, group="act")

    def action_start_engine(self) -> None:
        """Start an engine if none runs, replace one of another version."""
        start(self, self._landlord.want, group="leave", exclusive=True)

    def action_leave(self) -> None:
        """Go back, or from the first screen leave; ask what becomes of an engine of ours that has work."""
        if len(self.screen_stack) > 1:
            self._of_screen(DeskScreen.action_back)
        else:
            start(self, self._leave, group="leave", exclusive=True)

    async def action_quit(self) -> None:
        """Leave, from wherever one is."""
        start(self, self._leave, group="leave", exclusive=True)

    async def _leave(self) -> None:
        if await self._landlord.may_leave():
            self.exit()

    async def _undo(self) -> None:
        await self.desk.operations.undo()
        self._of_screen(DeskScreen.reload)

    async def _open(self) -> None:
        self._show(await self._landlord.begin())

    async def _follow(self) -> None:
        while True:
            if not self.desk.frozen and self.pending <= 1:
                await self._beat()
            await asyncio.sleep(self.desk.feed.seconds(self._manner.tick, pending=self.pending))

    async def _beat(self) -> None:
        self._show(await self.desk.feed.ask())

    def _show(self, kinds: frozenset[str]) -> None:
        self._landlord.look()
        self._of_screen(lambda screen: screen.news(kinds))

    def _age(self) -> None:
        wait = self.desk.feed.seconds(self._manner.tick, pending=self.pending)
        if self.desk.frozen or self.pending > 1 or time.monotonic() - self._aged_at < wait * 0.9:
            return
        self._aged_at = time.monotonic()
        self._of_screen(DeskScreen.age)

    def _of_screen(self, act: Callable[[DeskScreen], object]) -> None:
        if isinstance(self.screen, DeskScreen):
            act(self.screen)
