"""Engine time as the store keeps it; steps of the clock named.

Called by the engine's start and by each transaction.
"""

from __future__ import annotations

import sqlite3

from core.model.commands.work import ENGINE
from core.model.ports import SavedTime
from core.store.batch import Batch
from core.store.sql import pack

SAVE_MS = 1_000
"""How old the saved time may get while transactions are written."""
STEPPED = "clock.stepped"

_READ = "SELECT time_at, time_offset, time_boot_at, boot_id FROM engine WHERE id = 1"
_SAVE = "UPDATE engine SET time_at = ?, time_offset = ? WHERE id = 1"
_BEGIN = "UPDATE engine SET time_at = ?, time_offset = ?, time_boot_at = ? WHERE id = 1"
_EVENT = "INSERT INTO event (at, kind, actor, data) VALUES (?, ?, ?, ?)"


def read_time(connection: sqlite3.Connection) -> SavedTime | None:
    """Return what the last engine saved; None = no engine ran on this store yet."""
    ((now, offset, boot_at, boot_id),) = connection.execute(_READ).fetchall()
    if boot_at is None or boot_id is None:
        return None
    return SavedTime(now=now, offset=offset, boot_at=boot_at, boot_id=boot_id)


def begin_time(connection: sqlite3.Connection, time: SavedTime, *, before: SavedTime | None) -> None:
    """Save where engine time begins and name a step of the wall clock, in the caller's transaction."""
    connection.execute(_BEGIN, (time.now, time.offset, time.boot_at))
    known = 0 if before is None else before.offset
    if time.offset != known:
        _name_step(connection, time.now, known, time.offset)


def note_time(batch: Batch, *, saved: int, known: int) -> None:
    """Save engine time if what is `saved` is old; name a step of the wall clock in an event.

    `known` is how far engine time was ahead of that clock by the last transaction.
    """
    if batch.offset == known and batch.now - saved < SAVE_MS:
        return
    batch.run(_SAVE, batch.now, batch.offset)
    if batch.offset != known:
        # At once: what else the transaction writes is told by the new wall clock.
        _name_step(batch.db, batch.now, known, batch.offset)
        # Windows turn by the wall clock: when they do has changed.
        batch.gauges.change("UPDATE gauge SET opens_at = 0 WHERE waited_for")
        batch.report.kinds.add(STEPPED)


def _name_step(connection: sqlite3.Connection, now: int, known: int, offset: int) -> None:
    data = pack({"by_ms": known - offset, "offset_ms": offset})
    connection.execute(_EVENT, (now - offset, STEPPED, ENGINE, data))
