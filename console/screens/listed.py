"""A screen that is one list, with its keys: marks, order, columns, cells, saved views."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from console.background import start
from console.desk import Desk
from console.dialogs.menu import MenuDialog
from console.key_table import bindings
from console.rows.listing import Listing
from console.rows.sort_order import inverted, order_of, sorted_by
from console.rows.time_columns import shown_as, usual
from console.rows.value_terms import excluding, including, letters, terms_of, words_of
from console.screens.exports import ExportScreen, Wanted
from console.verbs.marks import Marks
from console.verbs.selection import Selection, names_of, selection_of
from console.widgets.table import RowFormat
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.filters.terms import In
from core.model.text import SafeText, safe_line

V = TypeVar("V")
_MARKING = ("mark", "mark_range", "mark_all")
_UNMARKED = SafeText("rows of this list are not marked: no verb acts on them")
_ONE_FORM = SafeText("a form is for one job, the one under the cursor: U unmarks the others")
_TOO_MANY = SafeText("more rows than are in memory: narrow the list by a filter first")


class ListScreen(ExportScreen[V], Generic[V]):
    """A list whose rows are marked, ordered and narrowed by keys; verbs act on the marks, if any."""

    SHARED = ("rows", "marks")
    BINDINGS = bindings(*SHARED)

    def __init__(
        self,
        desk: Desk,
        listing: Listing[V],
        *,
        row_format: RowFormat[V] | None = None,
        where: Filter | None = None,
    ) -> None:
        super().__init__(desk, listing, row_format=row_format, where=where)
        self.marks = Marks()
        self._times = usual(self.table.all_columns)
        self._offered = self.table.all_columns
        """The columns as they are before their moments are shown in some way."""
        self._show_times()
        self.table.is_marked = self.marks.has
        self._show_order()

    def wanted(self) -> Wanted:
        """Return which rows are exported: the marked ones, else all."""
        everything, chosen = self.marks.everything, self.marks.chosen({})
        if everything is not None:
            without = everything.without
            words = f"all that match but {len(without):,}" if without else "all that match"
            return Wanted(where=self.where, words=f"{self.listing.noun}, {words},", without=without)
        if chosen is None:
            return super().wanted()
        names = [name for target in chosen.targets for name in names_of(target)]
        only = In(field="name" if self.listing.noun is Noun.QUEUES else "id", values=tuple(names))
        where = Filter(noun=self.listing.noun, terms=(only,), sort=self.where.sort)
        return Wanted(where=where, words=f"{len(names):,} marked {self.listing.noun}")

    def meant(self) -> Selection | None:
        """Return what a verb acts on: the marks, else what is under the cursor."""
        if not self.marks:
            return self.chosen()
        return self.marks.chosen(self._choices())

    def subject_of_verbs(self) -> str:
        """Return how the row under the cursor stands; marks are judged one by one by the engine."""
        return "" if self.marks else self.subject_status()

    def subject_status(self) -> str:
        """Return how the task under the cursor stands."""
        row = self.table.selected
        view = None if row is None else self.view_of(row)
        return str(getattr(view, "status", "")) if getattr(view, "job_id", None) is not None else ""

    def status_words(self) -> tuple[str, ...]:
        """Tell of rows and marks."""
        return (*super().status_words(), self._marked_words())

    def why_not(self, action: str) -> SafeText:
        """Say why an action cannot be taken now."""
        row = self.table.selected
        if action in _MARKING and (row is None or selection_of(self.view_of(row)) is None):
            return _UNMARKED
        return _ONE_FORM if action == "again" and self.marks else super().why_not(action)

    def narrow(self, where: Filter) -> None:
        """Show the rows that a filter lets pass; what the last filter marked is not marked any more."""
        self.marks.forget_filter()
        super().narrow(where)
        self._show_order()

    def action_back(self) -> None:
        """Go back by one step: the prompt, an export, the marks, the filter, the screen."""
        if self.is_exporting and not self.prompt.open:
            self.stop_export()
        elif self.marks and not self.prompt.open:
            self.action_unmark()
        else:
            super().action_back()

    def action_mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go to the next."""
        row = self.table.selected
        chosen = None if row is None else selection_of(self.view_of(row))
        if row is not None and chosen is not None:
            self.marks.toggle(self.listing.key(row), chosen, at=self.table.cursor)
            self.table.redraw_row()
            self.show_status()
            self.table.action_move(1)

    def action_mark_range(self) -> None:
        """Mark all rows from the one that was marked last to the cursor."""
        at = self.table.cursor
        anchor = at if self.marks.anchor is None else self.marks.anchor
        rows = self.table.span(min(anchor, at), max(anchor, at))
        if rows is None:
            self.notify(_TOO_MANY, markup=False)
            return
        if self.marks.everything is None:
            self.marks.add(self._choices(rows))
        self._marked()

    def action_mark_all(self) -> None:
        """Mark all that the filter finds: tasks as a predicate, all else row by row."""
        if self.listing.noun is Noun.TASKS:
            self.marks.all_of(self.predicate(), as_of=self.desk.feed.last_event)
        else:
            rows = None if self.table.more else self.table.span(0, self.table.count - 1)
            if rows is None:
                self.notify(_TOO_MANY, markup=False)
                return
            self.marks.add(self._choices(rows))
        self._marked()

    def action_unmark(self) -> None:
        """Unmark everything."""
        self.marks.clear()
        self._marked()

    def action_sort(self, step: int) -> None:
        """Sort by the next column."""
        self.narrow(sorted_by(self.where, self.table.columns, step))

    def action_invert(self) -> None:
        """Turn the order around."""
        self.narrow(inverted(self.where))

    def action_follow_row(self) -> None:
        """Keep the cursor on its row, or on its place."""
        follows = self.table.toggle_following()
        where = "its row, wherever that goes" if follows else "its place in the list"
        self.notify(f"the cursor keeps to {where}", markup=False)

    def action_times(self) -> None:
        """Show moments as ages, or by the clock."""
        self._times = self._times.other
        self._show_times()

    def action_columns(self) -> None:
        """Choose the columns."""
        start(self, self._choose_columns, group="menu", exclusive=True)

    def action_include(self) -> None:
        """Let only rows pass that hold a value of this one."""
        start(self, self._include, group="menu", exclusive=True)

    def action_exclude(self) -> None:
        """Let no rows pass that hold a value of this one."""
        start(self, self._exclude, group="menu", exclusive=True)

    async def _include(self) -> None:
        term = await self._ask_term("Only rows with")
        if term is not None:
            self.narrow(including(self.where, term))

    async def _exclude(self) -> None:
        term = await self._ask_term("No rows with")
        if term is not None:
            self.narrow(excluding(self.where, term))

    async def _ask_term(self, question: str) -> In | None:
        row = self.table.selected
        if row is None:
            return None
        terms = terms_of(self.view_of(row), self.where)
        offered = dict(zip(letters([term.field for term in terms]), terms, strict=True))
        lines = {letter: safe_line(words_of(term, self.where)) for letter, term in offered.items()}
        return offered.get(await self.app.push_screen_wait(MenuDialog(SafeText(question), lines)))

    async def _choose_columns(self) -> None:
        hidden: set[str] = set()
        names = [column.name for column in self.table.all_columns]
        while True:
            hidden = set(self.table.hidden)
            offered = dict(zip(letters(names), names, strict=True))
            lines = {
                letter: SafeText(f"[{' ' if name in hidden else 'x'}] {name}")
                for letter, name in offered.items()
            }
            letter = await self.app.push_screen_wait(MenuDialog(SafeText("Columns"), lines))
            if not letter:
                return
            self.table.hide(hidden ^ {offered[letter]})

    def _choices(self, rows: dict[int, V] | None = None) -> dict[Hashable, Selection]:
        found: dict[Hashable, Selection] = {}
        for row in (self.table.rows if rows is None else rows).values():
            chosen = selection_of(self.view_of(row))
            if chosen is not None:
                found[self.listing.key(row)] = chosen
        return found

    def _marked(self) -> None:
        self.table.redraw_rows()
        self.show_status()

    def _marked_words(self) -> str:
        everything = self.marks.everything
        if everything is None:
            return f"marks {self.marks.number:,}" if self.marks else ""
        number = self._count.number
        told = "all" if number is None else f"{max(0, number - len(everything.excluding)):,}"
        return f"marks {told} (by filter)"

    def _show_times(self) -> None:
        self.table.show_columns(shown_as(self._offered, self._times))

    def _show_order(self) -> None:
        order = order_of(self.where)
        self.table.show_order(order.field, descending=order.descending)
