"""Bounds of what a task says of limits, costs, pools and tags.

Used by `plans` for task specs and plans.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model import bounds
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.limits.amounts import AMOUNT_MAX, WANTED, parse_amount
from core.model.limits.estimates import AUTO, Estimate
from core.model.limits.limits import MICRO, LimitRef
from core.model.near_misses import did_you_mean
from core.model.text import safe_line

UNITS = ("usd", "tokens", "calls", "seconds")
"""The units that taskdeck knows by itself; others are names of one's own."""


def read_limits(value: object) -> tuple[LimitRef, ...]:
    """Return the limits that a loose task names, each by its name or with a key; refuse others.

    Its keys are taken as they are: nothing is there that an expression could ask for.
    """
    bounds.check_listed("limits", value, most=bounds.LIMITS_MAX)
    return tuple(map(_read_limit, _items(value)))


def _read_limit(value: object) -> LimitRef:
    ref = LimitRef(name=value) if isinstance(value, str) else value
    if not isinstance(ref, LimitRef):
        raise bounds.refused("limits", ref, "a list of names, or of limits with their keys")
    bounds.check_name("limits", ref.name)
    if ref.key != "":
        bounds.check_text("limits.key", ref.key)
    if OPENING in ref.key:
        raise bounds.refused("limits.key", ref.key, "a text without expressions")
    return ref


def read_cost(value: object) -> Estimate | None:
    """Return what a loose task is expected to use; amounts are numbers, decimal texts, or `auto` for all."""
    if value is None or value == AUTO:
        return None if value is None else Estimate(is_auto=True)
    if not isinstance(value, Mapping) or len(value) > bounds.UNITS_MAX:
        raise bounds.refused("cost", value, f"amounts of at most {bounds.UNITS_MAX} units, or {AUTO}")
    return Estimate(amounts={unit_of(unit): amount_of(unit, amount) for unit, amount in value.items()})


def unit_of(name: object) -> str:
    """Return the name of a unit; refuse what cannot be one."""
    if isinstance(name, str) and bounds.is_unit(name):
        return name
    near = did_you_mean(name, UNITS) if isinstance(name, str) else ""
    shown = safe_line(str(name)[: bounds.UNIT_MAX + 1])
    wanted = f"a name of at most {bounds.UNIT_MAX} of a-z, 0-9 and _, a letter first"
    raise Invalid(
        "task.cost",
        f"`{shown}` is not a unit of a `cost`: {wanted}{near}",
        hint=f"give {', '.join(UNITS)}, or {wanted}",
        facts={"field": "cost", "value": shown, "wanted": wanted},
    )


def amount_of(unit: str, value: object) -> int:
    """Return the millionths of an amount of a unit; refuse what is not one (`task.cost`)."""
    try:
        return parse_amount(value)
    except Invalid as error:
        field = f"cost.{safe_line(unit)}"
        shown = str(error.facts["value"])
        raise Invalid(
            "task.cost",
            f"`{field}` must be {WANTED}, not {shown}",
            hint=error.hint,
            facts={"field": field, "value": shown, "wanted": WANTED},
        ) from error


def check_estimate(value: object) -> None:
    """Refuse a plan's estimate whose units or millionths are out of bounds, or that holds expressions."""
    if value is None:
        return
    if not isinstance(value, Estimate) or value.expressions or len(value.amounts) > bounds.UNITS_MAX:
        raise bounds.refused("cost", value, f"an Estimate of amounts, of at most {bounds.UNITS_MAX} units")
    for unit, amount in value.amounts.items():
        unit_of(unit)
        bounds.check_whole("cost", amount, least=0, most=AMOUNT_MAX * MICRO)


def read_pools(value: object) -> tuple[str, ...]:
    """Return the pools that a task prefers, the first first; refuse what are not names of pools."""
    bounds.check_listed("prefer", value, most=bounds.POOLS_MAX)
    for name in _items(value):
        bounds.check_name("prefer", name)
    return tuple(map(str, _items(value)))


def read_tags(value: object) -> tuple[str, ...]:
    """Return the tags of a task; refuse what are not short texts."""
    bounds.check_listed("tags", value, most=bounds.TAGS_MAX)
    for tag in _items(value):
        bounds.check_text("tags", tag, most=bounds.TAG_MAX)
    return tuple(map(str, _items(value)))


def _items(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, tuple | list) else ()
