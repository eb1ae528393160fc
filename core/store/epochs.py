"""Epochs: the number of each start of an engine on the store.

Called by the engine at its start and end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from core.model.commands.work import ENGINE
from core.model.ports import SavedTime
from core.model.values import JsonObject
from core.store.engine_time import begin_time
from core.store.sql import pack, raw

_EVENT = "INSERT INTO event (at, kind, actor, data) VALUES (?, ?, CAST(? AS TEXT), ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCause:
    """Who starts or ends an engine, and what the event says of it."""

    actor: str
    facts: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEpoch:
    """The running engine: the name of its store, and the number of its start."""

    store_id: str
    epoch: int


def begin_epoch(
    connection: sqlite3.Connection,
    *,
    time: SavedTime,
    before: SavedTime | None,
    pid: int,
    actor: str = ENGINE,
) -> EngineEpoch:
    """Begin the epoch of a new engine; from here on every batch of an earlier one is fenced.

    `before` is what the last engine saved of its time, `actor` who started this one. The caller holds the
    engine lock.
    """
    now = time.now - time.offset
    connection.execute("BEGIN IMMEDIATE")
    begin_time(connection, time, before=before)
    ((store_id, epoch),) = connection.execute(
        "UPDATE engine SET epoch = epoch + 1, pid = ?, boot_id = ?, started_at = ?, stopped_at = NULL"
        " WHERE id = 1 RETURNING store_id, epoch",
        (pid, time.boot_id, now),
    ).fetchall()
    connection.execute(_EVENT, (now, "engine.started", raw(actor), pack({"epoch": epoch, "pid": pid})))
    connection.execute("COMMIT")
    return EngineEpoch(store_id=store_id, epoch=epoch)


def end_epoch(
    connection: sqlite3.Connection, *, time: SavedTime, epoch: int, cause: EngineCause | None = None
) -> None:
    """Note that this engine stopped and who ended it, unless another one has taken over."""
    cause = cause or EngineCause(actor=ENGINE)
    now = time.now - time.offset
    connection.execute("BEGIN IMMEDIATE")
    stopped = connection.execute(
        "UPDATE engine SET stopped_at = ?, pid = NULL WHERE id = 1 AND epoch = ?",
        (now, epoch),
    ).rowcount
    if stopped:
        connection.execute(
            _EVENT, (now, "engine.stopped", raw(cause.actor), pack({"epoch": epoch, **cause.facts}))
        )
    connection.execute("COMMIT")
