"""Entries of the ledger as texts and as JSON.

Used by `budgets entries` and the console. Amounts are decimal text.
"""

from __future__ import annotations

from core.model.limits.amounts import write_amount
from core.model.limits.entry_views import EntryView
from core.model.values import JsonObject, to_iso


def entry_who(entry: EntryView) -> str:
    """Return the operator who made an entry, else the workflow that spent."""
    return entry.actor or entry.workflow or ""


def entry_note(entry: EntryView) -> str:
    """Say what else is known of an entry: its reason, model and price, what it took back."""
    told = [entry.reason or ""]
    if entry.model is not None:
        told.append(entry.model if entry.price is None else f"{entry.model} ({entry.price})")
    if entry.released:
        told.append(f"was unknown: {write_amount(entry.released)}")
    told += ["late"] if entry.is_late else []
    told += [f"sum of {entry.carried:,}"] if entry.carried else []
    return "; ".join(filter(None, told))


def entry_shape(entry: EntryView) -> JsonObject:
    """Return an entry as `budgets entries --json` has it; the id of what is reserved is null."""
    return {
        "id": entry.id or None,
        "at": to_iso(entry.at),
        "kind": entry.kind,
        "unit": entry.unit,
        "amount": write_amount(entry.amount),
        "counted_at": to_iso(entry.counted_at),
        "job": entry.job_id,
        "task": entry.task_id,
        "attempt": entry.epoch,
        "key": entry.key,
        "workflow": entry.workflow,
        "pool": entry.pool,
        "model": entry.model,
        "price": entry.price,
        "released": None if entry.released is None else write_amount(entry.released),
        "by": entry.actor,
        "reason": entry.reason,
        "late": entry.is_late,
        "sum_of": entry.carried,
    }
