"""Change notices: what changed since an event, at most twice a second.

Read by `LocalControl`, for clients that follow the engine.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from core.model.errors import TaskdeckError
from core.model.events import KINDS
from core.model.ports import Clock, Handle
from core.store.batch_report import Report

APART_MS = 500
"""Between two notices."""
PATIENCE_SECONDS = 10.0
"""After which a caller is answered although nothing happened."""
WATCHED_MS = 5_000
"""How long after its last call a caller counts as watching."""
KEPT = 256
"""Notices that are remembered; a caller who was away for longer gets all kinds."""

ALL_KINDS = frozenset(KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNotice:
    """Which kinds of events happened, up to which event."""

    last_event: int
    kinds: frozenset[str]


class ChangeNotices:
    """Gather what the batches report, and answer what is new since an event.

    The first notice after a pause comes at once, the others half a second apart. A timer runs only
    while a caller waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ring: deque[ChangeNotice] = deque(maxlen=KEPT)
        self._floor: int | None = None
        """The event after which the oldest notice begins; None = no batch was heard yet."""
        self._newest = 0
        self._heard = 0
        self._gathered: set[str] = set()
        self._published_at: int | None = None
        self._timer: Handle | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._calls = 0
        self._left_at: int | None = None
        self._failure: TaskdeckError | None = None

    @property
    def watched(self) -> bool:
        """Return whether a caller waits, or did so less than five seconds ago."""
        if self._calls:
            return True
        return self._left_at is not None and self._clock.now() - self._left_at < WATCHED_MS

    def hear(self, report: Report) -> None:
        """Take in a committed batch; the first one says where the history stands."""
        if report.failure is not None:
            return
        if self._floor is None:
            self._floor = self._newest = self._heard = report.last_event
            return
        if report.kinds:
            self._gathered |= report.kinds
            self._heard = report.last_event
            self._publish_or_arm()

    async def since(self, after: int | None) -> ChangeNotice:
        """Return what is new since an event as soon as something is; None = at once, all kinds.

        After ten seconds the answer has no kinds. Raises the error of `fail`.
        """
        if self._failure is not None:
            raise self._failure
        with self._watching():
            self._publish_or_arm()
            if after is None:
                # What is gathered but not published yet is read by who begins now.
                return ChangeNotice(last_event=self._heard, kinds=ALL_KINDS)
            # An event that was not written yet is one of another store: answered at once as well.
            if self._newest <= after <= self._heard:
                await self._next()
            return self._above(after)

    def answer_all(self) -> None:
        """Answer every caller who waits now, though nothing was written."""
        for waiter in self._waiting:
            _wake(waiter)

    def fail(self, error: TaskdeckError) -> None:
        """Raise an error to every caller, now or later: the engine ends."""
        self._failure = error
        self._disarm()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(error)

    async def _next(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        patience = self._clock.call_later(PATIENCE_SECONDS, partial(_wake, waiter))
        try:
            self._publish_or_arm()
            await waiter
        finally:
            patience.cancel()
            self._waiting.discard(waiter)
            if not self._waiting:
                self._disarm()

    def _above(self, after: int) -> ChangeNotice:
        if self._floor is None or not self._floor <= after <= self._heard:
            return ChangeNotice(last_event=self._newest, kinds=ALL_KINDS)
        kinds = [notice.kinds for notice in self._ring if notice.last_event > after]
        return ChangeNotice(last_event=self._newest, kinds=frozenset().union(*kinds))

    def _publish_or_arm(self) -> None:
        if not self._gathered or self._timer is not None:
            return
        now = self._clock.now()
        due = now if self._published_at is None else self._published_at + APART_MS
        if due <= now:
            self._publish()
        elif self._waiting:
            self._timer = self._clock.call_later((due - now) / 1000, self._publish_when_due)

    def _publish_when_due(self) -> None:
        self._timer = None
        self._publish()

    def _publish(self) -> None:
        if len(self._ring) == KEPT:
            self._floor = self._ring[0].last_event
        self._ring.append(ChangeNotice(last_event=self._heard, kinds=frozenset(self._gathered)))
        self._gathered.clear()
        self._newest = self._heard
        self._published_at = self._clock.now()
        self.answer_all()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._left_at = self._clock.now()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
