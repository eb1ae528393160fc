"""Equality of values as expressions have it, within a limit of steps.

Used by the evaluation.
"""

from __future__ import annotations

from core.model.errors import Invalid
from core.workflows.expressions.kinds import Value

STEPS_MAX = 2_000_000
"""Steps that one expression may take; a step compares one item, or reads 8 items or 256 characters."""


class Meter:
    """Counts the steps of one expression."""

    def __init__(self) -> None:
        self._left = STEPS_MAX

    def spend(self, steps: int) -> None:
        """Count steps; raise `Invalid` (`expression.cost`) when there are none left."""
        self._left -= steps
        if self._left < 0:
            raise Invalid(
                "expression.cost",
                f"the expression takes more than {STEPS_MAX} steps over its values",
                hint="compute it in a task, and use what it prints",
                facts={"limit": STEPS_MAX},
            )


def equal(left: Value, right: Value, meter: Meter) -> bool:
    """Tell whether two values are equal: numbers by value, a bool and a number never."""
    pending: list[tuple[object, object]] = [(left, right)]
    while pending:
        one, other = pending.pop()
        meter.spend(1)
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            meter.spend(len(one))
            pending.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            meter.spend(len(one))
            pending.extend((value, other[key]) for key, value in one.items())
        elif isinstance(one, bool) != isinstance(other, bool) or one != other:
            return False
    return True
