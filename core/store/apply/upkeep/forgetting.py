"""Forget what belongs to no job any more, in steps.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.retention import Forgettable
from core.model.values import JsonValue
from core.store.apply.limits.carried_entries import carry_entries
from core.store.apply.upkeep.purged_facts import note_at_once, stand_for
from core.store.batch import Batch
from core.store.forgettable import (
    DUE_EVENTS,
    EXPIRED,
    FREE_KEY,
    IDLE_GAUGE,
    OLD_FAMILY,
    PURGES,
    UNUSED_DEFINITION,
    UNUSED_SCHEDULE,
    UNUSED_TEXT,
)
from core.store.rows import Cause, Subject
from core.store.sql import ids, pack

_LISTED = "(SELECT value FROM json_each(?3))"
_DELETE = {
    Forgettable.SCHEDULES: f"DELETE FROM schedule AS s WHERE s.id IN {_LISTED} AND {UNUSED_SCHEDULE}",
    Forgettable.DEFINITIONS: f"DELETE FROM definition AS d WHERE d.hash IN {_LISTED} AND {UNUSED_DEFINITION}",
    Forgettable.TEXTS: f"DELETE FROM workflow_text AS w WHERE w.hash IN {_LISTED} AND {UNUSED_TEXT}",
    Forgettable.KEYS: f"DELETE FROM once_key AS k WHERE k.key IN {_LISTED} AND {FREE_KEY}",
    Forgettable.SIGNALS: f"DELETE FROM signal AS s WHERE s.id IN {_LISTED} AND {EXPIRED}",
}
_FAMILIES = f"SELECT f.id FROM family f WHERE f.id IN {_LISTED} AND {OLD_FAMILY}"
_DELETE_FAMILIES = tuple(
    f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"
    for table, column in (("family_hour", "family"), ("family_job", "family"), ("family", "id"))
)
_IDLE = (
    "SELECT g.id, g.used FROM gauge g JOIN limit_rule l ON l.name = g.name"
    f" WHERE g.id IN (SELECT value FROM json_each(?)) AND {IDLE_GAUGE}"
)
_DELETE_AISLES = (
    "DELETE FROM aisle WHERE id IN (SELECT value FROM json_each(?))"
    " AND NOT EXISTS (SELECT 1 FROM lane WHERE aisle_id = aisle.id)"
)
_DELETE_GAUGES = "DELETE FROM gauge WHERE id IN (SELECT value FROM json_each(?))"
_DELETE_SETS = "DELETE FROM gset WHERE id IN (SELECT value FROM json_each(?))"
_FORGOTTEN = "UPDATE schedule SET forgotten_at = max(coalesce(forgotten_at, 0), ?) WHERE id = ?"


class _UnusedGauge(NamedTuple):
    """A gauge of a job that is gone, the sets that name it, and their aisles."""

    gauge: int
    used: int
    sets: list[int]
    aisles: list[int]


class _Due(NamedTuple):
    """An event that goes, with the fire that it tells of, and whether that goes with it."""

    id: int
    kind: str
    job_id: int | None
    data: str | None
    schedule_id: int | None
    at: int | None
    fire: str | None
    is_whole: bool


def apply_begin_forgetting(batch: Batch, command: BeginForgetting) -> int:
    """Note from which moment on the history is kept."""
    return note_at_once(batch, "history.forgotten", Subject(), Cause(facts={"until": command.before}))


def apply_forget(batch: Batch, command: Forget) -> int:
    """Delete what may still go; return how many rows that were."""
    return _APPLY[command.what](batch, command)


def _delete(batch: Batch, command: Forget) -> int:
    return batch.run(_DELETE[command.what], *_names(batch, command))


def _forget_families(batch: Batch, command: Forget) -> int:
    batch.families.flush()
    listed = pack([row[0] for row in batch.rows(_FAMILIES, *_names(batch, command))])
    return [batch.run(statement, listed) for statement in _DELETE_FAMILIES][-1]


def _forget_events(batch: Batch, command: Forget) -> int:
    """Delete events, fires with the one that tells how they ended; what was purged refers to this pass."""
    batch.flush_facts()
    due = batch.typed(_Due, DUE_EVENTS, *_names(batch, command))
    fires = [one for one in due if one.is_whole]
    batch.many(
        "DELETE FROM fire WHERE schedule_id = ? AND at = ? AND kind = ?",
        [(one.schedule_id, one.at, one.fire) for one in fires],
    )
    batch.many(_FORGOTTEN, [(one.at, one.schedule_id) for one in fires])
    for one in due:
        if one.kind in PURGES:
            stand_for(batch, one.id, event=command.event)
    return batch.run("DELETE FROM event WHERE id IN (SELECT value FROM json_each(?))", ids(o.id for o in due))


def _carry(batch: Batch, command: Forget) -> int:
    numbers: Sequence[int] = [ref for ref in command.refs if isinstance(ref, int)]
    return carry_entries(batch, numbers, before=command.before)


def _forget_gauges(batch: Batch, command: Forget) -> int:
    """Delete gauges with the sets and aisles that name them; one that was corrected meanwhile stays."""
    batch.flush_facts()
    batch.gauges.forget()
    found = [_UnusedGauge(*json.loads(ref)) for ref in command.refs if isinstance(ref, str)]
    idle = {(gauge, used) for gauge, used in batch.rows(_IDLE, ids(one.gauge for one in found))}
    going = [one for one in found if (one.gauge, one.used) in idle]
    batch.run(_DELETE_AISLES, ids(aisle for one in going for aisle in one.aisles))
    batch.run(_DELETE_SETS, ids(gset for one in going for gset in one.sets))
    batch.capacity.forget_sets()
    return batch.run(_DELETE_GAUGES, ids(one.gauge for one in going))


def _names(batch: Batch, command: Forget) -> tuple[int, int, str]:
    refs: list[JsonValue] = [*command.refs]
    return command.before, batch.now, json.dumps(refs)


_APPLY: dict[Forgettable, Callable[[Batch, Forget], int]] = {
    **dict.fromkeys(_DELETE, _delete),
    Forgettable.EVENTS: _forget_events,
    Forgettable.FAMILIES: _forget_families,
    Forgettable.ENTRIES: _carry,
    Forgettable.GAUGES: _forget_gauges,
}
