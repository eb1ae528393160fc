"""The retries screen: failed tasks that will run again or gave up.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.desk import Desk
from console.key_table import bindings
from console.rows.job_names import with_names
from console.rows.listing import (
    Listing,
    cell_text,
    columns_of,
    now_ms,
    row_format_of,
    tasks_with_jobs,
    worded,
)
from console.screens.list_screen import ListScreen
from console.screens.lists import TASK_PLACES
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.views import TaskView
from core.render.columns import Column, Form
from core.render.times import age_text, duration_text

_WHEN = Column(name="due", title="WHEN", form=Form.DUE, path="retry_at", width=11, priority=1)
_ERROR = Column(name="err", title="ERROR", form=Form.ERROR, path="error", min_width=14, width=26)
_KNOWN = {column.name: column for column in (*columns_of(Noun.TASKS), _WHEN, _ERROR)}
COLUMNS = tuple(_KNOWN[name] for name in ("id", "job", "key", "status", "try", "due", "err"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A choice of statuses, as a term of the filter."""

    name: str
    statuses: tuple[str, ...]
    nothing: str

    @property
    def term(self) -> In:
        return In(field="status", values=self.statuses)


PRESETS = (
    Preset(name="all", statuses=("failed", "retrying"), nothing="nothing failed and nothing is retried"),
    Preset(name="retrying", statuses=("retrying",), nothing="nothing waits for another attempt"),
    Preset(name="dead", statuses=("failed",), nothing="nothing is dead: no task used up its attempts"),
)
"""In the order in which the key goes through them."""


class RetriesScreen(ListScreen[TaskView]):
    """The filter holds the preset too: verbs act on exactly what the filter line shows."""

    PARTS = (
        "list",
        "preset",
        "families",
        "retry",
        "again",
        "cancel",
        "kill",
        "hold",
        "why",
        "logs",
        "events",
    )
    BINDINGS = bindings(*PARTS)
    NOUNS = ("task",)
    PLACES = TASK_PLACES

    def __init__(self, desk: Desk) -> None:
        self._preset = PRESETS[0]
        listing = _listing(desk.control)
        row_format = retry_row_format(listing, lambda: desk.look)
        super().__init__(desk, listing, row_format=row_format, where=_where(PRESETS[0]))
        self.filter_line.is_named = lambda where: where == self.rows.base
        self.nothing = SafeText(PRESETS[0].nothing)

    def title_line(self) -> SafeText:
        """Count what each preset shows, known or not; the present one stands in brackets."""
        counts, known = self.desk.feed.pulse.tasks, self.desk.feed.pulse.acknowledged
        labels = (f"{one.name} {sum(counts.get(status, 0) for status in one.statuses):,}" for one in PRESETS)
        words = [
            f"[{label}]" if preset == self._preset else f" {label} "
            for preset, label in zip(PRESETS, labels, strict=True)
        ]
        return safe_line(f" Retries/Dead  {' '.join(words)}{f'  {known:,} known' if known else ''}")

    async def action_families(self) -> None:
        await self.app.run_action("screen('failures')")

    def action_preset(self) -> None:
        """Show all, those that are retried, or the dead; the other terms of the filter stay."""
        old = self._preset
        self._preset = PRESETS[(PRESETS.index(old) + 1) % len(PRESETS)]
        others = tuple(term for term in self.rows.where.terms if term != old.term)
        self.rows.base = _where(self._preset)
        self.nothing = SafeText(self._preset.nothing)
        self.narrow(replace(self.rows.where, terms=(self._preset.term, *others)))


def _where(preset: Preset) -> Filter:
    return Filter(noun=Noun.TASKS, terms=(preset.term,))


def _listing(control: ControlAPI) -> Listing[TaskView]:
    return replace(tasks_with_jobs(control), columns=with_names(COLUMNS))


def retry_row_format(listing: Listing[TaskView], look: Callable[[], Look]) -> RowFormat[TaskView]:
    """Show of a task when it runs again or ended, and its error with the code."""

    def write(task: TaskView, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        now = now_ms()
        return tuple(
            listing.written[column.name](task)
            if column.name in listing.written
            else _cell(task, column, look=look(), now=now)
            for column in columns
        )

    return replace(row_format_of(listing, look), write=write)


def when(task: TaskView, *, now: int) -> SafeText:
    """Return in how long a task runs again, or how long ago it ended."""
    if task.status == "retrying" and task.retry_at is not None:
        return SafeText(f"in {duration_text(task.retry_at - now)}" if task.retry_at > now else "now")
    return SafeText("" if task.finished_at is None else f"{age_text(now - task.finished_at)} ago")


def _cell(task: TaskView, column: Column, *, look: Look, now: int) -> SafeText:
    match column.name:
        case "due":
            return when(task, now=now)
        case "status":
            return worded(task.status, look)
        case _:
            return cell_text(column, task, now=now)
