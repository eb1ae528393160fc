"""A view as lines of text: its name and fields in order.

Used by the row inspector.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from console.rows.listing import worded
from console.themes import Look
from core.model import records
from core.model.events import EventView
from core.model.text import SafeText, fit, safe_line
from core.model.values import to_iso
from core.model.views import TaskView
from core.render.item_lines import ItemLine
from core.render.schedule_lines import ScheduleLine
from core.render.trends import trend_text

_LABEL = 16


def fields_of(view: object, look: Look) -> Iterator[SafeText]:
    """Write the fields of a view that hold something, in their order."""
    for name in records.names_of(view):
        value: object = getattr(view, name)
        if value is None or value in ("", (), {}):
            continue
        yield from _field(name, value, look)


def name_of(view: object) -> SafeText:
    """Return the noun of a view and its id, or what else names it."""
    match view:
        case None:
            return SafeText("no row here")
        case TaskView():
            return safe_line(f"task {view.id}  {view.key}")
        case ItemLine():
            return safe_line(f"work item {view.id}  {view.title}")
        case ScheduleLine():
            return safe_line(f"schedule  {view.name}")
        case EventView():
            return safe_line(f"event {view.id}  {view.kind}")
    noun = type(view).__name__.removesuffix("View").lower()
    names = (getattr(view, name, None) for name in ("id", "name", "key", "code"))
    return safe_line("  ".join([noun, *(f"{name}" for name in names if name is not None)]))


def _field(name: str, value: object, look: Look) -> Iterator[SafeText]:
    label = fit(name.replace("_", " "), _LABEL)
    match value:
        case int() if _is_moment(name):
            yield safe_line(label + to_iso(value))
        case str() if name == "status":
            yield safe_line(label + worded(value, look))
        case tuple() | list() if value and all(isinstance(each, int) for each in value):
            yield safe_line(f"{label}{trend_text(value)}  most {max(value):,}")
        case Mapping() if all(isinstance(each, int | str) for each in value.values()):
            yield safe_line(label + ", ".join(f"{name} {each}" for name, each in value.items()))
        case _ if isinstance(value, Mapping | tuple | list) or records.names_of(value):
            yield safe_line(label.rstrip())
            yield from (safe_line(f"  {line}") for line in _json_lines(value))
        case _:
            yield safe_line(f"{label}{value}")


def _json_lines(value: object) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_told).splitlines()


def _told(value: object) -> dict[object, object] | str:
    """Return the fields of a record that hold something, by name; anything else as text."""
    names = records.names_of(value)
    told = {name: getattr(value, name) for name in names}
    fields = {name: held for name, held in told.items() if held not in (None, "", (), {})}
    shown: dict[object, object] = {
        name: to_iso(held) if isinstance(held, int) and _is_moment(name) else held
        for name, held in fields.items()
    }
    return shown if names else str(value)


def _is_moment(name: str) -> bool:
    return name.endswith("_at") or name in ("at", "since", "until")
