"""Bring the store's pools and limits to what is configured.

Called through the table in `core.store.dispatch`, at the start of an engine and after each change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.model.commands.limits import Configure
from core.model.limits.backends import HOSTS, limit_of, retries_of
from core.model.limits.limit_forms import to_text
from core.model.limits.limits import DEFAULT_POOL, Dimension, Limit, LimitKind, Pool
from core.model.values import JsonObject
from core.store.apply.claims.lanes import limit_queue
from core.store.apply.limits.backend_checks import forget_former
from core.store.apply.limits.lane_sets import rekey_waiting
from core.store.apply.limits.spent_budgets import tell_crossed, turn_before
from core.store.apply.schedules.declared_schedules import declare_schedules
from core.store.batch import Batch
from core.store.capacity import set_of
from core.store.rows import Subject
from core.store.sql import raw

_PUT_LIMIT = (
    "INSERT INTO limit_rule (name, kind, body) VALUES (CAST(?1 AS TEXT), ?2, ?3)"
    " ON CONFLICT (name) DO UPDATE SET kind = ?2, body = ?3, removed_at = NULL"
)
_PUT_POOL = (
    "INSERT INTO pool (name, position, body) VALUES (CAST(?1 AS TEXT), ?2, ?3)"
    " ON CONFLICT (name) DO UPDATE SET position = ?2, body = ?3, removed_at = NULL"
)
_PLACE_POOL = "UPDATE pool SET position = ? WHERE name = CAST(? AS TEXT)"
_BODIES = "SELECT name, body FROM {} WHERE removed_at IS NULL"
_REMOVE = "UPDATE {} SET removed_at = ? WHERE name = CAST(? AS TEXT)"
# What waits for a gauge looks again: it may have more now, or bind this no more.
_WAKE = (
    "UPDATE aisle SET shut_by = NULL WHERE shut_by > 0",
    "UPDATE lane SET shut_by = NULL, need = NULL WHERE shut_by > 0 RETURNING aisle_id",
)
_WAKE_GAUGES = (
    "UPDATE gauge SET waited_for = g.waits, opens_at = CASE WHEN g.waits THEN 0 END FROM (SELECT id,"
    " EXISTS (SELECT 1 FROM job INDEXED BY job_waits WHERE place_gauge = gauge.id"
    " AND place_gauge IS NOT NULL) AS waits FROM gauge) g WHERE g.id = gauge.id"
)


def apply_configure(batch: Batch, command: Configure) -> int:
    """Put what is configured in the place of what was; the tasks that wait come under it."""
    for change in command.changes:
        told: JsonObject = {"key": change.key, "old": change.old, "new": change.new}
        batch.event("config.changed", Subject(), actor=command.actor, data=told)
    if command.declared is not None:
        declare_schedules(batch, command.declared)
    wanted = _limits(batch, command)
    drained = _drained(batch.capacity.pools)
    kinds = {limit.name: limit.kind for limit in wanted}
    positions = {pool.name: number for number, pool in enumerate(command.pools)}
    moved = _moved(batch, positions)
    known = dict(batch.capacity.limits)
    former = {limit.name: limit for limit in known.values() if limit.backend is not None}
    limits = _put(batch, "limit_rule", wanted, lambda name, body: (_PUT_LIMIT, raw(name), kinds[name], body))
    pools = _put(
        batch, "pool", command.pools, lambda name, body: (_PUT_POOL, raw(name), positions[name], body)
    )
    pools |= moved
    if pools:
        # One that came or went moves the others, whose bodies are the same.
        batch.many(_PLACE_POOL, [(number, raw(name)) for name, number in positions.items()])
    batch.report.pools = batch.capacity.pools
    if not limits and not pools:
        return 0
    now = {limit.name: limit for limit in wanted}
    for name in former.keys() & limits:
        forget_former(batch, former[name], now.get(name))
    if limits or pools - {DEFAULT_POOL}:
        note: JsonObject = {"limits": [*sorted(limits)], "pools": [*sorted(pools)]}
        batch.event("capacity.configured", Subject(), data=note)
    kept = sorted(known.keys() & now.keys() & limits)
    for name in kept:
        turn_before(batch, known[name], now[name])
    is_of_pools = any(Dimension.POOL in (limit.on or {}) for limit in command.limits)
    if limits or is_of_pools or drained != _drained(command.pools):
        renew_capacity(batch)
    else:
        # Slots of pools decide neither on a task's limits nor on what its preferences mean.
        see_changes(batch)
    for name in kept:
        tell_crossed(batch, known[name], batch.capacity.limits[name])
    return len(limits) + len(pools)


def add_limit(batch: Batch, limit: Limit) -> None:
    """Bind a limit that is not configured; the tasks that wait come under it."""
    batch.run(_PUT_LIMIT, raw(limit.name), limit.kind, to_text(limit))
    renew_capacity(batch)


def _limits(batch: Batch, command: Configure) -> Sequence[Limit]:
    """Return the limits that bind: what is configured, backends, hosts if one of them refused before."""
    hosts = batch.rows("SELECT 1 FROM limit_rule WHERE name = ?", HOSTS.name)
    return (
        *command.limits,
        *(limit for backend in command.backends for limit in (limit_of(backend), retries_of(backend))),
        *([HOSTS] if hosts else []),
    )


def see_changes(batch: Batch) -> None:
    """Let claims see a changed number, pause or freeze; who is under which limit stays as it is."""
    batch.gauges.forget()
    ((number,),) = batch.rows("UPDATE engine SET capacity = capacity + 1 RETURNING capacity")
    batch.capacity.read(batch.db, number)
    batch.report.pools = batch.capacity.pools


def renew_capacity(batch: Batch) -> None:
    """Let claims see changed pools and limits, and bring what waits under them."""
    batch.gauges.forget()
    ((number,),) = batch.rows("UPDATE engine SET capacity = capacity + 1 RETURNING capacity")
    batch.capacity.read(batch.db, number)
    limits = list(batch.capacity.limits.values())
    for (queue,) in batch.rows("SELECT name FROM queue"):
        limit_queue(batch, queue)
    for pool in batch.capacity.pools:
        gauges = (batch.gauges.find(limit) for limit in limits if _is_of_pool(limit, pool))
        gset_id = set_of(batch.db, gauges)
        batch.run("UPDATE pool SET gset_id = ? WHERE name = CAST(? AS TEXT)", gset_id, raw(pool.name))
    for backend in limits:
        if backend.kind is LimitKind.RETRIES:
            batch.gauges.find(backend)
    for statement in _WAKE:
        batch.reorder_aisles(batch.rows(statement))
    batch.gauges.change(_WAKE_GAUGES)
    batch.capacity.read(batch.db, number)
    batch.report.pools = batch.capacity.pools
    rekey_waiting(batch)


def _put(
    batch: Batch,
    table: str,
    wanted: Sequence[Limit] | Sequence[Pool],
    statement: Callable[[str, str], tuple[object, ...]],
) -> set[str]:
    """Write the rows that differ; return the names of those that changed, came or went."""
    known = dict(batch.rows(_BODIES.format(table)))
    bodies = {one.name: to_text(one) for one in wanted}
    changed = {name for name, body in bodies.items() if known.get(name) != body}
    for name in sorted(changed):
        sql, *values = statement(name, bodies[name])
        batch.run(str(sql), *values)
    gone = known.keys() - bodies.keys()
    for name in sorted(gone):
        batch.run(_REMOVE.format(table), batch.wall, raw(name))
    return changed | gone


def _moved(batch: Batch, positions: Mapping[str, int]) -> set[str]:
    """Return the pools that are asked in another order than before, of those that are still there."""
    kept = [pool.name for pool in batch.capacity.pools if pool.name in positions]
    wanted = sorted(kept, key=positions.__getitem__)
    return {name for name, before in zip(wanted, kept, strict=True) if name != before}


def _drained(pools: Sequence[Pool]) -> dict[str, tuple[str, ...]]:
    """Return the queues of pools by their names, without the one that is there where none is configured."""
    return {pool.name: pool.queues for pool in pools if pool.name != DEFAULT_POOL or pool.queues}


def _is_of_pool(limit: Limit, pool: Pool) -> bool:
    if limit.kind is LimitKind.RETRIES:
        return False
    return limit.on is not None and limit.on.get(Dimension.POOL) == pool.name
