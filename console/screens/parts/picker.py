"""Picker: rows marked by keys, for verbs and exports.

Owned by the list screen.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Mapping
from typing import Generic, TypeVar

from console.exports.export import ExportedRows
from console.feed import Feed
from console.screens.parts.hosts import Host
from console.screens.parts.row_source import RowSource
from console.verbs.marks import Marks
from console.verbs.selection import Selection, names_of, selection_of
from console.widgets.table import Table
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.text import SafeText

V = TypeVar("V")
_EVENTS = 2_000
_PAGES = 20
"""Pages of events that are read: of the rows in memory there are hardly more."""
_MARKING = ("mark", "mark_range", "mark_all")
_NOT_MARKED = SafeText("rows of this list are not marked: no verb acts on them")
_ONE_FORM = SafeText("a form is for one job, the one under the cursor: U unmarks the others")
_CHANGED = SafeText("it has changed since all were marked: * marks all that match now")
_SECONDS = 2.0
"""Between two counts of what is marked by a filter."""
_TOO_MANY = SafeText("more rows than are in memory: narrow the list by a filter first")


class Picker(Generic[V]):
    """Marks rows of a list, one by one or by its filter."""

    def __init__(self, rows: RowSource[V], table: Table[V], feed: Feed, host: Host) -> None:
        self.marks = Marks()
        self._counted_at = 0.0
        self._is_count_due = False
        self._rows = rows
        self._table = table
        self._feed = feed
        self._host = host
        table.is_marked = self.marks.has

    def why_not(self, action: str) -> SafeText:
        """Say why the marks forbid an action, or it cannot set marks; '' = it can be taken."""
        if action in _MARKING and self._under_cursor() is None:
            return _NOT_MARKED
        return _ONE_FORM if action == "again" and self.marks else SafeText("")

    def mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go to the next."""
        row, chosen = self._table.selected, self._under_cursor()
        everything = self.marks.everything
        if row is not None and everything is not None and self._rows.listing.key(row) in everything.changed:
            self._host.tell(_CHANGED)
        elif row is not None and chosen is not None:
            self.marks.toggle(self._rows.listing.key(row), chosen, at=self._table.cursor)
            self._table.redraw_row()
            self._host.show_status()
            self._table.action_move(1)

    def mark_range(self) -> None:
        """Mark all rows from the one that was marked last to the cursor."""
        at = self._table.cursor
        anchor = at if self.marks.anchor is None else self.marks.anchor
        rows = self._table.span(min(anchor, at), max(anchor, at))
        if rows is None:
            self._host.tell(_TOO_MANY)
            return
        if self.marks.everything is None:
            self.marks.add(self._choices(rows))
        self._show()

    def mark_all(self) -> None:
        """Mark all that the filter finds: tasks as a predicate, all else row by row."""
        if self._rows.listing.noun is Noun.TASKS:
            self.marks.all_of(self._rows.predicate, as_of=self._feed.last_event)
            self._counted_at = 0.0
        else:
            rows = None if self._table.more else self._table.span(0, self._table.count - 1)
            if rows is None:
                self._host.tell(_TOO_MANY)
                return
            self.marks.add(self._choices(rows))
        self._show()

    def unmark(self) -> None:
        self.marks.clear()
        self._show()

    def chosen(self) -> Selection | None:
        """Return what a verb acts on by the marks; None = nothing is marked."""
        return self.marks.chosen(self._choices(self._table.rows)) if self.marks else None

    def selection(self) -> ExportedRows:
        """Return the rows to export: those that are marked, else all."""
        noun, where = self._rows.listing.noun, self._rows.where
        everything, chosen = self.marks.everything, self.marks.chosen({})
        if everything is not None:
            without = everything.without
            label = f"all that match but {len(without):,}" if without else "all that match"
            return ExportedRows(where=where, label=f"{noun}, {label},", without=without)
        if chosen is None:
            return ExportedRows(where=where, label=f"all {noun} of this list")
        names = [name for target in chosen.targets for name in names_of(target)]
        only = In(field="name" if noun is Noun.QUEUES else "id", values=tuple(names))
        marked = Filter(noun=noun, terms=(only,), sort=where.sort)
        return ExportedRows(where=marked, label=f"{len(names):,} marked {noun}")

    def status_words(self) -> str:
        """Say how many rows are marked; '' = none."""
        everything = self.marks.everything
        if everything is None:
            return f"marks {self.marks.number:,}" if self.marks else ""
        since = f", {everything.since:,} changed since" if everything.since else ""
        number, counted = everything.number, self._rows.counted
        if number is None and counted is not None:
            number = max(0, counted - len(everything.excluding))
        count = "all" if number is None else f"{number:,}"
        return f"marks {count} (by filter{since})"

    async def note_changes(self, control: ControlAPI) -> None:
        """Find which of the rows in memory have changed since all were marked, before they are shown."""
        everything = self.marks.everything
        if everything is None or everything.as_of is None or self._feed.last_event == everything.as_of:
            return
        keys = {
            number: key
            for key, chosen in self._choices(self._rows.shown.rows).items()
            for number in chosen.target.task_ids or ()
        }
        try:
            changed = await _changed_since(control, keys, as_of=everything.as_of)
        except TaskdeckError:
            # What a verb acts on is decided by the engine, whatever is drawn.
            return
        now = self.marks.everything
        if now is not None and now.as_of == everything.as_of:
            self.marks.note_changed(frozenset(keys[number] for number in changed))
            self._table.redraw_rows()

    def wants_count(self, *, changed: bool) -> bool:
        """Tell whether it is time to count what is marked by the filter; `changed` = rows have changed."""
        everything = self.marks.everything
        if everything is None:
            return False
        self._is_count_due = self._is_count_due or changed or everything.number is None
        return self._is_count_due and time.monotonic() - self._counted_at > _SECONDS

    async def count(self, control: ControlAPI) -> None:
        """Count what a verb would act on."""
        everything = self.marks.everything
        if everything is None:
            return
        self._counted_at, self._is_count_due = time.monotonic(), False
        excluding = tuple(sorted(everything.excluding))
        try:
            preview = await control.preview(everything.where, as_of=everything.as_of, excluding=excluding)
        except TaskdeckError:
            return
        now = self.marks.everything
        if now is not None and (now.as_of, now.excluding) == (everything.as_of, everything.excluding):
            self.marks.note_number(preview.number, preview.since)

    def verb_done(self) -> None:
        """Take the marks off: what they stood for has been changed."""
        if self.marks:
            self.unmark()

    def _under_cursor(self) -> Selection | None:
        row = self._table.selected
        return None if row is None else selection_of(self._rows.listing.view(row))

    def _choices(self, rows: Mapping[int, V]) -> dict[Hashable, Selection]:
        listing = self._rows.listing
        choices = {listing.key(row): selection_of(listing.view(row)) for row in rows.values()}
        return {key: chosen for key, chosen in choices.items() if chosen is not None}

    def _show(self) -> None:
        self._table.redraw_rows()
        self._host.show_status()


async def _changed_since(control: ControlAPI, task_ids: Collection[int], *, as_of: int) -> frozenset[int]:
    """Return which of some tasks have an event after another one; beyond a bound all of them."""
    if not task_ids:
        return frozenset()
    only = Filter(noun=Noun.EVENTS, terms=(In(field="task", values=tuple(task_ids)),))
    changed: set[int] = set()
    after = as_of
    for _ in range(_PAGES):
        page = await control.events(EventQuery(filter=only), after_id=after, limit=_EVENTS)
        changed |= {event.task_id for event in page.rows if event.task_id is not None}
        if page.next is None:
            return frozenset(changed)
        after = int(page.next)
    return frozenset(task_ids)
