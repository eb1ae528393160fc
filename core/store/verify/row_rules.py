"""Rows that break a rule of their table: kinds of values, CHECKs.

Used by `findings`. SQLite leaves CHECK constraints out of `integrity_check` where a file is opened for
reading alone, and takes a text for a number; each table is read once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
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
ALL_TABLES = tuple(table.name for table in metadata.sorted_tables)


class BrokenRule(NamedTuple):
    """A row at fault, in one line and as facts."""

    message: str
    facts: JsonObject


class Rule(NamedTuple):
    """What a row breaks, the SQL that says so, and the column to show, if it is about one."""

    what: str
    broken: str
    column: str | None = None


def broken_rules(
    db: sqlite3.Connection, *, most: int, tables: Iterable[str] = ALL_TABLES
) -> Iterator[BrokenRule]:
    """Yield the rows that break a rule of their table, at most so many of a table."""
    for name in tables:
        yield from islice(_of_table(db, name), most)


def _of_table(db: sqlite3.Connection, name: str) -> Iterator[BrokenRule]:
    table = metadata.tables[name]
    key = key_of(table)
    rules = rules_of(name)
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


def key_of(table: Table) -> str:
    """Return the SQL that names a row of a table."""
    # A blob that is joined to a text may be none.
    return " || ' ' || ".join(
        f"""iif("{column.name}" >= x'', quote("{column.name}"), "{column.name}")"""
        for column in table.primary_key.columns
    )


@cache
def rules_of(name: str) -> tuple[Rule, ...]:
    """Return what every row of a table has to keep to."""
    table = metadata.tables[name]
    return (*_kinds(table), *_moments(table), *_checks(table))


def _kinds(table: Table) -> Iterator[Rule]:
    for column in table.columns:
        if isinstance(column.type, Integer):
            name = f'"{column.name}"'
            # Any text is larger than any number: cheaper than `typeof`.
            broken = f"({name} >= '' OR {name} != CAST({name} AS INTEGER))"
            yield Rule(f"`{column.name}` is a whole number", broken, column.name)
        else:
            # And any blob larger than any text.
            yield Rule(f"`{column.name}` is a text", f"\"{column.name}\" >= x''", column.name)


def _moments(table: Table) -> Iterator[Rule]:
    for column in _MOMENTS.get(table.name, ()):
        yield Rule(f"`{column}` is a moment", f'"{column}" > {MOMENT_MAX}', column)


def _checks(table: Table) -> Iterator[Rule]:
    checks = (one for one in table.constraints if isinstance(one, CheckConstraint))
    for check in sorted(checks, key=lambda one: str(one.name)):
        yield Rule(f"CHECK {check.name}", f"NOT ({check.sqltext})")
