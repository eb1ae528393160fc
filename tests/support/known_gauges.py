"""What the writer knows of gauges, beside their rows.

Called by the decks after each group.
"""

from __future__ import annotations

import sqlite3

from core.store.gauges import _READ
from core.store.sql import ids
from core.store.writer import Writer


def assert_gauges_are_as_stored(writer: Writer, db: sqlite3.Connection) -> None:
    """Compare the rows that stay known from one transaction to the next with those of the store."""
    known = writer.capacity.gauges
    if known:
        rows = db.execute(_READ, (ids(known),)).fetchall()
        assert known == {row[0]: (row[1], row[2], row[3:]) for row in rows}
