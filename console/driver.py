"""Driver: the terminal, how many frames still wait to be written to it, and whether it is still there."""

from __future__ import annotations

import os
import select
import signal
import threading

from textual.drivers.linux_driver import LinuxDriver


class CountingDriver(LinuxDriver):
    """Textual's driver for terminals, which also tells how far its writer is behind, and when to go."""

    _watch: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many frames wait; Textual never drops one, and at 30 the console would stand still."""
        # Textual has no public word for this; without it a slow line would freeze every key.
        writer = self._writer_thread
        return 0 if writer is None else writer._queue.qsize()  # noqa: SLF001

    def start_application_mode(self) -> None:
        """Take the terminal, and watch whether it goes away."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._watch is None:
            self._watch = threading.Thread(target=self._await_hang_up, name="hang-up", daemon=True)
            self._watch.start()

    def _await_hang_up(self) -> None:
        # The kernel tells the first process of the terminal alone, which may keep it to itself, as make
        # does; Textual would read the end of the file for ever, on half a core.
        poll = select.poll()
        poll.register(self.fileno, 0)
        poll.poll()
        os.kill(os.getpid(), signal.SIGHUP)
        # Who was told not to mind (nohup) has no terminal to show anything on all the same.
        self._app.call_from_thread(self._app.exit)
