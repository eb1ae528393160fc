"""Write the rows of jobs as lines of JSON, without secrets.

Called by the control, in a thread. Each table begins with a line that names its columns, each row is a list.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeAlias

from core.model.errors import NotFound, Unavailable
from core.model.redaction import REDACTED, SECRET_NAME, params_of_secrets, shareable, shareable_text
from core.model.values import JsonObject, JsonValue
from core.store.bundles.selection import BESIDE, BY_KEY, CARRIED
from core.store.readers import open_readonly, refuse_reading
from core.store.sql import pack, unpack

Row: TypeAlias = list[JsonValue]
# Processes of another machine; and a hash that tells who guesses a secret that he is right.
_OWN = frozenset({("engine", "pid"), ("engine", "boot_id"), ("job", "input_hash")})
_JSON = frozenset({"body", "params", "meta", "output", "error", "data", "spec", "notify", "value"})
_REDACTED_TEXT = pack(REDACTED)
# What none of these is in holds nothing to leave out: most rows are written as they are.
_SUSPECT = re.compile(
    r"://|=|earer |asic |\"(?:env|headers|stdin|stdin_base64)\"|"
    r"authorization|cookie|token|passw|secret|api[-_]?key|credential|private[-_]?key",
    re.IGNORECASE,
)
_PAYLOAD = re.compile(r'\{"\$payload":"([0-9a-f]{64})"\}')
_FAMILY = re.compile(r'"family":"([^"\\]+)"')
_SURROUNDINGS = {"env", "umask"}


def write_rows(
    path: Path, jobs: Sequence[int], write: Callable[[bytes], None], *, stop: Event
) -> Iterator[int]:
    """Write all rows that belong to jobs, as they are at one moment; yield how many, now and then.

    Raises `NotFound` (`job.unknown`) before anything is written, and `Unavailable` as other readers do, or
    `bundle.stopped` once `stop` is set.
    """
    with closing(open_readonly(path)) as db:
        try:
            db.execute("BEGIN")
            _check_known(db, jobs)
            number = 0
            for line, is_row in _Lines(db, jobs).all():
                write(line)
                number += is_row
                if is_row and number % 500 == 0:
                    if stop.is_set():
                        raise Unavailable("bundle.stopped", "reading the rows was stopped")
                    yield number
            yield number
        except sqlite3.DatabaseError as error:
            raise refuse_reading(path, error) from error


class _Line(NamedTuple):
    """A line of the file of rows: a row, or the head of a table."""

    data: bytes
    is_row: bool


class _Lines:
    """The lines of one bundle; what rows name of other tables is noted on the way."""

    def __init__(self, db: sqlite3.Connection, jobs: Sequence[int]) -> None:
        self._db = db
        self._jobs = pack(list(jobs))
        self._named: dict[str, set[str]] = {table: set() for table in BY_KEY}
        self._hidden = _hidden_params(db, self._jobs)

    def all(self) -> Iterator[_Line]:
        for table, condition in CARRIED.items():
            yield from self._table(table, condition)
        yield from self._table("event", BESIDE)
        for table, column in BY_KEY.items():
            condition = f"{column} IN (SELECT value FROM json_each(:named))"
            yield from self._table(table, condition, named=pack([*sorted(self._named[table])]))

    def _table(self, table: str, condition: str, *, named: str = "[]") -> Iterator[_Line]:
        cursor = self._db.execute(
            f"SELECT * FROM {table} WHERE {condition}", {"jobs": self._jobs, "named": named}
        )
        columns = [column[0] for column in cursor.description]
        head: JsonObject = {"table": table, "columns": list(columns)}
        yield _Line(f"{pack(head)}\n".encode("ascii"), is_row=False)
        job_at = (
            columns.index("id" if table == "job" else "job_id") if self._has_job(columns, table) else None
        )
        for row in cursor:
            hidden = () if job_at is None else self._hidden.get(row[job_at], ())
            shown = [_shown(table, name, value, hidden) for name, value in zip(columns, row, strict=True)]
            if table == "variable" and self._hides(row[columns.index("name")], hidden):
                shown[columns.index("value")] = _REDACTED_TEXT
            if table == "payload" and _is_surroundings(row[columns.index("body")]):
                continue
            self._note(table, columns, row)
            yield _Line(f"{pack(shown)}\n".encode("ascii"), is_row=True)

    @staticmethod
    def _hides(name: JsonValue, hidden: Collection[str]) -> bool:
        return isinstance(name, str) and (name in hidden or SECRET_NAME.search(name) is not None)

    @staticmethod
    def _has_job(columns: Collection[str], table: str) -> bool:
        return table == "job" or "job_id" in columns

    def _note(self, table: str, columns: Sequence[str], row: Sequence[JsonValue]) -> None:
        for name in ("output", "data"):
            if name in columns and isinstance(text := row[columns.index(name)], str):
                if '"$payload"' in text:
                    self._named["payload"].update(_PAYLOAD.findall(text))
                if '"family"' in text and table == "event":
                    self._named["family"].update(_FAMILY.findall(text))
        if table == "task" and isinstance(family := row[columns.index("family")], str):
            self._named["family"].add(family)


def _shown(table: str, column: str, value: JsonValue, hidden: Collection[str]) -> JsonValue:
    """Return what a bundle has of a value."""
    if (table, column) in _OWN:
        return None
    if not isinstance(value, str) or not (hidden or _SUSPECT.search(value)):
        return value
    if column not in _JSON or value[:1] not in ("{", "[", '"'):
        return shareable_text(value)
    return _shown_json(column, value, hidden)


def _shown_json(column: str, text: str, hidden: Collection[str]) -> str:
    try:
        value = unpack(text)
    except ValueError:
        return shareable_text(text)
    own = shareable(value, hidden=hidden if column == "params" else ())
    if isinstance(own, dict) and isinstance(value, dict) and column in ("data", "body"):
        names = params_of_secrets(value) if column == "body" else hidden
        for name in ("params", "variables"):
            if names and name in value:
                own[name] = shareable(value[name], hidden=names)
        if value.get("variable") in hidden:
            own |= {"was": REDACTED, "value": REDACTED}
    if "set" in text and column in ("body", "spec"):
        _hide_set(own, params_of_secrets(value) if column == "body" else hidden)
    return text if own == value else pack(own)


def _hide_set(value: JsonValue, names: Collection[str]) -> None:
    """Hide what tasks set variables to that go where secrets are kept; changes the value."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "set" and isinstance(part, dict):
                part |= {key: REDACTED for key in part if key in names}
            else:
                _hide_set(part, names)
    elif isinstance(value, list):
        for part in value:
            _hide_set(part, names)


