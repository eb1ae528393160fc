"""Wait until the widgets of a screen have processed all messages."""

from __future__ import annotations

import time

from textual.app import ScreenStackError
from textual.message_pump import MessagePump
from textual.pilot import Pilot, WaitForScreenTimeout

from tests.support.waiting import DEADLINE, LOOK, idle, ticks

_TURNS = 200
"""Turns of the loop after which it is something outside that a widget waits for."""


async def settled(pilot: Pilot[None], timeout: float = DEADLINE) -> bool:
    """Return when every queue is empty and whoever reads it waits; False where the app fails meanwhile."""
    deadline = time.monotonic() + timeout
    turns = 0
    while not pilot.app._exception_event.is_set():
        try:
            screen = pilot.app.screen
        except ScreenStackError:
            return False
        if all(_waits(pump) for pump in (pilot.app, *screen.walk_children(with_self=True))):
            return True
        if time.monotonic() > deadline:
            raise WaitForScreenTimeout("Timed out while waiting for widgets to process pending messages.")
        turns += 1
        await (ticks(1) if turns < _TURNS else idle(most=LOOK))
    return False


def _waits(pump: MessagePump) -> bool:
    if pump._closing or pump._closed:
        return True
    queue = pump._message_queue
    if not queue.empty() or pump._pending_message is not None:
        return False
    return any(not waiter.done() for waiter in queue.ready_event._waiters)  # type: ignore[attr-defined]
