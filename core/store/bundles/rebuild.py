"""Make a store of the rows of a bundle.

Called where a bundle is opened, in a thread. The lines may be anyone's: they only ever become values of rows
in tables that are made here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.model.bundles import broken
from core.model.decisions import FamilyOf
from core.model.errors import TaskdeckError, Unavailable
from core.model.values import ID_MAX, JsonValue
from core.store.bundles.recount import RECOUNTS
from core.store.bundles.selection import TABLES
from core.store.database import is_of_disk, limited_file, refuse_file
from core.store.sql import decode, raw
from core.store.upgrade import create_version, upgrade
from core.store.version import SCHEMA_VERSION

_BATCH = 1_000
_Values = list[str | bytes | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How rows become a store: their schema version, who is told how many, the rule of an upgrade."""

    schema: int
    tell: Callable[[int], None]
    family_of: FamilyOf


class _Insert(NamedTuple):
    """The statement that writes rows of a table, and the types of its columns."""

    statement: str
    kinds: list[str]


def rebuild_store(path: Path, lines: Iterable[bytes], making: Making) -> None:
    """Make the store file `path` of lines in the form that `rows` writes; older ones are brought up.

    Raises `Invalid` (`bundle.broken`) for other lines, `Unavailable` (`bundle.newer`, `store.full`,
    `store.file_limit`, `store.io`).
    """
    schema = making.schema
    if schema > SCHEMA_VERSION:
        raise Unavailable(
            "bundle.newer",
            f"it was made by a newer taskdeck: its rows have version {schema}, we read {SCHEMA_VERSION}",
            hint="open it with the newer taskdeck",
            facts={"version": schema, "known": SCHEMA_VERSION},
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = decode
        try:
            db.execute("PRAGMA journal_mode = MEMORY")
            db.execute("PRAGMA synchronous = OFF")
            create_version(db, schema, family_of=making.family_of)
            db.execute("BEGIN")
            _Rows(db).insert(lines, making.tell)
            db.execute("COMMIT")
            _check_references(db)
            if schema < SCHEMA_VERSION:
                upgrade(db, family_of=making.family_of)
            _recount(db)
        except sqlite3.DatabaseError as error:
            raise _refusal(path, error) from error
        except OverflowError as error:
            raise broken("a number in its rows is too large") from error


def _refusal(path: Path, error: sqlite3.DatabaseError) -> TaskdeckError:
    if not is_of_disk(error):
        return broken(f"its rows do not fit: {error}")
    return limited_file(path, error, is_undone=True) or refuse_file(path, error)


class _Rows:
    """Inserts lines, table by table."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._columns: dict[str, dict[str, str]] = {
            table: {name: kind for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})")}
            for table in TABLES
        }

    def insert(self, lines: Iterable[bytes], tell: Callable[[int], None]) -> None:
        statement, kinds, number = "", list[str](), 0
        waiting: list[_Values] = []
        for line in lines:
            value = _parsed(line)
            if isinstance(value, dict):
                self._db.executemany(statement, waiting) if waiting else None
                waiting = []
                statement, kinds = self._statement(value.get("table"), value.get("columns"))
                continue
            waiting.append(_values(value, kinds))
            number += 1
            if len(waiting) == _BATCH:
                self._db.executemany(statement, waiting)
                waiting = []
                tell(number)
        if waiting:
            self._db.executemany(statement, waiting)
        tell(number)

    def _statement(self, table: JsonValue, names: JsonValue) -> _Insert:
        known = self._columns.get(table) if isinstance(table, str) else None
        if not known or not isinstance(names, list) or not names:
            raise broken("it has rows of a table that is not known")
        kinds = [known[name] for name in names if isinstance(name, str) and name in known]
        if len(kinds) != len(names) or len(set(map(str, names))) != len(names):
            raise broken(f"its rows of {table} have other columns")
        slots = ", ".join("CAST(? AS TEXT)" if kind == "TEXT" else "?" for kind in kinds)
        columns = ", ".join(map(str, names))
        return _Insert(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({slots})", kinds)


def _parsed(line: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise broken("a line of its rows is not JSON") from error
    return value


def _values(value: JsonValue, kinds: Sequence[str]) -> _Values:
    if not isinstance(value, list) or not kinds or len(value) != len(kinds):
        raise broken("a row of it has another number of values")
    return [_value(one, kind) for one, kind in zip(value, kinds, strict=True)]


def _value(value: JsonValue, kind: str) -> str | bytes | int | None:
    match value:
        case None:
            return None
        case bool():
            pass
        case int() if kind == "INTEGER" and -ID_MAX <= value <= ID_MAX:
            return value
        case str() if kind == "TEXT":
            return raw(value)
    raise broken("a value in its rows is of another kind")


def _recount(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    for statement in RECOUNTS:
        db.execute(statement)
    db.execute("COMMIT")


def _check_references(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise broken("its rows point to others that are not there")