def _is_surroundings(body: JsonValue) -> bool:
    """Tell whether a payload is the environment of who submitted, whatever names it."""
    value = unpack(body) if isinstance(body, str) and body.startswith("{") else None
    return isinstance(value, dict) and value.keys() == _SURROUNDINGS


def _hidden_params(db: sqlite3.Connection, jobs: str) -> dict[JsonValue, set[str]]:
    """Return by job which of its parameters go where secrets are kept."""
    found: dict[JsonValue, set[str]] = {}
    for job, body in db.execute(
        "SELECT job.id, body FROM job JOIN definition ON hash = definition_hash"
        " WHERE job.id IN (SELECT value FROM json_each(?))",
        (jobs,),
    ):
        if names := params_of_secrets(unpack(body)):
            found[job] = names
    return found


def _check_known(db: sqlite3.Connection, jobs: Sequence[int]) -> None:
    known = {
        number
        for (number,) in db.execute(
            "SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?))", (pack(list(jobs)),)
        )
    }
    missing = [number for number in jobs if number not in known]
    if not missing:
        return
    newest = [number for (number,) in db.execute("SELECT id FROM job ORDER BY id DESC LIMIT 3")]
    raise NotFound(
        "job.unknown",
        f"job {missing[0]} does not exist",
        hint=f"the newest is {newest[0]}; 'taskdeck jobs' lists them",
        facts={"job": missing[0], "near": newest},
    )
