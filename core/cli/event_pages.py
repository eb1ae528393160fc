"""Read events page by page, and go on as they come.

Used by the commands `events` and `history`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from core.cli.arguments import Reading
from core.cli.paging import PAGE_ROWS
from core.cli.reading import ClosedClaims
from core.control.api import EventQuery, ReadingAPI
from core.model.events import EventView
from core.model.status import JOB_FINAL
from core.model.values import INBOX

_FOLLOW_SECONDS = 0.25


class EventPages:
    """The events of a query in order, from the one behind an id on; read further with each call."""

    def __init__(self, deck: ReadingAPI, query: EventQuery, *, after: int) -> None:
        self._deck = deck
        self._query = query
        self._after = after

    async def there(self) -> AsyncIterator[Sequence[EventView]]:
        """Yield those that are there and were not read, page by page."""
        while True:
            page = await self._deck.events(self._query, after_id=self._after, limit=PAGE_ROWS)
            if page.rows:
                self._after = page.rows[-1].id
                yield page.rows
            if page.next is None:
                return
            # A page may end early, without rows: what was searched is not searched again.
            self._after = int(page.next)

    async def followed(self, arguments: Reading) -> AsyncIterator[Sequence[EventView]]:
        """Yield those that are there, and new ones until the job of the query has ended."""
        claims = ClosedClaims(arguments)
        while True:
            # Read before the events: a job that ends after this has its last events in the next round.
            is_last = await _has_ended(self._deck, self._query.job_id)
            async for rows in self.there():
                yield rows
            if is_last:
                return
            await claims.look()
            await asyncio.sleep(_FOLLOW_SECONDS)


async def _has_ended(deck: ReadingAPI, job_id: int | None) -> bool:
    if job_id is None or job_id == INBOX:
        return False
    return (await deck.job(job_id)).status in JOB_FINAL
