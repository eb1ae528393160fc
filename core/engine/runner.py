"""Run attempts: make the call, run it where it belongs, turn its end into an outcome."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial

from core.engine.attempts import Pace, Running, Tools
from core.engine.briefing import Briefing
from core.engine.foreign import broken, checked_call, checked_outcome
from core.engine.orphans import Orphans
from core.engine.processes import Processes
from core.executors.observations import Finished, Living, Orphaned
from core.logs import get_logger
from core.model.commands import Claimed, Force
from core.model.crash_points import crash_point
from core.model.errors import Invalid, NotFound, TaskdeckError
from core.model.outcomes import Cancelled, Failed, Interrupted, Outcome, Succeeded, TaskError, TimedOut
from core.model.ports import AttemptRef, InlineCall, ProcessCall
from core.model.stored_spec import StoredSpec

_log = get_logger(__name__)


class Runner:
    """Own the open attempts of this engine."""

    def __init__(
        self, tools: Tools, *, store_id: str, pace: Pace, on_error: Callable[[TaskdeckError], None]
    ) -> None:
        self._tools = tools
        self._pace = pace
        self.orphans = Orphans(tools.children, tools.clock, tell=tools.completion.tell)
        self._briefing = Briefing(tools, store_id=store_id)
        self._processes = Processes(tools, self._briefing, self.orphans)
        self._on_error = on_error
        self._running: dict[AttemptRef, Running] = {}
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._chores: set[asyncio.Task[None]] = set()
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def count(self) -> int:
        """Return how many attempts are open here."""
        return len(self._running)

    def start(self, claimed: Claimed) -> None:
        """Run a claimed task."""
        self._begin(claimed, self._run)

    def adopt(self, claimed: Claimed, found: Finished | Living | Orphaned, *, started_at: int) -> None:
        """Go on with a child of a former engine as the executor found it; its timeout goes on as well."""
        # What has ended has ended in time, however long nobody looked.
        spent = 0 if isinstance(found, Finished) else self._tools.clock.now() - started_at
        running = self._begin(claimed, partial(self._processes.take_up, found=found), spent=spent / 1000)
        # Known before its task has begun: whoever ends it at once must not take it for a call in the loop.
        running.inline = False

    def makes_processes(self, uses: str) -> bool:
        """Return whether a connector's calls are processes; False for one that is not known."""
        return self._processes.made_by(uses)

    def end(self, ref: AttemptRef, force: Force) -> None:
        """Ask an attempt to end and kill it after the grace, or kill it at once.

        A grace that goes on is cut short by a kill. The row decides what its task becomes.
        """
        running = self._running.get(ref)
        if running is None:
            return
        if force is Force.KILL:
            self._end_now(ref, running)
        elif running.cause is None:
            self._end(ref, running, Cancelled())

    async def finish_inline(self, grace: float) -> None:
        """Wait for the calls in the loop, at most this many seconds, then interrupt them.

        A store that takes no outcomes is waited for twice the grace of a cancel; then they stay open.
        """
        call_later = self._tools.clock.call_later
        last = grace + 2 * self._pace.cancel_grace
        handles = (call_later(grace, self._interrupt_inline), call_later(last, self._give_up_inline))
        try:
            while any(running.inline for running in self._running.values()):
                await self._changed()
        finally:
            for handle in handles:
                handle.cancel()

    async def idle(self) -> None:
        """Return when no attempt is open here."""
        await self._idle.wait()

    async def kill_children(self) -> None:
        """ProcessEnd every child process at once and wait until their attempts are closed."""
        for ref, running in list(self._running.items()):
            if not running.inline:
                running.cause = running.cause or Interrupted()
                self._chore(self._tools.children.kill(ref))
        await self._idle.wait()

    async def kill_stopped(self) -> None:
        """Cut the grace of children that were asked to stop, and wait for their ends."""
        stopped = [ref for ref, running in self._running.items() if running.cause is not None]
        for ref in stopped:
            await self._tools.children.kill(ref)
        while any(ref in self._running for ref in stopped):
            await self._changed()

    async def leave_children(self) -> None:
        """Stop watching; children go on and are adopted by the next engine."""
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for task in (*tasks, *self._chores):
            task.cancel()
        if tasks or self._chores:
            await asyncio.wait([*tasks, *self._chores])
        self._tools.children.close()

    def _begin(
        self,
        claimed: Claimed,
        work: Callable[[Running], Coroutine[None, None, Outcome]],
        *,
        spent: float = 0,
    ) -> Running:
        spec = StoredSpec.from_json(json.loads(claimed.spec))
        ref = AttemptRef(task_id=claimed.task_id, epoch=claimed.epoch)
        seconds = max(0.0, self._timeout(spec) - spent)
        running = Running(ref=ref, claimed=claimed, spec=spec, seconds=seconds)
        self._running[ref] = running
        self._idle.clear()
        running.task = self._loop.create_task(self._live(ref, running, work))
        return running

    async def _live(
        self, ref: AttemptRef, running: Running, work: Callable[[Running], Coroutine[None, None, Outcome]]
    ) -> None:
        crash_point("runner.claimed")
        handle = self._tools.clock.call_later(running.seconds, partial(self._time_out, ref))
        try:
            outcome = await self._guarded(running, work)
        finally:
            handle.cancel()
        if running.ended:
            _log.info("an abandoned call ended", task=ref.task_id, epoch=ref.epoch)
            return
        running.ended = True
        await self._close(ref, running, outcome)

    async def _close(self, ref: AttemptRef, running: Running, outcome: Outcome) -> None:
        crash_point("runner.ended")
        try:
            await self._tools.completion.finish(running.claimed, running.spec, outcome)
        except TaskdeckError as error:
            self._on_error(error)
        finally:
            self._running.pop(ref, None)
            self._tell()

    async def _guarded(
        self, running: Running, work: Callable[[Running], Coroutine[None, None, Outcome]]
    ) -> Outcome:
        try:
            return checked_outcome(await work(running))
        except asyncio.CancelledError:
            if running.cause is not None:
                return running.cause
            if running.task is not None and running.task.cancelling():
                raise
            return broken("the call cancelled itself", code="connector.cancelled")
        except (Invalid, NotFound) as error:
            return _refused(error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            # Foreign code: whatever a connector raises ends this attempt, never the engine.
            _log.warning("a connector raised", task=running.claimed.task_id, error=repr(error))
            return self._classified(running, error)

    def _classified(self, running: Running, error: BaseException) -> Outcome:
        if not isinstance(error, Exception):
            return broken(f"the call raised {type(error).__name__}: {error}")
        try:
            return checked_outcome(self._tools.connectors.get(running.claimed.uses).classify(error))
        except Exception as fault:
            return broken(f"{type(fault).__name__}: {fault}")

    async def _run(self, running: Running) -> Outcome:
        claimed = running.claimed
        connector = self._tools.connectors.get(claimed.uses)
        with_ = await self._briefing.input(running, again=claimed.conditional)
        call = checked_call(connector.call(with_, self._briefing.context(running)), claimed.uses)
        match call:
            case InlineCall():
                return Succeeded(output=await call.run())
            case ProcessCall():
                running.inline = False
                # A stop that waits for the calls in the loop has one less to wait for.
                self._tell()
                return await self._processes.run(running, call, (connector, with_))

    def _timeout(self, spec: StoredSpec) -> float:
        return self._pace.default_timeout if spec.timeout_ms is None else spec.timeout_ms / 1000

    def _time_out(self, ref: AttemptRef) -> None:
        running = self._running.get(ref)
        if running is not None and running.cause is None:
            self._end(ref, running, TimedOut(after_ms=round(self._timeout(running.spec) * 1000)))

    def _end(self, ref: AttemptRef, running: Running, cause: Outcome) -> None:
        if running.ended:
            return
        running.cause = cause
        if running.inline:
            if running.task is not None:
                running.task.cancel()
            self._tools.clock.call_later(self._pace.cancel_grace, partial(self._abandon, ref))
            return
        self._chore(self._tools.children.terminate(ref))
        self._tools.clock.call_later(self._pace.cancel_grace, partial(self._kill, ref))

    def _end_now(self, ref: AttemptRef, running: Running) -> None:
        if running.ended:
            return
        crash_point("runner.killing")
        is_first = running.cause is None
        running.cause = running.cause or Cancelled()
        if not running.inline:
            self._kill(ref)
            return
        if is_first and running.task is not None:
            running.task.cancel()
        # A turn of the loop later: a call that heeds its cancel at once has ended by then.
        self._loop.call_soon(self._abandon, ref)

    def _kill(self, ref: AttemptRef) -> None:
        if ref in self._running:
            self._chore(self._tools.children.kill(ref))

    def _abandon(self, ref: AttemptRef) -> None:
        """Close an attempt whose call in the loop ignores that it was cancelled."""
        running = self._running.get(ref)
        if running is None or running.ended or running.cause is None:
            return
        _log.warning("a call ignored its cancel and is abandoned", task=ref.task_id, epoch=ref.epoch)
        running.ended = True
        running.task = self._loop.create_task(self._close(ref, running, running.cause))

    def _give_up_inline(self) -> None:
        for running in list(self._running.values()):
            if running.inline and running.task is not None:
                running.task.cancel()

    def _interrupt_inline(self) -> None:
        for ref, running in list(self._running.items()):
            if running.inline and running.cause is None:
                self._end(ref, running, Interrupted())

    def _chore(self, work: Coroutine[None, None, None]) -> None:
        chore = self._loop.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def _changed(self) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _tell(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        if not self._running:
            self._idle.set()


def _refused(error: TaskdeckError) -> Outcome:
    return Failed(error=TaskError(code=error.code, message=error.message, facts=error.facts), permanent=True)
