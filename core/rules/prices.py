"""Prices: what reported tokens and amounts come to in the ledger.

Called by the engine for what attempts report and for charges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from core.model.limits.amounts import AMOUNT_MAX, write_amount
from core.model.limits.limits import MICRO, UNPRICED, Spent

if TYPE_CHECKING:
    from core.model.limits.limits import Price
    from core.model.limits.usage import Reported

USD, TOKENS = "usd", "tokens"


class _Key(NamedTuple):
    """What one entry of the ledger tells apart."""

    unit: str
    model: str | None
    price: str | None


_Sums: TypeAlias = dict[_Key, Fraction]


def price_of(prices: Iterable[Price], model: str, *, at: int) -> Price | None:
    """Return the price of a model at a moment (ms UTC): the last that began by then; None = it has none."""
    begun = [price for price in prices if price.model == model and price.since <= at]
    return max(begun, key=attrgetter("since"), default=None)


def price_text(price: Price) -> str:
    """Write a price as the ledger keeps it: `2.5/10 usd per 1000000 from 2026-01-01`."""
    began = datetime.fromtimestamp(price.since / 1_000, UTC)
    start = began.isoformat() if price.since % 86_400_000 else began.date().isoformat()
    since = f" from {start.replace('+00:00', 'Z')}" if price.since else ""
    return f"{write_amount(price.input)}/{write_amount(price.output)} usd per {price.per}{since}"


def cost_of(price: Price, *, input: int, output: int) -> Fraction:  # noqa: A002 # the words of prices and reports
    """Return what tokens cost, in dollars, exactly."""
    return Fraction(input * price.input + output * price.output, price.per * MICRO)


class Booked(NamedTuple):
    """Entries of what was reported, and the reports that are left out: more than can be counted."""

    spent: list[Spent]
    left_out: list[Reported]


def book(reports: Sequence[Reported], prices: Sequence[Price], *, now: int) -> Booked:
    """Return the entries of what was reported.

    What belongs together (unit, model, price) is added up exactly and rounded once, half to even. Each
    charge has entries of its own. A model without a price is booked as 0, marked `UNPRICED`; a report that
    says `usd` itself is not priced. `now` (ms UTC) is the moment of what names none; a later one is not
    believed.
    """
    spent: list[Spent] = []
    too_much: list[Reported] = []
    ordered = sorted(reports, key=lambda one: one.charge or "")
    for charge, of_charge in groupby(ordered, key=lambda one: one.charge):
        sums: _Sums = {}
        # An id that comes again is the same charge, written twice.
        for one in of_charge if charge is None else islice(of_charge, 1):
            added = _added(sums, _amounts(one, prices, now=now))
            if any(amount > AMOUNT_MAX for amount in added.values()):
                too_much.append(one)
            else:
                sums |= added
        spent += [
            Spent(
                unit=key.unit,
                amount=round(amount * MICRO),
                model=key.model,
                price=key.price,
                charge=charge,
            )
            for key, amount in sums.items()
        ]
    return Booked(spent, too_much)


def _added(sums: _Sums, amounts: _Sums) -> _Sums:
    return {key: sums.get(key, Fraction(0)) + amount for key, amount in amounts.items()}


def _amounts(one: Reported, prices: Sequence[Price], *, now: int) -> _Sums:
    amounts = {_Key(unit, one.model, None): amount for unit, amount in one.amounts.items()}
    if one.model is None or not one.input + one.output:
        return amounts
    amounts[_Key(TOKENS, one.model, None)] = Fraction(one.input + one.output)
    if USD in one.amounts:
        return amounts
    price = price_of(prices, one.model, at=now if one.at is None else min(one.at, now))
    if price is None:
        amounts[_Key(USD, one.model, UNPRICED)] = Fraction(0)
    else:
        key = _Key(USD, one.model, price_text(price))
        amounts[key] = cost_of(price, input=one.input, output=one.output)
    return amounts
