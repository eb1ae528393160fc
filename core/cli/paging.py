"""Read pages up to a number of rows.

Used by the commands that list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from core.model.views import Page

PAGE_ROWS = 1_000
"""Rows of a page where many are read."""

V = TypeVar("V")
Fetch = Callable[[str | None, int], Awaitable[Page[V]]]
"""Return the page behind a cursor, of at most so many rows."""


async def pages(fetch: Fetch[V], limit: int) -> AsyncIterator[Page[V]]:
    """Yield pages to the last, or until `limit` rows were read; 0 = no limit.

    `next` of the last one tells whether rows were left out.
    """
    after: str | None = None
    left = limit
    while True:
        page = await fetch(after, min(left, PAGE_ROWS) if limit else PAGE_ROWS)
        left -= len(page.rows)
        yield page
        after = page.next
        if after is None or (limit and left <= 0):
            return
