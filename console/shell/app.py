"""The console: wires screens, feed, verbs and themes together."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.worker import Worker, WorkerState

from console.background import start, words_of
from console.desk import Desk
from console.dialogs.questions import ScreenFront
from console.engine_lifecycle.lifecycle import EngineLifecycle
from console.engine_lifecycle.starters import EngineStarter
from console.feed import Feed
from console.key_table import bindings
from console.navigation.saved_views import Views
from console.protection.arming import arm_or_disarm
from console.protection.gate import ANY, Clock, Gate
from console.protection.guard import GuardedControl
from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen
from console.shell.actions import Shell
from console.shell.keymap_file import FILE as KEYMAP
from console.shell.keymap_file import read_keymap
from console.shell.navigator import Navigator
from console.shell.palette import KeyProvider
from console.shell.places import GROUPS, HOME, ROOTS
from console.terminal.driver import CountingDriver
from console.terminal.key_order import OneByOne
from console.themes import looks, no_theme, starting
from console.verbs.operations import Operations
from core.control.api import ControlAPI
from core.model.text import SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """How the console runs: seconds between two ticks (0 = only when asked), and who starts engines."""

    tick: float
    starter: EngineStarter | None = None
    host: str = ""
    """The machine of the engine; '' = this one."""
    home: Path | None = None
    """The data directory, for views, keymap and what is copied; None = nothing is kept."""
    never: SafeText = ANY
    """Why the console changes nothing, whatever the engine allows; '' = it may."""
    clock: Clock = time.monotonic
    """What armed changes run out by."""


class ConsoleApp(OneByOne, Shell):
    """Shows what a control says, and asks it for what the operator wants."""

    TITLE = "taskdeck"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings("app")
    COMMANDS = {KeyProvider}

    def __init__(self, control: ControlAPI, manner: ConsoleOptions) -> None:
        # Without this, NO_COLOR would only turn colours into greys.
        plain = True if "NO_COLOR" in os.environ else None
        super().__init__(driver_class=CountingDriver, ansi_color=plain)
        self._manner = manner
        self._aged_at = 0.0
        self._word = SafeText("")
        self.home = manner.home
        known = looks()
        keymap = {} if manner.home is None else read_keymap(manner.home / KEYMAP, GROUPS)
        feed = Feed(control)
        gate = Gate(feed, never=manner.never, clock=manner.clock)
        safe = GuardedControl(control, feed, gate)
        self.desk = Desk(
            control=safe,
            gate=gate,
            operations=Operations(safe, ScreenFront(self), bounded=gate.bounded),
            feed=feed,
            looks=known,
            theme=starting(known, os.environ),
            views=Views(manner.home),
            keymap=keymap,
            host=manner.host,
        )
        self.set_keymap(keymap)
        self.navigator = Navigator(self, self.desk)
        self._lifecycle = EngineLifecycle(self.desk, self, starter=manner.starter)
        for look in known.values():
            self.register_theme(look.theme)
        for name in ROOTS:
            self.add_mode(name, partial(self.navigator.root, name))

    def on_mount(self) -> None:
        """Put the theme on, show the first screen, begin to follow what changes."""
        self.theme = self.desk.theme
        self.switch_mode(HOME)
        if wrong := no_theme(self.desk.looks, os.environ):
            self.tell(wrong, bad=True)
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

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of what failed beside the screens."""
        if event.state is WorkerState.ERROR:
            self.tell(words_of(event.worker.error), bad=True)

    def action_repeat(self) -> None:
        """Do the last verb once more on what is chosen now."""
        self.of_screen(lambda screen: screen.verbs.act(self.desk.operations.repeat))

    def action_write(self) -> None:
        """Arm changes where they are protected, or disarm them."""
        start(self, self._write, group="menu", exclusive=True)

    def action_freeze(self) -> None:
        """Freeze what is shown, or let it go on."""
        self.desk.frozen = not self.desk.frozen
        self.of_screen(lambda screen: screen.show_status() if self.desk.frozen else screen.reload())

    def action_reload(self) -> None:
        """Read everything again."""
        if isinstance(self.screen, FailedScreen):
            self.screen.renew()
            return
        start(self, self._open, group="begin", exclusive=True)
        self.of_screen(lambda screen: screen.reload())

    def action_undo(self) -> None:
        """Undo the last reversible verb."""
        start(self, self._undo, group="act")

    def action_start_engine(self) -> None:
        """Start an engine if none runs, replace one of another version."""
        start(self, self._lifecycle.want, group="leave", exclusive=True)

    def action_leave(self) -> None:
        """Go back, or from the first screen leave; ask what becomes of an engine that has work."""
        if len(self.screen_stack) > 1:
            self.of_screen(DeskScreen.action_back)
        else:
            start(self, self._leave, group="leave", exclusive=True)

    async def action_quit(self) -> None:
        """Leave, from wherever one is."""
        start(self, self._leave, group="leave", exclusive=True)

    async def _write(self) -> None:
        await arm_or_disarm(self.desk.gate, self.desk.feed.pulse.engine, host=self.desk.host, asker=self)
        self.of_screen(lambda screen: screen.show_status())

    async def _leave(self) -> None:
        if await self._lifecycle.may_leave():
            self.exit()

    async def _undo(self) -> None:
        await self.desk.operations.undo()
        self.of_screen(lambda screen: screen.reload())

    async def _open(self) -> None:
        self._show(await self._lifecycle.begin())

    async def _follow(self) -> None:
        self.desk.feed.is_followed = True
        while True:
            if not self.desk.frozen and self.pending <= 1:
                await self._beat()
            await asyncio.sleep(self.desk.feed.seconds(self._manner.tick, pending=self.pending))

    async def _beat(self) -> None:
        self._show(await self.desk.feed.ask())

    def _show(self, kinds: frozenset[str]) -> None:
        self._lifecycle.look()
        self.of_screen(lambda screen: screen.news(kinds))

    def _age(self) -> None:
        # Once a second at most: on an idle screen this is all the work there is.
        wait = max(1.0, self.desk.feed.seconds(self._manner.tick, pending=self.pending))
        if self.pending > 1 or time.monotonic() - self._aged_at < wait * 0.9:
            return
        self._aged_at = time.monotonic()
        if not self.desk.frozen:
            self.of_screen(lambda screen: screen.age())
        elif self.desk.gate.word != self._word:
            # What is frozen stands still; for how long changes are armed does not.
            self.of_screen(lambda screen: screen.show_status())
        self._word = self.desk.gate.word
