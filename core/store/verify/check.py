"""A check: a query that finds the rows at fault.

Made by `checks`, run by `findings`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A query that finds the rows at fault; the names of its columns are those of the facts."""

    code: str
    message: str
    sql: str


def check(code: str, message: str, sql: str) -> Check:
    """Return a check; its SQL is put on one line."""
    return Check(code=code, message=message, sql=" ".join(sql.split()))
