"""Rows of an earlier moment, as they are read and drawn.

Used by the past screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rich.style import Style

from console.rows.listing import STATUS_CELLS, Cells, style_of, worded
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI, PastJobs, PastTasks
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Term
from core.model.past import PastJob, PastTask
from core.model.records import replace
from core.model.text import SafeText
from core.model.views import Page
from core.render.columns import Column, cell
from core.render.past import PAST_JOBS, PAST_TASKS

PastRow: TypeAlias = PastJob | PastTask


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRows:
    """Which rows are shown: jobs or tasks, of a job if named, in a status if named."""

    noun: Noun
    job_id: int | None = None
    status: str | None = None

    @property
    def where(self) -> Filter:
        """The filter that finds them."""
        terms: list[Term] = []
        if self.job_id is not None:
            terms.append(In(field="job", values=(self.job_id,)))
        if self.status is not None:
            terms.append(In(field="status", values=(self.status,)))
        return Filter(noun=self.noun, terms=tuple(terms))

    async def read(self, control: ControlAPI, event: int, after: str | None, limit: int) -> Page[PastRow]:
        """Return a page of them as of an event."""
        if self.noun is Noun.JOBS:
            jobs = PastJobs(event=event, where=self.where, after=after, limit=limit)
            return _any(await control.past.jobs(jobs))
        tasks = PastTasks(event=event, where=self.where, after=after, limit=limit)
        return _any(await control.past.tasks(tasks))


def past_row_format(noun: Noun, look: Callable[[], Look]) -> RowFormat[PastRow]:
    """Write the rows of a noun by their columns."""
    columns = tuple(map(_with_glyph, PAST_JOBS if noun is Noun.JOBS else PAST_TASKS))

    def text(row: PastRow, column: Column, now: int) -> SafeText:
        return worded(row.status, look()) if column.name == "status" else cell(column, row, now=now)

    def style(row: PastRow, column: Column) -> Style | None:
        return style_of(row.status, look()) if column.name == "status" else None

    return Cells(text=text, style=style).row_format(columns, lambda row: row.id)


def _with_glyph(column: Column) -> Column:
    if column.name != "status":
        return column
    return replace(column, min_width=STATUS_CELLS, width=STATUS_CELLS)


def _any(page: Page[PastJob] | Page[PastTask]) -> Page[PastRow]:
    return Page(rows=tuple(page.rows), next=page.next, searched=page.searched)
