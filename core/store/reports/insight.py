"""What the store sums up: how much, how it stands, what a verb would act on."""

from __future__ import annotations

from collections.abc import Sequence

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.insight import Count, OrphanView, Preview, PulseView
from core.model.views import QueueView
from core.store.reports.counting import Standing, count_of, standing_of
from core.store.reports.lookups import Lookups
from core.store.reports.lost import lost_of
from core.store.reports.pulse import pulse_of
from core.store.reports.queues import queues_of
from core.store.reports.targets import Aim, preview_of


class Insight(Lookups):
    """Read models that sum up, each from one snapshot."""

    async def count(self, where: Filter) -> Count:
        """Return how many rows a filter finds; its order plays no part.

        Exact where counters or an index know, or no more than 100,000 rows are to be looked at; otherwise
        only the newest 100,000 rows of the table are, and `searched` says so.
        """
        if where.noun is Noun.QUEUES:
            return Count(number=len(await self.queues(where)))
        async with self._readers.snapshot() as db:
            return await count_of(db, where, now=self._now())

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> Preview:
        """Return what a verb on all tasks of a filter would act on; the same tasks as `task_ids`.

        Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        aim = Aim(filter=where, as_of=as_of, excluding=excluding)
        async with self._readers.snapshot() as db:
            return await preview_of(db, aim, now=self._now())

    async def standing(self) -> Standing:
        """Return how everything stands as of the newest event."""
        async with self._readers.snapshot() as db:
            return await standing_of(db)

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        """Return how many tasks ended lately, what fails, and what waits; at most a day back."""
        async with self._readers.snapshot() as db:
            return await pulse_of(db, minutes=minutes, now=self._now())

    async def queues(self, where: Filter | None = None) -> tuple[QueueView, ...]:
        """Return all queues that a filter finds, by name."""
        async with self._readers.snapshot() as db:
            return await queues_of(db, where, now=self._now())

    async def lost(self) -> tuple[OrphanView, ...]:
        """Return the tasks that are held because an attempt was lost, in order of id; at most 2,000."""
        async with self._readers.snapshot() as db:
            return await lost_of(db)
