"""Row source: filter, loaded pages and number of matches of a list.

Owned by the list screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

from console.feed import Feed
from console.rows.listing import Listing
from console.rows.pages import Pages
from console.rows.row_count import RowCount, cut_words
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import TaskdeckError
from core.model.records import replace
from core.model.text import SafeText

V = TypeVar("V")


class EndOfRows(Enum):
    """How the way to the last row ended."""

    REACHED = auto()
    BEYOND_LIMIT = auto()
    OUTDATED = auto()
    """The filter was changed on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRead(Generic[V]):
    """The rows in memory after a read, by number from 0; `count` are known, and `more` may follow."""

    rows: Mapping[int, V] = field(default_factory=dict)
    count: int = 0
    more: bool = False
    searched: int | None = None
    """How many rows were searched, if more may belong to the list."""


class RowSource(Generic[V]):
    """Reads what a filter finds, page by page, and counts it.

    What was read last stays in `shown` until rows of another filter have been read.
    """

    def __init__(
        self,
        listing: Listing[V],
        *,
        control: ControlAPI,
        feed: Feed,
        nouns: tuple[str, ...],
        where: Filter | None = None,
    ) -> None:
        self.listing = listing
        self.base = where or Filter(noun=listing.noun)
        """The filter that Esc comes back to; under it, Esc leaves the screen."""
        self.where = self.base
        self._feed = feed
        self._nouns = nouns
        self._count = RowCount(control)
        self._pages = self._new_pages()
        self.shown: RowsRead[V] = RowsRead()
        self._read_at: tuple[Pages[V], tuple[int, ...]] | None = None
        """The pages that were read last, and the changes known before."""

    @property
    def predicate(self) -> Filter:
        """The filter that finds what is listed, wherever it is asked."""
        return replace(self.where, terms=(*self.where.terms, *self.listing.scope))

    @property
    def counted(self) -> int | None:
        """How many rows the filter finds, if that is known exactly."""
        return self._count.number

    @property
    def cut(self) -> SafeText:
        """What to say behind the filter of a list that was cut."""
        return cut_words(self.where, self._pages.searched)

    @property
    def is_cut(self) -> bool:
        """Whether more rows may belong to the list than were searched."""
        return self.shown.searched is not None

    def narrow(self, where: Filter) -> None:
        self.where = where
        self._pages = self._new_pages()

    def change_below(self, row: int) -> None:
        """Take note that the rows below a row are others now: what is above it need not be read again."""
        self._pages = self._pages.before(row)

    async def read(self, first: int, last: int) -> bool:
        """Read the rows of these numbers and around; False if the filter was changed meanwhile."""
        pages, known = self._pages, self._feed.changes_of(self._nouns)
        await pages.show(first, last)
        is_current = self._take(pages)
        self._read_at = (pages, known)
        return is_current

    async def read_to_end(self) -> EndOfRows:
        """Read on to the last row, at most as far as a list is searched for it."""
        pages = self._pages
        is_end = await pages.reach_end()
        if not self._take(pages):
            return EndOfRows.OUTDATED
        return EndOfRows.REACHED if is_end else EndOfRows.BEYOND_LIMIT

    def is_fresh(self) -> bool:
        """Tell whether no change of what is listed has become known since the rows were read."""
        is_live = self._feed.is_followed and self._feed.pulse.engine is not None and bool(self._nouns)
        return is_live and self._read_at == (self._pages, self._feed.changes_of(self._nouns))

    def wants_count(self, *, changed: bool) -> bool:
        """Tell whether it is time to count; `changed` = the rows are others than before."""
        is_open = bool(self.where.terms) or (self.shown.more and self.listing.total() is None)
        return is_open and self._count.wants(self.predicate, changed=changed)

    async def count(self) -> bool:
        """Count what the filter finds; False if that failed: the next change asks again."""
        try:
            await self._count.ask(self.predicate, Filter(noun=self.listing.noun, terms=self.listing.scope))
        except TaskdeckError:
            return False
        return True

    def status_words(self) -> tuple[str, ...]:
        """Say how many rows the filter finds, if that has been counted."""
        return self._count.words(self.predicate) if self.where.terms else ()

    def total_text(self) -> str:
        """Say how many rows there are: as they are counted, else those that are known."""
        known, more = self.shown.count, self.shown.more
        if more and self.predicate == Filter(noun=Noun.TASKS, sort=self.where.sort):
            return f"{max(known, sum(self._feed.pulse.tasks.values())):,}"
        counted = (self.listing.total() or self._count.number) if more else None
        if counted is not None:
            return f"{max(known, counted):,}"
        return f"{known:,}{'+' if more else ''}"

    def _new_pages(self) -> Pages[V]:
        where = self.where
        return Pages(lambda after, limit: self.listing.read(where, after, limit))

    def _take(self, pages: Pages[V]) -> bool:
        if pages is not self._pages:
            return False
        self.shown = RowsRead(
            rows=pages.window(), count=pages.count, more=pages.more, searched=pages.searched
        )
        return True
