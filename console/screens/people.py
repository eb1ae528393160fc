"""The people screen: tasks that wait for people, and their answers.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from rich.style import Style

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.listing import Cells, Listing, columns_of, now_ms, style_of
from console.screens.list_screen import ListScreen
from console.screens.parts.item_keys import ItemKeys
from console.verbs.reasons import ITEMS
from core.filters.fields import Noun
from core.filters.selecting import select
from core.filters.terms import Filter
from core.model.patterns.work_items import ItemScope, WorkItems
from core.model.text import SafeText, safe_line
from core.model.views import Page
from core.render.columns import Column, cell
from core.render.item_lines import ItemLine, ItemState, item_line

_MARKS = {
    ItemState.OPEN: "waiting",
    ItemState.CLAIMED: "running",
    ItemState.OVERDUE: "failed",
    ItemState.HELD: "held",
    ItemState.APPROVED: "succeeded",
    ItemState.DENIED: "failed",
    ItemState.EXPIRED: "lost",
    ItemState.CANCELLED: "cancelled",
}
"""The status whose glyph and colour are shown."""
_NEXT = {
    ItemScope.OPEN: ItemScope.MINE,
    ItemScope.MINE: ItemScope.OVERDUE,
    ItemScope.OVERDUE: ItemScope.ALL,
    ItemScope.ALL: ItemScope.OPEN,
}


class PeopleScreen(ListScreen[ItemLine]):
    """The work items of one scope, what is due first; one page holds them all."""

    PARTS = ("list", "items", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("item", "task", "job")
    PLACES = {"open": "task"}
    nothing = SafeText("nothing waits for people here; v shows others")

    def __init__(self, desk: Desk) -> None:
        self._scope = ItemScope.OPEN
        self._found = WorkItems(items=(), open=0, overdue=0, mine=0)
        columns = columns_of(Noun.ITEMS)
        listing = Listing(noun=Noun.ITEMS, columns=columns, key=lambda line: line.id, read=self._read)
        cells: Cells[ItemLine] = Cells(
            text=lambda line, column, now: _text(
                line, column, now, glyph=desk.look.marks[_MARKS[line.state]].glyph
            ),
            style=lambda line, column: _style(line, column, desk=desk),
        )
        super().__init__(desk, listing, row_format=cells.row_format(columns, lambda line: line.id))
        self.items = ItemKeys(
            desk, self, chosen=lambda: self.table.selected, person=lambda: self._found.person
        )
        self.action_approve = self.items.approve
        self.action_deny = self.items.deny
        self.action_claim = self.items.claim
        self.action_delegate = self.items.delegate
        self.action_comment = self.items.comment

    def title_line(self) -> SafeText:
        found = self._found
        counts = f"{found.open:,} open  {found.overdue:,} overdue  {found.mine:,} for {found.person or 'you'}"
        more = "" if found.is_whole else "  (not all are listed)"
        return safe_line(f" People: {self._scope}  {counts}{more}")

    def subject(self) -> Subject | None:
        return None if self.table.selected is None else self.table.selected.task_id

    def why_not(self, action: str) -> SafeText:
        return self.items.why_not(action) if action in ITEMS else super().why_not(action)

    def action_scope(self) -> None:
        """Show others: open, mine, overdue, all."""
        self._scope = _NEXT[self._scope]
        self.rows.narrow(self.rows.where)
        self.reload_for_operator()

    async def _read(self, where: Filter, _after: str | None, _limit: int) -> Page[ItemLine]:
        listed = self.desk.control.work_items.list(self._scope, actor=self.desk.items.actor)
        self._found = await listed
        now = now_ms()
        lines = (item_line(view, now=now) for view in self._found.items)
        return Page(rows=tuple(select(where, lines, now=now)))


def _text(line: ItemLine, column: Column, now: int, *, glyph: str) -> SafeText:
    if column.name == "state":
        return safe_line(f"{glyph} {line.state}")
    return cell(column, line, now=now)


def _style(line: ItemLine, column: Column, *, desk: Desk) -> Style | None:
    return style_of(_MARKS[line.state], desk.look) if column.name == "state" else None
