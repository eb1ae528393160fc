"""Maxima and amounts that operators give, as text.

Used by the store, which keeps the fields that differ from what is configured.
"""

from __future__ import annotations

from core.model.errors import Invalid
from core.model.limits.amounts import AMOUNT_MAX, parse_amount, write_amount
from core.model.limits.limits import MICRO, Limit, LimitKind
from core.model.limits.rates import Rate, parse_rate, shown_rate
from core.model.text import safe_line

WHOLE_MAX = 1_000_000_000
"""The largest maximum of a limit that counts attempts."""
_SHOWN = 60


def read_max(limit: Limit, to: str, *, now: int) -> int:
    """Return the maximum that a text says: attempts, or millionths of the unit; `+5` is added to `now`.

    Raises `Invalid` (`limit.max`).
    """
    text = to.strip()
    sign = -1 if text.startswith("-") else 1
    is_relative = text[:1] in ("+", "-")
    amount = _amount(limit, text[1:] if is_relative else text, said=to)
    most = AMOUNT_MAX * MICRO if limit.unit else WHOLE_MAX
    wanted = now + sign * amount if is_relative else amount
    if not 0 <= wanted <= most:
        raise _unfit(limit, to)
    return wanted


def read_rate(limit: Limit, to: str) -> Rate:
    """Return the rate that a text says; raise `Invalid` (`limit.max`)."""
    try:
        return parse_rate(to)
    except Invalid as error:
        raise _unfit(limit, to) from error


def read_signed(limit: Limit, said: str) -> int:
    """Return an amount with its sign, in millionths; raise `Invalid` (`limit.max`)."""
    text = said.strip()
    amount = _amount(limit, text[1:] if text[:1] in ("+", "-") else text, said=said)
    return -amount if text.startswith("-") else amount


def write_max(limit: Limit, amount: int) -> str:
    """Write a maximum as the configuration has it, without its unit."""
    if limit.kind is LimitKind.RATE:
        return shown_rate(limit.step_us, limit.rate)
    return write_amount(amount) if limit.unit else str(amount)


def _amount(limit: Limit, text: str, *, said: str) -> int:
    if limit.unit:
        try:
            return parse_amount(text)
        except Invalid as error:
            raise _unfit(limit, said) from error
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(WHOLE_MAX)):
        raise _unfit(limit, said)
    return int(text)


def _unfit(limit: Limit, said: str) -> Invalid:
    shown, name = safe_line(repr(said)[:_SHOWN]), safe_line(limit.name)
    match limit.kind:
        case LimitKind.RATE:
            wanted = "a number of starts per s, sec, min, hour or day, such as 60/min"
        case _ if limit.unit:
            wanted = f"an amount of {limit.unit} from 0 to {AMOUNT_MAX:,} with at most 6 decimals"
        case _:
            wanted = f"a whole number from 0 to {WHOLE_MAX:,}"
    return Invalid(
        "limit.max",
        f"{shown} does not fit `{name}`: give {wanted}",
        hint=f"give {wanted}; with a sign, such as +5, it is added"
        if limit.kind is not LimitKind.RATE
        else f"give {wanted}",
        facts={"limit": name, "value": shown, "wanted": wanted},
    )
