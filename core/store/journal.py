"""Journal: commands in one line to one writer; group commit, answers, reports.

Used by the engine, which submits every change through it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias, TypeVar, cast

from core.model.commands.work import Claimed, Command, FollowUp, RowRef
from core.model.errors import Conflict, Unavailable
from core.model.ports import Clock
from core.store.batch_report import Report
from core.store.pace import BatchPace
from core.store.transaction import Answer, Group, carry_out
from core.store.writer import Writer

Listener = Callable[[Report], None]
Foresee = Callable[[Sequence[Claimed]], None]
R = TypeVar("R")
Errand: TypeAlias = Callable[[Writer, Callable[[], None]], R]
"""Long work with the writer, in its thread; it calls the second argument between its steps, so that what
waits is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loan:
    """An errand that waits for the writer, and the future that answers it."""

    errand: Errand[object]
    future: asyncio.Future[object]


class _Waiting(NamedTuple):
    """A command in the line, and the future that answers it."""

    command: Command[object]
    future: asyncio.Future[object]


class _Taken(NamedTuple):
    """Commands of one group, and who waits for their answers."""

    commands: tuple[Command[object], ...]
    futures: list[asyncio.Future[object]]


@dataclass(slots=True)
class Tally:
    """What a journal has done since it began."""

    commits: int = 0
    ms: float = 0
    claims: int = 0


