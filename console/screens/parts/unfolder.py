"""Unfolder: shows the instances of a group below its row.

Owned by the job screen; the tasks screen lists them by a filter.
"""

from __future__ import annotations

from typing import Protocol

from console.rows.job_rows import JobRow
from console.rows.unfolded_groups import UnfoldedGroups
from console.screens.parts.row_source import RowSource
from console.widgets.table import Table
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.text import SafeText
from core.model.views import TaskView

NO_GROUP = SafeText("this is not a group: a task with `for_each` or `matrix`, whose items are known")
_FLAT = SafeText("a filter or an order is set: instances stand in the list themselves; Esc clears it")
_LONG = SafeText("of a job of so many tasks the instances stand in the list themselves")


def instances_of(group: TaskView) -> Filter:
    """Return the filter that finds the instances of a group, in the order in which they were made."""
    terms = (In(field="job", values=(group.job_id,)), In(field="group", values=(group.key,)))
    return Filter(noun=Noun.TASKS, terms=terms, sort=Sort(field="id", descending=False))


class UnfolderHost(Protocol):
    """A screen with the rows of a job."""

    def reload_for_operator(self) -> None:
        """Read what is shown once more: the operator's own key has changed it."""


class Unfolder:
    """Folds and unfolds the group under the cursor, or the one whose instance is there."""

    def __init__(
        self, rows: RowSource[JobRow], table: Table[JobRow], host: UnfolderHost, *, groups: UnfoldedGroups
    ) -> None:
        self._rows = rows
        self._table = table
        self._host = host
        self._groups = groups

    def why_not(self) -> SafeText:
        """Say why nothing can be folded or unfolded here; '' = it can."""
        row = self._table.selected
        if row is not None and (row.is_unfolded is not None or row.place is not None):
            return SafeText("")
        view = None if row is None else row.view
        if not isinstance(view, TaskView) or not (view.instances or view.group_task):
            return NO_GROUP
        return _FLAT if self._rows.where != self._rows.base else _LONG

    def toggle(self) -> None:
        """Unfold the group, or fold it: then the cursor is on its row."""
        row = self._table.selected
        if row is None or not isinstance(row.view, TaskView):
            return
        if row.place is not None and row.view.group_task is not None:
            self._table.go_to(self._table.cursor - row.place - 1)
            self._groups.toggle(row.view.group_task)
        else:
            self._groups.toggle(row.view.id)
        # The cursor is on the row of the group by now; all above it stays.
        self._rows.change_below(self._table.cursor)
        self._host.reload_for_operator()
