"""Estimate: what a task is expected to use, by unit.

Said by documents, programs and commands; reserved by the claim.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from core.model.limits.limits import Amounts
from core.model.values import JsonValue

AUTO = "auto"
"""In the place of amounts: what earlier attempts of the task used."""


class Estimate(Struct, frozen=True, kw_only=True):
    """Amounts in millionths, and by unit the texts with expressions that outputs are needed for."""

    amounts: Amounts = field(default_factory=dict)
    expressions: Mapping[str, str] = field(default_factory=dict)
    is_auto: bool = False
    """The 95th percentile of earlier attempts stands in for amounts."""

    def to_json(self) -> JsonValue:
        """Return `auto`, or whole numbers and texts by unit."""
        return AUTO if self.is_auto else {**self.amounts, **self.expressions}

    @classmethod
    def from_json(cls, stored: JsonValue) -> Estimate:
        """Read what `to_json` wrote."""
        if not isinstance(stored, dict):
            return cls(is_auto=stored == AUTO)
        return cls(
            amounts={unit: amount for unit, amount in stored.items() if isinstance(amount, int)},
            expressions={unit: text for unit, text in stored.items() if isinstance(text, str)},
        )
