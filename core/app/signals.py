"""Handlers for the signals that ask this process to end.

Used wherever a process waits: the console's sessions, `attach`, `hosting` and the commands.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

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


def has_terminal() -> bool:
    """Return whether this process has a terminal that could go away, or that is there still."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def give_children_default_signals() -> None:
    """Let what this process starts from now on react to all signals as any process does.

    Children inherit which signals are ignored (`nohup`, a command started with `&`) and blocked, but not
    that something handles them: what was ignored gets a handler that does nothing. Does nothing on other
    threads than the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    # Those that Python itself ignores are put back for each child by `subprocess`.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _pass_over)
            signal.siginterrupt(number, False)  # noqa: FBT003 - it has no name
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _pass_over(number: int, frame: FrameType | None) -> None:
    del number, frame


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    for number in END_SIGNALS:
        # A process started with nohup must not react when its terminal goes away.
        if number is not signal.SIGHUP or signal.getsignal(number) not in (signal.SIG_IGN, _pass_over):
            loop.add_signal_handler(number, _handlers.call_innermost, number)
