"""Rows of a job with the instances of groups that are unfolded.

Read by the listing of the job screen; `console.screens.parts.unfolder` folds and unfolds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import dropwhile, islice
from typing import NamedTuple

from console.rows.job_rows import JobRow, rows_of
from core.control.api import ControlAPI
from core.model.records import replace
from core.model.views import Page, TaskView

_PLACE = re.compile(r"group ([0-9]{1,19}):([0-9]{0,6})")


class _Place(NamedTuple):
    """Where a page begins: in the instances of a group, behind one of them ('' = at the first)."""

    group: int
    after: str

    def __str__(self) -> str:
        return f"group {self.group}:{self.after}"


class UnfoldedGroups:
    """The stages and tasks of a job, and below each group that is unfolded its instances, in pages.

    A page holds as many instances as were asked for at the most, and the rows of the job among them.
    """

    def __init__(self, control: ControlAPI, job_id: int) -> None:
        self._control = control
        self._job_id = job_id
        self._unfolded: set[int] = set()
        self._rows: Sequence[JobRow] = ()
        """Those of the job, as they were read last."""

    @property
    def total(self) -> int | None:
        """How many rows there are; None = they are not read."""
        below = sum(_made(row.view) for row in self._rows if row.is_unfolded)
        return len(self._rows) + below if self._rows else None

    def toggle(self, group_id: int) -> None:
        """Unfold a group, or fold it."""
        self._unfolded ^= {group_id}
        self._rows = tuple(map(self._as_shown, self._rows))

    def forget(self) -> None:
        """Hold no rows: the job is listed in another way."""
        self._rows = ()

    def is_place(self, cursor: str) -> bool:
        """Tell whether a cursor is one of these pages."""
        return _PLACE.fullmatch(cursor) is not None

    async def page(self, cursor: str | None, limit: int) -> Page[JobRow]:
        """Return the rows behind a cursor (None = all), with at most `limit` instances."""
        found = _PLACE.fullmatch(cursor) if cursor else None
        if found is None:
            return await self._further((), await self._read_rows(), limit)
        place = _Place(int(found[1]), found[2])
        first = await self._instances(place, limit)
        if first.next is not None:
            # Within a wide group nothing else is read.
            return first
        # By the key: a stage may have the same number.
        behind = dropwhile(lambda row: row.key != ("task", place.group), await self._read_rows())
        return await self._further(first.rows, islice(behind, 1, None), limit - len(first.rows))

    async def _further(self, begun: Sequence[JobRow], coming: Iterable[JobRow], room: int) -> Page[JobRow]:
        """Return rows with those that come, up to the end or where `room` for instances is filled."""
        rows = [*begun]
        for row in coming:
            rows.append(row)
            if not row.is_unfolded:
                continue
            place = _Place(row.view.id, "")
            if room <= 0:
                return Page(rows=tuple(rows), next=str(place))
            page = await self._instances(place, room, depth=row.depth + 1)
            rows += page.rows
            room -= len(page.rows)
            if page.next is not None:
                return Page(rows=tuple(rows), next=page.next)
        return Page(rows=tuple(rows))

    async def _instances(self, place: _Place, limit: int, *, depth: int | None = None) -> Page[JobRow]:
        page = await self._control.data.instances(place.group, after=place.after or None, limit=limit)
        first = int(place.after) + 1 if place.after else 0
        below = self._depth_below(place.group) if depth is None else depth
        rows = (JobRow(view=view, depth=below, place=first + at) for at, view in enumerate(page.rows))
        return Page(rows=tuple(rows), next=None if page.next is None else str(_Place(place.group, page.next)))

    def _depth_below(self, group_id: int) -> int:
        return next((row.depth for row in self._rows if row.key == ("task", group_id)), 0) + 1

    async def _read_rows(self) -> Sequence[JobRow]:
        rows = rows_of(await self._control.job_detail(self._job_id))
        self._rows = tuple(map(self._as_shown, rows))
        return self._rows

    def _as_shown(self, row: JobRow) -> JobRow:
        return replace(row, is_unfolded=row.view.id in self._unfolded) if _made(row.view) else row


def _made(view: object) -> int:
    """Return how many instances a row has of its own."""
    return view.instances.made if isinstance(view, TaskView) and view.instances is not None else 0
