"""Stored JSON that cannot be read, by row.

Used by `findings`. What SQLite takes for JSON of the right kind is not read again, except for words of tasks
and for tables of few rows, which are read as the engine reads them. Nothing is a finding that the engine
could read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from core.model.errors import Invalid
from core.model.limits.limit_forms import costs_of, from_text, gauges_in, held_by, recent_in
from core.model.limits.limits import Limit, Pool
from core.model.patterns.form_values import form_of
from core.model.stored_spec import StoredSpec
from core.model.stored_text import read_stored
from core.model.text import safe_line
from core.model.timing.schedules import schedule_of
from core.model.values import JsonObject, JsonValue

_OBJECT, _ARRAY, _ANY = (
    "'object'",
    "'array'",
    "'object', 'array', 'text', 'integer', 'real', 'true', 'false', 'null'",
)
_RESTORE = "restore a backup"
_REASON_MAX = 200


class Unreadable(NamedTuple):
    """A row at fault, in one line and as facts."""

    message: str
    facts: JsonObject


class _Stored(NamedTuple):
    """A column that holds JSON, NULL = nothing; `row` is the SQL that names one of its rows."""

    table: str
    column: str
    row: str = "id"
    kinds: str = _OBJECT
    read: Callable[[str], object] | None = None
    """As the engine reads it; None = a value of one of these kinds will do."""
    every: str | None = None
    """SQL of what is read of every row that is sound JSON; None = only those that are not are read."""
    then: str = ""
    """What comes of it, beside that it should be restored."""
    where: str = ""


def _limit(text: str) -> Limit:
    return from_text(Limit, text, None)


def _pool(text: str) -> Pool:
    return from_text(Pool, text, None)


_ATTEMPT = "task_id || ' attempt ' || epoch"
_BY_NAME = "name"
_FAILS = "its next attempt fails with task.unreadable"
# Most of the text of a task is its input, in which every word is allowed.
_WORDS = "json_remove(spec, '$.with', '$.context', '$.meta')"
COLUMNS = (
    _Stored(
        "task", "spec", read=lambda text: StoredSpec.from_json(json.loads(text)), every=_WORDS, then=_FAILS
    ),
    _Stored("task", "cost", read=costs_of),
    _Stored("task", "output", kinds=_ANY),
    _Stored("task", "error"),
    _Stored("job", "params"),
    _Stored("job", "meta"),
    _Stored("job", "documents"),
    _Stored("job", "outputs"),
    _Stored("attempt", "error", row=_ATTEMPT),
    _Stored("attempt", "held", row=_ATTEMPT, read=held_by),
    _Stored("attempt", "seen", row=_ATTEMPT, kinds=_ANY),
    _Stored(
        "schedule",
        "body",
        row=_BY_NAME,
        read=schedule_of,
        every="body",
        then="it does not fire: edit or remove it",
        where=" AND removed_at IS NULL",
    ),
    _Stored("work_item", "form", kinds=_ARRAY, read=form_of, every="form"),
    _Stored("work_item", "answer"),
    _Stored("work_item_entry", "data"),
    _Stored("limit_rule", "body", row=_BY_NAME, read=_limit, every="body"),
    _Stored("limit_rule", "changed", row=_BY_NAME),
    _Stored("pool", "body", row=_BY_NAME, read=_pool, every="body"),
    _Stored("pool", "changed", row=_BY_NAME),
    _Stored("gset", "gauges", kinds=_ARRAY, read=gauges_in, every="gauges"),
    _Stored("gset", "prefer", kinds=_ARRAY, where=" AND prefer != ''"),
    _Stored("gauge", "recent", kinds=_ARRAY, read=recent_in, where=" AND recent != ''"),
    _Stored("variable", "value", row="name || ' of job ' || job_id", kinds=_ANY),
    _Stored("instance_page", "body", row="set_id", kinds=_ARRAY),
    _Stored("signal", "data", kinds=_ANY),
    _Stored("definition", "body", row="hash"),
    _Stored("payload", "body", row="hash", kinds=_ANY),
    _Stored("retention", "found"),
    _Stored("event", "data"),
)


def unreadable_texts(db: sqlite3.Connection, *, most: int) -> Iterator[Unreadable]:
    """Yield the rows whose stored JSON cannot be read, at most so many of a column."""
    for stored in COLUMNS:
        yield from islice(_of_column(db, stored), most)


def _of_column(db: sqlite3.Connection, stored: _Stored) -> Iterator[Unreadable]:
    column, table, row = stored.column, stored.table, stored.row
    sound = f"CASE WHEN json_valid({column}) THEN json_type({column}) IN ({stored.kinds}) END IS 1"
    here = f"FROM {table} WHERE {column} IS NOT NULL{stored.where}"
    for key, text in db.execute(f"SELECT {row}, {column} {here} AND NOT ({sound})"):
        if reason := _reason(stored, text):
            yield _unreadable(stored, key, reason)
    if stored.every is None or stored.read is None:
        return
    judged = lru_cache(maxsize=4096)(lambda text: _reason(stored, text))
    for key, text in db.execute(f"SELECT {row}, CASE WHEN {sound} THEN {stored.every} END {here}"):
        if text is not None and (reason := judged(text)):
            yield _unreadable(stored, key, reason)


def _reason(stored: _Stored, text: str) -> str:
    """Return why the engine cannot read a text, in one line; '' = it can."""
    try:
        read_stored(
            stored.read or _of_kinds(stored.kinds), text, code="store.unreadable", what="a row", hint=""
        )
    except Invalid as error:
        return safe_line(str(error.facts["reason"]))[:_REASON_MAX]
    return ""


def _of_kinds(kinds: str) -> Callable[[str], object]:
    wanted = {_OBJECT: dict, _ARRAY: list}.get(kinds, object)

    def read(text: str) -> object:
        value: JsonValue = json.loads(text)
        if not isinstance(value, wanted):
            raise TypeError(f"it is of the kind {type(value).__name__}")
        return value

    return read


def _unreadable(stored: _Stored, key: object, reason: str) -> Unreadable:
    then = f"; {stored.then}, or {_RESTORE}" if stored.then else f"; {_RESTORE}"
    message = f"`{stored.column}` of {stored.table} {key} cannot be read: {reason}{then}"
    facts: JsonObject = {"table": stored.table, "row": str(key), "column": stored.column, "reason": reason}
    return Unreadable(message, facts)
