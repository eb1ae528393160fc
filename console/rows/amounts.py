"""Amounts and shares as people read them, exact to the millionth.

Used by the rows of budgets, limits and pools.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.limits.limits import MICRO
from core.model.text import SafeText, safe_line
from core.render.times import age_text


def amount_text(amount: int, unit: str = "") -> SafeText:
    """Write millionths with all their decimals, or a whole number of attempts without a unit."""
    return safe_line(f"{_decimal(amount)} {unit}" if unit else f"{amount:,}")


def bare_amount(amount: int, unit: str) -> SafeText:
    """Write an amount of a unit without the unit."""
    return safe_line(_decimal(amount) if unit else f"{amount:,}")


def pace_text(per_hour: float) -> str:
    """Write how much goes in an hour to three digits: it is a mean, and no exact amount."""
    if per_hour >= 100:
        return f"{per_hour:,.0f}"
    return f"{per_hour:.2f}" if per_hour >= 1 else f"{per_hour:.2g}"


def due_text(at: int | None, *, now: int) -> SafeText:
    """Write how long until a moment, in minutes at the finest; '' = never."""
    if at is None:
        return SafeText("")
    return SafeText("now" if at <= now else age_text(at - now))


def shares(parts: Sequence[int], *, width: int) -> list[int]:
    """Share the cells of a bar out in proportion; a part above 0 has a cell, as long as all have room."""
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    given = [max(1, part * width // total) if part > 0 else 0 for part in parts]
    largest = max(range(len(parts)), key=parts.__getitem__)
    while sum(given) > width and max(given) > 1:
        given[max(range(len(given)), key=given.__getitem__)] -= 1
    given[largest] += max(0, width - sum(given))
    return given


def _decimal(amount: int) -> str:
    sign = "-" if amount < 0 else ""
    units, rest = divmod(abs(amount), MICRO)
    decimals = f".{rest:06d}".rstrip("0").rstrip(".")
    return f"{sign}{units:,}{decimals}"
