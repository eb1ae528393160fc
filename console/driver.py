"""Driver: the terminal, and how many frames still wait to be written to it."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class CountingDriver(LinuxDriver):
    """Textual's driver for terminals, which also tells how far its writer is behind."""

    @property
    def pending(self) -> int:
        """How many frames wait; Textual never drops one, and at 30 the console would stand still."""
        # Textual has no public word for this; without it a slow line would freeze every key.
        writer = self._writer_thread
        return 0 if writer is None else writer._queue.qsize()  # noqa: SLF001
