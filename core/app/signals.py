"""Signals: who minds that this process is asked to end, one layer over the other."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""An interrupt, a plain request to end, a terminal that goes away."""


class Interrupted(Exception):
    """Report which signal asked for the end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


Act = Callable[[signal.Signals], None]


class _Ears:
    """What the process has: the innermost layer hears; what came when none could act is kept."""

    def __init__(self) -> None:
        self.layers: list[Act] = []
        self.kept: signal.Signals | None = None

    def hear(self, number: signal.Signals) -> None:
        self.layers[-1](number)

    def take(self) -> signal.Signals | None:
        kept, self.kept = self.kept, None
        return kept


_ears = _Ears()


@contextmanager
def heeding(act: Act) -> Iterator[None]:
    """Call `act` for each signal that asks for the end, in the loop of this thread, the main one.

    The layer around hears again afterwards. What a layer of `keeping` got is handed over at once.
    """
    loop = asyncio.get_running_loop()
    if not _ears.layers:
        _listen(loop)
    _ears.layers.append(act)
    try:
        kept = _ears.take()
        if kept is not None:
            act(kept)
        yield
    finally:
        _ears.layers.pop()
        if not _ears.layers:
            _ears.take()
            forget()


@contextmanager
def keeping() -> Iterator[None]:
    """Keep a signal for the next layer that begins within; another one ends the process as ever."""

    def keep(number: signal.Signals) -> None:
        _ears.kept = number
        forget()

    with heeding(keep):
        yield


@contextmanager
def giving_up() -> Iterator[None]:
    """Cancel the body when the end is asked for, and raise `Interrupted` once it has cleaned up."""
    this, asked = asyncio.current_task(), list[signal.Signals]()

    def give_up(number: signal.Signals) -> None:
        asked.append(number)
        if this is not None and len(asked) == 1:
            this.cancel()

    try:
        with heeding(give_up):
            yield
    except asyncio.CancelledError:
        if this is None or not asked:
            raise
        this.uncancel()
        raise Interrupted(asked[0]) from None


def forget(*numbers: signal.Signals) -> None:
    """Let the next one of these, or of all, do what it does to any process."""
    loop = asyncio.get_running_loop()
    for number in numbers or ENDING:
        loop.remove_signal_handler(number)


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    for number in ENDING:
        # Whoever was started with nohup is not meant to mind its terminal.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, _ears.hear, number)
