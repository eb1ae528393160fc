"""The console: wires screens, feed, verbs and themes together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.app import App
from textual.worker import Worker, WorkerState

from console.desk import Desk
from console.driver import CountingDriver
from console.engines import EngineStarter
from console.feed import Feed, Pulse
from console.keymap import bindings
from console.operations import Operations
from console.palette import KeyProvider
from console.places import HOME, ROOTS, make
from console.screens.base import DeskScreen, Visit
from console.screens.confirm import Confirm
from console.screens.help import HelpScreen
from console.theming import PLAIN, looks, starting
from console.widgets.prompt import Prompt
from console.working import start, words_of
from core.control.api import ControlAPI
from core.model.errors import TaskdeckError, Unavailable
from core.model.text import SafeText, safe_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the console runs: seconds between two ticks (0 = only when asked), and who starts engines."""

    tick: float
    starter: EngineStarter | None = None


class ConsoleApp(App[None]):
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
        known = looks()
        self.desk = Desk(
            control=control,
            operations=Operations(control, self),
            feed=Feed(control),
            looks=known,
            theme=starting(known, os.environ),
        )
        for look in known.values():
            self.register_theme(look.theme)
        for name in ROOTS:
            self.add_mode(name, partial(make, self.desk, name, None))

    def on_mount(self) -> None:
        """Put the theme on, show the first screen, begin to tick."""
        self.theme = self.desk.theme
        self.switch_mode(HOME)
        if self._manner.tick:
            self.set_interval(self._manner.tick, self.beat)
        start(self, self._begin, group="begin")

    def beat(self) -> None:
        """Ask once for everything that is shown, unless a frame or an earlier beat is under way."""
        behind = self._driver.pending if isinstance(self._driver, CountingDriver) else 0
        if behind > 1 or any(worker.group == "beat" and not worker.is_finished for worker in self.workers):
            return
        start(self, self._beat, group="beat")

    async def confirm(self, question: SafeText) -> bool:
        """Ask; only the key y says yes."""
        return await self.push_screen_wait(Confirm(question, {"y": "yes"})) == "yes"

    def tell(self, words: SafeText, *, bad: bool = False) -> None:
        """Show a sentence for a while."""
        self.notify(words, severity="warning" if bad else "information", markup=False)

    def on_visit(self, event: Visit) -> None:
        """Show a place on top of the present screen."""
        self.push_screen(make(self.desk, event.place, event.subject))

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """Go to the screen whose name was typed."""
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

    def action_help(self) -> None:
        """Show the keys of the present screen."""
        below = self.screen
        parts = (*below.PARTS, below.READER) if isinstance(below, DeskScreen) else ()
        self.push_screen(HelpScreen(parts))

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
        self._of_screen(DeskScreen.tick)

    def action_reload(self) -> None:
        """Read everything again."""
        self.beat()
        self._of_screen(DeskScreen.reload)

    def action_undo(self) -> None:
        """Undo the last reversible verb."""
        start(self, self._undo, group="act")

    def action_start_engine(self) -> None:
        """Start an engine, if none runs."""
        start(self, self._begin, group="begin")

    def action_leave(self) -> None:
        """Leave; ask what becomes of an engine of our own that has work."""
        start(self, self._leave, group="leave", exclusive=True)

    async def _undo(self) -> None:
        await self.desk.operations.undo()
        self._of_screen(DeskScreen.reload)

    async def _beat(self) -> None:
        await self.desk.feed.beat()
        starter = self._manner.starter
        failure = None if starter is None else starter.failure()
        if failure:
            self.tell(failure, bad=True)
        self._of_screen(DeskScreen.tick)

    async def _begin(self) -> None:
        pulse = await self.desk.feed.beat()
        if pulse.engine is not None or self._manner.starter is None:
            return
        try:
            self._manner.starter.start()
        except Unavailable as error:
            self.tell(safe_line(error.message), bad=True)

    async def _leave(self) -> None:
        pulse = await self.desk.feed.beat()
        if pulse.engine is None and self._manner.starter is not None:
            # Left before it answered: nobody else knows of it.
            self._manner.starter.call_off()
        if self._is_ours(pulse):
            answer = "s"
            if pulse.busy:
                answers = {"d": "d", "s": "s"}
                question = "Work goes on: d leaves the engine running, s stops it, any other key stays"
                answer = await self.push_screen_wait(Confirm(SafeText(question), answers))
            if answer == "s":
                await self._stop()
            elif not answer:
                return
        self.exit()

    async def _stop(self) -> None:
        try:
            await self.desk.control.stop_engine()
        except TaskdeckError as error:
            self.tell(safe_line(error.message), bad=True)

    def _is_ours(self, pulse: Pulse) -> bool:
        starter = self._manner.starter
        return starter is not None and pulse.engine is not None and pulse.engine.pid == starter.pid

    def _of_screen(self, act: Callable[[DeskScreen], object]) -> None:
        if isinstance(self.screen, DeskScreen):
            act(self.screen)
