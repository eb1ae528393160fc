"""What the writer knows of gauges and their sets, beside the rows.

Called by the decks after each group.
"""

from __future__ import annotations

import sqlite3

from core.store.gauges import _READ
from core.store.sql import ids
from core.store.writer import Writer


def assert_gauges_are_as_stored(writer: Writer, db: sqlite3.Connection) -> None:
    """Compare what stays known from one transaction to the next with the rows of the store."""
    known = writer.capacity.gauges
    if known:
        rows = db.execute(_READ, (ids(known),)).fetchall()
        assert known == {row[0]: (row[1], row[2], row[3:]) for row in rows}
    # As text: to read all of it after each group would take longer than most groups do.
    stored = dict(db.execute("SELECT id, gauges FROM gset"))
    for gauges, gset_id in writer.capacity._full_sets.items():
        assert stored.get(gset_id, "[]") == ids(sorted(gauges))
    for gset_id, gauges in writer.capacity.gsets.items():
        assert stored.get(gset_id, "[]") == ids(gauges)
