"""Handlers for the signals that ask this process to end.

Used wherever a process waits: the console's sessions, `attach`, `hosting` and the commands.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""An interrupt, a plain request to end, a terminal that goes away."""


class Interrupted(Exception):
    """Report which signal asked for the end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


Handler = Callable[[signal.Signals], None]


class _Handlers:
    """The stack of handlers of this process: the innermost is called; it may defer its signal."""

    def __init__(self) -> None:
        self.stack: list[Handler] = []
        self.deferred: signal.Signals | None = None

    def call_innermost(self, number: signal.Signals) -> None:
        self.stack[-1](number)

    def take_deferred(self) -> signal.Signals | None:
        deferred, self.deferred = self.deferred, None
        return deferred


_handlers = _Handlers()


@contextmanager
def handling_signals(handler: Handler) -> Iterator[None]:
    """Call `handler` for each end signal, in the loop of this thread, which is the main one.

    Afterwards the handler around it is called again. A signal that was deferred is handed over at once.
    """
    loop = asyncio.get_running_loop()
    if not _handlers.stack:
        _listen(loop)
    _handlers.stack.append(handler)
    try:
        deferred = _handlers.take_deferred()
        if deferred is not None:
            handler(deferred)
        yield
    finally:
        _handlers.stack.pop()
        if not _handlers.stack:
            _handlers.take_deferred()
            restore_signals()


@contextmanager
def deferring_signals() -> Iterator[None]:
    """Keep a signal for the next handler that begins within; a second one ends the process at once."""

    def defer(number: signal.Signals) -> None:
        _handlers.deferred = number
        restore_signals()

    with handling_signals(defer):
        yield


@contextmanager
def cancelling_on_signal() -> Iterator[None]:
    """Cancel the body when a signal asks for the end; raise `Interrupted` once it has cleaned up."""
    this, received = asyncio.current_task(), list[signal.Signals]()

    def cancel(number: signal.Signals) -> None:
        received.append(number)
        if this is not None and len(received) == 1:
            this.cancel()

    try:
        with handling_signals(cancel):
            yield
    except asyncio.CancelledError:
        if this is None or not received:
            raise
        this.uncancel()
        raise Interrupted(received[0]) from None


def restore_signals(*numbers: signal.Signals) -> None:
    """Let the next one of these, or of all end signals, do what it does to any process."""
    loop = asyncio.get_running_loop()
    for number in numbers or END_SIGNALS:
        loop.remove_signal_handler(number)


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    for number in END_SIGNALS:
        # A process started with nohup must not react when its terminal goes away.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, _handlers.call_innermost, number)
