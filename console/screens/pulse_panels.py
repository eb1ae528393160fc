"""The rows of Pulse: what fails and what waits, and their targets.

Used by the Pulse screen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from rich.style import Style

from console.rows.listing import now_ms, style_of
from console.themes import Look
from console.verbs.selection import Selection
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.pulse import Waiting, WaitKind
from core.model.text import SafeText, safe_line
from core.model.waits import OF_LIMITS, WaitCode
from core.render.columns import Column, Form, cell

V = TypeVar("V")
MARKS: dict[WaitKind, str] = {
    WaitKind.QUEUED: "queued",
    WaitKind.PAUSED_QUEUE: "paused",
    WaitKind.PAUSED_JOB: "paused",
    WaitKind.NEEDS: "blocked",
    WaitKind.RETRYING: "retrying",
    WaitKind.HELD: "held",
    WaitKind.POOL_PAUSED: "paused",
    WaitKind.FROZEN: "paused",
}
"""The status whose glyph and colour are shown for a reason to wait; of the others `queued`."""
STATUSES: dict[WaitKind, str] = {
    WaitKind.QUEUED: "queued",
    WaitKind.PAUSED_QUEUE: "queued",
    WaitKind.PAUSED_JOB: "queued",
    WaitKind.NEEDS: "blocked",
    WaitKind.RETRYING: "retrying",
    WaitKind.HELD: "held",
}
"""The status of the tasks that wait for a reason; of the others `queued`."""
_OF_POOLS = (WaitKind.NO_POOL, WaitKind.POOL_PAUSED)
_OF_QUEUE = (WaitKind.QUEUED, WaitKind.PAUSED_QUEUE, WaitKind.RETRYING, *_OF_POOLS)
_OF_JOB = (WaitKind.NEEDS, WaitKind.PAUSED_JOB, WaitKind.HELD)
_METERED = (WaitKind.QUOTA, WaitKind.BUDGET)
_OF_LIMITS = tuple(WaitKind(code.value) for code in OF_LIMITS if code is not WaitCode.BEHIND)
FAILING = (
    Column(name="state", title="WHAT FAILS", form=Form.TEXT, path="state", min_width=10, width=11),
    Column(name="tasks", title="TASKS", form=Form.NUMBER, path="tasks", width=6),
    Column(name="jobs", title="JOBS", form=Form.NUMBER, path="jobs", width=5, priority=1),
    Column(name="last", title="LAST", form=Form.AGE, path="last_at", min_width=6, width=7),
    Column(name="first", title="FIRST", form=Form.AGE, path="first_at", min_width=6, width=7, priority=2),
    Column(name="trend", title="24 HOURS", form=Form.TREND, path="trend", width=24, priority=3),
    Column(name="err", title="ERROR", form=Form.TEXT, path="line", min_width=40, width=60),
)
WAITING = (
    Column(name="kind", title="WHAT WAITS", form=Form.TEXT, path="kind", width=14),
    Column(name="tasks", title="TASKS", form=Form.NUMBER, path="tasks", width=6),
    Column(name="since", title="SINCE", form=Form.AGE, path="since", width=7),
    Column(name="until", title="DUE IN", form=Form.DUE, path="until", width=7),
    Column(name="subject", title="OF", form=Form.TEXT, path="subject", min_width=8, width=24),
)


def fill(panel: Table[V], rows: Sequence[V]) -> None:
    """Show rows, all or none: one that cannot be written must not take the whole screen with it."""
    for row in rows:
        panel.row_format.write(row, panel.row_format.columns)
    panel.replace(dict(enumerate(rows)), count=len(rows), more=False)


def waiting_row_format(look: Callable[[], Look]) -> RowFormat[Waiting]:
    def write(waiting: Waiting, column: Column) -> SafeText:
        if column.name == "kind":
            return safe_line(f"{look().marks[_mark(waiting)].glyph} {waiting.kind}")
        if column.name == "subject" and waiting.kind in _OF_JOB and waiting.subject:
            return safe_line(f"job {waiting.subject}")
        return cell(column, waiting, now=now_ms())

    def style(waiting: Waiting, column: Column) -> Style | None:
        return style_of(_mark(waiting), look()) if column.name == "kind" else None

    return _row_format(WAITING, lambda waiting: (waiting.kind, waiting.subject), write=write, style=style)


def where_waiting(waiting: Waiting) -> Filter:
    """Return the filter that finds the tasks that wait for a reason: of a limit, those of all like it."""
    terms = [In(field="status", values=(STATUSES.get(waiting.kind, "queued"),))]
    if waiting.kind in (*_OF_POOLS, *_OF_LIMITS):
        # Who stands behind a task that is too dear waits for the same.
        behind = (WaitCode.BEHIND.value,) if waiting.kind in _METERED else ()
        terms = [In(field="wait", values=(waiting.kind.value, *behind))]
    return Filter(noun=Noun.TASKS, terms=(*terms, *_subject_terms(waiting)))


def chosen_waiting(waiting: Waiting) -> Selection | None:
    """Return the queue or job that could be paused or resumed."""
    subject = waiting.subject
    match waiting.kind:
        case WaitKind.QUEUED | WaitKind.PAUSED_QUEUE:
            is_paused = waiting.kind is WaitKind.PAUSED_QUEUE
            return Selection(target=Target(queue=subject), label=f"queue {subject}", is_paused=is_paused)
        case WaitKind.PAUSED_JOB if subject.isdecimal():
            return Selection(target=Target(job_id=int(subject)), label=f"job {subject}", is_paused=True)
        case _:
            return None


def _subject_terms(waiting: Waiting) -> tuple[In, ...]:
    if waiting.kind in _OF_QUEUE:
        return (In(field="queue", values=(waiting.subject,)),) if waiting.subject else ()
    of_job = waiting.kind in _OF_JOB and waiting.subject.isdecimal()
    return (In(field="job", values=(int(waiting.subject),)),) if of_job else ()


def _mark(waiting: Waiting) -> str:
    return MARKS.get(waiting.kind, "queued")


def _row_format(
    columns: tuple[Column, ...],
    key: Callable[[V], Hashable],
    *,
    write: Callable[[V, Column], SafeText],
    style: Callable[[V, Column], Style | None],
) -> RowFormat[V]:
    def row(view: V, shown: Sequence[Column]) -> tuple[SafeText, ...]:
        return tuple(write(view, column) for column in shown)

    return RowFormat(columns=columns, key=key, write=row, style=style)
