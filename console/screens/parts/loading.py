"""Work that rows of a screen begin, and that Esc stops.

Used by the screens with long lists, and by those that search.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from textual.screen import Screen
from textual.worker import Worker

from console.widgets.scroll_list import ScrollList

V = TypeVar("V")
T = TypeVar("T")


class RowsHost(Protocol):
    """A screen that loads the rows of a list in parts."""

    def reload(self) -> None:
        """Load the rows in view and near it."""

    def reload_for_operator(self) -> None:
        """Do the same; the next key is meant for what it brings."""


def read_on(host: RowsHost, rows: ScrollList[V]) -> None:
    """Load what a list lacks in view, or the rows behind those that are known when these end soon."""
    if rows.lacks_rows:
        host.reload_for_operator()
    elif rows.nears_end:
        host.reload()


def running_work(screen: Screen[T], *groups: str) -> list[Worker[object]]:
    """Return the work of these groups that has not ended."""
    return [one for one in screen.workers if one.group in groups and not one.is_finished]


def stop_work(screen: Screen[T], *groups: str) -> bool:
    """Cancel the work of these groups; return whether any was running."""
    running = running_work(screen, *groups)
    for one in running:
        one.cancel()
    return bool(running)
