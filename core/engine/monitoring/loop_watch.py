"""LoopWatch: names what blocks the loop.

Handed to the engine by `core.app.hosting`. A thread looks at the thread of the loop a few times a second, and
asks for an answer where callbacks run: an idle loop is never woken.
"""

from __future__ import annotations

import asyncio
import linecache
import selectors
import sys
import threading
import time
from asyncio import base_events, runners
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.logs import get_logger

if TYPE_CHECKING:
    from types import FrameType

BLOCKED_SECONDS = 0.5
"""A loop that does not answer for so long is looked at."""
LOOK_SECONDS = 0.25
"""Between two looks."""
SECOND_LOOK = 0.15
"""So much later it is looked at again, before it is told."""
FRAMES = 16
"""The innermost calls that are told."""
_WAITING = frozenset({selectors.__file__, base_events.__file__, runners.__file__})
"""Where the thread of a loop is while no callback runs."""

_log = get_logger(__name__)


class Blocked(NamedTuple):
    """A loop that does not answer; times in seconds, `began` by the monotonic clock."""

    began: float
    seconds: float
    stack: tuple[str, ...]


class _LoopThread(NamedTuple):
    """A loop, and the thread that runs it by Python's number and the kernel's."""

    loop: asyncio.AbstractEventLoop
    ident: int
    native: int


class LoopWatch:
    """Watches the loop on which it is started; `on_block` is called there, once it goes on."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._on_block: Callable[[Blocked], None] = _ignore
        self._asked: float | None = None
        self._worst = 0.0
        self._present: Blocked | None = None

    def start(self, on_block: Callable[[Blocked], None]) -> None:
        """Watch the running loop."""
        self._on_block = on_block
        thread = _LoopThread(asyncio.get_running_loop(), threading.get_ident(), threading.get_native_id())
        threading.Thread(target=self._watch, args=(thread,), name="loop watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no more; its thread ends soon."""
        self._over.set()

    def take_lag(self) -> float:
        """Return the longest time until the loop answered, since the last call, in seconds."""
        worst, self._worst = self._worst, 0.0
        return worst

    @property
    def present(self) -> Blocked | None:
        """What blocks the loop now; seen from another thread."""
        return self._present

    def _watch(self, thread: _LoopThread) -> None:
        looked, spent = time.monotonic(), _cpu_of(thread.ident)
        while not self._over.wait(LOOK_SECONDS):
            before, spent_before = looked, spent
            looked, spent = time.monotonic(), _cpu_of(thread.ident)
            passed = looked - before
            if passed < LOOK_SECONDS + BLOCKED_SECONDS:
                self._look(thread)
            elif spent - spent_before > passed / 2:
                # This thread could not run: a call held the lock of the interpreter.
                self._tell(thread, Blocked(before, passed, _stack(thread.ident)), asked=self._asked)
            elif self._asked is not None:
                # Nor did anything else: the process was stopped, or the machine slept.
                self._asked = looked

    def _look(self, thread: _LoopThread) -> None:
        asked = self._asked
        if asked is None:
            if not _waits(thread.ident):
                self._ask(thread)
            return
        if self._present is not None or time.monotonic() - asked < BLOCKED_SECONDS:
            return
        waited = _run_delay(thread.native)
        time.sleep(SECOND_LOOK)
        if _run_delay(thread.native) - waited > SECOND_LOOK / 2:
            # It would run, and no processor is free: what the stack shows has nothing to do with it.
            return
        self._tell(thread, Blocked(asked, time.monotonic() - asked, _stack(thread.ident)), asked=asked)

    def _ask(self, thread: _LoopThread) -> None:
        self._asked = time.monotonic()
        # The loop may have been closed.
        with suppress(RuntimeError):
            thread.loop.call_soon_threadsafe(self._answer)

    def _tell(self, thread: _LoopThread, seen: Blocked, *, asked: float | None) -> None:
        with self._lock:
            if self._asked != asked:
                return
            self._present = seen
        _log.warning("the loop is blocked", ms=round(seen.seconds * 1_000), stack=list(seen.stack))
        if asked is None:
            self._ask(thread)

    def _answer(self) -> None:
        with self._lock:
            now, seen, asked = time.monotonic(), self._present, self._asked
            self._asked = self._present = None
        if asked is not None:
            self._worst = max(self._worst, now - asked)
        if seen is not None:
            self._on_block(seen._replace(seconds=now - seen.began))


def _waits(ident: int) -> bool:
    # Python has no other way to see what another thread is at.
    frame = sys._current_frames().get(ident)  # noqa: SLF001
    return frame is None or frame.f_code.co_filename in _WAITING


def _stack(ident: int) -> tuple[str, ...]:
    # Python has no other way to see what another thread is at.
    return stack_of(sys._current_frames().get(ident))  # noqa: SLF001


def stack_of(frame: FrameType | None) -> tuple[str, ...]:
    """Return the innermost calls of a stack, the outermost of them first."""
    found: list[str] = []
    while frame is not None and len(found) < FRAMES:
        code, number = frame.f_code, frame.f_lineno
        path = Path(code.co_filename)
        text = linecache.getline(code.co_filename, number).strip()
        place = "/".join(path.parts[-2:])
        found.append(f"{place}:{number} in {code.co_name}" + (f": {text}" if text else ""))
        frame = frame.f_back
    return tuple(reversed(found))


def _cpu_of(ident: int) -> float:
    """Return the processor time of a thread, in seconds."""
    return time.clock_gettime(time.pthread_getcpuclockid(ident))


def _run_delay(native: int) -> float:
    """Return how long a thread has waited for a processor, in seconds; 0 where the kernel does not say."""
    try:
        fields = Path(f"/proc/self/task/{native}/schedstat").read_text(encoding="ascii").split()
        return int(fields[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _ignore(_: Blocked) -> None:
    """Nothing is done with it."""
