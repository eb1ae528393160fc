"""Listings: the request, columns and row style of each list.

Used by the list screens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rich.style import Style
from textual.color import Color

from console.rows.job_names import OF_JOB, JobNames, with_names
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.selecting import select
from core.filters.terms import Filter, In, Sort, Term
from core.model.events import EventView
from core.model.failures import FamilyScope, FamilyView
from core.model.present import present_ms
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import JobView, Page, QueueView, TaskView
from core.render.columns import COLUMNS, Column, cell
from core.render.schedule_lines import ScheduleLine, schedule_line

V = TypeVar("V")
FAMILIES = 100
"""Failure families that a list holds at the most."""
STATUS_CELLS = 11
"""Width of a status with its glyph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[V]):
    """A list of one noun: its columns, the key of a row, and how a page of it is read."""

    noun: Noun
    columns: tuple[Column, ...]
    key: Callable[[V], Hashable]
    read: Callable[[Filter, str | None, int], Awaitable[Page[V]]]
    view: Callable[[V], object] = lambda row: row
    """Returns what a row stands for."""
    scope: tuple[Term, ...] = ()
    """What holds for every row, whatever the filter: those of one job, for example."""
    written: Mapping[str, Callable[[V], SafeText]] = field(default_factory=dict)
    """By the name of a column, what writes it from more than the row."""
    order: Sort | None = None
    """The order while the filter names none; None = the usual one of the noun."""
    total: Callable[[], int | None] = lambda: None
    """How many rows there are, if that is known without a count."""


def columns_of(noun: Noun) -> tuple[Column, ...]:
    """Return the columns of a noun, with room for the glyphs of statuses."""
    return tuple(
        replace(column, min_width=STATUS_CELLS, width=STATUS_CELLS) if column.name == "status" else column
        for column in COLUMNS[noun]
    )


def jobs(control: ControlAPI) -> Listing[JobView]:
    """List jobs, newest first."""
    return Listing(
        noun=Noun.JOBS,
        columns=columns_of(Noun.JOBS),
        key=lambda job: job.id,
        read=lambda where, after, limit: control.jobs(where, after=after, limit=limit),
    )


def tasks(control: ControlAPI) -> Listing[TaskView]:
    """List tasks, newest first."""
    return Listing(
        noun=Noun.TASKS,
        columns=columns_of(Noun.TASKS),
        key=lambda task: task.id,
        read=lambda where, after, limit: control.tasks(where, after=after, limit=limit),
    )


def tasks_with_jobs(control: ControlAPI) -> Listing[TaskView]:
    """List tasks, with the name of their job beside its number."""
    return _with_jobs(tasks(control), control)


def _with_jobs(listing: Listing[V], control: ControlAPI) -> Listing[V]:
    names = JobNames(control)

    async def read(where: Filter, after: str | None, limit: int) -> Page[V]:
        page = await listing.read(where, after, limit)
        await names.learn(page.rows)
        return page

    return replace(listing, columns=with_names(listing.columns), read=read, written={OF_JOB.name: names.of})


def events(
    control: ControlAPI, *, job_id: int | None = None, task_id: int | None = None
) -> Listing[EventView]:
    """List events, newest first unless the filter sorts; of one job or task if named."""
    fields = {"job": job_id, "task": task_id}
    scope = tuple(In(field=name, values=(value,)) for name, value in fields.items() if value)

    async def read(where: Filter, after: str | None, limit: int) -> Page[EventView]:
        ordered = where if where.sort else replace(where, sort=Sort(field="id", descending=True))
        query = EventQuery(job_id=job_id, task_id=task_id, filter=ordered)
        return await control.events(query, after_id=int(after or 0), limit=limit)

    listing: Listing[EventView] = Listing(
        noun=Noun.EVENTS, columns=columns_of(Noun.EVENTS), key=lambda event: event.id, read=read, scope=scope
    )
    # Of one job or task, its name would stand in every row.
    return listing if scope else _with_jobs(listing, control)


