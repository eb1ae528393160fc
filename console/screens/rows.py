"""The rows of a list: head, filter line, table, status bar, hints; what is read and when."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.app import ComposeResult

from console.background import start
from console.desk import Desk
from console.rows.listing import Listing, row_format_of
from console.rows.pages import Pages
from console.rows.row_count import RowCount, cut_words
from console.screens.inspecting import InspectingScreen
from console.widgets.inspector import Split
from console.widgets.prompt import Prompt
from console.widgets.table import RowFormat, Table
from core.filters.fields import Noun
from core.filters.grammar import Filter, parse, render
from core.model.errors import Invalid, TaskdeckError
from core.model.text import SafeText, safe_line

V = TypeVar("V")
_NONE = SafeText("nothing matches the filter; Esc clears it")
_NONE_SEARCHED = SafeText("nothing matches among the rows searched; id<N in the filter looks below row N")


class RowsScreen(InspectingScreen, Generic[V]):
    """Shows the rows that a filter lets pass; filter, order and cursor stay while others are looked at."""

    READER = "table"
    nothing = SafeText("nothing here yet")
    """Stands where the rows would be when there is none."""

    def __init__(
        self,
        desk: Desk,
        listing: Listing[V],
        *,
        row_format: RowFormat[V] | None = None,
        where: Filter | None = None,
    ) -> None:
        super().__init__(desk)
        self.listing = listing
        self.base = where or Filter(noun=listing.noun)
        """The filter that Esc comes back to; with it in force, Esc leaves the screen."""
        self.where = self.base
        self.table: Table[V] = Table(row_format or row_format_of(listing, lambda: desk.look))
        self.prompt = Prompt(back=self._give_back)
        self._pages: Pages[V] = self._new_pages()
        self._count = RowCount(desk.control)
        self._cut = SafeText("")
        self._read_at: tuple[Pages[V], tuple[int, ...]] | None = None
        """Which pages were read last, and what had been told of changes before."""

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield self.head
        yield self.prompt
        yield Split(self.table, self.inspector)
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to the table."""
        self.table.focus()
        self._show_filter()

    async def load(self) -> None:
        """Read the rows in view and around."""
        pages = self._pages
        told = self.desk.feed.told(self.NOUNS)
        await pages.show(self.table.top, self.table.top + self.table.height)
        self._take(pages)
        self._read_at = (pages, told)
        self._count_rows(changed=True)

    def is_fresh(self) -> bool:
        """Tell whether no change of what is listed was told since the rows were read."""
        feed = self.desk.feed
        is_live = feed.is_followed and feed.pulse.engine is not None and bool(self.NOUNS) and not self.trouble
        return is_live and self._read_at == (self._pages, feed.told(self.NOUNS))

    def predicate(self) -> Filter:
        """Return the filter that finds what is listed, wherever it is asked."""
        return self.where

    def count_base(self) -> Filter:
        """Return the filter that finds all that the list could show."""
        return Filter(noun=self.listing.noun)

    def status_words(self) -> tuple[str, ...]:
        """Tell how many rows there are: by a count of what the filter finds, else those that are known."""
        counted = self._count.words(self.predicate()) if self.where.terms else ()
        return counted or (self.rows_words(),)

    def rows_words(self) -> str:
        """Tell how many rows there are, else how many are known, and whether more may follow."""
        is_whole = self.predicate() == Filter(noun=Noun.TASKS, sort=self.where.sort)
        if is_whole and self.table.more:
            return f"rows {max(self.table.count, sum(self.desk.feed.pulse.tasks.values())):,}"
        counted = None if self.where.terms or not self.table.more else self._count.number
        if counted is not None:
            return f"rows {max(self.table.count, counted):,}"
        return f"rows {self.table.count:,}{'+' if self.table.more else ''}"

    def age(self) -> None:
        """Write the ages anew."""
        self.table.age()
        self._count_rows(changed=False)
        super().age()

    def yank(self) -> object:
        """Return the view of the row under the cursor."""
        return self.table.selected

    def restyle(self) -> None:
        """Draw the rows anew."""
        self.table.restyle()

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory; never twice for one view."""
        self.inspect_row()
        last = self.table.top + self.table.height
        if self.table.lacks_rows or (self.table.more and last + self.table.height >= self.table.count):
            self.reload()

    def on_table_opened(self) -> None:
        """Open the row that was clicked."""
        self.action_open()

    def on_table_end_wanted(self) -> None:
        """Read on to the end, however many pages; any other load takes its place."""
        self._loading = start(self, self._reach_end, group="load", exclusive=True)

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """Filter by what was typed; a faulty text stays, and so do the rows."""
        if event.kind != "filter":
            return
        try:
            where = parse(event.text, self.listing.noun)
        except Invalid as error:
            self.prompt.refuse(error)
            return
        self.narrow(where)
        self.prompt.close()

    def narrow(self, where: Filter) -> None:
        """Show the rows that a filter lets pass, from the first."""
        self.where = where
        self._pages = self._new_pages()
        self.table.forget_widths()
        self.table.go_to(0)
        self._show_filter()
        self.reload()

    def action_filter(self) -> None:
        """Type a filter."""
        self.prompt.ask("filter", render(self.where), placeholder="state:failed age>10m sort:-id")

    def action_back(self) -> None:
        """Go back by one step: the prompt, the filter, the screen."""
        if self.prompt.open:
            self.prompt.close()
            self._show_filter()
        elif self.where != self.base:
            self.narrow(self.base)
        else:
            super().action_back()

    def action_open(self) -> None:
        """Look into the row under the cursor."""

    def _new_pages(self) -> Pages[V]:
        where = self.where
        return Pages(lambda after, limit: self.listing.read(where, after, limit))

    def _take(self, pages: Pages[V]) -> None:
        # The filter may have changed while this was read.
        if pages is self._pages:
            self.table.replace(pages.window(), count=pages.count, more=pages.more)
            filtered = _NONE if pages.searched is None else _NONE_SEARCHED
            self.table.say(self.nothing if self.where == self.base else filtered)
            self.show_status()
            self.inspect_row()
            if self._cut != cut_words(self.where, pages.searched) and not self.prompt.open:
                self._show_filter()

    async def _reach_end(self) -> None:
        pages = self._pages
        ended = await pages.reach_end()
        self._take(pages)
        self.table.go_to(pages.count - 1)
        if not ended:
            self.notify(f"searched the first {pages.count:,} rows", markup=False)

    def _count_rows(self, *, changed: bool) -> None:
        if (self.where.terms or self.table.more) and self._count.wants(self.predicate(), changed=changed):
            start(self, self._ask_count, group="count", exclusive=True)

    async def _ask_count(self) -> None:
        try:
            await self._count.ask(self.predicate(), self.count_base())
        except TaskdeckError:
            # The rows are there all the same; the next change asks again.
            return
        self.show_status()

    def _show_filter(self) -> None:
        said = render(self.where)
        self._cut = cut_words(self.where, self._pages.searched)
        self.prompt.show(safe_line(f" / {said}{self._cut}" if said else " /"))

    def _give_back(self) -> None:
        self.table.focus()
        self._show_filter()
