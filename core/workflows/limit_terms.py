"""Limits, costs and `once` of tasks, their expressions worked out.

Called by the expansion with parameters, and again by the engine once outputs are known.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from core.model import bounds
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.limits.amounts import parse_amount, round_amount
from core.model.limits.estimates import AUTO, Estimate
from core.model.limits.limits import LimitRef
from core.model.limits.once import Once
from core.model.values import JsonValue
from core.workflows.definition import Defaults, Task
from core.workflows.expressions.checking import ROOTS, references
from core.workflows.expressions.kinds import kind_of, with_article
from core.workflows.expressions.paths import Path, write_steps
from core.workflows.expressions.resolving import Scope, resolve


def named_limits(task: Task, defaults: Defaults) -> tuple[LimitRef, ...]:
    """Return the limits that a task names, or else those of the defaults, expressions as they are."""
    said = task.limits if task.limits is not None else defaults.limits
    return tuple(LimitRef(name=use.limit, key=use.key) for use in said or ())


def estimate(task: Task, defaults: Defaults) -> Estimate | None:
    """Return what a task is expected to use, unit by unit its own word first; `auto` is for all units."""
    if task.cost is None and defaults.cost is None:
        return None
    if AUTO in (task.cost or defaults.cost or {}):
        return Estimate(is_auto=True)
    shared = {} if AUTO in (defaults.cost or {}) else defaults.cost
    said = {**(shared or {}), **(task.cost or {})}
    return Estimate(
        amounts={unit: amount for unit, amount in said.items() if isinstance(amount, int)},
        expressions={unit: text for unit, text in said.items() if isinstance(text, str)},
    )


def resolve_limits(
    limits: tuple[LimitRef, ...], scope: Scope, *, known: Collection[str] = ROOTS, place: Path = ()
) -> tuple[LimitRef, ...]:
    """Return limits whose keys are worked out, but for those that refer to more than the `known` roots.

    Raises `Invalid` (`expression.*`, `task.key`) that names the field, within `place`.
    """
    return tuple(
        LimitRef(name=ref.name, key=_key(ref.key, scope, (*place, "limits", number, "key")))
        if _is_known(ref.key, known)
        else ref
        for number, ref in enumerate(limits)
    )


def resolve_once(once: Once | None, scope: Scope, *, place: Path = ()) -> Once | None:
    """Return what a task says with its key worked out; raise `Invalid` (`expression.*`, `task.key`)."""
    if once is None or OPENING not in once.key:
        return once
    return Once(key=_key(once.key, scope, (*place, "once", "key")), for_=once.for_)


def resolve_cost(
    cost: Estimate, scope: Scope, *, known: Collection[str] = ROOTS, place: Path = ()
) -> Estimate:
    """Return an estimate whose amounts are worked out, but for those that refer to more than `known` roots.

    Computed numbers are rounded to the nearest millionth. Raises `Invalid` (`expression.*`, `task.cost`).
    """
    ready = {unit: text for unit, text in cost.expressions.items() if _is_known(text, known)}
    if not ready:
        return cost
    worked_out = {unit: _amount(text, scope, (*place, "cost", unit)) for unit, text in ready.items()}
    return Estimate(
        amounts={**cost.amounts, **worked_out},
        expressions={unit: text for unit, text in cost.expressions.items() if unit not in ready},
    )


def _is_known(text: str, known: Collection[str]) -> bool:
    return OPENING in text and all(reference.root in known for reference in references(text))


def _key(text: str, scope: Scope, place: Path) -> str:
    value = resolve(text, scope, place)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        _refuse("key", place, f"a text, not {with_article(kind_of(value))}")
    if not 1 <= len(value) <= bounds.NAME_MAX:
        _refuse("key", place, f"a text of 1 to {bounds.NAME_MAX} characters, not of {len(value)}")
    if OPENING in value:
        # What a parameter puts in is never an expression: it would be worked out with the outputs.
        _refuse("key", place, f"a text without {OPENING}")
    return value


def _amount(text: str, scope: Scope, place: Path) -> int:
    value: JsonValue = resolve(text, scope, place)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round_amount(value)
        return parse_amount(value)
    except Invalid as error:
        _refuse("cost", place, f"{error.facts['wanted']}, not {error.facts['value']}")


def _refuse(field: str, place: Path, wanted: str) -> NoReturn:
    raise Invalid(
        f"task.{field}",
        f"`{write_steps(place)}` must be {wanted}",
        hint="change what the expression refers to",
        facts={"field": write_steps(place), "wanted": wanted},
    )
