"""Walk pages to their end, or to the limit that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from core.control.api import PAGE
from core.model.views import Page

WHOLE = 1_000
"""Rows of a page when all of them are wanted."""

V = TypeVar("V")
Fetch = Callable[[str | None, int], Awaitable[Page[V]]]
"""Return the page behind a cursor, of at most so many rows."""


async def pages(fetch: Fetch[V], limit: int) -> AsyncIterator[Page[V]]:
    """Yield pages until there are no more, or `limit` rows came; 0 = no limit.

    `next` of the last one tells whether rows were left out.
    """
    after: str | None = None
    left = limit
    while True:
        page = await fetch(after, min(left, WHOLE) if limit else WHOLE)
        left -= len(page.rows)
        yield page
        after = page.next
        if after is None or (limit and left <= 0):
            return


def row_limit(asked: int | None, *, whole: bool) -> int:
    """Return the rows to show: as asked (0 = all), else all for programs, a page for people."""
    if asked is not None:
        return asked
    return 0 if whole else PAGE