class Journal:
    """Take commands, apply what is queued whenever the previous commit ends, answer each.

    Lives on one loop; the transactions run in a thread of their own, one hop each. `slots` is the
    claim that rides in every group: claim until so many attempts are open (0 = claim nothing).
    A caller that is cancelled leaves its command in the line: it is applied all the same.
    What a batch leaves over is carried out by later ones, a few ms each; commands that wait are let pass,
    but each second group of them takes some of it along.
    `foresee` hears what is about to be claimed while the disk is awaited: the commit may still fail.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        clock: Clock,
        listener: Listener,
        foresee: Foresee | None = None,
        pace: BatchPace | None = None,
    ) -> None:
        self.slots = 0
        self.tally = Tally()
        self._pace = pace or BatchPace()
        self._stopwatch = self._pace.stopwatch
        self._has_left_over = False
        """Earlier batches left something over, which a follow-up of this journal's own carries out."""
        self._let_pass = False
        """The last group had commands and no follow-up, though something was left over."""
        self._launched_at = 0.0
        self._writer = writer
        self._clock = clock
        self._listener = listener
        self._foresee = foresee
        self._loop = asyncio.get_running_loop()
        self._line: deque[_Waiting] = deque()
        self._in_flight: list[asyncio.Future[object]] | None = None
        self._woken = False
        self._is_due = False
        self._closed = False
        self._last_use: Callable[[Writer], None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._work: SimpleQueue[Group | _Loan | None] = SimpleQueue()
        self._is_lent = False
        self._thread = threading.Thread(target=self._write, name="taskdeck-writer", daemon=True)
        self._thread.start()

    def submit(self, command: Command[R]) -> asyncio.Future[R]:
        """Put a command in the line; the future answers after its commit, or raises the refusal."""
        future: asyncio.Future[R] = self._loop.create_future()
        if self._closed:
            _give(_stopped(), cast("asyncio.Future[object]", future))
            return future
        # What answers a command is an R: the apply function of its kind returns it.
        self._line.append(_Waiting(command, cast("asyncio.Future[object]", future)))
        self._rouse()
        return future

    async def lend(self, errand: Errand[R]) -> R:
        """Have long work done with the writer; groups are carried out between its steps.

        One at a time: raises `Conflict` (`store.lent`). Work under way when the journal is closed gets
        `Unavailable` (`engine.stopped`) from the call between its steps. A caller that is cancelled leaves
        the work to go on, and has to stop it in another way.
        """
        if self._closed:
            raise _stopped()
        if self._is_lent:
            raise Conflict(
                "store.lent", "the store is being copied already", hint="wait until that backup is done"
            )
        future: asyncio.Future[R] = self._loop.create_future()
        self._is_lent = True
        loan = _Loan(errand=cast("Errand[object]", errand), future=cast("asyncio.Future[object]", future))
        self._work.put(loan)
        return await future

    def wake(self) -> None:
        """Let a group start soon, be it only to claim: one that is in flight may know other slots."""
        self._is_due = self._in_flight is not None
        self._rouse()

    @property
    def next_commit(self) -> int:
        """Return which commit, as the tally counts them, is the first to claim by the slots of now."""
        return self.tally.commits + (2 if self._in_flight is not None else 1)

    def _rouse(self) -> None:
        if self._in_flight is None and not self._woken:
            # By call_soon: commands of one tick share one group.
            self._woken = True
            self._idle.clear()
            self._loop.call_soon(self._launch)

    async def settle(self) -> None:
        """Return when the line is empty and the last commit is answered."""
        await self._idle.wait()

    async def close(self, last_use: Callable[[Writer], None] | None = None) -> None:
        """Apply what is in the line, then end the writer thread and close its connection.

        `last_use` is called with the writer before that, in the writer's thread.
        """
        await self.settle()
        self._closed = True
        self._last_use = last_use
        self._work.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _launch(self) -> None:
        self._woken = False
        if self._in_flight is not None:
            return
        self._is_due = False
        commands, self._in_flight = self._take()
        now = self._clock.now()
        self._launched_at = self._stopwatch()
        group = Group(
            commands=commands,
            slots=self.slots,
            now=now,
            offset=self._clock.offset,
            limit=self._pace.limit + len(commands),
        )
        self._work.put(group)

    def _take(self) -> _Taken:
        """Take what is queued up to the cap; a second command for one row waits for the next group."""
        taken: set[RowRef] = set()
        commands: list[Command[object]] = []
        futures: list[asyncio.Future[object]] = []
        later: list[_Waiting] = []
        while self._line and len(commands) < self._pace.cap:
            command, future = self._line.popleft()
            rows = command.rows()
            if not taken.isdisjoint(rows):
                later.append(_Waiting(command, future))
            else:
                commands.append(command)
                futures.append(future)
            taken.update(rows)
        self._line.extendleft(reversed(later))
        self._let_pass = self._has_left_over and bool(commands) and not self._let_pass
        if self._has_left_over and not self._let_pass:
            commands.append(FollowUp())
            futures.append(self._loop.create_future())
        return _Taken(tuple(commands), futures)

    def _answer(self, answers: list[Answer], report: Report) -> None:
        futures, self._in_flight = self._in_flight or [], None
        self.tally.commits += 1
        self.tally.ms += (self._stopwatch() - self._launched_at) * 1_000
        self.tally.claims += len(report.claimed)
        self._has_left_over = report.left_over and report.failure is None
        if self._line or self._has_left_over or report.claims_left or self._is_due:
            # The next group starts before the answers are given: the writer does not wait for us.
            self._launch()
        try:
            # What was claimed starts before the callers hear: they may have much to do.
            self._listener(report)
        finally:
            for future, answer in zip(futures, answers, strict=True):
                _give(answer, future)
            if not self._busy():
                self._idle.set()

    def _busy(self) -> bool:
        return self._woken or self._in_flight is not None

    def _announce(self, report: Report) -> None:
        """Let the loop prepare what the writer is about to commit; called in the writer's thread."""
        if report.claimed and self._foresee is not None:
            self._loop.call_soon_threadsafe(self._foresee, report.claimed)

    def _return(self, future: asyncio.Future[object], found: object) -> None:
        """Answer an errand with its result, or with the exception that ended it."""
        self._is_lent = False
        if future.cancelled():
            return
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)

    def _carry_out(self, group: Group) -> None:
        began = self._stopwatch()
        answers, report = carry_out(self._writer, group, foresee=self._announce)
        ms = (self._stopwatch() - began) * 1_000
        self._pace.note(commands=len(group.commands), carried=report.carried, ms=ms)
        self._loop.call_soon_threadsafe(self._answer, answers, report)

    def _run(self, loan: _Loan) -> None:
        try:
            found: object = loan.errand(self._writer, self._carry_out_next)
        except Exception as error:
            # Whatever broke is the answer: the writer's thread must live.
            found = error
        self._loop.call_soon_threadsafe(self._return, loan.future, found)

    def _carry_out_next(self) -> None:
        """Carry out the group that waits, if one does; called in the writer's thread during an errand."""
        try:
            work = self._work.get_nowait()
        except Empty:
            return
        if isinstance(work, Group):
            self._carry_out(work)
            return
        # The end; no second errand is let in.
        self._work.put(work)
        raise _stopped()

    def _write(self) -> None:
        while (work := self._work.get()) is not None:
            if isinstance(work, Group):
                self._carry_out(work)
            else:
                self._run(work)
        if self._last_use is not None:
            self._last_use(self._writer)
        self._writer.connection.close()


def _give(answer: Answer, future: asyncio.Future[object]) -> None:
    """Give a caller the answer to its command, unless it no longer waits."""
    if future.cancelled():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
        # A caller that was cancelled meanwhile, or that only notes something, never reads it; asyncio need
        # not warn of that.
        future.exception()
    else:
        future.set_result(answer)


def _stopped() -> Unavailable:
    return Unavailable("engine.stopped", "the engine has stopped", hint="start it again")
