"""Prices of models as nouns, exact, with bounds that catch slips.

Used by the capacity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.model.limits.limits import MICRO, Price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.config.faults import Faults
    from core.config.positions import KeyPath
    from core.config.tables import PriceTable

DEAREST = 2_000
"""Dollars for a million tokens. No model has cost a third of it; a price a million times too high is more."""
_PER_MAX = 10**15


class PlacedPrice(NamedTuple):
    """A table of a price, and its path."""

    path: KeyPath
    table: PriceTable


def prices_of(tables: Sequence[PlacedPrice], faults: Faults) -> tuple[Price, ...]:
    """Return the prices of tables, sorted by model and date; note what is out of bounds."""
    found: dict[tuple[str, int], Price] = {}
    for path, table in tables:
        model = str(path[1])
        if (model, table.since) in found:
            faults.add(path, "there is another price from the same day on")
        elif (price := _price(model, path, table, faults)) is not None:
            found[model, table.since] = price
    return tuple(found[key] for key in sorted(found))


def _price(model: str, path: KeyPath, table: PriceTable, faults: Faults) -> Price | None:
    amounts = {"input": table.input, "output": table.output}
    for key, amount in amounts.items():
        million = amount * MICRO / table.per
        if million > DEAREST:
            faults.add(
                (*path, key),
                f"is {float(million):,.0f} dollars for a million tokens, and must be at most {DEAREST:,};"
                " `per` is the number of tokens that it is the price of",
            )
            return None
    per, micro = table.per, [amount * MICRO for amount in amounts.values()]
    # Dollars of a single token have more decimals than a micro-dollar: priced by more tokens they are whole.
    while any(amount.denominator != 1 for amount in micro):
        per, micro = per * 10, [amount * 10 for amount in micro]
        if per > _PER_MAX:
            faults.add(path, "has more decimals than can be counted")
            return None
    return Price(model=model, input=micro[0].numerator, output=micro[1].numerator, per=per, since=table.since)
