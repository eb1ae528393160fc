"""Inspecting: show the row under the cursor of a list in full, and follow the cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from console.background import start, words_of
from console.desk import Desk
from console.rows.listing import worded
from console.screens.base import DeskScreen
from console.screens.task import describe
from console.themes import Look
from console.widgets.inspector import Inspector
from console.widgets.table import Table
from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.filters.terms import Sort
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.orphans import OrphanView
from core.model.text import SafeText, fit, safe_line
from core.model.values import to_iso
from core.model.views import TaskView

_EVENTS = 20
_LABEL = 16


class InspectingScreen(DeskScreen):
    """A screen whose `yank` is the row under a cursor; the pane is read anew when the cursor moves."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.inspector = Inspector()
        self._inspected: object = None

    def action_inspect(self) -> None:
        """Open or close the pane; closed, it gives the keys back to the rows."""
        self.inspector.toggle()
        if not self.inspector.is_open:
            self.query_one(Table).focus()
        self.inspect_row()

    def inspect_row(self) -> None:
        """Read what is under the cursor, if the pane is open; a read under way is given up."""
        if self.inspector.is_open:
            start(self, self._inspect, group="inspect", exclusive=True)

    async def _inspect(self) -> None:
        view = self.yank()
        try:
            lines = await _lines_of(view, self.desk)
        except TaskdeckError as error:
            # The list itself tells of trouble; here it would be told again at each move.
            lines = [words_of(error)]
        same = _name_of(view) == self._inspected
        self._inspected = _name_of(view)
        self.inspector.put(_name_of(view), lines, same=same)


def fields_of(view: object, look: Look) -> Iterator[SafeText]:
    """Write a view as lines: its fields in their order, without those that hold nothing."""
    if not is_dataclass(view):
        return
    for field in fields(view):
        value: object = getattr(view, field.name)
        if value is None or value in ("", (), {}):
            continue
        yield from _field(field.name, value, look)


async def _lines_of(view: object, desk: Desk) -> list[SafeText]:
    match view:
        case None:
            return [SafeText("no row here")]
        case TaskView():
            return await _task_lines(view.id, desk)
        case OrphanView():
            return [*fields_of(view, desk.look), SafeText(""), *await _task_lines(view.task_id, desk)]
        case _:
            return list(fields_of(view, desk.look))


async def _task_lines(task_id: int, desk: Desk) -> list[SafeText]:
    detail = await desk.control.task(task_id)
    newest = Filter(noun=Noun.EVENTS, sort=Sort(field="id", descending=True))
    events = await desk.control.events(EventQuery(task_id=task_id, filter=newest), limit=_EVENTS)
    return list(describe(detail, events.rows, look=desk.look))


def _field(name: str, value: object, look: Look) -> Iterator[SafeText]:
    label = fit(name.replace("_", " "), _LABEL)
    match value:
        case int() if name.endswith("_at") or name in ("at", "since", "until"):
            yield safe_line(label + to_iso(value))
        case str() if name == "status":
            yield safe_line(label + worded(value, look))
        case Mapping() | tuple() | list():
            yield safe_line(label.rstrip())
            yield from (safe_line(f"  {line}") for line in _json_lines(value))
        case _:
            yield safe_line(f"{label}{value}")


def _json_lines(value: Mapping[object, object] | Sequence[object]) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).splitlines()


def _name_of(view: object) -> SafeText:
    """Say what a view is about: its noun and its id, or what else names it."""
    match view:
        case None:
            return SafeText("nothing")
        case TaskView():
            return safe_line(f"task {view.id}  {view.key}")
        case EventView():
            return safe_line(f"event {view.id}  {view.kind}")
    noun = type(view).__name__.removesuffix("View").lower()
    names = (getattr(view, name, None) for name in ("id", "name", "key", "code"))
    return safe_line("  ".join([noun, *(f"{name}" for name in names if name is not None)]))
