"""A connection whose statements fail when a test says so."""

from __future__ import annotations

import sqlite3
from typing import cast


class Faulty:
    """Pass everything on to a connection, but let the k-th statement fail; k counts from 1.

    `for_good`: every statement from the k-th on fails, but for ROLLBACK.
    """

    def __init__(self, connection: sqlite3.Connection, *, k: int, for_good: bool = False) -> None:
        self._connection = connection
        self._k = k
        self._for_good = for_good
        self.count = 0

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, args: object = ()) -> sqlite3.Cursor:
        if not sql.startswith("ROLLBACK"):
            self._strike()
        return self._connection.execute(sql, args)  # type: ignore[arg-type]

    def executemany(self, sql: str, args: object) -> sqlite3.Cursor:
        self._strike()
        return self._connection.executemany(sql, args)  # type: ignore[arg-type]

    def close(self) -> None:
        self._connection.close()

    def _strike(self) -> None:
        self.count += 1
        if self.count == self._k or (self._for_good and self.count > self._k):
            raise sqlite3.OperationalError("disk I/O error")


def faulty(connection: sqlite3.Connection, *, k: int, for_good: bool = False) -> sqlite3.Connection:
    """Return the wrapped connection under the type the store asks for."""
    return cast("sqlite3.Connection", Faulty(connection, k=k, for_good=for_good))
