"""Columns of the lists in commands and console, and their cells.

Used by the tables of the commands, and by the console's lists and exports.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, assert_never

from msgspec import Struct

from core.filters.fields import Noun
from core.model.outcomes import error_line
from core.model.text import SafeText, safe_line
from core.model.values import to_iso
from core.model.views import TaskView
from core.render.times import age_text, clock_text, duration_text
from core.render.trends import trend_text

GAP = 2
"""Cells between two columns."""


class Form(StrEnum):
    """How a value is written; nothing (None) is always the empty text."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """A moment, as ISO 8601."""
    CLOCK = "clock"
    """A moment by the clock of this machine, to the second; without seconds if it is of another year."""
    AGE = "age"
    """How long ago a moment was."""
    DUE = "due"
    """How long until a moment, `now` from then on."""
    RATE = "rate"
    """A number that is seldom whole, to one decimal."""
    SPAN = "span"
    """How long from a moment to the `other`, or until now; `!` before it if that is longer than usual."""
    LENGTH = "length"
    """How long something took, of a number of ms."""
    RATIO = "ratio"
    """The value and the `other`, `2/5`."""
    COUNTS = "counts"
    """How many are in each status, `3 running 2 queued`."""
    ERROR = "error"
    """Code and message of an error."""
    TREND = "trend"
    """Numbers of equal times, oldest first, as bars."""
    JSON = "json"
    """A JSON value on one line."""


TIME_DEPENDENT = (Form.AGE, Form.SPAN, Form.DUE)
"""Forms whose text changes with time alone."""


class Column(Struct, frozen=True, kw_only=True):
    """One column of a list: what it reads of a view and how it is shown."""

    name: str
    title: str
    form: Form
    path: str
    """Attribute of the view; `tasks.queued` = a key of a mapping there."""
    other: str = ""
    width: int
    """Cells that are enough for most of what it holds."""
    min_width: int = 0
    """Cells without which it is not shown; 0 = its width. A column that needs less takes less."""
    priority: int = 0
    """0 stays on every screen; the highest is dropped first on a narrow screen."""

    @property
    def floor(self) -> int:
        """The cells that it must be offered to be shown."""
        return self.min_width or self.width

    @property
    def keeps_floor(self) -> bool:
        """Whether it takes its floor whatever it holds: a text that grows with time would move the others."""
        return not self.min_width or self.form in TIME_DEPENDENT

    @property
    def is_name(self) -> bool:
        """Whether it holds names, which are cut in the middle."""
        return self.form is Form.TEXT and self.name in _NAMES

    @property
    def is_rare(self) -> bool:
        """Whether few rows have a text for it: a list of a command leaves it out where none has."""
        return self.name in _RARE

    @property
    def flush_right(self) -> bool:
        """Whether its texts end in one line, as those of numbers and durations do."""
        return self.form in (Form.NUMBER, Form.AGE, Form.DUE, Form.RATE, Form.SPAN, Form.LENGTH, Form.RATIO)


_NAMES = frozenset({"key", "name", "queue", "group", "of"})
_RARE = frozenset({"pinned"})
# The most urgent is written first: counts are cut from the right.
_URGENCY = {word: rank for rank, word in enumerate(("failed", "held", "retrying", "running", "queued"))}


class _Row(NamedTuple):
    """A column as the tables below write it; `path` may hold `:other`."""

    name: str
    title: str
    form: Form
    path: str
    min_width: int
    width: int
    priority: int


_JOBS = (
    ("id", "JOB", Form.NUMBER, "id", 6, 6, 0),
    ("name", "NAME", Form.TEXT, "name", 12, 24, 0),
    ("status", "STATUS", Form.TEXT, "status", 10, 10, 0),
    ("tasks", "TASKS", Form.COUNTS, "tasks", 15, 28, 1),
    ("age", "AGE", Form.AGE, "created_at", 6, 7, 2),
    ("took", "TOOK", Form.SPAN, "started_at:finished_at", 6, 7, 2),
    ("reason", "REASON", Form.TEXT, "told", 12, 24, 3),
    ("actor", "BY", Form.TEXT, "actor", 6, 18, 4),
    ("pinned", "PINNED BY", Form.TEXT, "pinned.by", 9, 12, 9),
)
_TASKS = (
    ("id", "TASK", Form.NUMBER, "id", 7, 7, 0),
    ("job", "JOB", Form.NUMBER, "job_id", 6, 6, 2),
    ("key", "KEY", Form.TEXT, "shown_key", 10, 20, 0),
    ("status", "STATUS", Form.TEXT, "status", 10, 10, 0),
    ("try", "TRY", Form.RATIO, "tries:max_attempts", 4, 5, 1),
    ("queue", "QUEUE", Form.TEXT, "queue", 8, 12, 3),
    ("uses", "USES", Form.TEXT, "uses", 6, 8, 4),
    ("priority", "PRIO", Form.NUMBER, "priority", 4, 4, 6),
    ("age", "AGE", Form.AGE, "created_at", 6, 7, 2),
    ("took", "TOOK", Form.SPAN, "began_at:finished_at", 6, 7, 2),
    ("wait", "WAITS FOR", Form.TEXT, "waits_for", 10, 16, 2),
    ("err", "ERROR", Form.ERROR, "trouble", 14, 26, 1),
    ("name", "NAME", Form.TEXT, "name", 10, 20, 5),
    ("group", "GROUP", Form.TEXT, "group", 8, 12, 7),
    ("family", "FAMILY", Form.TEXT, "family", 10, 10, 8),
    ("pinned", "PINNED BY", Form.TEXT, "pinned.by", 9, 12, 9),
)
_EVENTS = (
    ("id", "EVENT", Form.NUMBER, "id", 7, 8, 0),
    ("at", "AT", Form.TIME, "at", 24, 24, 0),
    ("kind", "KIND", Form.TEXT, "kind", 15, 20, 0),
    ("job", "JOB", Form.NUMBER, "job_id", 6, 6, 3),
    ("task", "TASK", Form.NUMBER, "task_id", 7, 7, 3),
    ("key", "KEY", Form.TEXT, "key", 9, 18, 1),
    ("attempt", "TRY", Form.NUMBER, "attempt", 3, 3, 4),
    ("actor", "BY", Form.TEXT, "actor", 6, 10, 5),
    ("data", "DATA", Form.JSON, "data", 14, 30, 2),
)
_FAILURES = (
    ("id", "FAMILY", Form.TEXT, "id", 10, 10, 2),
    ("state", "STATE", Form.TEXT, "state", 7, 12, 0),
    ("tasks", "TASKS", Form.NUMBER, "tasks", 5, 6, 0),
    ("jobs", "JOBS", Form.NUMBER, "jobs", 4, 5, 1),
    ("last", "LAST", Form.AGE, "last_at", 6, 7, 1),
    ("first", "FIRST", Form.AGE, "first_at", 6, 7, 3),
    ("trend", "24 HOURS", Form.TREND, "trend", 24, 24, 4),
    ("failures", "FAILURES", Form.NUMBER, "failures", 8, 8, 5),
    ("err", "ERROR", Form.TEXT, "line", 42, 60, 0),
)
_QUEUES = (
    ("name", "QUEUE", Form.TEXT, "name", 12, 20, 0),
    ("queued", "QUEUED", Form.NUMBER, "tasks.queued", 6, 7, 0),
    ("running", "RUNNING", Form.NUMBER, "tasks.running", 7, 7, 0),
    ("retrying", "RETRYING", Form.NUMBER, "tasks.retrying", 8, 8, 2),
    ("pools", "POOLS", Form.TEXT, "pools_text", 7, 16, 3),
    ("oldest", "OLDEST", Form.AGE, "oldest_at", 6, 7, 1),
    ("waited", "WAITED", Form.LENGTH, "waited_ms", 6, 7, 2),
    ("ends", "5 MINUTES", Form.TREND, "ends", 10, 10, 3),
    ("rate", "PER MIN", Form.RATE, "rate", 7, 7, 2),
    ("held", "HELD", Form.NUMBER, "tasks.held", 4, 5, 3),
    ("failed", "FAILED", Form.NUMBER, "tasks.failed", 6, 6, 1),
    ("paused", "PAUSED", Form.AGE, "paused_at", 6, 7, 1),
    ("by", "BY", Form.TEXT, "paused_by", 6, 10, 4),
    ("reason", "REASON", Form.TEXT, "pause_reason", 12, 24, 3),
)
_SCHEDULES = (
    ("name", "SCHEDULE", Form.TEXT, "name", 10, 24, 0),
    ("state", "STATE", Form.TEXT, "state", 8, 8, 0),
    ("fires", "FIRES", Form.TEXT, "fires", 16, 30, 0),
    ("next", "NEXT", Form.DUE, "due", 6, 7, 0),
    ("last", "LAST", Form.TEXT, "last", 11, 30, 0),
    ("ago", "AGO", Form.AGE, "last_at", 6, 7, 1),
    ("missed", "MISSED", Form.TEXT, "missed_text", 6, 7, 1),
    ("open", "OPEN", Form.TEXT, "open", 6, 14, 5),
    ("overlap", "OVERLAP", Form.TEXT, "overlap", 7, 7, 3),
    ("catch_up", "CATCH UP", Form.TEXT, "catch_up", 8, 8, 4),
    ("by", "PAUSED BY", Form.TEXT, "by", 9, 18, 2),
    ("reason", "REASON", Form.TEXT, "reason", 8, 24, 5),
    ("workflow", "WORKFLOW", Form.TEXT, "work", 8, 32, 6),
)
_ITEMS = (
    ("id", "ITEM", Form.NUMBER, "id", 5, 6, 0),
    ("state", "STATE", Form.TEXT, "state", 11, 11, 0),
    ("title", "TITLE", Form.TEXT, "title", 16, 40, 0),
    ("who", "WHO", Form.TEXT, "who", 8, 18, 0),
    ("due", "DUE", Form.DUE, "due_at", 6, 7, 0),
    ("age", "AGE", Form.AGE, "created_at", 6, 7, 1),
    ("approvals", "OF", Form.TEXT, "approvals", 4, 5, 2),
    ("task", "TASK", Form.TEXT, "task", 8, 20, 3),
    ("submitter", "FOR", Form.TEXT, "submitter", 6, 14, 4),
    ("reason", "REASON", Form.TEXT, "reason", 8, 24, 5),
)


def _column(row: _Row) -> Column:
    path, _, other = row.path.partition(":")
    return Column(
        name=row.name,
        title=row.title,
        form=row.form,
        path=path,
        other=other,
        min_width=row.min_width,
        width=row.width,
        priority=row.priority,
    )


COLUMNS: dict[Noun, tuple[Column, ...]] = {
    Noun.JOBS: tuple(_column(_Row(*row)) for row in _JOBS),
    Noun.TASKS: tuple(_column(_Row(*row)) for row in _TASKS),
    Noun.EVENTS: tuple(_column(_Row(*row)) for row in _EVENTS),
    Noun.QUEUES: tuple(_column(_Row(*row)) for row in _QUEUES),
    Noun.FAILURES: tuple(_column(_Row(*row)) for row in _FAILURES),
    Noun.SCHEDULES: tuple(_column(_Row(*row)) for row in _SCHEDULES),
    Noun.ITEMS: tuple(_column(_Row(*row)) for row in _ITEMS),
}
"""The columns of every list, from left to right."""


def cell(column: Column, view: object, *, now: int) -> SafeText:
    """Write one cell of a view as one safe line, at `now` (ms UTC); the caller clips it."""
    value = _read(view, column.path)
    if value is None:
        return SafeText("")
    return safe_line(_write(column, value, view=view, now=now))


_MOMENTS = {"AGE": "created", "OLDEST": "oldest since", "PAUSED": "paused since"}
"""What a column is called where it holds a moment, if not as its title."""


def facts(columns: Iterable[Column], view: object, *, but: Collection[str] = ()) -> Iterator[SafeText]:
    """Write what the columns of a view hold as `title text`, without those named and those without a text.

    The texts change with the view alone: moments instead of ages, numbers instead of bars.
    """
    for column in columns:
        text = "" if column.name in but else _fact(column, view)
        if text:
            yield safe_line(f"{_MOMENTS.get(column.title, column.title.lower())} {text}")


def _fact(column: Column, view: object) -> str:
    value = _read(view, column.path)
    if value is None:
        return ""
    match column.form:
        case Form.AGE | Form.DUE | Form.CLOCK:
            return to_iso(_moment(value))
        case Form.SPAN:
            end = _read(view, column.other)
            return (
                f"since {to_iso(_moment(value))}" if end is None else _write(column, value, view=view, now=0)
            )
        case Form.TREND:
            return " ".join(map(str, value)) if isinstance(value, tuple) and any(value) else ""
        case _:
            return _write(column, value, view=view, now=0)


def _write(column: Column, value: object, *, view: object, now: int) -> str:
    match column.form:
        case Form.TEXT | Form.NUMBER:
            return str(value)
        case Form.TIME:
            return to_iso(_moment(value))
        case Form.CLOCK:
            return clock_text(_moment(value), now=now)
        case Form.AGE:
            return age_text(now - _moment(value))
        case Form.DUE:
            return duration_text(_moment(value) - now) if _moment(value) > now else "now"
        case Form.RATE | Form.LENGTH:
            return _write_measure(column.form, value)
        case Form.SPAN:
            end = _read(view, column.other)
            took = duration_text((now if end is None else _moment(end)) - _moment(value))
            return f"!{took}" if isinstance(view, TaskView) and view.is_slow(now) else took
        case Form.RATIO:
            return f"{value}/{_read(view, column.other)}"
        case Form.COUNTS | Form.ERROR | Form.TREND | Form.JSON:
            return _write_whole(column.form, value)
        case _:
            assert_never(column.form)


def _write_measure(form: Form, value: object) -> str:
    if form is Form.LENGTH:
        return duration_text(_moment(value))
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _write_whole(form: Form, value: object) -> str:
    """Write a value that is a mapping or a list."""
    match form, value:
        case Form.COUNTS, Mapping():
            first = sorted(value.items(), key=lambda item: _URGENCY.get(item[0], len(_URGENCY)))
            return " ".join(f"{count} {status}" for status, count in first if count)
        case Form.ERROR, Mapping():
            return error_line(value)
        case Form.TREND, tuple():
            return trend_text(value)
        case Form.JSON, _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case _:
            return ""


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
