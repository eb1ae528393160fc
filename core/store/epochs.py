"""Epochs: the number of each start of an engine on the store.

Called by the engine at its start and end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from core.model.ports import SavedTime
from core.store.engine_time import begin_time
from core.store.sql import pack

_EVENT = "INSERT INTO event (at, kind, data) VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEpoch:
    """The running engine: the name of its store, and the number of its start."""

    store_id: str
    epoch: int


def begin_epoch(
    connection: sqlite3.Connection, *, time: SavedTime, before: SavedTime | None, pid: int
) -> EngineEpoch:
    """Begin the epoch of a new engine; from here on every batch of an earlier one is fenced.

    `before` is what the last engine saved of its time. The caller holds the engine lock.
    """
    now = time.now - time.offset
    connection.execute("BEGIN IMMEDIATE")
    begin_time(connection, time, before=before)
    ((store_id, epoch),) = connection.execute(
        "UPDATE engine SET epoch = epoch + 1, pid = ?, boot_id = ?, started_at = ?, stopped_at = NULL"
        " WHERE id = 1 RETURNING store_id, epoch",
        (pid, time.boot_id, now),
    ).fetchall()
    connection.execute(_EVENT, (now, "engine.started", pack({"epoch": epoch, "pid": pid})))
    connection.execute("COMMIT")
    return EngineEpoch(store_id=store_id, epoch=epoch)


def end_epoch(connection: sqlite3.Connection, *, time: SavedTime, epoch: int) -> None:
    """Note that this engine stopped, unless another one has taken over."""
    now = time.now - time.offset
    connection.execute("BEGIN IMMEDIATE")
    stopped = connection.execute(
        "UPDATE engine SET stopped_at = ?, pid = NULL WHERE id = 1 AND epoch = ?",
        (now, epoch),
    ).rowcount
    if stopped:
        connection.execute(_EVENT, (now, "engine.stopped", pack({"epoch": epoch})))
    connection.execute("COMMIT")
