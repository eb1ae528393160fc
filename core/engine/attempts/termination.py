"""Termination: end open attempts, by request, then grace, then force.

Used by the runner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

from core.engine.attempts.attempt import Results, Running, Tools
from core.engine.attempts.open_attempts import OpenAttempts
from core.engine.background import BackgroundTasks
from core.logs import get_logger
from core.model.crash_points import crash_point
from core.model.outcomes import Cancelled, Outcome
from core.model.ports import AttemptRef

KILL_AGAIN_SECONDS = 1.0
"""Between two tries to kill the same attempt."""
_log = get_logger(__name__)


class Termination:
    """End attempts: ask first, and after the grace kill a process or abandon a call in the loop."""

    def __init__(
        self,
        attempts: OpenAttempts,
        tools: Tools,
        *,
        grace: float,
        close: Callable[[Running, Outcome, Results], Coroutine[None, None, None]],
    ) -> None:
        self._attempts = attempts
        self._children = tools.children
        self._clock = tools.clock
        self._completion = tools.completion
        self.grace = grace
        """Seconds between asking and killing."""
        self._close = close
        self.tasks = BackgroundTasks()

    def ask(self, running: Running, cause: Outcome) -> None:
        """Ask an attempt to end with this outcome; after the grace it is killed or abandoned."""
        if running.ended:
            return
        running.cause = cause
        if running.inline:
            if running.task is not None:
                running.task.cancel()
            self._clock.call_later(self.grace, partial(self._abandon, running))
            return
        self.tasks.start(self._children.terminate(running.ref), partial(self._asked, running.ref))
        self._clock.call_later(self.grace, partial(self.kill_process, running.ref))

    def kill(self, running: Running) -> None:
        """End an attempt at once; a grace that goes on is cut short."""
        if running.ended:
            return
        crash_point("runner.killing")
        is_first = running.cause is None
        running.cause = running.cause or Cancelled()
        if not running.inline:
            self.kill_process(running.ref)
            return
        if is_first and running.task is not None:
            running.task.cancel()
        # A turn of the loop later: a call that heeds its cancel at once has ended by then.
        asyncio.get_running_loop().call_soon(self._abandon, running)

    def kill_process(self, ref: AttemptRef) -> None:
        """Kill the process of an attempt that is still open; again and again where that fails."""
        if ref in self._attempts:
            self.tasks.start(self._children.kill(ref), partial(self._killed, ref))
        else:
            self._completion.note(_kill_name(ref), None)

    def _asked(self, ref: AttemptRef, done: asyncio.Task[None]) -> None:
        if not done.cancelled():
            self._completion.note(_kill_name(ref), done.exception())

    def _killed(self, ref: AttemptRef, done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        self._completion.note(_kill_name(ref), done.exception())
        if done.exception() is not None:
            # As when the machine is short of descriptors: nothing else would end it.
            self._clock.call_later(KILL_AGAIN_SECONDS, partial(self.kill_process, ref))

    def _abandon(self, running: Running) -> None:
        """Close an attempt whose call in the loop ignores that it was cancelled; the history tells of it."""
        if running.ended or running.cause is None:
            return
        with running.logged():
            _log.warning("a call ignored its cancel and is abandoned")
            running.ended = True
            closing = self._close(running, running.cause, Results(abandoned=True))
            running.task = asyncio.get_running_loop().create_task(closing)


def _kill_name(ref: AttemptRef) -> str:
    return f"ending the processes of task #{ref.task_id}, attempt {ref.epoch}"
