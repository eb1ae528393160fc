"""Texts that can be copied from a row or a page.

Used by the clipboard of the shell and by the screens.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from console.rows.handoff import HandoffNote
from core.filters.terms import Filter
from core.filters.unparser import unparse
from core.model.events import EventView
from core.model.failures import FamilyView
from core.model.orphans import OrphanView
from core.model.records import as_dict, names_of
from core.model.text import SafeText, safe, safe_line
from core.model.timelines import TaskBar
from core.model.views import JobView, LogStream, QueueView, TaskDetail, TaskView
from core.model.waits import JobWaits, TaskWaits
from core.render.data_texts import ArtifactRow, artifact_shape
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import schedule_shape

_OPTIONS = {LogStream.ERR: "stderr", LogStream.BOTH: "both"}
LARGEST = 74_000
"""Largest text in bytes that terminals accept for the clipboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A text for the clipboard, and what it is."""

    name: str
    text: SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCopies:
    """A log as it is shown: the lines in view, the one that was found, and where the output is."""

    task_id: int
    epoch: int
    stream: LogStream
    path: str
    host: str
    home: str
    lines: tuple[SafeText, ...]
    found: SafeText | None
    bundle: str = ""
    """The file of the bundle that it is in; '' = it is that of an engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTexts:
    """What a screen shows, as text: the row under the cursor and all lines; '' = there is none."""

    row: str = ""
    whole: str = ""


def copies_of(
    view: object, where: Filter | None, *, shown: ShownTexts = ShownTexts(), flags: Sequence[str] = ()
) -> dict[str, Copy]:
    """Return what can be copied, by the letter of the menu.

    `where` = the filter of the list, `flags` name home and host on the command lines.
    """
    if isinstance(view, LogCopies):
        return _copies_of_log(view)
    copies = _copies_of_view(view, where, flags=flags)
    if shown.row:
        copies["r"] = Copy(name="row", text=safe(shown.row))
    if shown.whole and "t" not in copies:
        copies["t"] = Copy(name="text of the screen", text=safe(shown.whole))
    return copies


def _copies_of_view(view: object, where: Filter | None, *, flags: Sequence[str]) -> dict[str, Copy]:
    copies: dict[str, Copy] = {}
    if isinstance(view, ArtifactRow):
        return _copies_of_artifact(view, flags)
    end = f" {shlex.join(flags)}" if flags else ""
    name, line = _name_of(view), _line_of(view)
    if name:
        copies["i"] = Copy(name="id", text=safe_line(name))
    if isinstance(view, HandoffNote):
        copies["t"] = Copy(name="note", text=safe("\n".join(view.lines)))
    elif isinstance(view, ScheduleLine):
        # Without what its tasks get of the environment.
        shape = schedule_shape(view.view)
        copies["j"] = Copy(name="JSON", text=safe(json.dumps(shape, ensure_ascii=False, indent=2)))
    elif names_of(view):
        copies["j"] = Copy(
            name="JSON", text=safe(json.dumps(as_dict(view), ensure_ascii=False, indent=2, default=str))
        )
    if line:
        copies["c"] = Copy(name="command line", text=safe_line(f"{line}{end}"))
    if where is not None:
        copies["f"] = Copy(name="filter as a command line", text=safe_line(f"{_line_of_filter(where)}{end}"))
    return copies


def _copies_of_artifact(row: ArtifactRow, flags: Sequence[str]) -> dict[str, Copy]:
    copies: dict[str, Copy] = {}
    if row.copy is not None:
        copies["p"] = Copy(name="path", text=safe_line(str(row.copy)))
    copies["h"] = Copy(name="SHA-256", text=safe_line(row.kept.file.hash))
    shape = artifact_shape(row.kept, row.copy)
    copies["j"] = Copy(name="JSON", text=safe(json.dumps(shape, ensure_ascii=False, indent=2)))
    line = shlex.join(("taskdeck", "artifacts", str(row.job_id), *flags))
    copies["c"] = Copy(name="command line", text=safe_line(line))
    return copies


def _copies_of_log(log: LogCopies) -> dict[str, Copy]:
    copies: dict[str, Copy] = {}
    if log.found is not None:
        copies["m"] = Copy(name="line that was found", text=log.found)
    if log.lines:
        copies["l"] = Copy(name="lines in view", text=SafeText("\n".join(log.lines)))
    if log.path:
        copies["p"] = Copy(name="path", text=safe_line(log.path))
    words = ["taskdeck", "logs", str(log.task_id)]
    words += ["--attempt", str(log.epoch)] if log.epoch else []
    words += [f"--{_OPTIONS[log.stream]}"] if log.stream in _OPTIONS else []
    words += ["--host", log.host] if log.host else []
    words += ["--home", log.home] if log.home else []
    words += ["--bundle", log.bundle] if log.bundle else []
    copies["c"] = Copy(name="command line", text=safe_line(shlex.join(words)))
    copies["i"] = Copy(name="id", text=SafeText(str(log.task_id)))
    return copies


def _name_of(view: object) -> str:
    match view:
        case JobView() | TaskView() | EventView():
            return str(view.id)
        case TaskDetail():
            return str(view.task.id)
        case OrphanView() | TaskWaits() | TaskBar():
            return str(view.task_id)
        case JobWaits():
            return str(view.job_id)
        case QueueView() | ScheduleLine():
            return view.name
        case FamilyView():
            return view.id
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
        case FamilyView():
            return f"taskdeck tasks --where 'family:{view.id} status:failed,retrying'"
        case TaskWaits():
            return f"taskdeck why --task {view.task_id}"
        case JobWaits():
            return f"taskdeck why {view.job_id}"
        case TaskBar():
            return f"taskdeck logs {view.task_id}"
        case EventView() if view.job_id is not None:
            return f"taskdeck events --job {view.job_id}"
        case ScheduleLine():
            return shlex.join(("taskdeck", "schedules", view.name))
        case QueueView():
            quoted = json.dumps(view.name, ensure_ascii=False)
            return f"taskdeck tasks --where {shlex.quote(f'queue:{quoted}')}"
    return ""


def _line_of_filter(where: Filter) -> str:
    text = unparse(where)
    return f"taskdeck {where.noun}" + (f" --where {shlex.quote(text)}" if text else "")
