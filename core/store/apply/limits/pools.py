"""Carry out the operators' commands on pools.

Called by `change_capacity`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model import bounds
from core.model.commands.capacity import (
    SLOTS_MAX,
    OnPool,
    PausePool,
    ResetPool,
    ResizePool,
    ResumePool,
)
from core.model.commands.work import Operated
from core.model.errors import NotFound, TaskdeckError
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Pool
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.limits.configure import see_changes
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import pack, raw

_CHANGE = (
    "UPDATE pool SET changed = ?, changed_at = ?, changed_by = CAST(? AS TEXT),"
    " change_reason = CAST(? AS TEXT) WHERE name = CAST(? AS TEXT)"
)
_RESET = (
    "UPDATE pool SET changed = NULL, changed_at = NULL, changed_by = NULL, change_reason = NULL"
    " WHERE name = CAST(? AS TEXT)"
)
_PAUSE = (
    "UPDATE pool SET paused_at = ?, paused_by = CAST(? AS TEXT), pause_reason = CAST(? AS TEXT)"
    " WHERE name = CAST(? AS TEXT) AND paused_at IS NULL"
)
_RESUME = (
    "UPDATE pool SET paused_at = NULL, paused_by = NULL, pause_reason = NULL"
    " WHERE name = CAST(? AS TEXT) AND paused_at IS NOT NULL"
)


def resize_pool(batch: Batch, change: ResizePool, cause: Cause) -> Operated | TaskdeckError:
    """Give a pool another number of slots; the number that it has changes nothing."""
    pool = _pool(batch, change.name)
    if isinstance(pool, TaskdeckError):
        return pool
    slots = pool.slots + change.slots if change.is_added else change.slots
    if pool.slots == slots:
        return Operated(changed=0)
    if not 0 <= slots <= SLOTS_MAX:
        return bounds.refused("slots", slots, f"a whole number from 0 to {SLOTS_MAX}")
    batch.run(
        _CHANGE, pack({"slots": slots}), batch.wall, raw(cause.actor), raw(cause.reason), raw(change.name)
    )
    return _done(batch, change, cause, kind="pool.resized", facts={"slots": slots, "before": pool.slots})


def reset_pool(batch: Batch, change: ResetPool, cause: Cause) -> Operated | TaskdeckError:
    """Give a pool the slots that are configured; one that has them already stays as it is."""
    pool = _pool(batch, change.name)
    if isinstance(pool, TaskdeckError):
        return pool
    ((body, changed),) = batch.rows(
        "SELECT body, changed FROM pool WHERE name = CAST(? AS TEXT)", raw(change.name)
    )
    if changed is None:
        return Operated(changed=0)
    batch.run(_RESET, raw(change.name))
    slots = from_text(Pool, body, None).slots
    return _done(batch, change, cause, kind="pool.reset", facts={"slots": slots, "before": pool.slots})


def pause_pool(batch: Batch, change: PausePool, cause: Cause) -> Operated | TaskdeckError:
    """Claim no more for a pool; pausing what is paused changes nothing."""
    pool = _pool(batch, change.name)
    if isinstance(pool, TaskdeckError):
        return pool
    values = (batch.wall, raw(cause.actor), raw(cause.reason), raw(change.name))
    if not batch.run(_PAUSE, *values):
        return Operated(changed=0)
    return _done(batch, change, cause, kind="pool.paused", facts={})


def resume_pool(batch: Batch, change: ResumePool, cause: Cause) -> Operated | TaskdeckError:
    """Claim for a pool again."""
    pool = _pool(batch, change.name)
    if isinstance(pool, TaskdeckError):
        return pool
    if not batch.run(_RESUME, raw(change.name)):
        return Operated(changed=0)
    return _done(batch, change, cause, kind="pool.resumed", facts={})


def _done(batch: Batch, change: OnPool, cause: Cause, *, kind: str, facts: JsonObject) -> Operated:
    note: JsonObject = {"pool": change.name, **facts, **cause.note}
    batch.event(kind, Subject(), actor=cause.actor, data=note)
    see_changes(batch)
    return Operated(changed=1)


def _pool(batch: Batch, name: str) -> Pool | NotFound:
    pools: Sequence[Pool] = batch.capacity.pools
    found = next((pool for pool in pools if pool.name == name), None)
    if found is not None:
        return found
    shown = safe_line(name)
    return NotFound(
        "pool.unknown",
        f"`{shown}` is not a pool{one_of(name, [pool.name for pool in pools])}",
        hint="'taskdeck pools' lists them; [pools.NAME] of config.toml makes one",
        facts={"pool": shown},
    )
