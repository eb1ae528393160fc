"""Amounts of units: decimals as people write them, in millionths.

Used by plans, documents, commands and the configuration.
"""

from __future__ import annotations

import re
from fractions import Fraction

from core.model.errors import Invalid
from core.model.limits.limits import MICRO
from core.model.text import safe_line

AMOUNT_MAX = 1_000_000_000
"""No amount is more units than this."""
WANTED = f"a number from 0 to {AMOUNT_MAX:,} with at most 6 decimals"
EXACT = f"a number from 0 to {AMOUNT_MAX:,}"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_TEXT_MAX = 60


def parse_amount(value: object) -> int:
    """Return the millionths of a decimal text or a number, exactly; raise `Invalid` (`amount.invalid`).

    A float counts as the shortest decimal that it is: 0.02 is 20,000 millionths.
    """
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) > _TEXT_MAX or not _NUMBER.fullmatch(text):
        raise _invalid(value)
    micro = Fraction(text) * MICRO
    if micro.denominator != 1 or not 0 <= micro <= AMOUNT_MAX * MICRO:
        raise _invalid(value)
    return micro.numerator


def parse_exact(value: object) -> Fraction:
    """Return a decimal text or a number exactly, with all its decimals; raise `Invalid` (`amount.invalid`).

    For what is added up before it is rounded: thousandths of a cent count, too.
    """
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) > _TEXT_MAX or not _NUMBER.fullmatch(text):
        raise _invalid(value, EXACT)
    exact = Fraction(text)
    if not 0 <= exact <= AMOUNT_MAX:
        raise _invalid(value, EXACT)
    return exact


def round_amount(value: float) -> int:
    """Return the millionths of a computed number, to the nearest; raise `Invalid` (`amount.invalid`)."""
    if isinstance(value, bool) or not 0 <= value <= AMOUNT_MAX:
        raise _invalid(value)
    return round(Fraction(value) * MICRO)


def write_amount(amount: int) -> str:
    """Write millionths as the decimal that they are: `0.02`."""
    sign = "-" if amount < 0 else ""
    units, rest = divmod(abs(amount), MICRO)
    return f"{sign}{units}.{rest:06d}".rstrip("0").rstrip(".")


def _invalid(value: object, wanted: str = WANTED) -> Invalid:
    shown = safe_line(repr(value)[:_TEXT_MAX])
    return Invalid(
        "amount.invalid",
        f"{shown} is not {wanted}",
        hint=f"give {wanted}",
        facts={"value": shown, "wanted": wanted},
    )
