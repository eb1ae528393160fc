"""Filter line: shows the filter, edits it, narrows it by a value.

Owned by the list screen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from console.dialogs.menu import MenuDialog
from console.rows.value_terms import excluding, including, letters, terms_of, words_of
from console.screens.parts.hosts import ListHost
from console.screens.parts.row_source import RowSource
from console.widgets.prompt import Prompt
from console.widgets.table import Table
from core.filters.parser import parse
from core.filters.terms import Filter, In
from core.filters.unparser import unparse
from core.model.errors import Invalid
from core.model.text import SafeText, safe_line

V = TypeVar("V")


class FilterLine(Generic[V]):
    """Shows the filter, and narrows the list by what is typed or chosen."""

    def __init__(self, rows: RowSource[V], table: Table[V], host: ListHost) -> None:
        self.prompt = Prompt(back=self._give_back)
        self.prompt.display = False
        self._rows = rows
        self._table = table
        self._host = host
        self.is_named: Callable[[Filter], bool] = lambda _: False
        """Tells of a filter whether the title of the screen says all of it."""
        self._shown_cut = SafeText("")

    @property
    def is_open(self) -> bool:
        """Whether a filter is being typed."""
        return self.prompt.open

    def type(self) -> None:
        self._display(is_needed=True)
        self.prompt.ask("filter", unparse(self._rows.where), placeholder="state:failed age>10m sort:-id")

    def take(self, text: str) -> None:
        """Filter by what was typed; a text with a fault stays, and so do the rows."""
        try:
            where = parse(text, self._rows.listing.noun)
        except Invalid as error:
            self.prompt.refuse(error)
            return
        self._host.narrow(where)
        self.prompt.close()

    def close(self) -> None:
        self.prompt.close()
        self.show()

    def show(self) -> None:
        text = unparse(self._rows.where)
        self._shown_cut = self._rows.cut
        self.prompt.show(safe_line(f" / {text}{self._shown_cut}"))
        self._display(is_needed=self.is_open or self._wants_line)

    @property
    def _wants_line(self) -> bool:
        where = self._rows.where
        return bool(self._shown_cut) or (bool(unparse(where)) and not self.is_named(where))

    def _display(self, *, is_needed: bool) -> None:
        self.prompt.display = is_needed
        self._host.head.replace_strip(by=self.prompt)

    def show_cut(self) -> None:
        """Show whether the list was cut, unless a filter is being typed."""
        if self._shown_cut != self._rows.cut and not self.is_open:
            self.show()

    def include(self) -> None:
        """List only rows that hold a value of the row under the cursor."""
        self._host.begin(partial(self._narrow, "Only rows with", including), group="menu", exclusive=True)

    def exclude(self) -> None:
        """List no rows that hold a value of the row under the cursor."""
        self._host.begin(partial(self._narrow, "No rows with", excluding), group="menu", exclusive=True)

    async def _narrow(self, question: str, narrowed: Callable[[Filter, In], Filter]) -> None:
        row = self._table.selected
        if row is None:
            return
        terms = terms_of(self._rows.listing.view(row), self._rows.where)
        offered = dict(zip(letters([term.field for term in terms]), terms, strict=True))
        lines = {letter: safe_line(words_of(term, self._rows.where)) for letter, term in offered.items()}
        term = offered.get(await self._host.ask(MenuDialog(SafeText(question), lines)))
        if term is not None:
            self._host.narrow(narrowed(self._rows.where, term))

    def _give_back(self) -> None:
        self._table.focus()
        self.show()
