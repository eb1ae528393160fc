"""Stored forms of limits, pools and what attempts hold.

Used by the store; text in, nouns out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from core.model.limits.estimates import Estimate
from core.model.limits.gauges import Recent
from core.model.limits.limits import Limit, Pool
from core.model.stored_text import read_stored

T = TypeVar("T", Limit, Pool)


def to_text(one: Limit | Pool) -> str:
    """Return the stored form; equal ones have equal texts."""
    return msgspec.json.encode(one, order="sorted").decode()


def from_text(kind: type[T], body: str, changed: str | None) -> T:
    """Read a stored form, with the fields that were changed at run time in their place.

    Raises `Invalid` (`capacity.unreadable`): to go on without a limit would spend what it forbids.
    """

    def read(text: str) -> T:
        fields: dict[str, object] = msgspec.json.decode(text)
        return msgspec.convert(fields | (msgspec.json.decode(changed) if changed else {}), kind)

    return read_stored(
        read,
        body,
        code="capacity.unreadable",
        what=f"a {kind.__name__.lower()}",
        hint="its row is damaged, and 'taskdeck doctor' names it: restore a backup",
    )


def costs_of(stored: str | None) -> Mapping[str, int]:
    """Return an estimate as the column of a task has it, in millionths by unit."""
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, int])


def shown_costs(stored: str | None) -> Mapping[str, int]:
    """Return the same for what shows a task among others: nothing where it cannot be read."""
    try:
        return costs_of(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        return {}


def cost_column(cost: Estimate | None) -> str | None:
    """Return the column that `costs_of` reads; None = nothing is estimated."""
    return None if cost is None or not cost.amounts else msgspec.json.encode(dict(cost.amounts)).decode()


def held_by(stored: str | None) -> Mapping[int, int]:
    """Return what an attempt holds of metered gauges, by gauge id."""
    return {} if stored is None else msgspec.json.decode(stored, type=dict[int, int])


def pack_held(held: Iterable[tuple[int, int]]) -> str | None:
    """Return the column of `held_by`; None = nothing is held."""
    listed = dict(held)
    return msgspec.json.encode(listed).decode() if listed else None


def recent_in(stored: str) -> tuple[Recent, ...]:
    """Return the starts of a backend as the column of its gauge has them; '' = none."""
    return msgspec.json.decode(stored, type=tuple[Recent, ...]) if stored else ()


def pack_recent(recent: Iterable[Recent]) -> str:
    """Return the column of `recent_in`."""
    listed = list(recent)
    return msgspec.json.encode(listed).decode() if listed else ""


def gauges_in(stored: str) -> tuple[int, ...]:
    """Return the ids of a gauge set."""
    return msgspec.json.decode(stored, type=tuple[int, ...])
