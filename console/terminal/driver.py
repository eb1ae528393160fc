"""The terminal driver: reads keys, counts waiting frames and detects a hang-up.

Used by the app and its live updates.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from textual import constants, events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

_TYPED = frozenset("0123456789-=§")
"""With Esc before them Textual reads them as other characters."""


_LOOK_MS = 25
_WHOLE_SECONDS = max(1.0, 2 * constants.ESCAPE_DELAY)
"""After a piece of input: so long is looked whether the rest of a key has come."""
_PIECE = 4_096
"""Bytes."""
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as Textual calls it
        super().__init__(*args, **kwargs)
        self._leave = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable while keys are to be left; as long as the process, for `close` also ends a suspension."""

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

    def disable_input(self) -> None:
        """Let no key in any more."""
        os.eventfd_write(self._leave, 1)
        super().disable_input()
        with suppress(BlockingIOError):
            os.eventfd_read(self._leave)

    def run_input_thread(self) -> None:
        """Read keys until `disable_input`.

        Textual looks for them ten times a second, which is half of what an idle console costs.
        """
        parser = EscapeFirst(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self._leave, select.POLLIN)
        heard = time.monotonic()
        while not self.exit_event.is_set():
            # A key that may be the begin of a longer one is given up by the clock.
            is_begun = time.monotonic() - heard < _WHOLE_SECONDS
            ready = dict(poll.poll(_LOOK_MS if is_begun else None))
            if self._leave in ready:
                # Written a moment before.
                self.exit_event.wait()
                break
            if self.fileno in ready:
                data = os.read(self.fileno, _PIECE)
                if not data:
                    break
                heard = time.monotonic()
                self._hear(parser.feed(text) if (text := decode(data)) else ())
            self._hear(parser.tick())
        with suppress(ParseError):
            self._hear(parser.feed(""))

    def _hear(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _await_hang_up(self) -> None:
        # The kernel tells the first process of the terminal alone, which may keep it to itself, as make
        # does; Textual would read the end of the file for ever, on half a core.
        poll = select.poll()
        poll.register(self.fileno, 0)
        poll.poll()
        os.kill(os.getpid(), signal.SIGHUP)
        # Under nohup the signal is ignored, but the process has no terminal to draw on either.
        self._app.call_from_thread(self._app.exit)
