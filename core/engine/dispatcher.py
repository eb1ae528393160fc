"""Dispatcher: after each batch, starts claims, forwards stops, arms due times.

Called by the engine with the report of each committed batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

from core.engine.attempts.runner import Runner
from core.engine.background import BackgroundTasks, Signal
from core.engine.judgements.conditions import Conditions
from core.engine.pauses import GrowingPause
from core.engine.shortage import Closed
from core.logs import get_logger
from core.model.commands.engine_notes import EngineEvent, NoteEngine
from core.model.commands.work import ENGINE, ComeDue
from core.model.errors import TaskdeckError
from core.model.limits.limits import Pool
from core.model.ports import Alarms, AttemptRef, Clock
from core.model.values import JsonObject
from core.model.views import ClaimsClosed
from core.store.batch_report import Report
from core.store.journal import Journal

_DUE, _STORE, _JUDGE = "due", "store", "judge"
"""Names of alarms."""

_log = get_logger(__name__)


class Dispatcher:
    """Hear every report; hold the number of slots, or none while claims are closed.

    Claims are closed for reasons; they open again when the last one is gone.
    """

    def __init__(
        self, journal: Journal, runner: Runner, conditions: Conditions, *, clock: Clock, alarms: Alarms
    ) -> None:
        self._journal = journal
        self._runner = runner
        self._conditions = conditions
        self._clock = clock
        self._alarms = alarms
        self._own_slots = 0
        self._pools: Sequence[Pool] = ()
        self._closed: set[Closed] = set()
        self._told: dict[Closed, ClaimsClosed] = {}
        self._armed: int | None = None
        self._judgements = BackgroundTasks()
        self._leaves_some = False
        """Conditions could not be read or decided, and an alarm is armed to judge them."""
        self._pause = GrowingPause()
        """How long those are left alone."""
        self._store_pause = GrowingPause()
        """How long a store that could not write is left alone."""
        self._store_until: int | None = None
        self._claimed_from = 0
        """The commit that claims what the last `retry` allows."""
        self._heard = Signal()

    def open(self, slots: int) -> None:
        """Begin to claim up to so many attempts, or as many as the pools have."""
        self._own_slots = slots
        self._apply()

    @property
    def slots(self) -> int:
        """Return how many attempts may be open at once."""
        return sum(pool.slots for pool in self._pools) if self._pools else self._own_slots

    @property
    def closed(self) -> tuple[ClaimsClosed, ...]:
        """Return why nothing, or next to nothing, is claimed, the oldest reason first; not that it ends."""
        return tuple(sorted(self._told.values(), key=lambda told: told.since))

    def close(self, reason: Closed, error: TaskdeckError | None = None, *, until: int | None = None) -> None:
        """Claim nothing more, for this reason; with an error, clients are told of it.

        `until` (ms UTC) is when it is tried again. A reason that stands keeps the time it began.
        """
        self._closed.add(reason)
        if error is not None:
            self._tell(reason, error, until=until)
        self._apply()

    def retry(self, reason: Closed) -> None:
        """Claim again to see whether a reason still stands; clients are told of it until it is gone.

        While the machine is short, one task more than runs now is claimed.
        """
        self._closed.discard(reason)
        self._apply()
        self._claimed_from = self._journal.next_commit

    @property
    def has_claimed(self) -> bool:
        """Whether a batch has looked for something to claim since the last `retry`."""
        return self._journal.tally.commits >= self._claimed_from

    def reopen(self, reason: Closed) -> None:
        """Take one reason back; the last one opens the claims."""
        told = self._told.pop(reason, None)
        if told is not None:
            _log.info("a reason to claim nothing is gone", code=told.code)
        if told is not None or reason in self._closed:
            self._closed.discard(reason)
            self._apply()

    def hear(self, report: Report) -> None:
        """Act on a committed batch."""
        # Who waits for it looks when the callers of its commands, too, have their answers.
        asyncio.get_running_loop().call_soon(self._heard.notify)
        if report.failure is not None:
            self._wait_for_store(report.failure)
            return
        if self._told.pop(Closed.STORE, None) is not None:
            self._store_pause.reset()
            self._runner.recover()
            if self._own_slots:
                # Not at each try: all that waits would be judged for a store that takes nothing yet.
                self.judge_all()
        if report.pools is not None:
            self._pools = report.pools
            self._apply()
        for claimed in report.claimed:
            self._runner.start(claimed)
        for stop in report.stops:
            self._runner.end(AttemptRef(task_id=stop.task_id, epoch=stop.epoch), stop.force)
        for one in report.may_end:
            self._runner.exhaust(AttemptRef(task_id=one.task_id, epoch=one.epoch), one.limit)
        if report.conditions and self._own_slots:
            self._judge(report.conditions)
        self._arm(report.next_due)

    @property
    def quiet(self) -> bool:
        """Return whether claims are open, no retry is due later and nothing is being judged."""
        is_judging = self._judgements or self._leaves_some
        return self._armed is None and not is_judging and not self._closed and not self._told

    async def changed(self) -> None:
        """Return after the next report."""
        await self._heard.wait()

    def judge_all(self) -> None:
        """Judge all conditions that wait, also those left by a former engine."""
        self._judgements.start(self._conditions.judge_all(), self._judged)

    async def end(self) -> None:
        """Judge nothing any more, and return when no judgement is under way."""
        self._own_slots = 0
        await self._judgements.end()

    def _judge(self, task_ids: Iterable[int]) -> None:
        self._judgements.start(self._conditions.judge(task_ids), self._judged)

    def _apply(self) -> None:
        self._journal.slots = self._claimable()
        # To close needs no group: one that a failure called for would fail as well, and call for the next.
        if self._journal.slots:
            self._journal.wake()

    def _claimable(self) -> int:
        """Return up to how many attempts may be open."""
        if self._closed:
            return 0
        if not self._own_slots:
            return 0
        return min(self.slots, self._runner.count + 1) if Closed.SHORT in self._told else self.slots

    def _tell(self, reason: Closed, error: TaskdeckError, *, until: int | None) -> None:
        earlier = self._told.get(reason)
        if earlier is None or earlier.code != error.code:
            # Once: a disk stays full for hours, and its log is on it too.
            _log.warning("nothing is claimed", code=error.code, reason=error.message, hint=error.hint)
            if reason is Closed.ROOM:
                told: JsonObject = {"code": error.code, "message": error.message}
                noted = self._journal.submit(
                    NoteEngine(kind=EngineEvent.CLAIMS_CLOSED, actor=ENGINE, data=told)
                )
                # A store that takes no more is told of by itself.
                noted.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._told[reason] = ClaimsClosed(
            code=error.code,
            message=error.message,
            hint=error.hint,
            since=self._clock.now() if earlier is None else earlier.since,
            until=until,
        )

    def _arm(self, due: int | None) -> None:
        # What comes due before the claims open is armed by the first batch after that.
        if due == self._armed or not self._own_slots:
            return
        self._armed = due
        if due is None:
            self._alarms.disarm(_DUE)
        else:
            self._alarms.arm(_DUE, due, self._come_due)

    def _come_due(self) -> None:
        self._armed = None
        self._journal.submit(ComeDue())

    def _wait_for_store(self, failure: TaskdeckError) -> None:
        # One that fails beside the tries of the engine, as a submit does, makes the pause no longer.
        if Closed.STORE not in self._closed:
            self._store_until = self._clock.now() + self._store_pause.next()
            self._alarms.arm(_STORE, self._store_until, partial(self.retry, Closed.STORE))
        self.close(Closed.STORE, failure, until=self._store_until)

    def _judged(self, judgement: asyncio.Task[None]) -> None:
        if self._conditions.ended(judgement):
            self._arm_left()
        self._heard.notify()

    def _arm_left(self) -> None:
        if not self._leaves_some:
            self._leaves_some = True
            self._alarms.arm(_JUDGE, self._clock.now() + self._pause.next(), self._judge_left)

    def _judge_left(self) -> None:
        self._leaves_some = False
        self._judgements.start(self._conditions.judge_left(), self._judged_left)

    def _judged_left(self, judgement: asyncio.Task[None]) -> None:
        if self._conditions.ended(judgement):
            self._arm_left()
        else:
            self._pause.reset()
        self._heard.notify()
