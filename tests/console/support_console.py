"""Support for console tests: an app on a fake control, and waiting."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual._compositor import Compositor
from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen

from console.shell.app import ConsoleApp, ConsoleOptions
from tests.console.support_fake_control import FakeControl
from tests.support.waiting import DEADLINE, before_next_look

HOSTILE = "\x1b[31mred\x1b]52;c;AAAA\x07\x9b2J\u202e[bold]\r\x00"
"""What must never reach a terminal as it is; the markup is harmless and stays."""
_ROOTS = {"1": "pulse", "2": "jobs", "3": "tasks", "4": "retries", "7": "queues", "0": "orphans"}
VISIBLE = "␛[31mred␛]52;c;AAAA␇‹U+009B›2J‹U+202E›[bold]␍␀"


def strips_of(screen: Screen) -> list[str]:
    """Return the lines of a screen as its strips hold them, on their way to the terminal."""
    compositor: Compositor = screen._compositor
    return ["".join(segment.text for segment in strip) for strip in compositor.render_strips()]


def shown(app: ConsoleApp) -> str:
    """Return what the present screen shows."""
    return "\n".join(strips_of(app.screen))


async def resize(pilot: Pilot[None], width: int, height: int) -> None:
    """Give the terminal of any app another size; return when the screen is laid out for it."""
    await pilot.resize_terminal(width, height)
    deadline = time.monotonic() + DEADLINE
    # Textual may wait for the last of several changes of size.
    while pilot.app.screen._compositor.size != (width, height):
        assert time.monotonic() < deadline, f"the screen does not become {width}x{height}"
        await pilot.pause()


def _closed_up(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


class Operator:
    """Presses keys and looks at the screen, with a deadline."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.told = [note.message for note in app._notifications]
        app.notify = self._note(app.notify)

    def _note(self, notify: Callable[..., None]) -> Callable[..., None]:
        """Return what keeps the words of each toast: a slow machine comes to look when it is gone."""

        def noted(message: str, **how: Any) -> None:
            self.told.append(message)
            notify(message, **how)

        return noted

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Bring a text in as a terminal does with a paste: at once."""
        self.app.screen.focused.post_message(Paste(text))
        await self.pilot.pause()

    async def sees(self, *texts: str) -> str:
        """Wait until all texts are on the screen; return what it shows."""
        screen = ""

        def there() -> bool:
            nonlocal screen
            screen = shown(self.app)
            return all(text in screen for text in texts)

        await self.until(there, f"{texts} are not shown")
        return screen

    async def sees_key(self, key: str, words: str) -> None:
        """Wait until a key stands before its words, however far apart."""
        row = re.compile(rf"(?<!\S){re.escape(key)} +{re.escape(words)}")
        await self.until(lambda: row.search(shown(self.app)), f"{key!r} and {words!r} are not shown")

    async def hears(self, text: str) -> None:
        """Wait for a toast; its words may be broken over lines on the screen."""
        await self.until(lambda: any(text in words for words in self.told), f"{text!r} is not told")

    async def misses(self, *texts: str) -> None:
        def gone() -> bool:
            screen = shown(self.app)
            return not any(text in screen for text in texts)

        await self.until(gone, f"{texts} are shown")

    async def until(self, condition: Callable[[], object], story: str, *, within: float = DEADLINE) -> None:
        begin = time.monotonic()
        while not condition():
            if (waited := time.monotonic() - begin) > within:
                raise AssertionError(f"{story}; on the screen:\n{_closed_up(shown(self.app))}")
            # What did not come by itself comes from a timer, a thread or a process.
            await before_next_look(waited)
            await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size; return when the screen is laid out for it."""
        await resize(self.pilot, width, height)

    async def quiet(self) -> None:
        """Wait until nothing is being read or written."""
        await self.until(
            lambda: all(worker.is_finished for worker in self.app.workers), "work goes on without an end"
        )
        await self.pilot.pause()

    async def beat(self) -> None:
        """Let one tick pass."""
        self.app.updates.poll()
        await self.pilot.pause()


@asynccontextmanager
async def console(
    control: FakeControl, *, size: tuple[int, int] = (120, 35), home: Path | None = None, at: str = "2"
):
    """Run the console on a control, on the screen of a key (jobs); it ticks only when told to.

    It begins there, as it does for an operator who was there last.
    """
    with patch("console.shell.app.first_root", return_value=_ROOTS[at]):
        app = ConsoleApp(control, ConsoleOptions(tick=0, home=home))
    async with app.run_test(size=size) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("help")
        await operator.quiet()
        yield operator
