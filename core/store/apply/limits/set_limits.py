"""Set maxima of limits, and freeze all spending.

Called by `change_capacity`.
"""

from __future__ import annotations

from core.model.commands.capacity import ResetLimit, SetLimit, Span
from core.model.commands.work import Operated
from core.model.errors import Invalid, NotFound, TaskdeckError
from core.model.limits.derived_limits import is_own, refusal_of
from core.model.limits.limit_changes import read_max, read_rate, write_max
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Limit, LimitKind
from core.model.near_misses import one_of
from core.model.records import replace
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.limits.configure import see_changes
from core.store.apply.limits.spent_budgets import max_now, tell_crossed, turn_before
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import pack, raw

_CHANGEABLE = ("max", "step_us", "rate", "window_max", "window_turns")
_BODY = "SELECT body FROM limit_rule WHERE name = CAST(? AS TEXT)"
_CHANGE = (
    "UPDATE limit_rule SET changed = ?, changed_at = ?, changed_by = CAST(? AS TEXT),"
    " change_reason = CAST(? AS TEXT) WHERE name = CAST(? AS TEXT)"
)
_RESET = (
    "UPDATE limit_rule SET changed = NULL, changed_at = NULL, changed_by = NULL, change_reason = NULL"
    " WHERE name = CAST(? AS TEXT)"
)
_FREEZE = (
    "UPDATE engine SET frozen_at = ?, frozen_by = CAST(? AS TEXT), freeze_reason = CAST(? AS TEXT)"
    " WHERE frozen_at IS NULL"
)
_UNFREEZE = (
    "UPDATE engine SET frozen_at = NULL, frozen_by = NULL, freeze_reason = NULL WHERE frozen_at IS NOT NULL"
)
# What waits behind these is looked at by the next claims, so many of them at a time.
_OPEN = "UPDATE gauge SET opens_at = 0 WHERE name = CAST(? AS TEXT) AND waited_for AND opens_at IS NOT 0"
# How far the next start is ahead is counted in steps: a faster rate must not wait for the slower one.
_RESCALE = (
    "UPDATE gauge SET tat_us = ?1 + (tat_us - ?1) / ?2 * ?3 + (tat_us - ?1) % ?2 * ?3 / ?2"
    " WHERE name = CAST(?4 AS TEXT) AND tat_us > ?1"
)


def set_limit(batch: Batch, change: SetLimit, cause: Cause) -> Operated | TaskdeckError:
    """Give a limit another maximum; the one that it has changes nothing. What runs runs on."""
    limit = find_limit(batch, change.name)
    if isinstance(limit, TaskdeckError):
        return limit
    try:
        wanted = _wanted(batch, limit, change)
    except Invalid as error:
        return error
    if wanted == limit:
        return Operated(changed=0)
    return _change(batch, limit, wanted, kind="limit.set", cause=cause)


def reset_limit(batch: Batch, change: ResetLimit, cause: Cause) -> Operated | TaskdeckError:
    """Give a limit the maximum that is configured; one that has it already stays as it is."""
    limit = find_limit(batch, change.name)
    if isinstance(limit, TaskdeckError):
        return limit
    configured = _configured(batch, change.name)
    if limit == configured:
        return Operated(changed=0)
    return _change(batch, limit, configured, kind="limit.reset", cause=cause)


def freeze(batch: Batch, cause: Cause) -> Operated:
    """Stop all spending: what is metered is claimed no more."""
    if not batch.run(_FREEZE, batch.wall, raw(cause.actor), raw(cause.reason)):
        return Operated(changed=0)
    return _switched(batch, cause, "spending.frozen")


def unfreeze(batch: Batch, cause: Cause) -> Operated:
    """Let what is metered be claimed again."""
    if not batch.run(_UNFREEZE):
        return Operated(changed=0)
    answer = _switched(batch, cause, "spending.unfrozen")
    for limit in batch.capacity.limits.values():
        if limit.is_metered:
            batch.gauges.change(_OPEN, raw(limit.name))
    return answer


def find_limit(batch: Batch, name: str) -> Limit | TaskdeckError:
    """Return a limit as it binds now, or why it does not, or cannot be changed by its name."""
    limits = batch.capacity.limits
    refusal = refusal_of(name, is_known=name in limits)
    if refusal is not None:
        return refusal
    if name in limits:
        return limits[name]
    shown = safe_line(name)
    return NotFound(
        "limit.unknown",
        f"`{shown}` is not a limit or budget{one_of(name, [known for known in limits if is_own(known)])}",
        hint="'taskdeck limits' and 'taskdeck budgets' list them",
        facts={"limit": shown},
    )


def _wanted(batch: Batch, limit: Limit, change: SetLimit) -> Limit:
    if change.span is Span.WINDOW:
        turns = _turns_at(batch, limit)
        most = read_max(limit, change.to, now=max_now(batch, limit))
        return replace(limit, window_max=most, window_turns=turns)
    if limit.kind is LimitKind.RATE:
        rate = read_rate(limit, change.to)
        return (
            limit
            if rate.step_us == limit.step_us
            else replace(limit, step_us=rate.step_us, rate=rate.written)
        )
    # The latest word counts, in this window too.
    most = read_max(limit, change.to, now=limit.max)
    return replace(limit, max=most, window_max=None, window_turns=0)


def _turns_at(batch: Batch, limit: Limit) -> int:
    turns = batch.rules.gauges.window_of(limit, wall=batch.wall).turns
    if limit.kind not in (LimitKind.QUOTA, LimitKind.BUDGET) or turns is None:
        name = safe_line(limit.name)
        raise Invalid(
            "limit.no_window",
            f"`{name}` has no window that turns",
            hint="set it for good",
            facts={"limit": name},
        )
    return turns


def _configured(batch: Batch, name: str) -> Limit:
    ((body,),) = batch.rows(_BODY, raw(name))
    return from_text(Limit, body, None)


def _change(batch: Batch, before: Limit, wanted: Limit, *, kind: str, cause: Cause) -> Operated:
    configured = _configured(batch, wanted.name)
    changed: JsonObject = {
        field: getattr(wanted, field)
        for field in _CHANGEABLE
        if getattr(wanted, field) != getattr(configured, field)
    }
    name = raw(wanted.name)
    turn_before(batch, before, wanted)
    if changed:
        values = (pack(changed), batch.wall, raw(cause.actor), raw(cause.reason), name)
        batch.run(_CHANGE, *values)
    else:
        batch.run(_RESET, name)
    batch.gauges.forget()
    if wanted.step_us != before.step_us:
        batch.gauges.change(_RESCALE, batch.now * 1_000, before.step_us, wanted.step_us, name)
    note: JsonObject = {**_note(batch, before, wanted), **cause.note}
    batch.event(kind, Subject(), actor=cause.actor, data=note)
    see_changes(batch)
    batch.gauges.change(_OPEN, name)
    tell_crossed(batch, before, wanted)
    return Operated(changed=1)


def _note(batch: Batch, before: Limit, wanted: Limit) -> JsonObject:
    note: JsonObject = {
        "limit": wanted.name,
        "max": write_max(wanted, max_now(batch, wanted)),
        "before": write_max(before, max_now(batch, before)),
    }
    if wanted.unit:
        note["unit"] = wanted.unit
    if wanted.window_max is not None:
        note["until"] = wanted.window_turns
    return note


def _switched(batch: Batch, cause: Cause, kind: str) -> Operated:
    batch.event(kind, Subject(), actor=cause.actor, data=cause.note)
    see_changes(batch)
    return Operated(changed=1)
