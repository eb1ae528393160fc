"""Copying: what a row or a page can be copied as; the texts alone."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, is_dataclass

from core.filters.terms import Filter
from core.filters.unparser import unparse
from core.model.events import EventView
from core.model.orphans import OrphanView
from core.model.text import SafeText, safe, safe_line
from core.model.views import JobView, QueueView, TaskDetail, TaskView

LARGEST = 74_000
"""Bytes that terminals take into their clipboard."""


def copies_of(view: object, where: Filter | None) -> dict[str, tuple[str, SafeText]]:
    """Return by its letter what can be copied, each with a name; `where` = the filter of the list."""
    found: dict[str, tuple[str, SafeText]] = {}
    name, line = _name_of(view), _line_of(view)
    if name:
        found["i"] = ("id", safe_line(name))
    if is_dataclass(view) and not isinstance(view, type):
        found["j"] = ("JSON", safe(json.dumps(asdict(view), ensure_ascii=False, indent=2, default=str)))
    if line:
        found["c"] = ("command line", safe_line(line))
    if where is not None:
        found["f"] = ("filter as a command line", safe_line(_line_of_filter(where)))
    return found


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
    said = unparse(where)
    return f"taskdeck {where.noun}" + (f" --where {shlex.quote(said)}" if said else "")
