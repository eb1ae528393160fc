"""Carry out what a committed batch means: start claims, pass on stops, arm the next due time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from core.engine.admission import Admission
from core.engine.runner import Runner
from core.logs import get_logger
from core.model.commands import ComeDue
from core.model.errors import TaskdeckError
from core.model.ports import Alarms, AttemptRef, Clock
from core.store.batch import Report
from core.store.journal import Journal

DUE = "due"
AGAIN = "store-again"
STORE_PAUSE_MS = 1_000
"""How long a store that could not write is left alone."""

_log = get_logger(__name__)


class Dispatcher:
    """Hear every report; hold the number of slots, or none while claims are closed.

    Claims are closed for reasons (stopping, no room); they open again when the last one is gone.
    """

    def __init__(
        self, journal: Journal, runner: Runner, admission: Admission, *, ports: tuple[Clock, Alarms]
    ) -> None:
        self._journal = journal
        self._runner = runner
        self._admission = admission
        self._clock, self._alarms = ports
        self._slots = 0
        self._closed: set[str] = set()
        self._armed: int | None = None
        self.trouble: TaskdeckError | None = None
        """Why the store takes nothing at present."""
        self._chores: set[asyncio.Task[None]] = set()
        self._waiters: list[asyncio.Future[None]] = []

    def open(self, slots: int) -> None:
        """Begin to claim up to so many attempts."""
        self._slots = slots
        self._apply()

    def close(self, reason: str = "stopping") -> None:
        """Claim nothing more, for this reason."""
        self._closed.add(reason)
        self._apply()

    def reopen(self, reason: str) -> None:
        """Take one reason back; the last one opens the claims."""
        if reason in self._closed:
            self._closed.discard(reason)
            self._apply()

    def hear(self, report: Report) -> None:
        """Act on a committed batch."""
        self._tell()
        if report.failure is not None:
            self._wait_for_store(report.failure)
            return
        self.trouble = None
        for claimed in report.claimed:
            self._runner.start(claimed)
        for stop in report.stops:
            self._runner.end(AttemptRef(task_id=stop.task_id, epoch=stop.epoch), stop.force)
        if report.conditions and self._slots:
            self.judge()
        self._arm(report.next_due)

    @property
    def quiet(self) -> bool:
        """Return whether claims are open, no retry is due later and nothing is being judged."""
        return self._armed is None and not self._chores and not self._closed

    async def changed(self) -> None:
        """Return after the next report."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def judge(self) -> None:
        """Judge the conditions that wait, be it since a former engine."""
        self._chore(self._admission.judge_waiting())

    def _apply(self) -> None:
        self._journal.slots = 0 if self._closed else self._slots
        # To close needs no group: one that a failure called for would fail as well, and call for the next.
        if self._journal.slots:
            self._journal.wake()

    def _tell(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _arm(self, due: int | None) -> None:
        # What comes due before the claims open is armed by the first batch after that.
        if due == self._armed or not self._slots:
            return
        self._armed = due
        if due is None:
            self._alarms.disarm(DUE)
        else:
            self._alarms.arm(DUE, due, self._come_due)

    def _come_due(self) -> None:
        self._armed = None
        self._journal.submit(ComeDue())

    def _wait_for_store(self, failure: TaskdeckError) -> None:
        # Once: a disk stays full for hours, and its log is on it too.
        if self.trouble is None:
            _log.warning("nothing is claimed", code=failure.code, reason=failure.message, hint=failure.hint)
        self.trouble = failure
        self.close("store")
        self._alarms.arm(AGAIN, self._clock.now() + STORE_PAUSE_MS, self._try_store)

    def _try_store(self) -> None:
        self.reopen("store")
        # Judgements that the store refused have to be made again.
        self.judge()

    def _chore(self, work: Coroutine[None, None, None]) -> None:
        chore = asyncio.get_running_loop().create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._finished)

    def _finished(self, chore: asyncio.Task[None]) -> None:
        self._chores.discard(chore)
        error = None if chore.cancelled() else chore.exception()
        if error is not None:
            _log.warning("conditions could not be judged", error=repr(error))
        self._tell()
