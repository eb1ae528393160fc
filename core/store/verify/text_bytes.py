"""Texts of rows whose bytes are not UTF-8.

Used by `findings` and by `core.store.damage`. SQLite takes any bytes for a text; readers get escapes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Table, Text

from core.store.sql import decode, decode_strictly
from core.store.tables.schema import metadata
from core.store.verify.row_rules import ALL_TABLES, BrokenRule, key_of

_SHOWN = 16


class Undecodable(NamedTuple):
    """A row at fault; `key` = the bytes of what names it."""

    broken: BrokenRule
    key: bytes


def undecodable_texts(
    db: sqlite3.Connection, *, most: int, tables: Iterable[str] = ALL_TABLES
) -> Iterator[Undecodable]:
    """Yield the rows that have a text which cannot be decoded, at most so many of a table."""
    for table in (metadata.tables[name] for name in tables):
        if not _is_sound(db, table):
            yield from islice(_of_table(db, table), most)


def _texts(table: Table) -> list[str]:
    return [column.name for column in table.columns if isinstance(column.type, Text)]


def _is_sound(db: sqlite3.Connection, table: Table) -> bool:
    names = ", ".join(f'"{name}"' for name in _texts(table)) or "1"
    usual, db.text_factory = db.text_factory, decode_strictly
    try:
        for _ in db.execute(f'SELECT {names} FROM "{table.name}"'):
            pass
    except UnicodeDecodeError:
        return False
    finally:
        db.text_factory = usual
    return True


def _of_table(db: sqlite3.Connection, table: Table) -> Iterator[Undecodable]:
    names = _texts(table)
    listed = ", ".join(f'CAST("{name}" AS BLOB)' for name in names)
    for key, *values in db.execute(f'SELECT CAST({key_of(table)} AS BLOB), {listed} FROM "{table.name}"'):
        for name, value in zip(names, values, strict=True):
            if value is not None and not _is_text(value):
                yield Undecodable(_named(table.name, decode(key), name, value), key)


def _is_text(value: bytes) -> bool:
    try:
        decode_strictly(value)
    except UnicodeDecodeError:
        return False
    return True


def _named(table: str, row: str, column: str, value: bytes) -> BrokenRule:
    what = f"`{column}` is UTF-8"
    it_is = f"X'{value[:_SHOWN].hex().upper()}'"
    message = f"row {row} of {table} breaks a rule of its table: {what}: it is {it_is}; restore a backup"
    return BrokenRule(message, {"table": table, "row": row, "rule": what, "column": column})
