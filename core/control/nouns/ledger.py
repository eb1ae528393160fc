"""The ledger: its requests, and the verbs that ask them.

The part `ledger` of the ControlAPI.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.control.arguments import PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.limits import Charged
from core.model.limits.entry_views import EntryQuery, EntryView
from core.model.limits.limits import Price
from core.model.limits.usage_views import UsageQuery, UsageView
from core.model.values import ID_MAX, JsonValue
from core.model.views import Page


@verb("entries", Kind.READ)
class Entries(Request[Page[EntryView]], frozen=True, kw_only=True):
    query: EntryQuery
    after: str | None = None
    limit: int = PAGE


@verb("usage", Kind.READ)
class Usage(Request[UsageView], frozen=True, kw_only=True):
    query: UsageQuery


@verb("prices", Kind.ENGINE)
class Prices(Request[tuple[Price, ...]], frozen=True, kw_only=True):
    pass


@verb("charge", Kind.CHANGE)
class Charge(Request[Charged], frozen=True, kw_only=True):
    task_id: int
    epoch: int
    id: str
    said: Mapping[str, JsonValue]
    """Of the form of a line of a usage file."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_whole("task_id", self.task_id, least=1, most=ID_MAX)
        bounds.check_whole("epoch", self.epoch, least=1, most=ID_MAX)


class LedgerReading(Verbs):
    """What was spent."""

    async def entries(
        self, query: EntryQuery, *, after: str | None = None, limit: int = PAGE
    ) -> Page[EntryView]:
        """Return a page of the ledger's entries that count in one gauge, newest first.

        The first page begins with what attempts that run hold (`reserved`), at most `limit` of them. A page
        may end early after 100,000 entries of other gauges. Raises `NotFound` (`limit.unknown`,
        `gauge.unknown`), `Conflict` (`limit.unmetered`) and `Invalid` (`page.cursor`).
        """
        return await self._control.ask(Entries(query=query, after=after, limit=limit))

    async def usage(self, query: UsageQuery) -> UsageView:
        """Return what attempts spent, by one property, of entries that count in a time; most first.

        The total is of all entries of that time, also of groups that are left out (over 10,000).
        """
        return await self._control.ask(Usage(query=query))


class Ledger(LedgerReading):
    """What was spent, and what attempts that run add to it."""

    async def charge(self, request: Charge) -> Charged:
        """Book what an attempt spends while it runs, once for each `id` of its task; answer what is left.

        What it says is of the form of a line of a usage file. One of an attempt that has ended is booked, and
        marked late. Raises `Invalid` (`usage.invalid`) and `NotFound` (`attempt.unknown`).
        """
        return await self._control.ask(request)

    async def prices(self) -> tuple[Price, ...]:
        """Return the prices of models that the engine has, by model and date."""
        return await self._control.ask(Prices())
