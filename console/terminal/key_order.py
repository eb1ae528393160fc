"""Key order: each key waits until the one before is handled.

Used by the app.

On a slow line keys arrive in one piece: `/h` must type an h into the filter, not hold a task because the
filter had not been opened yet. For the same reason what a key brings is awaited: the screen with its first
rows, the rows of a new order or filter, the question of a verb or its end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen
from textual.worker import Worker

TypedEvent: TypeAlias = events.Key | events.Paste

_PATIENCE = 1.0
"""Seconds after which a key that was swallowed without a trace no longer keeps the others waiting."""
_SETTLING = 3.0
"""Seconds that a verb or a read may keep the next key waiting: an engine that hangs must not hold all."""
_LOOK = 0.005
"""Seconds between two looks for a screen that comes up, or for work that ends."""
ASKING = frozenset({"act", "menu", "palette", "open", "look", "leave"})
"""Groups of workers that a key begins, and that put up a question or change what is shown."""


class KeyOrder:
    """Follows each key through the widgets it passes, and keeps the next keys until then."""

    def __init__(
        self,
        app: App[None],
        deliver: Callable[[TypedEvent], Awaitable[None]],
        *,
        is_settling: Callable[[], bool] = lambda: False,
    ) -> None:
        self._app = app
        self._deliver = deliver
        self._is_begun = False
        self._is_settling = is_settling
        """Tells whether the screen still reads what a key asked for."""
        self._workers_before: frozenset[Worker[object]] = frozenset()
        self._screen_at_key: Screen[object] | None = None
        self._waiting: deque[TypedEvent] = deque()
        self._under_way: TypedEvent | None = None
        self._screen_before: Screen[object] | None = None
        self._receiver: DOMNode = app
        self._since = 0.0

    async def begin(self) -> None:
        """Deliver what was typed ahead, to the first screen, as soon as that one has its focus."""
        if not self._app.screen_stack or not self._app.screen.is_mounted:
            self._app.set_timer(_LOOK, self.begin)
        else:
            # Behind the messages that mount the screen, and that set its focus.
            self._app.screen.call_later(self._app.call_later, self._begun)

    async def _begun(self) -> None:
        self._is_begun = True
        await self._deliver_next()

    async def take(self, event: TypedEvent) -> None:
        """Deliver a key, now or when those before it have been carried out."""
        self._waiting.append(event)
        if not self._is_begun or not self._app.screen_stack:
            return
        patience = _SETTLING if self._is_working() else _PATIENCE
        if self._under_way is None or time.monotonic() - self._since > patience:
            await self._deliver_next()

    async def _deliver_next(self) -> None:
        if not self._waiting:
            self._under_way = None
            return
        event = self._under_way = self._waiting.popleft()
        self._screen_before = self._screen_at_key = self._app.screen
        self._workers_before = frozenset(self._app.workers)
        self._since = time.monotonic()
        self._receiver = self._app.focused or self._app.screen
        await self._deliver(event)
        self._trail(event, self._receiver)

    def _trail(self, event: TypedEvent, pump: DOMNode) -> None:
        # Behind the key in the same queue: called when this one has dealt with it.
        if not pump.call_later(self._passed, event, pump):
            self._trail_answer(event, self._receiver)

    async def _passed(self, event: TypedEvent, pump: DOMNode) -> None:
        above = pump.parent
        # Textual does not tell that a key goes no further.
        is_taken = event._stop_propagation  # noqa: SLF001
        if is_taken or above is None or pump is self._app:
            self._trail_answer(event, self._receiver)
        else:
            self._trail(event, above)

    def _trail_answer(self, event: TypedEvent, pump: DOMNode) -> None:
        # What the key brought about goes the same way, such as a line that was entered; meanwhile the
        # worker that puts up a question has taken its first step.
        if not pump.call_later(self._answered, event, pump):
            self._app.call_later(self._ended, event)

    async def _answered(self, event: TypedEvent, pump: DOMNode) -> None:
        above = pump.parent
        if above is None or pump is self._app:
            self._app.call_later(self._ended, event)
        else:
            self._trail_answer(event, above)

    async def _ended(self, event: TypedEvent) -> None:
        # Keys may be left over when the console leaves.
        if event is not self._under_way or not self._app.screen_stack:
            return
        if self._is_working() and time.monotonic() - self._since < _SETTLING:
            self._app.set_timer(_LOOK, partial(self._ended, event))
        elif self._app.screen is self._screen_before:
            await self._deliver_next()
        elif self._app.screen.is_mounted:
            # The focus of the new screen is set by a message, which is on its way.
            self._screen_before = self._app.screen
            self._app.call_later(self._ended, event)
        else:
            self._app.set_timer(_LOOK, partial(self._ended, event))

    def _is_working(self) -> bool:
        """Tell whether what the key under way has brought about is still to come."""
        if self._is_settling():
            return True
        if self._app.screen is not self._screen_at_key:
            # The question is there: its worker waits for the answer.
            return False
        begun = (worker for worker in self._app.workers if worker not in self._workers_before)
        return any(worker.group in ASKING and not worker.is_finished for worker in begun)
