"""LoopWatch: names what blocks the loop.

Handed to the engine by `core.app.hosting`. A turn of the loop notes the time; a thread sleeps on a timer of
the kernel that is armed only while callbacks run, so neither an idle loop nor a busy one wakes it.
"""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from core.engine.timer_descriptor import TimerDescriptor
from core.logs import get_logger

if TYPE_CHECKING:
    from types import FrameType

BLOCKED_SECONDS = 0.5
"""A turn of the loop that takes longer is looked at."""
SECOND_LOOK = 0.15
"""So much later it is looked at again, before it is told."""
FRAMES = 16
"""The innermost calls that are told."""

_log = get_logger(__name__)


class _Selector(Protocol):
    """What a loop waits on."""

    select: Callable[[float | None], Sequence[object]]


class Blocked(NamedTuple):
    """A turn that took too long; times in seconds, `began` by the monotonic clock."""

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
        self._timer: TimerDescriptor | None = None
        self._selector: _Selector | None = None
        self._select: Callable[[float | None], Sequence[object]] | None = None
        self._on_block: Callable[[Blocked], None] = _ignore
        self._woke = 0.0
        self._cpu = 0.0
        self._rings = 0.0
        self._is_idle = True
        self._is_over = False
        self._worst = 0.0
        self._present: Blocked | None = None

    def start(self, on_block: Callable[[Blocked], None]) -> None:
        """Watch the running loop; one without a selector, or without timers, is not watched."""
        loop = asyncio.get_running_loop()
        selector: _Selector | None = getattr(loop, "_selector", None)
        if selector is None:
            return
        try:
            self._timer = TimerDescriptor()
        except (OSError, AttributeError) as error:
            _log.warning("the loop is not watched", reason=repr(error))
            return
        self._on_block = on_block
        self._selector, self._select = selector, selector.select
        selector.select = self._watched(selector.select, self._timer)
        thread = _LoopThread(loop, threading.get_ident(), threading.get_native_id())
        threading.Thread(
            target=self._watch, args=(self._timer, thread), name="loop watch", daemon=True
        ).start()
        # It is in the middle of a turn.
        self._woke, self._cpu, self._is_idle = time.monotonic(), time.thread_time(), False
        self._again(self._timer, BLOCKED_SECONDS)

    def stop(self) -> None:
        """Watch no more."""
        if self._selector is None or self._select is None or self._timer is None:
            return
        self._selector.select = self._select
        self._selector = None
        self._is_over = True
        # It ends, and closes its timer.
        self._timer.arm(self._timer.spec(0))

    def take_lag(self) -> float:
        """Return the longest turn since the last call, in seconds."""
        worst, self._worst = self._worst, 0.0
        return worst

    @property
    def present(self) -> Blocked | None:
        """The turn that takes too long now; seen from another thread."""
        return self._present

    def _watched(
        self, select: Callable[[float | None], Sequence[object]], timer: TimerDescriptor
    ) -> Callable[[float | None], Sequence[object]]:
        now, cpu, limit = time.monotonic, time.thread_time, timer.spec(BLOCKED_SECONDS)

        def watched(timeout: float | None = None) -> Sequence[object]:
            took = now() - self._woke
            self._worst = max(self._worst, took)
            if timeout == 0:
                events = select(timeout)
                self._woke = now()
                return events
            self._is_idle = True
            timer.disarm()
            events = select(timeout)
            self._woke = woke = now()
            self._cpu = cpu()
            self._rings = woke + BLOCKED_SECONDS
            self._is_idle = False
            timer.arm(limit)
            return events

        return watched

    def _watch(self, timer: TimerDescriptor, thread: _LoopThread) -> None:
        while True:
            timer.wait()
            if self._is_over:
                timer.close()
                return
            if self._is_idle:
                continue
            late = time.monotonic() - self._woke
            if late < BLOCKED_SECONDS:
                # It came round meanwhile, without a rest.
                self._again(timer, BLOCKED_SECONDS - late)
            elif time.monotonic() - self._rings < BLOCKED_SECONDS:
                self._look(timer, thread)
            elif _cpu_of(thread.ident) - self._cpu > late / 2:
                # This thread could not run: a call held the lock of the interpreter.
                self._tell(thread, Blocked(self._woke, late, _stack(thread.ident)))
            else:
                # Nor did anything else: the process was stopped, or the machine slept.
                self._woke = time.monotonic()
                self._again(timer, BLOCKED_SECONDS)

    def _again(self, timer: TimerDescriptor, seconds: float) -> None:
        self._rings = time.monotonic() + seconds
        timer.arm(timer.spec(seconds))

    def _look(self, timer: TimerDescriptor, thread: _LoopThread) -> None:
        began, waited = self._woke, _run_delay(thread.native)
        time.sleep(SECOND_LOOK)
        if self._woke != began or self._is_idle:
            return
        if _run_delay(thread.native) - waited > SECOND_LOOK / 2:
            # It would run, and no processor is free: what the stack shows has nothing to do with it.
            self._again(timer, BLOCKED_SECONDS)
            return
        self._tell(thread, Blocked(began, time.monotonic() - began, _stack(thread.ident)))

    def _tell(self, thread: _LoopThread, seen: Blocked) -> None:
        self._present = seen
        _log.warning("the loop is blocked", ms=round(seen.seconds * 1_000), stack=list(seen.stack))
        with suppress(RuntimeError):
            thread.loop.call_soon_threadsafe(self._went_on, seen)

    def _went_on(self, seen: Blocked) -> None:
        self._present = None
        self._on_block(seen._replace(seconds=time.monotonic() - seen.began))


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
