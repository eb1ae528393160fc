"""NoticeLoop: tells operators of what happened, behind a cursor of the history.

Owned by the health of the engine. Deliveries go on the loop beside the tasks: they take no slot of theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from core.engine.background import BackgroundTasks
from core.model.commands.notices import BeginDelivery, ConfigureNotices, DraftNotices, EndDelivery
from core.model.errors import TaskdeckError
from core.model.notices import Delivery, Sink, SinkStanding
from core.model.ports import Alarms, Clock
from core.rules.notice_texts import body_of, lines_of, subject_of
from core.rules.notices import KINDS, draft_notices, quiet_until, retry_at
from core.rules.sink_secrets import secret_names, with_secrets
from core.senders import DeliveryFailed, Message, send
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.reports.notices import NoticeReports

SLOTS = 2
"""Deliveries that are under way at once."""
_ALARM = "notices"
_LOOK_AGAIN_MS = 60_000
"""After a look that failed."""
_STRIDE = 1_000
"""Events that are looked at before the cursor is written, if none of them is told."""


class Send(Protocol):
    """What makes one try; blocks, and raises `DeliveryFailed`."""

    def __call__(self, sink: Sink, message: Message, /) -> None:
        """Send a message."""


@dataclass(frozen=True, slots=True)
class NoticePorts:
    """What the loop asks of the rest of the engine and of the world."""

    reports: NoticeReports
    journal: Journal
    note: Callable[[str, BaseException | None], None]
    """Tells operators what could not be done, and that it can be again."""
    secrets: Callable[[Iterable[str]], Awaitable[Mapping[str, str]]]
    """Reads secrets; raises `TaskdeckError` without a value in it."""
    home: str
    store_id: str
    send: Send = send


class NoticeLoop:
    """One look at a time: drafts what is new, begins what is due, arms the alarm of what is next."""

    def __init__(self, ports: NoticePorts, *, clock: Clock, alarms: Alarms) -> None:
        self._ports = ports
        self._clock = clock
        self._alarms = alarms
        self._sinks: dict[str, Sink] = {}
        self._work = BackgroundTasks()
        self._sending: set[str] = set()
        self._not_before: dict[str, int] = {}
        """Engine time of the next delivery of a sink."""
        self._rests_until: dict[str, int] = {}
        """Engine time until which a sink rests of which the store took nothing."""
        self._position: int | None = None
        """Up to which event the history was looked at; the cursors may be behind it."""
        self._owes = False
        self._is_open = False
        self._is_asked = False
        self._is_looking = False

    @property
    def is_busy(self) -> bool:
        """Whether something is looked for, is being sent, or is to be, but for what quiet hours hold back."""
        return self._is_open and (self._is_looking or self._owes or bool(self._sending))

    async def open(self, sinks: Sequence[Sink]) -> None:
        """Follow the history for these sinks from now on, and send what waits for them."""
        self._is_open = True
        await self.configure(sinks)

    async def configure(self, sinks: Sequence[Sink]) -> None:
        """Follow it for these alone; does nothing before `open`."""
        if not self._is_open:
            return
        self._sinks = {sink.name: sink for sink in sinks}
        await self._ports.journal.submit(ConfigureNotices(sinks=tuple(self._sinks)))
        self._position = await self._ports.reports.cursor() if sinks else None
        self.look()

    def close(self) -> None:
        """Look and send no more; what is under way is tried again by the next engine."""
        self._is_open = False
        self._alarms.disarm(_ALARM)
        self._work.cancel()

    async def end(self) -> None:
        """Return when what `close` cancelled has ended."""
        await self._work.end()

    def hear(self, report: Report) -> None:
        """Look after a commit with events of which operators may hear."""
        if self._sinks and not KINDS.keys().isdisjoint(report.kinds):
            self.look()

    def look(self) -> None:
        """Look soon; while a look is under way, once more after it."""
        self._is_asked = True
        if self._is_open and not self._is_looking:
            self._is_looking = True
            self._work.start(self._look_while_asked(), self._looked)

    def _looked(self, done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        self._ports.note("telling operators of what happened", done.exception())
        if done.exception() is not None:
            self._arm(self._clock.now() + _LOOK_AGAIN_MS)

    async def _look_while_asked(self) -> None:
        try:
            while self._is_asked and self._is_open:
                self._is_asked = False
                await self._draft()
                await self._begin()
        finally:
            self._is_looking = False

    async def _draft(self) -> None:
        """Draft what the history has since the last look, in steps."""
        noted = self._position
        while self._sinks and self._position is not None:
            upto, told = await self._ports.reports.told(self._position, tuple(KINDS))
            drafts = draft_notices(told, tuple(self._sinks.values()))
            if drafts or upto - (noted or 0) >= _STRIDE:
                # In one transaction: after a kill no notice is missing, and none is there twice.
                await self._ports.journal.submit(DraftNotices(after=self._position, upto=upto, drafts=drafts))
                noted = upto
            is_newest, self._position = upto == self._position, upto
            if is_newest:
                return

    async def _begin(self) -> None:
        """Begin what is due, and arm the alarm of what is due next."""
        later, self._owes = list[int](), False
        for standing in await self._ports.reports.standing() if self._sinks else ():
            sink = self._sinks.get(standing.sink)
            if sink is None or sink.name in self._sending:
                continue
            due, until = self._due_at(sink, standing), self._quiet_until(sink)
            self._owes |= until is None
            if max(due, until or 0) > self._clock.now():
                later.append(max(due, until or 0))
            elif len(self._sending) < SLOTS:
                self._sending.add(sink.name)
                self._work.start(self._deliver(sink), partial(self._delivered, sink))
        if later:
            self._arm(min(later))

    def _due_at(self, sink: Sink, standing: SinkStanding) -> int:
        """Return the engine time of the next try of what is under way, or at which more may be sent."""
        under_way = standing.delivery is not None
        due = (standing.due_at or 0) if under_way else self._not_before.get(sink.name, 0)
        return max(due, self._rests_until.get(sink.name, 0))

    def _quiet_until(self, sink: Sink) -> int | None:
        """Return the engine time at which the quiet hours of a sink end; None = there are none now."""
        until = quiet_until(sink.quiet, now=self._clock.now() - self._clock.offset)
        return None if until is None else until + self._clock.offset

    async def _deliver(self, sink: Sink) -> None:
        delivery = await self._ports.journal.submit(BeginDelivery(sink=sink.name))
        if delivery is not None:
            self._not_before[sink.name] = self._clock.now() + sink.every_ms
            await self._ports.journal.submit(await self._try(sink, delivery))

    def _delivered(self, sink: Sink, done: asyncio.Task[None]) -> None:
        self._sending.discard(sink.name)
        if done.cancelled():
            return
        self._ports.note(f"sending notices to {sink.name}", done.exception())
        if done.exception() is not None:
            # At once it would be sent again, and its end not be written either.
            self._rests_until[sink.name] = self._clock.now() + _LOOK_AGAIN_MS
        self.look()

    async def _try(self, sink: Sink, delivery: Delivery) -> EndDelivery:
        message = self._message(delivery)
        error, is_final = "", False
        try:
            # Read for each try, and kept nowhere.
            values = await self._ports.secrets(secret_names(sink))
            error, is_final = await _failure(partial(self._ports.send, with_secrets(sink, values), message))
        except TaskdeckError as unread:
            error = unread.message
        again = retry_at(delivery.tries, now=self._clock.now()) if error and not is_final else None
        return EndDelivery(
            number=delivery.number,
            sink=sink.name,
            error=error,
            again_at=again,
            subject=message.subject if sink.console else "",
            signals=sink.console,
        )

    def _message(self, delivery: Delivery) -> Message:
        ports = self._ports
        return Message(
            subject=subject_of(delivery),
            lines=lines_of(delivery),
            key=f"taskdeck-{ports.store_id}-{delivery.number}",
            body=body_of(delivery, home=ports.home, store_id=ports.store_id),
        )

    def _arm(self, at: int) -> None:
        self._alarms.arm(_ALARM, at, self.look)


async def _failure(send: Callable[[], None]) -> tuple[str, bool]:
    """Send in a thread; return why that failed, '' = it did not, and whether it is not to be tried again."""
    (error,) = await asyncio.gather(asyncio.to_thread(send), return_exceptions=True)
    if isinstance(error, DeliveryFailed):
        return str(error), error.is_final
    # Its text may quote a secret; an error that counts as no try would have it sent each minute for ever.
    return ("" if error is None else f"it could not be sent: {type(error).__name__}"), False
