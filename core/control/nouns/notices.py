"""Notices: their request, and the verb that asks it.

The part `notices` of the ReadingAPI.
"""

from __future__ import annotations

from core.control.requests import Kind, Request, Verbs, verb
from core.model.notices import NoticeView
from core.model.views import Page


@verb("notices", Kind.READ)
class ListNotices(Request[Page[NoticeView]], frozen=True, kw_only=True):
    before: int = 0
    status: str = ""
    limit: int = 100


class Notices(Verbs):
    """What operators were told."""

    async def page(self, *, before: int = 0, status: str = "", limit: int = 100) -> Page[NoticeView]:
        """Return notices, the newest first, with ids below `before` (0 = from the newest).

        `next` is the next `before`, as text. `status` is one of `NoticeStatus`; empty = all.
        """
        return await self._control.ask(ListNotices(before=before, status=status, limit=limit))
