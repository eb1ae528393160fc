"""Rows that break a rule of their table: kinds of values, CHECKs.

Used by `findings`. SQLite leaves CHECK constraints out of `integrity_check` where a file is opened for
reading alone, and takes a text for a number; each table is read once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from sqlalchemy import CheckConstraint, Integer, Table

from core.model.text import safe_line
from core.model.values import MOMENT_MAX, JsonObject
from core.store.tables.schema import metadata

_MOMENTS = {"awaited": ("due_at", "until", "fails_at"), "task": ("retry_at",)}
"""Columns that something waits for."""
_VALUE_MAX = 60


class BrokenRule(NamedTuple):
    """A row at fault, in one line and as facts."""

    message: str
    facts: JsonObject


class _Rule(NamedTuple):
    """What a row breaks, the SQL that says so, and the column to show, if it is about one."""

    what: str
    broken: str
    column: str | None = None


def broken_rules(db: sqlite3.Connection, *, most: int) -> Iterator[BrokenRule]:
    """Yield the rows that break a rule of their table, at most so many of a table."""
    for table in metadata.sorted_tables:
        yield from islice(_of_table(db, table.name), most)


def _of_table(db: sqlite3.Connection, name: str) -> Iterator[BrokenRule]:
    table = metadata.tables[name]
    key = " || ' ' || ".join(f'"{column.name}"' for column in table.primary_key.columns)
    rules = _rules(name)
    # Which rule it is, is asked of the rows at fault alone: nearly always there are none.
    first = " ".join(f"WHEN {rule.broken} THEN {number}" for number, rule in enumerate(rules))
    shown = " ".join(
        f"WHEN {rule.broken} THEN " + ("NULL" if rule.column is None else f'quote("{rule.column}")')
        for rule in rules
    )
    at_fault = " OR ".join(rule.broken for rule in rules)
    for row, number, value in db.execute(
        f'SELECT {key}, CASE {first} END, CASE {shown} END FROM "{name}" WHERE {at_fault}'
    ):
        rule = rules[number]
        it_is = "" if value is None else f": it is {safe_line(str(value))[:_VALUE_MAX]}"
        message = f"row {row} of {name} breaks a rule of its table: {rule.what}{it_is}; restore a backup"
        yield BrokenRule(message, {"table": name, "row": str(row), "rule": rule.what, "column": rule.column})


@cache
def _rules(name: str) -> tuple[_Rule, ...]:
    table = metadata.tables[name]
    return (*_kinds(table), *_moments(table), *_checks(table))


def _kinds(table: Table) -> Iterator[_Rule]:
    for column in table.columns:
        # Any text is larger than any number, and any blob larger than any text: cheaper than `typeof`.
        noun, least = ("a whole number", "''") if isinstance(column.type, Integer) else ("a text", "x''")
        yield _Rule(f"`{column.name}` is {noun}", f'"{column.name}" >= {least}', column.name)


def _moments(table: Table) -> Iterator[_Rule]:
    for column in _MOMENTS.get(table.name, ()):
        yield _Rule(f"`{column}` is a moment", f'"{column}" > {MOMENT_MAX}', column)


def _checks(table: Table) -> Iterator[_Rule]:
    checks = (one for one in table.constraints if isinstance(one, CheckConstraint))
    for check in sorted(checks, key=lambda one: str(one.name)):
        yield _Rule(f"CHECK {check.name}", f"NOT ({check.sqltext})")
