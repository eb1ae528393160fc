"""Counts of a list: what its filter finds, is marked, is new.

Owned by the list screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from console.screens.parts.hosts import Host
from console.screens.parts.newcomers import Newcomers
from console.screens.parts.picker import Picker
from console.screens.parts.row_source import RowSource
from core.control.api import ControlAPI

V = TypeVar("V")


class ListCounts(Generic[V]):
    """Counts beside the screen what it is time to count, each by a worker of its own."""

    def __init__(self, rows: RowSource[V], picker: Picker[V], *, control: ControlAPI, host: Host) -> None:
        self.newcomers = Newcomers(rows, control)
        self._rows = rows
        self._picker = picker
        self._control = control
        self._host = host

    def begin(self, *, changed: bool) -> None:
        """Count what is due; `changed` = rows have changed."""
        if self._rows.wants_count(changed=changed):
            self._begin("count", self._rows.count)
        if self._picker.wants_count(changed=changed):
            self._begin("marks", partial(self._picker.count, self._control))
        if self.newcomers.wants_count(changed=changed):
            self._begin("newcomers", self.newcomers.count)

    def mark_all(self) -> None:
        """Mark all that the filter finds, and count that."""
        self._picker.mark_all()
        self.begin(changed=False)

    def _begin(self, group: str, count: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            await count()
            self._host.show_status()

        self._host.begin(run, group=group, exclusive=True)
