"""The terminal driver: counts waiting frames and detects a hang-up.

Used by the app and its live updates.
"""

from __future__ import annotations

import os
import re
import select
import signal
import threading
from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

_TYPED = frozenset("0123456789-=§")
"""With Esc before them Textual reads them as other characters."""


_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
# A frame ends by putting the cursor where it belongs.
_FRAME_END = re.compile(r"\x1b\[\d+;\d+H\Z")


class EscapeFirst(XTermParser):
    """Textual's reader of keys, but Esc and a key in one piece are two keys.

    A slow line brings them together. Textual takes them for Alt and the key, drops the Esc of some, and
    reads what a Mac would write with others. Alt+B and Alt+F stay: they move by words in a prompt.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:  # noqa: FBT001, FBT002
        is_mac = len(sequence) == 2 and sequence[0] == "\x1b" and sequence[1] in _TYPED
        if alt or is_mac:
            yield events.Key("escape", "\x1b")
        yield from super()._sequence_to_key_events(sequence[-1] if is_mac else sequence)


class CountingDriver(LinuxDriver):
    """Textual's driver, which also counts waiting frames and ends the app when the terminal is gone."""

    _watch: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many frames wait; Textual never drops one, and at 30 the console would stand still."""
        # Textual has no public way to it; without it a slow line would freeze every key.
        writer = self._writer_thread
        return 0 if writer is None else writer._queue.qsize()  # noqa: SLF001

    @property
    def has_mouse(self) -> bool:
        """Whether the terminal reports the mouse."""
        return self._mouse

    def take_mouse(self) -> None:
        """Let the terminal report the mouse; it no longer selects text by itself."""
        self._mouse = True
        self._enable_mouse_support()
        self.flush()

    def leave_mouse(self) -> None:
        """Leave the mouse to the terminal."""
        self._disable_mouse_support()
        self._mouse = False
        self.flush()

    def start_application_mode(self) -> None:
        """Take the terminal, show its cursor, and watch whether it goes away."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write(_SHOW)
        if self._watch is None:
            self._watch = threading.Thread(target=self._await_hang_up, name="hang-up", daemon=True)
            self._watch.start()

    def write(self, data: str) -> None:
        """Write; while a frame is drawn, the cursor does not run about the screen."""
        super().write(f"{_HIDE}{data}{_SHOW}" if _FRAME_END.search(data) else data)

    def run_input_thread(self) -> None:
        """Read keys."""
        # Textual has no other place to set the parser.
        linux_driver.XTermParser = EscapeFirst  # type: ignore[attr-defined]
        super().run_input_thread()

    def _await_hang_up(self) -> None:
        # The kernel tells the first process of the terminal alone, which may keep it to itself, as make
        # does; Textual would read the end of the file for ever, on half a core.
        poll = select.poll()
        poll.register(self.fileno, 0)
        poll.poll()
        os.kill(os.getpid(), signal.SIGHUP)
        # Under nohup the signal is ignored, but the process has no terminal to draw on either.
        self._app.call_from_thread(self._app.exit)
