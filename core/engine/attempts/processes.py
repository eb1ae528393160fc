"""Attempts that run as child processes, from start or adoption to outcome.

Used by the runner.
"""

from __future__ import annotations

from contextlib import suppress

from core.engine.attempts.attempt import Running, Tools
from core.engine.attempts.leftovers import Leftovers
from core.engine.attempts.orphans import Orphans
from core.engine.attempts.output_patterns import fitting_pattern
from core.engine.attempts.resolved_input import InputResolver, ResolvedInput, concludes
from core.engine.pauses import GrowingPause
from core.executors.observations import (
    Finished,
    Living,
    NotStarted,
    Orphaned,
    Overflowed,
    ProcessEnd,
    Vanished,
)
from core.executors.outputs import write_new
from core.model.codes import OUTPUT_FACT
from core.model.crash_points import crash_point
from core.model.errors import MachineShort, NotFound, Unavailable
from core.model.limits.usage import EXHAUSTED, EXHAUSTED_EXIT
from core.model.outcomes import Bounced, Failed, Lost, Outcome, Skipped, Succeeded, TaskError
from core.model.plans import OnLoss, RetryPolicy
from core.model.ports import ProcessCall, ProcessExit
from core.model.records import replace
from core.model.shortages import short_of_memory
from core.model.values import JsonObject

_JUDGED = 8
"""How often an end is judged again for want of memory: within some two minutes."""
_SHORT = "check `ulimit -u`, memory, and free room in the data directory"


class Processes:
    """Follow children, own and adopted ones alike, and judge how they ended."""

    def __init__(self, tools: Tools, inputs: InputResolver, orphans: Orphans, leftovers: Leftovers) -> None:
        self._tools = tools
        self._inputs = inputs
        self._orphans = orphans
        self._leftovers = leftovers

    def made_by(self, uses: str) -> bool:
        """Return whether a connector's calls are processes; one that is not known may have made some."""
        try:
            return concludes(self._tools.connectors.get(uses))
        except NotFound:
            return True

    async def run(self, running: Running, call: ProcessCall, resolved: ResolvedInput) -> Outcome:
        """Start a call that was made of an input, and return its outcome; raise `MachineShort`."""
        spec = running.spec
        call = replace(call, output_limit=spec.output_limit, on_overflow=spec.on_overflow)
        try:
            self._tools.children.start(running.ref, call)
        except MachineShort:
            raise
        except MemoryError as error:
            raise short_of_memory() from error
        except Unavailable as error:
            return Bounced(reason=error.message)
        self._tools.shortage.passed(running.ref)
        if running.exhausted is not None:
            self._write_exhausted(running)
        crash_point("child.spawned")
        end = await self._end_of(running)
        if isinstance(end, NotStarted) and end.short:
            raise MachineShort("short.start", end.reason, hint=_SHORT)
        self._tools.shortage.prove()
        return await self._judged(running, end, resolved)

    async def adopt(self, running: Running, child: Finished | Living | Orphaned) -> Outcome:
        """Follow a child of a former engine to its outcome."""
        end: ProcessEnd
        match child:
            case Finished(end=recorded):
                end = recorded
            case Living():
                end = await self._end_of(running)
            case Orphaned(reason=reason, pids=pids):
                end = await self._orphans.outlive(running, Vanished(reason=reason, pids=pids))
        # Only now: an input that cannot be resolved any more must not leave a child unwatched.
        return await self._judged(running, end, await self._inputs.resolve_of_former(running))

    def exhaust(self, running: Running, limit: str) -> None:
        """Tell an attempt by a file that it may end early, because this budget is spent."""
        running.exhausted = limit
        self._write_exhausted(running)

    def _write_exhausted(self, running: Running) -> None:
        path = self._tools.children.outputs.directory(running.ref) / EXHAUSTED
        # One that has not begun has no directory yet; it gets the file as it begins. What stands there stays.
        with suppress(OSError):
            write_new(path, f"{running.exhausted}\n".encode())

    async def _end_of(self, running: Running) -> ProcessEnd:
        end = await self._tools.children.wait(running.ref)
        if isinstance(end, Vanished) and end.pids:
            end = await self._orphans.outlive(running, end)
        return end

    async def _judged(self, running: Running, end: ProcessEnd, resolved: ResolvedInput) -> Outcome:
        """Judge an end, again where memory is short: what has run must not fail, or run again, for that."""
        self._leftovers.ended(running)
        pause = GrowingPause()
        for _ in range(_JUDGED):
            try:
                return self._judge(running, end, resolved)
            except MemoryError:
                self._tools.shortage.report(short_of_memory())
            await self._tools.clock.sleep(pause.next() / 1_000)
        return self._judge(running, end, resolved)

    def _judge(self, running: Running, end: ProcessEnd, resolved: ResolvedInput) -> Outcome:
        if isinstance(end, Vanished) and end.exit is not None and running.spec.on_loss is OnLoss.RETRY:
            # Seen by this engine: it fails like any command that a signal ends, and `retry` decides.
            end = end.exit
        if isinstance(end, ProcessExit):
            running.cut = _missing(end)
        match end:
            case ProcessExit() if running.exhausted is not None:
                outcome = _ended_early(end, resolved, running.exhausted)
            case ProcessExit():
                outcome = _noting_output(resolved.conclude(end), end, running.spec.retry)
            case Overflowed():
                message = f"the output of {end.size:,} bytes exceeds its limit of {end.cap:,}"
                facts: JsonObject = {"size": end.size, "limit": end.cap}
                outcome = Failed(
                    error=TaskError(code="output.cap", message=message, facts=facts), permanent=True
                )
            case NotStarted():
                outcome = Bounced(reason=end.reason)
            case Vanished():
                outcome = Lost(reason=end.reason)
        if running.cause is not None and not isinstance(outcome, Succeeded | Skipped):
            return running.cause
        return outcome


def _missing(end: ProcessExit) -> JsonObject:
    """Return what of an output is missing in its file; nothing of one that is whole."""
    dropped: JsonObject = {"dropped": end.dropped} if end.dropped else {}
    return {**dropped, "lost": True} if end.lost else dropped


def _noting_output(outcome: Outcome, end: ProcessExit, policy: RetryPolicy) -> Outcome:
    """Say in a failure which pattern of `retry.on` the last output fits, if one does."""
    if not isinstance(outcome, Failed) or not policy.output:
        return outcome
    fitting = fitting_pattern(policy.output, end)
    if fitting is None:
        return outcome
    error = replace(outcome.error, facts={**outcome.error.facts, OUTPUT_FACT: fitting})
    return replace(outcome, error=error)


def _ended_early(end: ProcessExit, resolved: ResolvedInput, limit: str) -> Outcome:
    """Judge an exit of an attempt that was told to end early: with 0 or 6 it succeeded in part."""
    is_told = end.code == EXHAUSTED_EXIT
    outcome = resolved.conclude(replace(end, code=0) if is_told else end)
    if is_told and not isinstance(outcome, Succeeded):
        outcome = Succeeded()
    if not isinstance(outcome, Succeeded):
        return outcome
    output = outcome.output
    if is_told and isinstance(output, dict) and "exit" in output:
        output = {**output, "exit": end.code}
    return Succeeded(output=output, partial=True, reason=f"partial: budget `{limit}` is exhausted")
