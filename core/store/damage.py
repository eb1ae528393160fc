"""Damage: rows of a store at fault, and views without them.

Used by the control once a reading has failed: nothing is looked for before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError

from core.model.errors import TaskdeckError, Unavailable
from core.model.values import JsonObject
from core.store.readers import open_readonly, refuse_reading
from core.store.tables.schema import metadata
from core.store.verify.row_rules import broken_rules, key_of, rules_of
from core.store.verify.stored_texts import COLUMNS, Unreadable, unreadable_texts
from core.store.verify.text_bytes import Undecodable, undecodable_texts

MOST = 1_000
"""Rows of a column at the most that are left out for what stands in their texts."""
READING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    SQLAlchemyError,
    TypeError,
    ValueError,
)
"""What reading may raise that meets a value of another kind than its column has."""
_CODES = ("capacity.unreadable", "journal.broken", "number.range", "store.broken", "value.unfit")
"""Codes of refusals that one row may be the reason of."""


class DamagedRow(NamedTuple):
    """A row at fault, in one sentence and as facts: `table`, `row`, `column`."""

    message: str
    facts: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is damaged, and statements that make views of the tables without it."""

    rows: tuple[DamagedRow, ...]
    views: tuple[str, ...]


def may_be_damage(error: BaseException) -> bool:
    """Return whether something may have failed for what stands in a row."""
    return error.code in _CODES if isinstance(error, TaskdeckError) else isinstance(error, READING_ERRORS)


def damage_behind(path: Path, error: BaseException) -> Unavailable | None:
    """Return the refusal that names a damaged row of a store; None = the error comes of no row."""
    if not may_be_damage(error):
        return None
    try:
        rows = find_damage(path).rows
    except Unavailable:
        return None
    return refuse_row(rows) if rows else None


def find_damage(path: Path) -> Damage:
    """Look at each row of a store; raise `Unavailable` where the file itself cannot be read."""
    db = open_readonly(path)
    try:
        undecodable = list(undecodable_texts(db, most=MOST))
        rules = list(broken_rules(db, most=MOST))
        texts = list(unreadable_texts(db, most=MOST))
    except sqlite3.DatabaseError as error:
        raise refuse_reading(path, error) from error
    finally:
        db.close()
    rows: dict[tuple[str, str], DamagedRow] = {}
    for one in (*rules, *(text.broken for text in undecodable), *texts):
        row = DamagedRow(*one)
        # Bytes that are not a text are not JSON either: the row is named once.
        rows.setdefault((str(row.facts["table"]), str(row.facts["row"])), row)
    tables = dict.fromkeys(table for table, _ in rows)
    views = tuple(_view(metadata.tables[name], undecodable, texts) for name in tables)
    return Damage(rows=tuple(rows.values()), views=views)


def refuse_row(rows: Sequence[DamagedRow], *, asked: Collection[str] = ()) -> Unavailable:
    """Return the refusal that names a damaged row, one whose key has what was `asked` for if there is one."""
    named_ones = (one for one in rows if not set(asked).isdisjoint(str(one.facts["row"]).split()))
    row = next(named_ones, rows[0])
    more = f"; and {len(rows) - 1:,} more" if len(rows) > 1 else ""
    return Unavailable(
        "store.row",
        f"{row.message}{more}",
        hint="other rows can be read; 'taskdeck doctor' names what is damaged",
        facts={name: row.facts.get(name) for name in ("table", "row", "column")},
    )


def _view(table: Table, undecodable: Iterable[Undecodable], texts: Iterable[Unreadable]) -> str:
    """Return the view of a table without rows at fault; of JSON that may be NULL, without that alone."""
    name = table.name
    kept = [f"({rule.broken}) IS NOT 1" for rule in rules_of(name)]
    if keys := [one.key for one in undecodable if one.broken.facts["table"] == name]:
        kept.append(f"NOT {_is_among(key_of(table), keys)}")
    columns = {column.name: f'"{column.name}"' for column in table.columns}
    for stored in (one for one in COLUMNS if one.table == name):
        here = [one for one in texts if (one.facts["table"], one.facts["column"]) == (name, stored.column)]
        keys = [str(one.facts["row"]).encode("utf-8", "surrogatepass") for one in here]
        if not keys:
            continue
        at_fault = _is_among(stored.row, keys)
        if table.columns[stored.column].nullable:
            columns[stored.column] = f'CASE WHEN NOT {at_fault} THEN "{stored.column}" END'
        else:
            kept.append(f"NOT {at_fault}")
    listed = ", ".join(f'{sql} AS "{column}"' for column, sql in columns.items())
    return f'CREATE TEMP VIEW "{name}" AS SELECT {listed} FROM main."{name}" WHERE {" AND ".join(kept)}'


def _is_among(key: str, values: Iterable[bytes]) -> str:
    listed = ", ".join(f"x'{value.hex()}'" for value in values)
    return f"(CAST({key} AS BLOB) IN ({listed}))"
