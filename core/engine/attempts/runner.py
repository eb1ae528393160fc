"""Runner: makes a task's call, runs it, records its end as outcome.

Called by the dispatcher for claims, and by recovery and shutdown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from core.engine.attempts.attempt import NO_RESULTS, Ended, Results, Running, Timeouts, Tools
from core.engine.attempts.connector_results import broken, checked_outcome, refused
from core.engine.attempts.leftovers import Leftovers
from core.engine.attempts.masked_outcomes import masked_outcome
from core.engine.attempts.open_attempts import OpenAttempts
from core.engine.attempts.orphans import Orphans
from core.engine.attempts.polling import outcome_of
from core.engine.attempts.processes import Processes
from core.engine.attempts.resolved_input import InputResolver, ResolvedInput
from core.engine.attempts.termination import Termination
from core.engine.attempts.time_limits import TimeLimits
from core.executors.observations import Finished, Living, Orphaned
from core.logs import get_logger
from core.model.commands.work import AttemptNote, Claimed, Force, NoteAttempt
from core.model.crash_points import crash_point
from core.model.errors import Invalid, MachineShort, NotFound, TaskdeckError
from core.model.masking import masked_text
from core.model.outcomes import (
    Bounced,
    Cancelled,
    Interrupted,
    Lost,
    Outcome,
)
from core.model.plans import OnLoss
from core.model.ports import AttemptRef, InlineCall, ProcessCall
from core.model.records import replace
from core.model.shortages import short_of_memory
from core.model.stored_spec import SpecReader, StoredSpec
from core.model.values import JsonObject
from core.secret_sources.refusals import SecretUnreadable

STOPPED_INLINE = "the engine stopped while the call ran in it; how far it had come is not known"
Work: TypeAlias = Callable[[Running], Coroutine[None, None, Outcome]]
_log = get_logger(__name__)


class _Prepared(NamedTuple):
    """An attempt before its claim is committed, and its input where that is known."""

    running: Running
    resolved: ResolvedInput | None


class Runner:
    """Own the open attempts of this engine, from claim or adoption to the recorded outcome."""

    def __init__(
        self, tools: Tools, *, store_id: str, timeouts: Timeouts, on_error: Callable[[TaskdeckError], None]
    ) -> None:
        self._tools = tools
        self._timeouts = timeouts
        self._on_error = on_error
        self.orphans = Orphans(tools.children, tools.clock, note=tools.completion.note_attempt)
        self.leftovers = Leftovers(tools.children, tools.clock, note=tools.completion.note_attempt)
        self.inputs = InputResolver(tools, store_id=store_id)
        self._processes = Processes(tools, self.inputs, self.orphans, self.leftovers)
        self._attempts = OpenAttempts(tools.children.outputs.use)
        self._prepared: dict[int, _Prepared] = {}
        self._termination = Termination(self._attempts, tools, grace=timeouts.cancel_grace, close=self._close)
        self._limits = TimeLimits(tools, default=timeouts.default, end=self._termination.ask)

    @property
    def count(self) -> int:
        """Return how many attempts are open here."""
        return len(self._attempts)

    @property
    def open(self) -> tuple[AttemptRef, ...]:
        """Return which attempts are open here."""
        return tuple(running.ref for running in self._attempts.all())

    def prepare(self, claims: Sequence[Claimed]) -> None:
        """Get ready what is about to be claimed; without the commit nothing comes of it."""
        specs = SpecReader()
        opened = [self._running(claimed, specs) for claimed in claims]
        self._prepared = {
            running.ref.task_id: _Prepared(running, self.inputs.foresee(running))
            for running in opened
            if running.refusal is None
        }

    def start(self, claimed: Claimed) -> None:
        """Run a claimed task."""
        prepared = self._prepared.pop(claimed.task_id, None)
        # After a commit that failed the same id may be claimed again, and be another task.
        if prepared is None or prepared.running.claimed is not claimed:
            prepared = _Prepared(self._running(claimed, SpecReader()), None)
        self._attempts.add(prepared.running)
        self._tools.shortage.begin(prepared.running.ref)
        self._follow(prepared.running, partial(self._run, foreseen=prepared.resolved))

    def adopt(
        self,
        claimed: Claimed,
        child: Finished | Living | Orphaned,
        *,
        started_at: int,
        exhausted: str | None = None,
    ) -> None:
        """Follow a child of a former engine; its timeout goes on as well."""
        running = self._open(claimed)
        if exhausted is not None:
            self._processes.exhaust(running, exhausted)
        # What has ended has ended in time, however late an engine sees it.
        spent = 0 if isinstance(child, Finished) else self._tools.clock.now() - started_at
        running.spent = spent / 1000
        # Known before its task has begun: a kill at once must not take it for a call in the loop.
        running.inline = False
        self._follow(running, partial(self._processes.adopt, child=child))

    def exhaust(self, ref: AttemptRef, limit: str) -> None:
        """Let an attempt end early, because this budget is spent; calls in the loop go on to their end."""
        running = self._attempts.get(ref)
        if running is not None:
            self._processes.exhaust(running, limit)

    def change_timeouts(self, timeouts: Timeouts) -> None:
        """Give what begins, or is asked to end, from now on so much time."""
        self._timeouts = timeouts
        self._termination.grace = timeouts.cancel_grace
        self._limits.default = timeouts.default

    def makes_processes(self, uses: str) -> bool:
        """Return whether a connector's calls are processes; True for one that is not known."""
        return self._processes.made_by(uses)

    def end(self, ref: AttemptRef, force: Force) -> None:
        """Ask an attempt to end and kill it after the grace, or kill it at once.

        A grace that goes on is cut short by a kill. The row decides what its task becomes.
        """
        running = self._attempts.get(ref)
        if running is None:
            if ref in self._tools.completion.set_aside:
                self._termination.tasks.start(self._end_set_aside(ref))
            return
        with running.logged():
            if force is Force.KILL:
                self._termination.kill(running)
            elif running.cause is None:
                self._termination.ask(running, Cancelled())

    @property
    def has_set_aside(self) -> bool:
        """Whether the store did not take the ends of some attempts."""
        return bool(self._tools.completion.set_aside)

    async def try_set_aside(self) -> None:
        """Record once more the ends that the store did not take."""
        for ref in self._tools.completion.set_aside:
            await self._end_set_aside(ref)

    async def _end_set_aside(self, ref: AttemptRef) -> None:
        try:
            await self._tools.completion.end_set_aside(ref)
        except TaskdeckError as error:
            self._on_error(error)

    async def finish_inline(self, grace: float) -> None:
        """Wait for the calls in the loop, at most this many seconds, then interrupt them.

        A store that takes no outcomes is waited for twice the grace of a cancel; then they stay open.
        """
        call_later = self._tools.clock.call_later
        last = grace + 2 * self._timeouts.cancel_grace
        handles = (call_later(grace, self._interrupt_inline), call_later(last, self._give_up_inline))
        try:
            while self._attempts.inline():
                await self._attempts.changed()
        finally:
            for handle in handles:
                handle.cancel()

    def recover(self) -> None:
        """Hear that the store writes again: outcomes that wait for it are submitted."""
        self._tools.completion.recover()

    async def idle(self) -> None:
        """Return when no attempt is open here."""
        await self._attempts.idle()

    async def kill_children(self) -> None:
        """End every child process at once and wait until their attempts are closed."""
        for running in self._attempts.children():
            running.cause = running.cause or Interrupted()
            self._termination.kill_process(running.ref)
        await self._attempts.idle()

    async def kill_stopped(self) -> None:
        """Cut the grace of children that were asked to stop, and wait for their ends."""
        stopped = [running.ref for running in self._attempts.all() if running.cause is not None]
        for ref in stopped:
            await self._tools.children.kill(ref)
        while any(ref in self._attempts for ref in stopped):
            await self._attempts.changed()

    async def leave_children(self) -> None:
        """Stop watching; children go on and are adopted by the next engine."""
        tasks = [running.task for running in self._attempts.all() if running.task is not None]
        for task in tasks:
            task.cancel()
        left = (*tasks, *self._termination.tasks.cancel())
        if left:
            await asyncio.wait(left)
        self._tools.children.close()

    def _open(self, claimed: Claimed) -> Running:
        running = self._running(claimed, SpecReader())
        self._attempts.add(running)
        return running

    def _running(self, claimed: Claimed, specs: SpecReader) -> Running:
        ref = AttemptRef(task_id=claimed.task_id, epoch=claimed.epoch)
        try:
            return Running(ref=ref, claimed=claimed, spec=specs.read(claimed.spec))
        except Invalid as refusal:
            return Running(ref=ref, claimed=claimed, spec=StoredSpec(), refusal=refusal)

    def _follow(self, running: Running, work: Work) -> None:
        # The task takes the fields of the log along, and so does all that it starts.
        with running.logged():
            running.task = asyncio.get_running_loop().create_task(self._live(running, work))

    async def _live(self, running: Running, work: Work) -> None:
        crash_point("runner.claimed")
        limits = self._limits.watch(running)
        try:
            outcome = await self._guarded(running, work)
        finally:
            self._tools.shortage.settle(running.ref)
            limits.cancel()
        if running.ended:
            _log.info("an abandoned call ended")
            self._note_call_ended(running.ref, outcome)
            return
        running.ended = True
        ended = await self._with_results(running, outcome)
        results = replace(ended.results, cut=running.cut) if running.cut else ended.results
        await self._close(running, ended.outcome, results)

    async def _with_results(self, running: Running, outcome: Outcome) -> Ended:
        """Return how an attempt ended, with what it leaves; what breaks here fails it, by name."""
        try:
            masked = masked_outcome(outcome, running.masks) if running.masks else outcome
            return await self._tools.results.of(running, masked)
        except Exception as error:
            # Its end would be known to nothing, and its slot be taken for as long as the engine lives.
            _log.warning("what an attempt leaves could not be taken", error=repr(error))
            told = masked_text(f"{type(error).__name__}: {error}", running.masks)
            message = f"it ended, but what it leaves could not be taken: {told}"
            return Ended(broken(message, code="attempt.results"), NO_RESULTS)

    def _note_call_ended(self, ref: AttemptRef, outcome: Outcome) -> None:
        """Write into the history that a call that was given up goes on no more."""
        data: JsonObject = {"outcome": type(outcome).__name__.lower()}
        kind = AttemptNote.CALL_ENDED
        self._tools.completion.note_attempt(
            NoteAttempt(task_id=ref.task_id, epoch=ref.epoch, kind=kind, data=data)
        )

    async def _close(self, running: Running, outcome: Outcome, results: Results = NO_RESULTS) -> None:
        crash_point("runner.ended")
        try:
            await self._tools.completion.finish(running.claimed, running.spec, outcome, results)
        except TaskdeckError as error:
            self._on_error(error)
        finally:
            self._attempts.remove(running.ref)

    async def _guarded(self, running: Running, work: Work) -> Outcome:
        try:
            return checked_outcome(await work(running))
        except asyncio.CancelledError:
            if running.cause is not None:
                return running.cause
            if running.task is not None and running.task.cancelling():
                raise
            return broken("the call cancelled itself", code="connector.cancelled")
        except (Invalid, NotFound) as error:
            return refused(error)
        except SecretUnreadable as error:
            # What keeps it may be there again when the next attempt begins.
            return replace(refused(error), permanent=False)
        except MachineShort as error:
            self._tools.shortage.report(error)
            return Bounced(reason=error.message, shortage=True)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            # Foreign code: whatever a connector raises ends this attempt, never the engine.
            _log.warning("a connector raised", error=masked_text(repr(error), running.masks))
            return self._classified(running, error)

    def _classified(self, running: Running, error: BaseException) -> Outcome:
        if not isinstance(error, Exception):
            return broken(f"the call raised {type(error).__name__}: {error}")
        try:
            return checked_outcome(self._tools.connectors.get(running.claimed.uses).classify(error))
        except Exception as fault:
            return broken(f"{type(fault).__name__}: {fault}")

    async def _run(self, running: Running, *, foreseen: ResolvedInput | None) -> Outcome:
        if running.refusal is not None:
            raise running.refusal
        conditional = running.claimed.conditional
        resolve = self.inputs.resolve_and_judge if conditional else self.inputs.resolve
        try:
            resolved = foreseen or await resolve(running)
            call = resolved.call()
        except MemoryError as error:
            # Nothing has begun yet; how far a call in the loop came would not be known.
            raise short_of_memory() from error
        match call:
            case InlineCall():
                self._tools.shortage.settle(running.ref)
                return await outcome_of(self.inputs, running, resolved, await call.run())
            case ProcessCall():
                self._attempts.became_process(running)
                return await self._processes.run(running, call, resolved)

    def _interrupt_inline(self) -> None:
        for running in self._attempts.inline():
            if running.cause is None:
                # Its effect may have happened: without `retry` that is a loss like any other.
                may_repeat = running.spec.on_loss is OnLoss.RETRY
                self._termination.ask(running, Interrupted() if may_repeat else Lost(reason=STOPPED_INLINE))

    def _give_up_inline(self) -> None:
        for running in self._attempts.inline():
            if running.task is not None:
                running.task.cancel()
