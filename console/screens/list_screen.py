"""ListScreen: the base of screens that show one list.

It owns its parts (`console.screens.parts`); jobs, tasks, events, queues and retries are its subclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult

from console.desk import Desk
from console.exports.extract import Extract
from console.exports.file_formats import cell_of
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.kept_columns import KeptColumns
from console.rows.listing import Listing, row_format_of
from console.rows.row_count import first_words
from console.screens.base import DeskScreen
from console.screens.parts.column_keys import ColumnKeys
from console.screens.parts.extracts import list_extract
from console.screens.parts.filter_line import FilterLine
from console.screens.parts.list_counts import ListCounts
from console.screens.parts.loading import read_on
from console.screens.parts.picker import Picker
from console.screens.parts.row_inspector import RowInspector
from console.screens.parts.row_source import EndOfRows, RowSource
from console.verbs.reasons import NO_ENGINE
from console.verbs.selection import Selection, selection_of
from console.widgets.inspector import Split
from console.widgets.prompt import Prompt
from console.widgets.row_format import RowFormat
from console.widgets.table import CursorShown, Table
from core.filters.terms import Filter
from core.model.text import SafeText
from core.model.views import TaskView
from core.render.columns import Column

V = TypeVar("V")
_NO_MATCH = SafeText("nothing matches the filter; Esc clears it")
_NO_MATCH_SEARCHED = SafeText("nothing matches among the rows searched; id<N in the filter looks below row N")


class ListScreen(DeskScreen, Generic[V]):
    """Shows the rows that a filter finds; filter, order, cursor and marks stay while other screens are shown.

    Verbs act on the marks, if any, else on the row under the cursor.
    """

    SHARED = ("rows", "marks")
    READER = "table"
    # Without this the line of the filter has the keys for a moment, and two styles are computed for it.
    AUTO_FOCUS = "Table"
    BINDINGS = bindings(*SHARED)
    PLACES: ClassVar[Mapping[str, str]] = {}
    """By action, such as `open`, `logs` or `why`, the place that shows the row under the cursor."""
    nothing = SafeText("nothing here yet")
    """Stands where the rows would be when there is none."""

    def __init__(
        self,
        desk: Desk,
        listing: Listing[V],
        *,
        row_format: RowFormat[V] | None = None,
        where: Filter | None = None,
        cursor: CursorShown = CursorShown.ALWAYS,
    ) -> None:
        super().__init__(desk)
        self.filter_noun = listing.noun
        kept = KeptColumns(desk.memory, type(self).__name__.removesuffix("Screen").lower(), listing.columns)
        first = where or Filter(noun=listing.noun)
        if listing.order is None:
            first = kept.ordered(first)
        self.rows = RowSource(listing, control=desk.control, feed=desk.feed, nouns=self.NOUNS, where=first)
        self.table: Table[V] = Table(row_format or row_format_of(listing, lambda: desk.look), cursor=cursor)
        self.filter_line = FilterLine(self.rows, self.table, self)
        self.column_keys = ColumnKeys(self.rows, self.table, self, kept=kept)
        self.picker = Picker(self.rows, self.table, desk.feed, self)
        self.counts = ListCounts(self.rows, self.picker, control=desk.control, host=self)
        self.inspector = RowInspector(
            self,
            desk,
            view=self.selected_view,
            give_back=self.table.focus,
        )
        self.split = Split(self.table, self.inspector.pane)
        self.action_filter = self.filter_line.type
        self.action_include = self.filter_line.include
        self.action_exclude = self.filter_line.exclude
        self.action_sort = self.column_keys.sort
        self.action_invert = self.column_keys.invert
        self.action_columns = self.column_keys.choose
        self.action_times = self.column_keys.times
        self.action_follow_row = self.column_keys.follow_row
        self.action_mark = self.picker.mark
        self.action_mark_range = self.picker.mark_range
        self.action_mark_all = self.counts.mark_all
        self.action_unmark = self.picker.unmark
        self.action_inspect = self.inspector.toggle

    def body(self) -> ComposeResult:
        yield self.filter_line.prompt
        yield self.split

    def on_mount(self) -> None:
        self.table.focus()
        self.filter_line.show()

    def on_resize(self) -> None:
        """Open the inspector where there is room for it."""
        self.inspector.fit(self.size.height)

    async def load(self) -> None:
        """Read the rows in view and around."""
        if await self.rows.read(self.table.top, self.table.top + self.table.height):
            await self.picker.note_changes(self.desk.control)
            self._show_rows()
        self.counts.begin(changed=True)

    def is_fresh(self) -> bool:
        return not self.load_error and self.rows.is_fresh()

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        self.counts.begin(changed=False)
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()

    def status_words(self) -> tuple[str, ...]:
        return (*self.rows.status_words(),)

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        marks, above = self.picker.status_words(), self.counts.newcomers.status_words()
        return "  ".join(filter(None, (f"row {at:,}/{self.rows.total_text()}", marks, above)))

    def chosen(self) -> Selection | None:
        return selection_of(self.selected_view())

    def targets(self) -> Selection | None:
        return self.picker.chosen() or self.chosen()

    def status_of_target(self) -> str:
        """Return how the row under the cursor stands; marks are judged one by one by the engine."""
        return "" if self.picker.marks else self.task_status()

    def task_status(self) -> str:
        view = self.selected_view()
        return view.status if isinstance(view, TaskView) else ""

    def selected_view(self) -> object:
        row = self.table.selected
        return None if row is None else self.rows.listing.view(row)

    def extract(self) -> Extract | None:
        """Return all rows of the list, in memory or not, or the marked ones."""
        if not self.table.count:
            return None
        return list_extract(self.rows.listing, self.table, self.picker.selection(), cell=self.export_cell)

    def export_cell(self, row: V, column: Column) -> SafeText:
        """Return what a column says of a row in a file."""
        written = self.rows.listing.written.get(column.name)
        return cell_of(column, self.rows.listing.view(row)) if written is None else written(row)

    def why_not(self, action: str) -> SafeText:
        if action == "export":
            return NO_ENGINE if self.desk.feed.pulse.engine is None else self.exporter.why_not()
        return self.picker.why_not(action) or super().why_not(action)

    def subject(self) -> Subject | None:
        """Return what the places of `PLACES` are to show; None = the list is empty."""
        number = getattr(self.selected_view(), "id", None)
        return number if isinstance(number, int) else None

    def narrow(self, where: Filter) -> None:
        """List what a filter finds, from the first row; marks that the last filter set are dropped."""
        self.picker.marks.forget_filter()
        self.rows.narrow(where)
        self.table.forget_widths()
        self.table.start_over()
        self.filter_line.show()
        self.reload_for_operator()
        self.column_keys.show_order()

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory; never twice for one view."""
        self.inspector.show()
        self.counts.newcomers.note(at_top=not self.table.top)
        self.show_status()
        read_on(self, self.table)

    def on_table_opened(self) -> None:
        self.action_open()

    def on_table_end_wanted(self) -> None:
        """Read on to the end, however many pages; any other load takes its place."""
        self.reload_for_operator(self._read_to_end)

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        if event.kind == "filter":
            self.filter_line.take(event.text)

    def action_open(self) -> None:
        self._visit("open")

    def action_logs(self) -> None:
        self._visit("logs")

    def action_events(self) -> None:
        self._visit("events")

    def action_why(self) -> None:
        self._visit("why")

    def action_back(self) -> None:
        """Go back by one step: the prompt, an export, the marks, the filter, the screen."""
        if self.filter_line.is_open:
            self.filter_line.close()
        elif self.exporter.is_running:
            self.exporter.stop()
        elif self.picker.marks:
            self.picker.unmark()
        elif self.rows.where != self.rows.base:
            self.narrow(self.rows.base)
        else:
            super().action_back()

    def verb_done(self) -> None:
        """Take the marks off: what they stood for has been changed."""
        self.picker.verb_done()

    def _visit(self, action: str) -> None:
        place = self.PLACES.get(action)
        if place is not None:
            self.visit(place, self.subject())

    def _show_rows(self) -> None:
        shown = self.rows.shown
        self.table.replace(shown.rows, count=shown.count, more=shown.more)
        self.split.fit(shown.count)
        self.counts.newcomers.note(at_top=not self.table.top)
        filtered = _NO_MATCH_SEARCHED if self.rows.is_cut else _NO_MATCH
        self.table.say(self.nothing if self.rows.where == self.rows.base else filtered)
        self.show_status()
        self.inspector.show()
        self.filter_line.show_cut()

    async def _read_to_end(self) -> None:
        end = await self.rows.read_to_end()
        if end is EndOfRows.OUTDATED:
            return
        await self.picker.note_changes(self.desk.control)
        self._show_rows()
        self.table.go_to(self.rows.shown.count - 1)
        if end is EndOfRows.BEYOND_LIMIT:
            self.tell(first_words(self.rows.shown.count))
