"""Texts that can be copied from a row or a page.

Used by the clipboard.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from core.filters.terms import Filter
from core.filters.unparser import unparse
from core.model.events import EventView
from core.model.orphans import OrphanView
from core.model.records import as_dict, names_of
from core.model.text import SafeText, safe, safe_line
from core.model.views import JobView, QueueView, TaskDetail, TaskView

LARGEST = 74_000
"""Largest text in bytes that terminals accept for the clipboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A text for the clipboard, and what it is."""

    name: str
    text: SafeText


def copies_of(view: object, where: Filter | None) -> dict[str, Copy]:
    """Return what can be copied, by the letter of the menu; `where` = the filter of the list."""
    copies: dict[str, Copy] = {}
    name, line = _name_of(view), _line_of(view)
    if name:
        copies["i"] = Copy(name="id", text=safe_line(name))
    if names_of(view):
        copies["j"] = Copy(
            name="JSON", text=safe(json.dumps(as_dict(view), ensure_ascii=False, indent=2, default=str))
        )
    if line:
        copies["c"] = Copy(name="command line", text=safe_line(line))
    if where is not None:
        copies["f"] = Copy(name="filter as a command line", text=safe_line(_line_of_filter(where)))
    return copies


def _name_of(view: object) -> str:
    match view:
        case JobView() | TaskView() | EventView():
            return str(view.id)
        case TaskDetail():
            return str(view.task.id)
        case OrphanView():
            return str(view.task_id)
        case QueueView():
            return view.name
    return ""


def _line_of(view: object) -> str:
    match view:
        case JobView():
            return f"taskdeck show {view.id}"
        case TaskView():
            return f"taskdeck logs {view.id}"
        case TaskDetail():
            return f"taskdeck logs {view.task.id}"
        case OrphanView():
            return f"taskdeck logs {view.task_id}"
        case EventView() if view.job_id is not None:
            return f"taskdeck events --job {view.job_id}"
        case QueueView():
            quoted = json.dumps(view.name, ensure_ascii=False)
            return f"taskdeck tasks --where {shlex.quote(f'queue:{quoted}')}"
    return ""


def _line_of_filter(where: Filter) -> str:
    text = unparse(where)
    return f"taskdeck {where.noun}" + (f" --where {shlex.quote(text)}" if text else "")
