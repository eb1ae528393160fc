"""Make a restored store one of its own.

Called by `core.app.backups`, with a writer whose epoch has begun.
"""

from __future__ import annotations

import secrets

from core.model.commands.capacity import ChangeCapacity, PausePool
from core.model.commands.schedules import ChangeSchedule, PauseSchedule
from core.model.commands.work import ENGINE, Command
from core.model.errors import TaskdeckError
from core.model.values import JsonObject
from core.store.apply.moves.notices import drop_others
from core.store.rows import Cause
from core.store.sql import pack, raw
from core.store.transaction import Group, carry_out
from core.store.writer import Writer

_EVENT = "INSERT INTO event (at, kind, actor, data) VALUES (?, 'store.restored', CAST(? AS TEXT), ?)"
_POOLS = "SELECT name FROM pool WHERE paused_at IS NULL ORDER BY name"
_SCHEDULES = "SELECT name FROM schedule WHERE paused_at IS NULL AND removed_at IS NULL ORDER BY name"


def rename_store(writer: Writer, *, at: int, actor: str, facts: JsonObject) -> str:
    """Give the store a name of its own, which it returns, and tell so in an event (`at` in ms UTC).

    Children of the other store carry its name: no engine of this one takes them for its own.
    """
    name, db = secrets.token_hex(8), writer.connection
    db.execute("BEGIN IMMEDIATE")
    # The original sends them.
    drop_others(db, (), at=at)
    db.execute("UPDATE engine SET store_id = ? WHERE id = 1", (name,))
    db.execute(_EVENT, (at, raw(actor), pack({**facts, "store_id": name})))
    db.execute("COMMIT")
    return name


def pause_all(writer: Writer, cause: Cause, *, now: int, offset: int) -> int:
    """Pause every pool and schedule that is not paused; return how many these are."""
    db, reason, actor = writer.connection, cause.reason, cause.actor or ENGINE
    pools = [PausePool(name=name) for (name,) in db.execute(_POOLS)]
    schedules = [PauseSchedule(name=name) for (name,) in db.execute(_SCHEDULES)]
    commands: tuple[Command[object], ...] = (
        *(ChangeCapacity(change=change, reason=reason, actor=actor) for change in pools),
        *(ChangeSchedule(change=change, reason=reason, actor=actor) for change in schedules),
    )
    apply_all(writer, commands, now=now, offset=offset)
    return len(commands)


def apply_all(writer: Writer, commands: tuple[Command[object], ...], *, now: int, offset: int) -> None:
    """Carry commands out in one transaction, claiming nothing; raise the first refusal."""
    applied = carry_out(writer, Group(commands=commands, slots=0, now=now, offset=offset))
    for answer in (*applied.answers, applied.report.failure):
        if isinstance(answer, TaskdeckError):
            raise answer
