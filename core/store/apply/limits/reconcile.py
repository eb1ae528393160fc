"""Correct what gauges have used, and settle amounts that are unknown.

Called by `change_capacity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.commands.capacity import CorrectGauge, Reconcile
from core.model.commands.work import Operated
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError
from core.model.limits.amounts import parse_amount, write_amount
from core.model.limits.gauges import Gauge
from core.model.limits.limit_changes import read_signed
from core.model.limits.limits import EntryKind, Limit
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.limits.set_limits import find_limit
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import raw

MAX_PER_BATCH = 1_000
"""Unknown amounts that one command settles at the most."""
_KEYS = "SELECT key FROM gauge WHERE name = CAST(? AS TEXT) ORDER BY key LIMIT 400"
_GAUGE = "SELECT id FROM gauge WHERE name = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_CORRECT = (
    "INSERT INTO entry (at, unit, amount, kind, counted_at, gauge_id, actor, reason)"
    " VALUES (?, ?, ?, 'correction', ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))"
)
_OPEN = (
    "SELECT e.id, e.task_id, e.epoch, e.job_id, e.unit, e.amount, e.counted_at, e.gset_id FROM entry e {}"
    " WHERE e.kind = 'unknown' AND e.reconciled IS NULL AND e.at <= ?1 {} ORDER BY e.at, e.id LIMIT ?2"
)
_OF_TASK = _OPEN.format("INDEXED BY entry_task", "AND e.task_id = ?3 AND (?4 = '' OR e.unit = ?4)")
_OF_ALL = _OPEN.format("INDEXED BY entry_unknown", "AND (?4 = '' OR e.unit = ?4) AND ?3 IS NULL")
_OF_SET = _OPEN.format("INDEXED BY entry_unknown", "AND e.gset_id = ?3 AND e.unit = ?4")
_RECONCILED = "UPDATE entry SET reconciled = 1 WHERE id = ?"
_SETTLE = (
    "INSERT INTO entry (at, task_id, epoch, unit, amount, kind, counted_at, released, job_id, pool, project,"
    " workflow, key, queue, model, price, gset_id, actor, reason)"
    " SELECT ?1, task_id, epoch, unit, ?2, 'reconciled', counted_at, amount, job_id, pool, project, workflow,"
    " key, queue, model, price, gset_id, CAST(?3 AS TEXT), CAST(?4 AS TEXT) FROM entry WHERE id = ?5"
)


class _Unknown(NamedTuple):
    """An entry of an amount that is not known, and not reconciled."""

    id: int
    task_id: int
    epoch: int
    job_id: int | None
    unit: str
    amount: int
    counted_at: int
    gset_id: int


class Aged(NamedTuple):
    """Unknown amounts of a unit and gauge set, up to a moment (ms UTC)."""

    gset_id: int
    unit: str
    until: int


def correct_gauge(batch: Batch, change: CorrectGauge, cause: Cause) -> Operated | TaskdeckError:
    """Add a signed amount to what a gauge has used, as an entry that says who and why."""
    if not cause.reason.strip():
        return Invalid("reason.missing", "a correction needs a reason", hint="say why: others will read it")
    limit = find_limit(batch, change.name)
    if isinstance(limit, TaskdeckError):
        return limit
    gauge = _gauge(batch, limit, change.key)
    if isinstance(gauge, TaskdeckError):
        return gauge
    try:
        amount = read_signed(limit, change.amount)
    except Invalid as error:
        return error
    if not amount:
        return Operated(changed=0)
    before = gauge.used
    counted_at = max(batch.wall, gauge.began)
    values = (batch.wall, limit.unit, amount, counted_at, gauge.id, raw(cause.actor), raw(cause.reason))
    batch.run(_CORRECT, *values)
    gauge.used += amount
    batch.gauges.open(gauge)
    note: JsonObject = {
        "limit": change.name,
        "key": change.key,
        "unit": limit.unit,
        "amount": write_amount(amount),
        "used": write_amount(gauge.used),
        "before": write_amount(before),
        **cause.note,
    }
    batch.event("gauge.corrected", Subject(), actor=cause.actor, data=note)
    return Operated(changed=1)


def reconcile(batch: Batch, change: Reconcile, cause: Cause) -> Operated | TaskdeckError:
    """Settle unknown amounts, the oldest first: with what is said, else with what was estimated."""
    sql = _OF_ALL if change.task_id is None else _OF_TASK
    values = (batch.wall - (change.older_ms or 0), MAX_PER_BATCH, change.task_id, change.unit)
    found = batch.typed(_Unknown, sql, *values)
    try:
        amount = parse_amount(change.amount) if change.amount else None
    except Invalid as error:
        return error
    if not found and change.task_id is not None:
        return _nothing_unknown(batch, change, change.task_id)
    units = sorted({one.unit for one in found})
    if amount is not None and len(units) > 1:
        return _which_unit(units)
    for one in found:
        _settle(batch, one, amount, cause)
    return Operated(changed=len(found))


def settle_as_estimated(batch: Batch, aged: Aged, cause: Cause, *, most: int) -> int:
    """Settle the oldest of these amounts; return how many."""
    found = batch.typed(_Unknown, _OF_SET, aged.until, most, aged.gset_id, aged.unit)
    for one in found:
        _settle(batch, one, None, cause)
    return len(found)


def _settle(batch: Batch, one: _Unknown, how: int | None, cause: Cause) -> None:
    """Book what was spent; `how` = the amount that an operator gave, None = as estimated."""
    spent = one.amount if how is None else how
    batch.run(_SETTLE, batch.wall, spent, raw(cause.actor), raw(cause.reason), one.id)
    batch.run(_RECONCILED, one.id)
    listed = batch.capacity.gauges_of(batch.db, one.gset_id)
    known = batch.gauges.of(listed)
    for gauge in (known[gauge_id] for gauge_id in listed):
        if gauge.limit.is_metered and gauge.limit.unit == one.unit:
            batch.rules.gauges.reconcile(gauge, one.amount, spent, counted_at=one.counted_at)
            batch.gauges.open(gauge)
    note: JsonObject = {
        "unit": one.unit,
        "amount": write_amount(spent),
        "unknown": write_amount(one.amount),
        "how": EntryKind.ESTIMATED.value if how is None else "given",
        **cause.note,
    }
    # Of a task that is gone the ledger alone tells.
    is_there = batch.one("SELECT 1 FROM task WHERE id = ?", one.task_id) is not None
    subject = Subject(one.job_id, one.task_id, one.epoch) if is_there else Subject()
    batch.event("spending.reconciled", subject, actor=cause.actor, data=note)


def _gauge(batch: Batch, limit: Limit, key: str) -> Gauge | TaskdeckError:
    name = safe_line(limit.name)
    if not limit.is_metered:
        return Conflict(
            "limit.unmetered",
            f"`{name}` counts attempts: only amounts of a unit are corrected",
            hint="change its maximum with 'taskdeck limits set'",
            facts={"limit": name},
        )
    row = batch.one(_GAUGE, raw(limit.name), raw(key))
    if row is not None:
        return batch.gauges.one(row[0])
    keys = [known for (known,) in batch.rows(_KEYS, raw(limit.name))]
    if not keys and not key:
        return batch.gauges.one(batch.gauges.find(limit))
    shown = safe_line(key)
    said = f"`{name}` has no key `{shown}`" if key else f"`{name}` is counted by key, and none was named"
    return NotFound(
        "gauge.unknown",
        f"{said}{one_of(key, keys)}",
        hint=f"name a key with --key; 'taskdeck budgets {name}' lists them",
        facts={"limit": name, "key": shown},
    )


def _nothing_unknown(batch: Batch, change: Reconcile, task_id: int) -> TaskdeckError:
    if batch.one("SELECT 1 FROM task WHERE id = ?", task_id) is None:
        return NotFound("task.unknown", f"task {task_id} does not exist", facts={"task": task_id})
    what = f" of {safe_line(change.unit)}" if change.unit else ""
    return Conflict(
        "amount.known",
        f"task {task_id} has no amounts{what} that are unknown",
        hint="'taskdeck budgets' lists what is unknown",
        facts={"task": task_id},
    )


def _which_unit(units: Sequence[str]) -> Invalid:
    listed = ", ".join(map(safe_line, units))
    return Invalid(
        "unit.missing",
        f"amounts of several units are unknown: {listed}",
        hint="say of which the amount is with --unit",
        facts={"units": listed},
    )
