"""One by one: a key is handed on only when the one before it has been carried out.

On a slow line keys arrive in one piece: `/h` must type an h into the filter, not hold a task because the
filter had not been opened yet. For the same reason the screen that a key brings is awaited.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.screen import Screen

_PATIENCE = 1.0
"""Seconds after which a key that was swallowed without a trace no longer keeps the others waiting."""
_LOOK = 0.005
"""Seconds between two looks for a screen that comes up."""


class OneByOne(App[None]):
    """An app that follows each key through the widgets it passes, and keeps the next ones until then."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type] # Whatever an app takes.
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way: events.Key | events.Paste | None = None
        self._seen: Screen[object] | None = None
        self._receiver: DOMNode = self
        self._since = 0.0

    async def on_event(self, event: events.Event) -> None:
        """Keep keys that come while another is under way; all else goes its way."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._waiting.append(event)
        if self._under_way is None or time.monotonic() - self._since > _PATIENCE:
            await self._hand_on()

    async def _hand_on(self) -> None:
        if not self._waiting:
            self._under_way = None
            return
        event = self._under_way = self._waiting.popleft()
        self._seen = self.screen
        self._since = time.monotonic()
        self._receiver = self.focused or self.screen
        await super().on_event(event)
        self._trail(event, self._receiver)

    def _trail(self, event: events.Key | events.Paste, pump: DOMNode) -> None:
        # Behind the key in the same queue: called when this one has dealt with it.
        if not pump.call_later(self._passed, event, pump):
            self._trail_answer(event, self._receiver)

    async def _passed(self, event: events.Key | events.Paste, pump: DOMNode) -> None:
        above = pump.parent
        # Textual tells nobody else that a key goes no further.
        is_taken = event._stop_propagation  # noqa: SLF001
        if is_taken or above is None or pump is self:
            self._trail_answer(event, self._receiver)
        else:
            self._trail(event, above)

    def _trail_answer(self, event: events.Key | events.Paste, pump: DOMNode) -> None:
        # What the key brought about goes the same way, such as a line that was entered; meanwhile the
        # worker that puts up a question has taken its first step.
        if not pump.call_later(self._answered, event, pump):
            self.call_later(self._ended, event)

    async def _answered(self, event: events.Key | events.Paste, pump: DOMNode) -> None:
        above = pump.parent
        if above is None or pump is self:
            self.call_later(self._ended, event)
        else:
            self._trail_answer(event, above)

    async def _ended(self, event: events.Key | events.Paste) -> None:
        if event is not self._under_way:
            return
        if self.screen is self._seen:
            await self._hand_on()
        elif self.screen.is_mounted:
            # What it gives the keys to is told by a message, which is on its way.
            self._seen = self.screen
            self.call_later(self._ended, event)
        else:
            self.set_timer(_LOOK, partial(self._ended, event))
