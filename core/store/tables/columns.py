"""Pieces that tables are made of: columns, and CHECKs from enumerations.

Used by the rooms that describe tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Text, text

metadata = MetaData()


def among_column(column: str, values: type[StrEnum], name: str) -> CheckConstraint:
    return CheckConstraint(either(column, values), name=name)


def required(name: str, kind: type[Integer | Text] = Integer, default: str | None = None) -> Column[object]:
    return Column(name, kind, nullable=False, server_default=None if default is None else text(default))


def pin_columns() -> tuple[Column[object], ...]:
    """Return the columns that tell who keeps a row from being purged, since when and why."""
    return Column("pinned_at", Integer), Column("pinned_by", Text), Column("pin_reason", Text)


def either(column: str, values: Iterable[StrEnum]) -> str:
    # SQLite makes a temporary index of an IN list for each row it checks; comparisons cost a tenth.
    return " OR ".join(f"{column} = '{value}'" for value in values)