def queues(control: ControlAPI) -> Listing[QueueView]:
    """List queues by name; there are few, and one page holds them all."""

    async def read(where: Filter, _after: str | None, _limit: int) -> Page[QueueView]:
        return Page(rows=tuple(select(where, await control.queues(), now=now_ms())))

    return Listing(noun=Noun.QUEUES, columns=columns_of(Noun.QUEUES), key=lambda queue: queue.name, read=read)


def failures(control: ControlAPI) -> Listing[FamilyView]:
    """List failure families, what matters most first; one page holds them all."""

    async def read(where: Filter, _after: str | None, _limit: int) -> Page[FamilyView]:
        is_all = any(isinstance(term, In) and term.field == "state" for term in where.terms)
        listed = await control.failures.families(
            FamilyScope.ALL if is_all else FamilyScope.FAILING, limit=FAMILIES
        )
        rows = tuple(select(where, listed.families, now=now_ms()))
        return Page(rows=rows, searched=listed.searched)

    return Listing(
        noun=Noun.FAILURES, columns=columns_of(Noun.FAILURES), key=lambda family: family.id, read=read
    )


def schedules(control: ControlAPI) -> Listing[ScheduleLine]:
    """List schedules by name; one page holds them all."""

    async def read(where: Filter, _after: str | None, _limit: int) -> Page[ScheduleLine]:
        lines = map(schedule_line, await control.schedules.all())
        return Page(rows=tuple(select(where, lines, now=now_ms())))

    return Listing(
        noun=Noun.SCHEDULES, columns=columns_of(Noun.SCHEDULES), key=lambda line: line.name, read=read
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells(Generic[V]):
    """How the cells of a view are written and coloured, by their column."""

    text: Callable[[V, Column, int], SafeText]
    """The last argument is the present, ms UTC."""
    style: Callable[[V, Column], Style | None]

    def row_format(self, columns: tuple[Column, ...], key: Callable[[V], Hashable]) -> RowFormat[V]:
        """Return the format of rows of these columns; the cells of a row tell of one moment."""

        def write(view: V, shown: Sequence[Column]) -> tuple[SafeText, ...]:
            now = now_ms()
            return tuple(self.text(view, column, now) for column in shown)

        return RowFormat(columns=columns, key=key, write=write, style=self.style)


def row_format_of(listing: Listing[V], look: Callable[[], Look]) -> RowFormat[V]:
    """Write rows by their columns, in the colours and glyphs of the present theme."""

    def text(view: V, column: Column, now: int) -> SafeText:
        if column.name in listing.written:
            return listing.written[column.name](view)
        return _write(column, view, look=look(), now=now)

    def style(view: V, column: Column) -> Style | None:
        if column.name == "status":
            return style_of(str(getattr(view, "status", "")), look())
        return slow_style(view, look()) if column.name == "took" else None

    return Cells(text=text, style=style).row_format(listing.columns, listing.key)


def style_of(status: str, look: Look) -> Style | None:
    """Return the colour of a status."""
    mark = look.marks.get(status)
    return Style(color=Color.parse(mark.color).rich_color) if mark else None


def slow_style(view: object, look: Look) -> Style | None:
    """Return the colour of what takes longer than usual, which has its sign as well."""
    return style_of("held", look) if isinstance(view, TaskView) and view.is_slow(now_ms()) else None


def worded(status: str, look: Look) -> SafeText:
    """Return glyph and word of a status."""
    mark = look.marks.get(status)
    return safe_line(f"{mark.glyph} {status}" if mark else status)


def now_ms() -> int:
    """Return the present, in ms UTC."""
    return present_ms()


def _write(column: Column, view: object, *, look: Look, now: int) -> SafeText:
    text = cell_text(column, view, now=now)
    return worded(text, look) if column.name == "status" else text


def cell_text(column: Column, view: object, *, now: int) -> SafeText:
    """Write one cell; the key of a loose task is that of its command, so its name stands behind it."""
    text = cell(column, view, now=now)
    if column.name == "key" and isinstance(view, TaskView) and view.job_id == INBOX:
        return safe_line(f"{text} · {view.name}") if view.name and view.name != view.key else text
    return text
