"""Columns of the lists, shared by command line and console: tables, not code per column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from core.model.durations import humanise
from core.model.fields import Noun
from core.model.text import SafeText, safe_line
from core.model.values import to_iso

GAP = 2
"""Cells between two columns."""


class Form(StrEnum):
    """How a value is written; nothing (None) is always the empty text."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """A moment, as ISO 8601."""
    AGE = "age"
    """How long ago a moment was."""
    DUE = "due"
    """How long until a moment, `now` from then on."""
    RATE = "rate"
    """A number that is seldom whole, to one decimal."""
    SPAN = "span"
    """How long from a moment to the `other`, or until now."""
    RATIO = "ratio"
    """The value and the `other`, `2/5`."""
    COUNTS = "counts"
    """How many stand where, `3 running 2 queued`."""
    JSON = "json"
    """A JSON value on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a list: what it reads of a view and how it is shown."""

    name: str
    title: str
    form: Form
    path: str
    """Attribute of the view; `tasks.queued` = a key of a mapping there."""
    other: str = ""
    width: int
    """Cells it wants."""
    priority: int = 0
    """0 stays on every screen; the highest goes first where there is no room."""

    @property
    def right(self) -> bool:
        """Tell whether it is flush right, as numbers and lengths are."""
        return self.form in (Form.NUMBER, Form.AGE, Form.DUE, Form.RATE, Form.SPAN, Form.RATIO)


# What an operator looks for first is written first: counts are cut from the right.
_URGENT = {word: rank for rank, word in enumerate(("failed", "held", "retrying", "running", "queued"))}
# Each row: name, title, form, path (":other"), width, priority.
_Row = tuple[str, str, Form, str, int, int]
_JOBS: tuple[_Row, ...] = (
    ("id", "JOB", Form.NUMBER, "id", 6, 0),
    ("name", "NAME", Form.TEXT, "name", 24, 0),
    ("status", "STATUS", Form.TEXT, "status", 10, 0),
    ("tasks", "TASKS", Form.COUNTS, "tasks", 28, 1),
    ("age", "AGE", Form.AGE, "created_at", 7, 2),
    ("took", "TOOK", Form.SPAN, "started_at:finished_at", 7, 2),
    ("reason", "REASON", Form.TEXT, "reason", 24, 3),
    ("actor", "BY", Form.TEXT, "actor", 10, 4),
)
_TASKS: tuple[_Row, ...] = (
    ("id", "TASK", Form.NUMBER, "id", 7, 0),
    ("job", "JOB", Form.NUMBER, "job_id", 6, 2),
    ("key", "KEY", Form.TEXT, "key", 20, 0),
    ("status", "STATUS", Form.TEXT, "status", 10, 0),
    ("attempts", "TRY", Form.RATIO, "attempts:max_attempts", 5, 1),
    ("queue", "QUEUE", Form.TEXT, "queue", 12, 3),
    ("uses", "USES", Form.TEXT, "uses", 8, 4),
    ("priority", "PRIO", Form.NUMBER, "priority", 4, 6),
    ("age", "AGE", Form.AGE, "created_at", 7, 2),
    ("took", "TOOK", Form.SPAN, "started_at:finished_at", 7, 2),
    ("wait", "WAITS FOR", Form.TEXT, "wait_reason", 14, 3),
    ("err", "ERROR", Form.TEXT, "error.message", 26, 1),
    ("name", "NAME", Form.TEXT, "name", 20, 5),
    ("group", "GROUP", Form.TEXT, "group", 12, 7),
)
_EVENTS: tuple[_Row, ...] = (
    ("id", "EVENT", Form.NUMBER, "id", 8, 0),
    ("at", "AT", Form.TIME, "at", 24, 0),
    ("kind", "KIND", Form.TEXT, "kind", 20, 0),
    ("job", "JOB", Form.NUMBER, "job_id", 6, 2),
    ("task", "TASK", Form.NUMBER, "task_id", 7, 2),
    ("key", "KEY", Form.TEXT, "key", 18, 1),
    ("attempt", "TRY", Form.NUMBER, "attempt", 3, 3),
    ("actor", "BY", Form.TEXT, "actor", 10, 4),
    ("data", "DATA", Form.JSON, "data", 30, 5),
)
_QUEUES: tuple[_Row, ...] = (
    ("name", "QUEUE", Form.TEXT, "name", 20, 0),
    ("queued", "QUEUED", Form.NUMBER, "tasks.queued", 7, 0),
    ("running", "RUNNING", Form.NUMBER, "tasks.running", 7, 0),
    ("retrying", "RETRYING", Form.NUMBER, "tasks.retrying", 8, 2),
    ("oldest", "OLDEST", Form.AGE, "oldest_at", 7, 1),
    ("rate", "PER MIN", Form.RATE, "rate", 7, 2),
    ("held", "HELD", Form.NUMBER, "tasks.held", 5, 3),
    ("failed", "FAILED", Form.NUMBER, "tasks.failed", 6, 1),
    ("paused", "PAUSED", Form.AGE, "paused_at", 7, 1),
    ("by", "BY", Form.TEXT, "paused_by", 10, 4),
    ("reason", "REASON", Form.TEXT, "pause_reason", 24, 3),
)


def _column(row: _Row) -> Column:
    name, title, form, paths, width, priority = row
    path, _, other = paths.partition(":")
    return Column(name=name, title=title, form=form, path=path, other=other, width=width, priority=priority)


COLUMNS: dict[Noun, tuple[Column, ...]] = {
    Noun.JOBS: tuple(map(_column, _JOBS)),
    Noun.TASKS: tuple(map(_column, _TASKS)),
    Noun.EVENTS: tuple(map(_column, _EVENTS)),
    Noun.QUEUES: tuple(map(_column, _QUEUES)),
}
"""The columns of every list, from left to right."""


def choose(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """Return the columns that have room in `width` cells, in order; those of priority 0 always stay."""
    chosen = list(columns)
    while sum(column.width + GAP for column in chosen) - GAP > width:
        # Of equals the rightmost goes.
        goes = max(reversed(chosen), key=lambda column: column.priority)
        if goes.priority == 0:
            break
        chosen.remove(goes)
    return tuple(chosen)


def cell(column: Column, view: object, *, now: int) -> SafeText:
    """Write one cell of a view as one safe line, at `now` (ms UTC); the caller clips it."""
    value = _read(view, column.path)
    if value is None:
        return SafeText("")
    return safe_line(_write(column, value, view=view, now=now))


def _write(column: Column, value: object, *, view: object, now: int) -> str:
    match column.form:
        case Form.TEXT | Form.NUMBER:
            return str(value)
        case Form.TIME:
            return to_iso(_moment(value))
        case Form.AGE:
            return humanise(now - _moment(value))
        case Form.DUE:
            return humanise(_moment(value) - now) if _moment(value) > now else "now"
        case Form.RATE:
            return f"{value:.1f}" if isinstance(value, float) else str(value)
        case Form.SPAN:
            end = _read(view, column.other)
            return humanise((now if end is None else _moment(end)) - _moment(value))
        case Form.RATIO:
            return f"{value}/{_read(view, column.other)}"
        case Form.COUNTS:
            counts = value if isinstance(value, Mapping) else {}
            first = sorted(counts.items(), key=lambda item: _URGENT.get(item[0], len(_URGENT)))
            return " ".join(f"{count} {status}" for status, count in first if count)
        case Form.JSON:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case _:
            assert_never(column.form)


def _read(view: object, path: str) -> object:
    name, _, key = path.partition(".")
    value: object = getattr(view, name)
    if not key:
        return value
    return value.get(key) if isinstance(value, Mapping) else None


def _moment(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value
