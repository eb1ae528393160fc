"""Live updates: poll the feed, and refresh the current screen.

Owned by the app.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from textual.app import App

from console.background import start
from console.desk import Desk
from console.engine_lifecycle.lifecycle import EngineLifecycle
from console.shell.navigator import Navigator
from console.shell.people_counts import PeopleCounts
from console.terminal.driver import CountingDriver
from core.model.text import SafeText

_POLL = "poll"
_MAX_PENDING = 1
"""Frames that may wait to be written while more are drawn."""


class LiveUpdates:
    """Follows the feed; `tick` = seconds between two questions, 0 = only when `poll` is called."""

    def __init__(
        self, app: App[None], desk: Desk, *, navigator: Navigator, lifecycle: EngineLifecycle, tick: float
    ) -> None:
        self._app = app
        self._desk = desk
        self._navigator = navigator
        self._lifecycle = lifecycle
        self._tick = tick
        self.people = PeopleCounts(desk, navigator=navigator)
        self.followers: list[Callable[[frozenset[str]], Awaitable[None]]] = [self.people.follow]
        """What else is told the kinds of events, after the screen."""
        self._aged_at = 0.0
        self._status_word = SafeText("")

    def start(self) -> None:
        if self._tick:
            start(self._app, self._follow, group="follow")
            self._app.set_interval(self._tick, self.age)

    def poll(self) -> None:
        """Ask once what has changed, unless a frame or an earlier question is under way."""
        is_asking = any(worker.group == _POLL and not worker.is_finished for worker in self._app.workers)
        if self._pending <= _MAX_PENDING and not is_asking:
            start(self._app, self._ask, group=_POLL)

    def show(self, kinds: frozenset[str]) -> None:
        """Show events of these kinds, and what became of the engine."""
        self._lifecycle.follow()
        if screen := self._navigator.current:
            screen.take_changes(kinds)

    def age(self) -> None:
        """Show what time alone has changed, at most once a second: all the work of an idle screen."""
        wait = max(1.0, self._desk.feed.seconds(self._tick, pending=self._pending))
        if self._pending > _MAX_PENDING or time.monotonic() - self._aged_at < wait * 0.9:
            return
        self._aged_at = time.monotonic()
        if screen := self._navigator.current:
            if not self._desk.frozen:
                screen.refresh_ages()
            elif self._desk.gate.status_word != self._status_word:
                # A frozen screen stands still, but not the time for which changes are armed.
                screen.show_status()
        self._status_word = self._desk.gate.status_word

    async def _follow(self) -> None:
        self._desk.feed.is_followed = True
        while True:
            if not self._desk.frozen and self._pending <= _MAX_PENDING:
                await self._ask()
            await asyncio.sleep(self._desk.feed.seconds(self._tick, pending=self._pending))

    async def _ask(self) -> None:
        kinds = await self._desk.feed.ask()
        self.show(kinds)
        for follow in self.followers:
            await follow(kinds)

    @property
    def _pending(self) -> int:
        driver = self._app._driver  # noqa: SLF001 # Textual has no public way to it.
        return driver.pending if isinstance(driver, CountingDriver) else 0
