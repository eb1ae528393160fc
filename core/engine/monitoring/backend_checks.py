"""Backend checks: looks at backends, and what changed of them.

Run by the engine. Looks go on the loop beside the writer; a look that says nothing new writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from core.engine.background import BackgroundTasks
from core.model.backend_checks import Check, LastLook, Look
from core.model.commands.limits import NoteCheck
from core.model.errors import NotFound
from core.model.limits.limits import Backend
from core.model.near_misses import one_of
from core.model.ports import Alarms, Clock, Looker
from core.model.text import safe_line
from core.rules.backend_checks import Standing, needed, observe, standing_after
from core.store.reports.limits.checks import CheckHistory

SPREAD_MS = 1_000
"""The first looks of an engine are spread over so long at the most."""


class ChecksJournal(Protocol):
    """Where changes are written: the journal."""

    def submit(self, command: NoteCheck) -> asyncio.Future[bool]:
        """Carry a command out."""


@dataclass(frozen=True, slots=True)
class CheckPorts:
    """What the checks ask of the rest of the engine and of the world."""

    histories: Callable[[], Awaitable[Mapping[str, CheckHistory]]]
    """What the store remembers of each backend."""
    journal: ChecksJournal
    look: Looker
    note: Callable[[str, BaseException | None], None]
    """Tells operators what could not be done, and that it can be again."""


@dataclass(slots=True, kw_only=True)
class _Checked:
    """A backend that is looked at, and how it stands."""

    check: Check
    standing: Standing = field(default_factory=Standing)
    last: LastLook | None = None
    looking: asyncio.Task[None] | None = None


class BackendChecks:
    """One look at a time of each backend: a look that hangs is followed by none before it has ended."""

    def __init__(self, ports: CheckPorts, *, clock: Clock, alarms: Alarms) -> None:
        self._ports = ports
        self._clock = clock
        self._alarms = alarms
        self._backends: dict[str, _Checked] = {}
        self._work = BackgroundTasks()

    async def configure(self, backends: Sequence[Backend]) -> None:
        """Look at these from now on; of one whose check is another nothing is known."""
        wanted = {one.name: one.check for one in backends if one.check is not None}
        for name in [name for name, one in self._backends.items() if wanted.get(name) != one.check]:
            self._forget(name)
        new = [name for name in wanted if name not in self._backends]
        histories = await self._ports.histories() if new else {}
        for number, name in enumerate(new):
            known = histories.get(name, CheckHistory())
            now = self._clock.now()
            falls = [at + self._clock.offset for at in known.falls]
            standing = standing_after(known.status, falls, now=now)
            self._backends[name] = _Checked(check=wanted[name], standing=standing)
            self._arm(name, now + SPREAD_MS * number // len(new))

    def close(self) -> None:
        """Look at nothing any more."""
        for name in list(self._backends):
            self._forget(name)

    async def end(self) -> None:
        """Return when the looks that `close` cancelled have ended."""
        await self._work.end()

    def last_looks(self) -> Mapping[str, LastLook]:
        """Return the last look at each backend that was looked at."""
        return {name: one.last for name, one in self._backends.items() if one.last is not None}

    async def look_now(self, name: str) -> LastLook:
        """Look at a backend now, or wait for the look that is under way; raise `NotFound`."""
        one = self._backends.get(name)
        if one is None:
            shown = safe_line(name)
            raise NotFound(
                "check.unknown",
                f"`{shown}` is not a backend with a check{one_of(name, self._backends)}",
                hint="`check` in [backends.NAME] of config.toml makes one",
                facts={"backend": shown},
            )
        looking = self._begin(name, one)
        await asyncio.wait([looking])
        if one.last is None:
            raise looking.exception() or asyncio.CancelledError
        return one.last

    def _forget(self, name: str) -> None:
        one = self._backends.pop(name)
        self._alarms.disarm(_alarm(name))
        if one.looking is not None:
            one.looking.cancel()

    def _arm(self, name: str, at: int) -> None:
        self._alarms.arm(_alarm(name), at, lambda: self._due(name))

    def _due(self, name: str) -> None:
        one = self._backends.get(name)
        if one is not None:
            self._begin(name, one)

    def _begin(self, name: str, one: _Checked) -> asyncio.Task[None]:
        if one.looking is None or one.looking.done():
            self._alarms.disarm(_alarm(name))
            one.looking = self._work.start(self._look(name, one), partial(self._looked, name))
        return one.looking

    def _looked(self, name: str, done: asyncio.Task[None]) -> None:
        if not done.cancelled():
            # No look at all: the machine is short of something, or the store does not write.
            self._ports.note(f"the check of backend {safe_line(name)}", done.exception())

    async def _look(self, name: str, one: _Checked) -> None:
        began = self._clock.now()
        try:
            look = await self._ports.look(one.check)
            await self._take(name, one, look)
        finally:
            if self._backends.get(name) is one:
                self._arm(name, max(self._clock.now(), began + one.check.every_ms))

    async def _take(self, name: str, one: _Checked, look: Look) -> None:
        now, before = self._clock.now(), one.standing
        after = observe(before, look, one.check, now=now)
        wanted = needed(before, after.toward, one.check, now=now) if after.toward is not None else 0
        one.last = LastLook(
            at=now - self._clock.offset, look=look, toward=after.toward, seen=after.seen, wanted=wanted
        )
        if after.status is not before.status:
            command = NoteCheck(
                backend=name,
                target=one.check.target,
                status=after.status,
                reason=look.text,
                took_ms=look.took_ms,
            )
            # Where it is not written, the next look tries again.
            await self._ports.journal.submit(command)
        one.standing = after


def _alarm(name: str) -> str:
    return f"check {name}"
